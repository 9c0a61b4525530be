"""Refusals, counted by source and told by machine: each mistake once, and never more than a person can read."""

from __future__ import annotations

import logging

from vpengine.peers import Peers
from vpengine.tracking.ownership import machine_of
from vpengine.tracking.protocol import Rejected
from vpengine.view.pose import Pose

LOG = logging.getLogger(__name__)

MOST_SUBJECTS = 8  # different mistakes of one reason that a machine is told of
MOST_MACHINES = 64


class Tellings:
    """A sender that opens a new socket for each packet is one machine; so is one that sends noise."""

    def __init__(self, peers: Peers[Pose]) -> None:
        self._peers = peers
        self._told: dict[str, dict[str, set[str]]] = {}

    def refuse(self, peer: str, rejected: Rejected) -> None:
        """Count a refusal of ``peer`` ("ip:port"), and tell it when it is the first of its kind from there."""
        self._peers.bad(peer, rejected.reason)
        self.tell(peer, rejected)

    def tell(self, peer: str, rejected: Rejected) -> None:
        """Say what is wrong, uncounted."""
        if self._is_new(machine_of(peer), rejected):
            sentence = rejected.sentence or f"a packet was refused ({rejected.reason})"
            LOG.warning("tracking, from %s: %s (told once, counted from now on)", peer, sentence)

    def is_new(self, peer: str, reason: str, subject: str = "") -> bool:
        """Whether this is the first time; it is not from then on."""
        return self._is_new(machine_of(peer), Rejected(reason, subject=subject))

    def _is_new(self, machine: str, rejected: Rejected) -> bool:
        if machine not in self._told and len(self._told) >= MOST_MACHINES:
            return False
        subjects = self._told.setdefault(machine, {}).setdefault(rejected.reason, set())
        if rejected.subject in subjects or len(subjects) >= MOST_SUBJECTS:
            return False
        subjects.add(rejected.subject)
        return True
