"""What senders need: a port, and messages that vpengine itself only reads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pythonosc.osc_message_builder import OscMessageBuilder


def packet(address: str, *arguments: object) -> bytes:
    """One message, by python-osc; the arguments' types are those that it chooses."""
    builder = OscMessageBuilder(address)
    for value in arguments:
        builder.add_arg(value)
    return builder.build().dgram


def encode_lens(camera: str, focal_length_mm: float, focus_distance_m: float, t_stop: float) -> bytes:
    builder = OscMessageBuilder(f"/vp/camera/{camera}/lens")
    for value in (focal_length_mm, focus_distance_m, t_stop):
        builder.add_arg(float(value), OscMessageBuilder.ARG_TYPE_FLOAT)
    return builder.build().dgram


KEPT_BACK_S = 0.05  # so late a sample leaves only where the machine stalls


class Sending:
    """A tracker that speaks. steady_s: since when no stall of the machine has kept its packets back."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._stalled_s = time.monotonic()

    @property
    def steady_s(self) -> float:
        return time.monotonic() - self._stalled_s

    def wait(self, due_s: float) -> bool:
        """False where it has ended."""
        ended = self.ended.wait(due_s - time.monotonic())
        if time.monotonic() - due_s > KEPT_BACK_S:
            self._stalled_s = time.monotonic()
        return not ended


@contextmanager
def sending(port: int, made: Callable[[float], bytes], rate_hz: float = 120.0) -> Iterator[Sending]:
    """A tracker: what ``made`` says at each moment of the machine's clock, over UDP on loopback, from a thread."""
    tracker = Sending()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            due_s = time.monotonic()
            while tracker.wait(due_s):
                door.sendto(made(time.monotonic()), ("127.0.0.1", port))
                due_s = time.monotonic() + 1.0 / rate_hz

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield tracker
    finally:
        tracker.ended.set()
        thread.join()
