"""The null twin of a capture source: it is there, and shows nothing."""

from __future__ import annotations

from vpengine.capture.pace import Pace
from vpengine.frames.captured import CapturedFrame
from vpengine.stage.settings import Settings as Section


class NoSource:
    """A camera whose picture does not come here."""

    class Settings(Section):
        """No picture comes: the world is shown alone."""

    title = "no picture"

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self.settings = settings
        self._pace = pace

    def open(self) -> None:
        return None

    def read(self) -> CapturedFrame | None:
        self._pace.wait_until(self._pace.now_s() + 1.0)
        return None

    def close(self) -> None:
        pass
