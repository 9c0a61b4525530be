"""What is known of each sender, for a bounded number of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_SENDERS = 64


class Heard(Generic[K, V]):
    """What is known of each sender. At ``capacity``, the one that has been silent longest is forgotten."""

    def __init__(self, make: Callable[[], V], capacity: int = MAX_SENDERS) -> None:
        self._make = make
        self._capacity = capacity
        self._known: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, key: K) -> V:
        if key not in self._known and len(self._known) >= self._capacity:
            self._known.popitem(last=False)
        self._known.setdefault(key, self._make())
        self._known.move_to_end(key)
        return self._known[key]
