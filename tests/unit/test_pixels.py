"""Pixels: whichever way rows lie, a picture is seen with row 0 at the top, and nothing is copied that need not be."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.frames.images import ImageSet
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

STORED = np.arange(3 * 2 * 4, dtype=np.float16).reshape(3, 2, 4)


@pytest.mark.parametrize("bottom_up", [False, True])
def test_row_zero_is_the_top_and_a_view(bottom_up: bool) -> None:
    pixels = Pixels(STORED, bottom_up)
    expected = STORED[::-1] if bottom_up else STORED
    np.testing.assert_array_equal(pixels.top_down, expected)
    np.testing.assert_array_equal(pixels.rgb, expected[..., :3])
    assert np.shares_memory(pixels.top_down, STORED)
    assert np.shares_memory(pixels.rgb, STORED)


def test_a_smaller_picture_has_the_beginning_of_the_memory() -> None:
    memory = np.zeros((4, 6, 1), np.float32)
    part = Pixels(memory, bottom_up=True, lives="shared memory").sized((5, 3))
    part.top_down[0, :, 0] = 1.0
    assert (part.stored.shape, part.bottom_up, part.lives) == ((3, 5, 1), True, "shared memory")
    assert memory.reshape(-1).nonzero()[0].tolist() == [10, 11, 12, 13, 14]
    with pytest.raises(ValueError, match="7 x 4 in memory for 24 pixels"):
        Pixels(memory).sized((7, 4))


def test_only_what_another_process_may_rewrite_is_copied() -> None:
    shared = STORED.copy()
    ours, theirs = Pixels(STORED), Pixels(shared, bottom_up=True, lives="shared memory")
    assert ours.kept() is ours
    kept = theirs.kept()
    shared[:] = 0.0
    assert (kept.lives, kept.bottom_up) == ("array", True)
    np.testing.assert_array_equal(kept.stored, STORED)


def test_an_image_set_is_the_same_from_arrays_and_from_textures() -> None:
    rng = np.random.default_rng(2)
    color, noise = rng.normal(size=(3, 2, 3)).astype(np.float16), rng.uniform(size=(3, 2)).astype(np.float16)
    depth_m = rng.uniform(1.0, 9.0, (3, 2)).astype(np.float32)
    view, source = camera_view(Pose(), Lens((24.0, 13.5), 24.0), (2, 3)), Provenance("plate:x")
    of_arrays = ImageSet.of(color, depth_m, noise, view, source)
    rows = (np.ascontiguousarray(pixels.stored[::-1]) for pixels in (of_arrays.color_noise, of_arrays.depth))
    of_textures = ImageSet(*(Pixels(each, bottom_up=True) for each in rows), view, source)
    for images in (of_arrays, of_textures):
        np.testing.assert_array_equal(images.color, color)
        np.testing.assert_array_equal(images.depth_m, depth_m)
        np.testing.assert_array_equal(images.noise, noise)
        assert (images.color.dtype, images.depth_m.dtype, images.noise.dtype) == (np.float16, np.float32, np.float16)
