"""A still with depth: itself from where it was taken; from beside it the scene's parallax, and nothing torn open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.depth_file import write_depth
from vpengine.plates.depth_map import Stereo, depth_from_disparity
from vpengine.plates.still import Still, StillSettings
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.lens import frustum
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

PAIR = Path(__file__).parents[3] / "shared" / "data" / "rgbd" / "motorcycle"
FOCAL_PX, MIDDLE_PX, BASELINE_M, OFFSET_PX = 994.978, (311.193 + 0.5, 254.877 + 0.5), 0.193001, 31.086
EYE_HEIGHT_M = 1.6
Picture = NDArray[np.float64]


def still(folder: Path, picture: NDArray[np.uint8], depth_m: NDArray[np.float32], focal_px: float) -> StillSettings:
    """Taken at (0, 0, EYE_HEIGHT_M), straight ahead, with its middle on the axis."""
    Image.fromarray(picture).save(folder / "a.png")
    write_depth(folder / "a.depth.exr", depth_m)
    width_m = 3.0 * picture.shape[1] / focal_px
    return StillSettings(
        file=folder / "a.png", depth=folder / "a.depth.exr", distance_m=3.0, width_m=width_m, eye_height_m=EYE_HEIGHT_M
    )


def view_from(
    at_m: tuple[float, float], focal_px: float, size: tuple[int, int], middle_px: tuple[float, float]
) -> View:
    """at_m: to the right of and above where the still was taken."""
    near = 0.1 / focal_px
    left, top = middle_px
    clip = frustum(-left * near, (size[0] - left) * near, (top - size[1]) * near, top * near, 0.1, 100.0)
    pose = from_opentrackio((at_m[0], 0.0, EYE_HEIGHT_M + at_m[1]), 0.0, 0.0, 0.0)
    return View(view_from_stage(pose), clip, size)


class Drawn:
    """A plate on the GPU."""

    def __init__(self, context: Any, settings: StillSettings) -> None:
        self._context, self.plate, gpu = context, Still(settings), Gpu(context)
        while self.plate.upload(gpu):
            pass

    def picture(self, view: View, *, relief_alone: bool = False) -> tuple[Picture, Picture]:
        """sRGB-encoded colour and depth; with ``relief_alone``, colour is -1 where there is none."""
        target = Target(self._context, view.resolution, depth=True)
        target.framebuffer.clear(-1.0, -1.0, -1.0, -1.0)
        if relief_alone:
            relief = self.plate.relief
            assert relief is not None
            relief.draw(target, view, self.plate.picture, 1.0)
        else:
            self.plate.draw(target, view)
        assert target.depth is not None
        color, depth = download(target.color)[..., :3].astype(float), download(target.depth)[..., 0].astype(float)
        target.release()
        return (color if relief_alone else encoded(color)), depth


def encoded(acescg: Picture) -> Picture:
    linear = np.clip(acescg @ REC709_FROM_ACESCG.T, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def psnr_db(found: Picture, truth: Picture) -> float:
    return float(-10.0 * np.log10(((found - truth) ** 2).mean()))


def two_cards(size: tuple[int, int] = (160, 120)) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A red card 2 m away before a grey wall 4 m away, under a sky."""
    rng = np.random.default_rng(1)
    width, height = size
    picture = np.full((height, width, 3), 128, np.uint8) + rng.integers(0, 20, (height, 1, 1), np.uint8)
    depth = np.full((height, width), 4.0, np.float32)
    picture[: height // 6], depth[: height // 6] = (90, 140, 230), np.inf
    picture[50:90, 60:100], depth[50:90, 60:100] = (200, 30, 20), 2.0
    return picture, depth


def test_from_where_it_was_taken_it_is_the_picture_and_its_depth(gpu: Any, tmp_path: Path) -> None:
    picture, depth = two_cards()
    drawn = Drawn(gpu, still(tmp_path, picture, depth, 150.0))
    found, found_m = drawn.picture(view_from((0.0, 0.0), 150.0, (160, 120), (80.0, 60.0)))
    np.testing.assert_allclose(found, picture / 255.0, atol=0.02)
    assert np.mean(np.isclose(found_m, depth, rtol=2e-3)) > 0.97  # an edge may fall a pixel beside it
    assert np.isinf(found_m[:15]).all()


def test_from_beside_near_things_move_more_and_the_sky_not_at_all(gpu: Any, tmp_path: Path) -> None:
    picture, depth = two_cards()
    drawn = Drawn(gpu, still(tmp_path, picture, depth, 150.0))
    found, found_m = drawn.picture(view_from((0.2, 0.0), 150.0, (160, 120), (80.0, 60.0)))
    # 0.2 m to the right moves what is 2 m away by 150 * 0.2 / 2 = 15 pixels to the left.
    red = (found[..., 0] > 0.6) & (found[..., 2] < 0.3)
    assert np.flatnonzero(red[70]).tolist() == pytest.approx(list(range(45, 85)), abs=1)
    np.testing.assert_allclose(found_m[70, 50:80], 2.0, rtol=1e-3)
    np.testing.assert_allclose(found_m[70, 90:140], 4.0, rtol=1e-3)
    # What the card hid is the wall's colour now, and as far as the wall.
    assert np.abs(found[55:85, 87:98] - found[55:85, 120:121]).max() < 0.09
    np.testing.assert_allclose(found[5, 20:140], np.tile([90, 140, 230], (120, 1)) / 255.0, atol=0.02)


def test_where_it_ends_it_is_mirrored_or_the_backdrop_s_colour(gpu: Any, tmp_path: Path) -> None:
    """From 0.6 m to the right of a wall 2 m away, 45 pixels of what lies beyond its right edge are seen."""
    stripes = np.repeat(np.where(np.arange(160) // 4 % 2, 220, 40).astype(np.uint8)[None, :, None], 120, 0)
    settings = still(tmp_path, np.repeat(stripes, 3, 2), np.full((120, 160), 2.0, np.float32), 150.0)
    view = view_from((0.6, 0.0), 150.0, (160, 120), (80.0, 60.0))
    for beyond, steps in (("mirror", (5, 48)), ("color", (0, 0))):
        drawn = Drawn(gpu, settings.model_copy(update={"beyond": beyond, "beyond_color": (0.0, 0.5, 0.0)}))
        outside = drawn.picture(view)[0][60, 120:158]
        least, most = steps
        assert least <= np.count_nonzero(np.abs(np.diff(outside[:, 0])) > 0.05) <= most
        assert (outside[:, 1] - outside[:, 0]).min() > (0.3 if beyond == "color" else -0.1)


def test_no_step_to_the_side_tears_it_open(gpu: Any, tmp_path: Path) -> None:
    picture, depth = two_cards()
    drawn = Drawn(gpu, still(tmp_path, picture, depth, 150.0))
    for at_m in ((0.1, 0.0), (-0.1, 0.1), (0.0, -0.1)):
        view = view_from(at_m, 150.0, (160, 120), (80.0, 60.0))
        color, _ = drawn.picture(view, relief_alone=True)
        assert np.mean((color < 0.0).any(-1)) < 0.002


def motorcycle(context: Any, folder: Path) -> tuple[Drawn, NDArray[np.float32], NDArray[np.bool_], tuple[float, float]]:
    """The left picture as a plate, its disparities, which of them were measured, and its middle's place in it."""
    if not PAIR.is_dir():
        pytest.skip("the shared pictures (../shared/data/rgbd/motorcycle) are not there: a real stereo pair")
    picture = np.asarray(Image.open(PAIR / "left.png").convert("RGB"))
    disparity = np.load(PAIR / "disparity_left.npz")["arr_0"].astype(np.float32)
    height, width = disparity.shape
    stereo = Stereo(BASELINE_M, FOCAL_PX, OFFSET_PX)
    depth = depth_from_disparity(PAIR / "disparity_left.npz", (width, height), stereo, fill=True)
    # A still's middle lies on its axis: this picture's does not, so it is continued to the left and below.
    left, top = (side - 2 * round(middle) for side, middle in zip((width, height), MIDDLE_PX, strict=True))
    sides = ((0, -top), (left, 0))
    plate = still(folder, np.pad(picture, (*sides, (0, 0)), mode="edge"), np.pad(depth, sides, mode="edge"), FOCAL_PX)
    middle = ((width + sides[1][0]) / 2 - sides[1][0], (height + sides[0][1]) / 2)
    return Drawn(context, plate), disparity, np.isfinite(disparity), middle


def test_a_real_pair_s_right_picture_is_seen_from_the_right_eye(gpu: Any, tmp_path: Path) -> None:
    drawn, disparity, measured, middle = motorcycle(gpu, tmp_path)
    height, width = disparity.shape
    right = np.asarray(Image.open(PAIR / "right.png").convert("RGB")) / 255.0
    view = view_from((BASELINE_M, 0.0), FOCAL_PX, (width, height), (middle[0] + OFFSET_PX, middle[1]))
    found, _ = drawn.picture(view)
    rows, columns = np.nonzero(measured)
    there = np.round(columns - disparity[measured]).astype(int)
    both = np.zeros((height, width), bool)
    both[rows[there >= 0], there[there >= 0]] = True
    assert both.mean() > 0.7
    assert psnr_db(found[both], right[both]) > 24.0


def test_a_real_picture_has_no_holes_after_a_small_move(gpu: Any, tmp_path: Path) -> None:
    drawn, disparity, _, middle = motorcycle(gpu, tmp_path)
    height, width = disparity.shape
    for at_m in ((0.1, 0.0), (-0.1, 0.0), (0.0, 0.1)):
        color, _ = drawn.picture(view_from(at_m, FOCAL_PX, (width, height), middle), relief_alone=True)
        assert np.mean((color < 0.0).any(-1)) < 0.005
