"""A wild sample does not move the picture; a cut of the origin and a fast move do."""

from __future__ import annotations

import math

import pytest

from tests.intake import Bench, at, degrees, sentences
from vpengine.tracking.osc import encode_pose
from vpengine.view.pose import Pose


def way(time_s: float) -> Pose:
    """Half a metre a second, 20 degrees a second."""
    return at(0.5 * time_s, 0.0, 20.0 * time_s)


@pytest.mark.parametrize("hertz", [30.0, 60.0, 90.0, 240.0])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("wild", [(5.0, 0.0), (0.0, 180.0), (1.0, 90.0), (-300.0, 0.0)])
def test_a_wild_sample_does_not_move_the_picture(
    wild: tuple[float, float], count: int, hertz: float, caplog: pytest.LogCaptureFixture
) -> None:
    if count / hertz > 0.08:
        pytest.skip("a tenth of a second is a cut")
    bench, frames = Bench(), int(3.0 * hertz)
    for n in range(frames):
        time_s, is_wild = n / hertz, frames // 2 <= n < frames // 2 + count
        pose = way(time_s)
        if is_wild:
            pose = at(pose.position_m[0] + wild[0], 0.0, 20.0 * time_s + wild[1])
        bench.take(encode_pose("1", pose), time_s)
        for ahead_s in (0.0, 0.02, 0.04):
            if n > 10:
                seen, true = bench.pose(time_s + ahead_s), way(time_s + ahead_s)
                assert math.dist(seen.position_m, true.position_m) < 0.02
                assert degrees(seen, true) < 0.5
    assert bench.bad() == {"wild-pose": count}
    (line,) = sentences(caplog)
    assert "held back" in line


@pytest.mark.parametrize("hertz", [30.0, 60.0, 240.0])
@pytest.mark.parametrize("off_m", [0.35, 1.0, 50.0])
@pytest.mark.parametrize("wild", [(10, 1), (7, 2)])
def test_a_tracker_that_errs_all_the_time(wild: tuple[int, int], off_m: float, hertz: float) -> None:
    """One sample of ten, or two of seven, of a camera that is carried about: no cut, and never far from the truth."""
    bench = Bench()
    for n in range(int(4.0 * hertz)):
        time_s = n / hertz
        x = 0.3 * math.sin(2.0 * time_s) + 0.1 * math.sin(7.0 * time_s)
        is_wild = n > 9 and n % wild[0] < wild[1]
        bench.take(encode_pose("1", at(x + off_m * is_wild)), time_s)
        if n > 20:
            assert abs(bench.pose(time_s).position_m[0] - x) < 0.06
    assert set(bench.bad()) == {"wild-pose"}


@pytest.mark.parametrize("hertz", [10.0, 60.0, 90.0])
@pytest.mark.parametrize("moved", [(5.0, 0.0), (0.0, 180.0), (300.0, 45.0)])
def test_a_cut_of_the_origin_is_followed_gently_and_told(
    moved: tuple[float, float], hertz: float, caplog: pytest.LogCaptureFixture
) -> None:
    bench, before = Bench(), at(1.0)
    after = at(1.0 + moved[0], 0.0, moved[1])
    for n in range(int(2.0 * hertz)):
        bench.take(encode_pose("1", before), n / hertz)
    places, last_m = [], 1.0
    for n in range(int(2.0 * hertz), int(4.0 * hertz)):
        bench.take(encode_pose("1", after), n / hertz)
        for step in range(8):
            time_s = (n + step / 8.0) / hertz
            places.append((time_s - 2.0, bench.pose(time_s)))
    for since_s, pose in places:
        assert abs(pose.position_m[0] - last_m) <= 0.16 * max(moved[0], 1e-9) + 1e-6  # eased
        last_m = pose.position_m[0]
        if since_s > 0.5:
            assert math.dist(pose.position_m, after.position_m) < 0.001 * max(moved[0], 1.0)
            assert degrees(pose, after) < 0.1
    # What was held back first is not told beside it.
    (line,) = [line for line in sentences(caplog) if "far outside any stage" not in line]
    assert "camera 1" in line
    assert "stays there" in line
    assert bench.bad()["origin-moved"] == 1


@pytest.mark.parametrize(
    ("hertz", "speed_m_s", "speed_deg_s"),
    [(60.0, 0.0, 300.0), (60.0, 0.0, 700.0), (10.0, 4.0, 400.0), (25.0, 3.0, 0.0), (240.0, 5.0, 700.0)],
)
@pytest.mark.parametrize("burst", [1, 3])
def test_fast_moves_are_moves(hertz: float, speed_m_s: float, speed_deg_s: float, burst: int) -> None:
    """From standing still to full speed at once, there and back, also where samples arrive several at a time."""
    bench = Bench()
    for n in range(int(4.0 * hertz)):
        taken_s, arrival_s = n / hertz, math.ceil((n + 1) / burst) * burst / hertz + 1e-4 * (n % burst)
        path_s = abs((max(taken_s - 1.0, 0.0) + 0.5) % 1.0 - 0.5) if taken_s > 1.0 else 0.0
        bench.take(encode_pose("1", at(speed_m_s * path_s, 0.0, speed_deg_s * path_s)), arrival_s)
    assert bench.bad() == {}
