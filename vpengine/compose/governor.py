"""The governor: holds the stage's rate on whatever machine it finds, by leaving out what is missed least."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from vpengine.frames.feed import PROGRAM, Feed
from vpengine.frames.frame_input import FrameInput

LOOK_S = 1.0  # of frames that a decision rests on
FULL = 0.98  # of a period: work beyond it is late as soon as anything else happens
FAR_TOO_MUCH = 1.25  # of a period: one rung would not do, and the next second would be as bad
ROOM = 0.75  # of a period: what the next rung up may take at most
MISSED = 0.05  # of ticks, late or without a frame
PATIENCE_S, MOST_PATIENCE_S = 10.0, 160.0  # there must be room for so long; twice as long after each vain try
HARD_WORK = 0.9  # the quantile of a second's work that is looked at


@dataclass(frozen=True)
class Rung:
    """inner: what part of the inner picture's width and height is drawn. requests: of the wanted rate of pictures.
    request_size: of a request's width and height.

    samples: of a pixel of the inner picture, where its plate has edges.

    faces: of the walls around the frustum, how many a frame relights while the light moves; None is all.

    outer: of how many frames one lets a wall's outer picture follow the grade. previews: of how many one draws
    the previews. fall: of how many one lets what falls move on a wall's outer picture. particles: of what falls inside
    the frustum, how many are drawn. decoration: of how many one begins to draw the simulated stage. words: for the
    operator.
    """

    inner: float
    requests: float
    request_size: float
    samples: int
    faces: int | None
    outer: int
    previews: int
    fall: int
    particles: float
    decoration: int
    words: str


_NO_MORE = "this machine has no more"
_SMALLER = "the generator is asked {} as often as it could be, for smaller pictures"
_INNER = "the inner picture is drawn at {} percent, and "
RUNGS = (
    Rung(1.0, 1.0, 1.0, 4, None, 1, 1, 1, 1.0, 1, "all is drawn as the stage file wants it, with smooth edges"),
    Rung(1.0, 1.0, 1.0, 1, 2, 1, 1, 2, 1.0, 1, "all is drawn as the stage file wants it"),
    Rung(1.0, 0.5, 1.0, 1, 1, 2, 3, 3, 0.8, 48, f"the generator is asked half as often as it could be: {_NO_MORE}"),
    Rung(1.0, 0.5, 0.7, 1, 1, 3, 4, 4, 0.65, 96, f"{_SMALLER.format('half')}: {_NO_MORE}"),
    Rung(0.85, 0.5, 0.7, 1, 1, 3, 6, 4, 0.5, 96, f"{_INNER.format(85)}{_SMALLER.format('half')}: {_NO_MORE}"),
    Rung(0.7, 0.35, 0.7, 1, 1, 3, 6, 6, 0.5, 96, f"{_INNER.format(70)}{_SMALLER.format('a third')}: {_NO_MORE}"),
    Rung(0.5, 0.25, 0.7, 1, 1, 4, 12, 6, 0.4, 96, f"{_INNER.format(50)}{_SMALLER.format('a quarter')}: {_NO_MORE}"),
)
FULL_RUNG = 1  # where a run begins, and the lowest at which nothing is left out that a stage file asks for
SMOOTH_WORK = 3.0  # how many times a frame's work several samples a pixel may be, on a driver without hardware


def drawn_now(frame: FrameInput, feeds: Collection[Feed]) -> frozenset[Feed]:
    """Those of ``feeds`` whose turn it is: on lower rungs not every frame draws the previews.

    The simulated stage's turns are ``decoration_turn``'s.
    """
    previews = frame.tick.number % RUNGS[frame.rung].previews == 0
    return frozenset(feed for feed in feeds if feed.bus == PROGRAM or previews)


def decoration_turn(frame: FrameInput) -> int | None:
    """Which of the steps of the simulated stage a frame draws: None for all of them at once, as where there is room; on
    lower rungs one a frame, and then none for a while.
    """
    every = RUNGS[frame.rung].decoration
    return None if every == 1 else frame.tick.number % every


class Governor:
    """``rung`` is the index in RUNGS that the next frame is drawn at; ``lowest`` the lowest so far.

    Told of every frame; steps down within a second of trouble, and up when there has been room for ten.
    """

    def __init__(self, period_s: float) -> None:
        """period_s: the stage's; infinite holds nothing, for runs that are not paced: they have all at once."""
        self.rung = self.lowest = 0 if math.isinf(period_s) else FULL_RUNG
        self._period_s = period_s
        self._frames: deque[tuple[float, float, int]] = deque()  # when, work in seconds, ticks missed
        self._since_s: float | None = None  # when this rung began
        self._room_since_s: float | None = None
        self._patience_s = PATIENCE_S
        self._decoration_s = 0.0
        self._decorated = False
        self._went_up_s = -MOST_PATIENCE_S

    @property
    def holds_back(self) -> bool:
        """Whether anything that the stage file asks for is left out."""
        return self.rung > FULL_RUNG

    @property
    def words(self) -> str:
        return RUNGS[self.rung].words

    def summary(self) -> dict[str, int | str]:
        """For the report: at the end, and the lowest that it was."""
        return {"last": self.rung, "lowest": self.lowest, "words": RUNGS[self.lowest].words}

    def note(
        self,
        begin_s: float,
        done_s: float,
        seen_s: float,
        missed: int,
        decoration_s: float = 0.0,
        decorated: bool = False,
    ) -> None:
        """A frame: when it began, was done and was seen, in seconds of the monotonic clock.

        missed: ticks that it was late for, or that had no frame before it. decoration_s: what all of the
        simulated stage takes, once. decorated: some of that was in this frame; where it is drawn seldom, such
        frames are no reason to take pixels from the walls.
        """
        self._decoration_s = decoration_s
        passed_over, self._decorated = decorated or self._decorated, decorated  # what it misses, the next is told of
        if RUNGS[self.rung].decoration > 1 and passed_over:
            return
        if math.isinf(self._period_s):
            return
        if self._since_s is None:
            self._since_s = seen_s
        self._frames.append((seen_s, done_s - begin_s, missed))
        while seen_s - self._frames[0][0] > LOOK_S:
            self._frames.popleft()
        if seen_s - self._since_s >= LOOK_S:
            self._decide(seen_s)

    def _decide(self, now_s: float) -> None:
        work = sorted(seconds for _, seconds, _ in self._frames)
        hard_s = work[int(HARD_WORK * (len(work) - 1))]
        missed = sum(count for *_, count in self._frames)
        if missed > MISSED * (len(work) + missed) or hard_s > FULL * self._period_s:
            self._room_since_s = None
            if self.rung + 1 < len(RUNGS):
                far_too_much = self.rung > 0 and hard_s > FAR_TOO_MUCH * self._period_s
                self._step_down(now_s, 2 if far_too_much else 1)
        elif self.rung and hard_s * self._growth() + self._more_decoration_s() < ROOM * self._period_s:
            self._wait_for_room(now_s)
        else:
            self._room_since_s = None

    def _growth(self) -> float:
        """How much more work the next rung up may be: all of a frame's for its pixels, a little for its requests."""
        here, above = RUNGS[self.rung], RUNGS[self.rung - 1]
        return SMOOTH_WORK if above.samples > here.samples else max((above.inner / here.inner) ** 2, 1.1)

    def _more_decoration_s(self) -> float:
        """What the next rung up draws of it in every frame, beyond what this one does."""
        here, above = RUNGS[self.rung], RUNGS[self.rung - 1]
        return self._decoration_s * (1.0 / above.decoration - 1.0 / here.decoration)

    def _step_down(self, now_s: float, steps: int) -> None:
        vain = now_s - self._went_up_s < 2.0 * PATIENCE_S
        self._patience_s = min(2.0 * self._patience_s, MOST_PATIENCE_S) if vain else self._patience_s
        self._go_to(min(self.rung + steps, len(RUNGS) - 1), now_s)
        self.lowest = max(self.lowest, self.rung)

    def _wait_for_room(self, now_s: float) -> None:
        if self._room_since_s is None:
            self._room_since_s = now_s
        elif now_s - self._room_since_s >= self._patience_s:
            self._went_up_s = now_s
            self._go_to(self.rung - 1, now_s)

    def _go_to(self, rung: int, now_s: float) -> None:
        self.rung, self._since_s, self._room_since_s = rung, now_s, None
        self._frames.clear()
