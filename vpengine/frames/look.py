"""Look: what a generator is asked to make of the plate."""

from __future__ import annotations

from dataclasses import dataclass

ALIKE, STRANGE = 0.1, 0.3  # of a value's size, or of 1 where it is smaller


Blend = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Look:
    """values: the generator's own controls as (name, value) pairs, in the order in which it declares them.

    seed: moves the world-anchored noise. plain: the generator leaves the plate as it is, so that the plate itself is
    the answer. view_consistency: how far the generator's pictures of one place agree that are made from several views,
    0 to 1; what is less is not shown beside them. Whoever makes a Look knows both (control.looks).

    blends: of texts that are on their way to another one, by name: the texts and their shares of 1. A text that rests
    has none.
    """

    generator: str
    values: tuple[tuple[str, float | bool | str], ...] = ()
    seed: int = 0
    plain: bool = False
    view_consistency: float = 1.0
    blends: tuple[tuple[str, Blend], ...] = ()

    def shares(self, name: str) -> Blend:
        """What the text ``name`` is to be, as (text, share of 1) pairs. Raises KeyError."""
        found = dict(self.blends).get(name)
        return found if found is not None else ((str(dict(self.values)[name]), 1.0),)

    def text_distance(self, other: Look) -> float:
        """How far the texts are from those of ``other``: 0 for the same, 1 where one has nothing of the other's."""
        names = {name for name, value in (*self.values, *other.values) if isinstance(value, str)}
        return max((_distance(self.shares(name), other.shares(name)) for name in names), default=0.0)

    def agreement(self, other: Look) -> float:
        """How much of a picture with the ``other`` look may be shown beside one with this: 1 for as good as the same.

        It falls with the value that is farthest off, be it a number or a blend of texts: no more than ALIKE costs
        nothing, STRANGE or more everything, as do another generator or seed, and no change beside one.
        """
        ours, theirs = dict(self.values), dict(other.values)
        same = (self.generator, self.seed, self.plain) == (other.generator, other.seed, other.plain)
        if not same or ours.keys() != theirs.keys():
            return 0.0
        numbers = [(float(ours[name]), float(theirs[name])) for name in ours if not isinstance(ours[name], str)]
        off = max((abs(a - b) / max(1.0, abs(a), abs(b)) for a, b in numbers), default=0.0)
        off = max(off, self.text_distance(other))
        return min(max((STRANGE - off) / (STRANGE - ALIKE), 0.0), 1.0)


NO_LOOK = Look("none")  # nobody has said yet


def _distance(ours: Blend, theirs: Blend) -> float:
    shares = dict(ours)
    for text, share in theirs:
        shares[text] = shares.get(text, 0.0) - share
    return 0.5 * sum(map(abs, shares.values()))
