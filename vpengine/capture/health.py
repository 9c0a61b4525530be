"""How a source is, in words: what comes, how often, and what is wrong with it. Kept by its reader, read by any."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

from vpengine.capture.tags import tag_faults
from vpengine.frames.captured import MATRICES, CapturedFrame

SILENT_S = 0.8  # without a picture; three pictures' time where they come more slowly
NOTED_S = 10.0  # so long what has passed is still told of
RATE_S = 4.0  # over which pictures are counted
SLOW = 0.95  # of the rate that was said
MEASURED = 24  # every so many pictures the tags are held against the picture


State = Literal["opening", "running", "silent", "lost", "ended"]


@dataclass(frozen=True)
class CaptureHealth:
    """rate: measured, pictures a second. age_s: of the last picture,
    since it came; None before the first. missed: pictures that did not come, by their times. faults: sentences.
    """

    title: str
    state: State
    picture: str
    rate: float
    said_rate: Fraction | None
    frames: int
    missed: int
    broken: int
    opened: int
    age_s: float | None
    faults: tuple[str, ...]

    @property
    def good(self) -> bool:
        return self.state == "running" and not self.faults

    def report(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return {**asdict(self), "said_rate": float(self.said_rate) if self.said_rate else None}

    def line(self) -> str:
        """All of it on one line."""
        said = f" of {float(self.said_rate):.6g}" if self.said_rate else ""
        age = "" if self.age_s is None else f", last {self.age_s:.2f} s ago"
        counts = f"{self.frames} pictures, {self.missed} missed, {self.broken} broken, opened {self.opened} times{age}"
        faults = [fault.removeprefix(f"{self.title}: ") for fault in self.faults]
        parts = [f"{self.title}: {self.state}", self.picture, f"{self.rate:.2f}{said} a second", counts, *faults]
        return "; ".join(part for part in parts if part)


class Book:
    """What a reader notes. now_s: everywhere the time of the engine's clock."""

    def __init__(self, title: str, now_s: float) -> None:
        self._title = title
        self._lock = threading.Lock()
        self._state: State = "opening"
        self._since_s = now_s
        self._why = ""
        self._said_rate: Fraction | None = None
        self._last: CapturedFrame | None = None
        self._came_s: float | None = None
        self._times: deque[float] = deque(maxlen=512)
        self._frames = self._missed = self._broken = self._opened = 0
        self._passed: dict[str, tuple[float, str]] = {}  # when, what
        self._tag_faults: tuple[str, ...] = ()

    def opening(self, now_s: float) -> None:
        with self._lock:
            if self._state not in ("opening", "lost"):
                self._since_s = now_s
            self._state = "lost" if self._why else "opening"

    def opened(self, said_rate: Fraction | None) -> None:
        with self._lock:
            self._said_rate = said_rate
            self._opened += 1
            self._times.clear()

    def lost(self, why: str, now_s: float) -> None:
        with self._lock:
            if self._state != "lost":
                self._since_s = now_s
            self._state, self._why = "lost", why

    def ended(self, why: str) -> None:
        with self._lock:
            self._state, self._why = "ended", why

    def broken(self, why: str, now_s: float) -> None:
        with self._lock:
            self._broken += 1
            self._passed["broken"] = now_s, f"{why}; {self._broken} broken so far, the last good picture is shown"

    def frame(self, frame: CapturedFrame, now_s: float) -> str:
        """frame: with its source's own tags. What there is to say of it: that its size changed, or nothing."""
        with self._lock:
            said = self._resized(frame, now_s)
            if said or self._frames % MEASURED == 0:
                self._tag_faults = tuple(tag_faults(frame))
            self._count(frame)
            self._state, self._why, self._last, self._came_s = "running", "", frame, now_s
            return said

    def _resized(self, frame: CapturedFrame, now_s: float) -> str:
        last = self._last
        if last is None or (last.size, last.format) == (frame.size, frame.format):
            return ""
        said = f"its picture changed from {_shape(last)} to {_shape(frame)}"
        self._passed["size"] = now_s, said
        return said

    def _count(self, frame: CapturedFrame) -> None:
        self._frames += 1
        if self._times and self._said_rate:
            self._missed += max(round((frame.time_s - self._times[-1]) * float(self._said_rate)) - 1, 0)
        self._times.append(frame.time_s)

    @property
    def said_rate(self) -> Fraction | None:
        """Pictures a second, as the source said when it was opened last; None where it says none, and before."""
        with self._lock:
            return self._said_rate

    @property
    def is_lost(self) -> bool:
        with self._lock:
            return self._state == "lost"

    def health(self, now_s: float) -> CaptureHealth:
        with self._lock:
            age_s = None if self._came_s is None else max(now_s - self._came_s, 0.0)
            silent = self._state == "running" and age_s is not None and age_s > self._patience_s()
            rate = self._rate(now_s)
            return CaptureHealth(
                self._title,
                "silent" if silent else self._state,
                self._picture(),
                rate,
                self._said_rate,
                self._frames,
                self._missed,
                self._broken,
                self._opened,
                age_s,
                tuple(self._faults(now_s, age_s if silent else None, rate)),
            )

    def _patience_s(self) -> float:
        return max(SILENT_S, 3.0 / float(self._said_rate)) if self._said_rate else SILENT_S

    def _rate(self, now_s: float) -> float:
        times = [time_s for time_s in self._times if time_s > now_s - RATE_S]
        span_s = times[-1] - times[0] if len(times) > 1 else 0.0
        return (len(times) - 1) / span_s if span_s > 0.0 else 0.0

    def _faults(self, now_s: float, silent_s: float | None, rate: float) -> list[str]:
        faults = [self._why] if self._why else []
        if self._state == "opening" and now_s - self._since_s > SILENT_S:
            faults.append(f"no picture yet, after {now_s - self._since_s:.1f} s")
        if silent_s is not None:
            faults.append(f"no picture for {silent_s:.1f} s")
        elif self._said_rate and len(self._times) > 2 * self._said_rate and 0.0 < rate < SLOW * self._said_rate:
            faults.append(f"{rate:.1f} pictures come a second, {float(self._said_rate):.6g} were said")
        faults += [said for when_s, said in self._passed.values() if now_s - when_s < NOTED_S]
        return [*faults, *self._tag_faults]

    def _picture(self) -> str:
        if self._last is None:
            return ""
        matrix = "" if self._last.format.model == "rgb" else f" {MATRICES[self._last.matrix]}"
        return f"{_shape(self._last)}{matrix} {self._last.range}"


def _shape(frame: CapturedFrame) -> str:
    width, height = frame.size
    return f"{width} x {height} {frame.format.name}"
