"""Ring: the pictures of the last moments; the newest or a delayed one for view, and every one, in order, to record."""

from __future__ import annotations

import threading
from collections import deque

from vpengine.frames.captured import CapturedFrame

HELD_S = 1.0  # more than the longest delay that a generator and a wall need
MOST_FRAMES = 128
MOST_BYTES = 256_000_000  # 30 pictures of 1920 x 1080 in 10 bits 4:2:2; where they are larger, fewer are held
SAME_TIME_S = 1e-6  # a tick and a picture of the same moment are reckoned on two ways
TAP_FRAMES = 64


class Tap:
    """Every picture from when it was opened, in order. When ``most`` wait to be taken, or MOST_BYTES of them, new ones
    are left out, counted; there is always room for one.

    Left out are the new and not the old, so that what is taken is whole up to the hole; numbers show where it is.
    """

    def __init__(self, most: int = TAP_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self.dropped = 0
        self._most, self._most_bytes = most, most_bytes
        self._frames: deque[CapturedFrame] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, frame: CapturedFrame) -> None:
        with self._lock:
            if self._frames and self._is_full(frame):
                self.dropped += 1
            else:
                self._frames.append(frame)
                self._bytes += frame.nbytes

    def _is_full(self, frame: CapturedFrame) -> bool:
        return len(self._frames) >= self._most or self._bytes + frame.nbytes > self._most_bytes

    def next(self) -> CapturedFrame | None:
        """The oldest that waits; None where none does. For who takes long with each: the others stay bounded."""
        with self._lock:
            if not self._frames:
                return None
            frame = self._frames.popleft()
            self._bytes -= frame.nbytes
            return frame

    def take(self) -> tuple[CapturedFrame, ...]:
        """All that came since the last take."""
        with self._lock:
            frames = tuple(self._frames)
            self._frames.clear()
            self._bytes = 0
        return frames


class Ring:
    """Bounded by time, count and bytes: the oldest goes first; the newest is always held, however large."""

    def __init__(self, held_s: float = HELD_S, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self._held_s, self._most_frames, self._most_bytes = held_s, most_frames, most_bytes
        self._frames: deque[CapturedFrame] = deque()
        self._bytes = 0
        self._taps: list[Tap] = []
        self._lock = threading.Lock()

    def put(self, frame: CapturedFrame) -> None:
        with self._lock:
            self._frames.append(frame)
            self._bytes += frame.nbytes
            while len(self._frames) > 1 and self._too_much(frame.time_s):
                self._bytes -= self._frames.popleft().nbytes
            for tap in self._taps:
                tap.put(frame)

    def _too_much(self, newest_s: float) -> bool:
        return (
            len(self._frames) > self._most_frames
            or self._bytes > self._most_bytes
            or newest_s - self._frames[0].time_s > self._held_s
        )

    def newest(self) -> CapturedFrame | None:
        """What came last; of a source that is played it may be due in a moment only."""
        with self._lock:
            return self._frames[-1] if self._frames else None

    def at(self, time_s: float) -> CapturedFrame | None:
        """The picture that was to be seen then: the newest one not after ``time_s``; None before the first.

        Where all that are held are after it, the oldest of them: the delay is longer than what is held.
        """
        with self._lock:
            for frame in reversed(self._frames):
                if frame.time_s <= time_s + SAME_TIME_S:
                    return frame
            return self._frames[0] if self._frames and self._frames[0].number > 0 else None

    def tap(self, most: int = TAP_FRAMES) -> Tap:
        """A new reader of every picture that comes from now on."""
        tap = Tap(most)
        with self._lock:
            self._taps.append(tap)
        return tap

    def untap(self, tap: Tap) -> None:
        """End it; a second call does nothing."""
        with self._lock:
            self._taps = [other for other in self._taps if other is not tap]
