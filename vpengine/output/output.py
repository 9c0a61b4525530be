"""Output: where a wall's finished picture goes."""

from __future__ import annotations

from typing import Protocol

from vpengine.frames.frame_input import Tick
from vpengine.gpu.target import Texture


class Output(Protocol):
    """One [[output]] section. Everything is called on the main thread.

    The constructor takes the validated settings (the class's ``Settings``, a pydantic model), the id of the wall to
    show, and the process's ``Windows``, None in a headless run. A class may have two functions for ``vpengine check``:
    ``faults(settings, wall_px)``, what does not fit the wall, and ``claim(settings)``, what only one output can have.
    """

    def show(self, wall_id: str, texture: Texture) -> None:
        """Take a wall's code values (RGBA8, as its processor wants them); other walls' are passed over.

        The texture must stay as it is until ``present``.
        """

    def present(self, tick: Tick) -> bool:
        """Make the picture visible. False when the operator asked to end, with Esc twice or a window's close button."""

    def close(self) -> None:
        """Give back what it holds; a second call does nothing."""
