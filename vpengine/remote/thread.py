"""The remote thread: one asyncio loop that serves all operators' doors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

LOG = logging.getLogger(__name__)

STOP_S = 0.6  # for a door to close; stop() returns within a second


class Door(Protocol):
    """Something that listens. Both are called on the remote thread's loop."""

    async def open(self) -> None:
        """Begin to listen. Raises UserError when the port cannot be had."""

    async def close(self) -> None:
        """Stop listening; called also where ``open`` failed."""


class RemoteThread:
    """Owns the loop. The doors write into mailboxes; nothing calls into the engine."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = doors
        self._opened: Future[None] = Future()
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="remote", daemon=True)

    def start(self) -> None:
        """Returns when every door is open. Raises what a door raised; then all are closed."""
        self._thread.start()
        try:
            self._opened.result()
        except BaseException:
            self._thread.join(STOP_S)
            raise

    def stop(self) -> None:
        """Close the doors and join, within a second; may be called twice."""
        if self._loop and self._ended:
            with contextlib.suppress(RuntimeError):  # the loop ended by itself: a door could not open
                self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(1.0)

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        try:
            for door in self._doors:
                await door.open()
            self._opened.set_result(None)
            await self._ended.wait()
        except BaseException as error:
            if self._opened.done():
                raise
            self._opened.set_exception(error)
        finally:
            await self._close()

    async def _close(self) -> None:
        results = await asyncio.gather(
            *(asyncio.wait_for(door.close(), STOP_S) for door in self._doors), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                LOG.warning("remote: a door did not close: %r", result)
