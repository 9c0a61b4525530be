"""What a stage's generator is tried as, from what is asked for down to what stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.declared import generator_class
from vpengine.neural.ladder_host import LadderRung
from vpengine.neural.process_host import ProcessHost
from vpengine.stage.stage_file import NeuralSettings

Sizes = Callable[[float], tuple[tuple[int, int], ...]]
SMALLER = 0.7  # of a picture's sides: half of its pixels


def rungs_of(asked: NeuralSettings, sizes: Sizes, settings: Any, frame_s: float) -> list[LadderRung]:
    """sizes: all that may be asked for, with the camera's sides times a number. settings: the generator's own. frame_s:
    the stage's period.
    """
    return list(_rungs(asked, sizes, settings, frame_s))


def _rungs(asked: NeuralSettings, sizes: Sizes, settings: Any, frame_s: float) -> Iterator[LadderRung]:
    def rung(words: str, runtime: str, size: float = 1.0, name: str = asked.generator) -> LadderRung:
        own = settings if name == asked.generator else None

        def start() -> ProcessHost:
            return ProcessHost(name, GENERATORS[name], RUNTIMES[runtime], sizes(size), frame_s, own, request_size=size)

        return LadderRung(words, start)

    declared = generator_class(asked.generator)
    yield rung(f"the generator {asked.generator}", asked.runtime)
    reference, runtime = declared.runtimes[0], asked.runtime
    if runtime not in ("auto", "none", reference):
        runtime = reference
        yield rung(f"its networks on {reference}", reference)
    yield rung("pictures of half the pixels", runtime, SMALLER)
    if declared.stands_in:
        yield rung(f"the generator {declared.stands_in}", "auto", name=declared.stands_in)
