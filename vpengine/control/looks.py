"""Looks: a generator's own controls, which are all below ``/vp/look/``, and the Look that their values say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vpengine.control.controls import Control, Value
from vpengine.control.declared import NEURAL_SEED
from vpengine.frames.look import Look

PREFIX = "/vp/look/"


def look_address(name: str) -> str:
    """``snow`` to ``/vp/look/snow``."""
    return PREFIX + name


def look_name(address: str) -> str:
    """``/vp/look/snow`` to ``snow``, as a Look has it."""
    return address.removeprefix(PREFIX)


@dataclass(frozen=True)
class Looks:
    """What a generator can be asked. controls: its own. plain: whether it leaves the plate as it is with such values.
    view_consistency: how far its pictures of several views agree then, 0 to 1.

    Both are given every control's value by name.
    """

    generator: str
    controls: tuple[Control, ...]
    plain: Callable[[Mapping[str, Value]], bool]
    view_consistency: Callable[[Mapping[str, Value]], float] = lambda values: 1.0

    def at_frame(self, controls: Mapping[str, Value]) -> Look:
        """The Look that one frame's frozen controls say."""
        values = {look_name(control.address): controls[control.address] for control in self.controls}
        return self.of(values, int(float(controls[NEURAL_SEED])))

    def of(self, values: Mapping[str, Value], seed: int = 0) -> Look:
        """A Look from values by name; what is left out has its default, an unknown name is a KeyError."""
        defaults = {look_name(control.address): control.default for control in self.controls}
        if unknown := values.keys() - defaults.keys():
            raise KeyError(f"{self.generator} has no controls {sorted(unknown)}, allowed {list(defaults)}")
        chosen = {name: values.get(name, default) for name, default in defaults.items()}
        plain, consistency = self.plain(chosen), self.view_consistency(chosen)
        return Look(self.generator, tuple(chosen.items()), seed, plain, min(max(consistency, 0.0), 1.0))
