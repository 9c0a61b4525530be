"""What devices and network streams share: pictures come when they come, with timestamps of another clock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from typing import Protocol

from vpengine.capture.arrival import Arrivals
from vpengine.capture.pace import Pace
from vpengine.frames.captured import CapturedFrame
from vpengine.media.decoding import Decoder, LostError
from vpengine.media.pictures import captured

SILENT_S = 0.8  # of a network; then it is opened again
OPENING_S = 5.0  # until the first whole picture: a stream's may be two seconds apart
LOW_DELAY = {"fflags": "nobuffer", "flags": "low_delay"}


class Opened(Protocol):
    """Something live that is open. ``read`` waits for the next picture; it raises LostError and BrokenError."""

    @property
    def rate(self) -> Fraction | None: ...

    def read(self) -> CapturedFrame: ...

    def close(self) -> None: ...


class Live:
    """A decoder of something live. Opened in the constructor, which raises LostError."""

    def __init__(
        self, url: str, what: str, pace: Pace, format: str | None, options: Mapping[str, str], *, network: bool
    ) -> None:
        self._what, self._pace = what, pace
        timeout_s = (OPENING_S, SILENT_S) if network else None
        opts = {**LOW_DELAY, **options}
        self._decoder = Decoder(url, what, format=format, options=opts, timeout_s=timeout_s, live=True)
        self._arrivals = Arrivals()

    @property
    def rate(self) -> Fraction | None:
        return self._decoder.rate

    def read(self) -> CapturedFrame:
        """Waits for the next. Raises LostError and BrokenError."""
        frame = self._decoder.next()
        if frame is None:
            raise LostError(f"{self._what}: its sender has ended it")
        sent_s = float(frame.pts * frame.time_base) if frame.pts is not None and frame.time_base else None
        return captured(frame, self._arrivals.time_s(sent_s, self._pace.now_s()))

    def close(self) -> None:
        self._decoder.close()


class LiveSource(ABC):
    """A Source but for how it is opened, which sets ``_live``."""

    _live: Opened | None = None

    @property
    @abstractmethod
    def title(self) -> str: ...

    def read(self) -> CapturedFrame | None:
        if self._live is None:
            raise LostError(f"{self.title}: is not open")
        return self._live.read()

    def close(self) -> None:
        if self._live is not None:
            self._live.close()
        self._live = None
