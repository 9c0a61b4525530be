"""A wall with fewer pixels than the inner picture shows what its pixels span, not one place of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vpengine.compose.coverage import view_pixels_a_wall_pixel
from vpengine.compose.wall import SHRUNK_FROM, WallLevels, WallPicture, wall_mesh
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import MeshPass
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.stage.walls import ArcWall, FlatWall, WallGeometry, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

LEVELS = WallLevels(dither=False, soft_edge_px=0.0)
INNER = (960, 540)


def wall(px: int) -> WallGeometry:
    """Seen by the camera's middle half: ``px`` pixels of it in two metres."""
    return wall_geometry(
        FlatWall(id="w", tile_mm=(1000.0, 1000.0), tile_px=(px // 2, px // 2), columns=2, rows=1, position_m=(0, 4, 0))
    )


VIEW = camera_view(Pose((0.0, 0.0, 0.5)), Lens((24.0, 13.5), 24.0), INNER)


@pytest.mark.parametrize(("px", "spanned"), [(480, 1.0), (240, 2.0), (120, 4.0)])
def test_how_many_pixels_one_spans(px: int, spanned: float) -> None:
    """Four metres away the picture is four metres wide: 240 of its pixels a metre."""
    assert view_pixels_a_wall_pixel(wall(px), VIEW) == pytest.approx(spanned, rel=1e-3)
    arc = wall_geometry(
        ArcWall(
            id="a", tile_mm=(500.0, 500.0), tile_px=(px // 4, px // 4), rows=6, columns=24, arc_deg=180.0,
            position_m=(0.0, 0.0, 0.0),
        )
    )  # fmt: skip
    assert view_pixels_a_wall_pixel(arc, VIEW) == pytest.approx(spanned, rel=0.35)
    behind = camera_view(Pose((0.0, 9.0, 0.5)), Lens((24.0, 13.5), 24.0), INNER)
    assert view_pixels_a_wall_pixel(wall(px), behind) == 0.0


def shown(gpu: Any, px: int, picture: np.ndarray) -> np.ndarray:
    engine, geometry = Gpu(gpu), wall(px)
    drawn = WallPicture(engine, geometry, wall_mesh(engine, geometry), 1000.0, 0.0)
    target = Target(gpu, INNER, depth=True)
    color = upload(gpu, np.dstack([picture.astype(np.float32), np.ones((*picture.shape[:2], 1), np.float32)]))
    color.filter = target.color.filter
    assert target.depth is not None
    outer = upload(gpu, np.zeros((2, 2, 4), np.float32))
    drawn.draw_light([Picture(color, target.depth, VIEW, Provenance("test"))], outer, LEVELS)
    return download(drawn.light.color)[..., :3].astype(float)


def test_fine_lines_are_grey_and_not_a_pattern_of_their_own(gpu: Any) -> None:
    """Lines a pixel wide, on a wall of half as many pixels: one place would see all white, all black, or beats."""
    x = np.arange(INNER[0])
    lines = np.where(x % 2 == 0, 0.4, 0.0)[None, :, None] * np.ones((INNER[1], 1, 3))
    light = shown(gpu, 232, lines)  # not quite half: beats
    middle = light[80:150, 40:190, 1]
    assert abs(middle.mean() - 0.2) < 0.01
    assert middle.std() < 0.035


def test_at_its_own_size_it_is_as_sharp_as_ever(gpu: Any) -> None:
    assert view_pixels_a_wall_pixel(wall(480), VIEW) < SHRUNK_FROM
    noise = np.random.default_rng(3).random((INNER[1], INNER[0], 3)) * 0.4
    light = shown(gpu, 480, noise)
    assert light[100:300, 100:380].std() > 0.9 * noise.std() * 0.5


def test_the_first_light_is_drawn_in_every_way_that_a_later_one_may_be(
    gpu: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On software GL a first draw costs a tenth of a second, and a camera that steps back is no reason for it."""
    drawn, draw_mesh = set[int](), MeshPass.draw_mesh

    def noted(self: MeshPass, *arguments: Any, **values: Any) -> None:
        drawn.add(id(self))
        draw_mesh(self, *arguments, **values)

    monkeypatch.setattr(MeshPass, "draw_mesh", noted)
    shown(gpu, 480, np.zeros((INNER[1], INNER[0], 3)))
    assert len(drawn) == 2
