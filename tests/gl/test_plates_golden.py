"""Golden images of the plates, as a monitor shows them (linear light through the sRGB curve, no tone mapping)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.dome import Dome
from vpengine.plates.pattern import Pattern
from vpengine.plates.plate import Plate
from vpengine.plates.still import Still
from vpengine.plates.street.plate import Street
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

SIZE = (320, 180)
Golden = Callable[..., None]


def picture(
    gpu: Any, plate: Plate, position_m: tuple[float, float, float], pan: float, tilt: float, focal: float
) -> Any:
    pose = from_opentrackio(position_m, pan, tilt, 0.0)
    view = View(view_from_stage(pose), clip_from_view(Lens((36.0, 20.25), focal)), SIZE)
    target = Target(gpu, SIZE, depth=True)
    plate.draw(target, view)
    linear = np.clip(download(target.color)[..., :3].astype(float) @ REC709_FROM_ACESCG.T, 0.0, 1.0)
    target.release()
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255.0 + 0.5).astype(np.uint8)


@pytest.fixture(scope="module")
def street(gpu: Any) -> Iterator[Street]:
    plate = Street(Street.Settings())
    plate.upload(Gpu(gpu))
    yield plate
    plate.release()


def test_street_ahead(gpu: Any, street: Street, golden: Golden) -> None:
    """A street in late sun: lit facades with balconies and shops on the right, a cool shaded side with a utility pole
    on the left, parked cars, a crossing, trees, and a row of houses in haze at the far end under a blue sky."""
    golden("plates/street_ahead", picture(gpu, street, (0.0, 0.0, 1.6), 0.0, 3.0, 35.0))


def test_street_right(gpu: Any, street: Street, golden: Golden) -> None:
    """The sunlit side: awnings over shop windows with goods, lettered boards, a car, leaves' shadows on the wall."""
    golden("plates/street_right", picture(gpu, street, (1.0, -2.0, 1.2), -40.0, 6.0, 28.0))


def test_street_up(gpu: Any, street: Street, golden: Golden) -> None:
    """What an LED ceiling shows: cornices on both sides, wires, a sky that brightens towards the hidden sun."""
    golden("plates/street_up", picture(gpu, street, (0.0, 0.0, 1.6), 15.0, 55.0, 24.0))


def test_pattern_grid(gpu: Any, golden: Golden) -> None:
    """Smooth blobs of colour, about as far apart everywhere, without any edge."""
    plate = Pattern(Pattern.Settings(style="grid"))
    plate.upload(Gpu(gpu))
    golden("plates/pattern_grid", picture(gpu, plate, (0.5, 0.0, 1.8), 20.0, 10.0, 24.0))


def test_pattern_checker(gpu: Any, golden: Golden) -> None:
    """Green checks ahead with a bright arrow that points up, cyan checks to the left, a pale blue ceiling."""
    plate = Pattern(Pattern.Settings(style="checker", radius_m=10.0))
    plate.upload(Gpu(gpu))
    golden("plates/pattern_checker", picture(gpu, plate, (0.0, 0.0, 1.6), 25.0, 15.0, 14.0))


def test_pattern_ramp(gpu: Any, golden: Golden) -> None:
    """Nine bands of grey from black on the left to white on the right, these two to the picture's ends. The camera
    looks up: the bands draw together towards the top.
    """
    plate = Pattern(Pattern.Settings(style="ramp", steps=9, span_deg=60.0))
    plate.upload(Gpu(gpu))
    golden("plates/pattern_ramp", picture(gpu, plate, (0.0, 0.0, 1.6), 0.0, 35.0, 28.0))


def test_pattern_focus(gpu: Any, golden: Golden) -> None:
    """A star of fine rays straight ahead, others diagonally from it, on grey; between them squares of lines in five
    widths, finer to the right, upright in their upper halves and level in their lower.
    """
    plate = Pattern(Pattern.Settings(style="focus", finest_deg=0.5))
    plate.upload(Gpu(gpu))
    golden("plates/pattern_focus", picture(gpu, plate, (0.0, 0.0, 1.6), 0.0, 0.0, 22.0))


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """128 x 64: a white frame and a diagonal over ramps, red to the right and green upwards."""
    x, y = np.meshgrid(np.linspace(0, 1, 128), np.linspace(1, 0, 64))
    image = np.stack([220 * x, 220 * y, np.full_like(x, 60)], axis=-1).astype(np.uint8)
    image[[0, 1, -2, -1]] = image[:, [0, 1, -2, -1]] = 255
    image[np.abs(x - y) < 0.02] = 255
    Image.fromarray(image).save(tmp_path / "chart.png")
    return tmp_path / "chart.png"


def test_still_on_its_card(gpu: Any, chart: Path, golden: Golden) -> None:
    """A chart hanging at an angle: white frame and diagonal, and all of it mirrored around it, softer outwards."""
    plate = Still(Still.Settings(file=chart, distance_m=8.0, width_m=8.0, center_height_m=1.6, yaw_deg=-15.0))
    plate.upload(Gpu(gpu))
    golden("plates/still", picture(gpu, plate, (-1.5, 0.0, 1.0), -12.0, 6.0, 24.0))
    plate.release()


def test_dome_all_round(gpu: Any, chart: Path, golden: Golden) -> None:
    """The same chart as a dome, seen where its sides meet: a white line, red on its left, green on its right."""
    plate = Dome(Dome.Settings(file=chart))
    plate.upload(Gpu(gpu))
    golden("plates/dome", picture(gpu, plate, (0.0, 0.0, 1.6), 180.0, 10.0, 18.0))
    plate.release()
