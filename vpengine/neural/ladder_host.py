"""LadderHost: a generator that cannot go on is followed by the next best thing, and not tried for ever.

What is tried, from the top: what the stage asks for; smaller pictures; torch, where another runtime was asked, for
pictures of both sizes; and the generator that it names to stand in for it. Which ones there are is ``ladder``'s to say.
What was left is not gone back to before the next start: a crew does not want it to come and go.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vpengine.errors import UserError
from vpengine.frames.images import Room
from vpengine.frames.keyframe import Request
from vpengine.neural.health import GeneratorHealth
from vpengine.neural.host import Collected, GeneratorHost

log = logging.getLogger(__name__)

MOST_FAILURES = 3  # in a row; less where there is no sense in another try


@dataclass(frozen=True)
class LadderRung:
    """words: what it is, to an operator. start: makes its host; raises UserError. thread: it runs in the engine.

    needs_more: memory, than the rung before it.
    """

    words: str
    start: Callable[[], GeneratorHost]
    thread: bool = False
    needs_more: bool = False


class LadderHost:
    """Runs the first rung's host, and when that fails over and over the next one's: a GeneratorHost.

    changed: is told when a rung is begun that is not the first, after its host is there.
    """

    def __init__(self, rungs: Sequence[LadderRung], changed: Callable[[], None] = lambda: None) -> None:
        """The first host starts at once. Raises UserError where no rung's can be started."""
        self._rungs = list(rungs)
        self._changed = changed
        self._ending: list[threading.Thread] = []
        self._number = 0
        self._host, self._number = self._started(0)

    @property
    def health(self) -> GeneratorHealth:
        return self._host.health

    @property
    def request_size(self) -> float:
        return self._host.request_size

    def free(self, now_s: float) -> Room | None:
        return self._host.free(now_s)

    def submit(self, request: Request, now_s: float) -> None:
        self._host.submit(request, now_s)

    def collect(self, now_s: float) -> Collected:
        collected = self._host.collect(now_s)
        health = self._host.health
        hopeless = health.failures >= MOST_FAILURES or (health.failures > 0 and health.hopeless)
        if hopeless and self._number + 1 < len(self._rungs):
            self._go_down()
        return collected

    def _go_down(self) -> None:
        left, why = self._host, self._host.health.last_failure
        self._rungs[self._number + 1 :] = [
            rung
            for rung in self._rungs[self._number + 1 :]
            if not (left.health.no_thread and rung.thread) and not (left.health.full_memory and rung.needs_more)
        ]
        if self._number + 1 == len(self._rungs):
            return
        try:
            self._host, self._number = self._started(self._number + 1)
        except UserError as error:
            log.warning("%s. The wall keeps its pictures.", error)
            self._rungs = self._rungs[: self._number + 1]
            return
        self._host.health.restarts += left.health.restarts  # they are one generator to whoever reads the report
        words = self._rungs[self._number].words
        log.warning("generator %s: %s. From now on: %s.", left.health.name, why, words)
        ending = threading.Thread(target=left.close, name="generator-end", daemon=True)  # it waits, and frames do not
        ending.start()
        self._ending.append(ending)
        self._changed()

    def _started(self, first: int) -> tuple[GeneratorHost, int]:
        """The first of the rungs from ``first`` on whose host can be started, and its number."""
        for number in range(first, len(self._rungs)):
            try:
                return self._rungs[number].start(), number
            except UserError as error:
                if number + 1 == len(self._rungs):
                    raise
                log.warning("%s. It is passed over: %s.", error, self._rungs[number].words)
        raise UserError("there is nothing left to try")

    def close(self) -> None:
        self._host.close()
        for thread in self._ending:
            thread.join(1.0)
