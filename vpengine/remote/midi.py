"""The MIDI door: controllers become changes and triggers in the operators' inbox, MIDI timecode the frames' labels."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from vpengine.control.messages import OperatorMessage
from vpengine.mailbox import Inbox
from vpengine.peers import Firsts, PeerHealth, Peers
from vpengine.remote.handing_over import hand_over
from vpengine.remote.midi_ports import NoMidiError, Port, Ports, RtMidiPorts, numbered
from vpengine.remote.midi_surface import Asked, Surface
from vpengine.remote.mtc import MtcReader
from vpengine.stage.midi import MidiMapping
from vpengine.view.timecode import Timecode

LOG = logging.getLogger(__name__)

POLL_S = 2.0  # how often it is looked for what was plugged in
LOW_S = 0.03  # the low seven bits of a fader follow its high ones at once, if they come
_WAIT_S = 0.5  # for a system that does not answer, at the start and at the end


@dataclass
class _Listening:
    """A port that is open, and what hears it. timecode: None where it is not asked for its timecode."""

    surface: Surface
    timecode: MtcReader | None
    port: Port | None = field(default=None)


class MidiDoor:
    """Every port whose name a mapping's device is part of, or the timecode's. What is not plugged in is waited for.

    The system is asked for its ports in a thread of their own: it may take its time, and OSC goes on meanwhile.
    """

    def __init__(
        self,
        mappings: Sequence[MidiMapping],
        inbox: Inbox[str, OperatorMessage],
        timecode_device: str | None = None,
        ports: Callable[[], Ports] = RtMidiPorts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """timecode_device: part of a port's name, "" for any; None where none is read. ports: may raise NoMidiError."""
        self.peers: Peers[str] = Peers()
        self._firsts = Firsts()
        self._mappings = tuple(mappings)
        self._inbox = inbox
        self._timecode_device = timecode_device
        self._make_ports = ports
        self._clock = clock
        self._ports: Ports | None = None
        self._open: dict[str, _Listening] = {}
        self._counts = Counter[str]()  # of ports, by the system's names
        self._readers: tuple[MtcReader, ...] = ()  # of open ports; replaced whole, since the main thread asks them
        self._told: set[str] = set()
        self._looking = threading.Lock()
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gone: asyncio.Event | None = None

    async def open(self) -> None:
        """Raises nothing: a show runs without its controllers."""
        try:
            self._ports = self._make_ports()
        except NoMidiError as error:
            LOG.warning("MIDI: %s. The show runs without its controllers.", error)
            return
        self._loop, self._gone, looked = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        threading.Thread(target=self._watch, args=(looked, self._gone), name="midi-ports", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(looked.wait(), _WAIT_S)

    async def close(self) -> None:
        self._ended.set()
        if self._gone is None:
            return
        try:
            await asyncio.wait_for(self._gone.wait(), _WAIT_S)
        except TimeoutError:
            LOG.warning("MIDI: the system does not answer; its ports are left as they are.")

    def health(self) -> dict[str, PeerHealth[str]]:
        """By port; ``last`` is the newest message's address."""
        return self.peers.health(self._clock())

    def timecode(self, time_s: float, rate: Fraction) -> Timecode | None:
        """What a frame of ``rate`` is called at ``time_s``, by the first port that has one; any thread may ask."""
        labels = (reader.timecode(time_s, rate) for reader in self._readers)
        return next((label for label in labels if label is not None), None)

    def _watch(self, looked: asyncio.Event, gone: asyncio.Event) -> None:
        """On the ports' thread. looked, gone: the loop's, for who waits there."""
        try:
            self.look()
            self._on_loop(looked.set)
            while not self._ended.wait(POLL_S):
                self.look()
        finally:
            with self._looking:
                for name in tuple(self._open):
                    self._close_port(name)
            self._on_loop(gone.set)

    def _on_loop(self, work: Callable[..., None], *arguments: Any) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(work, *arguments)

    def look(self) -> None:
        """Open what was plugged in, and let go of what is gone. The system may hold up whoever calls this."""
        with self._looking:
            names = self._names()
            if names is not None and not self._ended.is_set():
                self._take_ports(names)

    def _take_ports(self, found: Sequence[str]) -> None:
        names, counts = numbered(found), Counter(found)
        # Which of several with one name was plugged in or out nobody knows: all of them are opened anew.
        moved = {name for name, count in counts.items() if self._counts.get(name, count) != count}
        self._counts = counts
        for name in tuple(self._open):
            if name not in names:
                self._close_port(name)
                LOG.warning("MIDI: %s is gone; it is waited for.", name)
                self._told.update(device for device in self._devices() if device.casefold() in name.casefold())
            elif names[name] in moved:
                self._close_port(name)
        for name in names:
            if name not in self._open and self._wants(name):
                self._open_port(name)
        self._tell_missing(list(names))
        self._readers = tuple(each.timecode for each in self._open.values() if each.timecode is not None)

    def _names(self) -> list[str] | None:
        """None where the system has no word on them."""
        try:
            return self._ports.names() if self._ports else None
        except NoMidiError as error:
            self._tell(f"{error}. The show runs without its controllers until then")
            return None

    def _wants(self, name: str) -> bool:
        return self._has_timecode(name) or any(mapping.is_on(name) for mapping in self._mappings)

    def _has_timecode(self, name: str) -> bool:
        return self._timecode_device is not None and self._timecode_device.casefold() in name.casefold()

    def _open_port(self, name: str) -> None:
        def heard(data: bytes) -> None:
            """On the port's own thread."""
            self._on_loop(self.take, name, data, self._clock())

        surface = Surface(mapping for mapping in self._mappings if mapping.is_on(name))
        self._open[name] = listening = _Listening(surface, MtcReader() if self._has_timecode(name) else None)
        try:
            assert self._ports is not None
            listening.port = self._ports.open(name, heard)
        except NoMidiError as error:
            del self._open[name]
            self._tell(f"{error}; it is tried again")
        else:
            LOG.info("MIDI: %s is heard", name)

    def _close_port(self, name: str) -> None:
        listening = self._open.pop(name)
        if listening.port is not None:
            listening.port.close()

    def _tell_missing(self, names: Sequence[str]) -> None:
        """The devices that no port is of, each once, in one sentence."""
        folded = [name.casefold() for name in names]
        missing = [each for each in self._devices() if not any(each.casefold() in name for name in folded)]
        new = [repr(each) if each else "anything, to bring timecode," for each in missing if each not in self._told]
        if new:
            self._told.update(missing)
            there = ", ".join(names) or "none"
            LOG.warning("MIDI: no port is called %s (there are: %s); it is waited for.", " or ".join(new), there)

    def _devices(self) -> list[str]:
        """Parts of names that a port is wanted for, each once; "" is any port."""
        timecode = () if self._timecode_device is None else (self._timecode_device,)
        return list(dict.fromkeys([*(mapping.device for mapping in self._mappings), *timecode]))

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            LOG.warning("MIDI: %s.", sentence)

    def take(self, name: str, data: bytes, time_s: float) -> None:
        """A whole message that came from a port at ``time_s``. Raises nothing, whatever the bytes."""
        listening = self._open.get(name)
        if listening is None:  # it was closed meanwhile
            return
        if listening.timecode is not None:
            listening.timecode.take(data, time_s)
        waited = listening.surface.waits
        self._ask(name, listening.surface.take(data), time_s)
        if listening.surface.waits and not waited and self._loop is not None:
            self._loop.call_later(LOW_S, self._settle, name, listening.surface)

    def _settle(self, name: str, surface: Surface) -> None:
        self._ask(name, surface.settle(), self._clock())

    def _ask(self, name: str, items: Iterable[Asked], time_s: float) -> None:
        for asked in items:
            if hand_over(asked.message, asked.address, self._inbox):
                self.peers.good(name, time_s, asked.address)
            else:
                self._refuse(name, asked.address)

    def _refuse(self, name: str, address: str) -> None:
        self.peers.bad(name, "queue-full")
        if self._firsts.is_new(name, "queue-full"):
            LOG.warning("MIDI: %s: %s: more presses than the engine can take (further ones are counted)", name, address)
