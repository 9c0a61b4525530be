"""Closure: a wall, photographed again from the tracked camera, shows what that camera should have seen.

The photograph is taken by numpy (rays against the wall's flat tiles, bilinear pixels), not by the engine's own shaders.
Closure alone would pass with pan inverted on both sides, so beside it wall pixels are compared with answers that come
from the pattern's formula in the direction that numpy says.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.geometry import pixel_uv, project
from vpengine.compose.wall import WallLevels, WallPicture, wall_mesh
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.plates.pattern import Pattern, pattern_color
from vpengine.stage.walls import ArcWall, FlatWall, WallGeometry, WallSettings, position_in_stage, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.view import View, pixel_centres, rays

LENS = Lens((24.89, 14.0), 24.0)
INNER = (640, 360)
OVERSCAN = 5.0
PATTERN = Pattern.Settings(style="grid", period_deg=6.0, radius_m=20.0, center_height_m=1.6)

ARC = ArcWall(
    id="arc", tile_mm=(500.0, 500.0), tile_px=(64, 64), columns=16, rows=6, position_m=(0.0, 0.0, 0.0), arc_deg=120.0
)
FLAT = FlatWall(id="flat", tile_mm=(500.0, 500.0), tile_px=(64, 64), columns=16, rows=6, position_m=(0.0, 3.8, 0.0))


def poses(seed: int, count: int) -> list[Pose]:
    """Cameras around the stage's middle, looking at the wall so that all of the lens's view falls on it."""
    rng = np.random.default_rng(seed)
    return [
        from_opentrackio(
            (rng.uniform(-0.5, 0.5), rng.uniform(0.2, 0.8), rng.uniform(1.4, 1.6)),
            rng.uniform(-12.0, 12.0),
            rng.uniform(-3.0, 3.0),
            rng.uniform(-3.0, 3.0),
        )
        for _ in range(count)
    ]


def hit_uv(geometry: WallGeometry, origin_m: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Where rays (..., 3) meet the wall: uv (..., 2), NaN where they miss. Column by column, plane by plane."""
    columns = len(geometry.bottom_m) - 1
    out = np.full((*ray.shape[:-1], 2), np.nan)
    for column in range(columns):
        start, end, up = geometry.bottom_m[column], geometry.bottom_m[column + 1], geometry.up_m
        normal, in_plane = np.cross(end - start, up), np.linalg.pinv(np.stack([end - start, up], axis=-1))
        distance = (start - origin_m) @ normal / (ray @ normal)
        along, height = np.moveaxis((origin_m + ray * distance[..., None] - start) @ in_plane.T, -1, 0)
        inside = (along >= 0) & (along <= 1) & (height >= 0) & (height <= 1) & (distance > 0)
        out[inside] = np.stack([(column + along[inside]) / columns, height[inside]], axis=-1)
    return out


def bilinear(image: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Sample (height, width, 3), row 0 at the top, at uv (..., 2), v up."""
    height, width, _ = image.shape
    x, y = uv[..., 0] * width - 0.5, (1.0 - uv[..., 1]) * height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    tx, ty = (x - left)[..., None], (y - top)[..., None]
    x0, x1 = np.clip(left, 0, width - 1), np.clip(left + 1, 0, width - 1)
    y0, y1 = np.clip(top, 0, height - 1), np.clip(top + 1, 0, height - 1)
    upper = image[y0, x0] * (1 - tx) + image[y0, x1] * tx
    lower = image[y1, x0] * (1 - tx) + image[y1, x1] * tx
    return upper * (1 - ty) + lower * ty


class Setup:
    """One wall with the pattern behind it."""

    def __init__(self, context: object, settings: WallSettings) -> None:
        gpu = Gpu(context)  # type: ignore[arg-type]
        self.geometry = wall_geometry(settings)
        self.plate = Pattern(PATTERN)
        self.plate.upload(gpu)
        self.target = Target(gpu.context, INNER, depth=True)
        self.wall = WallPicture(gpu, self.geometry, wall_mesh(gpu, self.geometry), 1000.0, 0.0)
        self.black = upload(gpu.context, np.zeros((2, 2, 4), np.float16))

    def draw(self, pose: Pose) -> tuple[View, np.ndarray]:
        """The inner View, and the wall's light (height, width, 3) with a hard edge and black outside."""
        view = camera_view(pose, LENS, INNER, OVERSCAN)
        self.plate.draw(self.target, view)
        inner = Picture(self.target.color, self.target.depth, view, Provenance("plate:pattern"))
        self.wall.draw_light([inner], self.black, WallLevels())
        return view, download(self.wall.light.color)[..., :3].astype(np.float64)

    def seen(self, view: View) -> np.ndarray:
        """The pattern as that View should see it, drawn directly."""
        self.plate.draw(self.target, view)
        return download(self.target.color)[..., :3].astype(np.float64)


@pytest.fixture(scope="module", params=[FLAT, ARC], ids=["flat", "arc"])
def setup(request: pytest.FixtureRequest, gpu: object) -> Setup:
    return Setup(gpu, request.param)


def test_the_pattern_is_coarse_enough() -> None:
    """The bound of 40 dB is for periods of at least 12 inner pixels."""
    view = camera_view(Pose(), LENS, INNER, OVERSCAN)
    width_deg = 2.0 * np.degrees(np.arctan(1.0 / view.clip_from_view[0, 0]))
    assert PATTERN.period_deg * INNER[0] / width_deg >= 12.0


def test_fifty_cameras_see_the_world_through_the_wall(setup: Setup) -> None:
    photograph = (320, 180)
    decibels, displacements = [], []
    for pose in poses(7, 50):
        _, wall = setup.draw(pose)
        view = camera_view(pose, LENS, photograph)
        uv = hit_uv(setup.geometry, view.origin_m, rays(view, pixel_centres(photograph)))
        on_wall = ~np.isnan(uv).any(axis=-1)
        photo = bilinear(wall, np.nan_to_num(uv))
        truth = setup.seen(camera_view(pose, LENS, INNER))
        truth = truth.reshape(180, 2, 320, 2, 3).mean(axis=(1, 3))
        error = np.mean((photo - truth)[on_wall] ** 2)
        decibels.append(10.0 * np.log10(1.0 / error))
        displacements.append(displacement_px(photo, truth, on_wall))
        assert on_wall.mean() > 0.8
    assert min(decibels) > 40.0
    assert np.median(displacements) < 0.25  # of the photograph, which has half the inner picture's pixels


def displacement_px(photo: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """The median shift between two pictures, from the gradient (one step of Lucas and Kanade over the whole)."""
    gradient = np.stack([np.gradient(truth.mean(axis=-1), axis=axis) for axis in (1, 0)], axis=-1)[where]
    difference = (photo - truth).mean(axis=-1)[where]
    shift = np.linalg.lstsq(gradient, difference, rcond=None)[0]
    return float(np.hypot(*shift))


def test_wall_pixels_are_the_formula_in_the_direction_numpy_says(setup: Setup) -> None:
    """Known answers: OpenTrackIO's pan turns left and tilt up, so a wall pixel's colour follows from trigonometry."""
    pan, tilt = np.radians(9.0), np.radians(2.5)
    pose = from_opentrackio((0.2, 0.4, 1.5), np.degrees(pan), np.degrees(tilt), 0.0)
    view, wall = setup.draw(pose)
    eye = np.array([0.2, 0.4, 1.5])
    positions = position_in_stage(setup.geometry, pixel_uv(setup.geometry))
    towards = positions - eye
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    center = np.array([0.0, 0.0, 1.6])
    # The sphere of 20 m around the pattern's middle, met from the eye.
    b = np.sum(towards * (eye - center), axis=-1)
    t = -b + np.sqrt(b * b - np.sum((eye - center) ** 2) + 400.0)
    on_sphere = (eye + towards * t[..., None] - center) / 20.0
    expected = pattern_color(on_sphere, "grid", PATTERN.period_deg)
    # The camera's axis by hand: pan turns +Y towards -X, tilt lifts it.
    axis = np.array([-np.sin(pan) * np.cos(tilt), np.cos(pan) * np.cos(tilt), np.sin(tilt)])
    near_axis = np.arccos(np.clip(towards @ axis, -1.0, 1.0)) < np.radians(12.0)
    assert near_axis.sum() > 5000
    assert np.abs(wall - expected)[near_axis].max() < 0.02
    ndc, _ = project(view, positions)
    outside = (np.abs(ndc) > 1.01).any(axis=-1)
    assert np.array_equal(wall[outside], np.zeros_like(wall[outside]))


def test_pan_and_tilt_are_not_swapped_or_inverted(setup: Setup) -> None:
    """Panning left moves the inner picture's lit patch to smaller u; tilting up to larger v."""

    def patch(pan_deg: float, tilt_deg: float) -> np.ndarray:
        _, wall = setup.draw(from_opentrackio((0.0, 0.4, 1.5), pan_deg, tilt_deg, 0.0))
        return pixel_uv(setup.geometry)[wall.sum(axis=-1) > 0].mean(axis=0)

    middle, left, up = patch(0.0, 0.0), patch(10.0, 0.0), patch(0.0, 6.0)
    assert left[0] < middle[0] - 0.03
    assert up[1] > middle[1] + 0.03
