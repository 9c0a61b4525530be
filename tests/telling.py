"""Generators for tests of what carries things: one says which files it was told by, one lacks an engine."""

from __future__ import annotations

from dataclasses import replace

from vpengine.frames.look import Look
from vpengine.neural.drill import Drill
from vpengine.neural.engine_cache import NotBuiltError
from vpengine.neural.generator import Generated, Plate

UNBUILT = (45, 25)
TOLD = (("harbour.png", "ab" * 32),)


class Telling(Drill):
    def generate(self, plate: Plate, look: Look) -> Generated:
        return replace(super().generate(plate, look), told=TOLD)


class Unbuilt(Drill):
    """There is an engine for every size but UNBUILT."""

    def generate(self, plate: Plate, look: Look) -> Generated:
        if plate.view.resolution == UNBUILT:
            raise NotBuiltError("no engine is there for 45x25; build it before")
        return super().generate(plate, look)
