"""The watch that tells a machine's stalls from a test's own faults."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from tests.stalls import STALL_S, Stalls
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no process is stopped and continued there")


@pytest.fixture
def stalls() -> Iterator[Stalls]:
    made = Stalls()
    until(lambda: made.watches)
    yield made
    made.close()


def stand_still(stalls: Stalls) -> None:
    """For its watch the machine does."""
    os.kill(stalls.pid, signal.SIGSTOP)
    time.sleep(3.0 * STALL_S)
    os.kill(stalls.pid, signal.SIGCONT)


def test_a_machine_that_stood_still_is_told(stalls: Stalls) -> None:
    stalls.begin()
    stand_still(stalls)
    until(stalls.since_begun)
    assert 0.0 < stalls.share() < 1.0


def test_what_was_before_a_test_is_not(stalls: Stalls) -> None:
    stalls.begin()
    stand_still(stalls)
    until(stalls.since_begun)
    os.kill(stalls.pid, signal.SIGSTOP)  # it tells of this machine's own stalls no more
    time.sleep(2.0 * STALL_S)
    stalls.begin()
    assert not stalls.since_begun()


def test_only_what_failed_is_waited_for(stalls: Stalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.stalls.QUIET_S", 0.0)
    stalls.begin()
    stand_still(stalls)
    until(stalls.since_begun)
    assert stalls.again(AssertionError())
    monkeypatch.setattr(stalls, "since_begun", lambda: pytest.fail("asked"))
    assert not stalls.again(None)
