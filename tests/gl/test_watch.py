"""run --watch: an edited show is taken in between two frames, a broken one is refused, and the walls never stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.gl.conftest import SIDE, Show
from tests.gl.test_plates_up import KINDS, gl_objects
from vpengine.app import App, RunOptions
from vpengine.cli import run as run_command
from vpengine.cli.watching import Watching, watched_in
from vpengine.control.displays import HEALTH
from vpengine.control.messages import ControlChange
from vpengine.control.triggers import CueEdit, SceneTrigger, TakeTrigger
from vpengine.files import read_files
from vpengine.operating import remembered
from vpengine.stage.watched import WatchedFiles

FOG, SNOW = "/vp/look/fog", "/vp/look/snow"

SHOW = """\
version = 1
[show]
name = "Test"
gate = "off"
[[scene]]
slug = "first"
dissolve_s = 0.2
controls.look.fog = 0.3
[scene.plate]
kind = "still"
file = "a.png"
distance_m = 8.0
[[scene]]
slug = "second"
dissolve_s = 0.2
controls.look.fog = 0.6
plate.kind = "pattern"
"""


def picture(path: Path, color: tuple[int, int, int]) -> None:
    """Nowhere black, and a border by which one sees how far it hangs."""
    image = Image.new("RGB", (96, 54), color)
    image.paste((230, 230, 230), (24, 12, 72, 42))
    image.save(path)


class Watched(Show):
    """A running show, watched: a poll before each frame, a quarter of a second of the watcher's time apart."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.now_s = 0.0
        self.watching = Watching(app, WatchedFiles(watched_in(app.files)))
        self.darkest = 255.0

    @property
    def file(self) -> Path:
        return self.app.files.show.file

    def frames(self, count: int) -> None:
        """No frame fails, and on none of them a wall's picture is gone."""
        for _ in range(count):
            self.now_s += 0.25
            self.watching.poll(self.now_s)
            super().frames(1)
            self.darkest = min(self.darkest, float(self.pixels("wall:main").mean()))
        assert not self.app.loop.executor.failures

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert old in text
        self.file.write_text(text.replace(old, new), encoding="utf-8")

    def until_taken(self) -> None:
        before = self.app.files
        self.until(lambda: self.app.files is not before)

    def until_still(self, limit: int = 200) -> None:
        """What was taken in is on the walls, alone, and what it took the place of is gone."""
        shown = {scene.slug: scene.location for scene in self.app.files.show.scenes}
        self.until(
            lambda: (
                [location for location, _ in self.newest.program.shares] == [shown[self.newest.program.scene]]
                and self.app.locations.names == set(shown.values())
            )
        )
        self.frames(2)


@pytest.fixture
def watched(two_walls: Path) -> Iterator[Watched]:
    picture(two_walls.parent / "a.png", (40, 90, 160))
    picture(two_walls.parent / "b.png", (160, 90, 40))
    (two_walls.parent / "show.toml").write_text(SHOW, encoding="utf-8")
    with App(RunOptions(two_walls, headless=True, unpaced=True)) as app:
        app.wait_until_ready()
        show = Watched(app)
        show.frames(3)
        yield show


@pytest.mark.parametrize(("old", "new"), [("8.0", "11.0"), ("a.png", "b.png")])
def test_an_edited_still_comes_on_to_the_walls_and_no_frame_is_black(watched: Watched, old: str, new: str) -> None:
    before, dark = watched.pixels("wall:main"), watched.darkest
    first = watched.app.loop.times.frames
    watched.edit(old, new)
    watched.until_taken()
    watched.until_still()
    after = watched.pixels("wall:main")
    assert (np.abs(after.astype(int) - before).max(axis=-1) > 20).mean() > 0.05
    assert watched.darkest > 0.6 * dark
    assert watched.app.loop.times.frames - first < 400
    assert watched.newest.program.location == "still~2"


def test_a_picture_painted_over_is_loaded_again(watched: Watched) -> None:
    """The show's file is the same."""
    before = watched.pixels("wall:main")
    picture(watched.file.with_name("a.png"), (160, 90, 40))
    watched.until_taken()
    watched.until_still()
    redder = watched.pixels("wall:main")[..., 0].astype(int) - before[..., 0]
    assert (redder > 20).mean() > 0.05


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('slug = "second"', 'slug = "second', "show.toml"),
        ("distance_m = 8.0", "distancem = 8.0", "distance_m"),
        ("a.png", "c.png", "c.png"),
        ("a.png", "torn.png", "torn.png"),
    ],
)
def test_a_broken_show_is_refused_with_its_lines_until_it_is_mended(
    watched: Watched, caplog: pytest.LogCaptureFixture, old: str, new: str, says: str
) -> None:
    watched.file.with_name("torn.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    before = watched.all_pixels()
    with caplog.at_level(logging.WARNING):
        watched.edit(old, new)
        watched.until(lambda: bool(watched.app.refusal))
        watched.frames(30)  # it is read again meanwhile
    lines = [record.getMessage() for record in caplog.records]
    assert sum(says in line for line in lines) == 1, lines
    assert lines[-1] == "the show stays as it was"
    shown = watched.app.board.read()
    assert shown is not None
    assert says in str(shown.displays[HEALTH])
    for feed, pixels in watched.all_pixels().items():
        np.testing.assert_array_equal(pixels, before[feed])
    watched.edit(new, old.replace("8.0", "11.0"))
    watched.until_taken()
    watched.frames(1)
    shown = watched.app.board.read()
    assert shown is not None
    assert shown.displays[HEALTH] == ""


def test_a_picture_that_comes_after_the_show_names_it_mends_it(watched: Watched) -> None:
    watched.edit("a.png", "c.png")
    watched.until(lambda: bool(watched.app.refusal))
    picture(watched.file.with_name("c.png"), (160, 90, 40))
    watched.until_taken()
    assert not watched.app.refusal


def test_a_scene_that_is_removed_stays_on_the_walls_until_another_is_asked_for(watched: Watched) -> None:
    before = watched.all_pixels()
    text = watched.file.read_text(encoding="utf-8")
    start, end = text.index("[[scene]]"), text.rindex("[[scene]]")
    watched.file.write_text(text[:start] + text[end:], encoding="utf-8")
    watched.until_taken()
    watched.frames(10)
    assert watched.newest.program.scene == "first"
    for feed, pixels in watched.all_pixels().items():
        np.testing.assert_array_equal(pixels, before[feed])
    watched.app.inbox.add(SceneTrigger("next", ""))
    watched.until(lambda: watched.newest.program.scene == "second")
    watched.until(lambda: watched.app.locations.names == {"pattern"})
    watched.app.inbox.add(SceneTrigger("goto", "first"))
    watched.frames(1)
    assert "no scene 'first'" in watched.app.desk.refusals[-1]


def test_a_scene_with_another_slug_is_the_same_scene(watched: Watched) -> None:
    before = watched.all_pixels()
    watched.edit('"first"', '"dawn"')
    watched.until_taken()
    watched.frames(3)
    assert watched.newest.program.scene == "dawn"
    for feed, pixels in watched.all_pixels().items():
        np.testing.assert_array_equal(pixels, before[feed])
    assert watched.app.osc_control._scenes == ("dawn", "second")


def test_what_an_edit_changes_of_a_scene_moves_and_what_a_hand_moved_stays(watched: Watched) -> None:
    watched.app.inbox.renew(SNOW, ControlChange(SNOW, 0.7))
    watched.frames(1)
    watched.edit("look.fog = 0.3", "look.fog = 0.9")
    watched.until_taken()
    watched.until(lambda: watched.newest.controls[FOG] == pytest.approx(0.9))
    assert watched.newest.controls[SNOW] == pytest.approx(0.7)


def test_scenes_that_are_added_can_be_shown_and_are_named_over_osc(watched: Watched) -> None:
    scene = '[[scene]]\nslug = "third"\nplate.kind = "pattern"\nplate.style = "checker"\n'
    watched.file.write_text(watched.file.read_text(encoding="utf-8") + scene, encoding="utf-8")
    watched.until_taken()
    assert watched.app.osc_control._scenes == ("first", "second", "third")
    watched.go("third")
    watched.until(lambda: watched.newest.program.location == "pattern-2")


def test_while_a_take_rolls_nothing_is_taken_in(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    files = watched.app.files
    watched.app.inbox.add(TakeTrigger("roll"))
    watched.frames(1)
    watched.edit("8.0", "11.0")
    with caplog.at_level(logging.WARNING):
        watched.until(lambda: "waits for CUT" in caplog.text)
        watched.frames(20)
    assert watched.app.files is files
    assert caplog.text.count("waits for CUT") == 1
    watched.app.inbox.add(TakeTrigger("cut"))
    watched.until_taken()


def test_an_operator_s_cues_are_kept_and_a_show_that_loses_their_scene_is_refused(watched: Watched) -> None:
    watched.app.inbox.add(CueEdit("record", "1", "mine"))
    watched.frames(1)
    watched.edit("8.0", "11.0")
    watched.until_taken()
    assert watched.app.desk.cues.now.find("1").name == "mine"
    watched.edit('"first"', '"dawn"')
    watched.until(lambda: bool(watched.app.refusal))
    assert "cue" in watched.app.refusal
    assert "first" in watched.app.refusal
    assert watched.app.desk.scenes.has("first")


def test_a_cue_that_keeps_an_edit_out_is_told_once_and_let_go_when_it_is_deleted(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """Also from the file of the cues: a hand deletes it there first."""
    watched.app.inbox.add(CueEdit("record", "1", "mine"))
    cues = watched.file.with_name("show.cues.toml")
    watched.until(cues.exists)
    cues.unlink()
    with caplog.at_level(logging.WARNING):
        watched.edit('"first"', '"dawn"')
        watched.until(lambda: bool(watched.app.refusal))
        watched.frames(40)  # it is read again four times and more meanwhile
    lines = [line for line in caplog.messages if "cue 1" in line or "stays" in line]
    assert lines == [
        "cue 1 of the running list: its scene 'first' is gone from the show; /vp/cue/delete 1 deletes it",
        "the show stays as it was",
    ]
    watched.app.inbox.add(CueEdit("delete", "1"))
    watched.until_taken()
    assert not watched.app.refusal


def render(path: Path) -> None:
    """A part more of a file that is written for long."""
    with path.open("ab") as file:
        file.write(b"more")


def test_while_a_picture_is_written_what_does_not_load_it_is_taken_in(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    files, picture_file = watched.app.files, watched.file.with_name("a.png")

    def frames(count: int) -> None:
        for _ in range(count):
            render(picture_file)
            watched.frames(1)

    frames(1)
    watched.edit("fog = 0.6", "fog = 0.7")
    watched.until(lambda: bool(render(picture_file)) or watched.app.files is not files)
    files = watched.app.files
    watched.edit("8.0", "11.0")  # which hangs it anew
    with caplog.at_level(logging.WARNING):
        watched.until(lambda: bool(render(picture_file)) or "still being written" in caplog.text)
        frames(12)
    assert watched.app.files is files
    assert [line for line in caplog.messages if "waits" in line] == [
        "show.toml: changed, and waits for a.png, still being written"
    ]
    watched.until_taken()


@pytest.mark.slow
def test_twenty_edits_leave_nothing_behind(watched: Watched) -> None:
    distances = ("8.0", "11.0", "9.0")

    def edit(number: int) -> None:
        watched.edit(f"distance_m = {distances[number % 3]}", f"distance_m = {distances[(number + 1) % 3]}")
        watched.until_taken()
        watched.until_still()

    for number in range(3):
        edit(number)
    before = gl_objects()
    for number in range(3, 23):
        edit(number)
    after = gl_objects()
    assert all(after[kind] <= before[kind] for kind in KINDS), (before, after)
    assert watched.darkest > 5.0


def test_a_take_after_an_edit_is_drawn_again_from_the_show_s_file(watched: Watched) -> None:
    """In the run the location is still~2; who reads the show finds it as still."""
    watched.edit("8.0", "11.0")
    watched.until_taken()
    watched.until_still()
    files = read_files(watched.app.options.stage, None)
    names = watched.app.take_files.names
    assert names is not None
    assert {state for state, _ in watched.newest.called(names).program.shares} <= set(files.show.plates)
    assert watched.newest.program.location not in files.show.plates


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[App], bool]], None]:
    """Ends a run of the command: act, called twice a second with the app, says when."""

    def set_act(act: Callable[[App], bool]) -> None:
        poll = run_command.Follower.poll

        def polled(self: run_command.Follower, ran_s: float) -> None:
            poll(self, ran_s)
            if act(self._app):
                raise KeyboardInterrupt

        monkeypatch.setattr(run_command.Follower, "poll", polled)

    return set_act


@pytest.mark.parametrize("is_possible", [True, False])
def test_a_changed_stage_is_built_anew_where_the_desk_stood(
    two_walls: Path,
    ending: Callable[[Callable[[App], bool]], None],
    capsys: pytest.CaptureFixture[str],
    is_possible: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apps: list[App] = []
    walls: list[tuple[int, int]] = []
    build = App._build

    def built(self: App) -> None:
        if not is_possible and len(self.files.stage.walls) == 1:
            raise OSError("no such screen")
        build(self)

    monkeypatch.setattr(App, "_build", built)
    end_s = time.monotonic() + 60.0
    text = two_walls.read_text(encoding="utf-8")
    one_wall = text[: text.index(SIDE)] + text[text.index(SIDE) + SIDE.index("[[output]]") :]

    def act(app: App) -> bool:
        if app not in apps:
            apps.append(app)
            walls.append(app.loop.executor.pictures["wall:main"].size)
            if len(apps) == 1:
                app.inbox.add(SceneTrigger("goto", "second"))
                app.inbox.renew(SNOW, ControlChange(SNOW, 0.7))
                app.inbox.add(TakeTrigger("slate", "12A"))
                app.inbox.add(TakeTrigger("roll"))
                app.inbox.add(TakeTrigger("cut"))
                for edit in (CueEdit("record", "1"), CueEdit("record", "2"), CueEdit("undo")):
                    app.inbox.add(edit)
        is_there = app.desk.scenes.shown == "second" and app.desk.takes.name.number == 2
        if len(apps) == 1 and is_there and two_walls.read_text(encoding="utf-8") != one_wall:
            two_walls.write_text(one_wall, encoding="utf-8")
        return len(apps) == 2 or time.monotonic() > end_s

    ending(act)
    options = RunOptions(two_walls, headless=True, takes=two_walls.parent / "takes")
    run_command.run_stage(options, read_files(two_walls, None), None, None, watch=True)
    assert len(apps) == 2
    assert len(apps[1].files.stage.walls) == (1 if is_possible else 2)
    desk = apps[1].desk
    assert (desk.scenes.shown, desk.controls.targets()[SNOW]) == ("second", pytest.approx(0.7))
    assert desk.takes.name.text == "12A take 2"
    assert [cue.number for cue in desk.cues.now.cues] == ["1"]
    assert [desk.cues.redo(), desk.cues.undo(), desk.cues.undo()] == ["record 2", "record 2", "record 1"]
    told = [line for line in capsys.readouterr().err.splitlines() if "dark for" in line]
    assert len(told) == 1
    assert ("built anew" if is_possible else "no such screen") in told[0]
    assert bool(apps[1].refusal) is not is_possible


def test_a_run_whose_stage_can_be_built_neither_anew_nor_again_was_not_ended(
    two_walls: Path, ending: Callable[[Callable[[App], bool]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wished that: the next run goes on where this one stood."""
    monkeypatch.setenv("VPENGINE_STATE", str(two_walls.parent / "state"))
    build, apps = App._build, list[App]()
    end_s = time.monotonic() + 30.0

    def built(self: App) -> None:
        if apps:
            raise OSError("no such screen")
        build(self)
        apps.append(self)

    def act(app: App) -> bool:
        text = two_walls.read_text(encoding="utf-8")
        if app.desk.scenes.shown != "second":
            app.inbox.add(SceneTrigger("goto", "second"))
        elif "columns = 4" in text:
            two_walls.write_text(text.replace("columns = 4", "columns = 3"), encoding="utf-8")
        return time.monotonic() > end_s

    monkeypatch.setattr(App, "_build", built)
    ending(act)
    options, files = RunOptions(two_walls, headless=True), read_files(two_walls, None)
    with pytest.raises(OSError, match="no such screen"):
        run_command.run_stage(options, files, None, None, watch=True)
    stood = remembered(files)
    assert stood is not None
    assert (stood[0].scene, stood[1]) == ("second", False)
