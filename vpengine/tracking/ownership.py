"""Whose poses and whose lens a camera has: two senders of one would make it jump between them.

Owned separately, since a lens encoder may be another machine than the tracker. Sources are "ip:port".
"""

from __future__ import annotations

from dataclasses import dataclass

from vpengine.peers import machine_of
from vpengine.tracking.protocol import Rejected

RELEASE_S = 1.0  # what is owned is its sender's until that has been silent for so long
SILENT_FOR = 3.0  # of a port's own intervals: then another port of its machine may follow it
LEAST_SILENCE_S, UNKNOWN_INTERVAL_S = 0.03, 0.1
MOST_RIVALS = 64


@dataclass
class _Owner:
    """The source that is heard. packets: how many datagrams came from this very port."""

    source: str
    heard_s: float
    packets: int = 1
    interval_s: float = UNKNOWN_INTERVAL_S

    @property
    def machine(self) -> str:
        return machine_of(self.source)

    def hear(self, now_s: float) -> None:
        waited_s = now_s - self.heard_s
        if waited_s <= 0.0:  # another message of the same datagram
            return
        self.interval_s = waited_s if self.packets == 1 else self.interval_s + 0.1 * (waited_s - self.interval_s)
        self.packets += 1
        self.heard_s = now_s


class Ownership:
    """One camera's poses, or its lens. ``owner`` is the source that has it, "" before the first."""

    def __init__(self) -> None:
        self._owner: _Owner | None = None
        self._rivals: dict[str, float] = {}  # when each was refused first, while the owner's port still sent

    @property
    def owner(self) -> str:
        return self._owner.source if self._owner else ""

    def takes(self, source: str, now_s: float) -> bool:
        """Whether a datagram from ``source`` is heard. Two live programs of one machine are told apart by port.

        A program that sends each packet from a new port is heard as well: no port of its speaks twice, and when one
        port fell silent and a new one of the same machine speaks, that follows at once.
        """
        owner = self._owner
        if owner is None:
            self._owner = _Owner(source, now_s)
        elif source == owner.source:
            owner.hear(now_s)
        elif self._follows(owner, source, now_s):
            self._hand_over(owner, source, now_s)
        else:
            if len(self._rivals) >= MOST_RIVALS:
                del self._rivals[next(iter(self._rivals))]
            self._rivals.setdefault(source, now_s)
            return False
        return True

    def _follows(self, owner: _Owner, source: str, now_s: float) -> bool:
        silent_s = now_s - owner.heard_s
        if silent_s >= RELEASE_S:
            return True
        if machine_of(source) != owner.machine:
            return False
        if owner.packets == 1:  # of a port that has spoken only once nobody knows that it will speak again
            return True
        refused_s = self._rivals.get(source)
        if refused_s is not None and refused_s < owner.heard_s:
            return False  # it sends while the owner does: another program
        return silent_s > max(SILENT_FOR * owner.interval_s, LEAST_SILENCE_S)

    def _hand_over(self, owner: _Owner, source: str, now_s: float) -> None:
        known = source in self._rivals
        self._rivals.pop(source, None)
        if owner.packets == 1 or now_s - owner.heard_s < RELEASE_S:
            self._rivals = {**dict(list(self._rivals.items())[-MOST_RIVALS + 1 :]), owner.source: owner.heard_s}
        else:
            self._rivals = {}
        # A port that speaks for the second time is one that a program keeps.
        self._owner = _Owner(source, now_s, packets=2 if known else 1)


def rival(camera: str, what: str, peer: str, owner: str) -> Rejected:
    """The refusal of ``peer``, which sends ``what`` of a camera that has that of ``owner``."""
    sentence = f"{peer} sends {what} of camera {camera} too, which come from {owner}: only these are taken"
    cure = "stop one of the two, or give them cameras of their own"
    return Rejected("other-source", f"{sentence}, until {owner} is silent for a second; {cure}", f"{camera} {what}")
