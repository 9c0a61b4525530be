"""The grade on the GPU: looked up as numpy looks it up, moving smoothly from one keyframe's table to the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from vpengine.compose.grading import FOLLOW_S, GradeTable
from vpengine.frames.grade_table import SHAPE, graded, neutral_grade
from vpengine.frames.keyframe import Grade
from vpengine.frames.look import Look
from vpengine.gpu import program as program_module
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Pass
from vpengine.gpu.program import shader_folder
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.neural.grade import coordinates

LOOKUP = """
#include "grade.glsl"
in vec2 uv;
layout(location = 0) out vec4 color;
uniform sampler2D colors;  // ACEScct
uniform sampler2D places;  // distance in metres, sine of the elevation
uniform sampler3D grade;
void main() {
    vec4 place = texture(places, uv);
    color = vec4(apply_grade(grade, texture(colors, uv).rgb, place.x, place.y), 1.0);
}
"""


@pytest.fixture
def table(gpu: Any) -> Iterator[GradeTable]:
    found = GradeTable(Gpu(gpu))
    yield found
    found.release()


def random_grade(seed: int) -> Grade:
    noise = np.random.default_rng(seed).normal(scale=0.2, size=(*SHAPE, 3, 4))
    return Grade((neutral_grade().table + noise).astype(np.float32))


def texels(table: GradeTable) -> np.ndarray:
    """The texture as a table again: (distance, elevation, luminance, 3, 4)."""
    distances, elevations, luminances = SHAPE
    raw = np.frombuffer(table.texture.read(alignment=1), np.float16).astype(float)
    return raw.reshape(3, luminances, elevations, distances, 4).transpose(3, 2, 1, 0, 4)


def test_the_shader_looks_up_as_numpy_does(
    gpu: Any, table: GradeTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A random table at random places, sky among them, against scipy's interpolation; every cell different."""
    (tmp_path / "lookup.frag").write_text(LOOKUP)
    for shared in ("include", "fullscreen.vert"):
        (tmp_path / shared).symlink_to(shader_folder() / shared)
    monkeypatch.setattr(program_module, "shader_folder", lambda: tmp_path)
    grade = random_grade(1)
    reach(table, grade)

    rng = np.random.default_rng(2)
    color = rng.uniform(-0.1, 1.1, (40, 40, 3)).astype(np.float32)
    distance_m = np.exp2(rng.uniform(-1.0, 10.0, (40, 40)))
    distance_m[:5] = np.inf
    sine = rng.uniform(-1.0, 1.0, (40, 40))
    places = np.zeros((40, 40, 4), np.float32)
    places[..., 0], places[..., 1] = np.where(np.isinf(distance_m), 1e9, distance_m), sine
    target = Target(gpu, (40, 40), dtype="f4")
    textures = {"colors": upload(gpu, color), "places": upload(gpu, places), "grade": table.texture}
    Pass(gpu, "lookup", defines=GradeTable.DEFINES).draw(target, textures)

    # Rays of unit length, so that depth and distance are one.
    ray = np.stack([np.sqrt(1.0 - sine**2), np.zeros_like(sine), sine], axis=-1)
    where = coordinates(distance_m, ray, color).reshape(-1, 3)
    axes = tuple(np.linspace(0.0, 1.0, side) for side in SHAPE)
    transform = RegularGridInterpolator(axes, grade.table.astype(float))(where)
    expected = graded(transform, color.reshape(-1, 3).astype(float)).reshape(40, 40, 3)
    shown = download(target.color)[..., :3]
    # Software GL filters with 8-bit fractions; the table is in half floats.
    assert np.abs(shown - expected).max() < 0.02
    assert np.abs(shown - expected).mean() < 0.002
    assert np.abs(shown - color).mean() > 0.1


def reach(table: GradeTable, grade: Grade) -> None:
    """Two looks a minute apart: it has arrived."""
    table.approach(grade, 0.0)
    table.approach(grade, 60.0)


def test_it_begins_neutral(table: GradeTable) -> None:
    np.testing.assert_array_equal(texels(table), neutral_grade().table)


def test_the_first_grade_does_not_jump(table: GradeTable) -> None:
    """The wall shows the plate when the first keyframe comes: it must not turn to night in one frame."""
    table.approach(random_grade(3), 100.0)
    np.testing.assert_array_equal(texels(table), neutral_grade().table)
    table.approach(random_grade(3), 100.0 + FOLLOW_S)
    assert (texels(table) != neutral_grade().table).any()


def test_later_ones_are_approached_with_the_time_constant(table: GradeTable) -> None:
    """After one time constant 63 percent of the way, in however many steps; never beyond."""
    start, end = random_grade(4), random_grade(5)
    reach(table, start)
    for step in range(1, 11):
        table.approach(end, 60.0 + step * FOLLOW_S / 10.0)
    share = 1.0 - np.exp(-1.0)
    np.testing.assert_allclose(texels(table), start.table + share * (end.table - start.table), atol=2e-3)
    table.approach(end, 120.0)
    np.testing.assert_allclose(texels(table), end.table, atol=1e-3)


def test_a_fixed_look_comes_to_rest(table: GradeTable) -> None:
    """Then the texture is not written any more, and whoever drew with it need not draw again."""
    table.approach(random_grade(6), 0.0)
    end = random_grade(7)
    tables = []
    for frame in range(120):
        table.approach(end, frame / 24.0)
        tables.append(table.table)
    assert tables[5] is not tables[0]
    assert tables[-1] is tables[72]
    np.testing.assert_allclose(texels(table), end.table, atol=1e-3)


def test_time_that_does_not_move_changes_nothing(table: GradeTable) -> None:
    reach(table, random_grade(8))
    before = texels(table)
    table.approach(random_grade(9), 60.0)
    table.approach(random_grade(9), 59.0)
    np.testing.assert_array_equal(texels(table), before)


def test_a_place_begins_as_another_stands(gpu: Any, table: GradeTable) -> None:
    """In a dissolve the coming location takes over the grade of the one it follows; or it begins neutral."""
    reach(table, random_grade(10))
    coming = GradeTable(Gpu(gpu))
    coming.start_from(table)
    np.testing.assert_array_equal(texels(coming), texels(table))
    coming.start_from(None)
    np.testing.assert_array_equal(texels(coming), neutral_grade().table)
    coming.release()


def test_a_cell_without_evidence_keeps_what_it_learnt(table: GradeTable) -> None:
    """The look rests, the camera whips round: what is out of the picture keeps its grade, until the look moves."""
    look, first, second = Look("weather", seed=1), random_grade(12), random_grade(13)
    evidence = np.zeros(SHAPE, np.float32)
    evidence[0] = 1.0
    for step in range(100):
        table.approach(first, step / 24.0, look)
    for step in range(100, 200):
        table.approach(Grade(second.table, evidence), step / 24.0, look)
    np.testing.assert_allclose(texels(table)[0], second.table[0], atol=2e-3)
    np.testing.assert_allclose(texels(table)[1:], first.table[1:], atol=2e-3)
    for step in range(200, 212):
        table.approach(Grade(second.table, evidence), step / 24.0, Look("weather", seed=2))
    assert np.abs(texels(table)[1:] - second.table[1:]).max() < 0.1 * np.abs(first.table[1:] - second.table[1:]).max()
