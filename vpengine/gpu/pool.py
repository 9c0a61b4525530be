"""A pool of targets by size and format: what a frame's jobs draw into is lent, given back, and lent again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target

IDLE_S = 1.0  # a target that no job has used for so long is not kept: a scene change must not grow the memory


@dataclass(frozen=True)
class TargetSpec:
    """What a target is made of: size in pixels (width, height), else as ``Target`` says of each."""

    size: tuple[int, int]
    dtype: str = "f2"
    depth: bool = False
    z_buffer: bool = False
    components: int = 4
    samples: int = 0
    colors: int = 1

    def make(self, gpu: Gpu) -> Target:
        return gpu.target(self.size, self.depth, self.dtype, self.components, self.z_buffer, self.samples, self.colors)


@dataclass
class _Rest:
    """A target nobody has, and since when."""

    target: Target
    since_s: float


class TargetPool:
    """Owns the targets it lends. Main thread only."""

    def __init__(self, gpu: Gpu, clock: Callable[[], float] = time.monotonic) -> None:
        self._gpu = gpu
        self._clock = clock
        self._resting: dict[TargetSpec, list[_Rest]] = {}
        self._lent: dict[int, tuple[Target, TargetSpec]] = {}

    @property
    def lent(self) -> int:
        """How many are out."""
        return len(self._lent)

    @property
    def resting(self) -> int:
        """How many are kept for whoever asks next."""
        return sum(len(rests) for rests in self._resting.values())

    def lend(self, spec: TargetSpec) -> Target:
        """A target that nobody else has, until it is given back.

        What it shows is left from whoever had it; its sampling is that of a new one, and a borrower leaves it so.
        """
        rests = self._resting.get(spec)
        # The one given back last: those that are seldom needed grow old.
        target = rests.pop().target if rests else self._made(spec)
        self._lent[id(target)] = (target, spec)
        return target

    def give_back(self, target: Target) -> None:
        """Raises ValueError for a target that is not out: two jobs would be lent it at once."""
        if id(target) not in self._lent:
            raise ValueError(f"target {target.size[0]} x {target.size[1]} is not lent by this pool")
        _, spec = self._lent.pop(id(target))
        self._resting.setdefault(spec, []).append(_Rest(target, self._clock()))

    def sweep(self) -> None:
        """Release what nobody has had for IDLE_S seconds; asked once a frame."""
        oldest_s = self._clock() - IDLE_S
        for spec, rests in list(self._resting.items()):
            while rests and rests[0].since_s <= oldest_s:  # in the order in which they were given back
                rests.pop(0).target.release()
            if not rests:
                del self._resting[spec]

    def release(self) -> None:
        """All of them, lent or not."""
        self._release_resting()
        for target, _ in self._lent.values():
            target.release()
        self._lent.clear()

    def _made(self, spec: TargetSpec) -> Target:
        """A new one; where the driver has no room, the room of those that rest is tried."""
        try:
            return spec.make(self._gpu)
        except Exception:  # whatever it is: without those that rest it is made, or raised again
            if not self._resting:
                raise
            self._release_resting()
            return spec.make(self._gpu)

    def _release_resting(self) -> None:
        for rests in self._resting.values():
            for rest in rests:
                rest.target.release()
        self._resting.clear()
