"""What tests measure with: points in a View, a wall's pixels and corners, and poses as other programs have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vpengine.stage.walls import WallGeometry, position_in_stage
from vpengine.view.pose import GL_FROM_STAGE, Pose, from_opentrackio, pose_from
from vpengine.view.view import View, rays

Array = NDArray[np.floating]


def project(view: View, points_in_stage: Array) -> tuple[Array, Array]:
    """Points (..., 3) in metres to ndc (..., 2) in -1..1 (+y up) and depth (...,) in metres along the view axis."""
    points = np.concatenate([points_in_stage, np.ones_like(points_in_stage[..., :1])], axis=-1)
    clip = points @ view.clip_from_stage.T
    return clip[..., :2] / clip[..., 3:4], clip[..., 3]


def unproject(view: View, ndc: Array, depth_m: Array) -> Array:
    """ndc (..., 2) and depth (...,) to stage points (..., 3); the inverse of ``project`` for finite depth."""
    return view.origin_m + rays(view, ndc) * depth_m[..., None]


def pixel_uv(geometry: WallGeometry) -> Array:
    """uv of every pixel's centre, (height, width, 2), row 0 at the top of the picture."""
    width, height = geometry.resolution
    u = (np.arange(width) + 0.5) / width
    v = 1.0 - (np.arange(height) + 0.5) / height
    return np.stack(np.meshgrid(u, v), axis=-1)


@dataclass(frozen=True, eq=False)
class Corners:
    """A wall's or a tile's corners in stage space, (3,) each, left and right as the audience sees them."""

    lower_left_m: Array
    lower_right_m: Array
    upper_left_m: Array
    upper_right_m: Array


def corners(
    geometry: WallGeometry, left: float = 0.0, right: float = 1.0, bottom: float = 0.0, top: float = 1.0
) -> Corners:
    """Those of the picture, or of a part of it."""
    uv = np.array([[left, bottom], [right, bottom], [left, top], [right, top]])
    return Corners(*position_in_stage(geometry, uv))


def from_opengl(position: Array, rotation: Rotation) -> Pose:
    """From a right-handed Y-up, -Z-forward frame in metres (OpenGL, glTF, ARKit, OpenVR)."""
    change = Rotation.from_matrix(GL_FROM_STAGE)
    return pose_from(GL_FROM_STAGE.T @ np.asarray(position, float), change.inv() * rotation * change)


def to_opengl(pose: Pose) -> tuple[Array, Rotation]:
    change = Rotation.from_matrix(GL_FROM_STAGE)
    return GL_FROM_STAGE @ np.asarray(pose.position_m), change * Rotation.from_quat(pose.rotation) * change.inv()


def from_opencv(stage_from_world: Array, world_from_camera: Array) -> Pose:
    """From an OpenCV camera (X right, Y down, Z forward), (4, 4), in a world placed by ``stage_from_world``."""
    camera_cv_from_camera_stage = np.eye(4)
    camera_cv_from_camera_stage[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    stage_from_camera = stage_from_world @ world_from_camera @ camera_cv_from_camera_stage
    return pose_from(stage_from_camera[:3, 3], Rotation.from_matrix(stage_from_camera[:3, :3]))


def from_unreal(position_cm: tuple[float, float, float], pitch_deg: float, yaw_deg: float, roll_deg: float) -> Pose:
    """From Unreal's left-handed Z-up centimetres, X forward, Y right: FVector and FRotator; PROTOCOLS 7.1."""
    x, y, z = position_cm
    return from_opentrackio((y / 100.0, x / 100.0, z / 100.0), -yaw_deg, pitch_deg, roll_deg)
