"""A small green-screen stage for tests, and what measures pictures of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tests.conftest import SMALL_STAGE
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.sim.green_stage import GreenStage, Moment
from vpengine.sim.lamps import Lamps, lamps_of
from vpengine.sim.stand_in import StandIn
from vpengine.stage.screens import ScreenSettings
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

Array = NDArray[Any]
SIZE = (640, 360)
LENS = Lens((24.89, 14.0), 20.0)
SCREENS = (
    ScreenSettings(size_m=(5.0, 3.0), position_m=(0.0, 4.0, 0.1)),
    ScreenSettings(size_m=(5.0, 2.4), position_m=(0.0, 4.0, 0.0), floor=True),
)
STAND_IN = StandIn(figure_m=(0.6, 2.6), turn_deg=-30.0)
TOML = f"""{SMALL_STAGE[: SMALL_STAGE.index("[[wall]]")]}
[[tracking]]
kind = "osc"
camera = "1"
port = 9000
[[output]]
kind = "headless"
feed = "world:1"
[[screen]]
size_m = [5.0, 3.0]
position_m = [0.0, 4.0, 0.0]
[neural]
generator = "none"
runtime = "onnxruntime"
resolution = [96, 56]
[control]
osc_port = 9001
"""


def lamps() -> Lamps:
    return lamps_of({control.address: control.default for control in ENGINE_CONTROLS})


def green_stage(gpu: Any, lens: Lens = LENS, seed: int = 1, size: tuple[int, int] = SIZE) -> GreenStage:
    return GreenStage(gpu, SCREENS, STAND_IN, lamps(), lens, size, seed)


def looking(x_m: float, y_m: float, z_m: float, pan_deg: float, tilt_deg: float, roll_deg: float = 0.0) -> Pose:
    turn = Rotation.from_euler("ZXY", [pan_deg, tilt_deg, roll_deg], degrees=True)
    x, y, z, w = (float(value) for value in turn.as_quat())
    return Pose((x_m, y_m, z_m), (x, y, z, w))


def standing(pose: Pose, time_s: float = 0.0) -> list[Moment]:
    return [Moment(pose, time_s)] * 4


def projected(points_m: Array, pose: Pose, lens: Lens, size: tuple[int, int]) -> Array:
    """(n, 2) pixels from the picture's upper left corner, by a pinhole written out: nothing of the engine's."""
    right, forward, up = Rotation.from_quat(pose.rotation).as_matrix().T
    away = np.asarray(points_m, float) - pose.position_m
    focal_px = lens.pinhole_focal_length_mm / np.array(lens.sensor_mm) * size
    across = focal_px[0] * (away @ right) / (away @ forward)
    down = -focal_px[1] * (away @ up) / (away @ forward)
    return np.stack([0.5 * size[0] + across, 0.5 * size[1] + down], axis=-1)


def dark_spot(green: Array, near: Array, reach_px: float) -> Array:
    """(2,) pixels: the centre of what is darker than the cloth around ``near``."""
    low = np.maximum(np.floor(near - reach_px).astype(int), 0)
    high = np.ceil(near + reach_px).astype(int)
    part = green[low[1] : high[1], low[0] : high[0]]
    border = np.concatenate([part[0], part[-1], part[:, 0], part[:, -1]])
    dark = np.maximum(np.median(border) * 0.93 - part, 0.0)
    rows, columns = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
    found = np.array([(dark * (columns + 0.5)).sum(), (dark * (rows + 0.5)).sum()]) / dark.sum()
    return np.asarray(found + low)


def edge(line: Array, at: int, reach_px: int = 3) -> float:
    """Where a row that goes from dark to cloth crosses over, in pixels from its beginning."""
    part = line[at - reach_px : at + reach_px]
    dark, cloth = line[at - reach_px], line[at + reach_px : at + reach_px + 3].mean()
    return float(at + reach_px - ((part - dark) / (cloth - dark)).sum())
