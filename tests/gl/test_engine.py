"""The running engine, with its threads and processes, driven by other people's programs over real UDP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from tests.cases import slow_but
from tests.waiting import until, waited_s, waits_here
from vpengine import neural
from vpengine.app import App, RunOptions
from vpengine.cli.ports import free_port
from vpengine.compose.governor import Governor
from vpengine.errors import ProblemsError
from vpengine.gpu.transfer import download
from vpengine.osc import decode
from vpengine.remote.osc_control import OscControl
from vpengine.tracking.receiver import Receiver
from vpengine.view.camera import camera_view
from vpengine.view.pose import Pose
from vpengine.view.view import rays

pytestmark = pytest.mark.alone

Send = Callable[[int, str, str, list[float | str]], None]


def wall_of(app: App) -> NDArray[np.int64]:
    """What the main wall is sent now: (height, width, 3) code values."""
    return download(app.loop.executor.pictures["wall:main"].color)[..., :3].astype(int)


class Running:
    """A small stage, and a thread that acts on it while it runs."""

    def __init__(self, stage: Path, generator: str = "weather") -> None:
        self.tracking, self.control = free_port(), free_port()
        text = stage.read_text(encoding="utf-8").replace('generator = "none"', f'generator = "{generator}"')
        text = text.replace("port = 9000", f"port = {self.tracking}").replace("port = 9001", f"port = {self.control}")
        stage.write_text(text, encoding="utf-8")
        self.log = stage.parent / "take"
        self.options = RunOptions(stage, headless=True, log_folder=self.log)

    def run(self, seconds: float | None, act: Callable[[App], None]) -> App:
        """seconds: None for as long as ``act`` takes."""
        with App(self.options) as app:
            app.wait_until_ready()
            failures: list[BaseException] = []

            def guarded() -> None:
                try:
                    act(app)
                except BaseException as error:  # noqa: BLE001 - raised again below, on the test's own thread
                    failures.append(error)

            thread = threading.Thread(target=guarded)
            thread.start()
            if seconds is None:
                app.loop.run(thread.is_alive)
            else:
                app.run(seconds)
            thread.join()
            self.report = app.report()
            self.wall = wall_of(app)
        if failures:
            raise failures[0]
        return app

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in (self.log / "frames.jsonl").read_text(encoding="utf-8").splitlines()]


def with_oscsend(port: int, address: str, types: str, arguments: list[float | str]) -> None:
    subprocess.run(["oscsend", "127.0.0.1", str(port), address, types, *map(str, arguments)], check=True)


def with_liblo(port: int, address: str, types: str, arguments: list[float | str]) -> None:
    liblo = pytest.importorskip("pyliblo3")
    liblo.send(liblo.Address("127.0.0.1", port), address, *zip(types, arguments, strict=True))


def with_python_osc(port: int, address: str, types: str, arguments: list[float | str]) -> None:
    SimpleUDPClient("127.0.0.1", port).send_message(address, arguments)


SENDERS = {"oscsend": with_oscsend, "pyliblo3": with_liblo, "python-osc": with_python_osc}
POSE = [0.25, 0.5, 1.5, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("sender", slow_but("python-osc", [*SENDERS]))
def test_independent_senders_drive_a_running_engine(small_stage: Path, sender: str) -> None:
    if sender == "oscsend" and shutil.which("oscsend") is None:
        pytest.skip("oscsend (Debian's liblo-tools) is not installed")
    send: Send = SENDERS[sender]
    running = Running(small_stage, "none")

    def act(app: App) -> None:
        time.sleep(0.3)
        for _ in range(10):
            send(running.tracking, "/vp/camera/1/pose", "fffffff", POSE)
            time.sleep(0.02)
        send(running.tracking, "/vp/camera/1/lens", "fff", [35.0, 3.0, 2.8])
        send(running.control, "/vp/scene", "s", ["second"])
        send(running.control, "/vp/look/snow", "f", [0.75])

    running.run(2.5, act)
    peers = running.report["packets"].values()  # most senders take a new port for each message
    assert sum(peer["good"] for peer in peers) >= 11
    assert any(peer["last_pose"] == pytest.approx(POSE, abs=1e-6) for peer in peers)
    assert running.report["tracking_losses"]["1"] >= 1  # they fall silent long before the run ends
    assert running.report["scene"] == "second"
    last = running.lines()[-1]
    assert last["cameras"]["1"]["lens"]["pinhole_focal_length_mm"] == 35.0
    assert last["cameras"]["1"]["pose"]["position_m"] == pytest.approx(POSE[:3], abs=1e-3)
    controls: dict = {}
    for line in running.lines():
        controls |= line["controls"]
    assert controls["/vp/look/snow"] == pytest.approx(0.75)
    assert controls["/vp/look/fog"] == pytest.approx(0.6)
    mixes = [line["buses"]["program"]["mix"] for line in running.lines()]
    assert any(0.1 < mix < 0.9 for mix in mixes)


def test_who_subscribes_is_told_what_is_shown(small_stage: Path) -> None:
    """A scene that another client asks for moves this one's faders, all the way; scene and timecode are told too."""
    running = Running(small_stage, "none")
    heard: dict[str, list[object]] = {}

    def act(app: App) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tablet:
            tablet.bind(("127.0.0.1", 0))
            tablet.settimeout(30.0)
            tablet.sendto(OscMessageBuilder("/vp/subscribe").build().dgram, ("127.0.0.1", running.control))
            with_python_osc(running.control, "/vp/scene", "s", ["second"])
            while len(set(heard.get("/vp/state/timecode", ()))) < 60:  # of some two and a half seconds
                for message in decode(tablet.recv(2000)):
                    heard.setdefault(message.address, []).append(message.arguments[0])

    begun_s = time.monotonic()
    app = running.run(None, act)
    ran_s = time.monotonic() - begun_s
    assert set(heard) >= {control.address for control in app.files.controls}
    fog = heard["/vp/look/fog"]
    assert fog[-1] == pytest.approx(0.6)
    assert fog == sorted(fog)  # type: ignore[type-var]
    assert len(fog) > 3
    assert heard["/vp/state/scene"][-1] == "second"
    (subscriber,) = running.report["subscribers"].values()
    assert subscriber["packets"] < 27.0 * ran_s, "no more often than 25 times a second"


def test_what_a_sender_calls_otherwise_moves_the_camera_of_its_section(small_stage: Path) -> None:
    """The stage file's ``camera`` is moved by what names none of the stage's; focus may be at infinity."""
    running = Running(small_stage, "none")

    def act(app: App) -> None:
        for _ in range(10):
            with_python_osc(running.tracking, "/vp/camera/phone/pose", "fffffff", POSE)
            with_python_osc(running.tracking, "/vp/camera/phone/lens", "fff", [50.0, float("inf"), 2.8])
            time.sleep(0.02)

    running.run(1.0, act)
    camera = running.lines()[-1]["cameras"]["1"]
    assert camera["lens"]["focus_distance_m"] == {"non-finite": "inf"}  # JSON has no infinity
    assert camera["lens"]["pinhole_focal_length_mm"] == 50.0
    assert {name for peer in running.report["packets"].values() for name in peer["bad"]} == set()
    assert any(peer["last_pose"] == pytest.approx(POSE, abs=1e-6) for peer in running.report["packets"].values())


def test_a_fader_moved_after_its_scene_was_fired_stays_in_the_hand(small_stage: Path) -> None:
    """Both in one packet, so in one frame: the scene sets the fog to 0.6, then the hand to 0.125."""
    running = Running(small_stage, "none")
    bundle = OscBundleBuilder(IMMEDIATELY)
    for address, value in (("/vp/scene/second", 1), ("/vp/look/fog", 0.125)):
        message = OscMessageBuilder(address)
        message.add_arg(value)
        bundle.add_content(message.build())

    def act(app: App) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(bundle.build().dgram, ("127.0.0.1", running.control))

    app = running.run(1.0, act)
    assert running.report["scene"] == "second"
    assert app.desk.controls.at("/vp/look/fog", 1e9) == 0.125


LAST_M = (0.4, 0.0, 1.5)


def wall_after(
    stage: Path, generator: str, night: float, neural_keys: str = ""
) -> tuple[Running, App, NDArray[np.int64]]:
    """What the wall shows, without dither, after a camera went to LAST_M: (height, width, 3), 0 to 255."""
    folder = stage.parent / generator
    folder.mkdir()
    for file in (stage, stage.parent / "show.toml"):
        shutil.copy(file, folder)
    text = (folder / stage.name).read_text(encoding="utf-8")
    (folder / stage.name).write_text(text.replace("[neural]", f"[neural]\n{neural_keys}"), encoding="utf-8")
    running = Running(folder / stage.name, generator)
    running.options = replace(running.options, controls=(("wall.dither", "off"), ("look.night", str(night))))

    def act(app: App) -> None:
        for step in range(30):
            pose = [0.02 * min(step, 20), *LAST_M[1:], 0.0, 0.0, 0.0, 1.0]
            with_python_osc(running.tracking, "/vp/camera/1/pose", "", pose)
            time.sleep(0.05)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Governor, "note", lambda *_: None)  # a busy machine's smaller picture is another picture
        app = running.run(2.5, act)
    return running, app, running.wall


# A generator that paints all black but for a red patch, left of and above its middle.
STAMP = """
import numpy as np
from vpengine.neural.generator import Generated, Generator
from vpengine.neural.weather import Weather

class Stamp(Generator):
    controls = Weather.controls
    model_sha256 = runtime = ""

    def __init__(self, runtime):
        del runtime

    def generate(self, plate, look):
        bias = np.zeros_like(plate.color_cct)
        height, width = bias.shape[:2]
        bias[height * 3 // 8 : height * 4 // 8, width * 2 // 8 : width * 3 // 8, 0] = 0.5
        return Generated(np.zeros_like(bias), bias)
"""


def stamped_place_m(app: App, position_m: tuple[float, float, float]) -> NDArray[np.float64]:
    """Where on the wall (x, z in metres) a camera that looks ahead sees the middle of the red patch."""
    asked, camera = app.files.stage.neural, app.files.stage.cameras[0]
    view = camera_view(Pose(position_m), camera.lens(), asked.resolution, asked.overscan_percent)
    ray = rays(view, np.array([2.0 * 2.5 / 8.0 - 1.0, 1.0 - 2.0 * 3.5 / 8.0]))
    return (view.origin_m + ray * (3.0 - view.origin_m[1]) / ray[1])[[0, 2]]


def test_keyframes_reach_the_wall_and_the_log(
    small_stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the generator put beside the middle of its picture stands on the wall where the camera sees it there."""
    (tmp_path / "stamp_generator.py").write_text(STAMP, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(neural.GENERATORS, "stamp", "stamp_generator:Stamp")
    running, app, wall = wall_after(small_stage, "stamp", 0.05, "surround_resolution = 0  # stamped too")
    red = wall[..., 0] - wall[..., 1] > 60
    rows, columns = np.nonzero(red)
    seen_px = (columns.mean() + 0.5, rows.mean() + 0.5)
    x_m, z_m = stamped_place_m(app, LAST_M)
    wall_px = 32.0  # a metre: tiles of 16 pixels on half a metre, the wall's middle at x = 0, its foot on the floor
    assert seen_px == pytest.approx(((x_m + 3.0) * wall_px, (3.0 - z_m) * wall_px), abs=0.5)
    assert 100 < red.sum() < 170
    assert (wall[~red].max(axis=-1) > 10).mean() < 0.01, "the plate is seen nowhere: it was painted over"
    numbers = [keyframe["number"] for line in running.lines() for keyframe in line["keyframes"]]
    assert running.report["generator"]["images"] >= 5
    assert numbers == sorted(numbers)
    assert len(numbers) >= 5
    assert (running.log / "keyframes" / f"{numbers[-1]}.npz").is_file()


def test_amount_zero_asks_the_generator_for_nothing(small_stage: Path) -> None:
    """Costs nothing: a moving camera and a look, but nobody would see the answer."""
    running = Running(small_stage)
    running.options = RunOptions(running.options.stage, headless=True, controls=(("neural.amount", "0"),))

    def act(app: App) -> None:
        for step in range(20):
            with_python_osc(running.tracking, "/vp/camera/1/pose", "", [0.02 * step, 0.0, 1.5, 0.0, 0.0, 0.0, 1.0])
            time.sleep(0.05)

    running.run(1.5, act)
    assert running.report["generator"]["images"] == 0
    assert running.report["frames"] > 20


def test_a_generator_that_returns_nan_leaves_the_plate(small_stage: Path) -> None:
    """On every pixel of the wall: the camera comes to rest where it does to a rounding only."""
    _, _, plate = wall_after(small_stage, "none", night=0.45)
    running, _, wall = wall_after(small_stage, "drill", night=0.45)
    np.testing.assert_allclose(wall, plate, atol=1)
    assert plate.std() > 10.0
    assert not any(line["keyframes"] for line in running.lines())
    assert running.report["generator"]["images"] == 0
    assert running.report["generator"]["restarts"] >= 1


def test_hostile_packets_change_nothing(small_stage: Path) -> None:
    """The 20-byte bundle that freezes python-osc, and a pattern that blows up regular expressions."""
    running = Running(small_stage, "none")
    killers = [
        bytes.fromhex("2362756e646c65000000000000000001fffffffc"),
        b"/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*az\0\0,\0\0\0",
        b"\xff" * 900,
    ]

    def act(app: App) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for turn in range(1, 201):
                for packet in killers:
                    sender.sendto(packet, ("127.0.0.1", running.tracking))
                    sender.sendto(packet, ("127.0.0.1", running.control))
                # Loopback loses what finds no room: the next come when these have been read.
                until(lambda turn=turn: refused(app.receiver) == refused(app.osc_control) == turn * len(killers))  # type: ignore[misc]
        with_python_osc(running.control, "/vp/look/snow", "f", [0.5])
        until(lambda: app.desk.controls.at("/vp/look/snow", 1e9) == 0.5)

    app = running.run(None, act)
    assert len({reason for health in app.receiver.health().values() for reason in health.bad}) >= 2


def refused(door: Receiver | OscControl) -> int:
    return sum(count for health in door.health().values() for count in health.bad.values())


def test_a_broken_stage_is_told_all_at_once(small_stage: Path) -> None:
    running = Running(small_stage)
    text = running.options.stage.read_text(encoding="utf-8")
    text = text.replace('kind = "osc"', 'kind = "oscc"').replace('generator = "weather"', 'generator = "wether"')
    running.options.stage.write_text(text, encoding="utf-8")
    show = running.options.stage.parent / "show.toml"
    mistaken = show.read_text(encoding="utf-8").replace('style = "checker"', 'style = "chekcer"')
    show.write_text(mistaken, encoding="utf-8")
    with pytest.raises(ProblemsError) as raised:
        App(running.options)
    text = str(raised.value)
    assert len(raised.value.problems) == 3
    assert "did you mean 'osc'?" in text
    assert "did you mean 'weather'?" in text
    assert "show.toml" in text


def test_a_recentred_tracker_stays_so_in_the_next_run(small_stage: Path) -> None:
    """A phone started anywhere: one press, and it stands where the camera rests; undo undoes it."""
    resting = "[camera.pose]\nposition_m = [0.0, -1.0, 1.5]\n[camera.inner]"
    small_stage.write_text(small_stage.read_text(encoding="utf-8").replace("[camera.inner]", resting))
    running, poses = Running(small_stage, "none"), []

    def track(app: App, address: str | None) -> None:
        for number in range(30):
            with_python_osc(running.tracking, "/vp/camera/1/pose", "fffffff", [4.0, 2.0, 0.1, 0.0, 0.0, 0.6, 0.8])
            if number == 10 and address:
                with_python_osc(running.control, address, "i", [1])
            time.sleep(0.02)
        assert app.loop.newest is not None
        poses.append(app.loop.newest.cameras["1"].pose)

    for address in ("/vp/camera/1/recentre", None, "/vp/camera/1/recentre/undo", None):
        running.run(1.2, lambda app, address=address: track(app, address))  # type: ignore[misc]
        shutil.rmtree(running.log)
    for pose in poses[:2]:
        assert pose.position_m == pytest.approx((0.0, -1.0, 1.5), abs=1e-5)
        assert pose.rotation == pytest.approx((0.0, 0.0, 0.0, 1.0), abs=1e-5)
    for pose in poses[2:]:
        assert pose.position_m == pytest.approx((4.0, 2.0, 0.1), abs=1e-5)


def test_a_stop_that_comes_before_the_run_is_not_forgotten(small_stage: Path) -> None:
    with App(RunOptions(small_stage, headless=True, remember=False)) as app:
        app.stop()
        app.run(5.0)
        assert app.loop.times.frames == 0


def test_an_end_takes_three_seconds_whatever_is_stuck(small_stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plate that loads for ever, a disk that does not answer and a generator that hangs, all at once: what the end
    waits for them counts, for what OpenGL gives back meanwhile is the machine's.
    """
    stuck = threading.Event()
    running = Running(small_stage, "drill")
    with waits_here() as waits, App(running.options) as app:
        app.wait_until_ready()
        app.run(0.5)
        app.locations._builds["forever"] = lambda: stuck.wait(60.0) and None  # type: ignore[assignment,return-value]
        app.locations.ask("forever")
        assert app.generator.health.pid is not None
        os.kill(app.generator.health.pid, signal.SIGSTOP)
        monkeypatch.setattr(app.loop.recorder, "_line", lambda frame: stuck.wait(60.0))
        app.run(0.3)
        waits.clear()
    assert 0.0 < waited_s(waits) < 3.0
    stuck.set()
