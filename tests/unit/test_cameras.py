"""The stage's cameras at a moment: tracked or resting, the tracker's lens, and the pose that requests are drawn at."""

from __future__ import annotations

import pytest

from vpengine.mailbox import Newest
from vpengine.stage.camera import CameraSettings
from vpengine.tracking.cameras import REQUEST_HORIZON_S, Cameras
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate
from vpengine.view.pose import Pose

SETTINGS = CameraSettings(id="1", sensor_mm=(24.0, 13.5), pinhole_focal_length_mm=24.0)


def moving(speed_m_s: float) -> PoseBuffer:
    poses = PoseBuffer()
    for sample in range(60):
        poses.add(sample / 120.0, Pose((speed_m_s * sample / 120.0, 0.0, 1.5)))
    return poses


def cameras(poses: PoseBuffer) -> tuple[Cameras, Newest[str, LensUpdate]]:
    lenses: Newest[str, LensUpdate] = Newest()
    return Cameras([SETTINGS], {"1": poses}, lenses), lenses


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
