"""The world's picture bent to meet a real one: where OpenCV puts its points, to a fraction of a pixel."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.compose import lens_match
from vpengine.compose.lens_match import ONE_TAP_PX, LensMatch, baked, bends, longest_px
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.view.distortion import D_U, Distortion, Model, overscan_needed, padded, st_map
from vpengine.view.lens import Lens
from vpengine.view.opencv_lens import from_opencv
from vpengine.view.st_map import StMap

SIZE = (1280, 720)
MATRIX = np.array([[560.8, 0.0, 651.2], [0.0, 560.8, 379.0], [0.0, 0.0, 1.0]])
COEFFICIENTS = (-0.2329, 0.0616, -1.5e-3, 3.4e-4, -0.004)
WIDE = from_opencv(MATRIX, COEFFICIENTS, SIZE, 6.17)  # an action camera's: its corner is moved by 240 pixels
LONG = from_opencv(MATRIX * [[2.7], [2.7], [1.0]], (0.11, -0.02, 2e-4, 3e-4), SIZE, 24.89)


@pytest.fixture
def match(gpu: Any) -> Iterator[LensMatch]:
    found = LensMatch(Gpu(gpu))
    yield found
    found.release()


def drawn(
    gpu: Any, match: LensMatch, world: NDArray[np.float32], lens: Lens, overscan: float, depth: Any = None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Colour, and depth where the world has it, as float32."""
    target = Target(gpu, SIZE, dtype="f4", depth=depth is not None)
    textures = [upload(gpu, world), upload(gpu, depth) if depth is not None else None]
    match.draw(target, textures[0], textures[1], lens, overscan)  # type: ignore[arg-type]
    found = download(target.color), download(target.depth) if target.depth is not None else None
    target.release()
    for texture in textures:
        if texture is not None:
            texture.release()
    return found


def ramp(size: tuple[int, int]) -> NDArray[np.float32]:
    """A picture in which every place has its own place as its colour, in shares from the upper left corner."""
    x, y = (np.arange(size[0]) + 0.5) / size[0], (np.arange(size[1]) + 0.5) / size[1]
    places = np.stack(np.meshgrid(x, y), axis=-1)
    return np.dstack([places, np.zeros_like(places)]).astype(np.float32)


@pytest.mark.parametrize("model", ["Brown-Conrady D-U", "Brown-Conrady U-D"])
@pytest.mark.parametrize("lens", [WIDE, LONG], ids=["wide", "long"])
def test_every_pixel_is_where_the_lens_puts_it(gpu: Any, match: LensMatch, lens: Lens, model: Model) -> None:
    """Against the map of every pixel: less than a twentieth of a pixel, on a coarse grid."""
    assert isinstance(lens.distortion, Distortion)
    lens = dataclasses.replace(lens, distortion=dataclasses.replace(lens.distortion, model=model))
    overscan = overscan_needed(lens.distortion, lens) + 1.0
    color, _ = drawn(gpu, match, ramp((640, 360)), lens, overscan)
    error = (color[..., :2] - st_map(lens.distortion, lens, SIZE, overscan)) * SIZE * (1.0 + overscan / 50.0)
    assert np.hypot(error[..., 0], error[..., 1]).max() < 0.05
    assert baked(lens, SIZE).shape[1] <= 257


def dots(places_px: NDArray[Any], size: tuple[int, int]) -> NDArray[np.float32]:
    """A small white blob around each place (x, y), counted as OpenCV does; its weight is there to 1e-3 pixels."""
    out = np.zeros((size[1], size[0], 4), np.float32)
    for x, y in places_px:
        left, top = round(x) - 9, round(y) - 9
        columns, rows = np.arange(left, left + 19), np.arange(top, top + 19)
        blob = np.exp(-((columns - x) ** 2 + (rows - y)[:, None] ** 2) / (2 * 1.5**2))
        out[top : top + 19, left : left + 19] += blob[..., None].astype(np.float32)
    return out


def test_a_grid_of_points_is_where_opencv_projects_it(gpu: Any, match: LensMatch) -> None:
    """The world is drawn by the pinhole, wider than the picture; the points are found by their centroids."""
    cv2 = pytest.importorskip("cv2", reason="the extra `calibrate` is not installed")
    overscan = np.ceil(overscan_needed(WIDE.distortion, WIDE))
    scale = 1.0 + overscan / 50.0
    wide = (round(SIZE[0] * scale), round(SIZE[1] * scale))
    rays = np.stack(np.meshgrid(np.arange(-7, 8), np.arange(-4, 5)), axis=-1).reshape(-1, 2) * 0.19
    world_px = (rays * 560.8 + MATRIX[:2, 2] + 0.5 - np.array(SIZE) / 2) / (np.array(SIZE) * scale) * wide + (
        np.array(wide) / 2 - 0.5
    )
    seen, _ = cv2.projectPoints(
        np.column_stack([rays, np.ones(len(rays))]), np.zeros(3), np.zeros(3), MATRIX, np.array(COEFFICIENTS)
    )
    seen = seen[:, 0]
    inside = ((seen > 12) & (seen < np.array(SIZE) - 13)).all(axis=1)
    assert inside.sum() > 80
    color, _ = drawn(gpu, match, dots(world_px[inside], wide), WIDE, overscan)
    found = []
    for x, y in np.round(seen[inside]).astype(int):
        part = color[y - 8 : y + 9, x - 8 : x + 9, 0]
        row, column = ndimage.center_of_mass(part)
        found.append((x - 8 + column, y - 8 + row))
    error = np.hypot(*(np.array(found) - seen[inside]).T)
    assert error.max() < 0.3
    assert np.hypot(*(seen - world_px)[inside].T).max() > 20.0  # and it is not where it was


def test_depth_is_one_texels_and_never_a_mean(gpu: Any, match: LensMatch) -> None:
    """A checker of near and far: only these two come out, and as the map says."""
    wide = (1536, 864)
    near = (np.add.outer(np.arange(wide[1]) // 16, np.arange(wide[0]) // 16) % 2).astype(bool)
    depth = np.where(near, 2.0, np.inf).astype(np.float32)
    overscan = overscan_needed(WIDE.distortion, WIDE)
    _, found = drawn(gpu, match, ramp(wide), WIDE, overscan, depth)
    assert found is not None
    assert set(np.unique(found)) == {2.0, np.inf}
    at = np.floor(st_map(WIDE.distortion, WIDE, SIZE, overscan) * wide).astype(int)
    expected = depth[np.clip(at[..., 1], 0, wide[1] - 1), np.clip(at[..., 0], 0, wide[0] - 1)]
    assert np.mean(found[..., 0] == expected) > 0.995  # the others are at a texel's edge


def test_a_picture_that_is_made_smaller_does_not_flicker(gpu: Any, match: LensMatch) -> None:
    """Lines a texel wide in a world four times as large are grey; single taps of them would be black and white."""
    world = np.zeros((SIZE[1] * 4, SIZE[0] * 4, 4), np.float32)
    world[:, ::4] = 1.0
    color, _ = drawn(gpu, match, world, LONG, overscan_needed(LONG.distortion, LONG))
    assert color[..., 0].mean() == pytest.approx(0.25, abs=0.02)
    assert color[40:-40, 40:-40, 0].std() < 0.1


def test_how_long_a_pixel_is_at_most_is_as_the_map_says() -> None:
    overscan, wide = overscan_needed(WIDE.distortion, WIDE), (2 * SIZE[0], 3 * SIZE[1])
    narrower = 1.0 / (1.0 + overscan / 50.0)
    at = st_map(WIDE.distortion, WIDE, SIZE, overscan) * wide
    expected = max(float(np.linalg.norm(np.diff(at, axis=axis), axis=-1).max()) for axis in (0, 1))
    assert longest_px(baked(WIDE, SIZE), SIZE, narrower, wide) == pytest.approx(expected, rel=0.02)


def test_where_a_pixel_covers_one_texel_one_tap_is_the_mean(
    gpu: Any, match: LensMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = np.random.default_rng(1).random((SIZE[1], SIZE[0], 4), np.float32)
    overscan = overscan_needed(LONG.distortion, LONG)
    assert longest_px(baked(LONG, SIZE), SIZE, 1.0 / (1.0 + overscan / 50.0), SIZE) <= ONE_TAP_PX
    one, _ = drawn(gpu, match, world, LONG, overscan)
    monkeypatch.setattr(lens_match, "ONE_TAP_PX", 0.0)
    averaged, _ = drawn(gpu, match, world, LONG, overscan)
    np.testing.assert_array_equal(one, averaged)


def test_an_st_map_bends_as_its_coefficients_do(gpu: Any, match: LensMatch) -> None:
    overscan = overscan_needed(WIDE.distortion, WIDE) + 1.0
    by_map = dataclasses.replace(WIDE, distortion=StMap(st_map(WIDE.distortion, WIDE, SIZE)))
    both = [drawn(gpu, match, ramp((640, 360)), lens, overscan)[0][..., :2] for lens in (WIDE, by_map)]
    error = (both[0] - both[1]) * SIZE * (1.0 + overscan / 50.0)
    assert np.abs(error[4:-4, 4:-4]).max() < 0.1


def test_the_grid_is_baked_when_the_lens_changes_and_only_then(
    gpu: Any, match: LensMatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def counted(lens: Lens, size: tuple[int, int]) -> NDArray[np.float32]:
        nonlocal count
        count += 1
        return baked(lens, size)

    monkeypatch.setattr(lens_match, "baked", counted)
    world = ramp((64, 36))
    again = [drawn(gpu, match, world, WIDE, 20.0)[0] for _ in range(2)]
    assert count == 1
    assert np.array_equal(*again)
    refocused = dataclasses.replace(WIDE, focus_distance_m=3.0)
    drawn(gpu, match, world, refocused, 25.0)
    assert count == 1
    drawn(gpu, match, world, LONG, 20.0)
    drawn(gpu, match, world, WIDE, 20.0)
    assert count == 3
    assert np.array_equal(drawn(gpu, match, world, WIDE, 20.0)[0], again[0])


def test_only_a_lens_that_bends_is_drawn() -> None:
    straight = Lens((36.0, 24.0), 35.0)
    assert bends(WIDE)
    assert not bends(straight)
    assert not bends(dataclasses.replace(straight, distortion=Distortion(padded(()), model=D_U)))
