"""The governor on a virtual clock: down at once, up with patience, and no flutter between two rungs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest

from vpengine.compose.governor import FULL_RUNG, RUNGS, Governor

PERIOD_S = 1.0 / 24.0


class Stage:
    """Frames whose work in seconds follows from the rung; what takes longer than a period leaves ticks out."""

    def __init__(self, governor: Governor) -> None:
        self.governor = governor
        self.now_s, self.number, self.left_out = 100.0, 0, 0
        self.missed: list[float] = []

    def run(self, seconds: float, work_s: Callable[[int], float]) -> list[int]:
        """The rungs that the frames were drawn at."""
        rungs, end_s = [], self.now_s + seconds
        while self.now_s < end_s:
            begin_s, due_s = self.now_s, 100.0 + (self.number + 1) * PERIOD_S
            rungs.append(self.governor.rung)
            done_s = begin_s + work_s(self.governor.rung)
            seen_s = max(done_s, due_s)
            missed = self.left_out + (seen_s - due_s > PERIOD_S / 2)
            self.governor.note(begin_s, done_s, seen_s, missed)
            self.missed += [seen_s] * missed
            following = max(self.number + 1, int((seen_s - 100.0) / PERIOD_S))
            self.now_s, self.number, self.left_out = seen_s, following, following - self.number - 1
        return rungs


def costs(full: float) -> Callable[[int], float]:
    """``full`` periods of work at the top, two thirds of it by the inner picture's pixels."""
    return lambda rung: PERIOD_S * full * (1.0 / 3.0 + RUNGS[rung].inner ** 2 * 2.0 / 3.0)


def test_a_machine_with_room_stays_at_the_top() -> None:
    governor = Governor(PERIOD_S)
    assert set(Stage(governor).run(60.0, costs(0.8))) == {FULL_RUNG}
    assert governor.lowest == FULL_RUNG
    assert not governor.holds_back


def test_where_there_is_room_for_three_times_the_work_edges_are_smooth() -> None:
    """And where that was too much, a moment later they are not; nothing else goes."""
    governor = Governor(PERIOD_S)
    stage = Stage(governor)
    rungs = stage.run(60.0, costs(0.2))
    assert rungs[:200] == [FULL_RUNG] * 200
    assert rungs[-1] == 0
    after = stage.run(5.0, lambda rung: PERIOD_S * (0.5 if rung else 1.8))
    assert set(after[30:]) == {FULL_RUNG}
    assert Governor(math.inf).rung == 0, "who is not paced has all the time"


@pytest.mark.parametrize(("full", "rung"), [(1.05, 4), (1.3, 5), (1.7, 6)])
def test_a_slow_machine_finds_its_rung_in_five_seconds_and_holds(full: float, rung: int) -> None:
    """Then no frame is late; and it stays, but for a try after a long time."""
    governor = Governor(PERIOD_S)
    stage = Stage(governor)
    stage.run(5.0, costs(full))
    assert governor.rung == governor.lowest == rung
    before = len(stage.missed)
    assert set(stage.run(30.0, costs(full))) == {rung}
    assert len(stage.missed) == before


def test_it_goes_up_again_when_there_is_room_for_ten_seconds() -> None:
    governor = Governor(PERIOD_S)
    stage = Stage(governor)
    stage.run(6.0, costs(1.7))
    assert governor.rung == 6
    rungs = stage.run(60.0, costs(0.5))
    changes = [at for at, (before, after) in enumerate(itertools.pairwise(rungs)) if before != after]
    assert rungs[-1] == FULL_RUNG
    assert governor.lowest == 6
    assert min(after - before for before, after in zip([0, *changes], changes, strict=False)) >= 240


def test_a_vain_try_makes_it_more_patient() -> None:
    """Just too much work one rung up, which cannot be known below: tried ever more seldom."""
    governor = Governor(PERIOD_S)
    stage = Stage(governor)

    def work_s(rung: int) -> float:
        return PERIOD_S * (0.6 if rung > FULL_RUNG else 1.02)  # asking the generator is what costs

    rungs = stage.run(400.0, work_s)
    tries = sum(before == 2 and after == FULL_RUNG for before, after in itertools.pairwise(rungs))
    assert 2 <= tries <= 6


def test_single_slow_frames_change_nothing() -> None:
    governor = Governor(PERIOD_S)
    stage = Stage(governor)
    slow = iter([False] * 30 + [True] + [False] * 10_000)
    assert set(stage.run(10.0, lambda rung: PERIOD_S * (1.2 if next(slow) else 0.5))) == {FULL_RUNG}


def test_what_is_not_paced_is_not_governed() -> None:
    governor = Governor(math.inf)
    assert set(Stage(governor).run(10.0, costs(3.0))) == {0}


def test_the_words_say_what_is_left_out() -> None:
    percents = [f"{100 * rung.inner:.0f} percent" in rung.words for rung in RUNGS]
    assert percents == [rung.inner < 1.0 for rung in RUNGS]
    assert ["smaller" in rung.words for rung in RUNGS] == [rung.request_size < 1.0 for rung in RUNGS]
    assert Governor(PERIOD_S).words == RUNGS[FULL_RUNG].words


def test_it_does_not_go_up_to_a_rung_that_draws_too_much_decoration() -> None:
    """On rung 2 the simulated stage is drawn once a second; on rung 1 it would be in every frame."""
    for decoration_s, rung in ((0.030, 2), (0.002, FULL_RUNG)):
        governor = Governor(1 / 24)
        governor.rung = 2
        for number in range(24 * 30):
            now_s = number / 24
            governor.note(now_s, now_s + 0.015, now_s + 0.020, 0, decoration_s)
        assert governor.rung == rung
