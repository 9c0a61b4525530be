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

def test_that_does_not_go_by_the_clock():
    raise AssertionError("it failed")
"""


@pytest.mark.parametrize(
    ("share", "said"), [(0.05, "2 failed, 1 passed, 2 rerun"), (0.5, "1 failed, 1 passed, 1 skipped, 1 rerun")]
)
def test_what_failed_is_skipped_only_where_the_machine_stood_still_for_much_of_it(
    tmp_path: Path, share: float, said: str
) -> None:
    (tmp_path / "test_it.py").write_text(FAILS.format(share=share), encoding="utf-8")
    shown = pytest_in(tmp_path)
    assert said in shown
    assert ("stood still for 50 percent of the test" in shown) is (share == 0.5)


LEAVES = """
import time

def test_that_takes_long():
    time.sleep(0.7)

def test_that_is_left():
    raise AssertionError("it was begun")
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one process", "a worker"])
def test_what_there_was_no_time_for_is_counted(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "test_it.py").write_text(LEAVES, encoding="utf-8")
    shown = pytest_in(tmp_path, "--minutes", "0.01", *workers)
    assert "2 skipped" in shown or "1 passed, 1 skipped" in shown
    assert "tests were not begun: the 0.01 minutes were up" in shown


def pytest_in(folder: Path, *options: str) -> str:
    """What it says of the tests in a folder."""
    plugins = ["-p", "tests.conftest", "-p", "no:warnings", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-rs", *plugins, *options, "--rootdir", str(folder), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True).stdout
