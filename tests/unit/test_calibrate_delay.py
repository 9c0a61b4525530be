"""``vpengine calibrate delay`` on a real reader and real UDP: a picture that is late, and what cannot be said."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import typer

from tests.senders import sending
from tests.stage_text import STAGE, write
from vpengine import capture
from vpengine.capture.pace import Pace, Schedule
from vpengine.cli.calibrate_delay import delay
from vpengine.cli.ports import free_port
from vpengine.errors import UserError
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.stage.settings import Settings as Section
from vpengine.tracking.moves import MOVES
from vpengine.tracking.osc import encode_pose
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens

MOVE = MOVES["handheld"](3)
SIZE, RATE = (320, 180), Fraction(24)
LENS = Lens((24.0, 13.5), 24.0)
MARKERS_M = np.array([(x, 4.0, z) for x in (-1.6, -0.9, -0.2, 0.5, 1.2) for z in (0.6, 1.3, 2.1)])


class LateCamera:
    """Markers on a grey wall, as they were ``late_s`` ago by the machine's clock."""

    class Settings(Section):
        late_s: float = 0.0

    title = "late camera"

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self._late_s, self._pace = settings.late_s, pace

    def open(self) -> Fraction:
        self._schedule, self._number = Schedule(RATE, self._pace), 0
        return RATE

    def read(self) -> CapturedFrame | None:
        if not self._schedule.wait(self._number):
            return None
        time_s = self._schedule.time_s(self._number)
        self._number += 1
        planes = (marked(time_s - self._late_s), *(np.full((90, 160), 128, np.uint8),) * 2)
        return CapturedFrame(planes, FORMATS["yuv420p"], SIZE, Tags("bt601", "limited"), time_s)

    def close(self) -> None:
        pass


def marked(time_s: float) -> np.ndarray:
    pose = MOVE(time_s)
    assert pose is not None
    clip = np.c_[MARKERS_M, np.ones(len(MARKERS_M))] @ camera_view(pose, LENS, SIZE).clip_from_stage.T
    at = (clip[:, :2] / clip[:, 3:] * (0.5, -0.5) + 0.5) * SIZE
    across, down = (np.exp(-((np.arange(n) + 0.5 - at[:, [axis]]) ** 2) / 18.0) for axis, n in enumerate(SIZE))
    drawn = down.T @ across
    return (90.0 + 90.0 * np.minimum(drawn, 1.0)).astype(np.uint8)


def posed(now_s: float) -> bytes:
    """Where the camera is."""
    pose = MOVE(now_s)
    assert pose is not None
    return encode_pose("1", pose)


@pytest.fixture
def port() -> int:
    return free_port()


def stage(folder: Path, port: int, late_s: float, latency_ms: float = 0.0) -> Path:
    text = STAGE + f'[[capture]]\nid = "a"\nkind = "late"\ncamera = "1"\nlate_s = {late_s}\nlatency_ms = {latency_ms}\n'
    (folder / "show.toml").write_text('version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "pattern"\n')
    text = text.replace('name = "Test"', 'name = "Test"\nshow = "show.toml"').replace("port = 9000", f"port = {port}")
    return write(folder, text)


@pytest.fixture(autouse=True)
def late_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(capture.KINDS, "late", f"{__name__}:LateCamera")


@pytest.mark.alone
def test_a_late_picture_is_measured_and_said(tmp_path: Path, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with sending(port, posed):
        delay(stage(tmp_path, port, 0.12, latency_ms=40.0), seconds=6.0)
    said = capsys.readouterr().out
    found = re.search(r"its picture is ([\d.]+) ms later than its tracker \(([\d.]+) pictures", said)
    assert found, said
    # What is written already was taken off: the rest is missing.
    assert float(found[1]) == pytest.approx(80.0, abs=0.25 / 24 * 1e3)
    written = re.search(r"write latency_ms = ([\d.]+) into", said)
    assert written
    assert float(written[1]) == pytest.approx(120.0, abs=0.25 / 24 * 1e3)


def test_without_a_tracker_it_is_said(tmp_path: Path, port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        delay(stage(tmp_path, port, 0.0), seconds=2.0)
    assert ended.value.exit_code == 1
    assert "capture a: nothing came from its tracker" in capsys.readouterr().out


def test_what_there_is_none_of(tmp_path: Path, port: int) -> None:
    with pytest.raises(UserError, match="capture 'b': no such capture"):
        delay(stage(tmp_path, port, 0.0), capture="b")
    bare = stage(tmp_path, port, 0.0)
    bare.write_text(bare.read_text().split("[[capture]]")[0])
    with pytest.raises(UserError, match=r"has no \[\[capture\]\] section"):
        delay(bare)
