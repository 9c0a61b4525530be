"""What walls are sent of highlights: as the numpy twin has it; and of a chart, every code value as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.unit.test_rolloff import PRIMARIES, SATURATED, TIMES_PEAK, ramps, turned_deg
from vpengine.app import App, RunOptions
from vpengine.compose.wall import WallLevels, WallPicture, wall_mesh
from vpengine.control import declared
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.plates.pattern import Pattern
from vpengine.stage.walls import FlatWall, wall_geometry
from vpengine.view.camera import camera_view
from vpengine.view.color import REC709_FROM_ACESCG, srgb_encoded
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.rolloff import KNEE, rolled_off

PEAK_NITS, BLACK_NITS, WHITE_NITS = 1200.0, 0.5, 150.0
COLORS = np.concatenate([SATURATED, 0.5 * SATURATED + 0.5, PRIMARIES @ REC709_FROM_ACESCG.T])
ASKED = ramps(COLORS)  # in times peak, of the panel's primaries: (colours, levels, 3)
ROLLED, CLIPPED = WallLevels(inner_visible=False, dither=False, rolloff=1.0), WallLevels(False, False, dither=False)


class Bench:
    """A wall of a pixel for every colour asked for, outside every frustum."""

    def __init__(self, gpu: Gpu, asked: NDArray[Any], black_nits: float = BLACK_NITS) -> None:
        height, width = asked.shape[:2]
        settings = FlatWall(
            id="w", tile_mm=(5000.0, 1000.0), tile_px=(width, height), columns=1, rows=1, position_m=(0.0, 3.0, 0.0)
        )
        geometry = wall_geometry(settings)
        self.wall = WallPicture(gpu, geometry, wall_mesh(gpu, geometry), PEAK_NITS, black_nits, 1, WHITE_NITS)
        acescg = (asked * PEAK_NITS / WHITE_NITS) @ np.linalg.inv(REC709_FROM_ACESCG).T
        self.outer = upload(gpu.context, np.dstack([acescg, np.ones((height, width))]).astype(np.float32))
        inner = Target(gpu.context, (8, 8), depth=True)
        assert inner.depth is not None
        view = camera_view(Pose(), Lens((24.89, 14.0), 35.0), (8, 8))
        self.inners = [Picture(inner.color, inner.depth, view, Provenance("test"))]

    def codes(self, levels: WallLevels) -> NDArray[Any]:
        self.wall.draw(self.inners, self.outer, levels)
        return download(self.wall.code.color)[..., :3].astype(float)

    def light(self, levels: WallLevels) -> NDArray[Any]:
        """What a simulated camera sees, in times peak of the panel's primaries."""
        self.wall.draw_light(self.inners, self.outer, levels)
        light = download(self.wall.light.color)[..., :3].astype(float)
        return light @ REC709_FROM_ACESCG.T * WHITE_NITS / PEAK_NITS


def code_of(times_peak: NDArray[Any], black_nits: float = BLACK_NITS) -> NDArray[Any]:
    """The code value that is meant, not rounded: code value 1.0 is the peak's nits."""
    level = (times_peak * PEAK_NITS - black_nits) / (PEAK_NITS - black_nits)
    return 255.0 * srgb_encoded(np.clip(level, 0.0, 1.0))


@pytest.fixture
def bench(gpu: Any) -> Bench:
    return Bench(Gpu(gpu), ASKED)


def test_the_wall_is_what_numpy_says(bench: Bench) -> None:
    assert np.abs(bench.codes(ROLLED) - code_of(rolled_off(ASKED))).max() < 0.6  # half of it is rounding
    shares = WallLevels(inner_visible=False, dither=False, rolloff=0.4)
    assert np.abs(bench.codes(shares) - code_of(rolled_off(ASKED, 0.4))).max() < 0.6


def test_a_camera_sees_the_same(bench: Bench) -> None:
    np.testing.assert_allclose(bench.light(ROLLED), rolled_off(ASKED), atol=2e-3)
    high = ASKED.max(axis=-1, keepdims=True)  # half floats: to a thousandth, and the conversions to and from ACEScg
    np.testing.assert_allclose(bench.light(CLIPPED) / high, ASKED / high, atol=2e-3)


def test_off_is_as_it_was_and_below_half_of_the_peak_so_is_on(bench: Bench) -> None:
    assert np.abs(bench.codes(CLIPPED) - code_of(ASKED)).max() < 0.51
    below = (ASKED.max(axis=-1) <= KNEE) & (ASKED.min(axis=-1) >= 0.0)
    assert below.sum() > 1000
    np.testing.assert_array_equal(bench.codes(ROLLED)[below], bench.codes(CLIPPED)[below])


def test_hue_stays_on_the_wall(gpu: Any) -> None:
    """Of ten saturated colours to 16 times peak; eight bits have no hue where they are dark: from 0.05 of the peak."""
    bench = Bench(Gpu(gpu), ramps(SATURATED), black_nits=0.0)
    code = bench.codes(ROLLED) / 255.0
    shown = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    lit = TIMES_PEAK > 0.05
    assert turned_deg(shown, ramps(SATURATED))[:, lit].max() < 5.0
    assert (code[:, -1].max(axis=-1) == 1.0).all()  # 16 times peak is the peak


def test_a_chart_arrives_exactly_and_a_picture_rolls_off(small_stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small stage's scenes are patterns; at four stops more, so that they go far beyond the peak."""
    walls = {}
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    small_stage.write_text(text, encoding="utf-8")
    with App(RunOptions(small_stage, headless=True, unpaced=True)) as app:
        app.wait_until_ready()
        for address in (declared.INNER_EXPOSURE, declared.OUTER_EXPOSURE):
            app.desk.controls.set(address, 4.0)
        for chart in (True, False):
            monkeypatch.setattr(Pattern, "exact", chart)
            for rolloff in (True, False):
                app.desk.controls.set(declared.WALL_ROLLOFF, rolloff)
                app.run_frames(2)
                wall = app.compositor.walls.pictures[app.files.stage.walls[0].id]
                walls[chart, rolloff] = download(wall.code.color).copy()
    assert (walls[True, True][..., :3] == 255).any()
    np.testing.assert_array_equal(walls[True, True], walls[True, False])
    np.testing.assert_array_equal(walls[False, False], walls[True, False])
    assert (walls[False, True] != walls[False, False]).mean() > 0.05
