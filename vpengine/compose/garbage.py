"""The garbage matte: what of a camera's picture is green screen, by where the screen stands on the stage.

What lies beyond it is the world, whatever the camera sees there; what lies in a box is kept, however green.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target
from vpengine.stage.screens import HoldoutSettings, ScreenSettings, holdout_mesh, screen_mesh
from vpengine.view.view import View

SAMPLES = 4  # of a pixel: a screen's edge would crawl with the camera
BLOCK = UniformBlock("Garbage", clip_from_mesh="mat4", kept="float")
WHOLE = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]), np.array([[0, 1, 2], [0, 2, 3]], np.uint32)
Array = NDArray[np.floating]


class GarbageMatte:
    """Owns the meshes of the stage's screens and boxes."""

    def __init__(self, gpu: Gpu, screens: Sequence[ScreenSettings], boxes: Sequence[HoldoutSettings]) -> None:
        self._gpu = gpu
        self._pass = gpu.mesh_pass("garbage", "garbage", BLOCK)
        self._everywhere = not screens
        self._screens = _mesh(gpu, *screen_mesh(tuple(screens))) if screens else _mesh(gpu, *WHOLE)
        self._boxes = _mesh(gpu, *holdout_mesh(tuple(boxes))) if boxes else None

    @property
    def needed(self) -> bool:
        """False where the stage says nothing of its screen: the key works everywhere."""
        return not self._everywhere or self._boxes is not None

    def draw(self, view: View, lend: Lend) -> Target:
        """At the view's resolution: red is 1 where the key works, green is 1 where the picture is kept."""
        several = min(SAMPLES, self._gpu.most_samples)
        target = lend(TargetSpec(view.resolution, dtype="f1"))
        drawn = lend(TargetSpec(view.resolution, dtype="f1", samples=several)) if several > 1 else target
        drawn.clear()
        self._draw(drawn, self._screens, np.eye(4) if self._everywhere else view.clip_from_stage, 0.0)
        if self._boxes is not None:
            self._draw(drawn, self._boxes, view.clip_from_stage, 1.0)
        if drawn is not target:
            self._gpu.resolve(target, drawn)
        return target

    def _draw(self, target: Target, mesh: Mesh, clip_from_mesh: Array, kept: float) -> None:
        self._pass.draw_mesh(target, mesh, clip_from_mesh=clip_from_mesh, kept=kept)

    def release(self) -> None:
        self._screens.release()
        if self._boxes is not None:
            self._boxes.release()


def _mesh(gpu: Gpu, vertices: Array, triangles: NDArray[np.uint32]) -> Mesh:
    return gpu.mesh({"position": vertices.astype(np.float32)}, triangles)
