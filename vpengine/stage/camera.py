"""Cameras and the two pictures made for them: the inner frustum, and the outer around it."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from vpengine.stage.settings import Degrees, Id, Metres, Position, Resolution, Settings
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, pose_from, rotation_from_pan_tilt_roll

Millimetres = Annotated[float, Field(gt=0.0, le=2000.0)]
Shift = Annotated[float, Field(ge=-100.0, le=100.0)]


class RestingPose(Settings):
    """Where a camera stands and looks while nothing is tracked, in OpenTrackIO's terms."""

    position_m: Position = Field(default=(0.0, 0.0, 1.5), description="X right, Y forward, Z up, in metres.")
    pan_deg: Degrees = Field(default=0.0, description="Positive turns left.")
    tilt_deg: Degrees = Field(default=0.0, description="Positive looks up.")
    roll_deg: Degrees = Field(default=0.0, description="Positive turns clockwise, seen from behind the camera.")

    def pose(self) -> Pose:
        rotation = rotation_from_pan_tilt_roll(self.pan_deg, self.tilt_deg, self.roll_deg)
        return pose_from(np.asarray(self.position_m), rotation)


class InnerSettings(Settings):
    """The picture inside the camera's frustum."""

    resolution: Resolution = Field(
        default=(1920, 1080), description="Width and height of the inner picture in pixels, its overscan included."
    )
    overscan_percent: float = Field(
        default=5.0, ge=0.0, le=100.0, description="How much wider than the lens's view, per side, in percent of it."
    )


class CameraSettings(Settings):
    """A camera on the stage."""

    id: Id = Field(description="Name of the camera; tracking and OSC addresses refer to it.")
    sensor_mm: tuple[Millimetres, Millimetres] = Field(
        description="Width and height of the part of the sensor that is recorded, in millimetres."
    )
    pinhole_focal_length_mm: Millimetres = Field(
        description="Focal length, until the tracker sends one, in millimetres."
    )
    entrance_pupil_offset_m: float = Field(
        default=0.0, ge=-2.0, le=2.0, description="How far the lens's entrance pupil lies in front of the sensor."
    )
    projection_offset_mm: tuple[Shift, Shift] = Field(
        default=(0.0, 0.0), description="Offset of the lens's axis from the sensor's middle, right and down."
    )
    pose: RestingPose = Field(default=RestingPose(), description="Where the sensor is while nothing is tracked.")
    inner: InnerSettings = Field(default=InnerSettings(), description="The picture inside the camera's frustum.")

    def lens(self) -> Lens:
        """The lens as the file has it."""
        return Lens(
            self.sensor_mm, self.pinhole_focal_length_mm, self.projection_offset_mm, self.entrance_pupil_offset_m
        )


class OuterSettings(Settings):
    """The picture on the walls outside every frustum: the world seen from one fixed place."""

    eye_m: tuple[Metres, Metres, Metres] = Field(
        default=(0.0, 0.0, 1.5),
        description="From where the outer picture is seen: where the camera works, so that it meets the inner one.",
    )
    face_px: Annotated[int, Field(ge=16, le=4096)] = Field(
        default=512, description="Side of the six square pictures that the outer is drawn with, in pixels."
    )
