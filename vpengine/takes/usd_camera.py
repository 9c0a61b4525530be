"""A USD camera with a sample a frame, through usd-core, which is an optional extra."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vpengine.view.lens import Lens
from vpengine.view.pose import GL_FROM_STAGE, Pose

CM = 100.0  # a scene unit is a centimetre, so that a lens's tenths of a unit are millimetres (UsdGeomCamera)
_NAME = "Camera"


def write_usd(path: Path, camera: str, rate: Fraction, samples: Iterable[tuple[int, Pose, Lens]]) -> None:
    """samples: frame, the entrance pupil's pose, lens. World Y up, the camera looks along its -Z.

    Raises ImportError without usd-core, and OSError where the file cannot be written.
    """
    usd, geom, gf = (importlib.import_module(f"pxr.{name}") for name in ("Usd", "UsdGeom", "Gf"))
    stage = usd.Stage.CreateInMemory()
    geom.SetStageUpAxis(stage, geom.Tokens.y)
    geom.SetStageMetersPerUnit(stage, 1.0 / CM)
    stage.SetTimeCodesPerSecond(float(rate))
    stage.SetFramesPerSecond(float(rate))
    made = geom.Camera.Define(stage, f"/{_NAME}")
    made.GetPrim().SetDocumentation(f"vpengine camera {camera}")
    stage.SetDefaultPrim(made.GetPrim())
    placed = made.AddTransformOp()
    for frame, pose, lens in samples:
        placed.Set(gf.Matrix4d(*_rows(pose)), frame)
        _set_lens(made, lens, frame)
        if not stage.HasAuthoredTimeCodeRange():
            stage.SetStartTimeCode(frame)
        stage.SetEndTimeCode(frame)
    path.write_text(stage.GetRootLayer().ExportToString(), encoding="utf-8")


def _rows(pose: Pose) -> list[float]:
    """world_from_camera in centimetres; USD's matrices act on rows: the transpose of ours."""
    matrix = np.eye(4)
    matrix[:3, :3] = GL_FROM_STAGE @ pose.matrix()[:3, :3] @ GL_FROM_STAGE.T
    matrix[:3, 3] = CM * (GL_FROM_STAGE @ np.asarray(pose.position_m))
    return [float(value) for value in matrix.T.ravel()]


def _set_lens(made: Any, lens: Lens, frame: int) -> None:
    """Offsets of the aperture: the picture's middle lies where the lens's axis does not (+y up; ours is down)."""
    offset_x_mm, offset_y_mm = lens.projection_offset_mm
    made.CreateFocalLengthAttr().Set(lens.pinhole_focal_length_mm, frame)
    made.CreateHorizontalApertureAttr().Set(lens.sensor_mm[0], frame)
    made.CreateVerticalApertureAttr().Set(lens.sensor_mm[1], frame)
    made.CreateHorizontalApertureOffsetAttr().Set(-offset_x_mm, frame)
    made.CreateVerticalApertureOffsetAttr().Set(offset_y_mm, frame)
    if 0.0 < lens.focus_distance_m < float("inf"):
        made.CreateFocusDistanceAttr().Set(CM * lens.focus_distance_m, frame)
