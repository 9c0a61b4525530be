"""Takes, as a set counts them: slate, scene and number; they begin and end, and may lock the looks. Pure state."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vpengine.control.triggers import TakeTrigger
from vpengine.errors import UserError

LONGEST = 64  # characters
_REFUSED_CHARACTERS = '/\\:*?"<>|'


@dataclass(frozen=True)
class TakeName:
    """What a take is called. number: from 1, by slate and scene."""

    slate: str = ""
    scene: str = ""
    number: int = 1

    @property
    def text(self) -> str:
        return " ".join(filter(None, (self.slate, self.scene, f"take {self.number}")))


@dataclass(frozen=True)
class TakesNow:
    """Whether one rolls, and how many have ended: for those who press ROLL and CUT from elsewhere."""

    rolling: bool = False
    ended: int = 0


class Takes:
    """next: what the next take is called, or this one while it rolls. Numbers neither skip nor repeat: one is used up
    when a take begins, and another slate or scene begins at the number after its last.
    """

    def __init__(self, lock_while_rolling: bool = True) -> None:
        self.rolling: TakeName | None = None
        self._next = TakeName()
        self._ended = 0
        self._used: dict[tuple[str, str], int] = {}
        self.lock_while_rolling = lock_while_rolling
        self._locked_by_hand = False

    @property
    def name(self) -> TakeName:
        """This take's, or the next one's."""
        return self.rolling or self._next

    @property
    def locked(self) -> bool:
        """Whether looks may not change."""
        return self._locked_by_hand or (self.lock_while_rolling and self.rolling is not None)

    @property
    def now(self) -> TakesNow:
        return TakesNow(self.rolling is not None, self._ended)

    @property
    def used(self) -> dict[tuple[str, str], int]:
        """The last number of each slate and scene."""
        return dict(self._used)

    def restore(self, name: TakeName, used: dict[tuple[str, str], int]) -> None:
        """After a start: no number of the day comes twice."""
        self._used = dict(used)
        self._next = replace(name, number=max(name.number, used.get((name.slate, name.scene), 0) + 1))

    def press(self, trigger: TakeTrigger) -> None:
        """Raises UserError where it cannot be."""
        if trigger.action in ("lock", "unlock"):
            self._locked_by_hand = trigger.action == "lock"
        elif trigger.action == "roll":
            self._roll()
        elif trigger.action == "cut":
            self._cut()
        elif self.rolling is not None:
            raise UserError(f"{self.rolling.text} is rolling; cut before you name another")
        elif trigger.action == "number":
            self._next = replace(self._next, number=_take_number(trigger.text))
        else:
            self._name(trigger)

    def _roll(self) -> None:
        if self.rolling is not None:
            raise UserError(f"{self.rolling.text} is rolling already")
        self.rolling = self._next
        self._used[self.rolling.slate, self.rolling.scene] = self.rolling.number

    def _cut(self) -> None:
        if self.rolling is None:
            raise UserError("no take is rolling")
        self._next, self.rolling = replace(self.rolling, number=self.rolling.number + 1), None
        self._ended += 1

    def _name(self, trigger: TakeTrigger) -> None:
        text = trigger.text.strip()
        if len(text) > LONGEST or not text.isprintable() or any(each in _REFUSED_CHARACTERS for each in text):
            raise UserError(
                f"{trigger.text[:40]!r} names no {trigger.action}: allowed are up to {LONGEST} characters, none of "
                f"{_REFUSED_CHARACTERS}"
            )
        named = replace(self._next, slate=text) if trigger.action == "slate" else replace(self._next, scene=text)
        self._next = replace(named, number=self._used.get((named.slate, named.scene), 0) + 1)


def _take_number(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 1 <= number <= 9999 or number != int(number):
        raise UserError(f"{text[:40]!r} is not the number of a take, 1 to 9999")
    return int(number)
