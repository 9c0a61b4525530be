"""The clocks on a virtual clock: numbers, when each frame is seen, what is skipped, and that nobody waits in vain."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vpengine.output import clock as clock_module
from vpengine.output.clock import PacedClock, UnpacedClock, sleep_until
from vpengine.output.received_timecode import ReceivedTimecode
from vpengine.view.timecode import Timecode, timecode_of

RATE = Fraction(24000, 1001)
PERIOD_S = float(1 / RATE)
START_S = 5000.0


class VirtualTime:
    """A monotonic clock that moves when someone sleeps, or works."""

    def __init__(self) -> None:
        self.now_s = START_S
        self.naps: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.naps.append(seconds)
        self.now_s += seconds

    def work(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch) -> VirtualTime:
    time = VirtualTime()
    monkeypatch.setattr(clock_module, "time", time)
    return time


def test_on_time_no_number_is_left_out(virtual: VirtualTime) -> None:
    """An hour at 23.976 with work of every length below a period: each number once, exactly on its grid."""
    clock = PacedClock(RATE)
    for number in range(3600 * 24):
        tick = clock.next()
        assert tick.number == number
        assert tick.rate == RATE
        # A frame is begun one period before it is seen; no error adds up.
        assert tick.display_time_s == pytest.approx(START_S + float((number + 1) / RATE), abs=1e-6)
        assert virtual.now_s >= tick.display_time_s - PERIOD_S - 1e-9
        virtual.work(PERIOD_S * (number % 10) / 10.0)
        clock.wait_display(tick)
        assert tick.display_time_s <= virtual.now_s < tick.display_time_s + 1e-3
    assert clock.skipped == 0


def test_a_little_late_is_made_up_for(virtual: VirtualTime) -> None:
    """A frame that takes less than a period too long costs its successor no number."""
    clock = PacedClock(Fraction(25))
    clock.next()
    virtual.work(0.079)
    second = clock.next()
    assert second.number == 1
    assert virtual.now_s == pytest.approx(START_S + 0.079)  # it begins at once
    assert second.display_time_s == pytest.approx(START_S + 0.08)
    clock.wait_display(second)
    assert clock.next().number == 2
    assert clock.skipped == 0


@pytest.mark.parametrize(("work_s", "number"), [(0.081, 2), (0.119, 2), (0.121, 3), (0.21, 5)])
def test_late_by_more_it_goes_on_with_the_frame_that_is_due(virtual: VirtualTime, work_s: float, number: int) -> None:
    """Frame n is to begin at n times 0.04 s; those that were left out are counted."""
    clock = PacedClock(Fraction(25))
    clock.next()
    virtual.work(work_s)
    tick = clock.next()
    assert tick.number == number
    assert clock.skipped == number - 1
    assert tick.display_time_s == pytest.approx(START_S + 0.04 * (number + 1))
    assert tick.display_time_s > virtual.now_s
    clock.wait_display(tick)
    assert clock.next().number == number + 1
    assert clock.skipped == number - 1


def test_unpaced_never_waits(virtual: VirtualTime) -> None:
    clock = UnpacedClock(RATE)
    for number in range(5):
        virtual.work(0.3)
        tick = clock.next()
        clock.wait_display(tick)
        assert (tick.number, tick.display_time_s) == (number, virtual.now_s)
    assert virtual.naps == []
    assert clock.skipped == 0


def test_sleep_until_naps_at_the_end(virtual: VirtualTime) -> None:
    """The long sleep leaves a margin, because the system's comes back late."""
    sleep_until(START_S + 0.5)
    assert virtual.now_s >= START_S + 0.5
    assert virtual.naps[0] == pytest.approx(0.499)
    assert max(virtual.naps[1:]) <= 0.001
    sleep_until(START_S)  # the past
    assert len(virtual.naps) < 8


def test_what_a_display_takes_is_predicted_for(virtual: VirtualTime) -> None:
    """Presented on its grid as ever; its light leaves the wall 80 ms later."""
    clock = PacedClock(Fraction(25), latency_s=0.08)
    for number in range(5):
        tick = clock.next()
        assert tick.display_time_s == pytest.approx(START_S + 0.04 * (number + 1) + 0.08)
        clock.wait_display(tick)
        assert virtual.now_s == pytest.approx(tick.present_s, abs=1e-3)
        assert virtual.now_s == pytest.approx(START_S + 0.04 * (number + 1), abs=1e-3)


def test_frames_are_called_by_the_timecode_that_comes_in(
    virtual: VirtualTime, caplog: pytest.LogCaptureFixture
) -> None:
    """For the moment at which a frame is seen; free run before, and after it is gone. The pace is the clock's."""

    def incoming(time_s: float) -> Timecode | None:
        frame = int((time_s - START_S) * 25 + 90000)
        return timecode_of(frame, Fraction(25)) if 2.5 < (time_s - START_S) / PERIOD_S < 5.5 else None

    clock = ReceivedTimecode(PacedClock(RATE), incoming)
    labels = []
    with caplog.at_level("INFO"):
        for number in range(8):
            tick = clock.next()
            virtual.work(3.2 * PERIOD_S if number == 6 else 0.01)
            clock.wait_display(tick)
            clock.presented(virtual.now_s)
            assert tick.display_time_s == pytest.approx(START_S + (tick.number + 1) * PERIOD_S)
            labels.append(str(tick.timecode))
    free = ["00:00:00:00", "00:00:00:01"]
    assert labels == [*free, "01:00:00:03", "01:00:00:04", "01:00:00:05", "00:00:00:05", "00:00:00:06", "00:00:00:09"]
    assert clock.skipped == 2
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
    assert "01:00:00:03 comes in" in caplog.messages[0]
