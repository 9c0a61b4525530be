"""Prediction against known motions and against the measured table of a hand-held move."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.predict import Motion, fit_motion, horizon_s, interpolate, moved
from vpengine.view.quaternion import from_rotation_vector, inverse, product, rotation_vector, rotation_vectors

Array = NDArray[np.float64]


def handheld(times_s: Array, seed: int) -> tuple[Array, Array]:
    """Positions (n, 3) at 0.37 m/s RMS and pan (n,) at 12 deg/s RMS, the speeds behind PROTOCOLS 7.2's table."""
    chance = np.random.default_rng(seed)
    hertz = np.array([0.2, 0.35, 0.55, 0.8])
    phase = chance.uniform(0.0, 2.0 * np.pi, (4, len(hertz)))
    speeds = np.array([0.37 / np.sqrt(3.0)] * 3 + [12.0]) * np.sqrt(2.0 / len(hertz))
    waves = np.sin(2.0 * np.pi * hertz * times_s[:, None, None] + phase) / (2.0 * np.pi * hertz)
    values = waves.sum(axis=2) * speeds
    return values[:, :3], values[:, 3]


def rms(errors: Array) -> float:
    return float(np.sqrt(np.mean(np.sum(errors**2, axis=-1))))


@pytest.mark.parametrize(
    ("latency_s", "factor", "pan_factor"), [(0.017, 4.7, 3.7), (0.050, 4.6, 3.6), (0.083, 3.95, 3.1)]
)
def test_prediction_beats_holding_as_measured(latency_s: float, factor: float, pan_factor: float) -> None:
    times_s = np.arange(0.0, 20.0, 1.0 / 120.0)
    true_m, true_pan = handheld(times_s, 3)
    chance = np.random.default_rng(4)
    seen_m = true_m + chance.normal(0.0, 0.0005, true_m.shape)
    noise = Rotation.from_rotvec(np.radians(chance.normal(0.0, 0.02, true_m.shape)))
    seen = (noise * Rotation.from_euler("z", true_pan[:, None], degrees=True)).as_quat()
    later_m, later_pan = handheld(times_s + latency_s, 3)
    held, predicted, predicted_pan = [], [], []
    for n in range(8, len(times_s), 3):
        motion = fit_motion(times_s[n - 7 : n + 1], seen_m[n - 7 : n + 1], seen[n - 7 : n + 1])
        pose = moved(motion, latency_s)
        held.append([*(seen_m[n] - later_m[n]), true_pan[n] - later_pan[n]])
        predicted.append(np.asarray(pose.position_m) - later_m[n])
        predicted_pan.append([Rotation.from_quat(pose.rotation).as_euler("ZXY", degrees=True)[0] - later_pan[n]])
    hold = np.array(held)
    assert rms(hold[:, :3]) == pytest.approx(0.37 * latency_s, rel=0.25)
    assert rms(hold[:, :3]) > factor * rms(np.array(predicted))
    assert rms(hold[:, 3:]) > pan_factor * rms(np.array(predicted_pan))


def test_a_steady_move_is_followed_exactly_and_turns_the_right_way() -> None:
    times_s = np.linspace(5.0, 5.07, 8)
    positions_m = np.outer(times_s, [0.3, -0.1, 0.05])
    pans = 40.0 * times_s  # degrees, to the left
    quaternions = np.array([from_opentrackio((0, 0, 0), pan, -20.0, 5.0).rotation for pan in pans])
    quaternions[::2] *= -1.0  # either sign is the same rotation
    pose = moved(fit_motion(times_s, positions_m, quaternions), 0.05)
    np.testing.assert_allclose(pose.position_m, np.array([0.3, -0.1, 0.05]) * 5.12, atol=1e-9)
    expected = Rotation.from_quat(from_opentrackio((0, 0, 0), 40.0 * 5.12, -20.0, 5.0).rotation)
    assert (Rotation.from_quat(pose.rotation) * expected.inv()).magnitude() < 1e-9


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_samples_predict_rest(count: int) -> None:
    times_s = np.arange(count) * 0.01
    motion = fit_motion(times_s, np.outer(times_s, [1.0, 0.0, 0.0]), np.tile([0.0, 0.0, 0.0, 1.0], (count, 1)))
    np.testing.assert_array_equal(moved(motion, 0.1).position_m, [0.01 * (count - 1), 0.0, 0.0])


def test_samples_of_one_time_do_not_divide_by_zero() -> None:
    motion = fit_motion(np.zeros(4), np.random.default_rng(0).normal(size=(4, 3)), np.tile([0.0, 0, 0, 1.0], (4, 1)))
    assert isinstance(motion, Motion)
    assert motion.velocity_m_s == motion.angular_velocity_rad_s == (0.0, 0.0, 0.0)


def test_the_horizon_is_what_was_asked_then_fades_to_the_cap() -> None:
    assert horizon_s(0.05, 0.0) == 0.05
    assert horizon_s(0.08, 0.05) == 0.08
    far = [horizon_s(step / 1000.0, step / 1000.0) for step in range(400)]
    steps = np.diff(far)
    assert np.all(steps >= -1e-12)  # never slides back
    assert far[-1] == pytest.approx(0.1)
    assert np.all(np.abs(steps[150:]) < 1e-12)  # still from 150 ms on
    assert np.abs(np.diff(steps)).max() < 1e-4  # no jolt


def test_a_longer_reach_shrinks_as_the_sample_grows_stale() -> None:
    assert horizon_s(0.19, 0.02, cap_s=0.25) == 0.19
    assert horizon_s(10.0, 0.02, cap_s=0.25) == pytest.approx(0.25)
    assert horizon_s(10.0, 9.0, cap_s=0.25) == pytest.approx(0.1)


def test_interpolation_takes_the_shorter_arc() -> None:
    before, after = from_opentrackio((0, 0, 1), 10.0, 0.0, 0.0), from_opentrackio((1, 2, 1), 50.0, 0.0, 0.0)
    flipped = Pose(after.position_m, tuple(-v for v in after.rotation))  # type: ignore[arg-type]
    for other in (after, flipped):
        middle = interpolate(before, other, 0.25)
        assert middle.position_m == pytest.approx((0.25, 0.5, 1.0))
        assert middle.rotation == pytest.approx(from_opentrackio((0, 0, 0), 20.0, 0.0, 0.0).rotation)


def test_quaternions_agree_with_scipy() -> None:
    rotations = Rotation.random(60, rng=np.random.default_rng(7))
    rows = rotations.as_quat() * np.where(np.arange(60) % 2, 1.0, -1.0)[:, None]
    reference = tuple(rows[5].tolist())
    logarithms = (rotations * rotations[5].inv()).as_rotvec()
    np.testing.assert_allclose(rotation_vectors(rows, reference), logarithms, atol=1e-9)
    for one, other, logarithm in zip(rows, rows[1:], logarithms, strict=False):
        a, b = tuple(one.tolist()), tuple(other.tolist())
        expected = Rotation.from_quat(one) * Rotation.from_quat(other)
        np.testing.assert_allclose(product(a, b), expected.as_quat(canonical=True), atol=1e-12)
        assert product(inverse(a), a) == pytest.approx((0.0, 0.0, 0.0, 1.0), abs=1e-12)
        np.testing.assert_allclose(rotation_vector(a), Rotation.from_quat(one).as_rotvec(), atol=1e-9)
        exponential = Rotation.from_rotvec(logarithm).as_quat()
        np.testing.assert_allclose(from_rotation_vector(tuple(logarithm.tolist())), exponential, atol=1e-12)
    assert rotation_vector(from_rotation_vector((1e-12, 0.0, 0.0))) == pytest.approx((1e-12, 0.0, 0.0), rel=1e-6)
