"""The OSC control door: faders become changes and buttons triggers, in one inbox. It knows nothing behind it.

A button sends 1, 1.0, true or a bare bang when pressed and 0 when released: only the press acts.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from vpengine.control.controls import Control, ControlError, Value, parse
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import RESERVED, SceneTrigger
from vpengine.errors import UserError, did_you_mean
from vpengine.mailbox import Inbox
from vpengine.osc import Argument, Impulse, Message, OscError, decode, is_pattern, matches
from vpengine.peers import PeerHealth, Peers

LOG = logging.getLogger(__name__)

RECEIVE_BUFFER_BYTES = 4 << 20
LONGEST_NAME, LONGEST_SENTENCE = 64, 300  # characters; what comes from the wire is cut
NEW_PATTERNS_PER_S = 20  # matching a pattern with every control costs about a thousand faders' work

SCENE = "/vp/scene"
NEIGHBOURS: Mapping[str, Literal["next", "previous"]] = {"next": "next", "previous": "previous"}
CURES = {
    errno.EADDRINUSE: "the port is in use by another program; close it, or choose another port",
    errno.EACCES: "this port is not allowed; choose one above 1023",
    errno.EADDRNOTAVAIL: "this machine has no such address; use 127.0.0.1, 0.0.0.0 or one of its own",
}


class RefusedError(ValueError):
    """A message that is not taken; ``reason`` is a short key, made for counting, ``sentence`` is for a person."""

    def __init__(self, reason: str, sentence: str = "") -> None:
        super().__init__(reason)
        self.reason, self.sentence = reason, sentence or reason


class OscControl:
    """One UDP port for operators. In ``inbox`` the newest change of an address wins; triggers are all kept.

    scenes: the slugs in the show's order, for senders that choose a scene by its number, counted from 0.
    """

    def __init__(
        self,
        address: str,
        port: int,
        controls: Mapping[str, Control],
        inbox: Inbox[str, OperatorMessage],
        scenes: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peers: Peers[str] = Peers()
        self._place = (address, port)
        self._controls = controls
        self._inbox = inbox
        self._scenes = tuple(scenes)
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None
        self._patterns_left, self._patterns_since_s = NEW_PATTERNS_PER_S, clock()
        self._expanded = lru_cache(maxsize=256)(self._expand)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self.take), local_addr=self._place)
        except OSError as error:
            cure = CURES.get(error.errno or 0, str(error))
            host, port = self._place
            raise UserError(f"OSC control: cannot receive on UDP {host} port {port}: {cure}") from None
        self._transport = transport
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    async def close(self) -> None:
        if self._transport:
            self._transport.close()
            await asyncio.sleep(0)  # the transport closes its socket on the loop's next turn

    def health(self) -> dict[str, PeerHealth[str]]:
        """By peer ("ip:port"); ``last`` is the newest message's address."""
        return self.peers.health(self._clock())

    def take(self, packet: bytes, peer: str) -> None:
        """All that a datagram asks for. Raises nothing, whatever the bytes."""
        try:
            messages = decode(packet)
        except OscError as error:
            self._refuse(peer, RefusedError(error.reason))
            return
        for message in messages:
            try:
                self._act(message)
            except RefusedError as refused:
                self._refuse(peer, refused)
            else:
                self.peers.good(peer, self._clock(), message.address)

    def _refuse(self, peer: str, refused: RefusedError) -> None:
        if self.peers.bad(peer, refused.reason):
            LOG.warning(
                "OSC control: from %s: %s (further ones are counted)", peer, refused.sentence[:LONGEST_SENTENCE]
            )

    def _act(self, message: Message) -> None:
        if message.address == SCENE or message.address.startswith(SCENE + "/"):
            trigger = scene_trigger(message, self._scenes)
            if trigger and not self._inbox.add(trigger):
                raise RefusedError("queue-full", f"{message.address}: more triggers than the engine can take")
            return
        for control in self._named(message.address):
            change = ControlChange(control.address, _value(control, message.arguments))
            self._inbox.renew(control.address, change)

    def _named(self, address: str) -> tuple[Control, ...]:
        control = self._controls.get(address)
        if control:
            return (control,)
        if not is_pattern(address):
            raise RefusedError("unknown-address", f"{address!r} is not an address of this engine")
        return self._expanded(address)

    def _expand(self, pattern: str) -> tuple[Control, ...]:
        now_s = self._clock()
        if now_s - self._patterns_since_s >= 1.0:
            self._patterns_left, self._patterns_since_s = NEW_PATTERNS_PER_S, now_s
        if not self._patterns_left:
            raise RefusedError("too-many-patterns", f"more than {NEW_PATTERNS_PER_S} new address patterns in a second")
        self._patterns_left -= 1
        named = tuple(control for address, control in self._controls.items() if matches(pattern, address))
        if not named:
            raise RefusedError("unknown-address", f"the pattern {pattern!r} names no address of this engine")
        return named


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, str], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, f"{addr[0]}:{addr[1]}")


def scene_trigger(message: Message, scenes: Sequence[str]) -> SceneTrigger | None:
    """What a message to ``/vp/scene…`` asks for; None for a button's release. Raises RefusedError."""
    if message.address == SCENE:
        return _goto(message.arguments, scenes)
    slug = message.address.removeprefix(SCENE + "/")
    if slug in NEIGHBOURS:
        return SceneTrigger(NEIGHBOURS[slug]) if _pressed(message) else None
    if slug in RESERVED or not slug or "/" in slug or is_pattern(slug) or len(slug) > LONGEST_NAME:
        raise RefusedError("unknown-address", f"{message.address!r} is not an address of this engine")
    return SceneTrigger("goto", _known(slug, scenes)) if _pressed(message) else None


def _known(slug: str, scenes: Sequence[str]) -> str:
    """Refused here, so that a chattering button does not reach the frame."""
    if scenes and slug not in scenes:
        raise RefusedError("unknown-scene", f"no scene {slug!r}{did_you_mean(slug, scenes)}")
    return slug


def _goto(arguments: tuple[Argument, ...], scenes: Sequence[str]) -> SceneTrigger:
    if len(arguments) != 1:
        raise RefusedError("bad-arguments", f"{SCENE}: {len(arguments)} arguments, expected a scene's name or number")
    wanted = arguments[0]
    if isinstance(wanted, str) and 0 < len(wanted) <= LONGEST_NAME:
        return SceneTrigger("goto", _known(wanted, scenes))
    if isinstance(wanted, int | float) and not isinstance(wanted, bool) and wanted in range(len(scenes)):
        return SceneTrigger("goto", scenes[int(wanted)])
    raise RefusedError(
        "bad-value", f"{SCENE}: {wanted!r}, expected a scene's name or its number, 0 to {len(scenes) - 1}"
    )


def _pressed(message: Message) -> bool:
    if not message.arguments:
        return True
    state = message.arguments[0]
    if len(message.arguments) == 1 and (state is Impulse.BANG or state in (0, 1)):
        return state is Impulse.BANG or state == 1
    raise RefusedError(
        "bad-value", f"{message.address}: {message.arguments!r}, expected 1 for a press or 0 for a release"
    )


def _value(control: Control, arguments: tuple[Argument, ...]) -> Value:
    if len(arguments) != 1:
        raise RefusedError("bad-arguments", f"{control.address}: {len(arguments)} arguments, expected one")
    try:
        return parse(control, arguments[0])
    except ControlError as error:
        raise RefusedError("bad-value", str(error)) from None
