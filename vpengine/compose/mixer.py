"""Dissolves: several pictures of one size, each with its share, mixed in light."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture

BLOCK = UniformBlock("Mix", mix_amount="float")

Lend = Callable[[TargetSpec], Target]  # where a drawer gets targets that are good for one frame


class Mixer:
    def __init__(self, gpu: Gpu) -> None:
        self._pass = gpu.pass_("mix", BLOCK)

    def mix(self, pictures: Sequence[Texture], weights: Sequence[float], lend: Lend) -> Target:
        """The weighted mean of at least two pictures of one size; weights are positive or zero."""
        mixed, total = pictures[0], weights[0]
        spec = TargetSpec((mixed.size[0], mixed.size[1]))
        for picture, weight in zip(pictures[1:], weights[1:], strict=True):
            total += weight
            target = lend(spec)
            self._pass.draw(target, {"from_color": mixed, "to_color": picture}, mix_amount=weight / max(total, 1e-9))
            mixed = target.color
        return target
