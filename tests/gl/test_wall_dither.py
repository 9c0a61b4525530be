"""Eight bits at night: what lies between two code values is shown by a share of pixels, and light does not breathe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vpengine.compose.wall import WallLevels, WallPicture, wall_mesh
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.stage.walls import WHITE_NITS, FlatWall, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

PEAK_NITS = 1200.0
WIDTH, HEIGHT = 512, 64
TELEVISION = FlatWall(
    id="tv",
    tile_mm=(5120.0, 640.0),
    tile_px=(WIDTH, HEIGHT),
    columns=1,
    rows=1,
    position_m=(0.0, 3.0, 0.0),
    peak_nits=PEAK_NITS,
)


def shown(context: Any, nits: np.ndarray, dither: bool) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) code values of a wall outside every frustum; nits: (WIDTH,), neutral grey."""
    gpu, geometry = Gpu(context), wall_geometry(TELEVISION)
    mesh = wall_mesh(gpu, geometry)
    wall = WallPicture(gpu, geometry, mesh, PEAK_NITS, 0.0)
    inner = Target(context, (8, 8), depth=True)
    light = np.broadcast_to((nits / WHITE_NITS)[None, :, None], (HEIGHT, WIDTH, 4)).astype(np.float32)
    outer = upload(context, np.ascontiguousarray(light))
    view = camera_view(Pose(), Lens((24.89, 14.0), 35.0), (8, 8))
    assert inner.depth is not None
    picture = Picture(inner.color, inner.depth, view, Provenance("test"))
    wall.draw([picture], outer, WallLevels(inner_visible=False, dither=dither))
    code = download(wall.code.color)[..., :3].copy()
    for part in (wall, mesh, inner, outer):
        part.release()
    return code


def code_of(nits: np.ndarray) -> np.ndarray:
    """The sRGB code value that is meant, not rounded."""
    level = np.clip(nits / PEAK_NITS, 0.0, 1.0)
    curve = 1.055 * level ** (1.0 / 2.4) - 0.055
    return 255.0 * np.where(level <= 0.0031308, 12.92 * level, curve)


def test_the_mean_of_a_slow_ramp_is_right(gpu: Any) -> None:
    """From black to two nits, five code values: to a tenth of one, in every patch of 16 by 64 pixels."""
    nits = np.linspace(0.0, 2.0, WIDTH)
    wanted = code_of(nits).reshape(-1, 16).mean(axis=1)
    assert 5.0 < wanted.max() < 6.0
    dithered = shown(gpu, nits, True).astype(float)
    patches = dithered.reshape(HEIGHT, -1, 16, 3).mean(axis=(0, 2))
    assert np.abs(patches - wanted[:, None]).max() < 0.1
    flat = shown(gpu, nits, False).astype(float).reshape(HEIGHT, -1, 16, 3).mean(axis=(0, 2))
    assert np.abs(flat - wanted[:, None]).max() > 0.4  # so this test sees a banded ramp
    assert np.abs(dithered - code_of(nits)[None, :, None]).max() < 1.01  # and no pixel is further off than one


def test_off_is_rounded_and_still_is_still(gpu: Any) -> None:
    nits = np.linspace(0.0, 300.0, WIDTH)
    assert np.abs(shown(gpu, nits, False)[0, :, 0] - np.round(code_of(nits))).max() <= 1
    np.testing.assert_array_equal(shown(gpu, nits, True), shown(gpu, nits, True))


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0])
def test_black_and_white_stay_so(gpu: Any, level: float) -> None:
    code = shown(gpu, np.full(WIDTH, level * PEAK_NITS), True)
    assert (code == (0 if level == 0.0 else 255)).all()
