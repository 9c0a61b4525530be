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


def sees(geometry: WallGeometry, view: View) -> bool:
    """Whether some of the wall's lit side is in the View's frustum. Walls that others hide count too."""
    seen = seen_triangles(geometry, view)
    corners_m = geometry.vertices_m[geometry.triangles[seen.start : seen.stop]]
    normals = np.cross(corners_m[:, 1] - corners_m[:, 0], corners_m[:, 2] - corners_m[:, 0])
    towards = view.origin_m - corners_m[:, 0]
    return bool((np.sum(normals * towards, axis=-1) > 0.0).any())
