"""What a lens was a moment ago, and that a camera whose picture comes late has the picture's lens."""

from __future__ import annotations

import time

import pytest

from vpengine.mailbox import Newest
from vpengine.stage.camera import CameraSettings
from vpengine.tracking.cameras import Cameras
from vpengine.tracking.lens_history import GAP_S, MOST, LensHistory
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate
from vpengine.tracking.recentre import Recentring
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

SETTINGS = CameraSettings(id="1", sensor_mm=(24.0, 13.5), pinhole_focal_length_mm=24.0)


def lens(focal_length_mm: float) -> Lens:
    return Lens((24.0, 13.5), focal_length_mm)


def history(*moments: tuple[float, float]) -> LensHistory:
    found = LensHistory(lens(24.0))
    for time_s, focal_length_mm in moments:
        found.add(time_s, lens(focal_length_mm))
    return found


def test_between_two_moments_it_lies_between_and_after_the_newest_it_stands() -> None:
    zoom = history((1.0, 30.0), (1.1, 32.0), (1.2, 36.0))
    for time_s, focal_length_mm in ((1.0, 30.0), (1.05, 31.0), (1.1, 32.0), (1.175, 35.0), (1.2, 36.0), (1.3, 36.0)):
        assert zoom.at(time_s).pinhole_focal_length_mm == pytest.approx(focal_length_mm)


def test_before_a_tracker_speaks_it_is_the_stated_one_and_then_what_it_said_first() -> None:
    assert history().at(1.0) == history().newest == lens(24.0)
    assert history((1.0, 30.0), (1.1, 32.0)).at(0.5) == lens(30.0)


def test_a_lens_of_which_nothing_was_said_stood() -> None:
    """Many senders speak only when a ring is turned: the first word after a minute is no zoom of a minute."""
    rested = history((1.0, 30.0), (61.0, 60.0))
    assert rested.at(60.9) == lens(30.0)
    assert rested.at(61.0) == lens(60.0)
    assert history((1.0, 30.0), (1.0 + 0.9 * GAP_S, 60.0)).at(1.0 + 0.45 * GAP_S) == lens(45.0)


def test_a_clock_that_was_set_back_does_not_hide_what_is_said_since() -> None:
    back = history((5.0, 30.0), (5.1, 32.0), (4.9, 50.0))
    assert back.newest == back.at(9.0) == back.at(5.05) == lens(50.0)
    back.add(4.9, lens(51.0))
    assert back.newest == back.at(4.95) == lens(51.0)


def test_it_is_short_and_reaches_back_as_far_as_a_picture_may_be_late() -> None:
    """A second of a wall of 240 Hz; what is older is the oldest that is known."""
    long = history(*((frame / 240.0, 20.0 + frame / 240.0) for frame in range(10 * MOST)))
    newest_s = (10 * MOST - 1) / 240.0
    assert long.at(newest_s - 1.0).pinhole_focal_length_mm == pytest.approx(20.0 + newest_s - 1.0)
    assert long.at(0.0).pinhole_focal_length_mm > 20.0 + newest_s - 2.0


def test_it_costs_microseconds() -> None:
    long = history(*((frame / 60.0, 20.0 + frame) for frame in range(MOST)))
    took_s = []
    for _ in range(200):
        begin_s = time.perf_counter()
        long.at((MOST - 1) / 60.0 - 0.99)
        took_s.append(time.perf_counter() - begin_s)
    assert min(took_s) < 200e-6


def zooming(speed_mm_s: float = 50.0, hz: float = 60.0) -> tuple[Cameras, float]:
    """A camera that pans and zooms at once, heard in every frame; and the time of the last one."""
    poses, lenses = PoseBuffer(), Newest[str, LensUpdate]()
    both = Cameras([SETTINGS], {"1": poses}, lenses, Recentring({"1": SETTINGS.pose.pose()}))
    for frame in range(60):
        time_s = frame / hz
        poses.add(time_s, Pose((speed_mm_s * time_s / 100.0, 0.0, 1.5)))
        lenses.put("1", LensUpdate("1", 24.0 + speed_mm_s * time_s, time_s=time_s))
        both.at(time_s + 0.02, time_s, 0.1)
    return both, 59 / hz


@pytest.mark.parametrize("late_s", [0.05, 0.12, 0.3])
def test_the_world_has_the_lens_that_its_picture_has(late_s: float) -> None:
    """50 mm a second: at 120 ms the newest lens is 6 mm from the picture's. Pose and lens are of one moment."""
    both, now_s = zooming()
    state = both.at(now_s + 0.02, now_s, 0.1, {"1": now_s - late_s})["1"]
    assert state.lens.pinhole_focal_length_mm == pytest.approx(24.0 + 50.0 * (now_s - late_s), abs=0.01)
    assert state.pose.position_m[0] == pytest.approx((state.lens.pinhole_focal_length_mm - 24.0) / 100.0, abs=1e-3)


def test_without_a_picture_the_newest_lens_is_used_and_none_is_predicted() -> None:
    both, now_s = zooming()
    for ahead_s in (-0.05, 0.0, 0.05):
        state = both.at(now_s + ahead_s, now_s, 0.1)["1"]
        assert state.lens.pinhole_focal_length_mm == 24.0 + 50.0 * now_s
    assert both.at(now_s, now_s, 0.1, {"another": 0.0})["1"].lens.pinhole_focal_length_mm == 24.0 + 50.0 * now_s
