"""What is on the walls already, drawn at a request's View: a generator that continues it changes less from one picture
to the next than one that begins anew from the plate.
"""

from __future__ import annotations

from vpengine.compose.eyes import Eyes
from vpengine.compose.surround import Surrounds
from vpengine.frames.feed import PROGRAM, Eye
from vpengine.frames.look import Look
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target


class CurrentWorld:
    """camera: whose keyframes stand for the walls where a face of the surround is asked for. Owns nothing."""

    def __init__(self, eyes: Eyes, surrounds: Surrounds | None, camera: str) -> None:
        self._eyes = eyes
        self._surrounds = surrounds
        self._eye = Eye(PROGRAM, camera)

    def draw(self, eye: Eye | None, location: str, plate: Picture, target: Target) -> Picture | None:
        """The generated world at the plate's View, in ``target``, which has a z-buffer and the plate's size; alpha is
        how far it is generated. None where nothing is. eye: by default the walls'.
        """
        layer = self._eyes.layer(eye or self._eye, location)
        if layer.changes_nothing:
            return None
        return layer.draw(target, plate, plate.view.time_s, 1.0)

    def agreement(self, eye: Eye | None, location: str, look: Look) -> float:
        """How far what is shown there is of a look, 0 to 1."""
        newest = self._eyes.layer(eye or self._eye, location).newest
        if newest is not None:
            return newest.request.look.agreement(look)
        return self._surrounds.agreement(location, look) if self._surrounds is not None else 0.0
