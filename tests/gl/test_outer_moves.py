"""The walls outside the frustum before a plate that moves: what the surround saw of another moment has no word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.pillar_room import SNOW, room
from vpengine.compose.grading import GradeTable
from vpengine.compose.surround import Surrounds
from vpengine.compose.walls import Walls
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, write
from vpengine.stage.walls import FlatWall
from vpengine.view.color import acescct_from_linear
from vpengine.view.surround import FACES, surround_view
from vpengine.view.view import View, pixel_centres, rays

PX, EYE_M = 128, (0.2, -0.1, 1.5)
Draws = Callable[[View], tuple[NDArray[np.float32], NDArray[np.float32]]]


def later(view: View) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The room with stripes, which it had not."""
    color, depth_m = room(view)
    direction = rays(view, pixel_centres(view.resolution))
    across = direction[..., :1] / np.linalg.norm(direction, axis=-1, keepdims=True)
    return color * np.where(np.sin(14.0 * across) > 0.0, 5.0, 0.2).astype(np.float32), depth_m


class Clip:
    moves = True

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def draw(self, target: Target, view: View) -> None:
        color, depth_m = self._draws(view)
        write(target.color, np.concatenate([color, np.ones_like(color[..., :1])], axis=-1).astype(np.float16))
        assert target.depth is not None
        write(target.depth, depth_m[..., None].astype(np.float32))


@pytest.fixture
def surrounds(engine: Gpu):
    """All round, generated before the first of the room's moments: of it only the picture is left (gain 0)."""
    made = Surrounds(engine, PX, 3)
    for number in range(FACES):
        view = surround_view(np.array(EYE_M), number, PX)
        color, depth_m = room(view)
        cct = acescct_from_linear(color)
        planes = color.astype(np.float16), depth_m.astype(np.float32), np.zeros(depth_m.shape, np.float16)
        request = Request(
            number, 0, "room", ImageSet.of(*planes, view, Provenance("plate")), SNOW, 0.0, face=SurroundFace(0, number)
        )
        pixels = Pixels(np.zeros_like(cct, np.float16)), Pixels((cct + 0.1).astype(np.float16))
        made.add(
            Keyframe(request, *pixels, neutral_grade(), Provenance("test"), Timings(0.0, 0.0, 0.0)), 0.0, moves=True
        )
    made.enter("room", SNOW)
    for step in range(20):
        made.advance(0.1 * step)
    yield made
    made.release()


@pytest.mark.parametrize(("draws", "rise"), [(room, 0.1), (later, 0.0)], ids=["the same moment", "a later one"])
def test_the_surround_of_another_moment_is_not_shown(
    engine: Gpu, surrounds: Surrounds, draws: Draws, rise: float
) -> None:
    """What was generated is brighter by 0.1 ACEScct; a later moment is the clip's own, through the grade."""
    flat = FlatWall(tile_mm=(500.0, 500.0), tile_px=(24, 24), rows=6, position_m=(0.0, 3.0, 0.0), id="flat", columns=10)
    walls = Walls(engine, [flat], EYE_M, 256, surrounds=surrounds)
    walls.prepare("room", Clip(draws))
    grade = GradeTable(engine)

    def outer() -> Any:
        return acescct_from_linear(download(walls.outer("room", "flat"))[..., :3].astype(np.float32))

    plain = outer()
    walls.follow_at_once("room", grade, 1.0)
    shown = outer()
    assert np.median(shown - plain) == pytest.approx(rise, abs=0.01)
    assert np.mean(np.abs(shown - plain - rise) > 0.05) < 0.2  # edges, and stripes that happen to be as bright
    walls.release()
    grade.release()
