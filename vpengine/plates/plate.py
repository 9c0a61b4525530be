"""The contract of a background plate: one file per kind, one line in the table of ``plates/__init__``."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.view import View


class Plate(Protocol):
    """A world that can be drawn for any View.

    The constructor takes the plate's validated settings (the class's ``Settings``, a pydantic model) and does all the
    slow work on the CPU; it may run in a loader thread. The other methods run on the main thread. A class may have a
    ``check(settings)`` which looks at the files its settings name, without loading them, and returns what is wrong as
    (key, sentence) pairs; ``moves = True``, where what it draws depends on the View's time; ``relights = True``, where
    it knows its own light and draws itself under the View's; ``antialiases = True``, where it has edges, and may be
    given a target of several samples a pixel; ``exact = True``, where it is a chart, whose values must arrive on the
    walls as they are; and ``flat = True``, where it is a picture on a card, whose depth is the card's. One that plays a
    clip has three methods more: ``follow(playhead, wait)``, once a frame, which has the pictures there in time (wait:
    until they are, where no wall is waited for); ``since(playhead)``, the playhead from which on it draws what it draws
    then; and ``trouble()``, a sentence while it cannot keep up.
    """

    def upload(self, gpu: Gpu) -> bool:
        """Put on the GPU what the constructor made, a frame's share a call: True while there is more.

        The last call has the passes compiled (by ``gpu``, which does it once for all plates) and draws once to warm
        them. Raises UserError for what the driver cannot take; ``release`` then follows.
        """

    def draw(self, target: Target, view: View) -> None:
        """Fill all of ``target`` (which has depth): scene-linear ACEScg colour, depth in metres, +inf for sky."""

    def release(self) -> None:
        """Give back what the plate owns on the GPU, also when ``upload`` came only half way."""


def warm(plate: Plate, gpu: Gpu, field_of_view_deg: float = 60.0) -> None:
    """Draw a small picture once, so that no frame pays for a first draw; the last thing ``upload`` does."""
    target = gpu.target((16, 9), depth=True)
    gpu.forget_errors()
    plate.draw(target, View(np.eye(4), clip_from_view_symmetric(field_of_view_deg, 16 / 9), target.size))
    target.release()
    gpu.refuse_errors("the plate's first picture")
