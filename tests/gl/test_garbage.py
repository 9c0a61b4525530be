"""The garbage matte: a screen and a box lie where a camera's own projection puts them; beyond is the world."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpengine.compose.garbage import GarbageMatte
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.target import Target
from vpengine.stage.screens import HoldoutSettings, ScreenSettings
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

SIZE = (192, 108)
LENS = Lens((24.0, 13.5), 24.0)  # half of the width lies at half a metre for each metre ahead
EYE = Pose((0.0, 0.0, 1.5), (0.0, 0.0, 0.0, 1.0))
BACK = ScreenSettings(size_m=(2.0, 1.5), position_m=(0.0, 4.0, 1.0))


def drawn(engine: Gpu, *parts: ScreenSettings | HoldoutSettings) -> np.ndarray[Any, Any]:
    pool = TargetPool(engine)
    screens = [part for part in parts if isinstance(part, ScreenSettings)]
    matte = GarbageMatte(engine, screens, [part for part in parts if isinstance(part, HoldoutSettings)])
    target: Target = matte.draw(camera_view(EYE, LENS, SIZE), pool.lend)
    seen = np.frombuffer(target.color.read(), np.uint8).reshape(SIZE[1], SIZE[0], 4)[::-1] / 255.0
    matte.release()
    pool.release()
    return seen


def edges(mask: np.ndarray[Any, Any]) -> tuple[int, int, int, int]:
    """Left, right, top, bottom: the pixels from the first to after the last that are more than half covered."""
    rows, columns = np.nonzero(mask.max(1) > 0.5)[0], np.nonzero(mask.max(0) > 0.5)[0]
    return int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1


def test_a_screen_lies_where_the_camera_sees_it(engine: Gpu) -> None:
    works = drawn(engine, BACK)[..., 0]
    # 4 m ahead the picture is 4 m wide, 48 pixels a metre: the screen is 2 m of it, from 1 to 2.5 m up.
    assert edges(works) == (48, 144, 54 - 48, 54 + 24)
    assert works[30, 96] == 1.0
    assert works[100, 10] == 0.0


def test_a_floor_comes_towards_the_camera(engine: Gpu) -> None:
    floor = ScreenSettings(size_m=(2.0, 2.0), position_m=(0.0, 4.0, 0.5), floor=True)
    works = drawn(engine, floor)[..., 0]
    *_, top, bottom = edges(works)
    assert (top, bottom) == (54 + 48, 108)  # its far edge is a metre below the lens, its near one out of the picture
    assert works[102].sum() < 100 < works[107].sum()  # and it is wider where it is nearer


def test_a_turned_screen_is_narrower(engine: Gpu) -> None:
    left, right, *_ = edges(drawn(engine, BACK.model_copy(update={"pan_deg": 60.0}))[..., 0])
    assert right - left < 80


def test_a_box_is_kept_and_without_screens_all_is_keyed(engine: Gpu) -> None:
    box = HoldoutSettings(size_m=(0.5, 0.5, 0.5), position_m=(0.0, 3.25, 1.25))
    seen = drawn(engine, box)
    assert (seen[..., 0] == 1.0).all()
    left, right, top, bottom = edges(seen[..., 1])  # its near face is 3 m ahead: 64 pixels a metre
    assert (left, right, top, bottom) == (80, 112, 38, 70)
    assert seen[10, 10, 1] == 0.0


def test_the_edge_is_smooth(engine: Gpu) -> None:
    tilted = drawn(engine, BACK.model_copy(update={"tilt_deg": 30.0}))[..., 0]
    assert ((tilted > 0.1) & (tilted < 0.9)).any()
