"""How threads and processes talk: Newest (one value a key, the newest), Inbox (that and events, in order), and Board
(one value that many may read).
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Newest(Generic[K, T]):
    """Keeps the newest value of each key. A value not yet taken is overwritten.

    ``capacity`` bounds the number of keys: a new key is refused (and counted) when it is reached, so that a flood
    of unknown addresses cannot grow memory.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._values: dict[K, T] = {}
        self._lock = threading.Lock()
        self._capacity = capacity
        self.refused = 0

    def put(self, key: K, value: T) -> bool:
        """Store ``value``; False when the box holds too many other keys already."""
        with self._lock:
            if key not in self._values and len(self._values) >= self._capacity:
                self.refused += 1
                return False
            self._values[key] = value
            return True

    def take(self) -> dict[K, T]:
        """Everything put since the last take, in order of each key's first arrival."""
        with self._lock:
            values, self._values = self._values, {}
        return values


class Inbox(Generic[K, T]):
    """Messages in the one order in which they came. Those put with ``renew`` replace the one of their key that was
    not yet taken, and count as come now; those put with ``add`` (GO, next, record) are never merged, and what was put
    before one is not replaced by what comes after it: a cue that is recorded between two moves of a fader has the
    first.

    One box for both, since two that are emptied one after the other cannot tell which message came first. When it
    holds ``most_keys`` messages with keys or ``most_events`` events, a new one is refused and counted. Half of
    ``most_keys`` is for keys that are not there yet: when so much waits, the older one of a key is replaced across
    events too, so that a flood keeps no other key out.
    """

    def __init__(self, most_keys: int = 4096, most_events: int = 256) -> None:
        self._messages: dict[object, T] = {}  # in order of arrival; an event has a key that nothing else has
        self._newest: dict[K, tuple[int, K]] = {}  # where the newest of each key is: after how many events it came
        self._events = 0
        self._lock = threading.Lock()
        self._most_keys = most_keys
        self._most_events = most_events
        self.refused = 0

    def renew(self, key: K, message: T) -> bool:
        """Put ``message`` at the end, in place of the one of this key that came since the last event; False when there
        are too many other keys.
        """
        with self._lock:
            place, before, keyed = (self._events, key), self._newest.get(key), len(self._messages) - self._events
            if before is None and keyed >= self._most_keys:
                self.refused += 1
                return False
            if before is not None and (before == place or keyed >= self._most_keys // 2):
                del self._messages[before]
            self._messages[place] = message
            self._newest[key] = place
            return True

    def add(self, event: T) -> bool:
        """Put ``event`` at the end; False when there are too many."""
        with self._lock:
            if self._events >= self._most_events:
                self.refused += 1
                return False
            self._messages[object()] = event
            self._events += 1
            return True

    def take(self) -> tuple[T, ...]:
        """All that came since the last take, in order of arrival."""
        with self._lock:
            messages, self._messages, self._newest, self._events = self._messages, {}, {}, 0
        return tuple(messages.values())


class Board(Generic[T]):
    """One place, for what one thread shows to others: a put is one assignment and never waits, a read leaves it there.

    What was put must not be changed any more.
    """

    def __init__(self) -> None:
        self._shown: T | None = None

    def put(self, shown: T) -> None:
        self._shown = shown

    def read(self) -> T | None:
        """What was put last; None before the first put."""
        return self._shown
