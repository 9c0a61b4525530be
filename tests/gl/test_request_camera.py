"""The plate of a request: drawn at its View and brought down with its depth, in memory of whoever asks."""

from __future__ import annotations

import numpy as np

from tests.requesting import HERE, LENS, SIZE, Directions
from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.images import Room
from vpengine.frames.pixels import Pixels
from vpengine.view.camera import camera_view
from vpengine.view.view import pixel_centres, rays


def test_it_brings_down_what_the_view_sees(request_camera: RequestCamera) -> None:
    """Row 0 at the top, ACEScg half floats, depth in metres with the sky at infinity, and its provenance."""
    view = camera_view(HERE, LENS, SIZE, 15.0)
    images = request_camera.take(Directions(), "street", view, 0)
    ray = rays(view, pixel_centres(SIZE))
    assert (images.color.dtype, images.depth_m.dtype, images.noise.dtype) == (np.float16, np.float32, np.float16)
    assert images.color.shape == (36, 64, 3)
    assert images.depth_m.shape == images.noise.shape == (36, 64)
    assert all(pixels.bottom_up and pixels.stored.flags.c_contiguous for pixels in (images.color_noise, images.depth))
    np.testing.assert_allclose(images.color, 1.0 + 0.5 * ray, atol=1e-3)
    sky = ray[..., 2] > 0.3
    assert sky[0].any()
    assert not sky[-1].any()
    assert np.isposinf(images.depth_m[sky]).all()
    np.testing.assert_allclose(images.depth_m[~sky], 2.0 + ray[~sky][:, 0], rtol=1e-6)
    assert 0.0 <= images.noise.min() < 0.3 < 0.7 < images.noise.max() <= 1.0
    assert images.view is view
    assert images.provenance.source == "plate:street"


def test_two_pictures_do_not_share_memory(request_camera: RequestCamera) -> None:
    """A request waits in a mailbox while the next is drawn."""
    view = camera_view(HERE, LENS, SIZE, 15.0)
    first = request_camera.take(Directions(), "street", view, 0)
    kept = first.color.copy()
    request_camera.take(Directions(2.0), "street", view, 0)
    np.testing.assert_array_equal(first.color, kept)


def test_it_goes_straight_to_where_it_is_wanted(request_camera: RequestCamera) -> None:
    """The same pixels, in memory of whoever asks for them."""
    view, (width, height) = camera_view(HERE, LENS, SIZE, 15.0), SIZE
    expected = request_camera.take(Directions(), "street", view, 0)
    memory = np.zeros((height, width, 4), np.float16), np.zeros((height, width, 1), np.float32)
    room = Room(*(Pixels(each, bottom_up=True, lives="shared memory") for each in memory))
    request_camera.draw(Directions(), view, 0)
    images = request_camera.bring_down("street", view, room)
    assert np.shares_memory(images.color_noise.stored, memory[0])
    assert np.shares_memory(images.depth.stored, memory[1])
    for name in ("color", "depth_m", "noise"):
        np.testing.assert_array_equal(getattr(images, name), getattr(expected, name))
