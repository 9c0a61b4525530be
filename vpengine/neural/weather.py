"""The embedded generator `weather`: snow, night, fog, dust, rain and fire on any picture that has depth.

Its network was trained by tools/train_weather.py on pictures that this project renders (weights/weather.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.control.controls import Control, Value
from vpengine.control.looks import look_address
from vpengine.frames.look import Look
from vpengine.neural.generator import Generated, Generator, Planes, Plate, Runtime
from vpengine.neural.lights_kept import lights_kept
from vpengine.view.light import Light

SENTENCES = {
    "snow": "Snow on what faces up.",
    "night": "From day to night.",
    "fog": "Fog, thicker with distance.",
    "dust": "Dust in the air.",
    "rain": "Ground and roofs wet, light flat and cool.",
    "fire": "The glow of a fire out of frame.",
}
FADERS = tuple(SENTENCES)  # in the order in which the network was trained to take them

WEIGHTS = Path(__file__).parent / "weights" / "weather.onnx"
MULTIPLE = 8  # the network halves its picture; sides are padded up to this


class Weather(Generator):
    controls = tuple(Control(look_address(fader), "float", 0.0, SENTENCES[fader]) for fader in FADERS)
    guesses_depth = True

    def __init__(self, runtime: Runtime, weights: Path = WEIGHTS) -> None:
        self._network = runtime.load(weights)
        self.runtime = self._network.name
        self.model_sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()

    def generate(self, plate: Plate, look: Look) -> Generated:
        values = left_of(look, plate.view.light)
        if look.plain or not any(values.values()):
            return Generated(np.ones_like(plate.color_cct), np.zeros_like(plate.color_cct))
        height, width = plate.depth_m.shape
        outputs = self._network(
            {
                "color": _planes(plate.color_cct),
                "inverse_depth": _planes(1.0 / plate.depth_m[..., None]),
                "noise": _planes(plate.noise[..., None]),
                "look": np.array([[values.get(fader, 0.0) for fader in FADERS]], np.float32),
            }
        )
        gain, bias = (_image(outputs[name], height, width) for name in ("gain", "bias"))
        return Generated(gain, lights_kept(plate.color_cct, gain, bias))

    @staticmethod
    def plain(values: Mapping[str, Value]) -> bool:
        return not any(values.values())

    @staticmethod
    def view_consistency(values: Mapping[str, Value]) -> float:
        """Rain makes a road half a stop brighter in a wide view than in a narrow one, and snow at night a quarter of a
        stop (docs/performance.md).
        """
        return max(1.0 - 2.0 * float(values["rain"]) - 2.0 * float(values["snow"]) * float(values["night"]), 0.0)


def left_of(look: Look, light: Light) -> dict[str, float]:
    """The faders' values, less what the plate's own light has done already: a night is not darkened again."""
    values = {fader: float(value) for fader, value in look.values}
    return {**values, "night": max(values.get("night", 0.0) - (1.0 - light.sky), 0.0)}


def input_shapes(resolution: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """What the network is given for a picture of ``resolution`` (width, height)."""
    width, height = (side + -side % MULTIPLE for side in resolution)
    planes = {"color": 3, "inverse_depth": 1, "noise": 1}
    return {**{name: (1, channels, height, width) for name, channels in planes.items()}, "look": (1, len(FADERS))}


def stage_networks(
    settings: None, sizes: Iterable[tuple[int, int]], tell: Callable[[str], None]
) -> list[tuple[Path, dict[str, tuple[int, ...]], bool]]:
    """Its network's file with the shapes for each size; False: it bears float16."""
    del settings, tell
    return [(WEIGHTS, input_shapes(size), False) for size in sizes]


def _planes(image: Planes) -> NDArray[np.float32]:
    """(height, width, channels) to (1, channels, padded height, padded width)."""
    height, width, _ = image.shape
    padding = ((0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0))
    padded = np.pad(image, padding, mode="edge") if any(after for _, after in padding) else image
    return np.ascontiguousarray(padded.transpose(2, 0, 1)[None], np.float32)


def _image(planes: NDArray[np.float32], height: int, width: int) -> Planes:
    return planes[0, :, :height, :width].transpose(1, 2, 0)
