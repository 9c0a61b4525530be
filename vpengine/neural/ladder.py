"""What a stage's generator is tried as, from what is asked for down to what stands in for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.declared import generator_class
from vpengine.neural.ladder_host import LadderRung
from vpengine.neural.placement import in_thread
from vpengine.neural.process_host import ProcessHost
from vpengine.neural.slot_host import SlotHost
from vpengine.neural.thread_host import ThreadHost
from vpengine.stage.stage_settings import NeuralSettings

Sizes = Callable[[float], tuple[tuple[int, int], ...]]
SMALLER = 0.7  # of a picture's sides: half of its pixels


def rungs_of(asked: NeuralSettings, sizes: Sizes, settings: Any, frame_s: float) -> list[LadderRung]:
    """sizes: all that may be asked for, with the camera's sides times a number. settings: the generator's own. frame_s:
    the stage's period.

    There is one at least that is no thread, and leaves the card alone where others had it: a card that does not answer
    the engine, or a thread that hangs, takes all threads with it.
    """
    declared, thread = generator_class(asked.generator), False

    def rung(
        words: str,
        runtime: str,
        size: float = 1.0,
        name: str = asked.generator,
        host: str = "",
        needs_more: bool = False,
    ) -> LadderRung:
        nonlocal thread
        own = settings if name == asked.generator else None
        threaded, before = in_thread(host or asked.host, generator_class(name), runtime), thread
        kind: type[SlotHost] = ThreadHost if threaded else ProcessHost
        thread = thread or threaded

        def start() -> SlotHost:
            found = GENERATORS[name], RUNTIMES[runtime]
            return kind(name, *found, sizes(size), frame_s, own, request_size=size, card=threaded or not before)

        return LadderRung(words, start, threaded, needs_more)

    rungs = [
        rung(f"the generator {asked.generator}", asked.runtime),
        rung("pictures of half the pixels", asked.runtime, SMALLER),
    ]
    if asked.runtime not in ("auto", "none", declared.runtimes[0]):
        runtime = declared.runtimes[0]
        rungs.append(rung(f"its networks on {runtime}", runtime, needs_more=True))
        rungs.append(rung(f"its networks on {runtime}, and pictures of half the pixels", runtime, SMALLER))
    if declared.stands_in:
        rungs.append(rung(f"the generator {declared.stands_in}", "auto", name=declared.stands_in, host="process"))
    if all(each.thread for each in rungs):
        rungs.append(rung("a process of its own, without the card", declared.runtimes[0], host="process"))
    return rungs
