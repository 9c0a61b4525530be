"""Tracking messages: what is taken, what is refused and why, and where a phone's origin is put."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.senders import encode_lens
from vpengine.plugins import load_plugin
from vpengine.tracking import KINDS
from vpengine.tracking.none import NoTracking
from vpengine.tracking.osc import OscTracking, encode_pose
from vpengine.tracking.placement import Mount, Origin
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, Update
from vpengine.tracking.sender_clock import SenderClock
from vpengine.view.pose import Pose, from_opentrackio

POSE = from_opentrackio((0.5, -3.0, 1.6), 30.0, -10.0, 5.0)


def only(packet: bytes, protocol: OscTracking | None = None) -> Update:
    (update,) = (protocol or OscTracking(OscTracking.Settings())).decode(packet, "127.0.0.1:5000")
    return update


def packet(address: str, *arguments: tuple[str, object]) -> bytes:
    builder = OscMessageBuilder(address)
    for tag, value in arguments:
        builder.add_arg(value, tag)
    return builder.build().dgram


def pose_packet(*values: float, tag: str = "f") -> bytes:
    return packet("/vp/camera/1/pose", *((tag, value) for value in values))


@given(
    st.tuples(*[st.floats(-50.0, 50.0)] * 3),
    st.tuples(st.floats(-180.0, 180.0), st.floats(-89.0, 89.0), st.floats(-180.0, 180.0)),
    st.one_of(st.none(), st.floats(0.0, 1e9)),
)
def test_what_is_encoded_is_decoded(
    position_m: tuple[float, float, float], angles: tuple[float, float, float], time_s: float | None
) -> None:
    sent = from_opentrackio(position_m, *angles)
    update = only(encode_pose("b", sent, time_s))
    assert isinstance(update, PoseUpdate)
    assert update.camera == "b"
    assert update.sender_time_s == time_s
    assert update.pose.position_m == pytest.approx(sent.position_m, abs=1e-5)
    assert update.pose.rotation == pytest.approx(sent.rotation, abs=1e-6)
    assert math.hypot(*update.pose.rotation) == pytest.approx(1.0, abs=1e-12)


def test_known_values() -> None:
    q = 0.70710678
    update = only(pose_packet(1.0, -2.0, 1.5, 0.0, 0.0, q, q))
    assert isinstance(update, PoseUpdate)
    assert update.pose.position_m == (1.0, -2.0, 1.5)
    looks = update.pose.matrix()[:3, 1]  # a quarter turn to the left of +Y
    assert looks == pytest.approx([-1.0, 0.0, 0.0], abs=1e-7)
    assert only(encode_lens("1", 35.0, 2.5, 2.8)) == LensUpdate("1", 35.0, 2.5, pytest.approx(2.8))


def test_times_come_as_seconds_or_as_a_time_tag() -> None:
    numbers = [("f", value) for value in (*POSE.position_m, *POSE.rotation)]
    seconds = only(packet("/vp/camera/1/pose", *numbers, ("d", 12.25)))
    assert isinstance(seconds, PoseUpdate)
    assert seconds.sender_time_s == 12.25
    raw = packet("/vp/camera/1/pose", *numbers, ("d", 0.0)).replace(b",fffffffd", b",ffffffft")
    tagged = only(raw[:-8] + (((2_208_988_800 + 1000) << 32) + (1 << 31)).to_bytes(8, "big"))
    assert isinstance(tagged, PoseUpdate)
    assert tagged.sender_time_s == 1000.5


REFUSED = {
    "bad-arguments": pose_packet(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "not-finite": pose_packet(math.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    "bad-quaternion": pose_packet(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.6),
    "too-far": pose_packet(0.0, 2e4, 0.0, 0.0, 0.0, 0.0, 1.0),
    "bad-types": packet("/vp/camera/1/pose", *[("T", True)] * 7),
    "unknown-address": packet("/vp/camera/1/pose/more", ("f", 1.0)),
    "bad-focal-length": packet("/vp/camera/1/lens", ("f", -35.0)),
    "truncated": pose_packet(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)[:-8],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_nonsense_is_refused_by_reason(reason: str) -> None:
    assert only(REFUSED[reason]) == Rejected(reason)


def updates(packet: bytes) -> list[Update]:
    return list(OscTracking(OscTracking.Settings()).decode(packet, "127.0.0.1:5000"))


def test_focus_may_be_at_infinity() -> None:
    known = "2f76702f63616d6572612f312f6c656e730000002c66666600000000424800007f80000040333333"
    assert updates(bytes.fromhex(known)) == [LensUpdate("1", 50.0, math.inf, pytest.approx(2.8))]


@pytest.mark.parametrize(
    ("lens", "taken", "reasons"),
    [
        ((50.0, math.nan, 2.8), (50.0, None, 2.8), ["bad-focus-distance"]),
        ((50.0, -1.0, 2.8), (50.0, None, 2.8), ["bad-focus-distance"]),
        ((50.0, -math.inf, 2.8), (50.0, None, 2.8), ["bad-focus-distance"]),
        ((50.0, 3.0, math.nan), (50.0, 3.0, None), ["bad-t-stop"]),
        ((50.0, 3.0, math.inf), (50.0, 3.0, None), ["bad-t-stop"]),
        ((math.nan, math.inf, 2.8), (None, math.inf, 2.8), ["bad-focal-length"]),
        ((math.inf, 3.0, -2.0), (None, 3.0, None), ["bad-focal-length", "bad-t-stop"]),
        (("50 mm", 3.0, 2.8), (None, 3.0, 2.8), ["bad-focal-length"]),
        ((True, 3.0, 2.8), (None, 3.0, 2.8), ["bad-focal-length"]),
        ((50, 3), (50.0, 3.0, None), []),
        ((50.0,), (50.0, None, None), []),
        ((50.0, 3.0, 2.8, 1.0), (50.0, 3.0, 2.8), ["extra-arguments"]),
    ],
)
def test_each_member_of_a_lens_stands_alone(lens: tuple[Any, ...], taken: tuple[Any, ...], reasons: list[str]) -> None:
    tags = {float: "f", int: "i", str: "s", bool: "T"}
    found, *refused = updates(packet("/vp/camera/1/lens", *[(tags[type(value)], value) for value in lens]))
    expected = [pytest.approx(value) if value is not None else None for value in taken]
    assert found == LensUpdate("1", *expected)
    assert refused == [Rejected(reason) for reason in reasons]


@pytest.mark.parametrize("time", [("d", math.nan), ("d", math.inf), ("f", math.nan), ("s", "12:00"), ("T", True)])
def test_a_time_that_cannot_be_used_costs_the_pose_nothing(time: tuple[str, Any]) -> None:
    numbers = [("f", value) for value in (*POSE.position_m, *POSE.rotation)]
    pose, refused = updates(packet("/vp/camera/1/pose", *numbers, time))
    assert isinstance(pose, PoseUpdate)
    assert pose.sender_time_s is None
    assert refused == Rejected("bad-time")
    more, extra = updates(packet("/vp/camera/1/pose", *numbers, ("d", 2.0), ("i", 7)))
    assert isinstance(more, PoseUpdate)
    assert more.sender_time_s == 2.0
    assert extra == Rejected("extra-arguments")


def test_refusals_say_what_came_and_what_is_expected() -> None:
    (unknown,) = updates(packet("/vp/camera/1/pose/more", ("f", 1.0)))
    assert isinstance(unknown, Rejected)
    assert unknown.sentence.startswith(
        'the address "/vp/camera/1/pose/more" is not known: expected /vp/camera/<id>/pose'
    )
    assert unknown.subject == "/vp/camera/1/pose/more"
    (long,) = updates(packet("/" + "a" * 200, ("f", 1.0)))
    assert isinstance(long, Rejected)
    assert f'"/{"a" * 63}..."' in long.sentence
    (bent,) = updates(pose_packet(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.6))
    assert isinstance(bent, Rejected)
    assert bent.sentence == "a quaternion of length 0.6 is no rotation: expected length 1, as qx qy qz qw"
    (freed,) = updates(bytes.fromhex("d1" + "00" * 28))
    assert isinstance(freed, Rejected)
    assert 'it looks like FreeD: write kind = "freed"' in freed.sentence


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_no_argument_may_be_infinite(bad: float) -> None:
    good = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    for place in range(7):
        assert isinstance(only(pose_packet(*good[:place], bad, *good[place + 1 :])), Rejected)


def test_a_bundle_s_good_messages_are_taken_beside_bad_ones() -> None:
    builder = OscBundleBuilder(IMMEDIATELY)
    for address in ("/vp/camera/1/pose", "/nonsense"):
        message = OscMessageBuilder(address)
        for value in (1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 1.0):
            message.add_arg(value)
        builder.add_content(message.build())
    taken, refused = OscTracking(OscTracking.Settings()).decode(builder.build().dgram, "x")
    assert isinstance(taken, PoseUpdate)
    assert refused == Rejected("unknown-address")


def test_a_phone_s_origin_is_put_on_the_stage() -> None:
    settings = OscTracking.Settings(stage_from_tracker=Origin(translation_m=(2.0, 1.0, 0.5), pan_deg=90.0))
    update = only(encode_pose("1", from_opentrackio((1.0, 0.0, 0.0), 0.0, -10.0, 0.0)), OscTracking(settings))
    assert isinstance(update, PoseUpdate)
    assert update.pose.position_m == pytest.approx((2.0, 2.0, 0.5), abs=1e-6)
    assert update.pose.rotation == pytest.approx(from_opentrackio((0, 0, 0), 90.0, -10.0, 0.0).rotation, abs=1e-6)


def test_a_tracker_beside_the_lens_is_not_the_sensor() -> None:
    settings = OscTracking.Settings(tracker_from_sensor=Mount(translation_m=(0.1, 0.2, -0.3), tilt_deg=20.0))
    update = only(encode_pose("1", from_opentrackio((1.0, 0.0, 2.0), 90.0, 0.0, 0.0)), OscTracking(settings))
    assert isinstance(update, PoseUpdate)
    assert update.pose.position_m == pytest.approx((0.8, 0.1, 1.7), abs=1e-6)
    assert update.pose.rotation == pytest.approx(from_opentrackio((0, 0, 0), 90.0, 20.0, 0.0).rotation, abs=1e-6)


def test_settings_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValidationError, match="prot"):
        OscTracking.Settings.model_validate({"prot": 9000})
    with pytest.raises(ValidationError, match="finite"):
        OscTracking.Settings.model_validate({"stage_from_tracker": {"pan_deg": math.nan}})
    assert OscTracking(OscTracking.Settings(port=0)).endpoint is None
    assert OscTracking(OscTracking.Settings()).endpoint == ("127.0.0.1", 9000)


STRICT: dict[str, Any] = {
    "port": ["9000", 9000.5, True, -1, 70_000],
    "address": ["192.168.1", "", "stage", 5],
    "stage_from_tracker": [{"pan_deg": True}, {"pan_deg": "90"}, {"translation_m": ("1", 0.0, 0.0)}, {"tilt_deg": 1.0}],
    "tracker_from_sensor": [{"roll_deg": math.inf}, {"translation_m": (0.0, 0.0)}, {"roll_deg": "0"}],
    "kind": ["osc"],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", STRICT)
def test_settings_of_every_kind_are_strict(kind: str, key: str) -> None:
    model = load_plugin(KINDS[kind]).Settings
    for value in STRICT[key]:
        with pytest.raises(ValidationError):
            model.model_validate({key: value})


def test_protocols_are_loaded_by_name() -> None:
    assert load_plugin(KINDS["osc"]) is OscTracking
    assert load_plugin(KINDS["none"]) is NoTracking
    for target in KINDS.values():
        protocol = load_plugin(target)(load_plugin(target).Settings())
        assert all(isinstance(update, Rejected) for update in protocol.decode(b"", "x"))
    assert NoTracking(NoTracking.Settings()).endpoint is None
    assert list(NoTracking(NoTracking.Settings()).decode(encode_pose("1", Pose()), "x")) == []


def test_a_sender_s_clock_is_mapped_by_its_fastest_packet() -> None:
    sender = SenderClock()
    travel_s = [0.010, 0.004, 0.030, 0.002, 0.009, 0.050, 0.002]
    mapped = [sender.engine_time_s(1e6 + n / 100.0, n / 100.0 + late) for n, late in enumerate(travel_s)]
    for n in range(3, len(travel_s)):
        assert mapped[n] == pytest.approx(n / 100.0 + 0.002, abs=1e-6)
    assert all(time_s <= n / 100.0 + late + 1e-9 for n, (time_s, late) in enumerate(zip(mapped, travel_s, strict=True)))


def test_a_sender_s_clock_may_drift_or_be_set() -> None:
    sender = SenderClock()
    for n in range(6000):  # a minute at 100 Hz, 100 parts in a million slow
        arrival_s = n / 100.0
        mapped_s = sender.engine_time_s(arrival_s * (1.0 - 1e-4), arrival_s)
        assert arrival_s - 0.0011 < mapped_s <= arrival_s
    assert sender.engine_time_s(5.0, 60.0) == 60.0
    assert sender.engine_time_s(5.01, 60.01) == pytest.approx(60.01)


def test_a_packet_that_comes_late_is_no_clock_that_was_set() -> None:
    sender = SenderClock()
    for n in range(200):
        sender.engine_time_s(n / 100.0, 7.0 + n / 100.0)
    assert sender.engine_time_s(1.7, 9.0) == pytest.approx(8.7)
    assert sender.engine_time_s(2.0, 9.03) == pytest.approx(9.0)


@pytest.mark.parametrize("address", ["/vp/look/fog", "/vp/scene", "/vp/camera/1/recentre"])
def test_an_operator_s_message_is_sent_to_the_other_port(address: str) -> None:
    (refused,) = OscTracking(OscTracking.Settings()).decode(packet(address, ("f", 1.0)), "10.0.0.5:5000")
    assert isinstance(refused, Rejected)
    assert refused.reason == "wrong-port"
    assert refused.sentence == f'"{address}" is no tracking: send operators\' messages to osc_port of [control]'
