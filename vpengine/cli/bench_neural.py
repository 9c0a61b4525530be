"""Bench: the neural layer. Re-projection against the generator run on the true current view; the generator alone."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.neural import NeuralLayer
from vpengine.compose.request import RequestCamera
from vpengine.errors import UserError
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.declared import looks_of
from vpengine.neural.generator import Generator, Plate
from vpengine.neural.grade import fit_grade
from vpengine.plates.street.plate import Street
from vpengine.plugins import load_plugin
from vpengine.tracking.moves import EYE_HEIGHT_M, MOVES, Move
from vpengine.tracking.track_files import read_track
from vpengine.tracking.tracks import placed, played
from vpengine.view.camera import camera_view
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear, linear_from_acescct
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.view import View

LENS = Lens((24.89, 14.0), 24.0)
SIZE = (480, 270)
OVERSCAN_PERCENT, SEEN_PERCENT = 15.0, 5.0  # of the keyframes, and of the inner picture that is compared
STALENESS_MS = (100, 250, 500)
SPACING_S = 0.125  # between keyframes: eight a second
KEYFRAMES = 4
FRAMES = 24
LOOKS = {"snow night": {"snow": 0.85, "night": 0.7, "fog": 0.1}, "snow day": {"snow": 1.0, "fog": 0.2}}
GENERATOR_SIZES = ((320, 180), (480, 270), (640, 360))

Image = NDArray[np.float64]


def measure_reprojection(track: Path | None) -> list[dict[str, Any]]:
    """PSNR on sRGB-encoded 0..1, squared error pooled over a fixed list of frames; worst5: the worst frame in twenty.

    The stale image is the newest keyframe shown as it is. Holes: pixels that no keyframe shows.
    """
    tracks: dict[str, tuple[Move, float]] = {"handheld (simulated)": (MOVES["handheld"](1), 20.0)}
    if track is not None:
        recorded = placed(read_track(track), Pose((0.0, 0.0, EYE_HEIGHT_M)))
        tracks = {track.stem: (played(recorded), recorded.seconds)}
    bench = _Reprojection()
    return [
        {"track": name, "look": look, **bench.measure(move, seconds, staleness_ms, LOOKS[look])}
        for name, (move, seconds) in tracks.items()
        for look in LOOKS
        for staleness_ms in STALENESS_MS
    ]


@dataclass(frozen=True)
class _Errors:
    stale: float
    reprojected: float
    holes: float


class _Reprojection:
    """The street, the generator in this process, and one neural layer."""

    def __init__(self) -> None:
        self._gpu = Gpu(create_headless())
        self._street = Street(Street.Settings.model_validate({}))
        self._street.upload(self._gpu)
        self._requests = RequestCamera(self._gpu)
        self._generator: Generator = load_plugin(GENERATORS["weather"])(load_plugin(RUNTIMES["onnxruntime"])())
        self._look = looks_of("weather").of({})
        self._plate = Target(self._gpu.context, SIZE, depth=True)
        self._target = Target(self._gpu.context, SIZE, z_buffer=True)

    def measure(self, move: Move, seconds: float, staleness_ms: int, faders: dict[str, float]) -> dict[str, Any]:
        self._look = looks_of("weather").of(faders)
        errors = [
            self._errors(move, float(time_s), staleness_ms / 1e3)
            for time_s in np.linspace(2.0, seconds - 1.0, FRAMES)
            if self._tracked(move, float(time_s), staleness_ms / 1e3)
        ]
        reprojected = sorted((error.reprojected for error in errors), reverse=True)
        return {
            "staleness_ms": staleness_ms,
            "stale_db": decibels([error.stale for error in errors]),
            "reprojected_db": decibels(reprojected),
            "worst5_db": decibels(reprojected[: max(1, len(reprojected) // 20)]),
            "holes_percent": round(100.0 * float(np.mean([error.holes for error in errors])), 3),
            "frames": len(errors),
        }

    def _tracked(self, move: Move, time_s: float, staleness_s: float) -> bool:
        """No gap of the tracker anywhere in what the frame is made from."""
        ages = np.linspace(0.0, staleness_s + KEYFRAMES * SPACING_S, 12)
        return all(move(time_s - float(age)) is not None for age in ages)

    def _errors(self, move: Move, time_s: float, staleness_s: float) -> _Errors:
        layer = NeuralLayer(self._gpu, SIZE)
        for index in reversed(range(KEYFRAMES)):
            layer.add(self._keyframe(move, time_s - staleness_s - index * SPACING_S), -10.0)
            layer.advance(0.0)
        view = _view(move, time_s)
        self._street.draw(self._plate, view)
        assert self._plate.depth is not None
        plate = Picture(self._plate.color, self._plate.depth, view, Provenance("plate:street"))
        shown = _seen(download(layer.draw(self._target, plate, 0.0, 1.0).color))
        stale = _seen(download(layer.draw_stale(self._target, plate, (1.0, 1.0)).color))
        truth = _seen(self._generated(view))
        holes = float(np.mean(_cropped(layer.unseen(plate, 0.0))))
        layer.release()
        return _Errors(float(np.mean((stale - truth) ** 2)), float(np.mean((shown - truth) ** 2)), holes)

    def _keyframe(self, move: Move, time_s: float) -> Keyframe:
        view = _view(move, time_s)
        plate = self._requests.take(self._street, "street", view, 0)
        color_cct = acescct_from_linear(plate.color)
        made = self._generator.generate(Plate(color_cct, plate.depth_m, plate.noise.astype(np.float32)), self._look)
        grade = fit_grade(color_cct, made.gain * color_cct + made.bias, plate.depth_m, view)
        request = Request(0, 0, "street", plate, self._look, time_s)
        gain, bias = (Pixels(plane.astype(np.float16)) for plane in (made.gain, made.bias))
        return Keyframe(request, gain, bias, grade, Provenance("weather"), Timings(time_s, time_s, 0.0))

    def _generated(self, view: View) -> NDArray[Any]:
        """The generator's own picture of a view, scene-linear."""
        plate = self._requests.take(self._street, "street", view, 0)
        color_cct = acescct_from_linear(plate.color)
        made = self._generator.generate(Plate(color_cct, plate.depth_m, plate.noise.astype(np.float32)), self._look)
        return linear_from_acescct(made.gain * color_cct + made.bias)


def _view(move: Move, time_s: float) -> View:
    pose = move(time_s)
    assert pose is not None
    return camera_view(pose, LENS, SIZE, OVERSCAN_PERCENT)


def _cropped(image: NDArray[Any]) -> NDArray[Any]:
    """The part of a keyframe-sized picture that the inner frustum shows."""
    share = (100 + 2 * SEEN_PERCENT) / (100 + 2 * OVERSCAN_PERCENT)
    rows, columns = (round(side * (1 - share) / 2) for side in image.shape[:2])
    return image[rows : image.shape[0] - rows, columns : image.shape[1] - columns]


def _seen(linear: NDArray[Any]) -> Image:
    """sRGB-encoded 0..1, cropped to the inner picture."""
    light = np.clip(_cropped(linear[..., :3].astype(float)) @ REC709_FROM_ACESCG.T, 0.0, 1.0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def decibels(squared_errors: Sequence[float]) -> float:
    return round(-10.0 * math.log10(max(sum(squared_errors) / len(squared_errors), 1e-12)), 2)


def measure_generator() -> list[dict[str, Any]]:
    """Images a second of the network alone, on one thread, by runtime and size; medians of two seconds."""
    look = looks_of("weather").of(LOOKS["snow night"])
    return [_generator_speed(generator, look, size) for generator in _generators() for size in GENERATOR_SIZES]


def _generators() -> list[Generator]:
    """`weather` by every runtime that this machine has."""
    found: list[Generator] = []
    for name in ("onnxruntime", "openvino"):
        with suppress(ImportError, UserError):
            found.append(load_plugin(GENERATORS["weather"])(load_plugin(RUNTIMES[name])()))
    return found


def _generator_speed(generator: Generator, look: Look, size: tuple[int, int]) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    shape = (size[1], size[0])
    depth_m = rng.uniform(1.0, 50.0, shape).astype(np.float32)
    plate = Plate(rng.uniform(0.1, 0.6, (*shape, 3)).astype(np.float32), depth_m, np.full(shape, 0.5, np.float32))
    times: list[float] = []
    end_s = time.perf_counter() + 2.0
    while time.perf_counter() < end_s or len(times) < 5:
        begin_s = time.perf_counter()
        generator.generate(plate, look)
        times.append(time.perf_counter() - begin_s)
    return {
        "name": "weather",
        "runtime": generator.runtime,
        "size": f"{size[0]}x{size[1]}",
        "images_per_s": round(1.0 / median(times), 1),
        "latency_ms_p50": round(1e3 * median(times), 2),
    }
