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


@contextmanager
def sending(
    port: int, made: Callable[[float], bytes], rate_hz: float = 120.0, catches_up: bool = False
) -> Iterator[None]:
    """A tracker: what ``made`` says at each moment of the machine's clock, over UDP on loopback, from a thread.

    catches_up: a sample that a busy machine kept back is sent nevertheless, as a tracker with its own processor would
    have sent it. Its packets must say their own time.
    """
    ended = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            due_s = time.monotonic()
            while not ended.wait(due_s - time.monotonic()):
                door.sendto(made(due_s if catches_up else time.monotonic()), ("127.0.0.1", port))
                due_s = due_s + 1.0 / rate_hz if catches_up else time.monotonic() + 1.0 / rate_hz

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
