"""A generator that fails on purpose, for tests and for drills with a crew: raise, hang, die, NaN or a wrong shape.

It takes `weather`'s place in any show, so it has `weather`'s faders. Night says how it fails: below 0.1 it works (it
darkens the picture), then in steps of a tenth what FAILURES lists. Dust tints each picture at random, by so much: it
never gives the same one twice, as many a generator.
"""

from __future__ import annotations

import os
import time

import numpy as np

from vpengine.frames.look import Look
from vpengine.neural.generator import Generated, Generator, Plate, Runtime
from vpengine.neural.weather import Weather

FAILURES = ("works", "raises", "hangs", "dies", "nan", "shape")


class Drill(Generator):
    controls = Weather.controls
    model_sha256 = runtime = ""

    def __init__(self, runtime: Runtime) -> None:
        del runtime
        self._chance = np.random.default_rng()

    def generate(self, plate: Plate, look: Look) -> Generated:
        values = dict(look.values)
        night, dust = (float(values.get(fader, 0.0)) for fader in ("night", "dust"))
        failure = FAILURES[min(int(night * 10.0 + 1e-6), len(FAILURES) - 1)]
        gain = np.full_like(plate.color_cct, 0.5)
        if dust > 0.0:
            gain *= 1.0 + 0.5 * dust * self._chance.uniform(-1.0, 1.0, 3).astype(np.float32)
        if failure == "raises":
            raise RuntimeError("the drill raised")
        if failure == "hangs":
            time.sleep(3600.0)
        if failure == "dies":
            os._exit(9)
        if failure == "nan":
            gain[0, 0, 0] = np.nan
        if failure == "shape":
            gain = gain[:-1]
        return Generated(gain, np.zeros_like(plate.color_cct))
