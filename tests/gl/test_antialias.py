"""Several samples a pixel: edges as smooth as of a picture four times as large, and depths that are of something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from vpengine.compose.eyes import Eyes
from vpengine.compose.jobs import DrawPlate
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.transfer import download
from vpengine.plates.pattern import Pattern
from vpengine.plates.street.plate import Street
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, from_opentrackio

SIZE, FINER = (160, 90), 8
POSE, LENS = from_opentrackio((0.0, 0.0, 1.6), -8.0, 6.0, 0.0), Lens((24.89, 14.0), 24.0)


class Drawing:
    """Eyes that draw plates, lent what they need."""

    def __init__(self, context: Any) -> None:
        self.gpu = Gpu(context)
        self.pool = TargetPool(self.gpu)
        self.plates = {"street": Street(Street.Settings()), "pattern": Pattern(Pattern.Settings(style="checker"))}
        for plate in self.plates.values():
            plate.upload(self.gpu)
        self.eyes = Eyes(self.gpu, self.plates, SIZE, 2)

    @property
    def lend(self) -> Any:
        return self.pool.lend

    def draw(
        self, samples: int, size: tuple[int, int] = SIZE, location: str = "street", pose: Pose = POSE
    ) -> tuple[Any, Any]:
        view = camera_view(pose, LENS, size)
        job = DrawPlate(
            name="plate", priority=0, meanwhile="", location=location, view=view, depth=True, samples=samples
        )
        drawn: Picture = self.eyes.draw_plate(job, self)  # type: ignore[arg-type]
        assert drawn.depth is not None
        return download(drawn.color)[..., :3].astype(float), download(drawn.depth)[..., 0].astype(float)


@pytest.fixture(scope="module")
def drawing(gpu: Any) -> Iterator[Drawing]:
    made = Drawing(gpu)
    yield made
    for plate in made.plates.values():
        plate.release()


def shown(color: np.ndarray) -> np.ndarray:
    return np.clip(color, 0.0, 1.0) ** (1.0 / 2.4)


def test_edges_are_those_of_a_finer_picture(drawing: Drawing) -> None:
    """Beside the mean of eight times eight pixels for each; off the edges nothing is otherwise."""
    (one, _), (four, _) = drawing.draw(1), drawing.draw(4)
    fine, _ = drawing.draw(1, (SIZE[0] * FINER, SIZE[1] * FINER))
    truth = fine.reshape(SIZE[1], FINER, SIZE[0], FINER, 3).mean(axis=(1, 3))
    edge = np.abs(one - four).max(axis=-1) > 0.02
    assert 0.03 < edge.mean() < 0.4
    errors = [np.sqrt(np.mean((shown(picture)[edge] - shown(truth)[edge]) ** 2)) for picture in (one, four)]
    assert errors[1] < 0.6 * errors[0]


def test_a_depth_is_of_what_stands_there(drawing: Drawing) -> None:
    """Never between two things: it is what one sample sees, here or in the next pixel."""
    (_, one), (_, four) = drawing.draw(1), drawing.draw(4)
    around = np.stack([np.roll(one, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
    with np.errstate(invalid="ignore"):
        near = np.isclose(around, four, rtol=0.02) | (np.isinf(around) & np.isinf(four))
    assert near.any(axis=0)[2:-2, 2:-2].mean() > 0.985  # the rest are wires, thinner than what is looked at


def test_a_wire_s_edge_has_no_light_below_nought(drawing: Drawing) -> None:
    """What is interpolated must not be asked for beside a sliver's edge: black specks would run along wires."""
    for step in (6, 10, 20):
        color, _ = drawing.draw(4, (480, 270), pose=from_opentrackio((0.03 * step, 0.0, 1.6), 0.0, 8.0, 0.0))
        assert color.min() >= 0.0


def test_what_has_no_edges_is_drawn_as_ever(drawing: Drawing) -> None:
    for one, four in zip(drawing.draw(1, location="pattern"), drawing.draw(4, location="pattern"), strict=True):
        assert np.array_equal(one, four)


def test_a_driver_that_has_fewer_samples_gives_what_it_has(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(drawing.gpu), "most_samples", property(lambda _: 0))
    assert np.array_equal(drawing.draw(4)[0], drawing.draw(1)[0])
