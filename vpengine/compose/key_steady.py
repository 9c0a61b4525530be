"""What steadies a matte from picture to picture: the alpha before, of which a little change is taken for noise."""

from __future__ import annotations

from dataclasses import dataclass, field

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target

Rgb = tuple[float, float, float]


@dataclass
class _Pair:
    """Two in turn; the first is drawn into. tick: when it was."""

    spec: TargetSpec
    screen: Rgb
    targets: list[Target]
    tick: int | None = None
    has_before: bool = False


@dataclass
class Steady:
    """Owns what a camera's last two pictures left. Main thread only."""

    gpu: Gpu
    _pairs: dict[str, _Pair] = field(default_factory=dict)

    def turn(self, name: str, spec: TargetSpec, screen: Rgb, tick: int) -> tuple[Target, Target | None]:
        """What is to be drawn at ``tick``, and what was at the tick before it: None where that was not drawn, or was of
        another size or another screen. The same tick again is drawn again.
        """
        pair = self._pairs.get(name)
        if pair is None or pair.spec != spec or pair.screen != screen:
            self._release(pair)
            pair = self._pairs[name] = _Pair(spec, screen, [spec.make(self.gpu), spec.make(self.gpu)])
        if tick != pair.tick:
            pair.has_before = pair.tick is not None and tick == pair.tick + 1
            pair.targets.reverse()
            pair.tick = tick
        after, before = pair.targets
        return after, before if pair.has_before else None

    def release(self) -> None:
        for pair in self._pairs.values():
            self._release(pair)
        self._pairs.clear()

    def _release(self, pair: _Pair | None) -> None:
        for target in pair.targets if pair is not None else ():
            target.release()
