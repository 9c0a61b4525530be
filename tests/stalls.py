"""Whether the machine itself stood still: virtual machines do, for a third of a second, when their host is busy.

A test that failed then may have waited too short a time, and is run again (see conftest). One that goes by the
machine's clock, where that stood still for a good part of it, cannot be told here: it is skipped, and says so. It is
measured by another process, which has nothing to do but to sleep: what the test does to its own threads is no
stall. To wake so often costs a virtual machine a fifth of a core.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

STALL_S = 0.05  # more than a frame
OFTEN_S, SELDOM_S = 0.02, 0.25  # it sleeps so long: for tests that go by the clock, and for those that only wait
QUIET_S, PATIENCE_S = 2.0, 5.0  # it is run again when the machine has stood still no more for so long, or after this
AGAIN = 1  # times at most
TELLS_NOTHING = 0.1  # of a test's time in stalls: it tells nothing, and another run would not either

_WATCH = """
import contextlib, os, time
with contextlib.suppress(OSError, AttributeError):
    os.nice(-20)
last = time.monotonic()
print(last, 0.0, flush=True)
while os.getppid() == {parent}:
    time.sleep({every_s})
    now = time.monotonic()
    if now - last > {longest_s}:
        print(now, now - last, flush=True)
    last = now
"""


class Stalls:
    """Since when there was none; all processes have one monotonic clock."""

    def __init__(self, every_s: float = OFTEN_S) -> None:
        self._longest_s = every_s - OFTEN_S + STALL_S
        code = _WATCH.format(parent=os.getpid(), every_s=every_s, longest_s=self._longest_s)
        self._watch = subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE, text=True)
        self._begun_s, self._newest_s, self._stood_s = time.monotonic(), -math.inf, 0.0
        threading.Thread(target=self._read, name="stalls", daemon=True).start()

    @property
    def watches(self) -> bool:
        return self._newest_s > -math.inf

    @property
    def pid(self) -> int:
        return self._watch.pid

    def _read(self) -> None:
        assert self._watch.stdout is not None
        with suppress(ValueError):  # closed
            for line in self._watch.stdout:
                newest_s, stood_s = map(float, line.split())
                if newest_s > self._begun_s:
                    self._stood_s += stood_s
                self._newest_s = newest_s

    def begin(self) -> None:
        """A test does."""
        self._begun_s, self._stood_s = time.monotonic(), 0.0

    def since_begun(self) -> bool:
        """Whether there was one."""
        time.sleep(2.0 * self._longest_s)  # the newest is told after it
        return self._newest_s > self._begun_s

    def share(self) -> float:
        """Of the time since the test began, what the machine stood still."""
        self.since_begun()
        return self._stood_s / (time.monotonic() - self._begun_s)

    def again(self, error: BaseException | None) -> bool:
        """Whether a test is run again: it failed and there was one; told when the machine is quiet. One that passed is
        asked about too, and costs no waiting.
        """
        if error is None or not self.since_begun():
            return False
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < min(end_s, self._newest_s + QUIET_S):
            time.sleep(STALL_S)
        return True

    def close(self) -> None:
        self._watch.kill()
        self._watch.communicate()
