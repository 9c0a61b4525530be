"""Bench: the generator alone, by runtime and size."""

from __future__ import annotations

import time
from contextlib import suppress
from statistics import median
from typing import Any

import numpy as np

from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.auto import level_view
from vpengine.neural.declared import looks_of
from vpengine.neural.generator import Generator, Plate
from vpengine.plugins import load_plugin

SIZES = ((320, 180), (480, 270), (640, 360))
FADERS = {"snow": 0.85, "night": 0.7, "fog": 0.1}


def measure_generator() -> list[dict[str, Any]]:
    """Images a second of the network alone, on one thread, by runtime and size; medians of two seconds."""
    look = looks_of("weather").of(FADERS)
    return [_generator_speed(generator, look, size) for generator in _generators() for size in SIZES]


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
    color_cct = rng.uniform(0.1, 0.6, (*shape, 3)).astype(np.float32)
    plate = Plate(color_cct, depth_m, np.full(shape, 0.5, np.float32), level_view(size))
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
