"""The stage's cameras at a moment: tracked, resting or lost, the tracker's lens, the pose requests are drawn at."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from vpengine.control.triggers import CameraTrigger
from vpengine.mailbox import Newest
from vpengine.stage.camera import CameraSettings
from vpengine.tracking.cameras import REQUEST_HORIZON_S, Cameras
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate
from vpengine.tracking.recentre import Recentring
from vpengine.view.pose import Pose

SETTINGS = CameraSettings(id="1", sensor_mm=(24.0, 13.5), pinhole_focal_length_mm=24.0)


def moving(speed_m_s: float) -> PoseBuffer:
    poses = PoseBuffer()
    for sample in range(60):
        poses.add(sample / 120.0, Pose((speed_m_s * sample / 120.0, 0.0, 1.5)))
    return poses


def cameras(poses: PoseBuffer) -> tuple[Cameras, Newest[str, LensUpdate]]:
    lenses: Newest[str, LensUpdate] = Newest()
    return Cameras([SETTINGS], {"1": poses}, lenses, Recentring({"1": SETTINGS.pose.pose()})), lenses


def test_untracked_it_rests_where_the_file_says() -> None:
    state = cameras(PoseBuffer())[0].at(1.0, 1.0, 0.1)["1"]
    assert state.pose == state.request_pose == SETTINGS.pose.pose()
    assert state.age_s == float("inf")


@pytest.mark.parametrize(("ahead_s", "expected_s"), [(0.06, 0.06), (0.15, 0.15), (5.0, REQUEST_HORIZON_S)])
def test_requests_are_drawn_where_the_camera_will_be(ahead_s: float, expected_s: float) -> None:
    """Half a metre a second: the request pose is that much further on, and never more than the horizon ahead."""
    newest_s = 59 / 120.0
    state = cameras(moving(0.5))[0].at(newest_s, newest_s, ahead_s)["1"]
    assert state.pose.position_m[0] == pytest.approx(0.5 * newest_s, abs=1e-3)
    ahead_m = state.request_pose.position_m[0] - state.pose.position_m[0]
    assert ahead_m <= 0.5 * expected_s + 1e-3
    assert ahead_m >= 0.5 * min(expected_s, 0.2) - 5e-3


def test_the_trackers_lens_is_taken() -> None:
    both, lenses = cameras(moving(0.0))
    lenses.put("1", LensUpdate("1", 50.0, 3.0, 2.8))
    lens = both.at(0.5, 0.5, 0.0)["1"].lens
    assert (lens.pinhole_focal_length_mm, lens.focus_distance_m, lens.t_stop) == (50.0, 3.0, 2.8)
    assert lens.sensor_mm == (24.0, 13.5)
    assert both.at(0.6, 0.6, 0.0)["1"].lens == lens  # and kept


def test_of_a_lens_what_is_not_said_stays() -> None:
    both, lenses = cameras(moving(0.0))
    lenses.put("1", LensUpdate("1", 50.0, 3.0, 2.8, 0.1))
    both.at(0.5, 0.5, 0.0)
    lenses.put("1", LensUpdate("1", focus_distance_m=float("inf")))
    lens = both.at(0.6, 0.6, 0.0)["1"].lens
    assert (lens.pinhole_focal_length_mm, lens.focus_distance_m, lens.t_stop) == (50.0, float("inf"), 2.8)
    assert lens.entrance_pupil_offset_m == 0.1


def test_a_tracker_that_is_silent_is_not_recentred(caplog: pytest.LogCaptureFixture) -> None:
    """Where it is now nobody knows: a phone that is started anew has another origin."""
    both, _ = cameras(moving(0.0))
    press = CameraTrigger("recentre", "1")
    both.apply([press], 3.0)
    assert [record.getMessage() for record in caplog.records] == [
        "camera 1: nothing to recentre: no tracker sends a pose for it now"
    ]
    both.apply([press], 0.6)
    assert both.at(0.6, 0.6, 0.0)["1"].pose.position_m == pytest.approx(SETTINGS.pose.pose().position_m)


LOST = r"camera 1: no pose since \d\d:\d\d:\d\d; the picture holds the last one until its tracker sends again"
BACK = r"camera 1: tracked again since \d\d:\d\d:\d\d, {:.1f} s after it was lost"
HZ = 60


def watched(silences_s: Iterable[tuple[float, float]], end_s: float, caplog: pytest.LogCaptureFixture) -> Cameras:
    """Frames and poses at 60 Hz until ``end_s``, with no poses from the beginning until before the end of a silence."""
    poses, silences = PoseBuffer(), list(silences_s)
    both, _ = cameras(poses)
    caplog.clear()
    for frame in range(round(end_s * HZ)):
        now_s = frame / HZ
        if not any(begin_s <= now_s < stop_s for begin_s, stop_s in silences):
            poses.add(now_s, Pose((0.3 * now_s, 0.0, 1.5)))
        both.at(now_s + 0.02, now_s, 0.1)
    return both


def assert_reported(caplog: pytest.LogCaptureFixture, *patterns: str) -> None:
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


def test_a_lost_tracker_is_told_once_and_once_more_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    assert watched([(2.0, 99.0)], 30.0, caplog).losses.counts == {"1": 1}
    assert_reported(caplog, LOST)
    assert watched([(2.0, 6.0)], 10.8, caplog).losses.counts == {"1": 1}
    assert_reported(caplog, LOST)  # it may go again: it is back when it has been steady
    watched([(2.0, 6.0)], 30.0, caplog)
    assert_reported(caplog, LOST, BACK.format(4.0))
    watched([(2.0, 3.0), (20.0, 22.0)], 40.0, caplog)
    assert_reported(caplog, LOST, BACK.format(1.0), LOST, BACK.format(2.0))


def test_a_tracker_that_stutters_all_day_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A silence of 0.3 s in every second, fifty times: two lines, and every loss counted."""
    assert watched([(n + 0.5, n + 0.8) for n in range(50)], 60.0, caplog).losses.counts == {"1": 50}
    assert_reported(caplog, LOST, BACK.format(49.3))


def test_short_gaps_and_cameras_that_were_never_tracked_are_no_loss(caplog: pytest.LogCaptureFixture) -> None:
    assert watched([(n + 0.5, n + 0.6) for n in range(10)], 12.0, caplog).losses.counts == {"1": 0}
    assert watched([(0.0, 99.0)], 5.0, caplog).losses.counts == {"1": 0}
    assert_reported(caplog)
