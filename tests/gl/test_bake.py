"""A look is baked: it is shown where there is no generator any more, as it was, and a film of that has it so too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.gl.conftest import with_two_walls
from vpengine.app import App, RunOptions
from vpengine.cli.bake import bake
from vpengine.cli.film import read_take
from vpengine.control import declared
from vpengine.control.messages import ControlChange
from vpengine.frames.feed import Feed
from vpengine.gpu.transfer import download
from vpengine.player import Player
from vpengine.view.surround import FACES

LOOK = "controls.look = { night = 0.02 }"  # the drill works, and darkens all by the same
TINTED = "controls.look = { night = 0.02, dust = 0.8 }"  # at random
WALLS = ("wall:main", "wall:side")
MakeShow = Callable[[App], Any]


def psnr_db(ours: Any, theirs: Any) -> float:
    squared = np.mean((ours.astype(float) - theirs.astype(float)) ** 2)
    return float(10.0 * np.log10(255.0**2 / max(squared, 1e-9)))


def running(stage: Path, log: str | None = None) -> App:
    folder = stage.parent / log if log else None
    return App(RunOptions(stage, headless=True, unpaced=True, log_folder=folder, scene="first", remember=False))


def whole(show: Any) -> None:
    """All of the surround has come, and rests."""
    surrounds, scenes = show.app.compositor.surrounds, show.app.desk.scenes
    show.until(lambda: surrounds.coverage(scenes.location) == 1.0)
    show.seconds(2.0)


def edited(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def baked(small_stage: Path, make_show: MakeShow, capsys: pytest.CaptureFixture[str]) -> tuple[Path, dict[str, Any]]:
    """A stage whose first scene is baked and which has no generator now, and what its walls showed before."""
    stage, show_file = with_two_walls(small_stage, "drill"), small_stage.parent / "show.toml"
    edited(show_file, 'name = "Test"', f'name = "Test"\n{LOOK}')
    with running(stage, "evening") as app:
        app.wait_until_ready()
        show = make_show(app)
        whole(show)
        before = {feed: show.pixels(feed) for feed in WALLS}
    bake(stage.parent / "evening", "first", stage.parent / "bake")
    said = capsys.readouterr()
    assert "100 percent of what is seen all round one place is baked." in said.out + said.err
    assert 'the line baked = "bake"' in said.out + said.err
    edited(stage, 'generator = "drill"', 'generator = "none"')
    edited(show_file, f"\n{LOOK}", "")
    edited(show_file, 'slug = "first"', 'slug = "first"\nbaked = "bake"')
    return stage, before


def test_the_walls_show_what_was_baked_without_a_generator(
    baked: tuple[Path, dict[str, Any]], make_show: MakeShow
) -> None:
    stage, before = baked
    run: list[dict[str, Any]] = []
    with running(stage, "morning") as app:
        app.wait_until_ready()
        show = make_show(app)
        for _ in range(40):
            show.frames(1)
            run.append({feed: show.pixels(feed) for feed in WALLS})
        whole(show)
        after = {feed: show.pixels(feed) for feed in WALLS}
        assert app.report()["surround"]["coverage_percent"] == 100.0
        assert not app.loop.executor.failures
        show.go("second")
        show.settle()
        show.seconds(1.0)
        assert show.newest.program.bake is None
        show.go("first")
        show.settle()
        whole(show)
        again = {feed: show.pixels(feed) for feed in WALLS}
        app.inbox.add(ControlChange(declared.NEURAL_BAKED, False))
        show.until(lambda: app.compositor.surrounds.coverage("pattern") == 0.0)
        show.seconds(1.0)
        plate = {feed: show.pixels(feed) for feed in WALLS}
    for feed in WALLS:
        assert psnr_db(before[feed], after[feed]) > 45.0
        assert psnr_db(before[feed], again[feed]) > 45.0
        assert psnr_db(before[feed], plate[feed]) < 25.0
        assert psnr_db(plate[feed], run[0][feed]) > 45.0, "nothing of it is there in the first frame"
    with Player(stage.parent / "morning", read_take(stage.parent / "morning")) as player:
        for shown, frame in zip(run, player.frames(), strict=False):
            pictures = player.draw(frame, [Feed("wall", "main"), Feed("wall", "side")])
            for feed in WALLS:
                assert np.array_equal(download(pictures[feed].color)[..., :3][::-1], shown[feed])


@pytest.mark.slow
def test_a_generator_that_is_there_is_not_asked_for_it(baked: tuple[Path, dict[str, Any]], make_show: MakeShow) -> None:
    """It is as soon as the operator takes the bake away, and its pictures go when it comes back."""
    stage, before = baked
    edited(stage, 'generator = "none"', 'generator = "drill"')
    edited(stage.parent / "show.toml", 'name = "Test"', f'name = "Test"\n{TINTED}')
    with running(stage) as app:
        app.wait_until_ready()
        show = make_show(app)
        whole(show)
        assert app.generator.health.images == 0
        app.inbox.add(ControlChange(declared.NEURAL_BAKED, False))
        show.until(lambda: app.generator.health.images > FACES)
        show.seconds(2.0)
        live = {feed: show.pixels(feed) for feed in WALLS}
        app.inbox.add(ControlChange(declared.NEURAL_BAKED, True))
        show.seconds(1.0)
        images = app.generator.health.images
        whole(show)
        after = {feed: show.pixels(feed) for feed in WALLS}
        assert app.generator.health.images == images
    for feed in WALLS:
        assert not np.array_equal(before[feed], live[feed])
        assert psnr_db(before[feed], after[feed]) > 45.0


@pytest.mark.slow
def test_a_bake_that_goes_before_the_start_is_one_sentence(
    baked: tuple[Path, dict[str, Any]], make_show: MakeShow, caplog: pytest.LogCaptureFixture
) -> None:
    """A picture of it that is damaged is told too, and the rest is shown."""
    stage, _ = baked
    damaged = sorted((stage.parent / "bake" / "keyframes").glob("*.npz"))[-1]
    with np.load(damaged) as stored:
        arrays = dict(stored)
    arrays["bias"][3, 4] = np.inf
    np.savez(damaged, **arrays)
    with running(stage) as app:
        app.wait_until_ready()
        show, surrounds = make_show(app), app.compositor.surrounds
        show.until(lambda: surrounds.coverage(app.desk.scenes.location) > (FACES - 1.5) / FACES)
        show.seconds(1.0)
        assert surrounds.coverage(app.desk.scenes.location) == pytest.approx((FACES - 1) / FACES)
    assert [text for text in caplog.messages if "damaged" in text] == [
        f"{stage.parent / 'bake'}: a face of its surround is damaged ({damaged.name}: bias has NaN or infinity in it); "
        "the rest of the bake is shown."
    ]
