"""Decoding ahead: a clip's thread, and the bounded ring between it and the frames that show it."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar
from weakref import WeakSet

from vpengine.media.clips import Clip
from vpengine.media.decoding import BrokenError, LostError

log = logging.getLogger(__name__)
T = TypeVar("T")

MOST_AHEAD = 16  # pictures; half a second is what a busy machine may keep a thread waiting for
MOST_BYTES = 2**28  # of pictures ahead; two of them at least
LEFT_BEHIND = 2  # places, for who draws the frame before
JUMP = 50  # places: what is farther on is sought, what is nearer is decoded on the way
AGAIN_S = 1.0  # after it was lost
MOST_BROKEN = 16  # pictures in a row, as a damaged film has them; with more the thread rests between two
REST_S = 0.02
CLOSE_S = 2.0  # at the engine's end, for all: a decoder may be in the middle of a large picture
NICE = 5

_ending: WeakSet[threading.Thread] = WeakSet()


class Ahead(Generic[T]):
    """Owns a clip and its thread. Places count on through loops: place ``length`` is the first picture's second turn.

    The ring holds what comes at and after the place that was followed last, ``MOST_AHEAD`` pictures or ``MOST_BYTES``;
    when it is full the thread waits. A picture that cannot be decoded leaves the one before it a little longer.
    """

    def __init__(self, clip: Clip[T], title: str, bytes_of: Callable[[T], int]) -> None:
        self.length = clip.length
        self._clip, self._title, self._bytes_of = clip, title, bytes_of
        self._change = threading.Condition()
        self._held: deque[tuple[int, T]] = deque()
        self._held_bytes = 0
        self._wanted = 0
        self._next = 0  # every place before it has been decoded, as far back as something is held
        self._sought = True  # the clip stands where it is to be read
        self._stopped = False
        self._told: set[str] = set()
        self.lost: str | None = None  # why nothing comes any more, as long as it does not
        self.broken: str | None = None  # what is wrong with the pictures since the last whole one
        self._broken_in_a_row = 0
        self._thread = threading.Thread(target=self._run, name=f"clip {title}", daemon=True)
        self._thread.start()

    def follow(self, place: int) -> None:
        """It is shown at ``place``, now or soon: what lies before is dropped, what comes is decoded. Never waits."""
        with self._change:
            if place == self._wanted:
                return
            self._wanted = place
            first = self._held[0][0] if self._held else self._next
            if place < first or place > self._next + JUMP:
                self._held.clear()
                self._held_bytes, self._next, self._sought = 0, place, False
            while len(self._held) > 1 and self._held[1][0] <= place - LEFT_BEHIND:
                self._held_bytes -= self._bytes_of(self._held.popleft()[1])
            self._change.notify_all()

    def shown(self, place: int) -> tuple[int, T] | None:
        """The picture that is shown at ``place``, or the newest before it that is held, and since which place it is."""
        with self._change:
            return self._newest(place)

    def _newest(self, place: int) -> tuple[int, T] | None:
        return next((each for each in reversed(self._held) if each[0] <= place), None)

    def has(self, place: int) -> bool:
        """Whether what ``shown`` gives for it is right, and not only what there is."""
        with self._change:
            return place < self._next and self._newest(place) is not None

    def wait_for(self, place: int, seconds: float) -> bool:
        """Follow ``place``, and wait until it is there; False where it does not come in time, or cannot."""
        self.follow(place)
        with self._change:
            there = lambda: place < self._next or self.lost is not None or self._stopped  # noqa: E731
            self._change.wait_for(there, seconds)
        return self.has(place)

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # the wall goes first
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        try:
            self._read_all()
        finally:
            self._clip.close()

    def _read_all(self) -> None:
        while (due := self._due()) is not None:
            try:
                self._read(*due)
            except BrokenError as error:
                self._leave_out(str(error))
            except LostError as error:
                self._lose(str(error))
            except Exception as error:  # noqa: BLE001  whatever a decoder raises, the wall shows what there is
                self._lose(f"{self._title}: cannot be read ({type(error).__name__}: {error})")

    def _due(self) -> tuple[int, bool] | None:
        """The place to be decoded next, when there is room, and whether it has to be sought; None: it is over."""
        with self._change:
            self._change.wait_for(lambda: self._stopped or self._room())
            if self._stopped:
                return None
            sought, self._sought = self._sought, True
            return self._next, not sought

    def _room(self) -> bool:
        if self._next > self._wanted + self.length + MOST_AHEAD:  # a whole loop had no picture
            return False
        ahead = sum(place > self._wanted for place, _ in self._held)
        return ahead < 2 or (ahead < MOST_AHEAD and self._held_bytes < MOST_BYTES)

    def _read(self, place: int, seek: bool) -> None:
        if seek:
            self._clip.seek(place % self.length)
        found = self._clip.next()
        loop = place - place % self.length
        with self._change:
            if self._next != place:  # it was sent elsewhere meanwhile
                return
            if found is None or found[0] >= self.length:
                self._go_on_at(loop + self.length)
            else:
                self._hold(max(loop + found[0], place), found[1])
            self.lost = None
            self._change.notify_all()

    def _hold(self, place: int, picture: T) -> None:
        self._held.append((place, picture))
        self._held_bytes += self._bytes_of(picture)
        self.broken, self._broken_in_a_row = None, 0
        self._go_on_at(place + 1)

    def _go_on_at(self, place: int) -> None:
        """A loop's beginning is sought once, and not again where its first picture is broken."""
        self._next = place
        if place % self.length == 0:
            self._sought = False

    def _leave_out(self, sentence: str) -> None:
        self._tell(sentence)
        with self._change:
            self.broken = sentence
            self._broken_in_a_row += 1
            if self._broken_in_a_row > MOST_BROKEN:
                self._change.wait_for(lambda: self._stopped, REST_S)

    def _lose(self, sentence: str) -> None:
        self._tell(sentence)
        with self._change:
            self.lost, self._sought = sentence, False
            self._change.notify_all()
            self._change.wait_for(lambda: self._stopped, AGAIN_S)

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told and len(self._told) < 10:
            self._told.add(sentence)
            log.error("%s; the picture before it stays.", sentence)

    def close(self) -> None:
        """Never waits: the thread may be in the middle of a picture, and closes the clip itself when it is through."""
        with self._change:
            self._stopped = True
            self._change.notify_all()
        _ending.add(self._thread)


@atexit.register
def _join_all() -> None:
    """No decoder is cut off in the middle of a picture when the engine ends, unless it is stuck."""
    end_s = time.monotonic() + CLOSE_S
    for thread in list(_ending):
        thread.join(max(end_s - time.monotonic(), 0.0))
