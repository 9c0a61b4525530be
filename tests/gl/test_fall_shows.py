"""A show in which it snows: at a density of nought nothing of it is left, and a take has the same flakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.gl.conftest import Show
from tests.gl.test_falling import STAGE
from vpengine.app import App, RunOptions
from vpengine.cli.film import read_take
from vpengine.control import declared
from vpengine.frames.feed import Feed
from vpengine.gpu.transfer import download
from vpengine.player import Player

FEEDS = ("world:1", "wall:main")
WORLD = """\
[[output]]
kind = "headless"
feed = "world:1"
"""


def begin(folder: Path, density: str, log: Path | None = None, plate: str = "pattern") -> App:
    folder.mkdir(exist_ok=True)
    (folder / "stage.toml").write_text(STAGE + WORLD, encoding="utf-8")
    show = f'version = 1\n[show]\nname = "x"\ngate = "off"\n[[scene]]\nslug = "a"\nplate.kind = "{plate}"\n'
    (folder / "show.toml").write_text(show, encoding="utf-8")
    controls = (("look.snow", "1.0"), ("neural.hold", "true"), ("fall.snow.density", density))
    return App(
        RunOptions(
            folder / "stage.toml",
            show=folder / "show.toml",
            headless=True,
            unpaced=True,
            controls=controls,
            takes=folder / "takes",
            log_folder=log,
            remember=False,
        )
    )


def seen(show: Show) -> dict[str, NDArray[Any]]:
    return {feed: show.pixels(feed).copy() for feed in FEEDS}


def test_at_a_density_of_nought_the_pictures_are_those_of_an_engine_in_which_nothing_falls(
    tmp_path: Path, make_show: Callable[[App], Show], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, the world's and the wall's, in the very frame after something fell."""
    with begin(tmp_path / "falls", "2.0") as app:
        app.wait_until_ready()
        show = make_show(app)
        show.frames(3)
        falling = seen(show)
        app.desk.controls.set(declared.FALL_SNOW_DENSITY, 0.0)
        show.frames(1)
        stopped = seen(show)
    monkeypatch.setattr("vpengine.compose.plan.fall_of", lambda *_: None)
    with begin(tmp_path / "bare", "2.0") as app:
        app.wait_until_ready()
        show = make_show(app)
        show.frames(4)
        bare = seen(show)
    for feed in FEEDS:
        np.testing.assert_array_equal(stopped[feed], bare[feed])
        assert np.abs(falling[feed].astype(int) - bare[feed]).max() > 8, feed


def test_a_take_in_which_it_snows_is_drawn_again(tmp_path: Path, make_show: Callable[[App], Show]) -> None:
    """The same flakes in the same places, bit for bit, inside the frustum and around it."""
    log, live = tmp_path / "take", []
    with begin(tmp_path / "stage", "2.0", log) as app:
        app.wait_until_ready()
        show = make_show(app)
        for _ in range(8):
            show.frames(1)
            live.append(seen(show))
    assert all(np.abs(live[1][feed].astype(int) - live[5][feed]).max() > 8 for feed in FEEDS)
    with Player(log, read_take(log)) as player:
        for frame, expected in zip(player.frames(), live, strict=True):
            drawn = player.draw(frame, [Feed("world", "1"), Feed("wall", "main")])
            for feed in FEEDS:
                np.testing.assert_array_equal(download(drawn[feed].color)[::-1, :, :3], expected[feed])


@pytest.mark.slow
def test_what_it_falls_before_follows_the_light(tmp_path: Path, make_show: Callable[[App], Show]) -> None:
    """The wall's outer picture, which lasts behind its veil, is drawn anew when the day ends."""
    with begin(tmp_path, "1.0", plate="street") as app:
        app.wait_until_ready()
        show = make_show(app)
        show.frames(3)
        day = show.pixels("wall:main")[:, :100].mean()
        app.desk.controls.set("/vp/look/night", 1.0)
        show.frames(30)
        assert show.pixels("wall:main")[:, :100].mean() < 0.6 * day


def test_a_wall_on_which_nothing_moves_is_left_as_it_is(
    tmp_path: Path, make_show: Callable[[App], Show], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all flakes are smaller than its pixels show, only the veil is before its picture, and that stays."""
    monkeypatch.setattr("vpengine.compose.falling.wall_rows", lambda *_, **__: np.zeros((0, 7), np.float32))
    with begin(tmp_path, "1.0") as app:
        app.wait_until_ready()
        show = make_show(app)
        asked: list[bool] = []
        picture = app.compositor.walls.pictures["main"]
        draw = picture.draw

        def drawn(*arguments: Any) -> None:
            asked.append(arguments[3])
            draw(*arguments)

        monkeypatch.setattr(picture, "draw", drawn)
        show.frames(3)
        asked.clear()
        show.frames(3)
        assert asked == [False] * 3
