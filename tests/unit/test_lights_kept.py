"""A light of the plate is one in its generated picture: no hole in the sky, no hue that turns, nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.neural.lights_kept import LUMINANCE, lights_kept

SIZE = (90, 160)


def sky_with_sun(radius_px: float) -> tuple[np.ndarray, np.ndarray]:
    """An evening's sky in ACEScct with a sun of 60 times white, soft at its rim; and where the sun is."""
    row, column = np.mgrid[: SIZE[0], : SIZE[1]]
    away = np.hypot(row - 44.5, column - 79.5)
    sun = np.clip((radius_px + 1.0 - away) / 2.0, 0.0, 1.0)
    sky = np.stack([np.full(SIZE, 0.52), np.full(SIZE, 0.48), np.full(SIZE, 0.42)], axis=-1)
    return (sky + sun[..., None] * [0.38, 0.34, 0.24]).astype(np.float32), sun


@pytest.mark.parametrize("radius_px", [2.0, 4.0, 6.0])
def test_a_sun_that_comes_out_darker_than_its_halo_is_raised_above_it(radius_px: float) -> None:
    plate, sun = sky_with_sun(radius_px)
    gain = np.ones_like(plate)
    bias = np.where(sun[..., None] > 0.2, 0.30 - plate, -0.1).astype(np.float32)  # a dark disc in a dimmed sky
    made = plate + bias
    kept = plate + lights_kept(plate, gain, bias)
    halo = float((made @ LUMINANCE)[sun == 0.0].mean())
    assert (made @ LUMINANCE)[sun == 1.0].max() < halo - 0.05
    assert (kept @ LUMINANCE)[sun == 1.0].min() > halo + 0.03
    raised = (kept - made)[sun == 1.0]
    np.testing.assert_allclose(raised, raised[:, :1].repeat(3, axis=1), atol=1e-6)  # one factor: no hue turns
    far = np.hypot(*(np.mgrid[: SIZE[0], : SIZE[1]] - np.array([44.5, 79.5])[:, None, None])) > radius_px + 6.0
    assert np.array_equal(kept[far], made[far])


def test_a_sun_that_is_bright_enough_stays_as_it_was_made() -> None:
    plate, sun = sky_with_sun(4.0)
    bias = np.full_like(plate, -0.05)
    kept = lights_kept(plate, np.ones_like(plate), bias)
    assert np.abs(kept - bias)[sun == 1.0].max() == 0.0


def test_without_lights_nothing_is_done() -> None:
    plate = np.full((*SIZE, 3), 0.5, np.float32)
    bias = np.zeros_like(plate)
    assert lights_kept(plate, np.ones_like(plate), bias) is bias


def test_a_sky_is_no_light() -> None:
    """Half of the picture, brighter than white: whatever the generator makes of it stays."""
    plate = np.full((*SIZE, 3), 0.4, np.float32)
    plate[:50] = 0.7
    bias = np.zeros_like(plate)
    bias[:50] = -0.5
    assert np.array_equal(lights_kept(plate, np.ones_like(plate), bias), bias)


@pytest.mark.parametrize("size", [(45, 63), (1, 1), (2, 5)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    plate = np.full((*size, 3), 0.4, np.float32)
    plate[size[0] // 2, size[1] // 2] = 0.9
    kept = lights_kept(plate, np.ones_like(plate), np.zeros_like(plate))
    assert kept.shape == plate.shape
    assert np.isfinite(kept).all()
