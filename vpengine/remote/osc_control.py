"""The OSC control door, over UDP and TCP: faders become changes and buttons triggers, in one inbox; who subscribes is
told what is shown.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from vpengine.control.controls import Control
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.errors import UserError, cure_for_port, did_you_mean
from vpengine.frames.feed import PREVIEW
from vpengine.mailbox import Board, Inbox
from vpengine.osc import Message, OscError, decode, is_pattern, matches
from vpengine.peers import Firsts, PeerHealth, Peers, machine_of
from vpengine.remote.feedback import Feedback, FullError, Way, encoded
from vpengine.remote.handing_over import hand_over
from vpengine.remote.osc_buttons import SCENE_WORDS, button_message, is_button
from vpengine.remote.osc_datagrams import Datagrams, OwnUdpWay, UdpWay
from vpengine.remote.osc_messages import (
    CAMERA,
    LOOK,
    PICKS,
    PING,
    PONG,
    PREVIEW_LOOK,
    PREVIEW_ROOT,
    REFRESH,
    SCENE,
    SUBSCRIBE,
    UNSUBSCRIBE,
    RefusedError,
    as_sent,
    camera_trigger,
    control_value,
    feedback_port,
    pick_trigger,
    preview_trigger,
    refresh_trigger,
    scene_trigger,
)
from vpengine.remote.osc_stream import StreamError, StreamProtocol

LOG = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 << 20
LONGEST_SENTENCE = 300  # characters; what comes from the wire is cut
FEEDBACK_POLL_S = 0.01
NEW_PATTERNS_PER_S = 20  # matching a pattern with every control costs about a thousand faders' work


class OscControl:
    """One port for operators, UDP and TCP. In ``inbox`` the newest change of an address wins; triggers are all kept.

    scenes: the slugs in the show's order, for senders that choose a scene by its number, counted from 1. cameras: ids.
    feedback: to whom values are sent. fixed: "ip:port" of those that are sent to without asking.
    """

    def __init__(
        self,
        address: str,
        port: int,
        controls: Mapping[str, Control],
        inbox: Inbox[str, OperatorMessage],
        scenes: Sequence[str] = (),
        cameras: Sequence[str] = (),
        feedback: Feedback | None = None,
        fixed: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peers: Peers[str] = Peers()
        self._firsts = Firsts()
        self._address = (address, port)
        self._controls = controls
        self._inbox = inbox
        self._scenes, self._cameras = tuple(scenes), tuple(cameras)
        self._clock = clock
        self.feedback = feedback or Feedback(Board(), clock=clock)
        self._fixed = tuple(fixed)
        self._pump: asyncio.Task[None] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Transport, str] = {}
        self._patterns_left, self._patterns_since_s = NEW_PATTERNS_PER_S, clock()
        self._expanded = lru_cache(maxsize=256)(self._expand)

    def name_scenes(self, scenes: Sequence[str]) -> None:
        """Others from now on; from any thread."""
        self._scenes = tuple(scenes)

    async def open(self) -> None:
        loop, (host, port) = asyncio.get_running_loop(), self._address
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self.take), local_addr=self._address)
            self._transport = transport
            self._server = await loop.create_server(
                lambda: StreamProtocol(self.take, self._refuse_stream, self.feedback.unsubscribe, self._connections),
                host,
                port,
            )
        except OSError as error:
            kind = "UDP" if self._transport is None else "TCP"
            cure = cure_for_port(error)
            raise UserError(f"OSC control: cannot receive on {kind} {host} port {port}: {cure}") from None
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        for client in self._fixed:
            self.feedback.subscribe(self._own_way(client), None, ends=False)
        self._pump = loop.create_task(self._send_feedback())

    async def _send_feedback(self) -> None:
        while True:
            await asyncio.sleep(FEEDBACK_POLL_S)
            if self.feedback.has_clients:
                try:
                    self.feedback.turn()
                except Exception:  # whatever it is, it is logged, and the others have their turn again
                    if self._firsts.is_new("engine:0", "feedback"):
                        LOG.exception("OSC control: values could not be sent (further ones are not told)")

    async def close(self) -> None:
        if self._pump:
            self._pump.cancel()
        self.feedback.close()
        if self._server:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        if self._transport:
            self._transport.close()
            await asyncio.sleep(0)  # the transport closes its socket on the loop's next turn

    def health(self) -> dict[str, PeerHealth[str]]:
        """By peer ("ip:port"); ``last`` is the newest message's address."""
        return self.peers.health(self._clock())

    def take(self, packet: bytes, peer: str, back: Way | None = None) -> None:
        """All that a datagram asks for. Raises nothing, whatever the bytes. back: to a sender over TCP."""
        try:
            messages = decode(packet)
        except OscError as error:
            self._refuse(peer, RefusedError(error.reason, error.sentence(packet)))
            return
        self.feedback.heard(peer)
        for message in messages:
            try:
                self._act(message, peer, back)
            except RefusedError as refused:
                self._refuse(peer, refused, refused.subject or message.address)
            else:
                self.peers.good(peer, self._clock(), message.address)

    def _refuse(self, peer: str, refused: RefusedError, subject: str = "") -> None:
        """subject: the address that was meant, so that a second mistake is told though another was before it."""
        self.peers.bad(peer, refused.reason)
        if self._firsts.is_new(peer, refused.reason, subject):
            sentence = refused.sentence[:LONGEST_SENTENCE]
            LOG.warning("OSC control: from %s: %s (further ones are counted)", peer, sentence)

    def _refuse_stream(self, peer: str, error: StreamError) -> None:
        self._refuse(peer, RefusedError(error.reason, str(error)))

    def _act(self, message: Message, peer: str, back: Way | None) -> None:
        word = message.address.removeprefix(SCENE + "/")
        if word in SCENE_WORDS:
            message = Message(SCENE_WORDS[word], message.arguments)
        if is_button(message.address):
            self._add(button_message(message), message)
        elif message.address in (SUBSCRIBE, UNSUBSCRIBE, PING):
            self._answer(message, peer, back)
        elif message.address.startswith(PREVIEW_LOOK):
            self._move_preview(message)
        elif (trigger := self._trigger_of(message.address)) is not None:
            self._add(trigger(message), message)
        else:
            self._move(message, peer)

    def _trigger_of(self, address: str) -> Callable[[Message], OperatorMessage | None] | None:
        """What reads a message to an address that has its own kind of trigger."""
        if address == SCENE or address.startswith(SCENE + "/"):
            return lambda message: scene_trigger(message, self._scenes)
        if address.startswith(PREVIEW_ROOT):
            return lambda message: preview_trigger(message, self._scenes)
        if address.startswith(CAMERA + "/"):
            return lambda message: camera_trigger(message, self._cameras)
        if address in PICKS:
            return pick_trigger
        return refresh_trigger if address == REFRESH else None

    def _move(self, message: Message, peer: str) -> None:
        named = self._named(message.address)
        # All before any: a pattern that fails for one of its controls changes none.
        changes = [ControlChange(control.address, control_value(control, message.arguments)) for control in named]
        for change in changes:
            self._add(change, message)
        if self.feedback.has_clients:
            pairs = zip(named, changes, strict=True)
            sent = [(one.address, as_sent(one, message.arguments, change.value)) for one, change in pairs]
            self.feedback.moved(peer, sent)

    def _move_preview(self, message: Message) -> None:
        """A look's control for what stands by alone. A pattern names none of these."""
        address = LOOK + message.address.removeprefix(PREVIEW_LOOK)
        control = self._controls.get(address)
        if control is None:
            raise RefusedError("unknown-address", lambda: self._no_such(message.address))
        value = control_value(control, message.arguments)
        self._add(ControlChange(address, value, PREVIEW), message)

    def _answer(self, message: Message, peer: str, back: Way | None) -> None:
        if message.address == PING:
            way = back or self._way(peer)
            if not way.is_full():  # of who asks and asks, and never reads, nothing piles up
                way.send(encoded(PONG))
            return
        port = feedback_port(message)
        if port is None:
            return
        way = back or (self._own_way(f"{machine_of(peer)}:{port}") if port else self._way(peer))
        if message.address == UNSUBSCRIBE:
            self.feedback.unsubscribe(way.name)
            return
        try:
            self.feedback.subscribe(way, peer, ends=back is None)
        except FullError as error:
            raise RefusedError("too-many-clients", str(error)) from None

    def _way(self, client: str) -> UdpWay:
        """From the port itself, where the client sends to and may alone listen to."""
        return UdpWay(self._transport, client)

    def _own_way(self, client: str) -> UdpWay:
        return OwnUdpWay(self._transport, client, self.take) if self._transport else self._way(client)

    def _add(self, asked: OperatorMessage | None, message: Message) -> None:
        if asked is not None and not hand_over(asked, message.address, self._inbox):
            raise RefusedError("queue-full", f"{message.address}: more messages than the engine can take")

    def _named(self, address: str) -> tuple[Control, ...]:
        control = self._controls.get(address)
        if control:
            return (control,)
        if not is_pattern(address):
            raise RefusedError("unknown-address", lambda: self._no_such(address))
        return self._expanded(address)

    def _no_such(self, address: str) -> str:
        hint = did_you_mean(address, [*self._controls, *(f"{SCENE}/{scene}" for scene in self._scenes)])
        hint = hint if hint.startswith(";") else "; `vpengine controls` lists all"  # where nothing is near
        return f"{address!r} is not an address of this engine{hint}"

    def _expand(self, pattern: str) -> tuple[Control, ...]:
        now_s = self._clock()
        if now_s - self._patterns_since_s >= 1.0:
            self._patterns_left, self._patterns_since_s = NEW_PATTERNS_PER_S, now_s
        if not self._patterns_left:
            sentence = f"more than {NEW_PATTERNS_PER_S} new address patterns in a second"
            raise RefusedError("too-many-patterns", sentence, "patterns")
        self._patterns_left -= 1
        named = tuple(control for address, control in self._controls.items() if matches(pattern, address))
        if not named:
            raise RefusedError("unknown-address", f"the pattern {pattern!r} names no address of this engine")
        return named
