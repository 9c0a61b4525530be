"""Fields of light that are known in places, and filled in smoothly everywhere else by a pyramid, on the GPU."""

from __future__ import annotations

from collections.abc import Sequence

from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target

PULL = UniformBlock("Pull", fields="int")
PUSH = UniformBlock("Push", fallback="vec4[3]", fields="int")
MOST_FIELDS = 3
COARSE = 24  # texels across or down, of a level whose further levels are drawn at once
COARSE_LEVELS = 3  # are left then, down to three texels; as in shaders/include/key_coarse.glsl
FIELD = "f4"  # half floats do not hold the difference of two second moments

Rgb = tuple[float, float, float]


def shrunk(size: tuple[int, int], times: int) -> tuple[int, int]:
    """How many blocks of ``times`` pixels across and down cover ``size``."""
    return -(-size[0] // times), -(-size[1] // times)


def levels_of(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Sizes of a field's levels below it, each half the one before, down to the one that is COARSE."""
    found = []
    while max(size) > COARSE:
        size = shrunk(size, 2)
        found.append(size)
    return found


class HoleFiller:
    """Pull and push (S. Gortler and others, The lumigraph, SIGGRAPH 1996, 5.3)."""

    def __init__(self, gpu: Gpu) -> None:
        self._pull = gpu.pass_("key_pull", PULL)
        self._push = gpu.pass_("key_push", PUSH)
        self._pull_coarse = gpu.pass_("key_pull", PULL, {"COARSE": "1"})
        self._push_coarse = gpu.pass_("key_push", PUSH, {"COARSE": "1"})

    def fill(self, sure: Target, fallback: Sequence[Rgb], lend: Lend) -> Target:
        """sure: as many fields beside each other as ``fallback`` has colours, premultiplied by weights from 0 to 1.

        The same without holes, weight 1. fallback: what a field is if nothing of it is known.
        """
        fields = len(fallback)
        down = [sure]
        for width, height in levels_of((sure.size[0] // fields, sure.size[1])):
            down.append(lend(TargetSpec((width * fields, height), FIELD)))
            self._pull.draw(down[-1], {"fine": down[-2].color}, fields=fields)
        colors = [(*one, 1.0) for one in _padded(fallback)]
        coarse = lend(TargetSpec(_coarse_size(down[-1].size, fields), FIELD))
        self._pull_coarse.draw(coarse, {"fine": down[-1].color}, fields=fields)
        filled = lend(TargetSpec(down[-1].size, FIELD))
        textures = {"fine": down[-1].color, "coarse": coarse.color}
        self._push_coarse.draw(filled, textures, fields=fields, fallback=colors)
        for fine in reversed(down[:-1]):
            coarse, filled = filled, lend(TargetSpec(fine.size, FIELD))
            self._push.draw(filled, {"fine": fine.color, "coarse": coarse.color}, fields=fields, fallback=colors)
        return filled


def _coarse_size(size: tuple[int, int], fields: int) -> tuple[int, int]:
    """Of the picture of the coarse levels, one above the other. size: of the level before them, all fields."""
    levels = [shrunk((size[0] // fields, size[1]), 1 << level) for level in range(1, COARSE_LEVELS + 1)]
    return fields * levels[0][0], sum(height for _, height in levels)


def _padded(colors: Sequence[Rgb]) -> list[Rgb]:
    return [*colors, *[(0.0, 0.0, 0.0)] * (MOST_FIELDS - len(colors))]
