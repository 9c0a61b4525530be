"""A take drawn again by the files of now: of an older version, or by a stage and a show that changed since."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from typer.testing import CliRunner

from vpengine.app import App, RunOptions
from vpengine.cli.film import feed_file, feeds_named, film_feeds, read_take, record_take, shoot
from vpengine.cli.main import app as cli
from vpengine.compose import keyframe_textures, neural
from vpengine.control import declared
from vpengine.control.looks import look_address
from vpengine.errors import UserError
from vpengine.frames.feed import Feed
from vpengine.gpu.transfer import download
from vpengine.player import Player
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose


@pytest.fixture
def take(small_stage: Path) -> Path:
    """Three frames."""
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    small_stage.write_text(text, encoding="utf-8")
    folder = small_stage.parent / "take"
    with App(RunOptions(small_stage, headless=True, unpaced=True, log_folder=folder, remember=False)) as app:
        app.run_frames(3)
    return folder


def change(take: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    """Every line."""
    path = take / "frames.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        alter(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_a_control_that_an_older_take_does_not_know_has_its_default(take: Path) -> None:
    change(take, lambda line: line["controls"].pop(declared.WALL_DITHER, None))
    with Player(take, read_take(take)) as player:
        frames = list(player.frames())
        assert shoot(player, frames[-1])[0].camera.mean() > 1.0
    assert [frame.controls[declared.WALL_DITHER] for frame in frames] == [True] * 3


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        (
            "show.toml",
            'kind = "pattern"',
            'kind = "none"',
            "it shows the location 'pattern', which the show does not have",
        ),
        ("stage.toml", 'id = "1"', 'id = "B"', "its cameras are 1, and the stage's is B"),
    ],
)
def test_files_that_changed_too_much_are_one_sentence(
    take: Path, file: str, before: str, after: str, says: str
) -> None:
    path = take.parent / file
    text = path.read_text(encoding="utf-8").replace(before, after).replace('camera = "1"', f'camera = "{after[6:7]}"')
    path.write_text(text.replace('style = "checker"\n', "") if file == "show.toml" else text, encoding="utf-8")
    with Player(take, read_take(take)) as player, pytest.raises(UserError, match=says):
        list(player.frames())


def test_keyframes_come_in_where_they_came_in(small_stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, with keyframes that three frames bring in, and although each frame of a film is looked at twice."""
    for module in (keyframe_textures, neural):
        monkeypatch.setattr(module, "BYTES_A_FRAME", 96 * 56 * 20 * 2 // 5)
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    small_stage.write_text(text.replace('generator = "none"', 'generator = "drill"'), encoding="utf-8")
    take = small_stage.parent / "take"
    run: list[np.ndarray] = []
    controls = ((declared.NEURAL_AMOUNT, "1"),)
    with App(RunOptions(small_stage, headless=True, log_folder=take, controls=controls, remember=False)) as app:
        monkeypatch.setattr(app.loop.governor, "note", lambda *_: None)  # a film has what a slow machine leaves out
        app.wait_until_ready()
        for number in range(48):
            app.desk.controls.set(look_address("night"), 0.02 + 0.02 * (number % 2))
            app.run_frames(1)
            run.append(download(app.loop.executor.pictures["wall:main"].color).copy())
        assert app.generator.health.images > 3
    with Player(take, read_take(take)) as player:
        film = []
        for frame in player.frames():
            film.append(download(player.draw(frame, [Feed("wall", "main")])["wall:main"].color).copy())
            player.draw_stale(frame)
    assert len(film) == len(run) == 48
    assert np.ptp([picture.mean() for picture in run]) > 5.0  # the generator's pictures are on the wall
    assert all(np.array_equal(*pair) for pair in zip(run, film, strict=True))


def test_a_keyframe_is_drawn_in_its_own_resolution(take: Path) -> None:
    """Whatever the stage asks now, or a governor asked then; what no driver could draw is one sentence."""
    view = partial(camera_view, Pose((0.0, 0.0, 1.6)), Lens((24.89, 14.0), 24.0))
    with Player(take, read_take(take)) as player:
        for size in ((48, 28), (96, 56), (130, 70)):
            assert player.redraw("pattern", view(size), 0).color.shape == (size[1], size[0], 3)
        with pytest.raises(UserError, match=r"1000000 x 9 pixels; this graphics driver takes up to"):
            player.redraw("pattern", view((1_000_000, 9)), 0)


def frames_of(film: Path) -> list[np.ndarray]:
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_any_feed_of_a_take_is_filmed(take: Path, tmp_path: Path) -> None:
    """With its own size, an odd row or column left out; a preview in which nothing stood by is black."""
    files = read_take(take)
    feeds = feeds_named(files, ["wall:main", "world:1", "world:1@preview"])
    with Player(take, files) as player:
        film_feeds(player, {feed: tmp_path / feed_file(feed) for feed in feeds}, lambda: None)
        pictures = player.draw(list(player.frames())[-1], feeds)
        wall = download(pictures["wall:main"].color)[..., :3].astype(float)
    films = {name: frames_of(tmp_path / name) for name in ("wall-main.mp4", "world-1.mp4", "world-1-preview.mp4")}
    assert {name: (len(each), each[0].shape) for name, each in films.items()} == {
        "wall-main.mp4": (3, (96, 192, 3)),
        "world-1.mp4": (3, (82, 144, 3)),
        "world-1-preview.mp4": (3, (82, 144, 3)),
    }
    assert np.abs(films["wall-main.mp4"][-1] - wall).mean() < 12.0
    assert wall.std() > 20.0
    assert films["world-1.mp4"][-1].std() > 20.0
    assert films["world-1-preview.mp4"][-1].max() < 4


def test_a_feed_that_the_stage_has_not_is_one_sentence(take: Path) -> None:
    with pytest.raises(UserError, match=r"--feed 'wall:mian': this stage has no such feed; did you mean 'wall:main'\?"):
        feeds_named(read_take(take), ["wall:mian"])


def test_a_take_of_a_stage_without_a_wall_is_filmed_as_its_cameras_world(small_stage: Path, tmp_path: Path) -> None:
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    wall = text[text.index("[[wall]]") : text.index("[[tracking]]")]
    small_stage.write_text(text.replace(wall, "").replace('wall = "main"', 'feed = "world:1"'), encoding="utf-8")
    folder = tmp_path / "take"
    with App(RunOptions(small_stage, headless=True, unpaced=True, log_folder=folder, remember=False)) as app:
        app.run_frames(3)
        live = download(app.loop.executor.pictures["world:1"].color)[..., :3].astype(float)
    record_take(folder, tmp_path / "recorded.mp4", lambda: None)
    recorded = frames_of(tmp_path / "recorded.mp4")[-1]
    assert live.std() > 20.0
    assert np.abs((recorded - live[:82, :144]).mean(axis=-1)).mean() < 5.0  # in grey: a film halves its colours
    done = CliRunner().invoke(cli, ["film", str(folder), "--out", str(tmp_path / "films")])
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["world-1.mp4"]
    assert len(frames_of(tmp_path / "films" / "world-1.mp4")) == 3


def test_a_player_leaves_nothing_behind_also_where_it_cannot_be_built(
    take: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaders() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name == "plate-loader"]

    with Player(take, read_take(take)) as player:
        player.draw(next(player.frames()), [player.main_feed])
        assert player._pool.lent
    assert player._pool.lent == player._pool.resting == 0
    assert loaders() == []

    def broken(*_: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr("vpengine.player.TargetPool", broken)
    with pytest.raises(RuntimeError, match="it broke"), Player(take, read_take(take)):
        pass
    assert loaders() == []
