"""Cameras as a take has them: a pose and a lens to a line of JSON and back, every number looked at."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

from vpengine.frames.frame_input import CameraState
from vpengine.view.distortion import MODELS, Distortion, padded
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

_ABSURD = 1e12  # in any unit
_ROUNDING = 1e-3


def camera_line(camera: CameraState) -> dict[str, Any]:
    """Of an ST map the take has nothing: its stage names the file."""
    known = camera.lens.distortion
    line = asdict(replace(camera, lens=replace(camera.lens, distortion=None)))
    del line["lens"]["distortion"]
    if isinstance(known, Distortion):
        line["lens"]["distortion"] = asdict(known)
    return line


def read_camera(line: dict[str, Any]) -> CameraState:
    """Raises ValueError, LookupError or TypeError for what is no camera."""
    return CameraState(_pose(line["pose"]), _pose(line["request_pose"]), _lens(line["lens"]), float(line["age_s"]))


def _lens(line: dict[str, Any]) -> Lens:
    """Only its focus may be infinite. Takes of older versions have no distortion."""
    line = dict(line)
    distortion = _distortion(line.pop("distortion", None))
    values: Any = {name: tuple(map(finite, v)) if isinstance(v, list) else float(v) for name, v in line.items()}
    lens = Lens(**values, distortion=distortion)
    width, height = lens.sensor_mm
    if min(width, height, finite(lens.pinhole_focal_length_mm)) <= 0.0 or len(lens.projection_offset_mm) != 2:
        raise ValueError("a lens that cannot be")
    return replace(lens, entrance_pupil_offset_m=finite(lens.entrance_pupil_offset_m))


def _distortion(line: dict[str, Any] | None) -> Distortion | None:
    if line is None:
        return None
    radial, (p1, p2), (right, down) = (tuple(map(finite, line[key])) for key in ("radial", "tangential", "offset_mm"))
    if line["model"] not in MODELS:
        raise ValueError("a distortion of no known model")
    return Distortion(padded(radial), (p1, p2), (right, down), line["model"])


def _pose(line: dict[str, Any]) -> Pose:
    x, y, z = map(finite, line["position_m"])
    rotation = qx, qy, qz, qw = tuple(map(finite, line["rotation"]))
    if abs(math.hypot(*rotation) - 1.0) > _ROUNDING:
        raise ValueError("a rotation that is none")
    return Pose((x, y, z), (qx, qy, qz, qw))


def finite(value: Any) -> float:
    """Within what the GPU's numbers hold with ease. Raises ValueError."""
    number = float(value)
    if not abs(number) < _ABSURD:
        raise ValueError(f"a value of {number:g}")
    return number
