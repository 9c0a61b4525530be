"""Look: what a generator is asked to make of the plate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FADERS = ("snow", "night", "fog", "dust", "rain", "fire")


@dataclass(frozen=True)
class Look:
    """faders: each of FADERS, 0 to 1, in that order. seed: moves the world-anchored noise."""

    generator: str
    faders: tuple[float, ...] = (0.0,) * len(FADERS)
    seed: int = 0

    @property
    def plain(self) -> bool:
        """Nothing is asked for: the plate itself is the answer."""
        return not any(self.faders)

    def named(self) -> tuple[tuple[str, float], ...]:
        return tuple(zip(FADERS, self.faders, strict=True))


def look_from(generator: str, faders: Mapping[str, float], seed: int = 0) -> Look:
    """A Look from fader values by name; a missing fader is 0, an unknown one a KeyError."""
    unknown = faders.keys() - set(FADERS)
    if unknown:
        raise KeyError(f"look faders {sorted(unknown)}, allowed {FADERS}")
    return Look(generator, tuple(float(faders.get(name, 0.0)) for name in FADERS), seed)
