"""Output: where a feed's finished pictures go."""

from __future__ import annotations

from typing import Protocol

from vpengine.frames.frame_input import Tick
from vpengine.gpu.target import Texture


class Output(Protocol):
    """One [[output]] section. Everything is called on the main thread.

    The constructor takes the validated settings (the class's ``Settings``, a pydantic model), the name of the feed
    that it shows, and the process's ``Windows``, None in a headless run. A class may have two functions for
    ``vpengine check``: ``faults(settings, feed_px)``, what does not fit the feed, and ``claim(settings)``, what only
    one output can have.

    What ``show`` or ``present`` raises is said once; the output is closed then, and shown again after a while: it
    begins from nothing, and opens what it needs anew.
    """

    def show(self, texture: Texture) -> None:
        """Take the feed's picture (RGBA8 code values). The texture must stay as it is until ``present``."""

    def present(self, tick: Tick) -> bool:
        """Make the picture visible. False when the operator asked to end, with Esc twice or a window's close button."""

    def close(self) -> None:
        """Give back what it holds; a second call does nothing. What failed may be shown again after it."""
