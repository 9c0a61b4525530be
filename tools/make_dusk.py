"""Makes stage_configs/shows/dusk.mp4, the sample show's clip: the street from a roof, in time lapse, as dusk falls.

It is the engine's own street, so that it can ship; run it again when the street changes.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import download
from vpengine.output.film import Film
from vpengine.plates.street.plate import Street
from vpengine.view.color import REC709_FROM_ACESCG, srgb_encoded
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.light import Light
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View

SIZE, RATE, SECONDS = (1280, 720), Fraction(24), 7
FINER = 2  # each way, averaged: what moves slowly shows every stair
FOV_DEG = 62.0
FROM_M, SLIDES_M = np.array([0.2, 20.0, 15.5]), 2.5  # forward, on a slider, level
AHEAD = np.array([0.0, 1.0, 0.0])
EXPOSURE, SHOULDER = 0.75, 0.7  # what is brighter than the shoulder goes over into white: it is 8 bits


def light_at(part: float) -> Light:
    """part: of the clip, 0 to 1. The sun goes first, then the sky; lamps come on, then windows, one after the other."""
    return Light(
        sun=1.0 - _smooth(part / 0.4),
        sky=1.0 - 0.88 * _smooth((part - 0.05) / 0.85),
        lamps=_smooth((part - 0.45) / 0.06),
        windows=0.65 * _smooth((part - 0.25) / 0.65),
    )


def _smooth(x: float) -> float:
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def picture(gpu: Gpu, street: Street, part: float) -> NDArray[np.uint8]:
    """(height, width, 3), sRGB-encoded."""
    width, height = SIZE
    target = gpu.target((width * FINER, height * FINER), depth=True)
    eye = FROM_M + SLIDES_M * part * AHEAD
    view = View(
        view_from_stage(look_at(eye, eye + AHEAD)),
        clip_from_view_symmetric(FOV_DEG, width / height),
        target.size,
        light=light_at(part),
    )
    street.draw(target, view)
    light = download(target.color)[..., :3].astype(np.float32)
    target.release()
    light = light.reshape(height, FINER, width, FINER, 3).mean((1, 3)) @ REC709_FROM_ACESCG.T.astype(np.float32)
    light = np.maximum(EXPOSURE * light, 0.0)
    room = 1.0 - SHOULDER
    bright = SHOULDER + room * (1.0 - np.exp(-np.maximum(light - SHOULDER, 0.0) / room))
    encoded = srgb_encoded(np.where(light < SHOULDER, light, bright))
    return np.round(255.0 * np.clip(encoded, 0.0, 1.0)).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("stage_configs/shows/dusk.mp4"))
    to = parser.parse_args().to
    gpu = Gpu(create_headless())
    street = Street(Street.Settings())
    while street.upload(gpu):
        pass
    count = SECONDS * int(RATE)
    with Film(to, SIZE, RATE, crf=26) as film:
        for number in range(count):
            film.write(picture(gpu, street, number / (count - 1)))
    street.release()


if __name__ == "__main__":
    main()
