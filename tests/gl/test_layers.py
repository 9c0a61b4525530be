"""Pictures in layers: from beside where they were taken each layer lies where a pinhole camera has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.layers import Layers, LayersSettings
from vpengine.plates.layers_file import Layer, LayeredPicture, write_layers
from vpengine.plates.layers_manifest import LensSettings
from vpengine.plates.locations import Locations
from vpengine.view.lens import frustum
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

SIZE, FOCAL_PX, EYE_HEIGHT_M = (160, 120), 80.0, 1.6
LENS = LensSettings(horizontal_fov_deg=90.0, eye_height_m=EYE_HEIGHT_M, horizon=0.5)
NEAR, FAR, SKY = (0.8, 0.1, 0.05), (0.2, 0.5, 0.1), (0.1, 0.2, 0.9)
Picture = NDArray[np.float64]


def card(color: tuple[float, ...], rows: slice, columns: slice, alpha: float = 1.0) -> NDArray[np.float16]:
    out = np.zeros((SIZE[1], SIZE[0], 4), np.float16)
    out[rows, columns] = (*(alpha * np.array(color)), alpha)
    return out


def two_cards() -> tuple[Layer, ...]:
    """A red card 2 m away, before a green one 10 m away that goes on behind it, under a blue sky."""
    everywhere = slice(0, None)
    return (
        Layer(card(SKY, everywhere, everywhere), 0.0),
        Layer(card(FAR, slice(40, None), everywhere), 0.1),
        Layer(card(NEAR, slice(50, 90), slice(60, 100)), 0.5),
    )


def view_from(right_m: float, up_m: float = 0.0, pan_deg: float = 0.0) -> View:
    """To the right of and above where the picture was taken, with its own lens."""
    near = 0.1 / FOCAL_PX
    half_width, half_height = SIZE[0] / 2 * near, SIZE[1] / 2 * near
    clip = frustum(-half_width, half_width, -half_height, half_height, 0.1, 100.0)
    return View(view_from_stage(from_opentrackio((right_m, 0.0, EYE_HEIGHT_M + up_m), pan_deg, 0.0, 0.0)), clip, SIZE)


@pytest.fixture
def drawn(gpu: Any, tmp_path: Path) -> Callable[..., tuple[Picture, Picture]]:
    """(color (height, width, 3), depth (height, width)) of layers in a file, from a View."""

    def draw(
        layers: tuple[Layer, ...], view: View, lens: LensSettings = LENS, with_depth: bool = True
    ) -> tuple[Picture, Picture]:
        write_layers(tmp_path / "a.2p5d", LayeredPicture(lens, layers))
        plate = Layers(LayersSettings(file=tmp_path / "a.2p5d"))
        target = Target(gpu, SIZE, depth=with_depth, z_buffer=True)
        while plate.upload(Gpu(gpu)):
            pass
        target.framebuffer.clear(0.3, 0.3, 0.3, 0.3)  # a plate fills all of it, whatever was there
        plate.draw(target, view)
        color = download(target.color)
        depth = np.zeros(SIZE[::-1]) if target.depth is None else download(target.depth)[..., 0]
        plate.release()
        target.release()
        return color[..., :3].astype(float), depth.astype(float)

    return draw


def test_from_where_it_was_taken_it_is_the_picture(drawn: Any) -> None:
    color, depth = drawn(two_cards(), view_from(0.0))
    expected = np.empty_like(color)
    expected[:], expected[40:], expected[50:90, 60:100] = SKY, FAR, NEAR
    np.testing.assert_allclose(color, expected, atol=2e-3)
    assert np.isposinf(depth[:40]).all()
    np.testing.assert_allclose(depth[50:90, 60:100], 2.0, rtol=1e-5)
    np.testing.assert_allclose(depth[95:], 10.0, rtol=1e-5)


def test_half_a_metre_to_the_right_each_layer_lies_where_a_pinhole_has_it(drawn: Any) -> None:
    color, depth = drawn(two_cards(), view_from(0.5))
    # 80 pixels of focal length: 2 m away 0.5 m are 20 pixels to the left, 10 m away 4, infinitely far none.
    is_near = np.abs(color - NEAR).max(-1) < 2e-3
    assert np.array_equal(np.flatnonzero(is_near[70]), np.arange(40, 80))
    assert np.array_equal(np.flatnonzero(is_near[:, 60]), np.arange(50, 90))
    np.testing.assert_allclose(color[50:90, 80:100], np.broadcast_to(FAR, (40, 20, 3)), atol=2e-3)  # uncovered
    np.testing.assert_allclose(depth[50:90, 80:100], 10.0, rtol=1e-5)
    np.testing.assert_allclose(depth[50:90, 40:80], 2.0, rtol=1e-5)
    np.testing.assert_allclose(color[:40], np.broadcast_to(SKY, (40, 160, 3)), atol=2e-3)
    assert np.isposinf(depth[:40]).all()


def test_far_layers_move_by_their_own_depth(drawn: Any) -> None:
    layers = two_cards()
    striped = layers[1].pixels.copy()
    striped[40:, 120:] = (*SKY, 1.0)
    color, _ = drawn((layers[0], Layer(striped, 0.1), layers[2]), view_from(0.5))
    assert np.array_equal(np.flatnonzero(np.abs(color[110] - FAR).max(-1) < 2e-3), np.arange(0, 116))


def test_a_layer_s_own_depth_map_bends_it(drawn: Any) -> None:
    """Its left half is 2 m away, its right 4: a step up moves them by 20 and by 10 pixels."""
    inverse = np.full((SIZE[1], SIZE[0]), 0.5, np.float32)
    inverse[:, 80:] = 0.25
    layers = (two_cards()[0], Layer(card(NEAR, slice(50, 70), slice(0, None)), inverse))
    color, depth = drawn(layers, view_from(0.0, 0.5))
    for column, moved, away_m in ((40, 20, 2.0), (120, 10, 4.0)):
        rows = np.flatnonzero(np.abs(color[:, column] - NEAR).max(-1) < 2e-3)
        assert np.array_equal(rows, np.arange(50 + moved, 70 + moved))
        np.testing.assert_allclose(depth[rows, column], away_m, rtol=1e-5)


@pytest.mark.parametrize(("alpha", "depth_m"), [(0.25, 10.0), (0.75, 2.0)])
def test_what_is_half_there_is_mixed_and_has_the_depth_of_what_is_seen_most(
    drawn: Any, alpha: float, depth_m: float
) -> None:
    thin = Layer(card(NEAR, slice(50, 90), slice(60, 100), alpha), 0.5)
    color, depth = drawn((*two_cards()[:2], thin), view_from(0.5))
    expected = alpha * np.array(NEAR) + (1.0 - alpha) * np.array(FAR)
    np.testing.assert_allclose(color[52:88, 42:78], np.broadcast_to(expected, (36, 36, 3)), atol=2e-3)
    np.testing.assert_allclose(depth[52:88, 42:78], depth_m, rtol=1e-5)


def test_the_horizon_and_the_eye_are_the_lens_s(drawn: Any) -> None:
    """A horizon a quarter down is a lens shifted downwards: from the eye, a level camera sees it 30 rows lower."""
    lens = LENS.model_copy(update={"horizon": 0.25})
    color, _ = drawn(two_cards(), view_from(0.0), lens)
    assert np.array_equal(np.flatnonzero(np.abs(color[:, 80] - NEAR).max(-1) < 2e-3), np.arange(80, 120))


def test_it_looks_the_same_where_nobody_asks_for_depth(drawn: Any) -> None:
    """An eye without a generator draws colour alone."""
    layers = (*two_cards()[:2], Layer(card(NEAR, slice(50, 90), slice(60, 100), 0.75), 0.5))
    with_depth, _ = drawn(layers, view_from(0.5))
    alone, _ = drawn(layers, view_from(0.5), with_depth=False)
    np.testing.assert_array_equal(alone, with_depth)


def test_it_is_something_all_round(drawn: Any) -> None:
    for pan_deg in (90.0, 180.0, -90.0):
        color, _ = drawn(two_cards(), view_from(0.0, pan_deg=pan_deg))
        assert (color.max(-1) > 0.04).all()


def test_a_broken_file_is_a_placeholder_that_says_why(gpu: Any, tmp_path: Path) -> None:
    (tmp_path / "a.2p5d").write_bytes(b"no zip")
    settings = LayersSettings(file=tmp_path / "a.2p5d")
    locations = Locations(Gpu(gpu), {"layers": lambda: Layers(settings)})
    locations.wait_for("layers")
    assert "is no zip file" in locations.faults["layers"]
    locations.close()
    with pytest.raises(UserError, match="is no zip file"):
        Layers(settings)
    assert [key for key, _ in Layers.check(settings)] == ["file"]
