"""The walls outside the frustum: every wall pixel shows what the outer eye sees there, graded, mixed and lit."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from tests.geometry import project
from vpengine.compose.grading import GradeTable
from vpengine.compose.outer import OuterPicture
from vpengine.compose.wall import wall_mesh
from vpengine.compose.walls import WallLevels, Walls
from vpengine.frames.grade_table import SHAPE, neutral_grade
from vpengine.frames.keyframe import Grade
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, write
from vpengine.neural.grade import coordinates
from vpengine.plates.pattern import Pattern, pattern_color
from vpengine.stage.walls import ArcWall, FlatWall, WallSettings, position_in_stage, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.color import acescct_from_linear
from vpengine.view.faces import FACES, face_views
from vpengine.view.lens import Lens
from vpengine.view.light import Light
from vpengine.view.placement import AS_SET
from vpengine.view.pose import Pose
from vpengine.view.view import View

EYE_M = (0.3, -0.4, 1.6)
FACE_PX = 256
GRID: dict[str, Any] = {"tile_mm": (500.0, 500.0), "tile_px": (24, 24), "rows": 6, "position_m": (0.0, 3.0, 0.0)}
WALLS: dict[str, WallSettings] = {
    "flat": FlatWall(**GRID, id="flat", columns=10),
    "arc": ArcWall(**{**GRID, "position_m": (0.0, 0.0, 0.0)}, id="arc", columns=24, arc_deg=270.0),
    "ceiling": FlatWall(**{**GRID, "position_m": (0.0, 3.0, 3.2)}, id="ceiling", columns=10, tilt_deg=90.0),
}


@pytest.fixture(scope="module")
def engine(gpu: Any) -> Gpu:
    return Gpu(gpu)


@pytest.fixture(scope="module")
def pattern(gpu: Any) -> Pattern:
    """Smooth waves on a sphere at infinity: a formula of the direction alone."""
    made = Pattern(Pattern.Settings(period_deg=30.0, radius_m=0.0))
    made.upload(Gpu(gpu))
    return made


def outer_uv(settings: WallSettings) -> np.ndarray:
    """uv of the outer picture's pixels, (height, width, 2), row 0 at the top; it has half the wall's pixels."""
    width, height = (side // 2 for side in settings.resolution)
    u, v = (np.arange(width) + 0.5) / width, 1.0 - (np.arange(height) + 0.5) / height
    return np.stack(np.meshgrid(u, v), axis=-1)


def drawn(engine: Gpu, name: str, plate: Any) -> tuple[OuterPicture, np.ndarray]:
    """An outer picture of a wall, and its pixels."""
    geometry = wall_geometry(WALLS[name])
    outer = OuterPicture(engine, geometry, wall_mesh(engine, geometry), EYE_M)
    face = Target(engine.context, (FACE_PX, FACE_PX), depth=True)
    outer.draw_plate(plate, face)
    face.release()
    return outer, download(outer.texture).astype(np.float32)


def test_six_faces_see_every_direction() -> None:
    directions = np.random.default_rng(1).normal(size=(5000, 3))
    views = face_views(np.array(EYE_M), 16)
    seen = np.zeros(5000, int)
    for view in views:
        with np.errstate(divide="ignore"):
            ndc, depth_m = project(view, np.array(EYE_M) + directions)
        seen += (np.abs(ndc) <= 1.0).all(axis=-1) & (depth_m > 0.0)
    assert seen.min() >= 1
    assert len(views) == 6


@pytest.mark.parametrize("name", WALLS)
def test_every_wall_pixel_shows_its_direction(engine: Gpu, pattern: Pattern, name: str) -> None:
    """Against the formula of the pattern and the plain positions of the wall; no hole and no seam."""
    outer, shown = drawn(engine, name, pattern)
    point = position_in_stage(wall_geometry(WALLS[name]), outer_uv(WALLS[name]))
    expected = pattern_color(point - np.array(EYE_M), "grid", 30.0)
    assert shown.shape[:2] == expected.shape[:2]
    assert np.abs(shown[..., :3] - expected).max() < 0.02  # a face's texels are 0.35 degrees wide
    assert np.ptp(expected) > 0.4  # the pattern does vary over the wall
    assert (shown[..., 3] > 60000.0).all()  # at infinity
    outer.release()


class Lit:
    """A plate as bright as its sky, that fails once where ``fails`` is set."""

    fails = False

    def draw(self, target: Target, view: View) -> None:
        if self.fails:
            self.fails = False
            raise RuntimeError("no memory")
        target.framebuffer.clear(view.light.sky, view.light.sky, view.light.sky, 1.0)


def test_a_face_that_failed_is_relit_again(engine: Gpu) -> None:
    """And does not keep the others from their turn."""
    plate, night, walls = Lit(), Light(sky=0.25), Walls(engine, [WALLS["arc"]], EYE_M, 32)
    walls.prepare("lit", plate)
    plate.fails = True
    with pytest.raises(RuntimeError, match="no memory"):
        walls.relight("lit", plate, night)
    walls.relight("lit", plate, night)
    assert 0.2 < (download(walls.outer("lit", "arc"))[..., 0] < 0.3).mean() < 0.8, "another face has had its turn"
    for _ in range(FACES):
        walls.relight("lit", plate, night)
    assert np.abs(download(walls.outer("lit", "arc"))[..., :3].astype(float) - 0.25).max() < 1e-3
    walls.release()


def test_walls_share_the_faces_that_are_drawn_at_once(engine: Gpu) -> None:
    """Each once, and each wall has what it has alone."""
    plate, night, walls = Counted(), Light(sky=0.25), Walls(engine, list(WALLS.values()), EYE_M, 32)
    walls.prepare("lit", plate)
    plate.count = 0
    walls.relight("lit", plate, night, faces=None)
    assert plate.count == 5  # no wall shows what is below
    for name in WALLS:
        alone, _ = drawn(engine, name, plate)
        assert np.array_equal(download(walls.outer("lit", name)), relit(engine, alone, plate, night))
        alone.release()
    walls.release()


class Counted(Lit):
    """By direction too, so that a face in another's place is seen; counts how often it is drawn."""

    count = 0

    def draw(self, target: Target, view: View) -> None:
        self.count += 1
        level = view.light.sky * (0.5 + 0.25 * view.view_from_stage[2, 0] + 0.125 * view.view_from_stage[2, 1])
        target.framebuffer.clear(level, level, level, 1.0)


def relit(engine: Gpu, outer: OuterPicture, plate: Lit, light: Light) -> np.ndarray:
    face = Target(engine.context, (32, 32), depth=True)
    for number in range(FACES):
        view = outer.due(number, face.size, light, Fraction(0), AS_SET)
        if view is not None:
            plate.draw(face, view)
            outer.take_face(face, number, view)
    face.release()
    return download(outer.texture)


def test_alpha_is_the_distance_from_the_eye(engine: Gpu, gpu: Any) -> None:
    """On a sphere of 20 m round (0, 0, 1.6), seen from beside its middle."""
    sphere = Pattern(Pattern.Settings(period_deg=30.0, radius_m=20.0))
    sphere.upload(Gpu(gpu))
    outer, shown = drawn(engine, "arc", sphere)
    point = position_in_stage(wall_geometry(WALLS["arc"]), outer_uv(WALLS["arc"]))
    direction = (point - EYE_M) / np.linalg.norm(point - EYE_M, axis=-1, keepdims=True)
    start = np.array(EYE_M) - [0.0, 0.0, 1.6]
    along = direction @ start
    expected_m = -along + np.sqrt(along**2 - start @ start + 400.0)
    np.testing.assert_allclose(shown[..., 3], expected_m, rtol=5e-3)  # depth is that of the nearest texel
    outer.release()


def graded(table: GradeTable, grade: Grade) -> GradeTable:
    """A table that has arrived at a grade."""
    table.approach(grade, 0.0)
    table.approach(grade, 60.0)
    return table


def test_the_grade_is_followed(engine: Gpu, pattern: Pattern) -> None:
    """A grade that halves ACEScct, at every amount; at none the plate's own picture, untouched."""
    outer, plain = drawn(engine, "flat", pattern)
    table = graded(GradeTable(engine), Grade(neutral_grade().table * np.float32(0.5)))
    plate_texture = outer.texture
    assert outer.follow(table, 0.0)
    assert outer.texture is plate_texture
    cct = acescct_from_linear(plain[..., :3])
    for amount in (1.0, 0.5):
        assert outer.follow(table, amount)
        assert not outer.follow(table, amount)  # nothing moved: nothing is drawn
        shown = acescct_from_linear(download(outer.texture)[..., :3])
        np.testing.assert_allclose(shown, (1.0 - 0.5 * amount) * cct, atol=2e-3)
    table.approach(neutral_grade(), 200.0)
    assert outer.follow(table, 1.0)
    np.testing.assert_allclose(download(outer.texture)[..., :3], plain[..., :3], atol=2e-3)
    assert outer.follow(table, 0.0)
    assert outer.texture is plate_texture
    table.release()
    outer.release()


def test_the_grade_is_looked_up_by_distance_elevation_and_luminance(engine: Gpu, gpu: Any) -> None:
    """A table with another gain in every cell, on a sphere of 6 m, against scipy's interpolation."""
    sphere = Pattern(Pattern.Settings(period_deg=30.0, radius_m=6.0))
    sphere.upload(Gpu(gpu))
    outer, plain = drawn(engine, "arc", sphere)
    gains = np.random.default_rng(1).uniform(0.4, 1.0, SHAPE)
    table = graded(GradeTable(engine), Grade((neutral_grade().table * gains[..., None, None]).astype(np.float32)))
    outer.follow(table, 1.0)
    shown = acescct_from_linear(download(outer.texture)[..., :3])
    cct = acescct_from_linear(plain[..., :3])
    ray = position_in_stage(wall_geometry(WALLS["arc"]), outer_uv(WALLS["arc"])) - EYE_M
    where = coordinates(plain[..., 3] / np.linalg.norm(ray, axis=-1), ray, cct)
    axes = tuple(np.linspace(0.0, 1.0, side) for side in SHAPE)
    expected = RegularGridInterpolator(axes, gains)(where)[..., None] * cct
    assert np.abs(shown - expected).max() < 0.02
    assert np.abs(shown - expected).mean() < 0.002
    table.release()
    outer.release()


class Flat:
    """A plate of one light, at infinity."""

    def __init__(self, light: float) -> None:
        self.light = light

    def draw(self, target: Target, view: View) -> None:
        width, height = target.size
        write(target.color, np.full((height, width, 4), self.light, np.float16))
        assert target.depth is not None
        write(target.depth, np.full((height, width, 1), np.inf, np.float32))


def inner_picture(gpu: Any, light: float) -> Picture:
    """One light, for a camera that looks at the middle of the flat wall."""
    view = camera_view(Pose((0.0, 0.0, 1.5)), Lens((24.89, 14.0), 30.0), (80, 45))
    target = Target(gpu, (80, 45), depth=True)
    Flat(light).draw(target, view)
    assert target.depth is not None
    return Picture(target.color, target.depth, view, Provenance("plate:x"))


LEVELS = WallLevels(soft_edge_px=0.0, inner_visible=True, inner_gain=1.0, outer_gain=1.0)


@pytest.fixture
def walls(engine: Gpu) -> Any:
    made = Walls(engine, list(WALLS.values()), EYE_M, 32)
    made.prepare("street", Flat(0.25))
    made.prepare("hall", Flat(0.75))
    yield made
    made.release()


def draw_light(walls: Walls, inner: Picture, shares: tuple[tuple[str, float], ...], levels: WallLevels) -> None:
    """Every wall's light."""
    pool = TargetPool(walls._gpu)
    for name in walls.pictures:
        walls.draw_light(name, [inner], shares, levels, pool.lend)
    pool.release()


ONLY_STREET = (("street", 1.0),)


def light(walls: Walls, name: str) -> np.ndarray:
    return download(walls.pictures[name].light.color)[..., 0].astype(float)


def test_inside_the_frustum_inner_elsewhere_outer(gpu: Any, walls: Walls) -> None:
    """The frustum's edges on the flat wall are where plain triangles put them, one inner pixel soft."""
    draw_light(walls, inner_picture(gpu, 2.0), ONLY_STREET, LEVELS)
    shown = light(walls, "flat")
    height, width = shown.shape
    x_m = (np.arange(width) + 0.5) / width * 5.0 - 2.5
    z_m = 3.0 - (np.arange(height) + 0.5) / height * 3.0
    across_px = (1.0 - np.abs(x_m) / (3.0 * 24.89 / 60.0)) * 40.0
    upright_px = (1.0 - np.abs(z_m - 1.5) / (3.0 * 14.0 / 60.0)) * 22.5
    share = np.clip(np.minimum(across_px[None, :], upright_px[:, None]), 0.0, 1.0)  # within one inner pixel
    expected = 0.25 + 1.75 * share**2 * (3.0 - 2.0 * share)
    np.testing.assert_allclose(shown, expected, atol=2e-3)
    assert (light(walls, "ceiling") == 0.25).all()


def test_levels(gpu: Any, walls: Walls) -> None:
    picture = inner_picture(gpu, 2.0)
    cases = [
        (WallLevels(0.0, True, 0.5, 2.0), 1.0, 0.5),
        (WallLevels(0.0, False, 0.5, 2.0), 0.5, 0.5),
        (WallLevels(0.0, True, 1.0, 0.0), 2.0, 0.0),
    ]
    for levels, middle, corner in cases:
        draw_light(walls, picture, ONLY_STREET, levels)
        shown = light(walls, "flat")
        assert shown[72, 120] == middle
        assert shown[0, 0] == corner


def test_the_soft_edge_lies_within_the_frustum(gpu: Any, walls: Walls) -> None:
    """From the outer light at the edge to the inner light ten inner pixels further in, without a step."""
    draw_light(walls, inner_picture(gpu, 2.0), ONLY_STREET, WallLevels(10.0, True, 1.0, 1.0))
    row = light(walls, "flat")[72]
    x_m = (np.arange(240) + 0.5) / 240 * 5.0 - 2.5
    edge_m, ten_px_m = 3.0 * 24.89 / 60.0, 10.0 * (3.0 * 24.89 / 30.0) / 80.0
    assert (row[np.abs(x_m) > edge_m] == 0.25).all()
    assert (row[np.abs(x_m) < edge_m - ten_px_m] == 2.0).all()
    left = row[:120]
    assert (np.diff(left) >= 0.0).all()
    assert np.diff(left).max() < 0.25
    assert row[np.argmin(np.abs(np.abs(x_m) - (edge_m - ten_px_m / 2.0)))] == pytest.approx(1.125, abs=0.15)


@pytest.mark.parametrize("mix", [0.0, 0.3, 1.0])
def test_a_dissolve_mixes_light(gpu: Any, walls: Walls, mix: float) -> None:
    draw_light(walls, inner_picture(gpu, 2.0), (("street", 1.0 - mix), ("hall", mix)), LEVELS)
    assert light(walls, "ceiling") == pytest.approx(0.25 + 0.5 * mix, abs=1e-3)
    draw_light(walls, inner_picture(gpu, 2.0), (("hall", 1.0),), LEVELS)
    assert (light(walls, "ceiling") == 0.75).all()


def test_an_interrupted_dissolve_mixes_three(gpu: Any, walls: Walls, engine: Gpu) -> None:
    walls.prepare("field", Flat(2.0))
    shares = (("field", 0.5), ("hall", 0.3), ("street", 0.2))
    draw_light(walls, inner_picture(gpu, 2.0), shares, LEVELS)
    assert light(walls, "ceiling") == pytest.approx(0.5 * 2.0 + 0.3 * 0.75 + 0.2 * 0.25, abs=2e-3)


def test_one_wall_a_frame_takes_the_grade(gpu: Any, walls: Walls, engine: Gpu) -> None:
    """In turn, so that no frame draws all; after as many frames as walls all have it, and then none is drawn."""
    table = graded(GradeTable(engine), Grade(neutral_grade().table * np.float32(0.5)))
    picture = inner_picture(gpu, 0.25)
    changed = []
    for _ in range(5):
        walls.follow("street", table, 1.0)
        draw_light(walls, picture, ONLY_STREET, WallLevels(0.0, False, 1.0, 1.0))
        changed.append(sum(bool((light(walls, name) < 0.2).all()) for name in WALLS))
    assert changed == [1, 2, 3, 3, 3]
    table.release()


def test_locations_are_prepared_before_they_are_shown(walls: Walls) -> None:
    assert walls.prepared("street")
    assert not walls.prepared("cellar")
    with pytest.raises(KeyError):
        walls.follow("cellar", None, 1.0)  # type: ignore[arg-type]


def test_a_location_that_fails_on_the_way_is_prepared_when_it_is_tried_again(walls: Walls) -> None:
    class Faltering(Flat):
        faults = 2

        def draw(self, target: Target, view: View) -> None:
            if self.faults:
                self.faults -= 1
                raise RuntimeError("not yet")
            super().draw(target, view)

    plate = Faltering(0.5)
    for _ in range(2):
        walls.begin("faltering", plate)
        with pytest.raises(RuntimeError, match="not yet"):
            walls.carry_on()
        assert not walls.carry_on(), "it was given up"
        assert not walls.prepared("faltering")
    walls.prepare("faltering", plate)
    assert walls.prepared("faltering")


def test_each_location_takes_its_turn_at_every_wall(gpu: Any, engine: Gpu) -> None:
    """In a dissolve while both grades move, neither location may keep all the turns at one wall; two walls show it."""
    pair = ("flat", "ceiling")
    walls = Walls(engine, [WALLS[name] for name in pair], EYE_M, 32)
    walls.prepare("street", Flat(0.25))
    walls.prepare("hall", Flat(0.75))
    table = GradeTable(engine)
    unlit = WallLevels(inner_visible=False)
    picture = inner_picture(gpu, 0.25)
    drawn_walls: dict[str, set[str]] = {"street": set(), "hall": set()}
    before: dict[tuple[str, str], float] = {}
    for frame in range(12):
        graded(table, Grade(neutral_grade().table * np.float32(0.9 - 0.05 * frame)))
        for location, names in drawn_walls.items():
            walls.follow(location, table, 1.0)
            draw_light(walls, picture, ((location, 1.0),), unlit)
            for name in pair:
                level = float(light(walls, name).mean())
                names |= {name} if before.get((location, name), level) != level else set()
                before[location, name] = level
    assert drawn_walls == {"street": set(pair), "hall": set(pair)}
    table.release()
    walls.release()


def test_a_change_of_the_sky_alone_is_seen(engine: Gpu, pattern: Pattern) -> None:
    """A twentieth of a stop in one cell of the table is enough for the outer to be drawn again."""
    outer, _ = drawn(engine, "flat", pattern)
    table = graded(GradeTable(engine), neutral_grade())
    outer.follow(table, 1.0)
    sky = neutral_grade().table.copy()
    sky[-1, -1, -1, :, 3] += 0.05 / 17.52
    table.approach(Grade(sky), 500.0)
    assert outer.follow(table, 1.0)
    outer.release()


def test_a_location_that_comes_on_to_the_walls_is_graded_on_all_at_once(gpu: Any, walls: Walls, engine: Gpu) -> None:
    """Else the ceiling would light the actor for a frame by the day that the wall no longer shows."""
    table = graded(GradeTable(engine), Grade(neutral_grade().table * np.float32(0.5)))
    walls.follow_at_once("hall", table, 1.0)
    draw_light(walls, inner_picture(gpu, 0.25), (("hall", 1.0),), WallLevels(0.0, False, 1.0, 1.0))
    assert all((light(walls, name) < 0.6).all() for name in WALLS)
    table.release()
