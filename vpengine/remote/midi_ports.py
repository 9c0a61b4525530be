"""MIDI ports by mido and python-rtmidi (the extra ``midi``), which are imported when a show asks for them."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable
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
        """Of all that are plugged in now."""

    def open(self, name: str, heard: Callable[[bytes], None]) -> Port:
        """heard: takes whole messages, SysEx among them, on a thread of the port's own."""


class NoMidiError(Exception):
    """There is no MIDI, or a port that cannot be opened. Its text says why, and what to do."""


class MidoPorts:
    """Raises NoMidiError where the library is not installed."""

    def __init__(self) -> None:
        try:
            self._backend = importlib.import_module("mido").Backend("mido.backends.rtmidi", load=True)
            library: type[Exception] = importlib.import_module("rtmidi").RtMidiError
        except ImportError as error:
            cure = "pip install 'vpengine[midi]'"
            raise NoMidiError(f"the module {error.name or 'mido'} is not installed: {cure}") from None
        # The library's own, and mido's: a port that is not there any more, or is taken; a name that is no text.
        self._failures = (library, OSError, ValueError, RuntimeError)

    def names(self) -> list[str]:
        if sys.platform == "linux" and not _ALSA.exists():  # asked, ALSA would write to the terminal each time
            raise NoMidiError(f"this system has no ALSA sequencer ({_ALSA}); load the module snd-seq")
        try:
            return list(dict.fromkeys(self._backend.get_input_names()))
        except self._failures as error:
            raise NoMidiError(f"this system offers none ({error})") from None

    def open(self, name: str, heard: Callable[[bytes], None]) -> Port:
        def forward(message: Any) -> None:
            heard(bytes(message.bytes()))

        try:
            return _MidoPort(self._backend.open_input(name, callback=forward), self._failures)
        except self._failures as error:  # taken by another program, or unplugged meanwhile
            raise NoMidiError(f"the port {name!r} cannot be opened ({error})") from None


class _MidoPort:
    def __init__(self, port: Any, failures: tuple[type[Exception], ...]) -> None:
        self._port, self._failures = port, failures

    def close(self) -> None:
        with contextlib.suppress(*self._failures):
            self._port.close()
