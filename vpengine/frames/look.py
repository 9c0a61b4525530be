"""Look: what a generator is asked to make of the plate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """values: the generator's own controls as (name, value) pairs, in the order in which it declares them.

    seed: moves the world-anchored noise. plain: the generator leaves the plate as it is, so that the plate itself is
    the answer; whoever makes a Look knows that (control.looks).
    """

    generator: str
    values: tuple[tuple[str, float | bool | str], ...] = ()
    seed: int = 0
    plain: bool = False

    @property
    def prompts(self) -> tuple[str, ...]:
        """The values that are text. Unlike a number they do not move on: another one is another picture."""
        return tuple(value for _, value in self.values if isinstance(value, str))
