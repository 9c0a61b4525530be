"""The desk in a running engine: SAFE, GO, the gate and a restart, judged by the pixels of the walls."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pythonosc.udp_client import SimpleUDPClient

from tests.gl.conftest import with_two_walls
from vpengine.app import App, RunOptions
from vpengine.cli.bake import bake
from vpengine.cli.film import read_take
from vpengine.cli.ports import free_port
from vpengine.control import declared
from vpengine.control.messages import ControlChange
from vpengine.control.triggers import CueTrigger, LookTrigger, SafeTrigger, SceneTrigger, TakeTrigger
from vpengine.frames.feed import Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.transfer import download
from vpengine.player import Player
from vpengine.stage.desk_files import cues_file, looks_file

LOOK = "controls.look = { night = 0.02 }"  # the drill works, and darkens
DARK = f"""
[[scene]]
slug = "dark"
dissolve_s = 0.0
plate.kind = "pattern"
{LOOK}
"""
WALLS = ("wall:main", "wall:side")
MakeShow = Callable[[App], Any]


def edited(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def stage(small_stage: Path) -> Path:
    show = small_stage.parent / "show.toml"
    show.write_text(show.read_text(encoding="utf-8") + DARK, encoding="utf-8")
    edited(show, "controls.look.fog = 0.3", "")
    return with_two_walls(small_stage, "drill")


@pytest.fixture
def running(stage: Path, make_show: MakeShow) -> Iterator[Callable[..., Any]]:
    apps: list[App] = []

    def start() -> Any:
        app = App(RunOptions(stage, headless=True, unpaced=True, remember=False, takes=stage.parent / "takes"))
        app.__enter__()
        apps.append(app)
        app.wait_until_ready()
        return make_show(app)

    yield start
    for app in apps:
        app.__exit__(None, None, None)


def walls(show: Any) -> dict[str, Any]:
    return {feed: show.pixels(feed) for feed in WALLS}


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    return all(np.array_equal(ours[feed], theirs[feed]) for feed in WALLS)


def bare(show: Any) -> dict[str, Any]:
    """The plate alone."""
    show.app.desk.controls.set(declared.NEURAL_AMOUNT, 0.0)
    show.seconds(0.5)
    plate = walls(show)
    show.app.desk.controls.set(declared.NEURAL_AMOUNT, 1.0)
    return plate


def generated(show: Any, plate: dict[str, Any], scene: str = "dark") -> dict[str, Any]:
    """The dark scene, on the program and at rest."""
    show.go(scene)
    show.until(lambda: show.app.compositor.surrounds.coverage("pattern") == 1.0)
    show.seconds(2.0)
    dark = walls(show)
    assert all(np.median(dark[feed].astype(int) - plate[feed]) < -5 for feed in WALLS)
    return dark


def test_safe_is_the_plate_alone_in_the_next_frame(running: Callable[..., Any]) -> None:
    """Also with the generator stopped and no tracker; on every wall; and it fades back to what there was."""
    show = running()
    plate = bare(show)
    dark = generated(show, plate)
    show.app.generator.close()
    show.app.inbox.add(SafeTrigger(True))
    show.frames(1)
    assert same(walls(show), plate)
    show.seconds(1.0)
    assert same(walls(show), plate)
    show.app.inbox.add(SafeTrigger(False))
    show.until(lambda: show.newest.controls[declared.NEURAL_AMOUNT] == 1.0)
    show.seconds(1.0)
    again = walls(show)
    assert all(np.abs(again[feed].astype(int) - dark[feed]).mean() < 1.0 for feed in WALLS)


def test_go_changes_the_walls_within_two_frames(stage: Path, running: Callable[..., Any]) -> None:
    """Of a cue that stood by: its plate is loaded, although no scene has shown it yet."""
    cues = cues_file(stage.parent / "show.toml")
    cues.write_text('version = 1\n[[cue]]\nnumber = "1"\nscene = "second"\ntransition = "cut"\n', encoding="utf-8")
    show = running()
    show.until(lambda: "preview" in show.newest.buses)
    show.seconds(0.5)
    before = walls(show)
    show.app.inbox.add(CueTrigger("go"))
    show.frames(2)
    assert not same(walls(show), before)
    assert show.newest.program.scene == "second"


def test_a_dip_goes_through_its_colour_on_every_wall(stage: Path, running: Callable[..., Any]) -> None:
    cue = '[[cue]]\nnumber = "1"\nscene = "second"\ntransition = "dip"\ntime_s = 2.0\ncolor = [0.0, 0.0, 0.0]\n'
    cues_file(stage.parent / "show.toml").write_text(f"version = 1\n{cue}", encoding="utf-8")
    show = running()
    show.until(lambda: "preview" in show.newest.buses)
    show.app.inbox.add(CueTrigger("go"))
    show.until(lambda: show.newest.program.dip[3] > 0.999)
    assert all(pixels.max() <= 1 for pixels in walls(show).values())
    show.until(lambda: show.newest.program.dip[3] == 0.0)
    assert all(pixels.max() > 15 for pixels in walls(show).values())


def test_what_nobody_approved_does_not_reach_the_walls_until_somebody_does(
    stage: Path, running: Callable[..., Any]
) -> None:
    edited(stage.parent / "show.toml", 'gate = "off"', 'gate = "on"')
    show = running()
    show.seconds(0.5)
    plate = walls(show)
    show.app.inbox.add(SceneTrigger("goto", "dark", "preview"))
    show.go("dark")
    show.app.inbox.add(ControlChange("/vp/look/night", 0.02))
    show.seconds(2.0)
    assert same(walls(show), plate)
    assert show.app.desk.refused == 3, "the first scene's look, the scene, the fader"
    show.app.inbox.add(LookTrigger("approve", "Ana"))
    show.frames(1)
    generated(show, plate)
    show.app.inbox.add(LookTrigger("revoke", "Ana"))
    show.frames(2)
    assert same(walls(show), plate), "what is taken back leaves the walls at once"
    show.app.keeper.close()
    assert 'by = "Ana"' in looks_file(stage.parent / "show.toml").read_text(encoding="utf-8")


def test_what_is_taken_back_is_not_on_the_walls_under_another_look_either(
    stage: Path, running: Callable[..., Any]
) -> None:
    """Pictures of it are there yet, and held: they go, and no others."""
    show_file = stage.parent / "show.toml"
    edited(show_file, 'gate = "off"', 'gate = "on"')
    other = DARK.replace('"dark"', '"other"').replace("night = 0.02 }", "night = 0.02 }\ncontrols.neural.seed = 5")
    show_file.write_text(show_file.read_text(encoding="utf-8") + other, encoding="utf-8")
    show = running()
    show.seconds(0.5)
    plate = walls(show)
    for scene in ("other", "dark"):
        show.app.inbox.add(SceneTrigger("goto", scene, "preview"))
        show.frames(2)
        show.app.inbox.add(LookTrigger("approve", "Ana"))
        show.frames(2)
    dark = generated(show, plate)
    show.app.inbox.add(ControlChange(declared.NEURAL_HOLD, True))
    show.go("other")
    show.seconds(1.0)
    assert show.newest.program.look.seed == 5
    assert same(walls(show), dark), "its pictures are held"
    show.app.inbox.add(LookTrigger("revoke", "Ana"))  # the preview's, which is the dark scene
    show.frames(2)
    again = walls(show)
    assert all(np.abs(again[feed].astype(int) - plate[feed]).max() <= 1 for feed in WALLS), "a neutral grade rounds"
    assert show.app.loop.barred() == frozenset(), "nothing of it is left"
    show.app.inbox.add(ControlChange(declared.NEURAL_HOLD, False))
    generated(show, plate, "other")


def test_while_a_take_rolls_the_surround_holds(running: Callable[..., Any]) -> None:
    show = running()
    generated(show, bare(show))
    show.app.inbox.add(TakeTrigger("roll"))
    show.frames(1)
    assert show.newest.locked
    images = show.app.generator.health.images
    show.app.loop.requests.refresh()
    show.seconds(2.0)
    assert show.app.generator.health.images <= images + 1, "the camera's own picture, and no face"


def started(stage: Path, state: Path, report: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vpengine", "run", str(stage), "--headless", "--report", str(report), *more]
    command += ["--takes", str(state / "takes")]
    return subprocess.Popen(
        command, env={**os.environ, "VPENGINE_STATE": str(state)}, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.alone
def test_a_run_that_is_killed_goes_on_at_its_cue_with_its_values(small_stage: Path, tmp_path: Path) -> None:
    """kill -9; then the same cue, the same values and the cue that was recorded, within ten seconds, or on a machine
    that starts slowly, in no more than a few times what it took the first time.
    """
    port, state, report = free_port(), tmp_path / "state", tmp_path / "report.json"
    edited(small_stage, "osc_port = 9001", f"osc_port = {port}")
    edited(small_stage, "port = 9000", "port = 0")
    cues = cues_file(small_stage.parent / "show.toml")
    cues.write_text('version = 1\n[[cue]]\nnumber = "1"\nscene = "second"\n', encoding="utf-8")
    client = SimpleUDPClient("127.0.0.1", port)
    begun_s = time.monotonic()
    with started(small_stage, state, report) as first:
        sessions = state / "shows"
        wait(lambda: sessions.is_dir() and any(sessions.glob("*.json")))
        start_s = time.monotonic() - begun_s
        for address, value in (("/vp/cue/go", 1), ("/vp/exposure/inner", -1.5), ("/vp/cue/record", "7")):
            client.send_message(address, value)
            time.sleep(0.2)  # each in a frame of its own
        (session,) = sessions.glob("*.json")
        wait(lambda: "-1.5" in session.read_text("utf-8") and 'number = "7"' in cues.read_text("utf-8"))
        client.send_message("/vp/take/roll", 1)
        wait(lambda: '"used": [["", "", 1]]' in session.read_text("utf-8"))
        first.send_signal(signal.SIGKILL)
    begun_s = time.monotonic()
    with started(small_stage, state, report, "--seconds", "2") as second:
        assert second.stderr is not None
        said = second.stderr.read()
    assert time.monotonic() - begun_s < max(10.0, 5.0 * start_s) + 2.0
    assert "goes on at cue 1" in said
    assert json.loads(report.read_text("utf-8"))["scene"] == "second"
    line = json.loads(session.read_text("utf-8"))
    assert (line["cue"], line["controls"]["/vp/exposure/inner"], line["ended"]) == ("1", -1.5, True)
    assert line["take"]["number"] == 2, "the take that was rolling has used its number"
    assert 'number = "7"' in cues.read_text("utf-8")


@pytest.mark.alone
@pytest.mark.parametrize("error", [RuntimeError("a fault"), KeyboardInterrupt(), None])
def test_a_run_that_a_fault_ends_goes_on_at_its_cue_and_one_that_somebody_ended_begins_anew(
    stage: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException | None
) -> None:
    """A service manager starts it again: SAFE is where it was."""
    monkeypatch.setenv("VPENGINE_STATE", str(stage.parent / "state"))
    cues_file(stage.parent / "show.toml").write_text('version = 1\n[[cue]]\nnumber = "1"\n', encoding="utf-8")
    options = RunOptions(stage, headless=True, unpaced=True)

    def show(app: App) -> None:
        app.inbox.add(CueTrigger("go"))
        app.inbox.add(SafeTrigger(True))
        app.run_frames(2)
        if error is not None:
            raise error

    with suppress(RuntimeError, KeyboardInterrupt), App(options) as app:
        show(app)
    with App(options) as again:
        stands = again.desk.playback.running, again.desk.safe.on
    assert stands == (("1", True) if isinstance(error, RuntimeError) else (None, False))


@pytest.mark.alone
def test_a_run_that_begins_at_a_scene_goes_on_with_the_day_s_takes(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VPENGINE_STATE", str(stage.parent / "state"))
    options = RunOptions(stage, headless=True, unpaced=True, takes=stage.parent / "takes")
    with App(options) as app:
        for action in ("roll", "cut", "roll"):
            app.inbox.add(TakeTrigger(action))
        app.run_frames(2)
    for _ in range(2):  # the second reads what the first has written
        with App(replace(options, scene="dark")) as again:
            again.run_frames(1)
            assert (again.desk.takes.name.number, again.desk.scenes.shown) == (3, "dark")


def wait(true: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 30.0
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def test_a_take_that_rolled_in_the_middle_of_a_run_is_drawn_as_it_was_shown(
    stage: Path, running: Callable[..., Any]
) -> None:
    """By itself, to the last bit, from its ROLL on; twice the same."""
    show = running()
    generated(show, bare(show))
    show.app.inbox.add(TakeTrigger("slate", "12B"))
    show.app.inbox.add(TakeTrigger("roll"))
    shown = {}
    for step in range(30):
        if step == 10:
            show.app.inbox.add(ControlChange(declared.INNER_EXPOSURE, -1.0))
        show.frames(1)
        shown[show.newest.tick.number] = walls(show)
    show.app.inbox.add(TakeTrigger("cut"))
    show.frames(2)
    show.app.take_files.close()
    take = stage.parent / "takes" / "12B-take-1"
    card = json.loads((take / "take.json").read_text("utf-8"))
    assert card["rolls_at_tick"] == min(shown)
    for _ in range(2):
        with Player(take, read_take(take)) as player:
            drawn = {frame.tick.number: drawn_walls(player, frame) for frame in player.frames()}
        assert max(drawn) == max(shown)
        for number, pictures in shown.items():
            assert same(drawn[number], pictures), number


def drawn_walls(player: Player, frame: FrameInput) -> dict[str, Any]:
    pictures = player.draw(frame, [Feed("wall", "main"), Feed("wall", "side")])
    return {feed: download(pictures[feed].color)[..., :3][::-1] for feed in WALLS}


def test_a_moment_that_was_kept_is_a_cue_a_candidate_and_a_take_of_its_own(
    stage: Path, running: Callable[..., Any]
) -> None:
    edited(stage.parent / "show.toml", 'gate = "off"', 'gate = "on"')
    show = running()
    plate = bare(show)
    show.app.inbox.add(SceneTrigger("goto", "dark", "preview"))
    show.frames(1)
    show.app.inbox.add(LookTrigger("approve", "Ana"))
    dark = generated(show, plate)
    show.app.inbox.add(LookTrigger("keep", "the accident"))
    show.frames(2)
    desk = show.app.desk
    assert [(cue.name, cue.scene) for cue in desk.cues.now.cues] == [("the accident", "dark")]
    assert [(one.name, one.status) for one in desk.gate.approvals.each][-1] == ("the accident", "candidate")
    show.app.take_files.close()
    kept = stage.parent / "takes" / "kept" / "the-accident"
    assert (kept / "thumbnail.png").is_file()
    bake(kept, "dark", stage.parent / "accident")
    with Player(kept, read_take(kept)) as player:
        last = [drawn_walls(player, frame) for frame in player.frames()][-1]
    assert all(np.abs(last[feed].astype(int) - dark[feed]).max() <= 1 for feed in WALLS)
