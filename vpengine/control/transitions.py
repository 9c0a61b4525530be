"""How one scene gives way to the next: by name, what of the coming one is shown, and how far a colour covers all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Color = tuple[float, float, float]  # scene-linear ACEScg
BLACK: Color = (0.0, 0.0, 0.0)

# From the part of its time that has gone by, 0 to 1, to the coming scene's share of the picture and the colour's cover.
TRANSITIONS: Mapping[str, Callable[[float], tuple[float, float]]] = {
    "cut": lambda t: (1.0, 0.0),
    "dissolve": lambda t: (t, 0.0),
    "dip": lambda t: (float(t >= 0.5), smooth(1.0 - abs(1.0 - 2.0 * t))),
}


def smooth(t: float) -> float:
    """Slow at both ends: 3 t^2 - 2 t^3."""
    return t * t * (3.0 - 2.0 * t)


EASINGS: Mapping[str, Callable[[float], float]] = {
    "smooth": smooth,
    "linear": lambda t: t,
    "in": lambda t: t * t,
    "out": lambda t: t * (2.0 - t),
}


@dataclass(frozen=True)
class Transition:
    """kind: of TRANSITIONS. color: of a dip, and of no other."""

    kind: str
    seconds: float
    color: Color = BLACK

    def at(self, elapsed_s: float) -> tuple[float, float]:
        """The coming scene's share, and the colour's cover; of one without time what it ends with."""
        part = min(max(elapsed_s / self.seconds, 0.0), 1.0) if self.seconds > 0.0 else 1.0
        return TRANSITIONS[self.kind](part) if part < 1.0 else (1.0, 0.0)

    def done(self, elapsed_s: float) -> bool:
        return self.kind == "cut" or elapsed_s >= self.seconds


def dissolve(seconds: float) -> Transition:
    return Transition("dissolve" if seconds > 0.0 else "cut", seconds)
