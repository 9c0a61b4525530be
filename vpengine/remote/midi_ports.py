"""MIDI ports by python-rtmidi (the extra ``midi``), which is imported when a show asks for it."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

_ALSA = Path("/dev/snd/seq")


class Port(Protocol):
    """An open MIDI input."""

    def close(self) -> None:
        """Raises nothing, also where the device is gone."""


class Ports(Protocol):
    """The MIDI inputs of this machine. Both raise NoMidiError."""

    def names(self) -> list[str]:
        """Of all that are plugged in now, as the system calls them: two may have one name."""

    def open(self, name: str, heard: Callable[[bytes], None]) -> Port:
        """name: as ``numbered`` has it. heard: takes whole messages, also SysEx, on a thread of the port's own."""


class NoMidiError(Exception):
    """There is no MIDI, or a port that cannot be opened. Its text says why, and what to do."""


def numbered(names: Iterable[str]) -> dict[str, str]:
    """Ports in their order, by what each is called here, with the system's name: of two controllers of one kind (which
    macOS calls the same) the second is "NAME (2)", or the next number that no port has by itself.
    """
    listed = list(names)
    ports: dict[str, str] = {}
    for name in listed:
        called, number = name, 1
        while called in ports or (number > 1 and called in listed):
            number += 1
            called = f"{name} ({number})"
        ports[called] = name
    return ports


class RtMidiPorts:
    """Raises NoMidiError where the library is not installed."""

    def __init__(self) -> None:
        try:
            self._library = importlib.import_module("rtmidi")
        except ImportError as error:
            cure = "pip install 'vpengine[midi]'"
            raise NoMidiError(f"the module {error.name or 'rtmidi'} is not installed: {cure}") from None
        # The library's own; and a port that is not there any more, or is taken; a name that is no text.
        self._failures = (self._library.RtMidiError, OSError, ValueError, RuntimeError)

    def names(self) -> list[str]:
        if sys.platform == "linux" and not _ALSA.exists():  # asked, ALSA would write to the terminal each time
            raise NoMidiError(f"this system has no ALSA sequencer ({_ALSA}); load the module snd-seq")
        try:
            asked = self._library.MidiIn()
            try:
                return list(asked.get_ports())
            finally:
                asked.delete()
        except self._failures as error:
            raise NoMidiError(f"this system offers none ({error})") from None

    def open(self, name: str, heard: Callable[[bytes], None]) -> Port:
        def forward(event: tuple[list[int], float], _: Any) -> None:
            heard(bytes(event[0]))

        try:
            port = _RtMidiPort(self._library.MidiIn(), self._failures)
            port.open(name, forward)
        except self._failures as error:  # taken by another program, or unplugged meanwhile
            raise NoMidiError(f"the port {name!r} cannot be opened ({error})") from None
        return port


class _RtMidiPort:
    def __init__(self, port: Any, failures: tuple[type[Exception], ...]) -> None:
        self._port, self._failures = port, failures

    def open(self, name: str, forward: Callable[[tuple[list[int], float], Any], None]) -> None:
        """By its place, since a name may be two ports'. Raises what the library does, and ValueError."""
        try:
            there = list(numbered(self._port.get_ports()))
            if name not in there:
                raise ValueError("unknown port")
            self._port.open_port(there.index(name))
            self._port.ignore_types(sysex=False, timing=False, active_sense=True)  # timecode is among the first two
            self._port.set_callback(forward)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Its callback first: the port's thread may be in it."""
        for end in (self._port.cancel_callback, self._port.close_port, self._port.delete):
            with contextlib.suppress(*self._failures):
                end()
