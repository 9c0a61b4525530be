"""How threads and processes talk: Newest (one place a key, newest wins) and Triggers (bounded, in order)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Newest(Generic[K, T]):
    """Keeps the newest value of each key. A value not yet taken is overwritten, and counted.

    ``capacity`` bounds the number of keys: a new key is refused (and counted) when it is reached, so that a flood
    of unknown addresses cannot grow memory.
    """

    def __init__(self, capacity: int = 4096) -> None:
        self._values: dict[K, T] = {}
        self._lock = threading.Lock()
        self._capacity = capacity
        self.overwritten = 0
        self.refused = 0

    def put(self, key: K, value: T) -> bool:
        """Store ``value``; False when the box holds too many other keys already."""
        with self._lock:
            if key in self._values:
                self.overwritten += 1
            elif len(self._values) >= self._capacity:
                self.refused += 1
                return False
            self._values[key] = value
            return True

    def take(self) -> dict[K, T]:
        """Everything put since the last take, in order of each key's first arrival."""
        with self._lock:
            values, self._values = self._values, {}
        return values


class Triggers(Generic[T]):
    """Events that must never be merged (GO, next, safe), in the order they came. When full, a new one is refused."""

    def __init__(self, capacity: int = 256) -> None:
        self._events: deque[T] = deque()
        self._lock = threading.Lock()
        self._capacity = capacity
        self.refused = 0

    def put(self, event: T) -> bool:
        with self._lock:
            if len(self._events) >= self._capacity:
                self.refused += 1
                return False
            self._events.append(event)
            return True

    def take(self) -> tuple[T, ...]:
        with self._lock:
            events = tuple(self._events)
            self._events.clear()
        return events
