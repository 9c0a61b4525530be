"""The contract of a background plate: one file per kind, one line in the table of ``plates/__init__``."""

from __future__ import annotations

from typing import Any, Protocol

from vpengine.gpu.target import Target
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
