"""Output: where a feed's finished pictures go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol, runtime_checkable

from vpengine.control.takes import TakeName
from vpengine.frames.feed import Feed
from vpengine.frames.frame_input import FrameInput, Tick
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Texture
from vpengine.gpu.window import Windows


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What of the running engine an output may use. windows: None in a headless run. folder: the stage file's.

    frame: the one that is being shown. world: what a world's feed is developed from in it, scene-linear, and which
    part of its sides the lens sees; None where there is none. camera: the stage's first. take: the one that rolls, in
    this very frame; another object is another take. take_folder: where it lies, waited for, in any thread; None where
    it could not be made.
    """

    windows: Windows | None = None
    gpu: Gpu | None = None
    rate: Fraction = Fraction(24)
    folder: Path = field(default_factory=Path)
    camera: str = ""
    frame: Callable[[], FrameInput | None] = _nothing
    world: Callable[[Feed], tuple[Picture, float] | None] = _nothing
    take: Callable[[], TakeName | None] = _nothing
    take_folder: Callable[[TakeName], Path | None] = _nothing


NOWHERE = Surroundings()


class Output(Protocol):
    """One [[output]] section. Everything is called on the main thread.

    The constructor takes the validated settings (the class's ``Settings``, a pydantic model), the name of the feed
    that it shows, and its ``Surroundings``. A class may have three functions for ``vpengine check``:
    ``faults(settings, feed_px)``, what does not fit the feed's size, ``misfit(settings, feed)``, why it cannot show it
    at all, and ``claim(settings)``, what only one output can have.

    What ``show`` or ``present`` raises is said once; the output is closed then, and shown again after a while: it
    begins from nothing, and opens what it needs anew.
    """

    def show(self, texture: Texture) -> None:
        """Take the feed's picture (RGBA8 code values). The texture must stay as it is until ``present``."""

    def present(self, tick: Tick) -> bool:
        """Make the picture visible. False when the operator asked to end, with Esc twice or a window's close button."""

    def close(self) -> None:
        """Give back what it holds; a second call does nothing. What failed may be shown again after it."""


@runtime_checkable
class Finishing(Protocol):
    """An output that has something to finish at the end of a run, and to tell of it."""

    def end(self) -> None:
        """Nothing is shown any more; what it still needs of OpenGL it takes now. On the main thread."""

    def wait(self) -> None:
        """Until all is written, but no longer than a run's end may take. In any thread."""

    def report(self) -> list[dict[str, object]]:
        """What it has made, in figures."""
