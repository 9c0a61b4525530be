"""What a camera's electronics make of light: noise of photons and of reading them, BT.709's curve, ten-bit 4:2:2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.view.color import REC709_FROM_ACESCG, bt709_encoded
from vpengine.view.timecode import Timecode
from vpengine.view.yuv import planes_422, yuv_from_rgb

FORMAT = FORMATS["yuv422p10le"]  # what SDI and HDMI carry
TAGS = Tags("bt709", "limited", "bt709")
READ, SHOT = 1.2e-6, 3.0e-5  # variance of the noise in the dark, and what light adds in parts of it, at 1
SMEARED = 0.35  # how much of a pixel's noise its right neighbour shares: a sensor's pixels have one colour each

Floats = NDArray[np.float32]


def rec709_linear(acescg: Floats) -> Floats:
    """(..., 3) light, still linear, in the primaries that the picture is sent in."""
    return np.asarray(acescg @ REC709_FROM_ACESCG.T.astype(np.float32))


def recorded(acescg: Floats, number: int, time_s: float, timecode: Timecode, noise: float, seed: int) -> CapturedFrame:
    """(height, width, 3) scene-linear light as picture ``number`` of a camera that clips at 1. noise: 1 is a good
    camera's at its own sensitivity; the same seed and number make the same.
    """
    light = rec709_linear(acescg)
    if noise > 0.0:
        light = light + noise * _noise(light, np.random.default_rng((seed, 14, number)))
    codes = yuv_from_rgb(bt709_encoded(np.clip(light, 0.0, 1.0)), FORMAT.bits, "bt709", "limited")
    size = acescg.shape[1], acescg.shape[0]
    return CapturedFrame(planes_422(codes), FORMAT, size, TAGS, time_s, number, timecode)


def _noise(light: Floats, chance: np.random.Generator) -> Floats:
    grain = chance.standard_normal(light.shape, np.float32)
    grain[:, 1:] += np.float32(SMEARED) * grain[:, :-1]
    return np.asarray(grain * np.sqrt(READ + SHOT * np.maximum(light, 0.0)))
