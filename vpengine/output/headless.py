"""No output: presents nothing, and counts what it was given. What every output is in a headless run."""

from __future__ import annotations

from vpengine.frames.frame_input import Tick
from vpengine.gpu.target import Texture
from vpengine.output.output import NOWHERE, Surroundings
from vpengine.stage.settings import Settings


class HeadlessSettings(Settings):
    """The feed is drawn and shown nowhere: for machines without a display, and for tests."""


class HeadlessOutput:
    """shown: pictures of its feed. presented: frames."""

    Settings = HeadlessSettings

    def __init__(self, settings: HeadlessSettings, feed: str, surroundings: Surroundings = NOWHERE) -> None:
        self.shown = 0
        self.presented = 0

    def show(self, texture: Texture) -> None:
        self.shown += 1

    def present(self, tick: Tick) -> bool:
        self.presented += 1
        return True

    def close(self) -> None:
        """It holds nothing."""
