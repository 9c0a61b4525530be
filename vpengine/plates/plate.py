"""The contract of a background plate: one file per kind, one line in the table of ``plates/__init__``."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from vpengine.gpu.target import Target
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.view import View


class Plate(Protocol):
    """A world that can be drawn for any View.

    The constructor takes the plate's validated settings (the class's ``Settings``, a pydantic model) and does all the
    slow work on the CPU; it may run in a loader thread. The other methods run on the main thread.
    """

    def upload(self, context: Any) -> None:
        """Put on the GPU what the constructor made, compile its shaders, and draw once to warm them."""

    def draw(self, target: Target, view: View) -> None:
        """Fill all of ``target`` (which has depth): scene-linear ACEScg colour, depth in metres, +inf for sky."""

    def release(self) -> None: ...


def warm(plate: Plate, context: Any) -> None:
    """Draw a small picture once, so that no frame pays for a first draw; the last thing ``upload`` does."""
    target = Target(context, (16, 9), depth=True)
    plate.draw(target, View(np.eye(4), clip_from_view_symmetric(60.0, 16 / 9), target.size))
    target.release()
