"""The runtime ``auto``: the fastest that gives the same picture on this machine, found at the worker's start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

from vpengine.errors import UserError
from vpengine.neural import RUNTIMES
from vpengine.neural.engine_cache import NotBuiltError
from vpengine.neural.generator import Generator, Plate, Runtime, part_way
from vpengine.neural.library_errors import first_line
from vpengine.neural.tensorrt_flavours import FOR_CARDS, could_run
from vpengine.plugins import load_plugin
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View

log = logging.getLogger(__name__)

FASTER = 0.8  # of the reference's time; for less no other is taken
RUNS = 3

Build = Callable[[Runtime], Generator]


class AutoRuntime:
    """Chosen for whole generators, since only a picture says whether two runtimes are alike."""

    def choose(self, build: Build, runtimes: Sequence[str], resolutions: Sequence[tuple[int, int]]) -> Generator:
        """``build`` made with the best of ``runtimes``, by name, for pictures of all ``resolutions``, measured in the
        first of them; the first runtime is the reference. Raises what that raises.
        """
        reference, *others = (name for name in runtimes if name not in FOR_CARDS or could_run(name))
        chosen = build(load_plugin(RUNTIMES[reference])())
        if not others:
            return chosen
        plate = probe_plate(resolutions[0])
        truth, best_s = _measured(chosen, plate)
        for name in others:
            try:
                other = build(load_plugin(RUNTIMES[name])())
                picture, seconds = _measured(other, plate)
                if psnr_db(picture, truth) >= chosen.same_db and seconds < FASTER * best_s:
                    _ask_for_all(other, resolutions)
                    chosen, best_s = other, seconds
            except NotBuiltError as error:
                log.warning("runtime auto: %s is not tried: %s", name, error)
            except (ImportError, UserError, RuntimeError) as error:  # not installed, not for this machine, full memory
                log.info("runtime auto: %s is not taken: %s", name, first_line(error))
        return chosen


def _ask_for_all(generator: Generator, resolutions: Sequence[tuple[int, int]]) -> None:
    """Whether it has what it needs in every size, with faders up and down: a show asks for any of them at any time."""
    for resolution in resolutions:
        for part in (0.4, 0.0):
            generator.generate(probe_plate(resolution), part_way(generator, part))


def _measured(generator: Generator, plate: Plate) -> tuple[np.ndarray, float]:
    """The probe's picture in ACEScct, and the median seconds that it takes after the first."""
    look, times = part_way(generator, 0.4), []
    for _ in range(1 + RUNS):
        began_s = time.perf_counter()
        made = generator.generate(plate, look)
        times.append(time.perf_counter() - began_s)
    return made.gain * plate.color_cct + made.bias, float(np.median(times[1:]))


def probe_plate(resolution: tuple[int, int]) -> Plate:
    """Something like a picture: a sky over a ground that goes away, broad light and shade, and fine texture."""
    width, height = resolution
    y, x = np.mgrid[0.0 : 1.0 : height * 1j, 0.0 : 1.0 : width * 1j].astype(np.float32)
    rng = np.random.default_rng(7)
    broad = 0.4 + 0.12 * np.sin(7.0 * x[..., None] + np.array([0.0, 0.7, 1.3])) + 0.1 * np.cos(9.0 * y)[..., None]
    color = broad + rng.normal(0.0, 0.02, (height, width, 3))
    depth = np.where(y < 0.3, np.inf, 2.0 + 1.5 / np.maximum(y - 0.27, 0.02))
    noise = rng.uniform(0.0, 1.0, (height, width))
    return Plate(color.astype(np.float32), depth.astype(np.float32), noise.astype(np.float32), level_view(resolution))


def level_view(resolution: tuple[int, int]) -> View:
    """For a plate that no camera drew: 60 degrees wide, a man's height above the stage, level."""
    width, height = resolution
    pose = look_at(np.array([0.0, 0.0, 1.6]), np.array([0.0, 1.0, 1.6]))
    return View(view_from_stage(pose), clip_from_view_symmetric(60.0, width / height), resolution)


def psnr_db(picture: np.ndarray, truth: np.ndarray) -> float:
    return float(-10.0 * np.log10(max(float(np.mean((picture - truth) ** 2)), 1e-12)))
