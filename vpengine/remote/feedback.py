"""What the engine shows, sent to who subscribed: the newest value of an address, at most so often, never to the hand.

A client gets all that there is when it subscribes, and from then on what differs from what it knows. What it set itself
it knows: nothing is sent while that hand moves, and once it rests the true value, where that is another one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.control.controls import Value
from vpengine.control.displays import Shown
from vpengine.mailbox import Board
from vpengine.peers import machine_of

MOST_CLIENTS = 64
MTU_BYTES = 1400  # of a packet's payload: what passes every network in one piece
REST_S = 0.5  # a hand that has not moved for so long has let go
CROSSING_S = 0.5  # so old a value may still be on its way to a client when what that client sent comes in
RENEW_S = 60.0  # a client over UDP that says nothing for so long is gone
DUMP_PERIOD_S = 1.0  # a client that subscribes again gets all again, but not more often than this

_BUNDLE = b"#bundle\0" + (1).to_bytes(8, "big")  # time tag 1: now


class Way(Protocol):
    """How packets reach one client. ``name`` is for people."""

    name: str

    def begin(self) -> None:
        """Its client is sent to from now on; not called for who is merely answered."""

    def end(self) -> None:
        """Its client is gone: nothing more is sent."""

    def is_full(self) -> bool:
        """Whether what was sent before still waits, so that nothing more should be."""

    def send(self, packet: bytes) -> None:
        """Never waits."""


class FullError(ValueError):
    """No client more."""


@dataclass(frozen=True)
class ClientHealth:
    """fixed: named in the stage file. age_s: since it was heard last. waiting: addresses whose newest is to be sent."""

    fixed: bool
    age_s: float
    packets: int
    waiting: int


@dataclass
class _Client:
    """origin: the peer ("ip:port") that subscribed; None where the stage file did, which knows the machine alone.

    fixed: named in the stage file. ends: when its origin says nothing for long.
    """

    way: Way
    origin: str | None
    fixed: bool
    ends: bool
    heard_s: float
    dumped_s: float = -math.inf
    sent_s: float = -math.inf
    packets: int = 0
    known: dict[str, Value] = field(default_factory=dict)  # as the client has it: what was sent to it, or it set
    told: dict[str, float] = field(default_factory=dict)  # address -> when the client was sent its value last
    hands: dict[str, float] = field(default_factory=dict)  # address -> when the client moved it last
    pending: dict[str, None] = field(default_factory=dict)  # in order of change; at most every address there is

    def may_be(self, peer: str) -> bool:
        """A tablet sends from another port than the one at which the stage file says it listens."""
        return self.origin is None and machine_of(peer) == machine_of(self.way.name)

    def all_again(self, values: Mapping[str, Value], now_s: float) -> None:
        self.dumped_s = now_s
        for address in values:
            if address not in self.hands:
                self.known.pop(address, None)
            self.pending[address] = None

    def moved(self, address: str, value: Value, now_s: float, *, certain: bool) -> None:
        """certain: it was this client, not merely its machine, which might run another one.

        What was sent to it just before may have met this on the way: whether it shows that or what it set only it
        knows, so that it is told again.
        """
        self.hands[address] = now_s
        self.pending[address] = None  # to be looked at when the hand rests
        if certain and now_s - self.told.get(address, -math.inf) >= CROSSING_S:
            self.known[address] = value
        else:
            self.known.pop(address, None)

    def due(self, values: Mapping[str, Value], now_s: float) -> list[tuple[str, Value]]:
        """What is to be sent now; it counts as sent."""
        out = []
        for address in tuple(self.pending):
            if now_s - self.hands.get(address, -math.inf) < REST_S:
                continue
            self.hands.pop(address, None)
            del self.pending[address]
            value = values.get(address)
            if value is not None and (address not in self.known or self.known[address] != value):
                self.known[address] = value
                self.told[address] = now_s
                out.append((address, value))
        return out


class Feedback:
    """All clients. Every method is called on the remote thread.

    board: where the loop leaves what a frame shows. rate_hz: how often a client is sent something, at most.
    """

    def __init__(self, board: Board[Shown], rate_hz: float = 25.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._period_s = 1.0 / rate_hz
        self._clock = clock
        self._clients: dict[str, _Client] = {}
        self._seen: Shown | None = None
        self._values: dict[str, Value] = {}
        self._encoded: dict[str, tuple[Value, bytes]] = {}

    @property
    def has_clients(self) -> bool:
        return bool(self._clients)

    def subscribe(self, way: Way, origin: str | None, *, ends: bool) -> None:
        """Send to ``way`` from now on; of a client that is there already, its time begins anew.

        origin: the peer that asks; None for the stage file. ends: after 60 s in which it says nothing.
        Raises FullError.
        """
        now_s = self._clock()
        self._look()
        client = self._clients.get(way.name)
        if client is None:
            if len(self._clients) >= MOST_CLIENTS:
                raise FullError(f"{way.name} cannot subscribe: {MOST_CLIENTS} clients have, which is the most")
            self._clients[way.name] = client = _Client(way, origin, origin is None, ends, now_s)
            client.all_again(self._values, now_s)
            way.begin()
            return
        client.heard_s, client.origin = now_s, origin or client.origin
        if now_s - client.dumped_s >= DUMP_PERIOD_S:  # what the network lost comes with the next renewal
            client.all_again(self._values, now_s)

    def unsubscribe(self, name: str) -> None:
        """Those of the stage file stay."""
        if name in self._clients and not self._clients[name].fixed:
            self._forget(name)

    def close(self) -> None:
        """Those of the stage file too."""
        for name in tuple(self._clients):
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._clients.pop(name).way.end()

    def heard(self, peer: str) -> None:
        """Any message of a client says that it is there."""
        now_s = self._clock()
        for client in self._clients.values():
            if client.origin == peer:
                client.heard_s = now_s

    def moved(self, peer: str, changes: Iterable[tuple[str, Value]]) -> None:
        """``peer`` set these controls: the values as it sent them, before any range."""
        if not self._clients:
            return
        now_s, changes = self._clock(), tuple(changes)
        for client in self._clients.values():
            if client.origin == peer or client.may_be(peer):
                for address, value in changes:
                    client.moved(address, value, now_s, certain=client.origin == peer)

    def turn(self) -> None:
        """Send what is due; called more often than the rate."""
        self._look()
        now_s = self._clock()
        for name, client in tuple(self._clients.items()):
            if client.ends and now_s - client.heard_s > RENEW_S:
                self._forget(name)
            elif client.pending and now_s - client.sent_s >= self._period_s and not client.way.is_full():
                messages = [self._message(*each) for each in client.due(self._values, now_s)]
                for packet in packets(messages):
                    client.way.send(packet)
                    client.packets += 1
                client.sent_s = now_s if messages else client.sent_s

    def health(self) -> dict[str, ClientHealth]:
        """By the address ("ip:port", "tcp ip:port") that is sent to. May be called by any thread."""
        now_s = self._clock()
        return {
            name: ClientHealth(client.fixed, now_s - client.heard_s, client.packets, len(client.pending))
            for name, client in tuple(self._clients.items())
        }

    def _look(self) -> None:
        """Find what the newest frame changed."""
        shown = self._board.read()
        if shown is None or shown is self._seen:
            return
        self._seen = shown
        changed = [
            (address, value)
            for values in (shown.controls, shown.displays)
            for address, value in values.items()
            if address not in self._values or self._values[address] != value
        ]
        for address, value in changed:
            self._values[address] = value
            for client in self._clients.values():
                client.pending[address] = None

    def _message(self, address: str, value: Value) -> bytes:
        """Encoded once for all clients."""
        known = self._encoded.get(address)
        if known is None or known[0] != value:
            self._encoded[address] = known = (value, encoded(address, value))
        return known[1]


def encoded(address: str, value: Value | None = None) -> bytes:
    """One message. A switch goes out as the whole number 1 or 0, which every controller takes; what of a text is no
    character (of a file's name that is not UTF-8) as "?".
    """
    builder = OscMessageBuilder(address)
    if isinstance(value, str):
        builder.add_arg(value.encode("utf-8", "replace").decode("utf-8"))
    elif value is not None:
        builder.add_arg(int(value) if isinstance(value, bool) else value)
    return bytes(builder.build().dgram)


def packets(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Bundles of at most 1400 bytes; what is alone goes as a message, and one that is longer goes alone."""
    together: list[bytes] = []
    size = len(_BUNDLE)
    for message in messages:
        if together and size + 4 + len(message) > MTU_BYTES:
            yield _bundle(together)
            together, size = [], len(_BUNDLE)
        together.append(message)
        size += 4 + len(message)
    if together:
        yield _bundle(together)


def _bundle(messages: list[bytes]) -> bytes:
    if len(messages) == 1:
        return messages[0]
    return _BUNDLE + b"".join(len(message).to_bytes(4, "big") + message for message in messages)
