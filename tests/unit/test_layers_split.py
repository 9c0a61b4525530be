"""A photograph and its depth into layers: cut where depth jumps, completed behind the nearer, with no fringe."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vpengine.plates.inpaint import patched, smoothly_filled
from vpengine.plates.layers_file import Layer
from vpengine.plates.layers_split import beyond_px, cuts_of, split, without_specks

SHAPE = (120, 160)
SKY, WALL, CARD = (0.1, 0.2, 0.8), (0.3, 0.3, 0.3), (0.8, 0.1, 0.05)
Picture = NDArray[np.float32]


def scene(soft: bool = False) -> tuple[Picture, Picture]:
    """A red card 2 m away before a grey wall 6 m away under a sky; ``soft``: its edges' pixels are of both sides."""
    color, depth = np.empty((*SHAPE, 3), np.float32), np.full(SHAPE, 6.0, np.float32)
    color[:], color[:30], depth[:30] = WALL, SKY, np.inf
    color[50:90, 60:100], depth[50:90, 60:100] = CARD, 2.0
    if soft:
        color[50:90, [60, 99]] = 0.5 * np.array(CARD) + 0.5 * np.array(WALL)
    return color, depth


def inner(image: NDArray[np.floating]) -> NDArray[np.floating]:
    """Without what goes on beyond the picture."""
    margin = beyond_px(SHAPE)
    return image[margin : margin + SHAPE[0], margin : margin + SHAPE[1]]


def over(layers: tuple[Layer, ...]) -> Picture:
    """As they look from where they were taken."""
    seen = np.zeros((*layers[0].pixels.shape[:2], 3), np.float32)
    for layer in layers:
        pixels = layer.pixels.astype(np.float32)
        seen = pixels[..., :3] + (1.0 - pixels[..., 3:]) * seen
    return np.asarray(inner(seen))


def test_cuts_lie_between_what_jumps_and_the_sky_is_parted() -> None:
    _, depth = scene()
    first, second = cuts_of(1.0 / depth, 5)
    assert 0.0 < first < 1.0 / 6.0 < second <= 0.5


def test_there_are_as_many_cuts_as_jumps_need() -> None:
    """Two columns 3 and 5 m away before a wall at 9: apart, one cut frees both; one before the other, it takes two."""
    inverse = np.full(SHAPE, 1.0 / 9.0, np.float32)
    inverse[20:100, 30:50], inverse[20:100, 90:110] = 1.0 / 3.0, 1.0 / 5.0
    assert len(cuts_of(inverse, 5)) == 1
    inverse[40:60, 50:100] = 1.0 / 5.0
    cuts = cuts_of(inverse, 5)
    assert len(cuts) == 2
    assert 1.0 / 9.0 < cuts[0] <= 1.0 / 5.0 < cuts[1] <= 1.0 / 3.0


def test_what_never_jumps_is_one_layer() -> None:
    ramp = np.linspace(4.0, 5.0, SHAPE[0], dtype=np.float32)[:, None].repeat(SHAPE[1], 1)
    (layer,) = split(np.full((*SHAPE, 3), 0.5, np.float32), ramp)
    np.testing.assert_allclose(inner(np.asarray(layer.inverse)), 1.0 / ramp, rtol=1e-5)


@pytest.mark.parametrize("soft", [False, True])
def test_together_they_are_the_photograph(soft: bool) -> None:
    color, depth = scene(soft)
    np.testing.assert_allclose(over(split(color, depth)), color, atol=0.02)


def test_each_layer_is_completed_with_its_own_colours_and_depth() -> None:
    color, depth = scene(soft=True)
    sky, wall, card = split(color, depth)
    assert sky.inverse == 0.0
    np.testing.assert_allclose(inner(sky.pixels)[40:60, :, :3], np.broadcast_to(SKY, (20, 160, 3)), atol=0.01)
    behind = inner(wall.pixels)[50:90, 60:100].astype(float)
    np.testing.assert_allclose(behind, np.broadcast_to((*WALL, 1.0), (40, 40, 4)), atol=0.01)
    np.testing.assert_allclose(inner(np.asarray(wall.inverse))[50:90, 60:100], 1.0 / 6.0, rtol=1e-3)
    pixels = inner(card.pixels).astype(float)
    there = pixels[..., 3] > 0.05
    straight = pixels[there, :3] / pixels[there, 3:]
    np.testing.assert_allclose(straight, np.broadcast_to(CARD, straight.shape), atol=0.05)
    np.testing.assert_allclose(inner(np.asarray(card.inverse))[there], 0.5, rtol=1e-3)


def test_an_edge_s_alpha_is_what_its_pixels_say() -> None:
    color, depth = scene(soft=True)
    alpha = inner(split(color, depth)[2].pixels[..., 3].astype(float))
    np.testing.assert_allclose(alpha[60:80, [60, 99]], 0.5, atol=0.05)
    np.testing.assert_allclose(alpha[60:80, 62:98], 1.0, atol=0.01)
    np.testing.assert_allclose(alpha[60:80, 40:58], 0.0, atol=0.01)


def test_specks_are_no_layers() -> None:
    labels = np.zeros(SHAPE, np.int64)
    labels[40:80, 40:80], labels[10, 10] = 1, 1
    assert without_specks(labels)[10, 10] == 0
    assert without_specks(labels)[60, 60] == 1


def test_a_hole_is_filled_smoothly_from_all_sides() -> None:
    ramp = np.linspace(0.0, 1.0, 64, dtype=np.float32)[None, :, None].repeat(48, 0)
    known = np.ones((48, 64), bool)
    known[10:38, 20:44] = False
    found = smoothly_filled(np.where(known[..., None], ramp, 9.0).astype(np.float32), known)
    np.testing.assert_allclose(found, ramp, atol=0.15)


def test_stripes_go_on_through_a_hole() -> None:
    stripes = np.where(np.arange(96) // 6 % 2, 0.8, 0.1).astype(np.float32)[:, None, None].repeat(128, 1).repeat(3, 2)
    hole = np.zeros((96, 128), bool)
    hole[30:66, 50:80] = True
    smooth = smoothly_filled(stripes, ~hole)
    found = patched(smooth, hole, ~hole)
    wrong = np.abs(found - stripes)[hole]
    assert wrong.mean() < 0.25 * np.abs(smooth - stripes)[hole].mean()
    np.testing.assert_array_equal(found[~hole], stripes[~hole])
    np.testing.assert_array_equal(found, patched(smooth, hole, ~hole))
