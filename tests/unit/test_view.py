"""Camera mathematics against known answers: other programs' numbers, plain formulas, and round trips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.geometry import from_opencv, from_opengl, from_unreal, project, to_opengl, unproject
from vpengine.view.camera import camera_view
from vpengine.view.lens import FAR_M, NEAR_M, Lens, clip_from_view, clip_from_view_symmetric
from vpengine.view.pose import Pose, from_freed, from_opentrackio, look_at, to_freed, to_opentrackio, view_from_stage
from vpengine.view.view import View, pixel_centres, rays

LENS = Lens((24.89, 14.0), 24.0)

angle = st.floats(-180.0, 180.0)
coordinate = st.floats(-50.0, 50.0)
poses = st.builds(from_opentrackio, st.tuples(coordinate, coordinate, coordinate), angle, st.floats(-90.0, 90.0), angle)
lenses = st.builds(
    Lens,
    st.tuples(st.floats(5.0, 60.0), st.floats(5.0, 40.0)),
    st.floats(8.0, 300.0),
    st.tuples(st.floats(-4.0, 4.0), st.floats(-4.0, 4.0)),
    st.floats(-0.3, 0.3),
)


def gl_numbers(pose: Pose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position, quaternion and viewing direction in OpenGL's frame, in which the known answers are given."""
    position, rotation = to_opengl(pose)
    return position, rotation.as_quat(canonical=True), rotation.apply([0.0, 0.0, -1.0])


# From programs other than this one: OpenTrackIO's and FreeD's numbers as an OpenGL scene must hold them.
KNOWN = [
    pytest.param(
        from_opentrackio((0.5, -3.0, 1.6), 30.0, -10.0, 5.0),
        (0.5, 1.6, 3.0),
        (-0.095352, 0.253917, -0.019437, 0.962318),
        (-0.4924, -0.1736, -0.8529),
        id="OpenTrackIO",
    ),
    pytest.param(
        from_freed((1500.0, -2250.5, 1800.25), 45.0, -12.5, 0.25),
        (1.5, 1.80025, 2.2505),
        (-0.09975, -0.380627, -0.043665, 0.918295),
        (0.6903, -0.2164, -0.6903),
        id="FreeD",
    ),
]


@pytest.mark.parametrize(("pose", "position", "quaternion", "forward"), KNOWN)
def test_known_answers(pose: Pose, position: tuple, quaternion: tuple, forward: tuple) -> None:
    found = gl_numbers(pose)
    np.testing.assert_allclose(found[0], position, atol=1e-9)
    np.testing.assert_allclose(found[1], quaternion, atol=1e-6)
    np.testing.assert_allclose(found[2], forward, atol=5e-5)
    assert from_opengl(found[0], Rotation.from_quat(found[1])).position_m == pytest.approx(pose.position_m)
    np.testing.assert_allclose(from_opengl(found[0], to_opengl(pose)[1]).matrix(), pose.matrix(), atol=1e-12)


def test_signs_of_pan_tilt_roll() -> None:
    """+pan turns left, +tilt up, +roll clockwise seen from behind; FreeD's +pan turns right."""
    origin = (0.0, 0.0, 0.0)
    np.testing.assert_allclose(from_opentrackio(origin, 90, 0, 0).matrix()[:3, 1], [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(from_opentrackio(origin, 0, 90, 0).matrix()[:3, 1], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(from_opentrackio(origin, 0, 0, 90).matrix()[:3, 0], [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(from_freed(origin, 90, 0, 0).matrix()[:3, 1], [1, 0, 0], atol=1e-12)


@given(st.tuples(coordinate, coordinate, coordinate), angle, st.floats(-90.0, 90.0), angle)
def test_pan_tilt_roll_are_found_again(position: tuple, pan: float, tilt: float, roll: float) -> None:
    """As the same rotation, also straight up and down, where pan and roll are one."""
    pose = from_opentrackio(position, pan, tilt, roll)
    np.testing.assert_allclose(from_opentrackio(*to_opentrackio(pose)).matrix(), pose.matrix(), atol=1e-7)
    np.testing.assert_allclose(from_freed(*to_freed(pose)).matrix(), pose.matrix(), atol=1e-7)
    if abs(tilt) < 89.0:
        assert to_opentrackio(pose)[2] == pytest.approx(tilt, abs=1e-6)


def test_pan_tilt_roll_of_known_poses() -> None:
    """A quarter turn to the left, about Z; then looking straight up, where pan takes over what roll turns."""
    half = np.sqrt(0.5)
    left, up = Pose((1.0, 2.0, 3.0), (0.0, 0.0, half, half)), Pose((0.0, 0.0, 0.0), (half, 0.0, 0.0, half))
    assert to_opentrackio(left)[0] == (1.0, 2.0, 3.0)
    assert to_opentrackio(left)[1:] == pytest.approx((90.0, 0.0, 0.0))
    assert to_freed(left)[0] == (1000.0, 2000.0, 3000.0)
    assert to_freed(left)[1:] == pytest.approx((-90.0, 0.0, 0.0))
    assert to_opentrackio(up)[1:] == pytest.approx((0.0, 90.0, 0.0), abs=1e-6)
    assert to_opentrackio(from_opentrackio((0.0, 0.0, 0.0), 30.0, 90.0, 20.0))[1:] == pytest.approx((50.0, 90.0, 0.0))
    assert to_opentrackio(from_opentrackio((0.0, 0.0, 0.0), 30.0, -90.0, 20.0))[1:] == pytest.approx((10.0, -90.0, 0.0))


@given(st.tuples(coordinate, coordinate, coordinate), angle, st.floats(-90.0, 90.0), angle)
def test_unreal_agrees_with_opentrackio(position: tuple, pan: float, tilt: float, roll: float) -> None:
    """Epic's own conversion: FVector(Y, X, Z) * 100, FRotator(tilt, -pan, roll)."""
    x, y, z = position
    ours = from_unreal((100.0 * y, 100.0 * x, 100.0 * z), tilt, -pan, roll)
    np.testing.assert_allclose(ours.matrix(), from_opentrackio(position, pan, tilt, roll).matrix(), atol=1e-9)


@given(st.tuples(angle, angle, angle), st.tuples(coordinate, coordinate, coordinate), st.integers(0, 99))
def test_opencv_camera_sees_what_opencv_says(turn: tuple, position: tuple, seed: int) -> None:
    """A pinhole as OpenCV has it (X right, Y down, Z forward) and our View put a point in the same place."""
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    world_from_camera[:3, 3] = position
    stage_from_world = np.eye(4)
    stage_from_world[:3, :3] = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    stage_from_world[:3, 3] = [1.0, 2.0, 3.0]
    in_camera = np.random.default_rng(seed).uniform([-1, -1, 2], [1, 1, 9], (5, 3))
    in_stage = (in_camera @ world_from_camera[:3, :3].T + position) @ stage_from_world[:3, :3].T + [1.0, 2.0, 3.0]
    ndc, depth_m = project(camera_view(from_opencv(stage_from_world, world_from_camera), LENS, (100, 50)), in_stage)
    np.testing.assert_allclose(depth_m, in_camera[:, 2], atol=1e-9)
    expected = 24.0 * in_camera[:, :2] / in_camera[:, 2:] / [12.445, -7.0]
    np.testing.assert_allclose(ndc, expected, atol=1e-9)


@given(
    st.tuples(coordinate, coordinate, coordinate),
    st.tuples(st.floats(0.2, 40.0), angle, st.floats(-85.0, 85.0)),
)
def test_look_at(origin: tuple, offset: tuple) -> None:
    """The target is in the middle; the horizon is level."""
    length, azimuth, elevation = offset[0], np.radians(offset[1]), np.radians(offset[2])
    way = length * np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    level = look_at(np.array(origin), np.array(origin) + way)
    ndc, depth_m = project(camera_view(level, LENS, (10, 10)), np.array(origin) + way)
    np.testing.assert_allclose(ndc, [0.0, 0.0], atol=1e-7)
    assert depth_m == pytest.approx(length)
    assert level.matrix()[2, 0] == pytest.approx(0.0, abs=1e-9)
    assert level.matrix()[2, 2] > 0.0


@given(lenses, st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)), st.floats(1.0, 50.0))
def test_projection_is_openlensios(lens: Lens, slope: tuple, depth_m: float) -> None:
    """OpenLensIO: the image on the sensor is F (x/z, y/z) + projection offset, millimetres, y down."""
    x_m, down_m = slope[0] * depth_m, slope[1] * depth_m
    clip = clip_from_view(lens) @ [x_m, -down_m, -depth_m, 1.0]
    assert clip[3] == pytest.approx(depth_m)
    focal = lens.pinhole_focal_length_mm
    on_sensor_mm = (
        focal * x_m / depth_m + lens.projection_offset_mm[0],
        focal * down_m / depth_m + lens.projection_offset_mm[1],
    )
    assert clip[0] / clip[3] == pytest.approx(on_sensor_mm[0] / (lens.sensor_mm[0] / 2.0), abs=1e-9)
    assert clip[1] / clip[3] == pytest.approx(-on_sensor_mm[1] / (lens.sensor_mm[1] / 2.0), abs=1e-9)


@given(lenses, st.floats(0.0, 100.0))
def test_overscan_widens_about_the_picture(lens: Lens, overscan: float) -> None:
    """15 percent a side makes a picture 1.3 times as wide: its middle 1/1.3 is the picture without overscan."""
    point = np.array([0.7, -0.4, -3.0, 1.0])
    plain, wide = clip_from_view(lens) @ point, clip_from_view(lens, overscan) @ point
    np.testing.assert_allclose(wide[:2] * (1.0 + 2.0 * overscan / 100.0), plain[:2], atol=1e-9)


def test_fifteen_percent_is_one_point_three() -> None:
    widths = [1.0 / clip_from_view(LENS, overscan)[0, 0] for overscan in (0.0, 15.0)]
    assert widths[1] / widths[0] == pytest.approx(1.3)


def test_symmetric_field_of_view() -> None:
    clip = clip_from_view_symmetric(90.0, 16.0 / 9.0) @ [2.0, 2.0 * 9.0 / 16.0, -2.0, 1.0]
    np.testing.assert_allclose(clip[:2] / clip[3], [1.0, 1.0])


def test_the_depth_buffer_spans_near_to_far() -> None:
    near, far = (clip_from_view(LENS) @ [0, 0, -z, 1] for z in (NEAR_M, FAR_M))
    assert near[2] / near[3] == pytest.approx(-1.0)
    assert far[2] / far[3] == pytest.approx(1.0)


@given(poses, lenses, st.integers(0, 99))
@settings(max_examples=60)
def test_unproject_undoes_project(pose: Pose, lens: Lens, seed: int) -> None:
    view = camera_view(pose, lens, (160, 90), 5.0)
    rng = np.random.default_rng(seed)
    ndc, depth_m = rng.uniform(-1, 1, (7, 2)), rng.uniform(0.2, 200.0, 7)
    points = unproject(view, ndc, depth_m)
    back_ndc, back_m = project(view, points)
    np.testing.assert_allclose(back_ndc, ndc, atol=1e-7)
    np.testing.assert_allclose(back_m, depth_m, rtol=1e-9)
    np.testing.assert_allclose(unproject(view, back_ndc, back_m), points, atol=1e-6)


@given(poses, lenses)
@settings(max_examples=40)
def test_rays_advance_one_metre_along_the_axis(pose: Pose, lens: Lens) -> None:
    view = camera_view(pose, lens, (16, 9))
    found = rays(view, pixel_centres((16, 9)))
    assert found.shape == (9, 16, 3)
    np.testing.assert_allclose(found @ pose.matrix()[:3, 1], 1.0, atol=1e-9)


@given(poses, st.floats(-0.5, 0.5))
def test_the_entrance_pupil_lies_along_the_optical_axis(pose: Pose, offset_m: float) -> None:
    view = View(view_from_stage(pose, offset_m), clip_from_view(LENS), (16, 9))
    expected = np.array(pose.position_m) + Rotation.from_quat(pose.rotation).apply([0.0, offset_m, 0.0])
    np.testing.assert_allclose(view.origin_m, expected, atol=1e-9)
    lens = Lens(LENS.sensor_mm, LENS.pinhole_focal_length_mm, entrance_pupil_offset_m=offset_m)
    np.testing.assert_allclose(camera_view(pose, lens, (16, 9)).origin_m, expected, atol=1e-9)


def test_pixel_centres_have_row_zero_at_the_top() -> None:
    centres = pixel_centres((4, 2))
    np.testing.assert_allclose(centres[0, 0], [-0.75, 0.5])
    np.testing.assert_allclose(centres[1, 3], [0.75, -0.5])


def test_a_view_is_the_same_only_in_everything_but_its_time() -> None:
    view = camera_view(Pose(), LENS, (16, 9), 5.0, 1.0)
    assert view.same_as(camera_view(Pose(), LENS, (16, 9), 5.0, 1.0))
    others = [
        camera_view(Pose((0.0, 1e-6, 0.0)), LENS, (16, 9), 5.0, 1.0),
        camera_view(Pose(), LENS, (16, 10), 5.0, 1.0),
        camera_view(Pose(), LENS, (16, 9), 6.0, 1.0),
    ]
    assert view.same_as(camera_view(Pose(), LENS, (16, 9), 5.0, 2.0))
    assert not any(view.same_as(other) for other in others)
