"""Reader: the thread that owns a source: opens it, reads it, opens it again when it is lost, survives everything."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from vpengine.capture.health import Book, CaptureHealth
from vpengine.capture.pace import Pace
from vpengine.capture.ring import HELD_S, Ring
from vpengine.capture.source import EndedError, Source
from vpengine.frames.captured import CapturedFrame, Tags
from vpengine.media.decoding import BrokenError, LostError

FIRST_AGAIN_S, LAST_AGAIN_S = 0.25, 4.0  # until a lost source is opened again; each time twice as long
JOIN_S = 1.0  # FFmpeg may wait longer for a device, on a thread that ends with the process
_log = logging.getLogger(__name__)


class Reader:
    """One [[capture]]: its pictures in ``ring``, numbered, with its settings' latency and tags laid on.

    name: the section's id. latency_s: from light to arrival. hold_s: how long the last good picture stays.
    tags: what the stage file says is so, whatever the source says. say: told of every change, a sentence each.
    most_px: on a side, of what the graphics driver takes; None for whatever comes.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        pace: Pace,
        *,
        latency_s: float = 0.0,
        hold_s: float = 1.0,
        tags: Tags = Tags(),  # noqa: B008  frozen
        say: Callable[[str], None] = _log.warning,
        most_px: int | None = None,
    ) -> None:
        self.name = name
        self._most_px = most_px
        self._latency_s = latency_s
        self.ring = Ring(HELD_S + latency_s)  # frames are put in by their earlier time
        self._source, self._pace = source, pace
        self._hold_s, self._tags, self._say = hold_s, tags, say
        self._book = Book(source.title, pace.now_s())
        self._number = 0
        self._broken: set[str] = set()  # what was told of since the source was opened
        self._thread = threading.Thread(target=self.run, name=f"capture {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, join_s: float = JOIN_S) -> None:
        """Ends within ``join_s``; a device that does not answer is left to the process's end. May be called twice."""
        self._pace.stop()
        if self._thread.is_alive():
            self._thread.join(join_s)

    def health(self) -> CaptureHealth:
        return self._book.health(self._pace.now_s())

    @property
    def said_rate(self) -> Fraction | None:
        """As ``health`` has it, for who asks with every picture."""
        return self._book.said_rate

    def shown(self, time_s: float) -> CapturedFrame | None:
        """What stands for the camera at ``time_s``: the newest picture not after it, held for ``hold_s`` when no more
        come; then None, and the world is shown alone.
        """
        frame = self.ring.at(time_s)
        if frame is None or time_s - frame.time_s > self._hold_s + self._latency_s:
            return None
        return frame

    def run(self) -> None:
        """The thread; a test may call it."""
        again_s = FIRST_AGAIN_S
        while not self._pace.stopped:
            before = self._number
            if not self._once():
                break
            again_s = FIRST_AGAIN_S if self._number > before else min(2.0 * again_s, LAST_AGAIN_S)
            self._rest(again_s)
        self._close()

    def _once(self) -> bool:
        """Open, and read until it is lost. Whether to open it again."""
        self._book.opening(self._pace.now_s())
        try:
            self._book.opened(self._source.open())
            self._broken.clear()
            while not self._pace.stopped:
                self._read()
        except EndedError as error:
            self._book.ended(str(error))
            self._tell(str(error))
            return False
        except LostError as error:
            self._lost(str(error))
        except Exception as error:  # noqa: BLE001  a driver's or a library's fault ends no show
            self._lost(f"{self._source.title}: {type(error).__name__}: {error}")
        return True

    def _read(self) -> None:
        try:
            frame = self._source.read()
            self._refuse_too_large(frame)
        except BrokenError as error:
            self._book.broken(str(error), self._pace.now_s())
            if str(error) not in self._broken:  # once, however many there are
                self._broken.add(str(error))
                self._tell(str(error))
            return
        if frame is not None:
            self._take(frame)

    def _refuse_too_large(self, frame: CapturedFrame | None) -> None:
        if frame is not None and self._most_px is not None and max(frame.size) > self._most_px:
            width, height = frame.size
            raise BrokenError(
                f"{self._source.title}: its picture is {width} x {height}; this graphics driver takes up to "
                f"{self._most_px} on a side"
            )

    def _take(self, frame: CapturedFrame) -> None:
        was_lost = self._book.is_lost
        said = self._book.frame(frame if self._tags == Tags() else self._tagged(frame), self._pace.now_s())
        self.ring.put(replace(self._tagged(frame), time_s=frame.time_s - self._latency_s, number=self._number))
        self._number += 1
        if was_lost:
            self._tell(f"{self._source.title}: is back")
        if said:
            self._tell(f"{self._source.title}: {said}")

    def _tagged(self, frame: CapturedFrame) -> CapturedFrame:
        """What the stage file says of its colours counts, where it says something."""
        tags = Tags(
            self._tags.matrix or frame.tags.matrix,
            self._tags.range or frame.tags.range,
            self._tags.transfer or frame.tags.transfer,
        )
        return replace(frame, tags=tags)

    def _lost(self, why: str) -> None:
        if not self._book.is_lost:  # once, however often it is tried
            self._tell(why)
        self._book.lost(why, self._pace.now_s())
        self._close()

    def _close(self) -> None:
        try:
            self._source.close()
        except Exception as error:  # noqa: BLE001  what is gone cannot be closed
            _log.debug("%s: closing: %s", self._source.title, error)

    def _rest(self, wait_s: float) -> None:
        until_s = self._pace.now_s() + wait_s
        while not self._pace.stopped and not self._pace.wait_until(until_s):
            pass

    def _tell(self, sentence: str) -> None:
        self._say(f"capture {self.name}: {sentence}")
