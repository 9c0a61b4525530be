"""The tracking thread: owns its sockets, reads packets as they come, writes PoseBuffers, survives everything."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from vpengine.mailbox import Newest
from vpengine.peers import PeerHealth, Peers
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, TrackingProtocol, Update
from vpengine.tracking.sender_clock import SenderClock
from vpengine.tracking.udp import Received, open_udp, receive
from vpengine.view.pose import Pose

LOG = logging.getLogger(__name__)

BURST = 64  # packets read from one socket before the next is looked at
RELEASE_S = 1.0  # a camera is its sender's until that has been silent for so long
MOST_CLOCKS = 64


class Receiver:
    """Fills ``poses`` and ``lenses`` for the cameras that ``poses`` knows, from all ``protocols``, on one thread."""

    def __init__(
        self,
        protocols: Sequence[TrackingProtocol],
        poses: Mapping[str, PoseBuffer],
        lenses: Newest[str, LensUpdate],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peers: Peers[Pose] = Peers()
        self._protocols = protocols
        self._poses = poses
        self._lenses = lenses
        self._clock = clock
        self._owners: dict[str, tuple[str, float]] = {}
        self._sender_clocks: dict[str, SenderClock] = {}
        self._sockets: list[socket.socket] = []
        self._drops: dict[int, int] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)

    def start(self) -> None:
        """Open the sockets and begin. Raises UserError when one cannot be had; then none stays open."""
        self._selector.register(self._woken, selectors.EVENT_READ)
        try:
            for protocol in self._protocols:
                if protocol.endpoint:
                    # Of the protocols only OpenTrackIO has groups; the others need not say that they have none.
                    for group in getattr(protocol, "multicast_groups", ()) or (None,):
                        opened = open_udp(*protocol.endpoint, f"{type(protocol).__name__}", group)
                        self._sockets.append(opened)
                        self._selector.register(opened, selectors.EVENT_READ, protocol)
        except BaseException:
            self._close()
            raise
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close its sockets. Returns within a second; may be called twice."""
        if self._thread.is_alive():
            self._wake.send(b"\0")
            self._thread.join(1.0)
        self._close()

    def health(self) -> dict[str, PeerHealth[Pose]]:
        """By source ("ip:port"); ``last`` is its newest pose."""
        return self.peers.health(self._clock())

    @property
    def kernel_drops(self) -> int:
        """Packets that came while a socket's buffer was full, where the system tells (Linux)."""
        return sum(self._drops.values())

    def _close(self) -> None:
        for opened in (*self._sockets, self._wake, self._woken):
            opened.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                assert isinstance(key.fileobj, socket.socket)
                self._drain(key.fileobj, key.data)

    def _drain(self, opened: socket.socket, protocol: TrackingProtocol) -> None:
        for _ in range(BURST):
            try:
                received = receive(opened, self._clock)
            except OSError as error:  # Windows reports a peer's closed port here; the socket goes on
                if self.peers.bad("socket", "system-error"):
                    LOG.warning("tracking: %s", error)
                return
            if received is None:
                return
            if received.kernel_drops:
                self._drops[opened.fileno()] = received.kernel_drops
            self._take(protocol, received)

    def _take(self, protocol: TrackingProtocol, received: Received) -> None:
        try:
            for update in protocol.decode(received.packet, received.peer):
                reason = self._apply(update, received)
                if reason:
                    self._refuse(received.peer, reason)
        except Exception:  # a fault in a plug-in must not end tracking; it is counted, and told once
            if self.peers.bad(received.peer, "fault"):
                LOG.exception("tracking: %s could not read a packet of %s", type(protocol).__name__, received.peer)

    def _apply(self, update: Update, received: Received) -> str | None:
        """Take an update, or say why not."""
        if isinstance(update, Rejected):
            return update.reason
        if update.camera not in self._poses:
            return "unknown-camera"
        if not self._owns(update.camera, received):
            return "other-source"
        if isinstance(update, LensUpdate):
            self._lenses.put(update.camera, update)
            self.peers.good(received.peer, received.time_s)
            return None
        if not self._poses[update.camera].add(self._sample_time_s(update, received), update.pose):
            return "repeated-or-late"
        self.peers.good(received.peer, received.time_s, update.pose)
        return None

    def _owns(self, camera: str, received: Received) -> bool:
        """Two senders of one camera would make it jump between them: the first machine keeps it.

        Told apart by address without port, since some programs send each packet from a new one.
        """
        machine = received.peer.rpartition(":")[0]
        owner, heard_s = self._owners.get(camera, (machine, received.time_s))
        if owner != machine and received.time_s - heard_s < RELEASE_S:
            return False
        self._owners[camera] = (machine, received.time_s)
        return True

    def _sample_time_s(self, update: PoseUpdate, received: Received) -> float:
        if update.sender_time_s is None:
            return received.time_s
        if received.peer not in self._sender_clocks and len(self._sender_clocks) >= MOST_CLOCKS:
            self._sender_clocks.clear()
        sender_clock = self._sender_clocks.setdefault(received.peer, SenderClock())
        return sender_clock.engine_time_s(update.sender_time_s, received.time_s)

    def _refuse(self, peer: str, reason: str) -> None:
        if self.peers.bad(peer, reason):
            LOG.warning("tracking: a packet from %s was refused: %s (counted from now on)", peer, reason)
