"""CHANCE: named controls, and no others, drift around where cues put them. Seeded, and the same for the same times."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from functools import lru_cache

from vpengine.control.controls import Control, Value
from vpengine.control.declared import CHANCE_AMOUNT, CHANCE_SEED
from vpengine.control.transitions import smooth

STEP_S = 5.0  # between two turns of a walk
REACH = 0.5  # of a control's range, at most, to either side


class Chance:
    """names: addresses of floats that may drift."""

    def __init__(self, declared: Mapping[str, Control], names: Collection[str] = ()) -> None:
        self._controls = [declared[name] for name in names]

    def drift(self, controls: Mapping[str, Value], time_s: float) -> Mapping[str, Value]:
        """The controls at ``time_s``, which stands still while nothing may move; at 0 the same ones."""
        amount = float(controls[CHANCE_AMOUNT])
        if amount <= 0.0 or not self._controls:
            return controls
        seed = int(float(controls[CHANCE_SEED]))
        moved = {
            each.address: _moved(each, float(controls[each.address]), amount * walk(seed, each.address, time_s))
            for each in self._controls
        }
        return {**controls, **moved}


def _moved(control: Control, value: float, by: float) -> float:
    return min(max(value + REACH * by * (control.high - control.low), control.low), control.high)


def walk(seed: int, name: str, time_s: float) -> float:
    """-1 to 1, smooth, 0 in the mean: two octaves of value noise."""
    slow, fast = (_noise(seed, name, octave, 2.0**octave * time_s / STEP_S) for octave in (0, 1))
    return (2.0 * slow + fast) / 3.0


def _noise(seed: int, name: str, octave: int, at: float) -> float:
    step = math.floor(at)
    before, after = (_turn(seed, name, octave, step + ahead) for ahead in (0, 1))
    return before + (after - before) * smooth(at - step)


@lru_cache(maxsize=4096)
def _turn(seed: int, name: str, octave: int, step: int) -> float:
    digest = hashlib.blake2b(f"{seed} {name} {octave} {step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**63 - 1.0
