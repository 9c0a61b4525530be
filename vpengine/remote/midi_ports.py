"""MIDI ports by mido and python-rtmidi (the extra ``midi``), which are imported when a show asks for them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

_ALSA = Path("/dev/snd/seq")


class Port(Protocol):
    """An open MIDI input."""

    def close(self) -> None: ...


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
        except ImportError as error:
            cure = "pip install 'vpengine[midi]'"
            raise NoMidiError(f"the module {error.name or 'mido'} is not installed: {cure}") from None

    def names(self) -> list[str]:
        if sys.platform == "linux" and not _ALSA.exists():  # asked, ALSA would write to the terminal each time
            raise NoMidiError(f"this system has no ALSA sequencer ({_ALSA}); load the module snd-seq")
        try:
            return list(dict.fromkeys(self._backend.get_input_names()))
        except Exception as error:  # noqa: BLE001  the library's own, of each system another
            raise NoMidiError(f"this system offers none ({error})") from None

    def open(self, name: str, heard: Callable[[bytes], None]) -> Port:
        def forward(message: Any) -> None:
            heard(bytes(message.bytes()))

        try:
            port: Port = self._backend.open_input(name, callback=forward)
        except Exception as error:  # noqa: BLE001  taken by another program, or unplugged meanwhile
            raise NoMidiError(f"the port {name!r} cannot be opened ({error})") from None
        return port
