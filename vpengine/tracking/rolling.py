"""ROLL and CUT as cameras say them: what changes in ``recording`` and ``slate`` becomes what an operator presses."""

from __future__ import annotations

from dataclasses import dataclass

from vpengine.control.triggers import TakeTrigger
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

    A take can be named only before it rolls: a slate that comes meanwhile waits for its end.
    """

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], _Said] = {}
        self._recording: set[tuple[str, str]] = set()  # who has begun to since the take began; the others are late
        self._slate = self._pressed = ""  # as it was said last, and as it was handed on last

    def hear(self, machine: str, camera: str, update: TakeUpdate) -> tuple[TakeTrigger, ...]:
        """What is to be pressed, in order. machine, camera: the source's address, and the camera that it speaks of."""
        source = (machine, camera)
        if source not in self._said and len(self._said) >= MOST_SOURCES:
            return _NOTHING
        said = self._said.setdefault(source, _Said())
        if update.slate is not None and update.slate != said.slate:
            said.slate = self._slate = update.slate
        if update.recording is None or update.recording == said.recording:
            return _NOTHING if self._recording else self._name()
        said.recording = update.recording
        return self._begin(source) if update.recording else self._end(source)

    def _begin(self, source: tuple[str, str]) -> tuple[TakeTrigger, ...]:
        first = not self._recording
        self._recording.add(source)
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
