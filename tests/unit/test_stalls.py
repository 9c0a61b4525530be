"""The watch that tells a machine's stalls from a test's own faults."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

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


FAILS = """
import pytest
from tests import conftest

class Watch:
    again = staticmethod(lambda error: error is not None)
    share = staticmethod(lambda: {share})
    begin = close = staticmethod(lambda: None)

conftest._stalls[:] = [Watch()]

@pytest.mark.alone
def test_that_fails():
    raise AssertionError("it failed")

@pytest.mark.alone
def test_that_passes():
    pass
"""


@pytest.mark.parametrize(
    ("share", "said"), [(0.05, "1 failed, 1 passed, 1 rerun"), (0.5, "1 passed, 1 skipped, 1 rerun")]
)
def test_what_failed_in_both_runs_is_skipped_only_where_the_machine_mostly_stood_still(
    tmp_path: Path, share: float, said: str
) -> None:
    (tmp_path / "test_it.py").write_text(FAILS.format(share=share), encoding="utf-8")
    plugins = ["-p", "tests.conftest", "-p", "no:warnings"]
    command = [sys.executable, "-m", "pytest", "-rs", *plugins, "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert said in done.stdout
    assert ("stood still for 50 percent of the test, 2 times" in done.stdout) is (share == 0.5)
