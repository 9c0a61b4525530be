"""The npm packages osc and node-osc drive tracking and control. Needs npm and its registry."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.senders import free_port
from vpengine.control.controls import Control
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import SceneTrigger
from vpengine.mailbox import Inbox, Newest
from vpengine.remote.osc_control import OscControl
from vpengine.remote.thread import RemoteThread
from vpengine.tracking.osc import OscTracking
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import Source
from vpengine.tracking.receiver import Receiver

pytestmark = pytest.mark.skipif(
    not shutil.which("npm"), reason="npm is not installed, which the packages osc and node-osc come from"
)

SCRIPT = Path(__file__).with_name("osc_senders.cjs")
PACKAGES = ("osc@2.4.5", "node-osc@11.7.1")


@pytest.fixture(scope="module")
def senders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script in a folder where the packages are installed."""
    folder = tmp_path_factory.mktemp("node")
    words = ["npm", "install", "--no-audit", "--no-fund", "--omit=optional", "--prefix", str(folder), *PACKAGES]
    installed = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    if installed.returncode:
        pytest.skip(f"npm could not install {' '.join(PACKAGES)}: {installed.stderr.strip()[-200:]}")
    return Path(shutil.copy(SCRIPT, folder))


@pytest.mark.parametrize("library", ["osc", "node-osc"])
def test_pose_scene_and_fader_of_node(senders: Path, library: str) -> None:
    tracking_port, control_port, buffer = free_port(), free_port(), PoseBuffer()
    inbox = Inbox[str, OperatorMessage]()
    snow = {"/vp/look/snow": Control("/vp/look/snow", "float", 0.0, "Snow.")}
    receiver = Receiver([Source(OscTracking(OscTracking.Settings(port=tracking_port)))], {"1": buffer}, Newest())
    remote = RemoteThread([OscControl("127.0.0.1", control_port, snow, inbox)])
    receiver.start()
    remote.start()
    try:
        words = ["node", str(senders), library, str(tracking_port), str(control_port)]
        subprocess.run(words, check=True, timeout=20)
        time.sleep(0.1)
        tracked = buffer.at(time.monotonic())
        assert tracked is not None
        assert tracked.pose.position_m == (1.0, -2.0, 1.5)
        assert tracked.pose.rotation == pytest.approx((0.0, 0.0, 0.6, 0.8), abs=1e-6)
        assert set(inbox.take()) == {ControlChange("/vp/look/snow", 0.75), SceneTrigger("goto", "snow-night")}
    finally:
        receiver.stop()
        remote.stop()
