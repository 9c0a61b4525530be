"""The line-up chart on paper: tiles and metres where the wall's own geometry has them, greys by the wall's curve."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vpengine.compose.chart_layout import ChartLayout, Rect, code_of_nits, in_words, nits_of_code
from vpengine.compose.chart_paint import FRAME, INK, OUTLINE, TILE_INK, chart_image
from vpengine.compose.charts import CORNER_MARGIN, CORNER_RING, LINE, RINGS, circle_margin
from vpengine.stage.walls import ArcWall, FlatWall, WallSettings, position_in_stage, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.glyphs import dots, glyph
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import rays

AT = (0.0, 3.0, 0.0)
ARC = ArcWall(
    id="main", tile_mm=(500.0, 500.0), tile_px=(64, 64), columns=16, rows=6, position_m=(0, 0, 0), arc_deg=120.0
)
FLAT = FlatWall(id="flat_1", tile_mm=(500.0, 1000.0), tile_px=(64, 128), columns=8, rows=3, position_m=AT)
BIG = FlatWall(id="b-2", tile_mm=(500.0, 500.0), tile_px=(192, 192), columns=20, rows=8, position_m=AT)
TV = FlatWall(
    id="tv",
    tile_mm=(1430.0, 804.0),
    tile_px=(1280, 720),
    columns=1,
    rows=1,
    position_m=AT,
    peak_nits=400.0,
    black_nits=0.4,
)
TOWER = FlatWall(id="tower", tile_mm=(500.0, 1000.0), tile_px=(128, 256), columns=2, rows=4, position_m=AT)
LAMP = FlatWall(id="lamp", tile_mm=(500.0, 500.0), tile_px=(16, 16), columns=12, rows=6, position_m=AT)
SLIVER = FlatWall(id="s", tile_mm=(500.0, 500.0), tile_px=(8, 8), columns=1, rows=5, position_m=AT)
COLUMN = FlatWall(id="c", tile_mm=(500.0, 500.0), tile_px=(128, 128), columns=1, rows=10, position_m=AT)
TICKER = FlatWall(id="t", tile_mm=(500.0, 62.5), tile_px=(128, 16), columns=8, rows=1, position_m=AT)
WALLS = (ARC, FLAT, BIG, TV, TOWER, LAMP, SLIVER)
with_walls = pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.id)


def part(image: np.ndarray, rect: Rect) -> np.ndarray:
    return image[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width, :3]


@pytest.mark.parametrize("wall", [ARC, FLAT, BIG, TV, TOWER], ids=lambda wall: wall.id)
def test_every_tile_has_its_number_in_it(wall: WallSettings) -> None:
    """Column from the left and row from the bottom, as in the stage file; drawn, dot by dot, within its own tile."""
    layout, image = ChartLayout(wall), chart_image(ChartLayout(wall))
    assert len(layout.tile_labels) == wall.columns * wall.rows
    width, height = wall.tile_px
    for (column, row), label in layout.tile_labels.items():
        assert label.text == f"{column}.{row}"
        tile = Rect((column - 1) * width, (wall.rows - row) * height, width, height)
        assert tile.holds(label.rect)
        inked = (part(image, label.rect) == TILE_INK).all(axis=-1)
        assert np.array_equal(inked, dots(label.text, label.dot_px))


def test_small_tiles_have_a_running_number_where_there_is_room() -> None:
    labels = ChartLayout(LAMP).tile_labels
    assert labels[1, 1].text == "1"
    assert labels[12, 6].text == "72"
    assert all(labels[tile].text == str((tile[1] - 1) * 12 + tile[0]) for tile in labels)
    assert ChartLayout(SLIVER).tile_labels == {}


@with_walls
def test_the_outermost_pixels_are_one_saturated_colour(wall: WallSettings) -> None:
    image = chart_image(ChartLayout(wall))[..., :3]
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (edge == FRAME).all()
    assert not (image[1:-1, 1:-1] == FRAME).all(axis=-1).any()


def test_tiles_have_borders_of_their_own() -> None:
    image = chart_image(ChartLayout(BIG))
    x, y = 192 * 7, 192 * 7  # a corner where no grid line is: half metres from the lower left, between two tiles
    assert (image[y + 40 : y + 80, x - 1 : x + 1, :3] == OUTLINE).all()
    assert not (image[y + 40 : y + 80, [x - 2, x + 1], :3] == OUTLINE).all(axis=-1).any()


@with_walls
def test_lines_are_at_their_metres(wall: WallSettings) -> None:
    """Measured on the stage: along the tiles' edges on the floor, as a tape lies, and up from the lower edge."""
    layout, geometry = ChartLayout(wall), wall_geometry(wall)
    foot = geometry.bottom_m
    tape_m = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(foot, axis=0), axis=1))])
    width, height = wall.resolution
    for metres, x in layout.columns_m.items():
        middle_px = x + layout.line_px / 2
        point = position_in_stage(geometry, np.array([[middle_px / width, 0.0]]))[0]
        edge = min(int(middle_px / width * (len(foot) - 1)), len(foot) - 2)
        along_m = tape_m[edge] + np.linalg.norm(point - foot[edge])
        assert abs(along_m - metres) * width / wall.size_m[0] <= 1.0
    for metres, y in layout.rows_m.items():
        point = position_in_stage(geometry, np.array([[0.0, 1.0 - (y + layout.line_px / 2) / height]]))[0]
        assert abs(np.linalg.norm(point - foot[0]) - metres) * height / wall.size_m[1] <= 1.0


@pytest.mark.parametrize("wall", [ARC, FLAT, BIG, TV], ids=lambda wall: wall.id)
def test_a_metre_grid_has_its_numbers(wall: WallSettings) -> None:
    layout, image = ChartLayout(wall), chart_image(ChartLayout(wall))
    assert layout.grid_step_m == (0.25 if wall is TV else 1.0)
    texts = {label.text for label in layout.grid_labels}
    assert {f"{metres:g}" for metres in layout.columns_m} <= texts
    for label in layout.grid_labels:
        beside = label.y > image.shape[0] * 0.9
        lines = layout.columns_m if beside else layout.rows_m
        line = lines[float(label.text)]
        assert 0 < (label.x - line if beside else line - label.y) < 12 * layout.dot_px  # beside its own line
        assert ((part(image, label.rect) == INK).all(axis=-1) == dots(label.text, label.dot_px)).all()


@with_walls
def test_greys_are_stops_below_peak_by_the_wall_s_curve(wall: WallSettings) -> None:
    """The code value is sRGB's of the share of the panel's range; what is written is what that code value gives."""
    layout, image = ChartLayout(wall), chart_image(ChartLayout(wall))
    for stop, step in enumerate(layout.steps[:-1]):
        nits = wall.peak_nits / 2.0**stop
        level = (nits - wall.black_nits) / (wall.peak_nits - wall.black_nits)
        encoded = 12.92 * level if level <= 0.0031308 else 1.055 * level ** (1 / 2.4) - 0.055
        assert step.code == round(255 * encoded)
    for step in layout.steps:
        assert (part(image, step.rect) == step.code).all()
        assert abs(float(step.label.text) - nits_of_code(step.code, wall)) < 0.006 * nits_of_code(step.code, wall) + 0.5
        assert ((part(image, step.label.rect) == INK).all(axis=-1) == dots(step.label.text, step.label.dot_px)).all()
    if layout.steps:
        assert (layout.steps[0].code, layout.steps[-1].code) == (255, 0)
        assert layout.steps[-1].label.text == in_words(wall.black_nits)
    assert len(layout.steps) >= (5 if wall is not SLIVER else 0)


def test_nits_and_codes_are_each_other_s_inverse() -> None:
    assert [code_of_nits(nits_of_code(code, TV), TV) for code in range(256)] == list(range(256))


@with_walls
def test_patches_at_peak_and_nothing_on_anything(wall: WallSettings) -> None:
    layout, image = ChartLayout(wall), chart_image(ChartLayout(wall))
    for rect, color in layout.patches:
        assert (part(image, rect) == color).all()
    inside = Rect(0, 0, *wall.resolution)
    assert all(inside.holds(panel) for panel in layout.panels)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(layout.panels, 2))
    if wall is not SLIVER:
        assert len(layout.patches) == 4
        assert layout.name is not None
        assert layout.counter is not None
        assert ((part(image, layout.name.rect) == INK).all(axis=-1) == dots(wall.id, layout.name.dot_px)).all()


@pytest.mark.parametrize("wall", [*WALLS, COLUMN], ids=lambda wall: wall.id)
def test_the_cross_is_the_very_middle(wall: WallSettings) -> None:
    cross = (chart_image(ChartLayout(wall))[..., :3] == (0, 255, 255)).all(axis=-1)
    assert cross.any()
    assert np.array_equal(cross, cross[::-1, ::-1])


@pytest.mark.parametrize("wall", [*WALLS, COLUMN, TICKER], ids=lambda wall: wall.id)
def test_what_is_drawn_is_on_the_wall_however_low_or_narrow_it_is(wall: WallSettings) -> None:
    layout, whole = ChartLayout(wall), Rect(0, 0, *wall.resolution)
    labels = [step.label.rect for step in layout.steps] + [label.rect for label in layout.tile_labels.values()]
    assert all(whole.holds(rect) for rect in (*layout.panels, *layout.cross, *labels))
    image = chart_image(layout)[..., :3]
    assert (image[1:-1, 1:-1] != image[1, 1]).any()
    assert (image[0] == FRAME).all()


@pytest.mark.parametrize("pan", [0.0, 25.0, -40.0])
def test_circles_are_round_in_the_camera_s_picture(pan: float) -> None:
    """Also with a lens that is shifted: directions at a radius round the picture's middle."""
    lens = Lens((24.0, 13.5), 24.0, projection_offset_mm=(0.8, -0.4))
    view = camera_view(from_opentrackio((0.3, -0.2, 1.4), pan, 8.0, 5.0), lens, (160, 90))
    turn = np.linspace(0.0, 2.0 * np.pi, 60)
    round_ = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    middle = (24.0 / 13.5 - CORNER_MARGIN, 1.0 - CORNER_MARGIN)
    for center, radius in [((0.0, 0.0), ring) for ring in RINGS] + [(middle, CORNER_RING)]:
        for off, inside in ((0.0, True), (0.9 * LINE, True), (1.1 * LINE, False), (-1.1 * LINE, False)):
            image = np.array(center) + (radius + off) * round_
            ndc = image * (13.5 / 24.0, 1.0)
            points_m = view.origin_m + rays(view, ndc) * 3.0
            margin = circle_margin(view, BIG, points_m)
            assert ((margin < 0.0) == inside).all()
    behind = view.origin_m - rays(view, np.array([[0.0, 0.5 * 13.5 / 24.0 * 24.0 / 13.5]])) * 3.0
    assert (circle_margin(view, BIG, behind) > 0.0).all()


def test_letters() -> None:
    """The glyphs of what ids and numbers are made of are all different, and known ones look as they do."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
    drawn = {letter: glyph(letter).tobytes() for letter in letters}
    assert len(set(drawn.values())) == len(letters)
    assert glyph("l").tolist()[0] == [True, False, False, False, False]
    assert dots("1.2", 2).shape == (14, 34)
    assert not dots("I L", 1)[:, 5].any()
    assert glyph("é").sum() == 20  # a hollow box: what has no glyph is not left out silently
