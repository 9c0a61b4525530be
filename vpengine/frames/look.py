"""Look: what a generator is asked to make of the plate."""

from __future__ import annotations

from dataclasses import dataclass

ALIKE, STRANGE = 0.1, 0.3  # of a value's size, or of 1 where it is smaller


@dataclass(frozen=True)
class Look:
    """values: the generator's own controls as (name, value) pairs, in the order in which it declares them.

    seed: moves the world-anchored noise. plain: the generator leaves the plate as it is, so that the plate itself is
    the answer. view_consistency: how far the generator's pictures of one place agree that are made from several views,
    0 to 1; what is less is not shown beside them. Whoever makes a Look knows both (control.looks).
    """

    generator: str
    values: tuple[tuple[str, float | bool | str], ...] = ()
    seed: int = 0
    plain: bool = False
    view_consistency: float = 1.0

    @property
    def prompts(self) -> tuple[str, ...]:
        """The values that are text. Unlike a number they do not move on: another one is another picture."""
        return tuple(value for _, value in self.values if isinstance(value, str))

    def agreement(self, other: Look) -> float:
        """How much of a picture with the ``other`` look may be shown beside one with this: 1 for as good as the same.

        It falls with the value that is farthest off: no more than ALIKE costs nothing, STRANGE or more everything, as
        do another generator, seed or text, and no change beside one.
        """
        ours, theirs = dict(self.values), dict(other.values)
        same = (self.generator, self.seed, self.plain) == (other.generator, other.seed, other.plain)
        if not same or ours.keys() != theirs.keys() or self.prompts != other.prompts:
            return 0.0
        numbers = [(float(ours[name]), float(theirs[name])) for name in ours if not isinstance(ours[name], str)]
        off = max((abs(a - b) / max(1.0, abs(a), abs(b)) for a, b in numbers), default=0.0)
        return min(max((STRANGE - off) / (STRANGE - ALIKE), 0.0), 1.0)


NO_LOOK = Look("none")  # nobody has said yet
