"""The cue list: cues by number as on lighting desks, and its changes, which can be taken back. Pure state."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from vpengine.control.scenes import Values
from vpengine.control.transitions import Transition
from vpengine.errors import UserError

MOST_CUES = 2000
MOST_UNDONE = 200
_STEP = Decimal("0.001")
_HIGHEST = Decimal(10000)


@dataclass(frozen=True)
class Cue:
    """scene: its slug; None leaves the scene as it is, and only the cue's controls move. transition: None for the
    scene's own. fade_s: of controls, None for as long as the transition; fades: of single ones, by address.

    wait_s: after GO, before it begins. follow_s: after it has begun, until the next one goes by itself.
    """

    number: str
    name: str = ""
    scene: str | None = None
    controls: Values = ()
    transition: Transition | None = None
    fade_s: float | None = None
    fades: tuple[tuple[str, float], ...] = ()
    easing: str = "smooth"
    wait_s: float = 0.0
    follow_s: float | None = None
    notes: str = ""

    @property
    def title(self) -> str:
        """Number and name, for people."""
        return f"{self.number} {self.name}".rstrip()


def cue_number(value: str | float) -> str:
    """``value`` as a cue's number: above 0, below 10000, three decimals at most. Raises UserError.

    A number that came as a float is rounded to what it was meant to be: OSC's have seven digits.
    """
    try:
        number = Decimal(str(value).strip())
        if not number.is_finite():
            raise InvalidOperation
        exact = number.quantize(_STEP)
    except InvalidOperation:
        raise UserError(f"{str(value)[:40]!r} is not the number of a cue, such as 1 or 1.5") from None
    if not 0 < exact < _HIGHEST or (isinstance(value, str) and exact != number):
        raise UserError(f"cue {str(value)[:40]}: allowed are 0.001 to 9999.999, with three decimals at most")
    return f"{exact:f}".rstrip("0").rstrip(".")


def _order(cue: Cue) -> Decimal:
    return Decimal(cue.number)


@dataclass(frozen=True)
class CueList:
    """In the order of their numbers."""

    cues: tuple[Cue, ...] = ()

    @classmethod
    def of(cls, cues: Iterable[Cue]) -> CueList:
        return cls(tuple(sorted(cues, key=_order)))

    def __len__(self) -> int:
        return len(self.cues)

    def find(self, number: str) -> Cue:
        """Raises UserError."""
        cue = next((cue for cue in self.cues if cue.number == number), None)
        if cue is None:
            raise UserError(f"no cue {number}{self._near(number)}")
        return cue

    def _near(self, number: str) -> str:
        near = [cue.number for cue in (self.before(number), self.after(number)) if cue is not None]
        if not near:
            return ": the cue list is empty"
        return f"; the nearest {'is' if len(near) == 1 else 'are'} {', '.join(near)}"

    def after(self, number: str | None) -> Cue | None:
        """The next one; the first after None."""
        at = 0 if number is None else bisect_right(self.cues, Decimal(number), key=_order)
        return self.cues[at] if at < len(self.cues) else None

    def before(self, number: str | None) -> Cue | None:
        """The one before; none before None."""
        at = 0 if number is None else bisect_left(self.cues, Decimal(number), key=_order)
        return self.cues[at - 1] if at else None

    def has(self, number: str) -> bool:
        return any(cue.number == number for cue in self.cues)

    def free_number(self) -> str:
        """The next whole one after the last. Raises UserError where there is none."""
        last = int(_order(self.cues[-1])) if self.cues else 0
        return cue_number(last + 1)

    def with_cue(self, cue: Cue) -> CueList:
        """In place of the one with its number, if there is one. Raises UserError where there are MOST_CUES."""
        others = [each for each in self.cues if each.number != cue.number]
        if len(others) >= MOST_CUES:
            raise UserError(f"cue {cue.number}: there are {MOST_CUES} cues already")
        return CueList.of([*others, cue])

    def without(self, number: str) -> CueList:
        """Raises UserError."""
        gone = self.find(number)
        return CueList(tuple(cue for cue in self.cues if cue is not gone))


@dataclass
class CueEdits:
    """The list as it is now, and as it was: MOST_UNDONE changes can be taken back."""

    now: CueList = field(default_factory=CueList)
    _undo: list[tuple[str, CueList]] = field(default_factory=list)
    _redo: list[tuple[str, CueList]] = field(default_factory=list)

    def record(self, cue: Cue) -> str:
        """A new cue, or one over an old one, whose name, notes and times stay unless the new one has its own. What was
        done, in words.
        """
        if self.now.has(cue.number):
            old = self.now.find(cue.number)
            cue = replace(old, scene=cue.scene, controls=cue.controls, name=cue.name or old.name)
        return self._change(f"record {cue.number}", self.now.with_cue(cue))

    def delete(self, number: str) -> str:
        """What was done, in words. Raises UserError."""
        return self._change(f"delete {number}", self.now.without(number))

    def _change(self, what: str, after: CueList) -> str:
        self._undo = [*self._undo, (what, self.now)][-MOST_UNDONE:]
        self._redo.clear()
        self.now = after
        return what

    def go_on_from(self, before: CueEdits) -> None:
        """What was done to the list elsewhere can be taken back here too, where it is the same list."""
        if self.now == before.now:
            self._undo, self._redo = [*before._undo], [*before._redo]

    def undo(self) -> str:
        """What was taken back. Raises UserError where there is nothing."""
        return self._swap(self._undo, self._redo, "undo")

    def redo(self) -> str:
        """What was done again. Raises UserError where there is nothing."""
        return self._swap(self._redo, self._undo, "redo")

    def _swap(self, from_: list[tuple[str, CueList]], to: list[tuple[str, CueList]], name: str) -> str:
        if not from_:
            raise UserError(f"there is nothing to {name}")
        what, then = from_.pop()
        to.append((what, self.now))
        self.now = then
        return what
