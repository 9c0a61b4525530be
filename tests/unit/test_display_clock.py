"""The display's clock on simulated displays in virtual time: what is predicted, which cadence, what is left out."""

from __future__ import annotations

import itertools
import random
from collections import Counter, deque
from dataclasses import dataclass
from fractions import Fraction

import pytest

from vpengine.output import clock as clock_module
from vpengine.output.clock import DisplayClock

JITTER_S = 0.001
RATES = [
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(50),
    Fraction(60),
]
DISPLAYS = {50.0: 50.0, 59.94: 60.0, 60.0: 60.0, 120.0: 120.0}  # true refresh, and what the system says


class Screen:
    """A display and a monotonic clock: a swap comes back at the next refresh, up to a millisecond late."""

    def __init__(self, refresh_hz: float, seed: int = 1) -> None:
        self.now_s = 100.0
        self.period_s, self.first_s = 1.0 / refresh_hz, 100.0037
        self.chance = random.Random(seed)
        self.shown: list[tuple[int, float, int]] = []  # number, error of its predicted time, refresh

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds + self.chance.uniform(0.0, 0.0002)

    def swap(self, number: int, predicted_s: float) -> None:
        refresh = int((self.now_s - self.first_s) / self.period_s) + 1
        light_s = self.first_s + refresh * self.period_s
        self.now_s = light_s + self.chance.uniform(0.0, JITTER_S)
        self.shown.append((number, predicted_s - light_s, refresh))


def run(
    screen: Screen, clock: DisplayClock, seconds: float, monkeypatch: pytest.MonkeyPatch, work: float = 0.4
) -> Screen:
    """work: of a stage's or the display's period, whichever is shorter."""
    monkeypatch.setattr(clock_module, "time", screen)
    longest_s = min(float(1 / clock._rate), screen.period_s)
    while screen.now_s < 100.0 + seconds:
        tick = clock.next()
        screen.now_s += work * longest_s * screen.chance.uniform(0.5, 1.5)
        clock.wait_display(tick)
        screen.swap(tick.number, tick.display_time_s)
        clock.presented(screen.now_s)
    return screen


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("refresh_hz", DISPLAYS)
def test_ten_minutes_on_every_display(rate: Fraction, refresh_hz: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predicted to a millisecond after two seconds; a number is left out, or stays, only where the rates force it."""
    clock = DisplayClock(rate, DISPLAYS[refresh_hz])
    screen = run(Screen(refresh_hz), clock, 600.0, monkeypatch)
    settled = screen.shown[int(2 * min(float(rate), refresh_hz)) :]
    assert max(abs(error_s) for _, error_s, _ in settled) < 0.001
    steps = Counter(after[0] - before[0] for before, after in itertools.pairwise(settled))
    holds = Counter(after[2] - before[2] for before, after in itertools.pairwise(settled))
    seconds = 598.0
    assert min(steps) >= 1  # none is shown twice
    left_out = sum((step - 1) * count for step, count in steps.items())
    forced_out = max(float(rate) - refresh_hz, 0.0) * seconds
    assert left_out == pytest.approx(forced_out, abs=2.0 + 0.002 * forced_out)
    ratio = refresh_hz / float(rate)
    allowed = {1} if ratio <= 1.0 else {int(ratio + 1e-9), -int(-ratio // 1)}
    near = {*allowed, max(int(ratio), 1) + 1} if abs(ratio - round(ratio)) < 0.01 else allowed
    assert set(holds) <= near, holds
    extra = sum(count for hold, count in holds.items() if hold not in allowed)
    assert extra <= abs(ratio - round(ratio)) * float(rate) * seconds + 2


@pytest.mark.parametrize(
    ("rate", "refresh_hz", "cadence"),
    [(24, 60.0, [2, 3]), (25, 50.0, [2]), (30, 60.0, [2]), (60, 60.0, [1]), (24, 120.0, [5])],
)
def test_whole_ratios_have_an_even_cadence(
    rate: int, refresh_hz: float, cadence: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = run(Screen(refresh_hz), DisplayClock(Fraction(rate), refresh_hz), 60.0, monkeypatch)
    refreshes = [refresh for _, _, refresh in screen.shown[60:]]
    holds = [after - before for before, after in itertools.pairwise(refreshes)]
    period = len(cadence)
    assert set(holds) == set(cadence)
    assert all(holds[at] == holds[at + period] for at in range(len(holds) - period))
    assert [number for number, _, _ in screen.shown] == list(range(len(screen.shown)))


def test_a_missed_refresh_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One frame takes 60 ms: what follows is predicted as well as before, and the numbers are those that are due."""
    clock, screen = DisplayClock(Fraction(60), 60.0), Screen(60.0)
    run(screen, clock, 5.0, monkeypatch)
    before = len(screen.shown)
    screen.now_s += 0.060
    run(screen, clock, 10.0, monkeypatch)
    late = screen.shown[before : before + 2]
    assert clock.skipped in (3, 4)
    assert late[0][0] - screen.shown[before - 1][0] >= 3
    assert max(abs(error_s) for _, error_s, _ in screen.shown[before + 1 :]) < 0.001


def test_a_frame_that_is_late_for_its_refresh_is_shown_at_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work of more than a period: no number comes twice, time goes on, and it recovers at once."""
    clock, screen = DisplayClock(Fraction(24), 60.0), Screen(60.0)
    run(screen, clock, 5.0, monkeypatch)
    run(screen, clock, 8.0, monkeypatch, work=3.4)  # 57 ms of the 42 that a frame has
    count = len(screen.shown)
    numbers = [number for number, _, _ in screen.shown]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == pytest.approx(24 * (screen.now_s - 100.0), abs=3)  # its own work is up to two frames
    run(screen, clock, 10.0, monkeypatch)
    assert max(abs(error_s) for _, error_s, _ in screen.shown[count + 2 :]) < 0.001


def test_where_nothing_waits_for_the_display_frames_keep_their_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual screen: its swaps come back at once."""

    class Virtual(Screen):
        def swap(self, number: int, predicted_s: float) -> None:
            self.now_s += 0.0005
            self.shown.append((number, predicted_s - self.now_s, 0))

    screen = run(Virtual(60.0), DisplayClock(Fraction(24), 60.0), 20.0, monkeypatch)
    numbers = [number for number, _, _ in screen.shown]
    assert numbers[-1] == pytest.approx(24 * 20, abs=4)
    assert numbers[60:] == list(range(numbers[60], numbers[-1] + 1))
    assert all(abs(error_s) < 0.002 for _, error_s, _ in screen.shown[60:])


@dataclass(frozen=True)
class Swapped:
    time_s: float
    window: int


@pytest.mark.parametrize("shift_s", [0.004, 0.009, 0.014])
def test_the_pacing_passes_to_another_window_and_back(shift_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """For three seconds there is none: the monotonic clock goes on. The other's display refreshes at other moments."""
    screen, swaps = Screen(60.0), deque[Swapped | None]()
    monkeypatch.setattr(clock_module, "time", screen)
    clock = DisplayClock(Fraction(24), 60.0, swapped=swaps.popleft)
    errors: dict[str, list[float]] = {"first": [], "none": [], "second": [], "first again": []}
    numbers: list[tuple[int, float]] = []
    while (seconds := screen.now_s - 100.0) < 24.0:
        phase = "first" if seconds < 6.0 else "none" if seconds < 9.0 else "second" if seconds < 16.0 else "first again"
        tick = clock.next()
        screen.now_s += 0.005
        clock.wait_display(tick)
        screen.first_s = 100.0037 + (shift_s if phase == "second" else 0.0)
        window = {"second": 1, "none": None}.get(phase, 0)
        if window is not None:
            screen.swap(tick.number, tick.display_time_s)
            errors[phase].append(screen.shown[-1][1])
        swaps.append(Swapped(screen.now_s, window) if window is not None else None)
        clock.presented(screen.now_s)
        numbers.append((tick.number, screen.now_s))
    for phase in ("first", "second", "first again"):
        assert max(map(abs, errors[phase][48:])) < 0.001, phase
    steps = Counter(after[0] - before[0] for before, after in itertools.pairwise(numbers))
    assert set(steps) <= {1, 2}
    assert steps[2] <= 2  # where the pacing passed
    assert len(numbers) == pytest.approx(24 * 24, abs=4)
    assert max(after[1] - before[1] for before, after in itertools.pairwise(numbers)) < 0.1
