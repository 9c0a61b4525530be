"""Wild samples where little is known yet: the first ones, and those after a loss."""

from __future__ import annotations

import math

import pytest

from vpengine.tracking.jumps import Jumps
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.view.pose import Pose, from_opentrackio, to_opentrackio

HERTZ = [24.0, 60.0, 240.0]


def at(time_s: float, off_m: float = 0.0, off_deg: float = 0.0) -> Pose:
    return from_opentrackio((0.4 * math.sin(time_s) + off_m, 0.0, 1.5), off_deg, 0.0, 0.0)


@pytest.mark.parametrize("hertz", HERTZ)
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_wild_sample_among_the_first_is_not_followed(number: int, hertz: float) -> None:
    """Prediction through it would go 6 m off."""
    jumps, poses = Jumps(), PoseBuffer()
    for n in range(int(hertz)):
        pose = at(n / hertz, 5.0 if n == number else 0.0)
        judgement = jumps.judge(n / hertz, pose)
        if judgement != "held":
            poses.add(n / hertz, pose, judgement != "taken")
        seen = poses.at(n / hertz + 0.01)
        assert seen is not None
        off_m = abs(seen.pose.position_m[0] - at(n / hertz + 0.01).position_m[0])
        assert off_m < (0.06 if number > 1 else 0.6)  # of the second sample nobody knows yet


@pytest.mark.parametrize("hertz", HERTZ)
def test_a_first_sample_that_was_wild_is_left_at_once(hertz: float) -> None:
    jumps = Jumps()
    judgements = [jumps.judge(n / hertz, at(n / hertz, 5.0 * (n == 0))) for n in range(20)]
    assert judgements == ["taken", "found"] + ["taken"] * 18  # and is no cut, which a person is told of


@pytest.mark.parametrize("hertz", HERTZ)
@pytest.mark.parametrize("wild", [(5.0, 0.0), (0.0, 180.0)])
@pytest.mark.parametrize("silent_s", [0.3, 1.5])
def test_a_wild_sample_after_a_loss_is_left_in_a_sample(
    silent_s: float, wild: tuple[float, float], hertz: float
) -> None:
    jumps, poses = Jumps(), PoseBuffer()
    times_s = [n / hertz for n in range(int(2.0 * hertz))]
    times_s += [times_s[-1] + silent_s + n / hertz for n in range(int(hertz))]
    for n, time_s in enumerate(times_s):
        pose = at(time_s, *wild) if n == int(2.0 * hertz) else at(time_s)
        judgement = jumps.judge(time_s, pose)
        assert judgement != "cut"
        if judgement != "held":
            poses.add(time_s, pose, judgement != "taken")
        seen = poses.at(time_s + 0.01)
        assert seen is not None
        if n > int(2.0 * hertz):
            assert abs(seen.pose.position_m[0] - at(time_s + 0.01).position_m[0]) < 1.0  # it eased a little
            assert abs(to_opentrackio(seen.pose)[1]) < 40.0


def test_a_pose_sent_by_hand_is_taken() -> None:
    """Far apart, or two in a row: nobody sends a third one to confirm them."""
    jumps = Jumps()
    assert jumps.judge(0.0, at(0.0)) == "taken"
    assert jumps.judge(0.05, at(0.0, 3.0)) == "found"
    assert [jumps.judge(time_s, at(0.0, 2.0 * time_s)) for time_s in (1.0, 2.0, 3.0, 3.5)] == ["taken"] * 4
