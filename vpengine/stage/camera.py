"""Cameras and the two pictures made for them: the inner frustum, and the outer around it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from vpengine.stage.lens_file import NamedLensFile, refuse_sensor
from vpengine.stage.lens_settings import DistortionSettings, Shift
from vpengine.stage.settings import Degrees, Id, Metres, Position, Resolution, Settings, refusal
from vpengine.view.distortion import fault
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, pose_from, rotation_from_pan_tilt_roll

Millimetres = Annotated[float, Field(gt=0.0, le=2000.0)]


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

    lens_file: NamedLensFile | None = Field(
        default=None,
        alias="lens",
        description="A lens file, as `vpengine calibrate lens` writes it: true focal length, distortion, projection "
        "offset and entrance pupil wherever the lens's rings stand.",
    )
    distortion: DistortionSettings | None = Field(
        default=None, description="How the lens bends the picture; by default as the lens file or the tracker says."
    )

    @model_validator(mode="after")
    def _can_be(self) -> CameraSettings:
        if self.lens_file is not None:
            if self.distortion is not None:
                raise refusal("a lens file says what the distortion is; leave one of the two out", "distortion")
            refuse_sensor(self.lens_file, self.sensor_mm)
        elif why := fault(self.stated.distortion, self.stated):
            raise refusal(why, "distortion")
        return self

    @property
    def stated(self) -> Lens:
        """The lens as the stage file has it, without what its lens file knows."""
        return Lens(
            self.sensor_mm,
            self.pinhole_focal_length_mm,
            self.projection_offset_mm,
            self.entrance_pupil_offset_m,
            distortion=self.distortion.distortion() if self.distortion is not None else None,
        )

    def lens(self) -> Lens:
        """The lens until the tracker says something of it."""
        return self.calibrated(self.stated)

    def calibrated(self, said: Lens) -> Lens:
        """``said``, the stated lens with what the tracker says of it, as the lens file knows it to be there.

        The tracker's distortion, offset and entrance pupil win over the file's; its focal length and focus are where
        the file is looked up.
        """
        if self.lens_file is None:
            return said
        found, stated = self.lens_file.applied(said), self.stated
        if said.distortion is not None:
            found = replace(found, distortion=said.distortion)
        if said.projection_offset_mm != stated.projection_offset_mm:
            found = replace(found, projection_offset_mm=said.projection_offset_mm)
        if said.entrance_pupil_offset_m != stated.entrance_pupil_offset_m:
            found = replace(found, entrance_pupil_offset_m=said.entrance_pupil_offset_m)
        return found

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that it names."""
        map_file = self.distortion.st_map if self.distortion is not None else None
        lens_file = self.lens_file.path if self.lens_file is not None else None
        return tuple(path for path in (lens_file, map_file) if path is not None)


class OuterSettings(Settings):
    """The picture on the walls outside every frustum: the world seen from one fixed place."""

    eye_m: tuple[Metres, Metres, Metres] = Field(
        default=(0.0, 0.0, 1.5),
        description="From where the outer picture is seen: where the camera works, so that it meets the inner one.",
    )
    face_px: Annotated[int, Field(ge=16, le=4096)] = Field(
        default=512, description="Side of the six square pictures that the outer is drawn with, in pixels."
    )
