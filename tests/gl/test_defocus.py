"""The world's picture out of focus: circles as large as the thin lens's, and nothing sharp that bleeds."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vpengine.compose.defocus import TILE, Defocus, blurs
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.view.defocus import circle_mm
from vpengine.view.lens import Lens

SIZE = (320, 180)
LENS = Lens((24.0, 13.5), 87.5, focus_distance_m=3.0, t_stop=1.4)


def drawn(gpu: Any, color: NDArray[Any], depth: NDArray[Any], lens: Lens = LENS, overscan: float = 0.0) -> NDArray[Any]:
    ours = Gpu(gpu)
    pool, target = TargetPool(ours), Target(gpu, SIZE)
    textures = [upload(gpu, color.astype(np.float16)), upload(gpu, depth.astype(np.float32))]
    Defocus(ours).draw(target, textures[0], textures[1], lens, overscan, pool.lend)
    found = download(target.color)
    for each in (target, *textures):
        each.release()
    return found


def plain(value: float) -> NDArray[Any]:
    out = np.full((SIZE[1], SIZE[0], 4), value)
    out[..., 3] = 1.0
    return out


@pytest.mark.parametrize(("depth_m", "overscan"), [(6.0, 0.0), (2.2, 0.0), (np.inf, 25.0)])
def test_a_point_becomes_a_circle_of_the_thin_lenss_size(gpu: Any, depth_m: float, overscan: float) -> None:
    """By the spread of its light: that of an even disc is its diameter over 4, each way."""
    color = plain(0.0)
    color[88:92, 158:162] = 100.0
    found = drawn(gpu, color, np.full(SIZE[::-1], depth_m), overscan=overscan)[..., 0].astype(float)
    width_mm = 24.0 * (1.0 + overscan / 50.0)
    expected = float(circle_mm(LENS, np.array(depth_m))) * SIZE[0] / width_mm
    assert 4.0 < expected < 2 * TILE
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    total = found.sum()
    spread = np.sqrt((found * ((x - 159.5) ** 2 + (y - 89.5) ** 2)).sum() / total / 2.0)
    own = np.sqrt((4.0**2 - 1.0) / 12.0)  # of the point, four pixels wide
    assert np.sqrt(spread**2 - own**2) * 4.0 == pytest.approx(expected, rel=0.12)
    assert total == pytest.approx(1600.0, rel=0.15)  # and no light is lost


def halves(near_m: float, far_m: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """A white near half at the left before a black far one."""
    color, depth = plain(0.0), np.full(SIZE[::-1], far_m)
    color[:, :160], depth[:, :160] = 1.0, near_m
    return color, depth


def test_what_is_sharp_in_front_does_not_bleed(gpu: Any) -> None:
    found = drawn(gpu, *halves(3.0, np.inf))[..., 0]
    assert (found[:, :160] == 1.0).all()  # nor does what is behind bleed into it
    assert found[:, 161:].max() < 0.02


def test_what_is_blurred_in_front_spreads_over_what_is_sharp(gpu: Any) -> None:
    """Half of its light at its edge is what an edge of any blur has."""
    found = drawn(gpu, *halves(1.5, 3.0))[90, :, 0].astype(float)
    radius = float(circle_mm(LENS, np.array(1.5))) * SIZE[0] / 24.0 / 2.0
    assert radius > 8.0
    assert found[160 + 4] > 0.1
    assert found[160 + TILE + 2 :].max() == 0.0
    assert np.all(np.diff(found[160 : 160 + TILE]) <= 0.05)


@pytest.mark.parametrize("depth_m", [3.0, 3.001])
def test_what_is_in_focus_is_the_same_to_the_last_bit(gpu: Any, depth_m: float) -> None:
    color = np.random.default_rng(2).uniform(0.0, 4.0, (SIZE[1], SIZE[0], 4)).astype(np.float16)
    assert np.array_equal(drawn(gpu, color, np.full(SIZE[::-1], depth_m)), color)
    assert blurs(LENS, SIZE[0])


@pytest.mark.parametrize("key", ["t_stop", "focus_distance_m"])
def test_without_stop_or_focus_nothing_changes(gpu: Any, key: str) -> None:
    color = np.random.default_rng(2).uniform(0.0, 4.0, (SIZE[1], SIZE[0], 4)).astype(np.float16)
    depth = np.random.default_rng(3).uniform(0.5, 50.0, SIZE[::-1])
    for value in (0.0, np.inf):
        lens = dataclasses.replace(LENS, **{key: value})
        assert np.array_equal(drawn(gpu, color, depth, lens), color)
