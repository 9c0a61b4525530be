"""Colour curves against OpenColorIO; the detail noise against a second writing of it in plain integers."""

from __future__ import annotations

import numpy as np
import PyOpenColorIO as ocio
import pytest

from vpengine.view.color import (
    LUMINANCE,
    REC709_FROM_ACESCG,
    acescct_from_linear,
    linear_from_acescct,
    luminance,
)
from vpengine.view.noise import detail_noise

CONFIG = "studio-config-v2.1.0_aces-v1.3_ocio-v2.3"
LEVELS = np.concatenate([[-0.02, 0.0, 0.001, 0.0078, 0.0079, 0.18, 1.0, 16.0, 200.0], np.geomspace(1e-4, 200.0, 50)])


def converted(source: str, target: str, values: np.ndarray) -> np.ndarray:
    """What OpenColorIO makes of (n, 3)."""
    config = ocio.Config.CreateFromBuiltinConfig(CONFIG)
    out = np.array(values, np.float32, order="C")
    config.getProcessor(source, target).getDefaultCPUProcessor().applyRGB(out)
    return out


def test_acescct_is_opencolorios() -> None:
    gray = np.repeat(LEVELS[:, None], 3, axis=1).astype(np.float32)
    expected = converted("ACEScg", "ACEScct", gray)
    np.testing.assert_allclose(acescct_from_linear(gray), expected, atol=1e-4)
    np.testing.assert_allclose(
        linear_from_acescct(expected), converted("ACEScct", "ACEScg", expected), rtol=1e-4, atol=1e-4
    )


def test_acescct_round_trip_and_range() -> None:
    values = LEVELS.astype(np.float32)
    np.testing.assert_allclose(linear_from_acescct(acescct_from_linear(values)), values, rtol=2e-5, atol=1e-6)
    assert np.isfinite(linear_from_acescct(np.array([10.0, 100.0], np.float32))).all()
    assert np.isfinite(linear_from_acescct(np.array([10.0], np.float32)).astype(np.float16)).all()
    assert acescct_from_linear(np.array([0.18], np.float16)).dtype == np.float32


def test_rec709_is_opencolorios() -> None:
    colors = np.random.default_rng(1).uniform(0.0, 2.0, (64, 3))
    expected = converted("ACEScg", "Linear Rec.709 (sRGB)", colors)
    np.testing.assert_allclose(colors @ REC709_FROM_ACESCG.T, expected, atol=1e-4)
    np.testing.assert_allclose(REC709_FROM_ACESCG @ [1.0, 1.0, 1.0], 1.0, atol=1e-5)  # white stays white


def test_luminance_is_the_y_of_cie_xyz() -> None:
    colors = np.random.default_rng(2).uniform(0.0, 1.0, (16, 3))
    y_from_ap0 = np.array([0.3439664498, 0.7281660966, -0.0721325464])  # SMPTE ST 2065-1
    expected = converted("ACEScg", "ACES2065-1", colors) @ y_from_ap0
    np.testing.assert_allclose(luminance(colors), expected, atol=1e-4)
    assert pytest.approx(1.0, abs=1e-6) == LUMINANCE.sum()


def hashed(x: int, y: int, z: int, level: int, seed: int) -> int:
    """The lattice's hash in Python's own integers."""
    mask = 0xFFFFFFFF
    h = (seed + (level & mask) * 0x9E3779B1) & mask
    h = ((h ^ (x & mask)) * 0x85EBCA6B) & mask
    h ^= h >> 13
    h = ((h ^ (y & mask)) * 0xC2B2AE35) & mask
    h ^= h >> 16
    h = ((h ^ (z & mask)) * 0x27D4EB2F) & mask
    h ^= h >> 15
    h = (h * 0x85EBCA6B) & mask
    return h ^ (h >> 13)


@pytest.mark.parametrize("level", [-6, 0, 3])
@pytest.mark.parametrize("seed", [0, 65535])
def test_noise_on_the_lattice_is_the_hash(level: int, seed: int) -> None:
    """At a corner of the lattice and exactly one octave the noise is the corner's own number."""
    cells = np.array([[0, 0, 0], [5, -3, 2], [-1, -1, -1], [1000, 7, -900]])
    position_m = cells * 2.0**level
    found = detail_noise(position_m, np.full(len(cells), 2.0**level / 4.0), seed)
    expected = [(hashed(*map(int, cell), level, seed) >> 8) / 2.0**24 for cell in cells]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_noise_between_corners_is_smooth_and_within_range() -> None:
    rng = np.random.default_rng(3)
    position_m = rng.uniform(-20.0, 20.0, (20_000, 3))
    noise = detail_noise(position_m, np.full(20_000, 0.05))
    assert noise.min() >= 0.0
    assert noise.max() <= 1.0
    assert noise.mean() == pytest.approx(0.5, abs=0.02)
    assert noise.std() > 0.1
    moved = detail_noise(position_m + 1e-4, np.full(20_000, 0.05))
    assert np.abs(moved - noise).max() < 0.01
    another_seed = detail_noise(position_m, np.full(20_000, 0.05), 1)
    assert np.abs(another_seed - noise).mean() > 0.1


def test_noise_changes_octaves_without_a_step() -> None:
    """Across a doubling of the footprint nothing pops."""
    position_m = np.random.default_rng(4).uniform(-5.0, 5.0, (500, 3))
    edge = 0.125
    below, above = (detail_noise(position_m, np.full(500, edge * scale)) for scale in (1.0 - 1e-6, 1.0 + 1e-6))
    np.testing.assert_allclose(below, above, atol=1e-4)
