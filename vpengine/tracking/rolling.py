"""ROLL and CUT as cameras say them: what changes in ``recording`` and ``slate`` becomes what an operator presses."""

from __future__ import annotations

from dataclasses import dataclass

from vpengine.control.takes import TakesNow
from vpengine.control.triggers import TakeTrigger
from vpengine.mailbox import Board
from vpengine.tracking.protocol import TakeUpdate

MOST_SOURCES = 64
_NOTHING: tuple[TakeTrigger, ...] = ()


@dataclass
class _Said:
    """What one source said last; one that has said nothing does not record, and has no slate."""

    recording: bool = False
    slate: str = ""


class Rolling:
    """Of several sources the first that says so begins a take, names it or ends it; a repeated value does nothing.

    A take can be named only before it rolls: a slate that comes meanwhile waits for its end. One that an operator
    ended has ended, whoever records on, or has gone silent.
    """

    def __init__(self, takes: Board[TakesNow] | None = None) -> None:
        """takes: where it is seen what has become of what was pressed, some frames later."""
        self._takes: Board[TakesNow] = takes or Board()
        self._ended = 0  # how many takes had when this one was begun
        self._said: dict[tuple[str, str], _Said] = {}
        self._recording: set[tuple[str, str]] = set()  # who has begun to since the take began; the others are late
        self._slate = self._pressed = ""  # as it was said last, and as it was handed on last

    def hear(self, machine: str, camera: str, update: TakeUpdate) -> tuple[TakeTrigger, ...] | None:
        """What is to be pressed, in order; None where the source is one too many, and not heard. machine, camera: the
        source's address, and the camera that it speaks of.
        """
        source = (machine, camera)
        if source not in self._said and len(self._said) >= MOST_SOURCES:
            return None
        self._look()
        said = self._said.setdefault(source, _Said())
        if update.slate is not None and update.slate != said.slate:
            said.slate = self._slate = update.slate
        if update.recording is None or update.recording == said.recording:
            return _NOTHING if self._recording else self._name()
        said.recording = update.recording
        return self._begin(source) if update.recording else self._end(source)

    def _look(self) -> None:
        """Whether the take has ended by another hand. Where the next one rolls already it counts as this one."""
        now = self._now
        if self._recording and now.ended > self._ended and not now.rolling:
            self._recording.clear()

    @property
    def _now(self) -> TakesNow:
        return self._takes.read() or TakesNow()

    def _begin(self, source: tuple[str, str]) -> tuple[TakeTrigger, ...]:
        first = not self._recording
        self._recording.add(source)
        if first:
            self._ended = self._now.ended
        return (*self._name(), TakeTrigger("roll")) if first else _NOTHING

    def _end(self, source: tuple[str, str]) -> tuple[TakeTrigger, ...]:
        if source not in self._recording:  # of a take that another ended
            return _NOTHING
        self._recording.clear()
        return (TakeTrigger("cut"), *self._name())

    def _name(self) -> tuple[TakeTrigger, ...]:
        if self._slate == self._pressed:
            return _NOTHING
        self._pressed = self._slate
        return (TakeTrigger("slate", self._slate),)
