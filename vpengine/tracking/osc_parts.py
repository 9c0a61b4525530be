"""Poses that come in several messages, put together: whole ones only, and a bounded number of unfinished ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from vpengine.tracking.protocol import Rejected

MOST_WAITING = 64  # cameras of all senders whose messages are kept; the one heard longest ago gives way

Commit = Literal["all", "last", "bundle"]
Values = Mapping[str, float]
Key = tuple[str, str | None]  # the sender's machine, the camera


@dataclass(frozen=True)
class Rule:
    """When a pose of ``rows`` kinds of message is whole, and which numbers it ``needs`` then.

    commit: when all rows have come, on the last of them, or at the packet's end. keep: numbers stay until they come
    again. merge_s: how long the first message waits for the others, unless numbers are kept.
    """

    rows: int
    needs: frozenset[str]
    commit: Commit
    keep: bool
    merge_s: float


@dataclass(frozen=True, slots=True)
class Part:
    """What a message says. row: its place in the table. name: the camera's by the sender, None if it has none.

    left_out: what of it could not be used, and was not needed.
    """

    row: int
    name: str | None
    values: Values
    left_out: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """All the numbers of a camera's pose, in the sender's axes and units."""

    camera: str | None
    values: Values


@dataclass(slots=True)
class _Parts:
    """What has come of one camera's pose: numbers by meaning, and the rows that brought them since ``since_s``."""

    values: dict[str, float] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    since_s: float = 0.0


class Assembly:
    """Puts poses together from their messages, for at most ``MOST_WAITING`` cameras of all senders."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._waiting: dict[Key, _Parts] = {}
        self._in_packet: dict[Key, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Key, part: Part, now_s: float) -> Iterator[Whole | Rejected]:
        """A pose that is whole now; a refusal for one whose other messages did not come."""
        parts = self._waiting.pop(key, None) or _Parts()
        if self._is_over(parts, part.row, now_s):
            parts = _Parts()
            yield _incomplete()
        if not parts.rows:
            parts.since_s = now_s
        parts.rows.add(part.row)
        parts.values.update(part.values)
        self._waiting[key] = parts
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            yield Rejected("too-many-cameras", f"more than {MOST_WAITING} cameras wait for the rest of their poses")
        yield from self._after(key, part.row)

    def end_of_packet(self) -> Iterator[Whole | Rejected]:
        """The poses that the packet's end makes whole."""
        keys, self._in_packet = self._in_packet, {}
        for key in keys:
            yield from self._commit(key)

    def _is_over(self, parts: _Parts, row: int, now_s: float) -> bool:
        """Whether ``row`` belongs to a later pose than ``parts``: theirs would be torn, half old and half new."""
        if self._rule.keep or not parts.rows:
            return False
        return row in parts.rows or now_s - parts.since_s > self._rule.merge_s

    def _after(self, key: Key, row: int) -> Iterator[Whole | Rejected]:
        if self._rule.commit == "bundle":
            self._in_packet[key] = None
        elif self._rule.commit == "last":
            if row == self._rule.rows - 1:
                yield from self._commit(key)
        elif len(self._waiting[key].rows) == self._rule.rows:
            yield from self._commit(key)

    def _commit(self, key: Key) -> Iterator[Whole | Rejected]:
        parts = self._waiting.get(key)
        if parts is None:  # it gave way to others of the same packet, and was counted
            return
        if self._rule.keep:
            parts.rows.clear()
        else:
            del self._waiting[key]
        yield Whole(key[1], dict(parts.values)) if parts.values.keys() >= self._rule.needs else _incomplete()


def _incomplete() -> Rejected:
    sentence = "a pose came without all of its messages: expected all those of the preset or of [[tracking.message]]"
    return Rejected("incomplete", sentence)
