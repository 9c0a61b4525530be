"""The warping error: none for a texture of the world, as much as the texture itself for one of the screen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.rooms import BOX, FLOOR, WALL, looking, seen_depth
from vpengine.view.temporal import temporal_error
from vpengine.view.view import View, pixel_centres, rays

SIZE = (256, 144)
BEFORE = looking(size=SIZE)
AFTER = looking(0.1, 0.1, 1.65, 4.0, 2.0, SIZE)
WAVES_PER_M = np.random.default_rng(1).normal(0.0, 0.7, (3, 8))
Seen = tuple[NDArray[np.floating], NDArray[np.floating], View]


def textured(at: NDArray[np.floating]) -> NDArray[np.floating]:
    """Smooth colours 0..1 of points (..., 3): several of a camera's pixels to a wave."""
    phase = 2.0 * np.pi * at @ WAVES_PER_M
    return 0.5 + 0.15 * np.stack([np.sin(phase + color).sum(axis=-1) for color in range(3)], axis=-1)


def world_fixed(view: View) -> Seen:
    depth_m = seen_depth(BOX, view).astype(float)
    ray = rays(view, pixel_centres(view.resolution))
    return textured(view.origin_m + ray * depth_m[..., None]), depth_m, view


def screen_fixed(view: View) -> Seen:
    return world_fixed(BEFORE)[0], seen_depth(BOX, view).astype(float), view


def test_a_texture_of_the_world_has_no_error() -> None:
    assert temporal_error(*world_fixed(BEFORE), *world_fixed(BEFORE)) < 1e-6
    assert temporal_error(*world_fixed(BEFORE), *world_fixed(AFTER)) < 0.01


def test_a_texture_of_the_screen_has_a_large_one() -> None:
    moved = temporal_error(*screen_fixed(BEFORE), *screen_fixed(AFTER))
    assert moved > 0.2
    assert moved > 30.0 * temporal_error(*world_fixed(BEFORE), *world_fixed(AFTER))


def test_a_known_difference_is_found() -> None:
    picture, depth_m, view = world_fixed(AFTER)
    assert temporal_error(*world_fixed(BEFORE), picture + 0.25, depth_m, view) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("seen", [world_fixed, screen_fixed])
def test_to_and_fro_are_much_the_same(seen: Callable[[View], Seen]) -> None:
    there, back = temporal_error(*seen(BEFORE), *seen(AFTER)), temporal_error(*seen(AFTER), *seen(BEFORE))
    assert there == pytest.approx(back, rel=0.15)


def test_only_what_both_see_counts() -> None:
    """A board stands before the wall: what it hides from one of them may have any colour, and so may the board."""
    wall_m, board_m = seen_depth(WALL, BEFORE).astype(float), 2.0
    hidden_m = wall_m.copy()
    hidden_m[40:100, 60:120] = board_m
    picture = np.full((*wall_m.shape, 3), 0.5)
    with_board = picture.copy()
    with_board[40:100, 60:120] = 1.0
    assert temporal_error(with_board, hidden_m, BEFORE, picture, wall_m, BEFORE) < 1e-6
    assert temporal_error(picture, wall_m, BEFORE, with_board, hidden_m, BEFORE) < 1e-6


def test_the_sky_is_seen_by_both_however_they_stand() -> None:
    views = looking(tilt_deg=10.0, size=SIZE), looking(5.0, tilt_deg=10.0, pan_deg=3.0, size=SIZE)
    seen = []
    for view in views:
        depth_m = seen_depth(FLOOR, view).astype(float)
        depth_m[depth_m > 0.0] = np.inf
        ray = rays(view, pixel_centres(SIZE))
        seen.append((textured(ray / np.linalg.norm(ray, axis=-1, keepdims=True)), depth_m, view))
    assert temporal_error(*seen[0], *seen[1]) < 0.01


def test_without_anything_in_common_there_is_no_figure() -> None:
    assert np.isnan(temporal_error(*world_fixed(BEFORE), *world_fixed(looking(pan_deg=180.0, size=SIZE))))
