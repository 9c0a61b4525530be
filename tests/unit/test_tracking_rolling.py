"""ROLL, CUT and the slate from OpenTrackIO samples, over real UDP in JSON and in CBOR, to the operators' inbox."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cbor2
import pytest

from tests.intake import Bench as IntakeBench
from tests.intake import sentences
from tests.waiting import until
from vpengine.cli.ports import free_port
from vpengine.control.takes import Takes, TakesNow
from vpengine.control.triggers import TakeTrigger
from vpengine.errors import UserError
from vpengine.mailbox import Board, Inbox, Newest
from vpengine.tracking.intake import MOST_UNPRESSED
from vpengine.tracking.opentrackio import OpenTrackIOTracking
from vpengine.tracking.opentrackio_packet import CBOR, JSON, write_packet
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import Source, TakeUpdate
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.rolling import MOST_SOURCES, Rolling

pytestmark = pytest.mark.alone

ROLL, CUT = TakeTrigger("roll"), TakeTrigger("cut")
STILL = [{"translation": {"x": 0, "y": 0, "z": 1}, "rotation": {"pan": 0, "tilt": 0, "roll": 0}}]


def slate(text: str) -> TakeTrigger:
    return TakeTrigger("slate", text)


@dataclass
class Bench:
    """A running receiver of two cameras, whose take messages go to an inbox."""

    receiver: Receiver
    port: int
    inbox: Inbox[str, TakeTrigger]
    sender: socket.socket
    sent: int = 0

    def send(self, encoding: int, tracker: Any, camera: int = 1) -> None:
        sample = {"sourceNumber": camera, "tracker": tracker, "transforms": STILL}
        payload = json.dumps(sample).encode() if encoding == JSON else cbor2.dumps(sample)
        self.sent += 1
        self.sender.sendto(write_packet(payload, encoding, self.sent), ("127.0.0.1", self.port))

    def pressed(self) -> tuple[TakeTrigger, ...]:
        """What all that was sent came to."""
        until(lambda: sum(health.good for health in self.receiver.health().values()) == self.sent)
        return self.inbox.take()

    def bad(self) -> dict[str, int]:
        return dict(next(iter(self.receiver.health().values())).bad)


@pytest.fixture
def bench() -> Iterator[Bench]:
    port, inbox = free_port(), Inbox[str, TakeTrigger]()
    protocol = OpenTrackIOTracking(OpenTrackIOTracking.Settings(port=port))
    receiver = Receiver([Source(protocol)], {"1": PoseBuffer(), "2": PoseBuffer()}, Newest(), press=inbox.add)
    receiver.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        yield Bench(receiver, port, inbox, sender)
    receiver.stop()


@pytest.mark.parametrize("encoding", [JSON, CBOR])
def test_edges_are_pressed_and_nothing_else(bench: Bench, encoding: int) -> None:
    bench.send(encoding, {"recording": False, "slate": "12A"})
    for _ in range(3):
        bench.send(encoding, {"recording": True, "slate": "12A", "status": "Optical Good"})
    for _ in range(3):
        bench.send(encoding, {"recording": False})
    bench.send(encoding, {"notes": "nothing of takes"})
    assert bench.pressed() == (slate("12A"), ROLL, CUT)
    assert bench.bad() == {}


def test_what_is_pressed_makes_takes(bench: Bench) -> None:
    for recording, text in ((True, "7"), (False, "7"), (True, "7"), (False, "8"), (True, "8")):
        bench.send(JSON, {"recording": recording, "slate": text})
    takes, rolled = Takes(), []
    for trigger in bench.pressed():
        takes.press(trigger)
        if trigger == ROLL:
            rolled.append(takes.name.text)
    assert rolled == ["7 take 1", "7 take 2", "8 take 1"]


@pytest.mark.parametrize("encoding", [JSON, CBOR])
def test_two_cameras_make_one_take(bench: Bench, encoding: int) -> None:
    for camera, recording in ((2, False), (1, True), (2, False), (2, True), (2, False), (1, False), (1, True)):
        bench.send(encoding, {"recording": recording}, camera)
    assert bench.pressed() == (ROLL, CUT, ROLL)


def test_a_value_that_is_none_costs_no_pose(bench: Bench) -> None:
    bench.send(JSON, {"recording": 1, "slate": "1"})
    bench.send(JSON, {"recording": True, "slate": ["1"]})
    bench.send(JSON, "recording")
    assert bench.pressed() == (slate("1"), ROLL)
    assert bench.bad() == {"bad-tracker": 2, "bad-text": 1}


def test_a_sample_of_a_tracker_block_alone_is_heard(bench: Bench) -> None:
    sample = json.dumps({"sourceNumber": 1, "tracker": {"recording": True}}).encode()
    bench.sender.sendto(write_packet(sample, JSON, 1), ("127.0.0.1", bench.port))
    heard: list[TakeTrigger] = []
    until(lambda: bool(heard.extend(bench.inbox.take()) or heard))
    assert heard == [ROLL]


def test_a_camera_that_the_stage_does_not_know_rolls_nothing(bench: Bench) -> None:
    bench.send(JSON, {"recording": True}, camera=9)
    until(lambda: bool(bench.receiver.health() and bench.bad()))
    assert set(bench.bad()) == {"unknown-camera"}
    assert bench.inbox.take() == ()


def test_a_slate_waits_for_the_end_of_a_take() -> None:
    rolling = Rolling()
    assert rolling.hear("a", "1", TakeUpdate("1", True)) == (ROLL,)
    assert rolling.hear("a", "1", TakeUpdate("1", True, "9")) == ()
    assert rolling.hear("a", "1", TakeUpdate("1", False)) == (CUT, slate("9"))
    assert rolling.hear("b", "2", TakeUpdate("2", None, "")) == ()
    assert rolling.hear("b", "2", TakeUpdate("2", None, "9")) == ()
    assert rolling.hear("a", "1", TakeUpdate("1", None, "")) == (slate(""),)


def test_one_that_ends_late_does_not_end_the_next_take() -> None:
    rolling = Rolling()
    said = [("1", True), ("2", True), ("1", False), ("1", True), ("2", False), ("1", False)]
    pressed = [rolling.hear("a", camera, TakeUpdate(camera, recording)) for camera, recording in said]
    assert pressed == [(ROLL,), (), (CUT,), (ROLL,), (), (CUT,)]


def test_invented_sources_do_not_grow_without_end() -> None:
    rolling = Rolling()
    pressed = [rolling.hear(f"10.0.0.{n}", "1", TakeUpdate("1", n % 2 == 0)) for n in range(3 * MOST_SOURCES)]
    assert len(rolling._said) == MOST_SOURCES
    assert pressed == [(ROLL,), *[()] * (MOST_SOURCES - 1), *[None] * 2 * MOST_SOURCES]


class Says:
    """A protocol of one byte: whether camera 1 records."""

    endpoint = None
    multicast_groups = ()

    def decode(self, packet: bytes, peer: str) -> Iterator[TakeUpdate]:
        del peer
        yield TakeUpdate("1", packet == b"1")


SAYS = Source(Says())


def test_a_source_too_many_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever machine it is: those that nothing is remembered of are the ones that it happens to."""
    bench = IntakeBench()
    for n in range(3 * MOST_SOURCES):
        bench.take(b"0", 1.0 + n, f"10.0.{n}.1:9", SAYS)
    told = [text for text in sentences(caplog) if "sources speak of takes" in text]
    assert told == [f"tracking: more than 64 sources speak of takes; what 10.0.{MOST_SOURCES}.1:9 says is not heard"]
    assert bench.bad()["too-many-sources"] == 2 * MOST_SOURCES


class Hands:
    """An operator's hands, beside cameras that press: what becomes of it is on the board a frame later."""

    def __init__(self) -> None:
        self.takes, self.board = Takes(), Board[TakesNow]()
        self.rolling = Rolling(self.board)

    def say(self, camera: str, recording: bool, slate: str | None = None) -> tuple[TakeTrigger, ...]:
        triggers = self.rolling.hear("a", camera, TakeUpdate(camera, recording, slate)) or ()
        self.press(*triggers)
        return triggers

    def press(self, *triggers: TakeTrigger) -> None:
        for trigger in triggers:
            with contextlib.suppress(UserError):
                self.takes.press(trigger)
        self.board.put(self.takes.now)


def test_a_camera_that_died_while_it_recorded_holds_nobody_up() -> None:
    hands = Hands()
    assert hands.say("1", True) == (ROLL,)
    hands.press(CUT)
    assert hands.say("2", False, "9") == (slate("9"),), "what waits for the end of a take has it"
    assert hands.say("2", True) == (ROLL,)
    assert hands.say("1", False) == (), "it was of the take before"
    assert hands.say("2", False) == (CUT,)
    assert hands.takes.now == TakesNow(False, 2)


def test_one_that_joins_a_take_of_the_operator_s() -> None:
    hands = Hands()
    hands.press(ROLL)
    assert hands.say("1", True) == (ROLL,), "which is refused"
    hands.press(CUT)
    assert hands.say("2", True) == (ROLL,)


def test_what_is_not_there_yet_has_not_ended() -> None:
    """The operator's CUT and the camera's ROLL come within one frame: what the board says is of before them."""
    hands = Hands()
    hands.press(ROLL)
    assert hands.rolling.hear("a", "1", TakeUpdate("1", True)) == (ROLL,)
    assert hands.rolling.hear("a", "2", TakeUpdate("2", True)) == ()
    hands.press(CUT, ROLL)
    assert hands.say("2", False) == (CUT,)
    hands = Hands()
    assert hands.rolling.hear("a", "1", TakeUpdate("1", True)) == (ROLL,)
    assert hands.rolling.hear("a", "2", TakeUpdate("2", True)) == (), "no frame has seen the first one's"


def test_what_finds_no_room_is_told_and_pressed_again(caplog: pytest.LogCaptureFixture) -> None:
    """In its order, without another packet: the camera that says ROLL may be one that says nothing after it."""
    inbox: Inbox[str, TakeTrigger] = Inbox(most_events=1)
    inbox.add(slate("before"))
    port = free_port()
    protocol = OpenTrackIOTracking(OpenTrackIOTracking.Settings(port=port))
    receiver = Receiver([Source(protocol)], {"1": PoseBuffer()}, Newest(), press=inbox.add)
    receiver.start()
    taken: list[TakeTrigger] = []
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number, recording in enumerate((True, False, True)):
                payload = json.dumps({"sourceNumber": 1, "tracker": {"recording": recording}}).encode()
                sender.sendto(write_packet(payload, JSON, number), ("127.0.0.1", port))
        until(lambda: any("camera 1: ROLL: more presses" in text for text in sentences(caplog)))
        until(lambda: bool(taken.extend(inbox.take()) or len(taken) == 4))
    finally:
        receiver.stop()
    assert taken == [slate("before"), ROLL, CUT, ROLL]
    (told,) = [text for text in sentences(caplog) if "more presses" in text]
    assert "it is pressed as soon as there is room" in told


def test_an_engine_that_takes_nothing_costs_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    bench = IntakeBench()
    bench.intake._press = lambda _: False
    for n in range(3 * MOST_UNPRESSED):
        bench.take(b"%d" % (n % 2 == 0), 1.0 + n, source=SAYS)
    assert len(bench.intake._unpressed) == MOST_UNPRESSED
    assert bench.bad() == {"take-late": MOST_UNPRESSED, "take-lost": 2 * MOST_UNPRESSED}
    assert [text.count("it is lost: press it by hand") for text in sentences(caplog)] == [0, 1]


def test_room_that_comes_with_a_press_is_its_own_too() -> None:
    bench, pressed, room = IntakeBench(), list[TakeTrigger](), False

    def press(trigger: TakeTrigger) -> bool:
        if room:
            pressed.append(trigger)
        return room

    bench.intake._press = press
    for n in range(MOST_UNPRESSED):
        bench.take(b"%d" % (n % 2 == 0), 1.0 + n, source=SAYS)
    room = True
    bench.take(b"1", 100.0, source=SAYS)
    assert len(pressed) == MOST_UNPRESSED + 1
    assert bench.bad() == {"take-late": MOST_UNPRESSED}
