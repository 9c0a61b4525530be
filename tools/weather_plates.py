"""Sheets of real plates under the looks, as the engine draws them: the street, domes and photographs.

    python tools/weather_plates.py            the shipped network; needs the shared data for domes and photographs

Each row a plate; the columns are the plate alone, the six looks at 0.5 and at 1.0, and three mixtures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from weather_photos import DATA, tile_of
from weather_report import save_sheet

from vpengine.cli.plate import from_image
from vpengine.compose.request_camera import RequestCamera
from vpengine.control.controls import Controls
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.lights import LightTable
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.neural.declared import looks_of
from vpengine.neural.depth_guess import DepthGuess
from vpengine.neural.generator import Plate
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.weather import FADERS, Weather
from vpengine.plates.dome import Dome
from vpengine.plates.still import Still
from vpengine.plates.street.plate import Street
from vpengine.view.camera import camera_view
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear, linear_from_acescct, srgb_encoded
from vpengine.view.lens import Lens
from vpengine.view.light import DAY
from vpengine.view.pose import from_opentrackio
from vpengine.view.rolloff import rolled_off
from vpengine.view.view import View

SIZE, TILE = (640, 360), 240
PEAK = 4.0  # times white, of the panel that the sheets are seen as on
MIXTURES = ({"night": 1.0, "snow": 1.0}, {"night": 1.0, "rain": 1.0}, {"fog": 0.5, "fire": 0.7})
LOOKS: tuple[dict[str, float], ...] = (
    {},
    *({name: value} for name in FADERS for value in (0.5, 1.0)),
    *MIXTURES,
)
STREET = (
    ((0.0, 0.0, 1.6), 0.0, 4.0),
    ((2.0, 18.0, 1.6), -35.0, 2.0),
    ((-1.5, 5.0, 2.2), 25.0, 8.0),
    ((0.0, 60.0, 5.0), 178.0, -4.0),
)
DOMES = ("venice_sunset_1k", "empty_warehouse_01_1k", "rooitou_park_1k", "potsdamer_platz_1k")
DOME_PANS_DEG = {"venice_sunset_1k": 0.0, "rooitou_park_1k": 0.0}
PHOTOGRAPHS = ("bay_tree.jpg", "jungle_coast.jpg", "palm_close.jpg", "sydney_harbour_bridge.jpg")


@dataclass(frozen=True, eq=False)
class Shot:
    """A plate that has gone up, and where it is seen from."""

    plate: Any
    view: View


class Studio:
    """Draws plates, and what the shipped network makes of them."""

    def __init__(self) -> None:
        self.gpu = Gpu(create_headless())
        self._camera = RequestCamera(self.gpu)
        self._weather = Weather(OnnxRuntime())
        self._guess = DepthGuess()
        self._looks = looks_of("weather")
        self._controls = Controls(ENGINE_CONTROLS).freeze(0.0)

    def up(self, plate: Any) -> Any:
        while plate.upload(self.gpu):
            pass
        return plate

    def linear(self, shot: Shot, values: dict[str, float]) -> NDArray[np.float32]:
        """The plate and its answer, (height, width, 3) scene-linear ACEScg."""
        look = self._looks.of(values)
        light = LightTable().light(look, self._controls) if getattr(shot.plate, "relights", False) else DAY
        view = replace(shot.view, light=light)
        drawn = self._camera.take(shot.plate, "plate", view, 0)
        cct = acescct_from_linear(drawn.color[..., :3].astype(np.float32)).astype(np.float32)
        height, width = cct.shape[:2]
        depth = np.asarray(drawn.depth_m, np.float32).reshape(height, width)
        noise = np.asarray(drawn.noise, np.float32).reshape(height, width)
        plate = Plate(cct, depth, noise, view)
        made = self._weather.generate(self._guess.of(plate) if drawn.flat else plate, look)
        return np.asarray(linear_from_acescct(made.gain * cct + made.bias), np.float32)

    def row(self, shot: Shot) -> NDArray[np.uint8]:
        return np.concatenate([tile_of(shown(self.linear(shot, values)), TILE) for values in LOOKS], axis=1)


def shown(linear: NDArray[np.float32]) -> NDArray[np.float64]:
    """As on a wall whose peak is PEAK times white, its highlights rolled off: 0 to 1, encoded, peak is 1."""
    level = rolled_off(linear.astype(float) @ REC709_FROM_ACESCG.T / PEAK)
    return np.asarray(srgb_encoded(np.clip(level * PEAK, 0.0, 1.0)))


def view_at(position_m: tuple[float, float, float], pan_deg: float, tilt_deg: float, focal_mm: float = 18.0) -> View:
    pose = from_opentrackio(position_m, pan_deg, tilt_deg, 0.0)
    return camera_view(pose, Lens((24.89, 14.0), focal_mm), SIZE)


def sun_pan_deg(path: Path) -> float:
    """Where a dome's brightest place is, as a pan: so that the sheets show what is hard."""
    from vpengine.plates.image_file import read_picture  # noqa: PLC0415

    pixels = read_picture(path, None).pixels[..., :3].astype(float).sum(axis=-1)
    column = int(np.argmax(pixels.max(axis=0)))
    return -((column + 0.5) / pixels.shape[1] * 360.0 - 180.0)


def shots(studio: Studio, folder: Path) -> Iterator[tuple[str, list[Shot]]]:
    """By sheet; sheets whose data is not there are left out."""
    street = studio.up(Street(Street.Settings()))
    yield "street", [Shot(street, view_at(*place)) for place in STREET]
    domes = [DATA / "hdri" / f"{name}.hdr" for name in DOMES]
    if all(path.exists() for path in domes):
        plates = [studio.up(Dome(Dome.Settings(file=path))) for path in domes]
        yield (
            "domes",
            [
                Shot(plate, view_at((0.0, 0.0, 1.6), sun_pan_deg(path) + 14.0, 6.0))
                for plate, path in zip(plates, domes, strict=True)
            ],
        )
    photographs = [DATA / "plates" / name for name in PHOTOGRAPHS]
    if all(path.exists() for path in photographs):
        yield (
            "photographs",
            [
                Shot(studio.up(with_depth(path, folder)), view_at((0.0, 0.0, 1.6), 0.0, 0.0, 24.0))
                for path in photographs
            ],
        )


def with_depth(path: Path, folder: Path) -> Still:
    """As ``vpengine plate from-image`` makes it, filling the lens."""
    depth = folder / f"{path.stem}.depth.exr"
    from_image(path, to=depth, **FROM_IMAGE)
    return Still(Still.Settings(file=path, depth=depth, distance_m=20.0, width_m=22.0, center_height_m=1.6))


FROM_IMAGE: dict[str, Any] = {
    "depth": None, "unit": 1.0, "disparity": None, "baseline": 0.0, "offset": 0.0, "fill": False, "network": None,
    "metric": False, "focal": 0.0, "horizon": 0.45, "eye_height": 1.6, "color_space": None, "layers": False,
}  # fmt: skip


def main() -> None:
    studio = Studio()
    with TemporaryDirectory() as folder:
        for name, each in shots(studio, Path(folder)):
            save_sheet(np.concatenate([studio.row(shot) for shot in each]), f"looks_{name}.jpg")
            print(f"wrote docs/weather/looks_{name}.jpg", file=sys.stderr)


if __name__ == "__main__":
    main()
