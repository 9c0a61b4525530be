"""What becomes of datagrams, on a virtual clock: wrong clocks, rivals, wild samples, names, units, and their words."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

import numpy as np
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.senders import encode_lens
from vpengine.mailbox import Newest
from vpengine.peers import MOST_SUBJECTS, Peers
from vpengine.tracking.freed import FreedTracking
from vpengine.tracking.freed import encode_pose as freed_pose
from vpengine.tracking.intake import Intake
from vpengine.tracking.opentrackio import OpenTrackIOTracking
from vpengine.tracking.opentrackio import encode_pose as opentrackio_pose
from vpengine.tracking.osc import OscTracking, encode_pose
from vpengine.tracking.osc_preset import OscAppTracking
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, Source
from vpengine.tracking.refusals import Refusals
from vpengine.tracking.udp import Received
from vpengine.view.pose import Pose, from_opentrackio

ONE, TWO, THREE = "10.0.0.5:5000", "10.0.0.5:5001", "10.0.0.6:5000"
OSC = Source(OscTracking(OscTracking.Settings()))


class Bench:
    """An intake for the cameras ``ids``, with no socket and no clock."""

    def __init__(self, *ids: str) -> None:
        self.poses = {camera: PoseBuffer() for camera in ids or ("1",)}
        self.lenses: Newest[str, LensUpdate] = Newest()
        self.peers: Peers[Pose] = Peers(100_000)
        self.intake = Intake(self.poses, self.lenses, self.peers, Refusals(self.peers))

    def take(self, packet: bytes, time_s: float, peer: str = ONE, source: Source = OSC) -> None:
        self.intake.take(source, Received(packet, peer, time_s, None))

    def pose(self, time_s: float, camera: str = "1") -> Pose:
        tracked = self.poses[camera].at(time_s)
        assert tracked is not None
        return tracked.pose

    def good(self, peer: str | None = None) -> int:
        return sum(tally.good for name, tally in self.peers.health(0.0).items() if peer in (None, name))

    def bad(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for health in self.peers.health(0.0).values():
            for reason, count in health.bad.items():
                counts[reason] = counts.get(reason, 0) + count
        return counts


def at(x: float, y: float = 0.0, pan: float = 0.0) -> Pose:
    return from_opentrackio((x, y, 1.5), pan, 0.0, 0.0)


def degrees(a: Pose, b: Pose) -> float:
    return 2.0 * math.degrees(math.acos(min(abs(float(np.dot(a.rotation, b.rotation))), 1.0)))


def sentences(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


# --- clocks ---------------------------------------------------------------------------------------------------------

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


OPENTRACKIO = Source(OpenTrackIOTracking(OpenTrackIOTracking.Settings()))


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


# --- owners ---------------------------------------------------------------------------------------------------------


def test_two_programs_on_one_machine_are_not_mixed(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for n in range(240):
        bench.take(encode_pose("1", at(0.0)), n / 60.0)
        bench.take(encode_pose("1", at(2.0)), n / 60.0 + 0.006, TWO)
        if n > 12:
            assert abs(bench.pose(n / 60.0 + 0.01).position_m[0]) < 0.02
    assert bench.good(ONE) >= 238
    assert bench.bad()["other-source"] >= 238
    (line,) = sentences(caplog)
    assert TWO in line
    assert f"which come from {ONE}" in line


def test_a_second_program_does_not_get_in(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does it when the first one's packets are late now and then."""
    bench, chance = Bench(), random.Random(3)
    packets = [(n / 60.0 + chance.choice([0.0, 0.0, 0.0, 0.04]), ONE, 0.0) for n in range(600)]
    packets += [(2.0 + n / 90.0, TWO, 2.0) for n in range(600)]
    for time_s, peer, x in sorted(packets):
        bench.take(encode_pose("1", at(x)), time_s, peer)
        assert abs(bench.pose(time_s + 0.01).position_m[0]) < 0.01
    assert (bench.good(ONE), bench.good(TWO), bench.bad()) == (600, 0, {"other-source": 600})
    assert len(sentences(caplog)) == 1


def test_two_programs_do_not_make_one_pose_of_their_halves() -> None:
    now_s = 0.0
    settings = OscAppTracking.Settings(preset="vrchat", merge_ms=100.0)
    bench, source = Bench(), Source(OscAppTracking(settings, lambda: now_s), "1")
    for n in range(60):
        for step, (part, peer, x) in enumerate(
            [("position", ONE, 0.0), ("position", TWO, 2.0), ("rotation", ONE, 0.0), ("rotation", TWO, 90.0)]
        ):
            now_s = n / 60.0 + 0.001 * step
            numbers = (x, 1.5, 0.0) if part == "position" else (0.0, x, 0.0)
            bench.take(bundle((f"/tracking/trackers/1/{part}", *numbers)), now_s, peer, source)
        if n > 18:  # eased from whichever spoke first
            seen = bench.pose(now_s)
            assert math.dist(seen.position_m, (0.0, 0.0, 1.5)) < 0.01
            assert degrees(seen, Pose()) < 0.1
    assert bench.bad()["other-source"] >= 116


@pytest.mark.parametrize("ports", [(ONE, TWO), ("new", "new")])
def test_halves_may_come_from_two_ports(ports: tuple[str, str]) -> None:
    now_s = 0.0
    bench, source = Bench(), Source(OscAppTracking(OscAppTracking.Settings(preset="vrchat"), lambda: now_s), "1")
    for n in range(60):
        for step, part in enumerate(("position", "rotation")):
            now_s = n / 60.0 + 0.001 * step
            peer = f"10.0.0.5:{20_000 + 2 * n + step}" if ports[step] == "new" else ports[step]
            bench.take(bundle((f"/tracking/trackers/1/{part}", 0.0, 0.0, 0.0)), now_s, peer, source)
    assert (bench.good(), bench.bad()) == (60, {})


def test_a_program_started_again_is_heard_at_once() -> None:
    bench = Bench()
    for n in range(60):
        bench.take(encode_pose("1", at(0.0)), n / 60.0)
    for n in range(60):
        bench.take(encode_pose("1", at(0.0)), 1.0 + 0.02 + n / 60.0, TWO)
    assert bench.good(TWO) >= 57


@pytest.mark.parametrize("messages", [1, 2])
def test_a_program_that_sends_each_packet_from_a_new_port_loses_none(
    messages: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A box whose datagrams hold one message of the camera, or two."""
    bench, freed = Bench(), Source(FreedTracking(FreedTracking.Settings()))
    for n in range(300):
        packet = b"".join(freed_pose("1", at(n / 60.0)) for _ in range(messages))
        bench.take(packet, n / 60.0, f"10.0.0.5:{20_000 + n}", freed)
    assert bench.good() == 300
    assert bench.bad() == {}
    assert bench.pose(299 / 60.0).position_m[0] == pytest.approx(299 / 60.0, abs=0.01)
    assert sentences(caplog) == []


def test_another_machine_waits_for_a_second() -> None:
    bench = Bench()
    bench.take(encode_pose("1", at(0.0)), 0.0)
    for time_s in (0.5, 0.9):
        bench.take(encode_pose("1", at(0.0)), time_s, THREE)
    assert bench.bad() == {"other-source": 2}
    bench.take(encode_pose("1", at(0.0)), 1.1, THREE)
    assert bench.good(THREE) == 1


def test_a_lens_encoder_is_not_the_tracker(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for n in range(100):
        bench.take(encode_pose("1", at(0.0)), n / 60.0)
        bench.take(encode_lens("1", 50.0, math.inf, 2.8), n / 60.0 + 0.005, THREE)
    assert (bench.good(ONE), bench.good(THREE), bench.bad()) == (100, 100, {})
    for n in range(100, 200):
        bench.take(encode_pose("1", at(2.0)), n / 60.0, THREE)
        bench.take(encode_lens("1", 20.0, 1.0, 4.0), n / 60.0 + 0.005, ONE)
        bench.take(encode_pose("1", at(0.0)), n / 60.0 + 0.006)
        bench.take(encode_lens("1", 50.0, math.inf, 2.8), n / 60.0 + 0.007, THREE)
    assert bench.bad() == {"other-source": 200}
    assert bench.lenses.take() == {"1": LensUpdate("1", 50.0, math.inf, pytest.approx(2.8))}
    assert len(sentences(caplog)) == 2


def test_what_a_lens_message_does_not_say_stays() -> None:
    bench = Bench()
    bench.take(encode_lens("1", 50.0, 3.0, 2.8), 0.0)
    bench.take(encode_lens("1", 85.0, math.nan, -1.0), 0.1)
    assert bench.lenses.take() == {"1": LensUpdate("1", 85.0, 3.0, pytest.approx(2.8))}
    assert bench.bad() == {"bad-focus-distance": 1, "bad-t-stop": 1}


# --- wild samples ---------------------------------------------------------------------------------------------------


def way(time_s: float) -> Pose:
    """Half a metre a second, 20 degrees a second."""
    return at(0.5 * time_s, 0.0, 20.0 * time_s)


@pytest.mark.parametrize("hertz", [30.0, 60.0, 90.0, 240.0])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("wild", [(5.0, 0.0), (0.0, 180.0), (1.0, 90.0), (-300.0, 0.0)])
def test_a_wild_sample_does_not_move_the_picture(
    wild: tuple[float, float], count: int, hertz: float, caplog: pytest.LogCaptureFixture
) -> None:
    if count / hertz > 0.08:
        pytest.skip("a tenth of a second is a cut")
    bench, frames = Bench(), int(3.0 * hertz)
    for n in range(frames):
        time_s, is_wild = n / hertz, frames // 2 <= n < frames // 2 + count
        pose = way(time_s)
        if is_wild:
            pose = at(pose.position_m[0] + wild[0], 0.0, 20.0 * time_s + wild[1])
        bench.take(encode_pose("1", pose), time_s)
        for ahead_s in (0.0, 0.02, 0.04):
            if n > 10:
                seen, true = bench.pose(time_s + ahead_s), way(time_s + ahead_s)
                assert math.dist(seen.position_m, true.position_m) < 0.02
                assert degrees(seen, true) < 0.5
    assert bench.bad() == {"wild-pose": count}
    (line,) = sentences(caplog)
    assert "held back" in line


@pytest.mark.parametrize("hertz", [30.0, 60.0, 240.0])
@pytest.mark.parametrize("off_m", [0.35, 1.0, 50.0])
@pytest.mark.parametrize("wild", [(10, 1), (7, 2)])
def test_a_tracker_that_errs_all_the_time(wild: tuple[int, int], off_m: float, hertz: float) -> None:
    """One sample of ten, or two of seven, of a camera that is carried about: no cut, and never far from the truth."""
    bench = Bench()
    for n in range(int(4.0 * hertz)):
        time_s = n / hertz
        x = 0.3 * math.sin(2.0 * time_s) + 0.1 * math.sin(7.0 * time_s)
        is_wild = n > 9 and n % wild[0] < wild[1]
        bench.take(encode_pose("1", at(x + off_m * is_wild)), time_s)
        if n > 20:
            assert abs(bench.pose(time_s).position_m[0] - x) < 0.06
    assert set(bench.bad()) == {"wild-pose"}


@pytest.mark.parametrize("hertz", [10.0, 60.0, 90.0])
@pytest.mark.parametrize("moved", [(5.0, 0.0), (0.0, 180.0), (300.0, 45.0)])
def test_a_cut_of_the_origin_is_followed_gently_and_told(
    moved: tuple[float, float], hertz: float, caplog: pytest.LogCaptureFixture
) -> None:
    bench, before = Bench(), at(1.0)
    after = at(1.0 + moved[0], 0.0, moved[1])
    for n in range(int(2.0 * hertz)):
        bench.take(encode_pose("1", before), n / hertz)
    places, last_m = [], 1.0
    for n in range(int(2.0 * hertz), int(4.0 * hertz)):
        bench.take(encode_pose("1", after), n / hertz)
        for step in range(8):
            time_s = (n + step / 8.0) / hertz
            places.append((time_s - 2.0, bench.pose(time_s)))
    for since_s, pose in places:
        assert abs(pose.position_m[0] - last_m) <= 0.16 * max(moved[0], 1e-9) + 1e-6  # eased
        last_m = pose.position_m[0]
        if since_s > 0.5:
            assert math.dist(pose.position_m, after.position_m) < 0.001 * max(moved[0], 1.0)
            assert degrees(pose, after) < 0.1
    # What was held back first is not told beside it.
    (line,) = [line for line in sentences(caplog) if "far outside any stage" not in line]
    assert "camera 1" in line
    assert "stays there" in line
    assert bench.bad()["origin-moved"] == 1


@pytest.mark.parametrize(
    ("hertz", "speed_m_s", "speed_deg_s"),
    [(60.0, 0.0, 300.0), (60.0, 0.0, 700.0), (10.0, 4.0, 400.0), (25.0, 3.0, 0.0), (240.0, 5.0, 700.0)],
)
@pytest.mark.parametrize("burst", [1, 3])
def test_fast_moves_are_moves(hertz: float, speed_m_s: float, speed_deg_s: float, burst: int) -> None:
    """From standing still to full speed at once, there and back, also where samples arrive several at a time."""
    bench = Bench()
    for n in range(int(4.0 * hertz)):
        taken_s, arrival_s = n / hertz, math.ceil((n + 1) / burst) * burst / hertz + 1e-4 * (n % burst)
        path_s = abs((max(taken_s - 1.0, 0.0) + 0.5) % 1.0 - 0.5) if taken_s > 1.0 else 0.0
        bench.take(encode_pose("1", at(speed_m_s * path_s, 0.0, speed_deg_s * path_s)), arrival_s)
    assert bench.bad() == {}


# --- names ----------------------------------------------------------------------------------------------------------


def freed(camera: str | None = None, **settings: object) -> Source:
    return Source(FreedTracking(FreedTracking.Settings.model_validate(settings)), camera)


def test_a_number_the_stage_does_not_know_is_refused_in_words(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench("A")
    for n in range(5):
        bench.take(freed_pose("3", at(0.0)), n / 60.0, f"10.0.0.5:{5000 + n}", freed())
    assert bench.bad() == {"unknown-camera": 5}
    (line,) = sentences(caplog)
    assert "from 10.0.0.5:5000" in line
    cure = 'FreeD camera 3 came, this stage knows "A": write cameras = {3 = "A"} under its [[tracking]]'
    assert cure in line


def test_what_names_no_camera_of_the_stage_moves_that_of_its_source(caplog: pytest.LogCaptureFixture) -> None:
    zigsim = Source(OscAppTracking(OscAppTracking.Settings(preset="vivetracker")), "A")
    packet = bundle(
        ("/vivetracker/position", 1.0, 1.5, -2.0),
        ("/vivetracker/quaternion", 1.0, 0.0, 0.0, 0.0),
        ("/vivetracker/visible", True),
    )
    for source, packets in (
        (freed("A"), [freed_pose("3", at(0.0)), freed_pose("3", at(0.1))]),
        (Source(OSC.protocol, "A"), [encode_pose("7", at(0.0)), encode_lens("7", 50.0, 3.0, 2.8)]),
        (Source(OPENTRACKIO.protocol, "A"), [opentrackio_pose("front", at(0.0))]),
        (zigsim, [packet]),
    ):
        bench = Bench("A", "B")
        for n, data in enumerate(packets):
            bench.take(data, n / 60.0, source=source)
        assert (bench.good(), bench.bad()) == (len(packets), {})
        assert bench.poses["A"].at(0.0) is not None
        assert bench.poses["B"].at(0.0) is None
    assert sentences(caplog) == []


def test_what_names_another_camera_of_the_stage_moves_that() -> None:
    bench = Bench("A", "3")
    bench.take(freed_pose("3", at(0.0)), 0.0, source=freed("A"))
    assert bench.poses["A"].at(0.0) is None
    assert bench.poses["3"].at(0.0) is not None


def test_a_map_decides(caplog: pytest.LogCaptureFixture) -> None:
    bench, source = Bench("A"), freed("A", cameras={"1": "A", "2": "gone"})
    for number in ("3", "2", "1"):
        bench.take(freed_pose(number, at(0.0)), 0.0, source=source)
    assert (bench.good(), bench.bad()) == (1, {"other-camera-id": 1, "unknown-camera": 1})
    mapped, gone = sentences(caplog)
    assert "FreeD camera 3 came, which is not in cameras" in mapped
    assert 'names "gone", this stage knows "A"' in gone


def test_of_two_unknown_names_the_first_one_is_followed(caplog: pytest.LogCaptureFixture) -> None:
    bench, source = Bench("A"), freed("A")
    for n in range(60):
        bench.take(freed_pose("3", at(0.0)), n / 60.0, source=source)
        bench.take(freed_pose("4", at(2.0)), n / 60.0 + 0.001, source=source)
    assert (bench.good(), bench.bad()) == (60, {"unknown-camera": 60})
    assert bench.pose(1.0, "A").position_m[0] == pytest.approx(0.0)
    (line,) = sentences(caplog)
    assert 'FreeD camera 4 came, and camera 3 moves "A" already' in line
    bench.take(freed_pose("4", at(2.0)), 3.0, source=source)  # a phone that calls itself otherwise today
    assert bench.good() == 61


@pytest.mark.parametrize("first", ["1", "2"])
def test_a_camera_heard_by_its_own_name_is_moved_by_no_other(first: str, caplog: pytest.LogCaptureFixture) -> None:
    """One machine sends two trackers, and the stage knows only one of them."""
    bench, source = Bench("1"), freed("1")
    for n in range(90):
        for number, x in sorted([("1", 0.0), ("2", 3.0)], reverse=first == "2"):
            bench.take(freed_pose(number, at(x)), n / 60.0, source=source)
        if n > 30:
            assert abs(bench.pose(n / 60.0).position_m[0]) < 0.001
    assert bench.bad()["unknown-camera"] >= 89
    assert any("FreeD camera 2 came, and camera 1 moves" in line for line in sentences(caplog))


# --- datagrams, units, words ----------------------------------------------------------------------------------------


def bundle(*messages: tuple[object, ...]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for address, *arguments in messages:
        message = OscMessageBuilder(str(address))
        for argument in arguments:
            message.add_arg(argument)
        builder.add_content(message.build())
    return bytes(builder.build().dgram)


def pose_message(camera: str, x: float) -> tuple[object, ...]:
    return (f"/vp/camera/{camera}/pose", x, 0.0, 1.5, 0.0, 0.0, 0.0, 1.0)


def test_of_several_poses_in_a_datagram_the_newest_counts() -> None:
    osc = bundle(pose_message("1", 0.1), pose_message("2", 0.5), pose_message("1", 0.2))
    d1 = freed_pose("1", at(0.1)) + freed_pose("2", at(0.5)) + freed_pose("1", at(0.2))
    otrk = b"".join(opentrackio_pose(camera, at(x)) for camera, x in (("1", 0.1), ("2", 0.5), ("1", 0.2)))
    stamped = b"".join(opentrackio_pose(camera, at(x), 9.0) for camera, x in (("1", 0.1), ("2", 0.5), ("1", 0.2)))
    for packet, source in ((osc, OSC), (d1, freed()), (otrk, OPENTRACKIO), (stamped, OPENTRACKIO)):
        bench = Bench("1", "2")
        bench.take(packet, 1.0, source=source)
        assert bench.pose(1.0, "1").position_m[0] == pytest.approx(0.2)
        assert bench.pose(1.0, "2").position_m[0] == pytest.approx(0.5)
        assert bench.bad() == {}


def test_stamped_poses_of_a_datagram_are_all_taken() -> None:
    """In the first datagram the newest sets the clock; from then on each has its own time."""
    bench, packets = Bench(), [opentrackio_pose("1", at(0.1 * n), 9.0 + 0.1 * n) for n in range(6)]
    bench.take(b"".join(packets[:3]), 1.0, source=OPENTRACKIO)
    bench.take(b"".join(packets[3:]), 1.3, source=OPENTRACKIO)
    assert (bench.good(), bench.bad()) == (4, {})
    for n in (3, 4, 5):
        assert bench.pose(0.8 + 0.1 * n).position_m[0] == pytest.approx(0.1 * n)


@pytest.mark.parametrize(("scale", "unit", "metres"), [(100.0, "cm", "2.39"), (1000.0, "mm", "2.39")])
def test_units_that_cannot_be_are_told_once(
    scale: float, unit: str, metres: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    for n in range(100):
        bench.take(encode_pose("1", Pose((2.39 * scale, 0.0, 0.0))), n / 60.0, f"10.0.0.5:{5000 + n}")
    assert (bench.good(), bench.bad()) == (100, {"far-outside": 100})
    (line,) = sentences(caplog)
    assert f"camera 1 is {2.39 * scale:.0f} m from the stage's origin" in line
    assert metres in line
    assert f'write length_unit = "{unit}"' in line


def test_noise_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    chance, bench = random.Random(1), Bench()
    sources = [OSC, freed(), OPENTRACKIO, Source(OscAppTracking(OscAppTracking.Settings(preset="zigsim")))]
    good = [encode_pose("1", at(0.0)), freed_pose("1", at(0.0)), opentrackio_pose("1", at(0.0)), b"/a/b\0\0\0\0,\0\0\0"]
    for n in range(20_000):
        packet = bytearray(good[n % 4])
        for _ in range(3):
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        bench.take(bytes(packet), n / 1000.0, f"10.0.0.5:{chance.randrange(1024, 65536)}", sources[n % 4])
    lines = sentences(caplog)
    assert len(lines) == len(set(lines)) < 100
    for line in lines:
        assert line.isprintable()
        assert len(line) < 500


def test_each_different_mistake_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for n in range(65):
        for address in ("/ping", "/accxyz", "/vp/camera/1/poses"):
            bench.take(bundle((address, 1.0)), n / 60.0, f"10.0.0.5:{5000 + n}")
    assert bench.bad() == {"unknown-address": 3 * 65}
    lines = sentences(caplog)
    assert len(lines) == 3
    assert '"/ping" is not known' in lines[0]
    for n in range(100):
        bench.take(bundle((f"/more/{n}", 1.0)), 9.0)
    assert len(sentences(caplog)) == MOST_SUBJECTS
    bench.take(bundle(("/ping", 1.0)), 9.0, THREE)
    assert len(sentences(caplog)) == MOST_SUBJECTS + 1


def test_another_protocol_s_packets_are_told_beside_noise(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for packet in (b"junk", opentrackio_pose("1", at(0.0)), freed_pose("1", at(0.0)), b"hello"):
        bench.take(packet, 0.0)
    told = " ".join(sentences(caplog))
    assert 'looks like OpenTrackIO: write kind = "opentrackio"' in told
    assert 'looks like FreeD: write kind = "freed"' in told


def test_forged_machines_are_told_of_up_to_a_number(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for n in range(500):
        bench.take(b"junk", 0.0, f"10.0.{n // 250}.{n % 250}:5000")
    assert len(sentences(caplog)) == 64
    assert bench.bad() == {"bad-address": 500}
