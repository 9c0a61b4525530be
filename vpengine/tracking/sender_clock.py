"""A sender's own clock, mapped to ours: its stamps have no jitter, but an origin and a drift of their own.

It is believed only while it advances as packets arrive. Many do not: a constant, milliseconds for seconds, seconds
since 1970 as float32, a frame's number.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise

HALF_S = 5.0  # the offset is the least of the last 5 to 10 seconds
BLOCK_S = 0.2  # how often it is looked at whether the clock advances as it should
COPY_S = 0.002  # a packet that comes later than this after the first of its stamp is another one, if its pose is
REPEATED_S = 0.12  # and whatever its pose, after so long
JUMP_S = 0.03  # by how much the least offset of a block may differ from the one before, as networks have it
DRIFT_S = 0.01  # a clock whose least offset moves so much in every block is at a wrong rate
SET_BACK_S = 0.15  # stamps that go back further than packets overtake each other
BELIEVED_S = 0.5  # a packet that is later than this is not placed in the past
STRAYS = 1  # packets in a row that may be so late before the clock was set
DOUBTS = 3  # odd blocks in a row after which a clock is not used
OFTEN, OFTEN_OF = 5, 25  # or so many of the last ones: it is set again and again
SANE_S = 3.0  # for so long it must have advanced as it should to be used again


class SenderClock:
    """The offset is the running minimum of (arrival - stamp): the packet that travelled fastest (PROTOCOLS 7.2).

    ``useful``: whether the stamps are used. Otherwise a sample's time is when it arrived.
    """

    def __init__(self) -> None:
        self.useful = True
        self._least_s = self._least_before_s = math.inf
        self._half_began_s = -math.inf
        self._stamp_s = self._stamp_came_s = self._time_s = -math.inf
        self._newest_stamp_s, self._behind = -math.inf, 0
        self._health = _Health()

    def engine_time_s(self, stamp_s: float, arrival_s: float, same_pose: bool = False) -> float:
        """When the sample was taken, plus the shortest travel; never after its arrival.

        same_pose: as the one before, which with the same stamp is that sample sent again, not a clock that stands.
        """
        advanced_s, self._stamp_s = stamp_s - self._stamp_s, stamp_s
        if advanced_s:
            self._stamp_came_s = arrival_s
        stands = arrival_s - self._stamp_came_s > (REPEATED_S if same_pose else COPY_S)
        mapped_s = self._mapped_s(stamp_s, arrival_s)
        if self._health.hear(arrival_s - stamp_s, arrival_s, stands):
            self._judge()
        if advanced_s or stands or not self.useful:  # otherwise it is the same sample, whose time is known
            self._time_s = arrival_s if stands or not self.useful else mapped_s
        return self._time_s

    def _mapped_s(self, stamp_s: float, arrival_s: float) -> float:
        offset_s = arrival_s - stamp_s
        if arrival_s - self._half_began_s > HALF_S:
            self._least_before_s, self._least_s = self._least_s, math.inf
            self._half_began_s = arrival_s
        self._least_s = min(self._least_s, offset_s)
        mapped_s = stamp_s + min(self._least_s, self._least_before_s)
        is_behind = stamp_s < self._newest_stamp_s - SET_BACK_S or arrival_s - mapped_s > BELIEVED_S
        self._behind = self._behind + 1 if is_behind else 0
        self._newest_stamp_s = max(self._newest_stamp_s, stamp_s)
        if self._behind > STRAYS:
            self._start_over(stamp_s, arrival_s)
            return arrival_s
        return min(mapped_s, arrival_s) if arrival_s - mapped_s <= BELIEVED_S else arrival_s

    def _start_over(self, stamp_s: float, arrival_s: float) -> None:
        """The sender's clock was set, or it began again."""
        self._newest_stamp_s, self._behind = stamp_s, 0
        self._least_s, self._least_before_s = arrival_s - stamp_s, math.inf
        self._half_began_s = arrival_s
        self._health.noted_jump()

    def _judge(self) -> None:
        """At the end of a block: follow an offset that moved, and decide whether the clock is of use."""
        least_s = self._health.least_s
        if least_s - min(self._least_s, self._least_before_s) > JUMP_S:
            self._least_s, self._least_before_s = least_s, math.inf
        if self._health.sane_for_s >= SANE_S:
            self.useful = True
        elif self._health.doubtful:
            self.useful = False


class _Health:
    """Blocks of packets: in each the least offset, and whether the clock stood or was set."""

    def __init__(self) -> None:
        self._begun_s = -math.inf
        self._block_least_s = math.inf
        self._packets = self._standing = 0
        self._jumped = False
        self._minima: deque[float] = deque(maxlen=DOUBTS + 1)
        self._odd: deque[bool] = deque(maxlen=OFTEN_OF)
        self.least_s = math.inf
        self.sane_for_s = 0.0

    @property
    def doubtful(self) -> bool:
        """Whether the last blocks were all odd, or many before them, or the offset moved in all of the last one way."""
        newest = list(self._odd)[-DOUBTS:]
        return self._drifts or (len(newest) == DOUBTS and all(newest)) or sum(self._odd) >= OFTEN

    @property
    def _drifts(self) -> bool:
        steps = [after - before for before, after in pairwise(self._minima)]
        moves = [step > DRIFT_S for step in steps], [step < -DRIFT_S for step in steps]
        return len(steps) == DOUBTS and any(all(way) for way in moves)

    def noted_jump(self) -> None:
        self._jumped = True

    def hear(self, offset_s: float, arrival_s: float, stands: bool) -> bool:
        """Note a packet; True when it ended a block, which ``least_s`` and the others tell of."""
        if self._begun_s == -math.inf:
            self._begun_s, self._jumped = arrival_s, False
        self._block_least_s = min(self._block_least_s, offset_s)
        self._packets += 1
        self._standing += stands
        if arrival_s - self._begun_s < BLOCK_S:
            return False
        self._end(arrival_s)
        return True

    def _end(self, now_s: float) -> None:
        before_s, self.least_s = self.least_s, self._block_least_s
        moved = before_s != math.inf and abs(self.least_s - before_s) > JUMP_S
        odd = moved or self._jumped or self._standing * 4 >= self._packets
        self._minima.append(self.least_s)
        self._odd.append(odd)
        self.sane_for_s = 0.0 if odd or self._drifts else self.sane_for_s + now_s - self._begun_s
        self._begun_s, self._block_least_s = now_s, math.inf
        self._packets = self._standing = 0
        self._jumped = False
