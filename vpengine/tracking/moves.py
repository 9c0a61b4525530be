"""Camera moves as functions of time, for the simulated tracker. They are pure: a seed and a time give a pose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vpengine.view.pose import Pose, from_opentrackio, pose_from
from vpengine.view.predict import smoothstep

Array = NDArray[np.float64]
Move = Callable[[float], Pose | None]  # None: the tracker has nothing to say at this time (a dropout)

EYE_HEIGHT_M = 1.6
EYE = Pose((0.0, 0.0, EYE_HEIGHT_M))  # about which moves are

# A shoulder-mounted camera: breath and sway below 1 Hz, steps and muscle to 3 Hz, tremor to 9 Hz.
BANDS_HZ = (0.13, 0.27, 0.46, 0.78, 1.2, 1.9, 3.1, 5.3, 8.7)
SWAY_M = np.array([0.012, 0.010, 0.006])  # RMS of right, forward, up
SWAY_DEG = np.array([0.45, 0.35, 0.25])  # RMS of pan, tilt, roll
FALL = 1.6  # amplitude goes with 1 / frequency to this power: a real hand's spectrum is steep

WHIP_DEG, WHIP_S = 50.0, 0.35
DEMO_WHIP_DEG = 38.0  # lands where its stage still has wall


def about(move: Move, rest: Pose) -> Move:
    """A move as it is about ``EYE``, about a camera that rests elsewhere, or looks elsewhere."""

    def at(time_s: float) -> Pose | None:
        pose = move(time_s)
        if pose is None or rest == EYE:
            return pose
        turn = Rotation.from_quat(rest.rotation)
        moved_m = turn.apply(np.subtract(pose.position_m, EYE.position_m))
        return pose_from(np.add(rest.position_m, moved_m), turn * Rotation.from_quat(pose.rotation))

    return at


def still(seed: int) -> Move:
    """Locked off at the middle of the stage."""
    return lambda time_s: EYE


def dolly(seed: int) -> Move:
    """To and fro on 2 m of track, sideways, 12 s there and back, looking a little into the move."""

    def at(time_s: float) -> Pose:
        phase = 2.0 * np.pi * time_s / 12.0
        x_m = -float(np.cos(phase))
        return from_opentrackio((x_m, -0.5, EYE_HEIGHT_M), -3.0 * float(np.sin(phase)), 0.0, 0.0)

    return at


def crane(seed: int) -> Move:
    """Up from 0.6 m to 2.4 m and down again in 14 s, swinging sideways, the tilt keeping the subject framed."""

    def at(time_s: float) -> Pose:
        phase = 2.0 * np.pi * time_s / 14.0
        height_m = 1.5 - 0.9 * float(np.cos(phase))
        tilt_deg = float(np.degrees(np.arctan2(EYE_HEIGHT_M - height_m, 3.5)))
        return from_opentrackio((0.7 * float(np.sin(phase)), -0.3, height_m), 0.0, tilt_deg, 0.0)

    return at


def handheld(seed: int) -> Move:
    """An operator standing with the camera on the shoulder: about 12 mm and 0.5 degrees RMS of sway."""
    sway = _sway(seed)

    def at(time_s: float) -> Pose:
        offset = sway(time_s)
        return from_opentrackio((offset[0], offset[1], EYE_HEIGHT_M + offset[2]), offset[3], offset[4], offset[5])

    return at


def whip(seed: int) -> Move:
    """Every 4 s a whip pan of 50 degrees to the left in 0.35 s, and 1.5 s later back."""

    def at(time_s: float) -> Pose:
        beat_s = time_s % 4.0
        pan_deg = WHIP_DEG * (_glide(beat_s, 1.0, WHIP_S) - _glide(beat_s, 2.5, WHIP_S))
        return from_opentrackio((0.0, 0.0, EYE_HEIGHT_M), pan_deg, 0.0, 0.0)

    return at


def demo(seed: int) -> Move:
    """Twenty seconds around an actor at (0.52, 2.2): past the face from left to right by hand, a whip pan and return, a
    push in that comes to rest.
    """
    sway = _sway(seed)

    def at(time_s: float) -> Pose:
        offset = sway(time_s) * (0.6 * (1.0 - smoothstep((time_s - 15.5) / 2.0)))
        right_m = -0.5 + 0.95 * _glide(time_s, 0.0, 9.5) - 0.5 * _glide(time_s, 12.9, 4.6)
        forward_m = 0.3 + 0.26 * _glide(time_s, 13.0, 4.5)
        pan_deg = -13.0 + 11.0 * _glide(time_s, 0.5, 8.5) - 4.0 * _glide(time_s, 12.9, 4.6)
        pan_deg += DEMO_WHIP_DEG * (_glide(time_s, 10.2, WHIP_S) - _glide(time_s, 12.2, WHIP_S + 0.05))
        tilt_deg = 1.5 * _glide(time_s, 1.0, 6.0) - 2.0 * _glide(time_s, 13.5, 3.5)
        position_m = (right_m + offset[0], forward_m + offset[1], EYE_HEIGHT_M + offset[2])
        return from_opentrackio(position_m, pan_deg + offset[3], tilt_deg + offset[4], offset[5])

    return at


MOVES: Mapping[str, Callable[[int], Move]] = {
    "still": still,
    "dolly": dolly,
    "crane": crane,
    "handheld": handheld,
    "whip": whip,
    "demo": demo,
}


def with_tracker_noise(move: Move, seed: int, noise_mm: float, noise_deg: float) -> Move:
    """``move`` as a tracker sees it: white noise on every sample and axis (standard deviations).

    The only move that is not a pure function of time: each call draws anew.
    """
    chance = np.random.default_rng(seed)

    def at(time_s: float) -> Pose | None:
        pose = move(time_s)
        if pose is None:
            return None
        turn = Rotation.from_rotvec(np.radians(chance.normal(0.0, noise_deg, 3)))
        position_m = np.asarray(pose.position_m) + chance.normal(0.0, noise_mm / 1000.0, 3)
        return pose_from(position_m, turn * Rotation.from_quat(pose.rotation))

    return at


def _glide(time_s: float, start_s: float, seconds: float) -> float:
    """0 to 1 from ``start_s`` on, with minimum jerk (Flash and Hogan, 1985): the way an arm moves."""
    t = min(max((time_s - start_s) / seconds, 0.0), 1.0)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t * t)


def _sway(seed: int) -> Callable[[float], Array]:
    """(6,) metres right, forward, up and degrees pan, tilt, roll: sines whose phases and pitches the seed draws."""
    chance = np.random.default_rng(seed)
    hertz = np.array(BANDS_HZ) * chance.uniform(0.9, 1.1, (6, len(BANDS_HZ)))
    phase = chance.uniform(0.0, 2.0 * np.pi, hertz.shape)
    amplitude = np.maximum(hertz, 0.3) ** -FALL
    amplitude *= (np.concatenate([SWAY_M, SWAY_DEG]) / np.sqrt(0.5 * np.sum(amplitude**2, axis=1)))[:, None]
    return lambda time_s: np.sum(amplitude * np.sin(2.0 * np.pi * hertz * time_s + phase), axis=1)
