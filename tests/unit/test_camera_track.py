"""The camera's track: known answers, an independent reading of each form, and our own OpenTrackIO parser."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vpengine.frames.frame_input import CameraState, Tick
from vpengine.takes import camera_track
from vpengine.takes.camera_track import PROTOCOL, VERSION, CameraTrack, Slate, TrackSample, chan_line, has_usd
from vpengine.takes.usd_camera import write_usd
from vpengine.tracking import opentrackio_sample
from vpengine.tracking.opentrackio_lens import read_lens_members
from vpengine.tracking.opentrackio_packet import JSON
from vpengine.tracking.opentrackio_sample import (
    read_label,
    read_payload,
    read_pose,
    read_recording,
    read_sensor_mm,
    read_slate,
    read_source_number,
)
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio, to_nuke
from vpengine.view.timecode import parsed
from vpengine.view.view import View

RATE = Fraction(24000, 1001)
LENS = Lens((24.89, 14.0), 35.0, (0.4, -0.3), 0.12, 3.5, 2.8)
angles = st.floats(-179.0, 179.0)
metres = st.floats(-50.0, 50.0)


def state(pan: float, tilt: float, roll: float, position_m: Any = (1.0, 2.0, 3.0), lens: Lens = LENS) -> CameraState:
    pose = from_opentrackio(position_m, pan, tilt, roll)
    return CameraState(pose, pose, lens, 0.0)


def sample(frame: int, of: CameraState) -> TrackSample:
    return TrackSample(frame, Tick(100 + frame, 5.0 + frame / float(RATE), RATE), of)


def view_of_chan(line: str, aspect: float) -> np.ndarray:
    """clip_from_world of a line as Nuke reads it: Y up, looks along -Z, turned by z, then x, then y (ZXY)."""
    _, tx, ty, tz, rx, ry, rz, fov = map(float, line.split())
    turned = (
        Rotation.from_euler("y", ry, degrees=True)
        * Rotation.from_euler("x", rx, degrees=True)
        * Rotation.from_euler("z", rz, degrees=True)
    )
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3], world_from_camera[:3, 3] = turned.as_matrix(), (tx, ty, tz)
    flat = 1.0 / math.tan(math.radians(fov) / 2.0)
    clip = np.diag([flat / aspect, flat, -1.0, 0.0])
    clip[3, 2] = -1.0
    return np.asarray(clip @ np.linalg.inv(world_from_camera))


@pytest.mark.parametrize(
    ("pan", "tilt", "roll", "numbers"),
    [
        (0.0, 0.0, 0.0, (1.0, 3.0, -2.0, 0.0, 0.0, 0.0)),
        (90.0, 0.0, 0.0, (1.0, 3.0, -2.0, 0.0, 90.0, 0.0)),  # to the left, about Y upwards
        (0.0, 30.0, 0.0, (1.0, 3.0, -2.0, 30.0, 0.0, 0.0)),  # up
        (0.0, 0.0, 10.0, (1.0, 3.0, -2.0, 0.0, 0.0, -10.0)),  # clockwise from behind, about Z towards the camera
    ],
)
def test_nukes_numbers_are_known(pan: float, tilt: float, roll: float, numbers: tuple[float, ...]) -> None:
    position_m, *angles_deg = to_nuke(state(pan, tilt, roll).pose)
    np.testing.assert_allclose((*position_m, *angles_deg), numbers, atol=1e-9)


@given(angles, st.floats(-89.0, 89.0), angles, st.tuples(metres, metres, metres))
def test_nuke_sees_a_point_where_the_engine_does(pan: float, tilt: float, roll: float, position_m: Any) -> None:
    """Seen from the entrance pupil, and the lens's axis in the middle, which is all that a .chan can say."""
    lens = replace(LENS, projection_offset_mm=(0.0, 0.0))
    of = state(pan, tilt, roll, position_m, lens)
    view = camera_view(of.pose, lens, (1920, 1080))
    chan = view_of_chan(chan_line(sample(1, of)), lens.sensor_mm[0] / lens.sensor_mm[1])
    for right, up, ahead in ((0.5, 0.2, 4.0), (-1.0, 0.7, 9.0)):
        point = view.stage_from_view @ (right, up, -ahead, 1.0)
        ours = view.clip_from_stage @ point
        theirs = chan @ (point[0], point[2], -point[1], 1.0)
        np.testing.assert_allclose(theirs[:2] / theirs[3], ours[:2] / ours[3], atol=1e-4)


def test_the_vertical_field_of_view_is_the_sensors_height() -> None:
    """14 mm behind 35 mm: 2 atan(7 / 35)."""
    assert float(chan_line(sample(1, state(0, 0, 0))).split()[-1]) == pytest.approx(22.6198649, abs=1e-6)


def track(folder: Path, samples: list[TrackSample], formats: tuple[str, ...], slate: Slate | None = None) -> None:
    made = CameraTrack(lambda suffix: folder / f"a{suffix}", slate or Slate("2", RATE, "12B take 3"), formats)
    for each in samples:
        made.add(each)
    made.close()


def test_opentrackio_is_what_our_own_tracker_reads(tmp_path: Path) -> None:
    states = [state(40.0 * n - 60.0, 20.0 - 15.0 * n, 5.0 * n, (0.1 * n, 1.0, 1.5)) for n in range(4)]
    track(tmp_path, [sample(n + 1, of) for n, of in enumerate(states)], ("opentrackio",))
    lines = (tmp_path / "a.opentrackio.jsonl").read_bytes().splitlines()
    assert len(lines) == 4
    for line, of in zip(lines, states, strict=True):
        read = read_payload(line, JSON)
        pose = read_pose(read)
        assert pose is not None
        np.testing.assert_allclose(pose.matrix(), of.pose.matrix(), atol=1e-9)
        assert (read_source_number(read), read_label(read)) == (2, "2")
        assert (read_recording(read), read_slate(read)) == (True, "12B take 3")
        assert read_sensor_mm(read) == LENS.sensor_mm
        lens = {"focal_length_mm": 35.0, "focus_distance_m": 3.5, "t_stop": 2.8, "entrance_pupil_offset_m": 0.12}
        assert read_lens_members(read) == lens
    assert (PROTOCOL, VERSION) == (opentrackio_sample.PROTOCOL, opentrackio_sample.VERSION)


def test_opentrackio_has_the_frames_time_and_label(tmp_path: Path) -> None:
    at = Tick(1, 5.0, Fraction(30000, 1001), received=parsed("10:20:30;12"))
    rest = replace(LENS, focus_distance_m=math.inf, t_stop=0.0)
    samples = [TrackSample(1, at, state(0, 0, 0, lens=rest))]
    track(tmp_path, samples, ("opentrackio",), Slate("A", Fraction(30000, 1001)))
    (line,) = (tmp_path / "a.opentrackio.jsonl").read_text(encoding="utf-8").splitlines()
    read = json.loads(line)
    timecode = read["timing"]["timecode"]
    assert [timecode[key] for key in ("hours", "minutes", "seconds", "frames", "dropFrame")] == [10, 20, 30, 12, True]
    assert timecode["frameRate"] == read["timing"]["sampleRate"] == {"num": 30000, "denom": 1001}
    assert read["lens"].keys() == {"pinholeFocalLength", "entrancePupilOffset", "projectionOffset"}, (
        "the rest is unknown"
    )
    assert "slate" not in read["tracker"]
    assert "sourceNumber" not in read


def test_lines_are_there_before_the_end(tmp_path: Path) -> None:
    made = CameraTrack(lambda suffix: tmp_path / f"a{suffix}", Slate("1", RATE), ("opentrackio", "chan"))
    made.add(sample(1, state(0, 0, 0)))
    assert (tmp_path / "a.chan").read_text(encoding="utf-8").count("\n") == 1
    assert (tmp_path / "a.opentrackio.jsonl").read_text(encoding="utf-8").count("\n") == 1
    made.close()


def test_without_usd_the_others_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_track, "has_usd", lambda: False)
    track(tmp_path, [sample(1, state(0, 0, 0))], ("chan", "usd"))
    assert [each.name for each in tmp_path.iterdir()] == ["a.chan"]


def usd_view(path: Path, frame: int) -> tuple[Any, Any]:
    """The camera as USD itself evaluates it: a Gf frustum, and metres a unit."""
    usd, geom = pytest.importorskip("pxr.Usd"), pytest.importorskip("pxr.UsdGeom")
    stage = usd.Stage.Open(str(path))
    camera = geom.Camera(stage.GetDefaultPrim()).GetCamera(frame)
    assert geom.GetStageUpAxis(stage) == "Y"
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (1, 2)
    assert stage.GetTimeCodesPerSecond() == pytest.approx(float(RATE))
    return camera.frustum, geom.GetStageMetersPerUnit(stage)


@pytest.mark.skipif(not has_usd(), reason="usd-core is not installed: the extra `usd`")
def test_usd_sees_a_point_where_the_engine_does(tmp_path: Path) -> None:
    """With the lens's offset too; view and projection matrices are USD's own."""
    states = [state(35.0, -12.0, 4.0), state(-120.0, 20.0, -7.0, (-4.0, 0.5, 1.7))]
    path = tmp_path / "a.usda"
    write_usd(path, "1", RATE, [(n + 1, camera_track.pupil(of), of.lens) for n, of in enumerate(states)])
    for number, of in enumerate(states, 1):
        frustum, unit_m = usd_view(path, number)
        theirs = np.array(frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix())
        view: View = camera_view(of.pose, of.lens, (1920, 1080))
        for right, up, ahead in ((0.5, 0.2, 4.0), (-1.0, 0.7, 9.0)):
            point = view.stage_from_view @ (right, up, -ahead, 1.0)
            ours = view.clip_from_stage @ point
            seen = np.array([*(np.array([point[0], point[2], -point[1]]) / unit_m), 1.0]) @ theirs
            np.testing.assert_allclose(seen[:2] / seen[3], ours[:2] / ours[3], atol=1e-5)
