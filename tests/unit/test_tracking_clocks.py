"""Trackers' clocks that stand, creep, leap or lie are found and left; good ones are used."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

import pytest

from tests.intake import ONE, OPENTRACKIO, OSC, Bench, at, sentences
from vpengine.tracking.opentrackio import encode_pose as opentrackio_pose
from vpengine.tracking.osc import encode_pose
from vpengine.tracking.protocol import Source
from vpengine.view.pose import Pose

UNIX_S = 1_795_000_000.0


def float32(value: float) -> float:
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


WRONG: dict[str, Callable[[float], float]] = {
    "constant": lambda t: 12.0,
    "zero": lambda t: 0.0,
    "unix time as float32": lambda t: float32(UNIX_S + t),
    "whole seconds": lambda t: math.floor(UNIX_S + t),
    "tenths": lambda t: math.floor((UNIX_S + t) * 10.0) / 10.0,
    "milliseconds": lambda t: 1000.0 * (UNIX_S + t),
    "microseconds": lambda t: 1e6 * t,
    "frame numbers": lambda t: round(60.0 * t),
    "half as fast": lambda t: 0.5 * t,
    "a third too slow": lambda t: 0.67 * t,
    "twice as fast": lambda t: 2.0 * t,
    "a tenth too slow": lambda t: 0.9 * t,
    "a tenth too fast": lambda t: 1.1 * t,
    "backwards": lambda t: 1000.0 - t,
    "random": lambda t: random.Random(t).uniform(0.0, 1e6),
    "random within a second": lambda t: t + random.Random(t).uniform(-0.5, 0.5),
    "wraps every half second": lambda t: t % 0.5,
}
SET: dict[str, Callable[[float], float]] = {
    "set back by 0.3 s": lambda t: UNIX_S + t - 0.3 * (t > 2.0),
    "set back by 0.1 s": lambda t: UNIX_S + t - 0.1 * (t > 2.0),
    "set back by an hour": lambda t: UNIX_S + t - 3600.0 * (t > 2.0),
    "set forward by 0.3 s": lambda t: UNIX_S + t + 0.3 * (t > 2.0),
    "set forward by a day": lambda t: UNIX_S + t + 86_400.0 * (t > 2.0),
    "began again": lambda t: UNIX_S + t if t <= 2.0 else t - 2.0,
}
GOOD: dict[str, Callable[[float], float]] = {
    "exact": lambda t: UNIX_S + t,
    "slow by 100 parts in a million": lambda t: (1.0 - 1e-4) * t,
    "float32 since the start": lambda t: float32(3000.0 + t),
}


def encoded(time_s: float, pose: Pose, form: str) -> tuple[bytes, Source]:
    if form == "osc":
        return encode_pose("1", pose, time_s), OSC
    return opentrackio_pose("1", pose, abs(time_s)), OPENTRACKIO


def moving(
    stamp: Callable[[float], float], seconds: float, form: str = "osc", hertz: float = 60.0
) -> tuple[Bench, dict[float, float]]:
    """A camera at 1 m/s whose packets travel 2 to 8 ms; by time the error in metres of the pose asked for 'now'."""
    bench, chance, errors_m = Bench(), random.Random(7), {}
    for n in range(int(seconds * hertz)):
        taken_s = n / hertz
        arrival_s = 100.0 + taken_s + chance.uniform(0.002, 0.008)
        packet, source = encoded(stamp(taken_s), at(taken_s), form)
        bench.take(packet, arrival_s, source=source)
        now_s = arrival_s + 0.004
        errors_m[taken_s] = abs(bench.pose(now_s).position_m[0] - (now_s - 100.0))
    return bench, errors_m


@pytest.mark.parametrize("form", ["osc", "opentrackio"])
@pytest.mark.parametrize("case", WRONG)
def test_a_clock_that_does_not_advance_is_found_within_a_second(
    case: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench, errors_m = moving(WRONG[case], 6.0, form)
    assert max(error for time_s, error in errors_m.items() if time_s > 1.0) < 0.04
    assert bench.good() > 360 - 60
    assert bench.bad().get("repeated-or-late", 0) == 0
    told = [line for line in sentences(caplog) if "time stamps" in line]
    assert len(told) == 1
    assert ONE in told[0]
    assert "times of arrival are used" in told[0]


@pytest.mark.parametrize("case", SET)
def test_a_clock_that_is_set_is_followed_at_once(case: str, caplog: pytest.LogCaptureFixture) -> None:
    bench, errors_m = moving(SET[case], 6.0)
    assert max(error for time_s, error in errors_m.items() if not 2.0 < time_s < 3.0 and time_s > 0.2) < 0.03
    assert bench.good() == 360
    assert sentences(caplog) == []


@pytest.mark.parametrize(
    "stamp",
    [
        lambda t: UNIX_S + t + 0.1 * (int(2.0 * t) % 2),
        lambda t: UNIX_S + t - 0.05 * int(t),
        lambda t: UNIX_S + t + 0.3 * int(t),
    ],
)
def test_a_clock_that_is_set_again_and_again_is_not_used(
    stamp: Callable[[float], float], caplog: pytest.LogCaptureFixture
) -> None:
    """Each setting alone is followed; so many are no clock."""
    _, errors_m = moving(stamp, 14.0)
    assert max(error for time_s, error in errors_m.items() if time_s > 7.0) < 0.04
    (line,) = sentences(caplog)
    assert "times of arrival are used" in line


@pytest.mark.parametrize("case", GOOD)
def test_a_good_clock_is_used_and_not_spoken_of(case: str, caplog: pytest.LogCaptureFixture) -> None:
    bench, errors_m = moving(GOOD[case], 12.0)
    assert max(error for time_s, error in errors_m.items() if time_s > 0.2) < 0.015
    assert bench.bad() == {}
    assert sentences(caplog) == []


def test_a_sample_sent_twice_is_no_clock_that_stands(caplog: pytest.LogCaptureFixture) -> None:
    """A tracker of 30 Hz whose program sends 60 a second: each sample comes twice, stamp and all."""
    bench, errors_m = Bench(), []
    for n in range(360):
        taken_s, arrival_s = n // 2 / 30.0, 100.0 + n / 60.0
        bench.take(encode_pose("1", at(taken_s), UNIX_S + taken_s), arrival_s)
        errors_m.append(abs(bench.pose(arrival_s).position_m[0] - (arrival_s - 100.0)))
    assert max(errors_m[60:]) < 0.01
    assert (bench.good(), bench.bad()) == (180, {"repeated-or-late": 180})
    assert not any("time stamps" in line for line in sentences(caplog))


def test_a_camera_that_stands_with_a_clock_that_stands_is_not_lost() -> None:
    bench = Bench()
    for n in range(360):
        bench.take(encode_pose("1", at(1.0), 5.0), n / 60.0)
        tracked = bench.poses["1"].at(n / 60.0 + 0.01)
        assert tracked is not None
        assert tracked.state != "held"
    assert bench.good() > 300


def test_a_good_clock_survives_a_network_that_sends_in_bursts(caplog: pytest.LogCaptureFixture) -> None:
    bench, errors_m = Bench(), []
    for n in range(600):
        taken_s = n / 60.0
        arrival_s = 100.0 + math.ceil((n + 1) / 6) * 0.1 + 0.0001 * (n % 6)
        bench.take(encode_pose("1", at(taken_s), taken_s), arrival_s)
        if n > 60 and n % 6 == 5:
            errors_m.append(abs(bench.pose(arrival_s).position_m[0] - (arrival_s - 100.0)))
    assert max(errors_m) < 0.03
    assert bench.bad() == {}
    assert sentences(caplog) == []


def test_a_clock_that_came_to_its_senses_is_used_again() -> None:
    bench, errors_m = moving(lambda t: 5.0 if t < 3.0 else t, 9.0)
    assert bench.intake._cameras["1"].clock.useful
    assert max(error for time_s, error in errors_m.items() if time_s > 1.0) < 0.04
    assert bench.good() == 540
