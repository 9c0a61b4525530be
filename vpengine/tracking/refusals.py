"""Refusals, counted by source and reported by machine: each mistake once, and never more than a person can read."""

from __future__ import annotations

import logging

from vpengine.peers import Firsts, Peers
from vpengine.tracking.protocol import Rejected
from vpengine.view.pose import Pose

LOG = logging.getLogger(__name__)


class Refusals:
    """Counts refusals in ``peers``, and says each mistake of a machine once."""

    def __init__(self, peers: Peers[Pose]) -> None:
        self._peers = peers
        self._firsts = Firsts()

    def refuse(self, peer: str, rejected: Rejected) -> None:
        """Count a refusal of ``peer`` ("ip:port"), and report it when it is the first of its kind from there."""
        self.count(peer, rejected)
        self.report(peer, rejected)

    def count(self, peer: str, rejected: Rejected) -> None:
        """Count it without a report: it may turn out to be no mistake."""
        self._peers.bad(peer, rejected.reason)

    def report(self, peer: str, rejected: Rejected) -> None:
        """Say what is wrong, uncounted."""
        if self.is_new(peer, rejected.reason, rejected.subject):
            sentence = rejected.sentence or f"a packet was refused ({rejected.reason})"
            LOG.warning("tracking, from %s: %s (reported once, counted from now on)", peer, sentence)

    def is_new(self, peer: str, reason: str, subject: str = "") -> bool:
        """Whether this is the first time; it is not from then on."""
        return self._firsts.is_new(peer, reason, subject)
