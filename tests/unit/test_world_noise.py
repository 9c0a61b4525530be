"""World-anchored latent noise: white to the network in every picture, and the same on the stage in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cases import slow_but
from tests.rooms import ASLANT, BOX, FLOOR, SKY, WALL, Plane, looking, seen_depth
from vpengine.view.noise import detail_noise
from vpengine.view.view import View, rays

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")
from vpengine.neural.world_noise import cell_noise, lattice_hash, world_noise  # noqa: E402  needs torch

Array = NDArray[np.float32]
Noise = Callable[[NDArray[np.float32], View], Array]

FACTOR, CHANNELS = 8, 4
SMALL = (256, 144)
SCENES = {"wall": (WALL, 0.0), "aslant": (ASLANT, 0.0), "floor": (FLOOR, -10.0), "sky": (SKY, 20.0), "box": (BOX, 0.0)}
HAND_M, HAND_DEG = 0.02 / np.sqrt(3.0), 1.0  # a hand's small move: 2 cm, and a degree

each_scene = pytest.mark.parametrize(("planes", "tilt_deg"), slow_but("box", SCENES))


def world(depth_m: NDArray[np.float32], view: View, seed: int = 0) -> Array:
    return world_noise(depth_m, view, seed)[0].numpy()


def screen_fixed(depth_m: NDArray[np.float32], view: View) -> Array:
    """What pipelines do that keep their seed."""
    height, width = depth_m.shape
    return np.random.default_rng(0).standard_normal((CHANNELS, height // FACTOR, width // FACTOR)).astype(np.float32)


@cache
def of_eight_seeds(scene: str) -> Array:
    """(8, channels, height, width)."""
    planes, tilt_deg = SCENES[scene]
    view = looking(tilt_deg=tilt_deg)
    depth_m = seen_depth(planes, view)
    return np.stack([world(depth_m, view, seed) for seed in range(8)])


def part_of(view: View, left: int, top: int, size: tuple[int, int]) -> View:
    """The View of a rectangle of pixels."""
    (width, height), (part_width, part_height) = view.resolution, size
    x, y = width / part_width, height / part_height
    crop = np.eye(4)
    crop[0, [0, 3]] = x, x - 2.0 * left / part_width - 1.0
    crop[1, [1, 3]] = y, 1.0 - y + 2.0 * top / part_height
    return View(view.view_from_stage, crop @ view.clip_from_view, size)


def at_every_pixel(noise: Noise, planes: Sequence[Plane], view: View) -> Array:
    """The noise of the latent pixel that would begin at each pixel, (height, width, channels); nan at the far edges.

    So a latent pixel of another view can be compared to what lies at its very place, and not to its neighbours.
    """
    width, height = view.resolution
    depth_m = seen_depth(planes, view)
    out = np.full((height, width, CHANNELS), np.nan, np.float32)
    for top in range(FACTOR):
        for left in range(FACTOR):
            size = (width - left) // FACTOR * FACTOR, (height - top) // FACTOR * FACTOR
            part = depth_m[top : top + size[1], left : left + size[0]]
            here = noise(part, part_of(view, left, top, size))
            out[top : top + size[1] : FACTOR, left : left + size[0] : FACTOR] = here.transpose(1, 2, 0)
    return out


def steadiness(noise: Noise, planes: Sequence[Plane], before: View, after: View) -> float:
    """Correlation of ``after``'s latent pixels with what ``before`` has at the same points, to half a pixel."""
    width, height = after.resolution
    row, column = np.mgrid[FACTOR // 2 : height : FACTOR, FACTOR // 2 : width : FACTOR]
    ndc = np.stack([column / width * 2.0 - 1.0, 1.0 - row / height * 2.0], axis=-1)
    inverse = 1.0 / seen_depth(planes, after)
    inverse = sum(inverse[row + down, column + right] for down in (-1, 0) for right in (-1, 0))[..., None] / 4.0
    points = np.concatenate([rays(after, ndc) + after.origin_m * inverse, inverse], axis=-1)
    clip = points @ before.clip_from_stage.T
    x = np.rint((clip[..., 0] / clip[..., 3] * 0.5 + 0.5) * width).astype(int) - FACTOR // 2
    y = np.rint((0.5 - clip[..., 1] / clip[..., 3] * 0.5) * height).astype(int) - FACTOR // 2
    within = (x >= 0) & (y >= 0) & (x <= width - FACTOR) & (y <= height - FACTOR)
    found = at_every_pixel(noise, planes, before)[y[within], x[within]]
    shown = noise(seen_depth(planes, after), after).transpose(1, 2, 0)[within]
    return correlation(found, shown)


def correlation(a: Array, b: Array) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize("scene", SCENES)
def test_it_is_standard_normal(scene: str) -> None:
    noise = of_eight_seeds(scene)
    assert noise.mean() == pytest.approx(0.0, abs=0.02)
    assert noise.var() == pytest.approx(1.0, abs=0.03)
    assert np.mean(noise**4) == pytest.approx(3.0, abs=0.25)
    by_place = noise.var(axis=(0, 1))  # of 32 numbers: also in no part of the picture is it louder
    assert by_place.reshape(6, 6, 8, 8).mean(axis=(1, 3)) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("scene", SCENES)
def test_it_is_nearly_white(scene: str) -> None:
    noise = of_eight_seeds(scene)
    assert abs(correlation(noise[..., 1:], noise[..., :-1])) < 0.1
    assert abs(correlation(noise[..., 1:, :], noise[..., :-1, :])) < 0.1
    assert abs(correlation(noise[..., 2:], noise[..., :-2])) < 0.03
    assert abs(correlation(noise[..., 2:, :], noise[..., :-2, :])) < 0.03


def test_channels_and_seeds_know_nothing_of_each_other() -> None:
    view = looking()
    noise = world_noise(seen_depth(BOX, view), view, 0, channels=16).numpy()[0].reshape(16, -1)
    others = np.stack([world(seen_depth(BOX, view), view, seed).ravel() for seed in (0, 1, 2, 2**31, 2**40 + 7, -1)])
    for rows in (noise, others):
        assert np.abs(np.corrcoef(rows) - np.eye(len(rows))).max() < 5.0 / np.sqrt(rows.shape[1])


@each_scene
def test_a_hands_move_keeps_it_on_the_stage(planes: Sequence[Plane], tilt_deg: float) -> None:
    before = looking(tilt_deg=tilt_deg, size=SMALL)
    after = looking(HAND_M, HAND_M, 1.6 + HAND_M, HAND_DEG, tilt_deg, SMALL)
    assert steadiness(world, planes, before, before) > 0.999
    assert steadiness(world, planes, before, after) > 0.8
    assert abs(steadiness(screen_fixed, planes, before, after)) < 0.15


def test_what_is_compared_would_find_screen_fixed_noise() -> None:
    """A camera at rest is no proof of anything: there even that is steady."""
    view = looking(size=SMALL)
    assert steadiness(screen_fixed, BOX, view, view) > 0.999


def test_far_from_where_it_was_first_seen_it_is_the_same() -> None:
    """A metre to the side and turned by ten degrees: what both see of the wall."""
    assert steadiness(world, WALL, looking(-0.5, pan_deg=-5.0, size=SMALL), looking(0.5, pan_deg=5.0, size=SMALL)) > 0.8


@pytest.mark.parametrize("planes", slow_but("box", {"wall": WALL, "box": BOX, "floor": FLOOR}))
def test_a_dolly_never_jumps(planes: Sequence[Plane]) -> None:
    """Half a metre forward in fifty steps; on the way the whole wall changes octaves at once."""
    views = [looking(forward_m=0.01 * step - 1.4, size=SMALL) for step in range(51)]
    noises = [world(seen_depth(planes, view), view) for view in views]
    steps = [correlation(a, b) for a, b in pairwise(noises)]
    assert min(steps) > 0.95
    assert min(steps) > np.mean(steps) - 0.02
    assert correlation(noises[0], noises[-1]) < 0.8  # and it has moved


def test_the_same_question_has_the_same_answer() -> None:
    view = looking()
    depth_m = seen_depth(BOX, view)
    assert world(depth_m, view, 5).tobytes() == world(depth_m.copy(), looking(), 5).tobytes()
    assert not np.array_equal(world(depth_m, view, 5), world(depth_m, view, 6))


def test_shape_and_sizes() -> None:
    view = looking(size=(64, 48))
    depth_m = seen_depth(BOX, view)
    noise = world_noise(depth_m, view, 0, channels=3, factor=16)
    assert noise.shape == (1, 3, 3, 4)
    assert noise.dtype == torch.float32
    for wrong in (depth_m[:-1], depth_m[:, :-1]):
        with pytest.raises(ValueError, match="latent pixels of 8"):
            world_noise(wrong, view, 0)


def test_its_hash_is_that_of_the_detail_noise() -> None:
    cells = np.array([[0, 0, 0], [5, -3, 2], [-1, -1, -1], [1000, 7, -900]])
    for level, seed in ((-6, 0), (0, 65535), (3, 1)):
        found = lattice_hash(torch.as_tensor(cells), torch.full((4,), level), seed).numpy()
        expected = detail_noise(cells * 2.0**level, np.full(4, 2.0**level / 4.0), seed)
        np.testing.assert_allclose((found >> 8) / 2.0**24, expected, atol=1e-12)


def test_cells_have_normal_numbers() -> None:
    numbers = cell_noise(torch.arange(100_000), 5).numpy()
    assert numbers.shape == (100_000, 5)
    assert numbers.mean(axis=0) == pytest.approx(0.0, abs=0.015)
    assert numbers.var(axis=0) == pytest.approx(1.0, abs=0.02)
    assert np.abs(np.corrcoef(numbers.T) - np.eye(5)).max() < 0.015
