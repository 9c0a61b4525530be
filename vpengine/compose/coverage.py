"""Which part of a wall a View can see."""

from __future__ import annotations

import numpy as np

from vpengine.stage.walls import WallGeometry
from vpengine.view.view import View


def seen_triangles(geometry: WallGeometry, view: View) -> range:
    """The shortest run of the wall's triangles that holds all those inside the view's frustum; it may hold more.

    A triangle is left out when all its corners lie beyond one and the same side of the frustum.
    """
    corners = np.concatenate([geometry.vertices_m, np.ones((len(geometry.vertices_m), 1))], axis=1)
    clip = (corners @ view.clip_from_stage.T)[geometry.triangles]  # (triangles, 3, 4)
    x, y, w = clip[..., 0], clip[..., 1], clip[..., 3]
    beyond = [(side > 0.0).all(axis=1) for side in (x - w, -x - w, y - w, -y - w, -w)]
    seen = np.flatnonzero(~np.any(beyond, axis=0))
    return range(int(seen[0]), int(seen[-1]) + 1) if len(seen) else range(0)


def view_pixels_a_wall_pixel(geometry: WallGeometry, view: View) -> float:
    """How many of a View's pixels one of the wall's spans on a side, where that is most, of 24 places that are in the
    View; 0 where none is.
    """
    width, height = geometry.resolution
    columns, (u, v) = len(geometry.bottom_m) - 1, np.meshgrid((np.arange(8) + 0.5) / 8.0, (np.arange(3) + 0.5) / 3.0)
    steps = np.array([[0.0, 0.0], [1.0 / width, 0.0], [0.0, 1.0 / height]])
    at = np.stack([u.ravel(), v.ravel()], -1)[:, None] + steps  # (24, 3, 2)
    edge = np.clip(at[..., 0] * columns, 0.0, columns - 1e-6)
    left = edge.astype(int)
    part = (edge - left)[..., None]
    bottom = geometry.bottom_m[left] * (1.0 - part) + geometry.bottom_m[np.minimum(left + 1, columns)] * part
    points = bottom + at[..., 1:] * geometry.up_m
    clip = points @ view.clip_from_stage[:, :3].T + view.clip_from_stage[:, 3]
    w = clip[..., 3]
    inside = (w > 1e-6).all(axis=1) & (np.abs(clip[:, 0, :2]) < w[:, :1]).all(axis=1)
    if not inside.any():
        return 0.0
    pixels = clip[inside, :, :2] / w[inside, :, None] * 0.5 * np.array(view.resolution)
    return float(np.linalg.norm(pixels[:, 1:] - pixels[:, :1], axis=-1).max())


def sees(geometry: WallGeometry, view: View) -> bool:
    """Whether some of the wall's lit side is in the View's frustum. Walls that others hide count too."""
    seen = seen_triangles(geometry, view)
    corners_m = geometry.vertices_m[geometry.triangles[seen.start : seen.stop]]
    normals = np.cross(corners_m[:, 1] - corners_m[:, 0], corners_m[:, 2] - corners_m[:, 0])
    towards = view.origin_m - corners_m[:, 0]
    return bool((np.sum(normals * towards, axis=-1) > 0.0).any())
