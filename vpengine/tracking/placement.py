"""From where a tracker says it is to where the camera's sensor is on the stage."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.spatial.transform import Rotation

from vpengine.stage.settings import Settings
from vpengine.view.pose import Pose, pose_from, rotation_from_pan_tilt_roll

Finite = Annotated[float, Field(allow_inf_nan=False)]
Metres = tuple[Finite, Finite, Finite]


class Origin(Settings):
    """Where a tracker's own origin lies on the stage: for phones, whose origin is where they were started."""

    translation_m: Metres = Field(
        default=(0.0, 0.0, 0.0), description="The tracker's origin in stage space: x, y, z in metres."
    )
    pan_deg: Finite = Field(
        default=0.0, description="How far the tracker's forward is turned left of the stage's, in degrees."
    )


class Mount(Settings):
    """Where the camera's sensor sits on the tracker: in the tracker's axes, X right, Y forward, Z up."""

    translation_m: Metres = Field(
        default=(0.0, 0.0, 0.0), description="From the tracker to the sensor: right, forward, up, in m."
    )
    pan_deg: Finite = Field(default=0.0, description="How far the camera is turned left of the tracker, in degrees.")
    tilt_deg: Finite = Field(
        default=0.0, description="How far the camera looks up from the tracker's forward, in degrees."
    )
    roll_deg: Finite = Field(
        default=0.0, description="How far the camera is rolled clockwise, seen from behind, in degrees."
    )


class Placement:
    """stage_from_sensor = stage_from_tracker * tracked pose * tracker_from_sensor, the two ends worked out once."""

    def __init__(self, stage_from_tracker: Origin, tracker_from_sensor: Mount) -> None:
        self._origin_m = np.array(stage_from_tracker.translation_m)
        self._origin_turn = Rotation.from_euler("z", stage_from_tracker.pan_deg, degrees=True)
        self._mount_m = np.array(tracker_from_sensor.translation_m)
        mount = tracker_from_sensor
        self._mount_turn = rotation_from_pan_tilt_roll(mount.pan_deg, mount.tilt_deg, mount.roll_deg)
        self._is_identity = stage_from_tracker == Origin() and tracker_from_sensor == Mount()

    def place(self, tracked: Pose) -> Pose:
        if self._is_identity:
            return tracked
        turn = self._origin_turn * Rotation.from_quat(tracked.rotation)
        position_m = self._origin_m + self._origin_turn.apply(tracked.position_m) + turn.apply(self._mount_m)
        return pose_from(position_m, turn * self._mount_turn)
