"""Looks: a generator's own controls, which are all below ``/vp/look/``, and the Look that their values say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vpengine.control.controls import Control, Value
from vpengine.control.declared import NEURAL_SEED
from vpengine.frames.look import Blend, Look

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

    @property
    def defaults(self) -> dict[str, Value]:
        """By name."""
        return {look_name(control.address): control.default for control in self.controls}

    def at_frame(self, controls: Mapping[str, Value], blends: Mapping[str, Blend] | None = None) -> Look:
        """The Look that one frame's frozen controls say. blends: of texts that change, by address."""
        values = {look_name(control.address): controls[control.address] for control in self.controls}
        changing = {look_name(address): blend for address, blend in (blends or {}).items()}
        named = {name: blend for name, blend in changing.items() if name in values}
        return self.of(values, int(float(controls[NEURAL_SEED])), named)

    def of(self, values: Mapping[str, Value], seed: int = 0, blends: Mapping[str, Blend] | None = None) -> Look:
        """A Look from values by name; what is left out has its default, an unknown name is a KeyError."""
        defaults = self.defaults
        if unknown := values.keys() - defaults.keys():
            raise KeyError(f"{self.generator} has no controls {sorted(unknown)}, allowed {list(defaults)}")
        chosen = {name: values.get(name, default) for name, default in defaults.items()}
        blends = blends or {}
        visible = [chosen, *({**chosen, name: text} for name, blend in blends.items() for text, _ in blend)]
        plain, consistency = all(map(self.plain, visible)), min(map(self.view_consistency, visible))
        consistency = min(max(consistency, 0.0), 1.0)
        return Look(self.generator, tuple(chosen.items()), seed, plain, consistency, tuple(blends.items()))
