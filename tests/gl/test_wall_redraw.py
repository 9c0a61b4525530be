"""A wall draws again only the tiles that the frustum is on or was; nobody may see the difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.geometry import project
from vpengine.compose.coverage import seen_triangles
from vpengine.compose.wall import WallLevels, WallPicture, wall_mesh
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload, write
from vpengine.stage.walls import ArcWall, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View

LENS = Lens((24.89, 14.0), 35.0)
ARC = ArcWall(
    id="arc", tile_mm=(500.0, 500.0), tile_px=(16, 16), columns=16, rows=6, position_m=(0.0, 0.0, 0.0), arc_deg=120.0
)
GEOMETRY = wall_geometry(ARC)
SIZE = (64, 36)


def view_at(pan_deg: float) -> View:
    return camera_view(from_opentrackio((0.1, 0.3, 1.5), pan_deg, 1.0, 2.0), LENS, SIZE, 5.0)


class Bench:
    def __init__(self, context: Any) -> None:
        self.gpu = Gpu(context)
        rng = np.random.default_rng(1)
        self.inner = Target(self.gpu.context, SIZE, depth=True)
        write(self.inner.color, rng.uniform(0.2, 2.0, (36, 64, 4)).astype(np.float16))
        self.outer = upload(context, rng.uniform(0.1, 1.0, (48, 128, 4)).astype(np.float16))
        self.mesh = wall_mesh(self.gpu, GEOMETRY)

    def picture(self, view: View) -> Picture:
        assert self.inner.depth is not None
        return Picture(self.inner.color, self.inner.depth, view, Provenance("test"))

    def wall(self) -> WallPicture:
        return WallPicture(self.gpu, GEOMETRY, self.mesh, 1000.0, 0.5)


@pytest.fixture(scope="module")
def bench(gpu: Any) -> Bench:
    return Bench(gpu)


@pytest.mark.parametrize("pans", [(0.0, 3.0, 9.0, -20.0, 30.0), (-35.0, 35.0), (0.0, 150.0, 170.0, 0.0)])
def test_partly_drawn_equals_drawn_whole(bench: Bench, pans: tuple[float, ...]) -> None:
    levels = WallLevels(soft_edge_px=4.0, inner_gain=1.3)
    moving = bench.wall()
    for number, pan_deg in enumerate(pans):
        moving.draw([bench.picture(view_at(pan_deg))], bench.outer, levels, outer_moved=number == 0)
        whole = bench.wall()
        whole.draw([bench.picture(view_at(pan_deg))], bench.outer, levels)
        assert np.array_equal(download(moving.code.color), download(whole.code.color))
        whole.release()
    moving.release()


def test_changed_levels_are_drawn_everywhere(bench: Bench) -> None:
    wall, view = bench.wall(), view_at(0.0)
    wall.draw([bench.picture(view)], bench.outer, WallLevels())
    before = download(wall.code.color).copy()
    wall.draw([bench.picture(view)], bench.outer, WallLevels(outer_gain=2.0), outer_moved=False)
    after = download(wall.code.color)
    assert (after[:, :20, 0] > before[:, :20, 0]).mean() > 0.9  # the left end, far from the frustum
    wall.release()


@pytest.mark.parametrize("pan_deg", [-50.0, -10.0, 0.0, 25.0, 50.0, 100.0, 180.0])
def test_coverage_holds_every_tile_that_is_seen(pan_deg: float) -> None:
    view = view_at(pan_deg)
    seen = seen_triangles(GEOMETRY, view)
    corners = GEOMETRY.vertices_m[GEOMETRY.triangles]  # (triangles, 3, 3)
    weights = np.random.default_rng(2).dirichlet(np.ones(3), 400)
    for number, corner in enumerate(corners):
        ndc, depth_m = project(view, weights @ corner)
        if ((np.abs(ndc) < 1.0).all(axis=-1) & (depth_m > 0.0)).any():
            assert number in seen
    if abs(pan_deg) < 30.0:
        assert 0 < len(seen) < len(corners)
    if abs(pan_deg) > 150.0:
        assert len(seen) == 0
