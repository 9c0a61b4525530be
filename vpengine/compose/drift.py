"""How a plate that moves has drifted in its light since keyframes saw it (shaders/drift.frag)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vpengine.compose.keyframe_textures import MOVING
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Bound
from vpengine.gpu.target import Target

COLUMNS, ROWS = 10, 6  # places of a picture whose brightness is followed
BLOCK = UniformBlock("Drift", view_ray_from_ndc="mat3", key_from_view="mat4[4]")


class Drift:
    """Owns the small picture of how much brighter a plate that moves has become since each keyframe saw it."""

    def __init__(self, gpu: Gpu, keys: int) -> None:
        defines = {"KEYS": str(keys), "COLUMNS": str(COLUMNS), "ROWS": str(ROWS)}
        self._pass = gpu.pass_("drift", BLOCK, defines)
        self._target = Target(gpu.context, (COLUMNS, ROWS * keys))

    def since(self, textures: Mapping[str, Bound], values: Mapping[str, Any]) -> dict[str, Bound]:
        """It, as the re-projection has it, at a View. values: what the re-projection is told of it."""
        self._pass.draw(self._target, textures, **{name: values[name] for name in BLOCK.fields})
        return {"drift": self._target.color}

    def release(self) -> None:
        self._target.release()


def drift_defines(keys: int) -> dict[str, str]:
    """Of a re-projection that reads it."""
    return {**MOVING, "DRIFT_ROWS": f"{ROWS}.0", "DRIFT_KEYS": f"{keys}.0"}
