"""Ports for stages that tests and benches start."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vpengine.cli import ports


@contextmanager
def taken(kind: socket.SocketKind, port: int) -> Iterator[None]:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", port))
        yield


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_another_program_has_for_either_is_passed_over(
    kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ports.free_port()
    monkeypatch.setattr(ports, "FIRST", port)
    monkeypatch.setattr(ports, "LAST", port)
    monkeypatch.setattr(ports, "_steps", iter(range(2)))
    with taken(kind, port), pytest.raises(OSError, match="is free"):
        ports.free_port()


def test_none_is_given_twice() -> None:
    found = [ports.free_port() for _ in range(200)]
    assert len({*found}) == 200
    assert all(ports.FIRST <= port <= ports.LAST for port in found)
