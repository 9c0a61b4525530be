"""The guard: what fails in a frame is left out of it, said once, and tried again after a while."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

BACK_OFF_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 10.0  # without a failure: the next is a new one
MOST_REASONS = 8  # told in one bout: more than that is no news
_NUMBER = re.compile(r"\d+")


@dataclass
class _Bout:
    """A job's failures in a row."""

    failures: int = 0
    again_s: float = 0.0
    failed_s: float = 0.0
    said: set[str] = field(default_factory=set)  # reasons, but for their numbers


class Guard:
    """Runs jobs by name. ``failures`` counts what each has failed, for the report."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bouts: dict[str, _Bout] = {}
        self.failures: dict[str, int] = {}

    def run(self, job: str, work: Callable[[], object], meanwhile: str) -> bool:
        """Do ``work``; False when it failed, or is not tried yet after it did. meanwhile: what is seen instead."""
        bout, now_s = self._bouts.get(job), self._clock()
        if bout is not None and now_s < bout.again_s:
            return False
        try:
            work()
        except Exception as error:  # noqa: BLE001  whatever it is, the next frame must be drawn
            self._failed(job, error, meanwhile, now_s)
            return False
        if bout is not None and now_s - bout.failed_s > STEADY_S:
            del self._bouts[job]
        return True

    def in_trouble(self, job: str) -> bool:
        """Whether it has failed, and has not been well for STEADY_S since."""
        return job in self._bouts

    def _failed(self, job: str, error: Exception, meanwhile: str, now_s: float) -> None:
        bout = self._bouts.setdefault(job, _Bout())
        bout.again_s = now_s + BACK_OFF_S[min(bout.failures, len(BACK_OFF_S) - 1)]
        bout.failed_s = now_s
        bout.failures += 1
        self.failures[job] = self.failures.get(job, 0) + 1
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        reason = _NUMBER.sub("#", why)
        if reason not in bout.said and len(bout.said) < MOST_REASONS:
            bout.said.add(reason)
            log.error("%s failed (%s); %s. It is tried again.", job, " ".join(why.split())[:300], meanwhile)
            log.debug("%s", job, exc_info=error)
