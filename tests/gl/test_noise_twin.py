"""What is written twice, in GLSL and in numpy, says the same on the same points: colour curves and detail noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vpengine.compose.neural import STALE_BLOCK
from vpengine.compose.request_camera import RequestCamera
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, four, upload, write
from vpengine.view.camera import camera_view
from vpengine.view.color import acescct_from_linear, linear_from_acescct
from vpengine.view.lens import Lens
from vpengine.view.noise import detail_noise
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View, pixel_centres, rays

SIZE = (96, 54)
LENS = Lens((24.89, 14.0), 24.0)


def stale(gpu: Any, plate: np.ndarray, gain: float, bias: np.ndarray) -> np.ndarray:
    """The shader's linear_from_acescct(gain * acescct_from_linear(plate) + bias); all (height, width, 3) float32."""
    target = Target(gpu, (plate.shape[1], plate.shape[0]), dtype="f4")
    pictures = {
        "key_plate": four(plate),
        "key_gain": four(np.full_like(plate, gain)),
        "key_bias": four(bias.astype(np.float32)),
    }
    textures = {name: upload(gpu, picture) for name, picture in pictures.items()}
    Gpu(gpu).pass_("stale", STALE_BLOCK).draw(target, textures, picture_in_key=(1.0, 1.0))
    out = download(target.color)[..., :3].copy()
    for texture in textures.values():
        texture.release()
    target.release()
    return out


def ramp(low: float, high: float, toe: float) -> np.ndarray:
    """(1, n, 3): from low to high, with points on both sides of the curve's joint."""
    near = toe + np.linspace(-1e-3, 1e-3, 21)
    return np.repeat(np.sort(np.concatenate([np.linspace(low, high, 200), near]))[None, :, None], 3, axis=2)


def test_linear_from_acescct_is_its_twin(gpu: Any) -> None:
    cct = ramp(-0.2, 1.6, 0.155251141552511).astype(np.float32)
    shown = stale(gpu, np.zeros_like(cct), 0.0, cct)
    np.testing.assert_allclose(shown, linear_from_acescct(cct), rtol=1e-4, atol=1e-6)


def test_acescct_from_linear_is_its_twin(gpu: Any) -> None:
    bright = np.repeat(np.geomspace(0.05, 60000.0, 221)[None, :, None], 3, axis=2)
    linear = np.concatenate([ramp(-0.01, 0.05, 0.0078125), bright]).astype(np.float32)
    shown = stale(gpu, linear, 0.5, np.full_like(linear, 0.1))  # between the curves the shader's value is ACEScct
    np.testing.assert_allclose(acescct_from_linear(shown), 0.5 * acescct_from_linear(linear) + 0.1, atol=2e-5)


class Slab:
    """A plate of one gray whose depth is given: (height, width) metres, row 0 at the top."""

    def __init__(self, depth_m: np.ndarray) -> None:
        self.depth_m = depth_m

    def draw(self, target: Target, view: View) -> None:
        width, height = target.size
        write(target.color, np.full((height, width, 4), 0.18, np.float16))
        assert target.depth is not None
        write(target.depth, self.depth_m.astype(np.float32)[..., None])


@pytest.mark.parametrize("seed", [0, 1, 65535])
def test_detail_noise_is_its_twin(gpu: Any, seed: int) -> None:
    """On a ramp of depths from 0.3 m to 800 m with sky in a corner, from a pose turned about all axes."""
    view = camera_view(from_opentrackio((1.3, -2.1, 1.6), 25.0, -7.0, 3.0), LENS, SIZE)
    depth_m = np.tile(np.geomspace(0.3, 800.0, SIZE[0]), (SIZE[1], 1))
    depth_m[:10, :10] = np.inf
    camera = RequestCamera(Gpu(gpu))
    shown = camera.take(Slab(depth_m), "slab", view, seed).noise.astype(float)
    camera.release()

    ray = rays(view, pixel_centres(SIZE))
    sky = np.isinf(depth_m)
    reach_m = np.where(sky, 1000.0, depth_m)
    position_m = np.where(sky[..., None], 0.0, view.origin_m) + ray * reach_m[..., None]
    pixel_m = 2.0 / (view.clip_from_view[0, 0] * SIZE[0])
    expected = detail_noise(position_m, reach_m * pixel_m, seed)
    off = np.abs(shown - expected)
    # Half floats end at 5e-4; single precision may put a point near a cell's border into its neighbour.
    assert np.percentile(off, 99.5) < 2e-3
    assert expected.std() > 0.1
    other = detail_noise(position_m, reach_m * pixel_m, seed + 1)
    assert np.abs(shown - other).mean() > 0.1


def test_noise_stays_where_it_is_when_the_camera_moves(gpu: Any) -> None:
    """Two cameras look at one wall 5 m away: the same points of the wall have the same noise."""
    camera = RequestCamera(Gpu(gpu))
    step_m = 10.0 * (24.89 / 96.0) * 5.0 / 24.0  # ten pixels on the sensor, carried to 5 m
    pictures = []
    for x_m in (0.0, step_m):
        view = camera_view(from_opentrackio((x_m, 0.0, 1.6), 0.0, 0.0, 0.0), LENS, SIZE)
        pictures.append(camera.take(Slab(np.full((54, 96), 5.0)), "slab", view, 0).noise.astype(float))
    camera.release()
    assert np.abs(pictures[0][:, 10:] - pictures[1][:, :-10]).max() < 4e-3
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.05
