"""Smaller levels of a picture: means, and of one that alpha cuts out, without what lies under the clear parts."""

from __future__ import annotations

import numpy as np

from vpengine.plates.mipmaps import mip_levels, mip_levels_cut


def leaf(colour_of_clear: float) -> np.ndarray:
    """(9, 16, 4): green in a disc, clear around."""
    rows, columns = np.mgrid[:9, :16]
    inside = np.hypot(rows - 4, columns - 8) < 3.5
    pixels = np.full((9, 16, 4), colour_of_clear, np.float16)
    pixels[inside] = (0.1, 0.5, 0.2, 1.0)
    pixels[~inside, 3] = 0.0
    return pixels


def test_a_leaf_keeps_its_colour_to_the_smallest_level() -> None:
    for clear in (0.0, 1.0):
        levels = mip_levels_cut(leaf(clear))
        assert [level.shape for level in levels] == [level.shape for level in mip_levels(leaf(clear))]
        for level, plain in zip(levels, mip_levels(leaf(clear)), strict=True):
            np.testing.assert_allclose(
                level[..., :3], np.broadcast_to((0.1, 0.5, 0.2), (*level.shape[:2], 3)), atol=2e-3
            )
            np.testing.assert_array_equal(level[..., 3], plain[..., 3])


def test_what_is_there_is_not_touched() -> None:
    pixels = np.random.default_rng(1).uniform(0.0, 1.0, (5, 7, 4)).astype(np.float16)
    np.testing.assert_array_equal(mip_levels_cut(pixels)[0], pixels)


def test_nothing_at_all_stays_nothing() -> None:
    assert not any(level.any() for level in mip_levels_cut(np.zeros((4, 4, 4), np.float16)))
