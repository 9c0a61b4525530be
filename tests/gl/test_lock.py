"""World and picture are locked: a mark on the stage, as a hand-held camera with a bent lens sends it, lies on its
twin in the world. Real UDP from a tracker, a real reader, a running engine at 1280 x 720.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.senders import Sending, sending
from vpengine import capture, plates
from vpengine.app import App, RunOptions
from vpengine.capture.pace import Pace, Schedule
from vpengine.cli.ports import free_port
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.stage.settings import Settings as Section
from vpengine.tracking.moves import MOVES
from vpengine.tracking.osc import encode_pose
from vpengine.tracking.pose_buffer import BLEND_S
from vpengine.view.camera import camera_view
from vpengine.view.distortion import Distortion, distorted
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.view import View

pytestmark = pytest.mark.alone

SIZE, RATE, LATE_S = (1280, 720), Fraction(24), 0.08
MOVE = MOVES["handheld"](7)
BENT = Distortion((4e-4, 0.0, -3e-7, 0.0, 0.0, 0.0), (2e-5, -3e-5))
LENS = Lens((24.89, 14.0), 28.0, distortion=BENT)
MARK_M = np.array([0.9, 3.2, 0.95])  # off the middle, where the lens bends
RADIUS_M = 0.03
STAGE = """\
version = 1
[stage]
name = "Lock"
rate = 24
[[camera]]
id = "1"
sensor_mm = [24.89, 14.0]
pinhole_focal_length_mm = 28.0
[camera.distortion]
radial = [4e-4, 0.0, -3e-7]
tangential = [2e-5, -3e-5]
[camera.inner]
resolution = [1536, 864]
overscan_percent = 10.0
[[tracking]]
kind = "osc"
camera = "1"
port = {port}
[[capture]]
id = "a"
kind = "marked"
camera = "1"
latency_ms = 80.0
[[output]]
kind = "headless"
feed = "composite:1"
[control]
osc_port = 0
"""


def at(time_s: float) -> Pose:
    pose = MOVE(time_s)
    assert pose is not None
    return pose


def mark_px(pose: Pose) -> np.ndarray[Any, Any]:
    """(2,) pixels from the upper left corner, by the pinhole's matrices and then the lens."""
    clip = camera_view(pose, LENS, SIZE).clip_from_stage @ np.array([*MARK_M, 1.0])
    on_sensor = clip[:2] / clip[3] * (0.5 * np.array(LENS.sensor_mm)) * (1.0, -1.0)
    real = distorted(BENT, LENS, on_sensor[None, :])[0]
    return np.asarray((real / LENS.sensor_mm + 0.5) * SIZE)


class MarkedCamera:
    """Green with a black mark, as the camera saw it LATE_S before it comes."""

    class Settings(Section):
        """It has none."""

    title = "marked camera"

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self._pace = pace
        self._chroma = tuple(np.full((SIZE[1] // 2, SIZE[0] // 2), code, np.uint8) for code in (70, 60))

    def open(self) -> Fraction:
        self._schedule, self._number = Schedule(RATE, self._pace), 0
        return RATE

    def read(self) -> CapturedFrame | None:
        if not self._schedule.wait(self._number):
            return None
        time_s = self._schedule.time_s(self._number)
        self._number += 1
        x, y = mark_px(at(time_s - LATE_S))
        luma = np.full(SIZE[::-1], 120, np.uint8)
        rows, columns = (np.arange(length) + 0.5 for length in SIZE[::-1])
        drawn = np.exp(-((columns[None, :] - x) ** 2 + (rows[:, None] - y) ** 2) / 60.0)
        luma[:] = 120.0 - 100.0 * drawn
        return CapturedFrame((luma, *self._chroma), FORMATS["yuv420p"], SIZE, Tags("bt709", "limited"), time_s)

    def close(self) -> None:
        """It holds nothing."""


class MarkPlate:
    """Black, and the mark's twin, glowing, where it stands on the stage."""

    Settings = Section
    BLOCK = UniformBlock("Garbage", clip_from_mesh="mat4", kept="float")

    def __init__(self, settings: Section) -> None:
        angles = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
        rim = MARK_M + RADIUS_M * np.stack([np.cos(angles), np.zeros(24), np.sin(angles)], axis=-1)
        self._vertices = np.concatenate([MARK_M[None, :], rim])
        self._triangles = np.array([(0, 1 + n, 1 + (n + 1) % 24) for n in range(24)], np.uint32)

    def upload(self, gpu: Gpu) -> bool:
        self._pass = gpu.mesh_pass("garbage", "garbage", self.BLOCK)
        self._mesh = gpu.mesh({"position": self._vertices.astype(np.float32)}, self._triangles)
        return False

    def draw(self, target: Target, view: View) -> None:
        target.clear()
        self._pass.draw_mesh(target, self._mesh, clip_from_mesh=view.clip_from_stage, kept=0.0)

    def release(self) -> None:
        self._mesh.release()


def light(app: App, key: str) -> np.ndarray[Any, Any]:
    texture = app.loop.executor.pictures[key].color
    width, height = texture.size
    out = np.empty((height, width, 4), np.float16)
    texture.read_into(out.data.cast("B"), alignment=1)
    return out[::-1, :, :3].astype(np.float64)


def centre(weights: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    rows, columns = (np.arange(length) + 0.5 for length in weights.shape)
    return np.array([(weights * columns).sum(), (weights.T * rows).sum()]) / weights.sum()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def app(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setitem(capture.KINDS, "marked", f"{__name__}:MarkedCamera")
    monkeypatch.setitem(plates.KINDS, "mark", f"{__name__}:MarkPlate")
    stage, show = tmp_path / "stage.toml", tmp_path / "show.toml"
    stage.write_text(STAGE.format(port=port), encoding="utf-8")
    show.write_text('version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "mark"\n', encoding="utf-8")
    with App(RunOptions(stage, show=show, headless=True, unpaced=True, remember=False)) as made:
        made.wait_until_ready()
        yield made


@pytest.fixture
def tracker(port: int) -> Iterator[Sending]:
    with sending(port, lambda now_s: encode_pose("1", at(now_s), now_s)) as made:
        yield made


def test_a_mark_lies_on_its_twin(app: App, tracker: Sending, make_show: Callable[[App], Any]) -> None:
    show = make_show(app)
    end_s = time.monotonic() + 2.0  # the tracker's clock is known
    show.until(lambda: "1" in show.newest.captured and time.monotonic() > end_s)
    off, places = [], []
    while len(off) < 12:
        # Where packets are kept back the engine loses the tracker, and eases the camera for BLEND_S when it is back.
        show.until(lambda: tracker.steady_s > LATE_S + BLEND_S and show.newest.cameras["1"].age_s < LATE_S)
        picture, world = light(app, "picture 1"), light(app, "matched 1")
        x, y = (int(part) for part in mark_px(show.newest.cameras["1"].pose))
        window = (slice(max(y - 40, 0), y + 40), slice(max(x - 40, 0), x + 40))
        sent = centre(np.maximum(np.median(picture[window][..., 1]) - picture[window][..., 1] - 0.02, 0.0))
        drawn = centre(world[window][..., 0])
        off.append(float(np.hypot(*(sent - drawn))))
        places.append(sent + np.array([window[1].start, window[0].start]))
    assert np.std(places, axis=0).max() > 0.3, "the camera moves"
    assert max(off) <= 0.7, off
