"""A generator that says which files it was told by, for tests of what carries that."""

from __future__ import annotations

from dataclasses import replace

from vpengine.frames.look import Look
from vpengine.neural.drill import Drill
from vpengine.neural.generator import Generated, Plate

TOLD = (("harbour.png", "ab" * 32),)


class Telling(Drill):
    def generate(self, plate: Plate, look: Look) -> Generated:
        return replace(super().generate(plate, look), told=TOLD)
