"""Frames and keyframes for tests of takes, and the take that they are written to."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.grade_table import SHAPE
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.takes.log import LogWriter
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.light import DAY, Light
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View

RNG = np.random.default_rng(5)
LENS = Lens((24.89, 14.0), 24.1, (0.1, -0.2), 0.13, 2.7, 4.0)
LOOK = (("zeal", 1.0 / 3.0), ("style", "dé\n"), ("mirrored", True), ("fog", 0.1))  # in no order but its own


def plate(location: str, view: View, seed: int) -> ImageSet:
    """Stands for drawing: a picture that depends on all it is asked for, and on nothing else."""
    width, height = view.resolution
    key = float(view.clip_from_stage.sum()) + seed + len(location)
    color = np.full((height, width, 3), np.sin(key), np.float16)
    return ImageSet.of(
        color, np.full((height, width), 4.0, np.float32), color[..., 0], view, Provenance(f"plate:{location}")
    )


def keyframe(number: int) -> Keyframe:
    view = camera_view(from_opentrackio((0.1 / 3.0, number / 7.0, 1.6), 10.0 / 3.0, -1.0, 0.2), LENS, (6, 4), 15.0, 0.3)
    view = replace(view, light=Light(1.0 / 3.0, 0.5, 0.25, 0.1) if number % 2 else DAY)
    look = Look("weather", LOOK, 11)
    request = Request(number, 2, "street", plate("street", view, 11), look, 7.0 / 3.0, bus="program", camera="b")
    planes = [RNG.normal(size=(4, 6, 3)).astype(np.float16) for _ in range(2)]
    grade = Grade(RNG.normal(size=(*SHAPE, 3, 4)).astype(np.float32))
    provenance = Provenance("weather", "abc", "onnxruntime", look.values, 11, number, "0.1.0", told=(("a.png", "ab"),))
    provenance = replace(provenance, settings=(("steps", "2"),))
    return Keyframe(
        request, Pixels(planes[0]), Pixels(planes[1]), grade, provenance, Timings(7.0 / 3.0, 2.5, 0.1 + 0.2)
    )


def frame(number: int, keyframes: tuple[Keyframe, ...] = (), **controls: Any) -> FrameInput:
    pose = from_opentrackio((1.0 / 3.0, 0.7, 1.6), 12.3456789, 0.1, -0.3)
    state = CameraState(pose, replace(pose, position_m=(1.0, 2.0, 3.0)), LENS, math.inf if number == 0 else 1.0 / 300.0)
    return FrameInput(
        tick=Tick(number, 1000.0 + number / 3.0, Fraction(24000, 1001)),
        cameras={"a": state, "b": replace(state, age_s=0.25)},
        buses={
            "program": BusState("dawn", "street", "hall", 0.3, (("field", 0.2),))
            if number == 1
            else BusState("dawn", "street", light=Light(sky=1.0 / 7.0, lamps=1.0)),
            **({"preview": BusState("hall", "hall")} if number == 2 else {}),
        },
        controls={"/vp/neural/amount": 1.0, "/vp/inner/visible": True, "/vp/title": "dé\n", **controls},
        epoch=2,
        keyframes=keyframes,
    )


def written(folder: Path, *frames: FrameInput) -> Path:
    writer = LogWriter(folder)
    for item in frames:
        writer.note(item)
    writer.close()
    assert writer.dropped == 0
    return folder
