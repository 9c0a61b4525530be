"""Dissolves: several pictures of one size, each with its share, mixed in light."""

from __future__ import annotations

from collections.abc import Sequence

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture

BLOCK = UniformBlock("Mix", mix_amount="float")

Shares = Sequence[tuple[str, float]]  # places, and what part of the picture each has; the one that comes is the last


class Mixer:
    """Owns the targets that pictures of one ``size`` are mixed into, made when they are first needed."""

    def __init__(self, gpu: Gpu, size: tuple[int, int]) -> None:
        self._gpu = gpu
        self._size = size
        self._pass = gpu.pass_("mix", BLOCK)
        self._targets: list[Target] = []

    def mix(self, pictures: Sequence[Texture], weights: Sequence[float]) -> Target:
        """The weighted mean of at least two pictures, good until the next call; weights are positive or zero."""
        mixed, total = pictures[0], weights[0]
        for step, (picture, weight) in enumerate(zip(pictures[1:], weights[1:], strict=True)):
            total += weight
            target = self._target(step % 2)  # in turn, since none may be read while it is drawn
            self._pass.draw(target, {"from_color": mixed, "to_color": picture}, mix_amount=weight / max(total, 1e-9))
            mixed = target.color
        return target

    def _target(self, place: int) -> Target:
        while place >= len(self._targets):
            self._targets.append(Target(self._gpu.context, self._size))
        return self._targets[place]

    def release(self) -> None:
        for target in self._targets:
            target.release()
