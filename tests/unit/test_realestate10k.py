"""Camera tracks of RealEstate10K: made-up files with known answers, and the real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vpengine.errors import UserError
from vpengine.tracking.realestate10k import read_realestate10k
from vpengine.tracking.track_files import read_track
from vpengine.tracking.tracks import placed, played
from vpengine.view.pose import Pose, from_opentrackio, to_opentrackio

REAL = Path(__file__).parents[3] / "shared/data/tracks/realestate10k"
URL = "https://www.youtube.com/watch?v=none"
LENS = "0.5 0.9 0.5 0.5 0 0"
HERE = "1 0 0 0 0 1 0 0 0 0 1 0"


def written(folder: Path, text: str) -> Path:
    path = folder / "track.txt"
    path.write_text(text, encoding="utf-8")
    return path


def sample(time_us: int, world_from_camera: Rotation, position: tuple[float, float, float]) -> str:
    """A line, from where the camera is and how it is turned, in OpenCV's axes."""
    turn = world_from_camera.inv().as_matrix()
    matrix = np.column_stack([turn, -turn @ position])
    return f"{time_us} {LENS} {' '.join(map(str, matrix.ravel()))}"


def test_it_is_read_in_the_stage_s_axes(tmp_path: Path) -> None:
    """2 m to the right of the world's origin, 1 m above it and 3 m ahead, turned 30 degrees to the left."""
    turned = Rotation.from_euler("y", -30.0, degrees=True)  # OpenCV's Y is down: a right turn is positive
    lines = [URL, sample(5_000_000, Rotation.identity(), (0, 0, 0)), "", sample(5_250_000, turned, (2.0, -1.0, 3.0))]
    track = read_realestate10k(written(tmp_path, "\n".join(lines)))
    assert track.times_s == pytest.approx([0.0, 0.25])
    assert track.pose(0).position_m == pytest.approx((0.0, 0.0, 0.0))
    assert track.pose(0).rotation == pytest.approx(Pose().rotation)
    assert track.pose(1).position_m == pytest.approx((2.0, 3.0, 1.0))
    assert track.pose(1).rotation == pytest.approx(from_opentrackio((0, 0, 0), 30.0, 0.0, 0.0).rotation)


def test_a_quarter_of_a_second_is_no_dropout_and_a_second_is(tmp_path: Path) -> None:
    times_us = (0, 250_000, 1_250_000)
    lines = [URL, *(sample(time_us, Rotation.identity(), (time_us / 1e6, 0, 0)) for time_us in times_us)]
    move = played(placed(read_track(written(tmp_path, "\n".join(lines))), Pose((0.0, 0.0, 1.6))))
    between = move(0.125)
    assert between is not None
    assert between.position_m == pytest.approx((0.125, 0.0, 1.6))
    assert move(0.7) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{URL}\n0 {LENS} {HERE} 1\n", r"track\.txt:2: 20 columns, expected 19: time_us fx fy"),
        (f"{URL}\n\n0 {LENS} {HERE}\n9 one{LENS[3:]} {HERE}\n", r"track\.txt:4: could not convert string to float"),
        (f"{URL}\n0 nan{LENS[3:]} {HERE}\n", r"track\.txt:2: a number that is not finite"),
        (f"{URL}\n0 {LENS} {HERE.replace('1', '2')}\n", r"track\.txt:2: a 3x4 matrix that does not begin with a rot"),
        (f"{URL}\n0 {LENS} -{HERE}\n", r"track\.txt:2: a 3x4 matrix that does not begin with a rot"),
        (f"{URL}\n0 {LENS} {HERE}\n", r"track\.txt: 1 poses, expected at least two"),
        (f"0 {LENS} {HERE}\n", r"track\.txt:1: no URL"),
        ("", r"track\.txt:1: no URL"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_realestate10k(written(tmp_path, text))
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        read_realestate10k(tmp_path / "none.txt")


def test_files_are_told_apart_by_what_is_in_them(tmp_path: Path) -> None:
    tum = written(tmp_path, "# t tx ty tz\n0 0 0 0 0 0 0 1\n0.1 1 0 0 0 0 0 1\n")
    assert read_track(tum).lost_s == pytest.approx(0.1)
    other = written(tmp_path, f"{URL}\n0 {LENS} {HERE}\n250000 {LENS} {HERE}\n")
    assert read_track(other).lost_s == pytest.approx(0.5)
    with pytest.raises(UserError, match=r"none\.txt: cannot be read"):
        read_track(tmp_path / "none.txt")


@pytest.mark.skipif(not REAL.exists(), reason="RealEstate10K's tracks are not beside this checkout")
def test_real_walks_are_level_and_without_a_dropout() -> None:
    files = sorted(REAL.glob("*.txt"))
    assert len(files) == 7
    for path in files:
        track = placed(read_track(path), Pose((0.0, 0.0, 1.6)))
        assert len(track.times_s) == 16
        assert 2.5 < track.seconds < 5.5
        move = played(track)
        poses = [move(time_s) for time_s in np.linspace(0.0, track.seconds, 100).tolist()]
        angles = np.array([to_opentrackio(pose)[1:] for pose in poses if pose is not None])
        assert len(angles) == 100
        assert angles[0, 0] == pytest.approx(0.0, abs=1e-6)
        assert np.abs(angles[:, 1:]).max() < 12.0  # tilt and roll: a person walks through a house
        assert np.linalg.norm(np.diff(track.positions_m, axis=0), axis=1).max() < 1.0
