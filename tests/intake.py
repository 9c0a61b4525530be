"""What becomes of datagrams, on a virtual clock: an intake with no socket, and poses for it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vpengine.mailbox import Newest
from vpengine.peers import Peers
from vpengine.tracking.intake import Intake
from vpengine.tracking.opentrackio import OpenTrackIOTracking
from vpengine.tracking.osc import OscTracking
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, Source
from vpengine.tracking.refusals import Refusals
from vpengine.tracking.udp import Received
from vpengine.view.pose import Pose, from_opentrackio

ONE, TWO, THREE = "10.0.0.5:5000", "10.0.0.5:5001", "10.0.0.6:5000"
OSC = Source(OscTracking(OscTracking.Settings()))


class Bench:
    """An intake for the cameras ``ids``, with no socket and no clock."""

    def __init__(self, *ids: str) -> None:
        self.poses = {camera: PoseBuffer() for camera in ids or ("1",)}
        self.lenses: Newest[str, LensUpdate] = Newest()
        self.peers: Peers[Pose] = Peers(100_000)
        self.intake = Intake(self.poses, self.lenses, self.peers, Refusals(self.peers))

    def take(self, packet: bytes, time_s: float, peer: str = ONE, source: Source = OSC) -> None:
        self.intake.take(source, Received(packet, peer, time_s, None))

    def pose(self, time_s: float, camera: str = "1") -> Pose:
        tracked = self.poses[camera].at(time_s)
        assert tracked is not None
        return tracked.pose

    def good(self, peer: str | None = None) -> int:
        return sum(tally.good for name, tally in self.peers.health(0.0).items() if peer in (None, name))

    def bad(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for health in self.peers.health(0.0).values():
            for reason, count in health.bad.items():
                counts[reason] = counts.get(reason, 0) + count
        return counts


def at(x: float, y: float = 0.0, pan: float = 0.0) -> Pose:
    return from_opentrackio((x, y, 1.5), pan, 0.0, 0.0)


def degrees(a: Pose, b: Pose) -> float:
    return 2.0 * math.degrees(math.acos(min(abs(float(np.dot(a.rotation, b.rotation))), 1.0)))


def sentences(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


OPENTRACKIO = Source(OpenTrackIOTracking(OpenTrackIOTracking.Settings()))
