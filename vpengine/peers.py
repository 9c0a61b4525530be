"""What each peer of a socket sent: counts by reason, rate, gaps. Kept by the thread that receives, read by any."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

GAP_S = 0.15
OTHERS = "others"  # all peers beyond the capacity, so that forged addresses cannot grow memory


@dataclass(frozen=True)
class PeerHealth(Generic[T]):
    """good, bad: messages taken, and refused by reason. gaps: silences of more than 150 ms. last: what came last."""

    good: int
    bad: Mapping[str, int]
    age_s: float
    rate_hz: float
    gaps: int
    last: T | None


@dataclass
class _Tally(Generic[T]):
    good: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    heard_s: float = 0.0
    interval_s: float = 1.0
    gaps: int = 0
    last: T | None = None


class Peers(Generic[T]):
    """A tally for each peer ("ip:port"). Reasons are the receiver's own short keys, never text from the wire."""

    def __init__(self, capacity: int = 64) -> None:
        self._tallies: dict[str, _Tally[T]] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def good(self, peer: str, time_s: float, last: T | None = None) -> None:
        with self._lock:
            tally = self._tally(peer)
            if tally.good:
                interval_s = time_s - tally.heard_s
                tally.gaps += interval_s > GAP_S
                tally.interval_s += (interval_s - tally.interval_s) * (0.05 if tally.good > 20 else 1.0 / tally.good)
            tally.good += 1
            tally.heard_s = time_s
            tally.last = last if last is not None else tally.last

    def bad(self, peer: str, reason: str) -> None:
        """Count a refusal."""
        with self._lock:
            counts = self._tally(peer).bad
            counts[reason] = counts.get(reason, 0) + 1

    def health(self, now_s: float) -> dict[str, PeerHealth[T]]:
        with self._lock:
            return {peer: _health(tally, now_s) for peer, tally in self._tallies.items()}

    def _tally(self, peer: str) -> _Tally[T]:
        if peer not in self._tallies and len(self._tallies) >= self._capacity:
            peer = OTHERS
        return self._tallies.setdefault(peer, _Tally())


def _health(tally: _Tally[T], now_s: float) -> PeerHealth[T]:
    age_s = max(now_s - tally.heard_s, 0.0)
    rate_hz = 1.0 / max(tally.interval_s, age_s, 1e-6) if tally.good > 1 else 0.0
    return PeerHealth(tally.good, dict(tally.bad), age_s, rate_hz, tally.gaps, tally.last)


MOST_SUBJECTS = 8  # different mistakes of one reason that are told of a machine
MOST_MACHINES = 64


class Firsts:
    """Which refusals are the first of their kind, and so to be told to a person: a bounded number, whatever comes.

    By machine, not by port: a sender that opens a new socket for each packet is one sender.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, set[str]]] = {}

    def is_new(self, peer: str, reason: str, subject: str = "") -> bool:
        """Whether it is ``peer``'s ("ip:port") first; not from then on. subject: tells two mistakes of a reason apart,
        such as an address that is unknown; it may be text from the wire.
        """
        machine = machine_of(peer)
        if machine not in self._known and len(self._known) >= MOST_MACHINES:
            return False
        subjects = self._known.setdefault(machine, {}).setdefault(reason, set())
        if subject in subjects or len(subjects) >= MOST_SUBJECTS:
            return False
        subjects.add(subject)
        return True


def machine_of(peer: str) -> str:
    """The address of "ip:port"."""
    return peer.rpartition(":")[0]
