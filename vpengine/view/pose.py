"""Where a camera is: poses in stage space, and the only conversions from and to other programs' frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.floating]

# Stage space (Z up, Y forward) to OpenGL's (Y up, -Z forward); PROTOCOLS 7.1.
GL_FROM_STAGE: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

# Below this cosine of the tilt, pan and roll turn about one axis as far as double precision can tell.
GIMBAL_LOCK = 1e-7


@dataclass(frozen=True)
class Pose:
    """A rigid pose in stage space.

    position_m: (x, y, z) in metres. rotation: unit quaternion (x, y, z, w), Hamilton; identity looks along +Y, Z up.
    """

    position_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)

    def matrix(self) -> Array:
        """stage_from_camera as (4, 4); camera axes X right, Y forward, Z up."""
        out = np.eye(4)
        out[:3, :3] = Rotation.from_quat(self.rotation).as_matrix()
        out[:3, 3] = self.position_m
        return out


def pose_from(position_m: Array, rotation: Rotation) -> Pose:
    x, y, z = (float(v) for v in position_m)
    qx, qy, qz, qw = (float(v) for v in rotation.as_quat(canonical=True))
    return Pose((x, y, z), (qx, qy, qz, qw))


def rotation_from_pan_tilt_roll(pan_deg: float, tilt_deg: float, roll_deg: float) -> Rotation:
    """OpenTrackIO's intrinsic Z, X, Y: +pan turns left, +tilt up, +roll clockwise seen from behind."""
    return Rotation.from_euler("ZXY", [pan_deg, tilt_deg, roll_deg], degrees=True)


def from_opentrackio(position_m: tuple[float, float, float], pan_deg: float, tilt_deg: float, roll_deg: float) -> Pose:
    return pose_from(np.asarray(position_m, float), rotation_from_pan_tilt_roll(pan_deg, tilt_deg, roll_deg))


def to_opentrackio(pose: Pose) -> tuple[tuple[float, float, float], float, float, float]:
    """Position in metres; pan, tilt and roll in degrees, tilt within 90. Looking straight up or down, roll is 0."""
    matrix = Rotation.from_quat(pose.rotation).as_matrix()
    right, forward, up = matrix.T  # the camera's axes in stage space: Rz(pan) Rx(tilt) Ry(roll) multiplied out
    level = np.hypot(forward[0], forward[1])
    pan, tilt, roll = np.arctan2(-forward[0], forward[1]), np.arctan2(forward[2], level), np.arctan2(-right[2], up[2])
    if level < GIMBAL_LOCK:
        pan, roll = np.arctan2(right[1], right[0]), 0.0
    pan_deg, tilt_deg, roll_deg = (float(np.degrees(angle)) for angle in (pan, tilt, roll))
    return pose.position_m, pan_deg, tilt_deg, roll_deg


def from_freed(position_mm: tuple[float, float, float], pan_deg: float, tilt_deg: float, roll_deg: float) -> Pose:
    """FreeD D1: as OpenTrackIO but for +pan, which turns right (Vinten manual, appendix B)."""
    return pose_from(np.asarray(position_mm, float) / 1000.0, rotation_from_pan_tilt_roll(-pan_deg, tilt_deg, roll_deg))


def to_freed(pose: Pose) -> tuple[tuple[float, float, float], float, float, float]:
    """Position in millimetres; pan (right), tilt and roll in degrees, as ``from_freed`` takes them."""
    (x_m, y_m, z_m), pan_deg, tilt_deg, roll_deg = to_opentrackio(pose)
    return (1000.0 * x_m, 1000.0 * y_m, 1000.0 * z_m), -pan_deg, tilt_deg, roll_deg


def to_nuke(pose: Pose) -> tuple[tuple[float, float, float], float, float, float]:
    """Nuke's camera: world Y up, the camera looks along its -Z. Position in metres; rx, ry and rz in degrees.

    In rotation order ZXY, a Camera node's own: z turns first, then x, then y, ``Ry Rx Rz`` on column vectors; so x is
    tilt, y is pan, and z is roll the other way round.
    """
    (x_m, y_m, z_m), pan_deg, tilt_deg, roll_deg = to_opentrackio(pose)
    return (x_m, z_m, -y_m), tilt_deg, pan_deg, -roll_deg


def in_front(pose: Pose, distance_m: float) -> Pose:
    """The same direction, from a point so far ahead, as the entrance pupil is ahead of the sensor."""
    matrix = pose.matrix()
    return Pose(tuple(matrix[:3, 3] + distance_m * matrix[:3, 1]), pose.rotation)


@dataclass(frozen=True)
class Frame:
    """Another program's axes, as orthogonal (3, 3) matrices; a mirroring one makes up for a left-handed frame.

    stage_from_world: its world's axes to the stage's. stage_from_camera: its camera's own axes to X right, Y forward,
    Z up.
    """

    stage_from_world: Array
    stage_from_camera: Array


_UNITY_TO_STAGE: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
_UNREAL_TO_STAGE: Array = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])

# PROTOCOLS 7.1, in the stage's axes. OpenVR and ARKit have OpenGL's; VMC and VRChat Unity's.
FRAMES: Mapping[str, Frame] = {
    "stage": Frame(np.eye(3), np.eye(3)),
    "opengl": Frame(GL_FROM_STAGE.T, GL_FROM_STAGE.T),
    "unity": Frame(_UNITY_TO_STAGE, _UNITY_TO_STAGE),
    "unreal": Frame(_UNREAL_TO_STAGE, _UNREAL_TO_STAGE),
    "blender": Frame(np.eye(3), GL_FROM_STAGE.T),
}


def from_frame(frame: Frame, position_m: Array, rotation: Rotation) -> Pose:
    """From any of ``FRAMES``. rotation: of the numbers as they are, by the right-handed formulas.

    Left-handed programs use those too: their quaternion's matrix acts on their own coordinates.
    """
    turned = frame.stage_from_world @ rotation.as_matrix() @ frame.stage_from_camera.T
    return pose_from(frame.stage_from_world @ np.asarray(position_m, float), Rotation.from_matrix(turned))


def look_at(origin_m: Array, target_m: Array) -> Pose:
    """A pose at ``origin_m`` looking at ``target_m`` with the horizon level."""
    direction = np.asarray(target_m, float) - np.asarray(origin_m, float)
    pan_deg = np.degrees(np.arctan2(-direction[0], direction[1]))
    tilt_deg = np.degrees(np.arctan2(direction[2], np.hypot(direction[0], direction[1])))
    return pose_from(np.asarray(origin_m, float), rotation_from_pan_tilt_roll(pan_deg, tilt_deg, 0.0))


def view_from_stage(pose: Pose, entrance_pupil_offset_m: float = 0.0) -> Array:
    """(4, 4). The view's origin lies ``entrance_pupil_offset_m`` in front of the pose (the sensor)."""
    stage_from_camera = pose.matrix()
    stage_from_camera[:3, 3] += stage_from_camera[:3, 1] * entrance_pupil_offset_m
    gl_from_camera = np.eye(4)
    gl_from_camera[:3, :3] = GL_FROM_STAGE
    return gl_from_camera @ np.linalg.inv(stage_from_camera)
