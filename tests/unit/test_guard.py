"""The guard: a job that fails costs nothing but itself, is said once, and is tried again ever more seldom."""

from __future__ import annotations

import pytest

from vpengine.gpu.guard import BACK_OFF_S, STEADY_S, Guard


class Job:
    def __init__(self) -> None:
        self.now_s, self.tries, self.error = 100.0, 0, RuntimeError("no memory")

    def __call__(self) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error


def frames(guard: Guard, job: Job, seconds: float) -> list[bool]:
    done = []
    for _ in range(round(seconds * 24)):
        done.append(guard.run("the wall", job, "it keeps its last picture"))
        job.now_s += 1.0 / 24.0
    return done


def test_it_is_said_once_and_tried_again_ever_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    job = Job()
    guard = Guard(clock=lambda: job.now_s)
    assert not any(frames(guard, job, 20.0))
    assert 7 <= job.tries <= len(BACK_OFF_S) + 4
    assert [record.getMessage() for record in caplog.records] == [
        "the wall failed (RuntimeError: no memory); it keeps its last picture. It is tried again."
    ]
    assert guard.failures == {"the wall": job.tries}


def test_it_goes_on_when_it_works_again(caplog: pytest.LogCaptureFixture) -> None:
    """At once, at every frame; and a failure long after is news, and tried again soon."""
    job = Job()
    guard = Guard(clock=lambda: job.now_s)
    frames(guard, job, 1.0)
    job.error = None  # type: ignore[assignment]
    later = frames(guard, job, STEADY_S + 2.0)
    assert all(later[30:])
    job.error = RuntimeError("no memory")
    before = job.tries
    frames(guard, job, 0.5)
    assert job.tries - before >= 2
    assert len(caplog.records) == 2


def test_another_reason_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    job = Job()
    guard = Guard(clock=lambda: job.now_s)
    frames(guard, job, 0.2)
    job.error = ValueError("a line\nand another")
    frames(guard, job, 1.0)
    assert "failed (ValueError: a line and another)" in caplog.records[-1].getMessage()


def test_a_stop_is_no_failure() -> None:
    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guard().run("the wall", stopped, "")
