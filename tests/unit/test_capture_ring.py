"""The ring and its taps, schedules, and cadence: which picture each of the engine's ticks sees, over ten minutes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tests.capturing import VirtualPace, grey
from vpengine.capture.arrival import Arrivals
from vpengine.capture.pace import BEHIND_S, LEAD_S, Schedule
from vpengine.capture.ring import MOST_BYTES, Ring, Tap

RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60)]
TEN_MINUTES_S = 600


def numbered(number: int, time_s: float):  # type: ignore[no-untyped-def]
    return replace(grey(time_s, (2, 2)), number=number)


def test_view_is_the_newest_not_after() -> None:
    ring = Ring()
    assert (ring.newest(), ring.at(5.0)) == (None, None)
    for number in range(5):
        ring.put(numbered(number, 1.0 + number / 10))
    assert ring.newest() is not None
    found = [frame and frame.number for frame in (ring.at(time_s) for time_s in (0.9, 1.0, 1.09, 1.1, 1.35, 9.0))]
    assert found == [None, 0, 0, 1, 3, 4]


def test_the_ring_is_bounded_by_time_count_and_bytes() -> None:
    by_time, by_count, by_bytes = Ring(held_s=0.25), Ring(most_frames=3), Ring(most_bytes=2 * 6)
    for ring, held in ((by_time, 3), (by_count, 3), (by_bytes, 2)):
        for number in range(40):
            ring.put(numbered(number, number / 10))
        oldest = ring.at(0.0)  # longer ago than what is held
        assert oldest is not None
        assert oldest.number == 40 - held
    huge = Ring(most_bytes=1)
    huge.put(numbered(0, 0.0))
    assert huge.newest() is not None


def test_a_tap_has_every_picture_in_order_and_counts_what_it_left_out() -> None:
    ring = Ring()
    ring.put(numbered(0, 0.0))
    tap = ring.tap(most=4)
    for number in range(1, 8):
        ring.put(numbered(number, float(number)))
    assert [frame.number for frame in tap.take()] == [1, 2, 3, 4]
    assert tap.dropped == 3
    ring.put(numbered(8, 8.0))
    assert [frame.number for frame in tap.take()] == [8]
    ring.untap(tap)
    ring.put(numbered(9, 9.0))
    assert tap.take() == ()


def test_a_tap_is_bounded_by_bytes_and_has_room_for_one() -> None:
    tap = Tap(most_bytes=2 * 6)
    for number in range(5):
        tap.put(numbered(number, float(number)))
    first = tap.next()
    assert first is not None
    tap.put(numbered(5, 5.0))
    assert (first.number, tap.dropped, [frame.number for frame in tap.take()]) == (0, 3, [1, 5])
    tap.put(numbered(6, 6.0))
    assert [frame.number for frame in tap.take()] == [6]
    assert tap.next() is None
    huge = Tap(most_bytes=1)
    huge.put(numbered(0, 0.0))
    huge.put(numbered(1, 0.1))
    assert ([frame.number for frame in huge.take()], huge.dropped) == ([0], 1)


def test_a_tap_of_large_pictures_holds_no_more_than_its_bytes() -> None:
    """Of 3840 x 2160 in 10 bits; planes share their memory here."""
    tap, plane = Tap(), np.zeros((2160, 3840), np.uint16)
    large = replace(grey(0.0, (2, 2)), planes=(plane, plane[:, ::2], plane[:, ::2]), size=(3840, 2160))
    for _ in range(48):
        tap.put(large)
    assert sum(frame.nbytes for frame in tap.take()) <= MOST_BYTES
    assert tap.dropped == 48 - MOST_BYTES // large.nbytes


@pytest.mark.parametrize("tick_rate", [Fraction(24), Fraction(25)])
@pytest.mark.parametrize("rate", RATES)
def test_cadence_is_exact_over_ten_minutes(rate: Fraction, tick_rate: Fraction) -> None:
    """Each tick sees picture floor(t * rate), reckoned in whole numbers; the thread wakes a little late each time."""
    pace, ring = VirtualPace(), Ring()
    schedule = Schedule(rate, pace)
    start_s, made, seen = schedule.start_s, 0, []
    for tick in range(int(TEN_MINUTES_S * tick_rate)):
        now_s = start_s + float(tick / tick_rate)
        while schedule.time_s(made) - LEAD_S + 0.004 * (made % 7) <= now_s:  # up to 24 ms late
            ring.put(numbered(made, schedule.time_s(made)))
            made += 1
        found = ring.at(now_s)
        assert found is not None
        seen.append(found.number)
    assert seen == [int(tick / tick_rate * rate) for tick in range(len(seen))]
    assert schedule.shifted_s == 0.0


@pytest.mark.parametrize(
    ("rate", "tick_rate", "pattern"),
    [(Fraction(24), Fraction(60), [3, 2]), (Fraction(25), Fraction(50), [2, 2]), (Fraction(24), Fraction(24), [1, 1])],
)
def test_known_pull_downs(rate: Fraction, tick_rate: Fraction, pattern: list[int]) -> None:
    """24 on 60 is 2:3, 25 on 50 is 2:2: so many refreshes of a display each picture is seen."""
    pace, ring = VirtualPace(), Ring()
    schedule = Schedule(rate, pace)
    for number in range(20):
        ring.put(numbered(number, schedule.time_s(number)))
    ticks = [schedule.start_s + float(tick / tick_rate) for tick in range(40)]
    seen = [frame.number for frame in map(ring.at, ticks) if frame]
    shown = [len(list(group)) for _, group in itertools.groupby(seen)]
    assert shown[:6] == pattern * 3


def test_what_is_far_behind_begins_later_and_says_so() -> None:
    pace = VirtualPace()
    schedule = Schedule(Fraction(25), pace)
    pace.time_s += BEHIND_S  # a short stall is caught up with
    assert schedule.wait(0)
    assert schedule.shifted_s == 0.0
    pace.time_s += 30.0  # the machine slept
    assert schedule.wait(1)
    assert schedule.time_s(1) == pytest.approx(pace.time_s)
    assert schedule.shifted_s == pytest.approx(30.4, abs=0.2)


def test_arrivals_lose_the_networks_jitter() -> None:
    arrivals = Arrivals()
    late_s = [0.0, 0.015, 0.004, 0.03, 0.0, 0.011] * 50
    times = [arrivals.time_s(7000.0 + n / 25, 50.0 + n / 25 + late) for n, late in enumerate(late_s)]
    intervals = [after - before for before, after in itertools.pairwise(times)]
    assert max(intervals) - min(intervals) < 1e-4
    assert all(time_s <= 50.0 + n / 25 + late for n, (time_s, late) in enumerate(zip(times, late_s, strict=True)))


def test_arrivals_follow_a_slow_clock_and_a_new_beginning() -> None:
    arrivals = Arrivals()
    for n in range(25 * 600):
        now_s = 50.0 + n / 25
        found = arrivals.time_s(n / 25 * (1 - 1e-4), now_s)
    assert now_s - found < 1e-3
    assert arrivals.time_s(0.0, now_s + 1.0) == now_s + 1.0
    assert arrivals.time_s(None, 3.0) == 3.0


@pytest.mark.parametrize("back_s", [0.15, 0.8, 0.99])
def test_arrivals_follow_a_clock_that_falls_back(back_s: float) -> None:
    """By less than a second, as a clock is set or an encoder stalls; within six seconds, jitter or not."""
    arrivals = Arrivals()
    for n in range(25 * 30):
        sent_s, jitter_s = n / 25, 0.004 * (n * 7 % 5)
        late_s = 0.05 + (back_s if sent_s >= 10.0 else 0.0) + jitter_s
        found_s = arrivals.time_s(sent_s, sent_s + late_s)
        if not 10.0 <= sent_s < 16.1:
            assert sent_s + late_s - jitter_s - 1e-3 <= found_s <= sent_s + late_s


def test_arrivals_are_shaken_by_no_congestion() -> None:
    """For two seconds and a half all pictures are late, then none."""
    arrivals = Arrivals()
    for n in range(25 * 60):
        sent_s = n / 25
        found_s = arrivals.time_s(
            sent_s, sent_s + (0.5 if n // 25 % 10 in (4, 5) or n % 250 in range(150, 162) else 0.05)
        )
        assert found_s == pytest.approx(sent_s + 0.05, abs=1e-3)
