"""A port for a stage that a bench or a test starts."""

from __future__ import annotations

import itertools
import random
import socket

# Below what Linux (32768 on), Windows and macOS (49152 on) give to programs that ask for any port: such a one
# could take it, for UDP or for TCP, between the search here and the stage's own start.
FIRST, LAST = 20_000, 31_999
_started = random.SystemRandom().randrange(LAST + 1 - FIRST)
_steps = itertools.count()


def free_port() -> int:
    """Of loopback, free for UDP and for TCP; never one that this process was given before.

    Raises:
        OSError: none is free.
    """
    for step in itertools.islice(_steps, LAST + 1 - FIRST):
        port = FIRST + (_started + step) % (LAST + 1 - FIRST)
        if all(_is_free(port, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
            return port
    raise OSError(f"no port from {FIRST} to {LAST} is free")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
