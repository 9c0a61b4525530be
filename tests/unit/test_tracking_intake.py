"""Whose poses move which camera, and the words for it: rivals, names, units, and what is no pose at all."""

from __future__ import annotations

import json
import math
import random

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.intake import ONE, OPENTRACKIO, OSC, THREE, TWO, Bench, at, degrees, sentences
from tests.opentrackio_samples import transform
from tests.senders import encode_lens
from vpengine.peers import MOST_SUBJECTS
from vpengine.tracking.freed import FreedTracking
from vpengine.tracking.freed import encode_pose as freed_pose
from vpengine.tracking.opentrackio import encode_pose as opentrackio_pose
from vpengine.tracking.opentrackio_packet import JSON, write_packet
from vpengine.tracking.osc import encode_pose
from vpengine.tracking.osc_preset import OscAppTracking
from vpengine.tracking.protocol import LensUpdate, Source
from vpengine.view.pose import Pose

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


def test_a_lens_is_of_the_moment_of_its_packet_s_pose() -> None:
    """By the sender's clock where it has one; what comes without a pose is of when it came."""
    bench = Bench()
    for n in range(10):
        pose, zoom = transform((float(n) / 10.0, 0.0, 1.5)), {"pinholeFocalLength": 30.0 + n}
        timing = {"sampleTimestamp": {"seconds": 100, "nanoseconds": 20_000_000 * n}}
        sample = {"sourceNumber": 1, "timing": timing, "transforms": [pose], "lens": zoom}
        came_s = 5.0 + n / 50.0 + (0.013 if n % 2 else 0.0)
        bench.take(write_packet(json.dumps(sample).encode(), JSON, n), came_s, source=OPENTRACKIO)
        lens = bench.lenses.take()["1"]
        assert (lens.focal_length_mm, lens.time_s) == (30.0 + n, pytest.approx(5.0 + n / 50.0))
    bench.take(encode_lens("1", 85.0, 3.0, 2.8), 7.5, THREE)
    assert bench.lenses.take()["1"].time_s == 7.5


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
