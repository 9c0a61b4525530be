"""The simulated camera: moves a camera could make, recorded tracks put on the stage."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tests.geometry import from_opencv
from vpengine.errors import UserError
from vpengine.tracking.moves import BANDS_HZ, MOVES, Move, about, with_tracker_noise
from vpengine.tracking.tracks import Track, placed, played
from vpengine.tracking.tum import read_tum
from vpengine.view.pose import Pose, from_opentrackio, to_opentrackio

FR2_DESK = Path(__file__).parents[3] / "shared/data/tracks/tum_fr2_desk_groundtruth.txt"
TIMES_S = np.arange(0.0, 20.0, 1.0 / 60.0)


def sampled(move: Move) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions (n, 3) in metres and pan, tilt, roll (n, 3) in degrees at TIMES_S."""
    poses = [pose for pose in map(move, TIMES_S.tolist()) if pose is not None]
    assert len(poses) == len(TIMES_S)
    turns = Rotation.from_quat([pose.rotation for pose in poses])
    return np.array([pose.position_m for pose in poses]), turns.as_euler("ZXY", degrees=True)


@pytest.mark.parametrize("name", MOVES)
def test_every_move_stays_on_the_stage_and_moves_smoothly(name: str) -> None:
    positions_m, angles_deg = sampled(MOVES[name](1))
    assert np.all(np.hypot(positions_m[:, 0], positions_m[:, 1]) < 1.6)  # the wall is 3.8 m away
    assert np.all((positions_m[:, 2] > 0.4) & (positions_m[:, 2] < 2.6))
    assert np.all(np.abs(angles_deg) < 60.0)
    assert np.abs(np.diff(positions_m, axis=0)).max() * 60.0 < 1.0  # m/s
    assert np.abs(np.diff(angles_deg, axis=0)).max() * 60.0 < 300.0  # deg/s
    assert (np.ptp(positions_m) + np.ptp(angles_deg) > 0.01) or name == "still"


@pytest.mark.parametrize("name", MOVES)
def test_a_move_is_a_function_of_its_seed_and_the_time(name: str) -> None:
    one, again, other = MOVES[name](1), MOVES[name](1), MOVES[name](2)
    assert [one(t) for t in (3.0, 0.1, 7.7)] == [again(t) for t in (3.0, 0.1, 7.7)]
    assert (one(3.0) != other(3.0)) == (name in ("handheld", "demo"))


def test_hands_sway_as_they_do() -> None:
    positions_m, angles_deg = sampled(MOVES["handheld"](5))
    assert 0.006 < np.std(positions_m[:, 0]) < 0.025
    assert 0.2 < np.std(angles_deg[:, 0]) < 0.9
    spectrum = np.abs(np.fft.rfft(positions_m[:, 0] - positions_m[:, 0].mean()))
    hertz = np.fft.rfftfreq(len(TIMES_S), 1.0 / 60.0)
    assert spectrum[hertz < 1.1].sum() > 3.0 * spectrum[hertz > 1.1].sum()
    assert max(BANDS_HZ) < 15.0


def test_a_whip_is_fifty_degrees_in_a_third_of_a_second_and_comes_back() -> None:
    _, angles_deg = sampled(MOVES["whip"](1))
    pan_deg = angles_deg[:, 0]
    assert pan_deg.max() == pytest.approx(50.0, abs=0.1)
    moving = TIMES_S[(pan_deg > 0.5) & (pan_deg < 49.5) & (TIMES_S < 2.0)]
    assert 0.2 < np.ptp(moving) < 0.36
    assert pan_deg[np.searchsorted(TIMES_S, 3.5)] == pytest.approx(0.0, abs=1e-6)


def test_the_demo_whips_between_ten_and_thirteen_seconds_and_comes_to_rest() -> None:
    positions_m, angles_deg = sampled(MOVES["demo"](1))
    speed = np.abs(np.diff(angles_deg[:, 0])) * 60.0
    fast_s = TIMES_S[:-1][speed > 60.0]
    assert fast_s.min() > 10.0
    assert fast_s.max() < 13.0
    assert speed.max() > 200.0
    assert angles_deg[(TIMES_S > 10.7) & (TIMES_S < 12.1), 0].min() > 34.0  # by 38 from -2, less what a hand sways
    assert np.ptp(positions_m[TIMES_S < 9.0, 0]) > 0.7
    assert np.ptp(positions_m[TIMES_S > 17.6], axis=0).max() < 1e-6
    assert np.ptp(angles_deg[TIMES_S > 17.6], axis=0).max() < 1e-6


def test_tracker_noise_has_the_size_it_says() -> None:
    noisy = with_tracker_noise(MOVES["still"](1), 3, 0.5, 0.02)
    positions_m, angles_deg = sampled(noisy)
    assert np.std(positions_m, axis=0) == pytest.approx([0.0005] * 3, rel=0.1)
    assert np.std(angles_deg, axis=0) == pytest.approx([0.02] * 3, rel=0.1)


# --- recorded tracks ------------------------------------------------------------------------------------------------


def written(folder: Path, text: str) -> Path:
    path = folder / "track.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_track_is_read_in_the_stage_s_axes(tmp_path: Path) -> None:
    # An OpenCV camera that looks along the world's +X, upright: Z forward is +X, Y down is -Z, X right is -Y.
    turn = Rotation.from_matrix(np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]))
    q = " ".join(map(str, turn.as_quat()))
    track = read_tum(written(tmp_path, f"# t tx\n100.5 1 2 3 {q}\n\n100.6 1.5 2 3 {q}\n"))
    assert track.times_s == pytest.approx([0.0, 0.1])
    first = track.pose(0)
    assert first.position_m == (1.0, 2.0, 3.0)
    assert first.rotation == pytest.approx(from_opentrackio((0, 0, 0), -90.0, 0.0, 0.0).rotation)
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3], world_from_camera[:3, 3] = turn.as_matrix(), [1.0, 2.0, 3.0]
    assert first.rotation == pytest.approx(from_opencv(np.eye(4), world_from_camera).rotation)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 0 0 0 0 0 0 1\n2 0 0 0 0 0 1\n", r"track\.txt:2: 7 columns, expected 8: t tx ty tz"),
        ("# head\n1 0 0 0 0 0 0 one\n", r"track\.txt:2: could not convert string to float: 'one', expected numbers"),
        ("1 0 nan 0 0 0 0 1\n", r"track\.txt:1: a number that is not finite"),
        ("1 0 0 0 0 0 0 0\n", r"track\.txt:1: a quaternion of length 0, expected 1"),
        ("1 0 0 0 0 0 0 1\n", r"track\.txt: 1 poses, expected at least two"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_tum(written(tmp_path, text))
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        read_tum(tmp_path / "none.txt")


def short_track() -> Track:
    poses = [from_opentrackio((n * 0.1, 2.0, 1.0), 80.0 + n, -20.0, 3.0) for n in range(5)]
    rotations = np.array([pose.rotation for pose in poses])
    return Track(np.array([0.0, 0.05, 0.1, 1.0, 1.05]), np.array([pose.position_m for pose in poses]), rotations)


def test_a_track_begins_where_it_is_put_and_stays_level() -> None:
    moved = placed(short_track(), from_opentrackio((0.0, 0.0, 1.6), 0.0, 0.0, 0.0))
    assert moved.pose(0).position_m == pytest.approx((0.0, 0.0, 1.6))
    assert moved.pose(0).rotation == pytest.approx(from_opentrackio((0, 0, 0), 0.0, -20.0, 3.0).rotation)
    expected = Rotation.from_euler("z", -80.0, degrees=True).apply([0.4, 0.0, 0.0])
    assert np.asarray(moved.pose(4).position_m) - [0.0, 0.0, 1.6] == pytest.approx(expected)


def test_a_track_can_be_put_with_its_tilt_too() -> None:
    first = from_opentrackio((0.0, 0.0, 1.6), 10.0, 5.0, 0.0)
    moved = placed(short_track(), first, keep_level=False)
    assert moved.pose(0).rotation == pytest.approx(first.rotation)
    assert np.linalg.norm(np.diff(moved.positions_m, axis=0), axis=1) == pytest.approx([0.1] * 4)


def test_a_track_plays_in_its_own_time_and_is_silent_in_its_gap() -> None:
    move = played(short_track())
    middle = move(0.025)
    assert middle is not None
    assert middle.position_m == pytest.approx((0.05, 2.0, 1.0))
    assert move(0.1) == short_track().pose(2)
    assert move(0.5) is None
    assert move(1.05) is not None
    assert move(1.06) is None
    assert move(-0.1) is None


@pytest.mark.skipif(not FR2_DESK.exists(), reason="the recorded track fr2_desk is not beside this checkout")
def test_fr2_desk_in_front_of_the_wall() -> None:
    track = placed(read_tum(FR2_DESK), Pose((0.0, 0.0, 1.6)))
    assert len(track.times_s) == 20956  # one of its 20957 lines repeats a time
    assert track.seconds == pytest.approx(99.4, abs=0.1)
    assert track.pose(0).position_m == pytest.approx((0.0, 0.0, 1.6))
    forward = track.pose(0).matrix()[:3, 1]
    assert forward[0] == pytest.approx(0.0, abs=1e-9)
    assert forward[1] > 0.5
    assert forward[2] < -0.3  # it looks down at a desk
    assert track.pose(0).matrix()[2, 2] > 0.5  # and is upright
    move: Callable[[float], Pose | None] = played(track)
    silent = [bool(move(time_s) is None) for time_s in np.arange(31.0, 44.5, 0.1).tolist()]
    assert sum(silent) > 110
    steps = [float(t) for t in np.diff(track.times_s)]
    assert max(steps) == pytest.approx(11.987, abs=0.01)
    assert all(b >= a for a, b in pairwise(track.times_s.tolist()))


def test_a_move_is_about_where_the_camera_rests() -> None:
    """Also where that looks: a step ahead is a step to where it looks, and a pan to the left stays one."""
    rest = from_opentrackio((1.0, 2.0, 1.3), 90.0, 0.0, 0.0)
    moved = about(lambda time_s: from_opentrackio((0.0, time_s, 1.7), 10.0, 0.0, 0.0), rest)(0.5)
    assert moved is not None
    position_m, pan_deg, tilt_deg, roll_deg = moved.position_m, *to_opentrackio(moved)[1:]
    assert position_m == pytest.approx((0.5, 2.0, 1.4))
    assert (pan_deg, tilt_deg, roll_deg) == pytest.approx((100.0, 0.0, 0.0), abs=1e-6)
    assert about(lambda _: None, rest)(0.0) is None
