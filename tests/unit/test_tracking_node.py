"""The npm packages osc and node-osc drive tracking and control, and are told. Needs npm and its registry."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.waiting import until
from vpengine.cli.ports import free_port
from vpengine.control.controls import Control, Value
from vpengine.control.displays import Shown
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import CueTrigger, SceneTrigger
from vpengine.mailbox import Board, Inbox, Newest
from vpengine.remote.feedback import Feedback, encoded
from vpengine.remote.osc_control import OscControl
from vpengine.remote.thread import RemoteThread
from vpengine.tracking.osc import OscTracking
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import Source
from vpengine.tracking.receiver import Receiver

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(
        not (shutil.which("node") and shutil.which("npm")),
        reason="node and npm are not installed, which the packages osc and node-osc need",
    ),
]

SENDERS, SUBSCRIBERS = "osc_senders.cjs", "osc_subscribers.cjs"
SNOW, HOLD, CUE = "/vp/look/snow", "/vp/neural/hold", "/vp/state/cue"
PACKAGES = ("osc@2.4.5", "node-osc@11.7.1")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the packages are installed, with the scripts in it."""
    folder = tmp_path_factory.mktemp("node")
    words = ["npm", "install", "--no-audit", "--no-fund", "--omit=optional", "--prefix", str(folder), *PACKAGES]
    installed = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    if installed.returncode:
        pytest.skip(f"npm could not install {' '.join(PACKAGES)}: {installed.stderr.strip()[-200:]}")
    for name in (SENDERS, SUBSCRIBERS):
        shutil.copy(Path(__file__).with_name(name), folder)
    return folder


@pytest.mark.parametrize("library", ["osc", "node-osc"])
def test_pose_scene_and_fader_of_node(scripts: Path, library: str) -> None:
    tracking_port, control_port, buffer = free_port(), free_port(), PoseBuffer()
    inbox = Inbox[str, OperatorMessage]()
    snow = {"/vp/look/snow": Control("/vp/look/snow", "float", 0.0, "Snow.")}
    receiver = Receiver([Source(OscTracking(OscTracking.Settings(port=tracking_port)))], {"1": buffer}, Newest())
    remote = RemoteThread([OscControl("127.0.0.1", control_port, snow, inbox)])
    receiver.start()
    remote.start()
    try:
        words = ["node", str(scripts / SENDERS), library, str(tracking_port), str(control_port)]
        subprocess.run(words, check=True, timeout=60)
        told: set[OperatorMessage] = set()

        def has_told() -> bool:
            told.update(inbox.take())
            return len(told) == 2

        until(lambda: buffer.at(time.monotonic()) is not None and has_told())
        tracked = buffer.at(time.monotonic())
        assert tracked is not None
        assert tracked.pose.position_m == (1.0, -2.0, 1.5)
        assert tracked.pose.rotation == pytest.approx((0.0, 0.0, 0.6, 0.8), abs=1e-6)
        assert told == {ControlChange("/vp/look/snow", 0.75), SceneTrigger("goto", "snow-night")}
    finally:
        receiver.stop()
        remote.stop()


class Frames:
    """An engine's side of the door: takes what operators say and shows what is so; GO begins cue 1."""

    def __init__(self) -> None:
        self.inbox, self.board = Inbox[str, OperatorMessage](), Board[Shown]()
        self.controls: dict[str, Value] = {SNOW: 0.25, HOLD: False}
        self.triggers: list[OperatorMessage] = []
        self.draw()

    def draw(self) -> None:
        for message in self.inbox.take():
            if isinstance(message, ControlChange):
                self.controls[message.address] = message.value
            else:
                self.triggers.append(message)
        self.board.put(Shown(dict(self.controls), {CUE: "1 snow" if self.triggers else ""}))


@pytest.mark.parametrize("library", ["osc", "node-osc"])
def test_node_is_told_and_presses_go(scripts: Path, library: str) -> None:
    """All first; then another's fader, at which it presses GO; then the cue that runs, at which it leaves."""
    port, frames = free_port(), Frames()
    declared = {SNOW: Control(SNOW, "float", 0.25, "Snow."), HOLD: Control(HOLD, "bool", False, "Hold.")}
    feedback = Feedback(frames.board)
    remote = RemoteThread([OscControl("127.0.0.1", port, declared, frames.inbox, feedback=feedback)])
    remote.start()
    words = ["node", str(scripts / SUBSCRIBERS), library, str(port)]
    try:
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as node:
            end_s, moved = time.monotonic() + 60.0, False
            while node.poll() is None:
                if time.monotonic() > end_s:
                    node.kill()
                if not moved and any(client.packets for client in feedback.health().values()):
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                        other.sendto(encoded(SNOW, 0.75), ("127.0.0.1", port))
                    moved = True
                frames.draw()
                time.sleep(0.01)
            heard = [tuple(each) for each in json.loads(node.communicate()[0] or "[]")]
        assert set(heard[:3]) == {(SNOW, 0.25), (HOLD, 0), (CUE, "")}
        assert heard[3:] == [(SNOW, 0.75), (CUE, "1 snow")]
        assert frames.triggers == [CueTrigger("go")]
        until(lambda: not feedback.health())
    finally:
        remote.stop()
