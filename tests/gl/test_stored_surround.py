"""A surround that was made one evening is shown the next morning: the same world, from its take."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cases import slow_but
from tests.gl.conftest import with_two_walls
from vpengine.app import App, RunOptions
from vpengine.cli.film import read_take
from vpengine.compose.surround import Surrounds
from vpengine.control import declared
from vpengine.control.triggers import RefreshTrigger, SceneTrigger
from vpengine.files import read_files
from vpengine.frames.feed import Feed
from vpengine.gpu.transfer import download
from vpengine.player import Player
from vpengine.takes.surround import stored_faces
from vpengine.view.surround import FACES

LOOK = "controls.look = { night = 0.02, dust = 0.8 }"  # the drill works, and tints at random
OUTER = ((declared.INNER_VISIBLE, "0"),)
HELD = ((declared.NEURAL_HOLD, "1"),)
WALLS = ("wall:main", "wall:side")
MakeShow = Callable[[App], Any]


def psnr_db(ours: Any, theirs: Any) -> float:
    squared = np.mean((ours.astype(float) - theirs.astype(float)) ** 2)
    return float(10.0 * np.log10(255.0**2 / max(squared, 1e-9)))


def with_surround(stage: Path, slug: str, take: str) -> None:
    show = stage.parent / "show.toml"
    text = show.read_text(encoding="utf-8").replace(f'slug = "{slug}"', f'slug = "{slug}"\nsurround = "{take}"')
    show.write_text(text, encoding="utf-8")


@contextmanager
def running(stage: Path, make_show: MakeShow, take: str, controls: Any, scene: str = "first") -> Any:
    folder = stage.parent / take
    options = RunOptions(
        stage, headless=True, unpaced=True, log_folder=folder, controls=controls, scene=scene, remember=False
    )
    with App(options) as app:
        app.wait_until_ready()
        yield make_show(app)


def whole(show: Any) -> None:
    """All of the surround has come, faded in, and rests."""
    surrounds, scenes = show.app.compositor.surrounds, show.app.desk.scenes
    show.until(lambda: surrounds.coverage(scenes.location) == 1.0)
    show.until(
        lambda: not any(face.coming for station in surrounds._stations.values() for face in station.faces.values())
    )
    show.seconds(1.0)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The one evening's take, once there is one, and what its walls showed."""
    return tmp_path_factory.mktemp("kept") / "evening", {}


@pytest.fixture
def evening(small_stage: Path, make_show: MakeShow, kept: tuple[Path, dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """The stage, and what its walls showed in the end, all round; beside it a copy of the take."""
    take, shown = kept
    stage, show_file = with_two_walls(small_stage, "drill"), small_stage.parent / "show.toml"
    text = show_file.read_text(encoding="utf-8").replace('name = "Test"', f'name = "Test"\n{LOOK}')
    show_file.write_text(text, encoding="utf-8")
    if not take.exists():
        with running(stage, make_show, "evening", OUTER) as show:
            whole(show)
            shown |= {feed: show.pixels(feed) for feed in WALLS}
        shutil.copytree(stage.parent / "evening", take)
    else:
        shutil.copytree(take, stage.parent / "evening")
    return stage, shown


@pytest.mark.parametrize("swapped", slow_but("False", [False, True]))
def test_next_morning_the_world_is_the_same_and_nothing_is_made(
    evening: tuple[Path, dict[str, Any]], make_show: MakeShow, swapped: bool
) -> None:
    """Held from the start; the drill could never make it again. A film of the morning shows what the morning did.

    swapped: the scenes, so that its location is called by the other's name.
    """
    stage, before = evening
    with_surround(stage, "first", "evening")
    if swapped:
        show_file = stage.parent / "show.toml"
        head, first, second = show_file.read_text(encoding="utf-8").split("[[scene]]")
        show_file.write_text("[[scene]]".join((head, second, first)), encoding="utf-8")
    run: list[Any] = []
    with running(stage, make_show, "morning", (*OUTER, *HELD)) as show:
        for _ in range(60):
            show.frames(1)
            run.append({feed: show.pixels(feed) for feed in WALLS})
        whole(show)
        after = {feed: show.pixels(feed) for feed in WALLS}
        show.app.desk.controls.set(declared.INNER_VISIBLE, True)
        show.frames(2)
        inner = show.pixels("wall:main")
        assert show.app.generator.health.images == 0
        assert not show.app.loop.executor.failures
    for feed in WALLS:
        assert psnr_db(before[feed], after[feed]) > 40.0
        assert psnr_db(before[feed], run[0][feed]) < 25.0, "the plate looks otherwise"
    assert psnr_db(before["wall:main"], inner) > 30.0
    with Player(stage.parent / "morning", read_take(stage.parent / "morning")) as player:
        for shown, frame in zip(run, player.frames(), strict=False):
            pictures = player.draw(frame, [Feed("wall", "main"), Feed("wall", "side")])
            for feed in WALLS:
                assert np.array_equal(download(pictures[feed].color)[..., :3][::-1], shown[feed])


@pytest.mark.slow
def test_it_comes_again_with_its_scene_and_the_generator_leaves_it_alone(
    evening: tuple[Path, dict[str, Any]], make_show: MakeShow
) -> None:
    """Not held, with the look that it was made with: also where that is dissolved to. A refresh makes it anew."""
    stage, before = evening
    with_surround(stage, "first", "evening")
    with running(stage, make_show, "morning", OUTER) as show:
        whole(show)
        show.go("second")
        show.until(lambda: show.app.compositor.surrounds.coverage("pattern-2") == 1.0)
        show.go("first")
        show.settle()
        whole(show)
        show.seconds(2.0)
        after = {feed: show.pixels(feed) for feed in WALLS}
        images = show.app.generator.health.images
        refreshed = show.newest.tick.number
        show.app.inbox.add(RefreshTrigger())
        show.until(lambda: show.app.generator.health.images > images + FACES)
        whole(show)
        anew = {feed: show.pixels(feed) for feed in WALLS}
    for feed in WALLS:
        assert psnr_db(before[feed], after[feed]) > 40.0
        assert np.abs(before[feed].astype(int) - anew[feed]).max() >= 3  # by chance little, but never nothing
    assert faces_in(stage.parent / "morning", until=refreshed).count("pattern") == 2 * FACES


@pytest.mark.parametrize("stored", slow_but("True", [True, False]))
def test_what_stands_by_has_its_surround_in_its_first_frame(
    evening: tuple[Path, dict[str, Any]], make_show: MakeShow, stored: bool
) -> None:
    """From a take, or generated while nobody sees it. A film shows the same."""
    stage, before = evening
    show_file = stage.parent / "show.toml"
    text = show_file.read_text(encoding="utf-8").replace("dissolve_s = 0.2", "dissolve_s = 0")
    show_file.write_text(text, encoding="utf-8")
    if stored:
        with_surround(stage, "first", "evening")
    with running(stage, make_show, "morning", (*OUTER, *(HELD if stored else ())), "second") as show:
        surrounds = show.app.compositor.surrounds
        show.app.inbox.add(SceneTrigger("goto", "first", "preview"))
        show.until(lambda: surrounds.coverage("pattern") == 1.0)
        show.seconds(1.0)
        show.go("first")
        show.frames(1)
        first = {feed: show.pixels(feed) for feed in WALLS}
        number = show.newest.tick.number
        assert show.newest.program.shares == (("pattern", 1.0),)
        show.frames(1)
        assert (show.app.generator.health.images == 0) is stored
        assert not show.app.loop.executor.failures
    for feed in WALLS if stored else ():
        assert psnr_db(before[feed], first[feed]) > 40.0
    with Player(stage.parent / "morning", read_take(stage.parent / "morning")) as player:
        for frame in player.frames():
            pictures = player.draw(frame, [Feed("wall", "main"), Feed("wall", "side")])
            if frame.tick.number == number:
                assert player.compositor.surrounds.coverage("pattern") == 1.0
                for feed in WALLS:
                    assert np.array_equal(download(pictures[feed].color)[..., :3][::-1], first[feed])


def faces_in(take: Path, until: int) -> list[str]:
    """The location of each face that came before a tick."""
    lines = map(json.loads, (take / "frames.jsonl").read_text(encoding="utf-8").splitlines())
    items = (item for line in lines if line["tick"][0] <= until for item in line["keyframes"])
    return [item["location"] for item in items if "face" in item]


def test_what_a_frame_fails_to_take_in_comes_again(
    evening: tuple[Path, dict[str, Any]], make_show: MakeShow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held: nobody else would make it."""
    stage, before = evening
    with_surround(stage, "first", "evening")
    with running(stage, make_show, "morning", (*OUTER, *HELD)) as show:
        add, calls = Surrounds.add, []

        def failing(*arguments: Any) -> None:
            calls.append(arguments)
            if len(calls) == 3:
                raise RuntimeError("no room")
            add(*arguments)

        monkeypatch.setattr(Surrounds, "add", failing)
        whole(show)
        assert show.app.loop.executor.failures == {"surround": 1}
        assert show.app.generator.health.images == 0
        assert psnr_db(before["wall:main"], show.pixels("wall:main")) > 40.0


def test_a_damaged_face_is_generated(
    evening: tuple[Path, dict[str, Any]], make_show: MakeShow, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be seen at the start is told in one sentence, and the show goes on."""
    stage, _ = evening
    take = stage.parent / "evening"
    with_surround(stage, "first", "evening")
    path = take / "keyframes" / f"{stored_faces(take, 'pattern')[2].line['number']}.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    arrays["bias"][3, 4] = np.inf
    np.savez(path, **arrays)
    with running(stage, make_show, "morning", OUTER) as show:
        whole(show)
        made = show.newest.tick.number
    assert len(faces_in(stage.parent / "morning", until=made)) == FACES
    assert [text for text in caplog.messages if "surround" in text] == [
        f"{take}: a face of its surround is damaged ({path.name}: bias has NaN or infinity in it); it is generated."
    ]


def test_a_take_that_goes_before_the_start_is_one_sentence(
    evening: tuple[Path, dict[str, Any]], make_show: MakeShow, caplog: pytest.LogCaptureFixture
) -> None:
    """After the files were read: its folder is the log of this very run, say. The show generates as usual."""
    stage, _ = evening
    with_surround(stage, "first", "evening")
    files = read_files(stage, None)
    shutil.rmtree(stage.parent / "evening")
    with App(RunOptions(stage, headless=True, unpaced=True, remember=False), files) as app:
        app.wait_until_ready()
        whole(make_show(app))
    (told,) = (text for text in caplog.messages if "surround" in text)
    assert told.startswith(f"scene first: {stage.parent / 'evening'}: not a take: there is no frames.jsonl in it. ")
    assert told.endswith("Its surround is generated.")
