"""The tracking thread: owns its sockets, reads packets as they come, writes PoseBuffers, survives everything."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vpengine.control.takes import TakesNow
from vpengine.control.triggers import TakeTrigger
from vpengine.mailbox import Board, Newest
from vpengine.peers import PeerHealth, Peers
from vpengine.tracking.intake import Intake
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, Rejected, Source
from vpengine.tracking.refusals import Refusals
from vpengine.tracking.udp import open_udp, receive
from vpengine.view.pose import Pose

BURST = 64  # packets read from one socket before the next is looked at
AGAIN_S = 0.02  # until what found no room is pressed again


class Receiver:
    """Fills ``poses`` and ``lenses`` for the cameras that ``poses`` knows, from all ``sources``, on one thread."""

    def __init__(
        self,
        sources: Sequence[Source],
        poses: Mapping[str, PoseBuffer],
        lenses: Newest[str, LensUpdate],
        clock: Callable[[], float] = time.monotonic,
        press: Callable[[TakeTrigger], bool] = lambda _: True,
        takes: Board[TakesNow] | None = None,
    ) -> None:
        """press: what cameras say of their takes; called on the tracking thread, again where it returns False.

        takes: what becomes of it.
        """
        self.peers: Peers[Pose] = Peers()
        self._sources = sources
        self._refusals = Refusals(self.peers)
        self._intake = Intake(poses, lenses, self.peers, self._refusals, press, takes)
        self._clock = clock
        self._sockets: list[socket.socket] = []
        self._drops: dict[int, int] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)

    def start(self) -> None:
        """Open the sockets and begin. Raises UserError when one cannot be had; then none stays open."""
        self._selector.register(self._woken, selectors.EVENT_READ)
        try:
            for source in self._sources:
                self._open(source)
        except BaseException:
            self._close()
            raise
        self._thread.start()

    def _open(self, source: Source) -> None:
        protocol = source.protocol
        if protocol.endpoint is None:
            return
        for group in protocol.multicast_groups or (None,):
            opened = open_udp(*protocol.endpoint, type(protocol).__name__, group)
            self._sockets.append(opened)
            self._selector.register(opened, selectors.EVENT_READ, source)

    def stop(self) -> None:
        """End the thread and close its sockets. Returns within a second; may be called twice."""
        if self._thread.is_alive():
            self._wake.send(b"\0")
            self._thread.join(1.0)
        self._close()

    def health(self) -> dict[str, PeerHealth[Pose]]:
        """By source ("ip:port"); ``last`` is its newest pose."""
        return self.peers.health(self._clock())

    def owner(self, camera: str) -> str:
        """Who moves ``camera``, "ip:port"; empty before the first pose."""
        return self._intake.owner(camera)

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
            for key, _ in self._selector.select(AGAIN_S if self._intake.press_again() else None):
                if key.data is None:
                    return
                assert isinstance(key.fileobj, socket.socket)
                self._drain(key.fileobj, key.data)

    def _drain(self, opened: socket.socket, source: Source) -> None:
        for _ in range(BURST):
            try:
                received = receive(opened, self._clock)
            except OSError as error:  # Windows reports a peer's closed port here; the socket goes on
                self._refusals.refuse("socket", Rejected("system-error", str(error)))
                return
            if received is None:
                return
            if received.kernel_drops:
                self._drops[opened.fileno()] = received.kernel_drops
            self._intake.take(source, replace(received, time_s=received.time_s - source.latency_s))
