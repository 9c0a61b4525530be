"""The OSC control door by its messages: faders, buttons, refusals, hostile packets. No sockets."""

from __future__ import annotations

import math
import random

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage

from tests.osc_door import Bench
from tests.senders import packet
from vpengine.control.controls import Value
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import (
    CameraTrigger,
    CueEdit,
    CueTrigger,
    LookTrigger,
    PickTrigger,
    RefreshTrigger,
    SafeTrigger,
    SceneTrigger,
    TakeTrigger,
)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (packet("/vp/look/snow", 0.25), {"/vp/look/snow": 0.25}),
        (packet("/vp/look/snow", 0.8), {"/vp/look/snow": 0.8}),  # a float32 stands for its decimal
        (packet("/vp/exposure/inner", -1.0 / 3.0), {"/vp/exposure/inner": -0.33333334}),
        (packet("/vp/look/snow", 1), {"/vp/look/snow": 1.0}),
        (packet("/vp/look/snow", 7.0), {"/vp/look/snow": 1.0}),
        (packet("/vp/exposure/inner", -2.5), {"/vp/exposure/inner": -2.5}),
        (packet("/vp/neural/hold", False), {"/vp/neural/hold": False}),
        (packet("/vp/neural/hold", 1), {"/vp/neural/hold": True}),
        (packet("/vp/note", "take 4"), {"/vp/note": "take 4"}),
        (packet("/vp/note", "4"), {"/vp/note": "4"}),
        (packet("/vp/look/snow", "0.5"), {"/vp/look/snow": 0.5}),
        (packet("/vp/look/snow", " 1e-1 "), {"/vp/look/snow": 0.1}),
        (packet("/vp/neural/hold", "0"), {"/vp/neural/hold": False}),
        (packet("/vp/neural/hold", "On"), {"/vp/neural/hold": True}),
        (packet("/vp/look/*", 0.5), {"/vp/look/snow": 0.5, "/vp/look/fog": 0.5}),
        (packet("/vp/{look,none}/f?g", 0.5), {"/vp/look/fog": 0.5}),
    ],
)
def test_faders(sent: bytes, expected: dict[str, Value]) -> None:
    assert Bench().take(sent) == (expected, ())


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (packet("/vp/scene", "dome"), SceneTrigger("goto", "dome")),
        (packet("/vp/preview/scene", "dome"), SceneTrigger("goto", "dome", "preview")),
        (packet("/vp/preview/scene", 2), SceneTrigger("goto", "snow-night", "preview")),
        (packet("/vp/preview/scene/snow-night", 1), SceneTrigger("goto", "snow-night", "preview")),
        (packet("/vp/preview/off"), SceneTrigger("goto", "", "preview")),
        (packet("/vp/scene", 1), SceneTrigger("goto", "street-day")),
        (packet("/vp/scene", 2.0), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene", "3"), SceneTrigger("goto", "dome")),
        (packet("/vp/scene/snow-night", "1"), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/snow-night"), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/snow-night", 1.0), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/snow-night", True), SceneTrigger("goto", "snow-night")),
        (packet("/vp/scene/next", 1), SceneTrigger("next")),
        (b"/vp/scene/next\0\0,I\0\0", SceneTrigger("next")),
        (packet("/vp/scene/previous"), SceneTrigger("previous")),
        (packet("/vp/camera/A/recentre", 1), CameraTrigger("recentre", "A")),
        (packet("/vp/neural/refresh"), RefreshTrigger()),
        (packet("/vp/camera/B/recentre/undo"), CameraTrigger("undo", "B")),
    ],
)
def test_presses_act(sent: bytes, expected: SceneTrigger) -> None:
    assert Bench().take(sent) == ({}, (expected,))


@pytest.mark.parametrize("sent", [packet("/vp/scene", "forest"), packet("/vp/scene/snow-nihgt", 1)])
def test_a_scene_that_is_not_there_is_refused_at_the_door(sent: bytes) -> None:
    bench = Bench()
    assert bench.take(sent) == ({}, ())
    assert bench.bad() == {"unknown-scene": 1}


@pytest.mark.parametrize("released", [0, 0.0, False])
def test_releases_do_nothing_and_are_no_mistake(released: object) -> None:
    bench = Bench()
    assert bench.take(packet("/vp/scene/next", released), packet("/vp/scene/dome", released)) == ({}, ())
    assert bench.bad() == {}


def test_triggers_keep_their_order_and_faders_their_newest() -> None:
    changes, triggers = Bench().take(
        packet("/vp/scene/next", 1), packet("/vp/look/snow", 0.1), packet("/vp/scene/next", 0),
        packet("/vp/scene/next", 1), packet("/vp/scene/previous", 1), packet("/vp/look/snow", 0.9),
    )  # fmt: skip
    assert triggers == (SceneTrigger("next"), SceneTrigger("next"), SceneTrigger("previous"))
    assert changes["/vp/look/snow"] == pytest.approx(0.9)


def test_a_bundle_and_what_follows_it_keep_one_order() -> None:
    """The fader's positions stand where they came: before the scene that was fired between them, and after it."""
    builder = OscBundleBuilder(IMMEDIATELY)
    for message in (("/vp/look/snow", 0.25), ("/vp/look/fog", 0.5), ("/vp/scene/dome", 1), ("/vp/look/snow", 0.75)):
        builder.add_content(OscMessage(packet(*message)))
    bench = Bench()
    bench.door.take(builder.build().dgram, "10.0.0.5:53000")
    bench.door.take(packet("/vp/scene/next", 1), "10.0.0.6:53000")
    assert bench.inbox.take() == (
        ControlChange("/vp/look/snow", 0.25),
        ControlChange("/vp/look/fog", 0.5),
        SceneTrigger("goto", "dome"),
        ControlChange("/vp/look/snow", 0.75),
        SceneTrigger("next"),
    )


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (packet("/vp/look/sno", 0.5), "unknown-address"),
        (packet("/vp/look/x*", 0.5), "unknown-address"),
        (packet("/vp/look/snow"), "bad-arguments"),
        (packet("/vp/look/snow", 0.5, 0.5), "bad-arguments"),
        (packet("/vp/look/snow", math.nan), "bad-value"),
        (packet("/vp/look/snow", "much"), "bad-value"),
        (packet("/vp/look/snow", "nan"), "bad-value"),
        (packet("/vp/look/snow", "0,5"), "bad-value"),
        (packet("/vp/note", 3), "bad-value"),
        (packet("/vp/scene"), "bad-arguments"),
        (packet("/vp/scene", 4), "bad-value"),
        (packet("/vp/scene", 0), "bad-value"),
        (packet("/vp/camera/A/recenter", 1), "unknown-address"),
        (packet("/vp/camera/C/recentre", 1), "unknown-camera"),
        (packet("/vp/camera/A/recentre", 0.5), "bad-value"),
        (packet("/vp/camera/A/pose", 0.5), "wrong-port"),
        (packet("/vp/scene", -1), "bad-value"),
        (packet("/vp/scene", 0.5), "bad-value"),
        (packet("/vp/scene", True), "bad-value"),
        (packet("/vp/scene/next", 0.5), "bad-value"),
        (packet("/vp/scene/next", "yes"), "bad-value"),
        (packet("/vp/scene/safe", 0.5), "bad-value"),
        (packet("/vp/cue/go", "yes"), "bad-value"),
        (packet("/vp/cue/goto"), "bad-arguments"),
        (packet("/vp/cue/goto", "x" * 65), "bad-value"),
        (packet("/vp/cue/went", 1), "unknown-address"),
        (packet("/vp/scene/a/b", 1), "unknown-address"),
        (packet("/vp/scene/*", 1), "unknown-address"),
        (b"junk", "bad-address"),
    ],
)
def test_refusals_have_reasons(sent: bytes, reason: str) -> None:
    bench = Bench()
    assert bench.take(sent) == ({}, ())
    assert bench.bad() == {reason: 1}


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        (packet("/vp/cue/go", 1), CueTrigger("go")),
        (packet("/vp/cue/go"), CueTrigger("go")),
        (packet("/vp/cue/go", 0.0), None),
        (packet("/vp/scene/go", True), CueTrigger("go")),
        (packet("/vp/cue/goto", 1.1), CueTrigger("goto", "1.1")),  # a float of seven digits
        (packet("/vp/cue/goto", 2), CueTrigger("goto", "2")),
        (packet("/vp/cue/standby", "1.5"), CueTrigger("standby", "1.5")),
        (packet("/vp/cue/record", 3, "the storm"), CueEdit("record", "3", "the storm")),
        (packet("/vp/panic", 1), SafeTrigger(True)),
        (packet("/vp/scene/safe", 1), SafeTrigger(True)),
        (packet("/vp/safe/release", 1), SafeTrigger(False)),
        (packet("/vp/take/slate", "12B"), TakeTrigger("slate", "12B")),
        (packet("/vp/approve", "Ana"), LookTrigger("approve", "Ana")),
        (packet("/vp/preview/take", 1), SceneTrigger("take")),
    ],
)
def test_buttons(sent: bytes, asked: OperatorMessage | None) -> None:
    assert Bench().take(sent)[1] == (() if asked is None else (asked,))


def test_a_look_s_fader_for_the_preview_alone() -> None:
    bench = Bench()
    bench.door.take(packet("/vp/preview/look/snow", 0.25), "10.0.0.2:1")
    bench.door.take(packet("/vp/look/snow", 0.75), "10.0.0.2:1")
    assert bench.inbox.take() == (ControlChange("/vp/look/snow", 0.25, "preview"), ControlChange("/vp/look/snow", 0.75))
    bench.door.take(packet("/vp/preview/look/snw", 0.25), "10.0.0.5:53000")
    assert bench.bad() == {"unknown-address": 1}


def test_safe_gets_through_a_flood_of_other_buttons() -> None:
    bench = Bench()
    for _ in range(300):
        bench.door.take(packet("/vp/cue/go", 1), "10.0.0.9:1")
    bench.door.take(packet("/vp/safe", 1), "10.0.0.2:1")
    assert bench.inbox.take()[-1] == SafeTrigger(True)


def test_a_finger_drawn_over_the_picture_picks_once_a_frame_where_it_is_last() -> None:
    bench = Bench()
    for step in range(300):
        bench.door.take(packet("/vp/key/pick", step / 300.0, 0.5), "10.0.0.2:1")
    (message,) = bench.inbox.take()
    assert message == PickTrigger("screen", pytest.approx(299 / 300.0), 0.5)


def test_a_pattern_that_fails_for_one_control_changes_none() -> None:
    bench = Bench()
    assert bench.take(packet("/vp/*/*", "much")) == ({}, ())
    assert bench.bad() == {"bad-value": 1}


def test_a_refused_address_says_what_is_near(caplog: pytest.LogCaptureFixture) -> None:
    Bench().take(packet("/vp/look/snwo", 0.5))
    Bench().take(packet("/ping"))
    assert "'/vp/look/snwo' is not an address of this engine; did you mean '/vp/look/snow'?" in caplog.text
    assert "'/ping' is not an address of this engine; `vpengine controls` lists all" in caplog.text


def test_a_refusal_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    Bench().take(*[packet("/vp/look/snow", "much")] * 5)
    (record,) = caplog.records
    expected = "/vp/look/snow: 'much', expected a number from 0 to 1"
    assert record.message == f"OSC control: from 10.0.0.5:53000: {expected} (further ones are counted)"


def test_fifty_thousand_mutations_change_nothing_out_of_range() -> None:
    chance, bench = random.Random(11), Bench()
    seeds = [packet("/vp/look/snow", 0.5), packet("/vp/scene/next", 1), packet("/vp/note", "x"), packet("/vp/scene", 2)]
    for _ in range(50_000):
        mutated = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 3)):
            mutated[chance.randrange(len(mutated))] = chance.choice((0, 0x2A, 0x2C, 0x2F, 0x3F, 0x54, 0x66, 0xFF))
        bench.door.take(bytes(mutated), "10.0.0.5:53000")
        changes, triggers = bench.taken()
        for address, value in changes.items():
            assert isinstance(value, str) if address == "/vp/note" else 0.0 <= float(value) <= 1.0
        for trigger in triggers:
            assert isinstance(trigger, SceneTrigger)
            assert trigger.action in ("goto", "next", "previous")
    assert len(bench.bad()) >= 8
    assert sum(bench.bad().values()) > 15_000


def test_too_many_triggers_are_refused_not_merged() -> None:
    bench = Bench()
    _, triggers = bench.take(*[packet("/vp/scene/next", 1)] * 130)
    assert len(triggers) == 100
    assert bench.bad() == {"queue-full": 30}


def test_new_patterns_are_rationed(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.take(*[packet(f"/vp/look/{n}*", 0.5) for n in range(100)])
    assert bench.bad() == {"unknown-address": 20, "too-many-patterns": 80}
    assert len([record for record in caplog.records if "more than 20" in record.getMessage()]) == 1
    bench.now_s = 1.5
    assert bench.take(packet("/vp/look/s*", 0.5))[0] == {"/vp/look/snow": 0.5}


class NeverReads:
    """The way to a client that takes three packets and then reads no more."""

    name = "tcp 10.0.0.5:53000"

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def begin(self) -> None:
        raise AssertionError("it is no client")

    end = begin

    def is_full(self) -> bool:
        return len(self.sent) >= 3

    def send(self, packet: bytes) -> None:
        self.sent.append(packet)


def test_who_pings_and_never_reads_piles_nothing_up() -> None:
    bench, way = Bench(), NeverReads()
    for _ in range(100):
        bench.door.take(packet("/vp/ping"), "10.0.0.5:53000", way)
    assert way.sent == [packet("/vp/pong")] * 3


@pytest.mark.parametrize("port", [0.5, 9000.5, 65536, -1, math.nan, math.inf, "many"])
def test_what_is_no_port_is_refused(port: object) -> None:
    bench = Bench()
    bench.take(packet("/vp/subscribe", port))
    assert bench.bad() == {"bad-value": 1}
    assert not bench.door.feedback.has_clients
