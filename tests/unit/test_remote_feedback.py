"""Values to who subscribed: to whom, how often, in how many bytes, what a hand is spared; by a clock that is set."""

from __future__ import annotations

import struct

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage

from vpengine.control.controls import Value
from vpengine.control.displays import Shown
from vpengine.mailbox import Board
from vpengine.remote.feedback import MOST_CLIENTS, MTU_BYTES, RENEW_S, Feedback, FullError, encoded, packets

SNOW, FOG, HOLD, NOTE = "/vp/look/snow", "/vp/look/fog", "/vp/neural/hold", "/vp/note"
START: dict[str, Value] = {SNOW: 0.0, FOG: 0.0, HOLD: True, NOTE: "first"}
TABLET = "10.0.0.5:53000"


def read(packet: bytes) -> list[tuple[str, object]]:
    """By python-osc."""
    if OscBundle.dgram_is_bundle(packet):
        return [(message.address, message.params[0]) for message in OscBundle(packet)]
    message = OscMessage(packet)
    return [(message.address, message.params[0])]


class Client:
    def __init__(self, name: str = TABLET) -> None:
        self.name, self.full, self.state = name, False, "new"
        self.packets: list[bytes] = []

    def begin(self) -> None:
        self.state = "begun"

    def end(self) -> None:
        self.state = "ended"

    def is_full(self) -> bool:
        return self.full

    def send(self, packet: bytes) -> None:
        self.packets.append(packet)

    def got(self) -> list[tuple[str, object]]:
        found = [each for packet in self.packets for each in read(packet)]
        self.packets.clear()
        return found


class Desk:
    """Feedback, the board before it, and a clock."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.values = dict(START)
        self.board: Board[Shown] = Board()
        self.feedback = Feedback(self.board, 25.0, clock=lambda: self.now_s)
        self.frame()

    def frame(self, displays: dict[str, Value] | None = None, **values: Value) -> None:
        self.values |= {"/vp/" + name.replace("_", "/"): value for name, value in values.items()}
        self.board.put(Shown(dict(self.values), displays or {}))

    def wait(self, seconds: float = 0.05) -> None:
        self.now_s += seconds
        self.feedback.turn()

    def subscribed(self, name: str = TABLET, *, ends: bool = True) -> Client:
        client = Client(name)
        self.feedback.subscribe(client, name, ends=ends)
        self.wait()
        assert dict(client.got()) == self.values
        return client


def test_all_on_subscription_then_what_changes() -> None:
    desk = Desk()
    client = desk.subscribed()
    desk.wait()
    assert client.got() == []
    desk.frame({"/vp/state/cue": "3 Rain"}, look_snow=0.5)
    desk.wait()
    assert client.got() == [(SNOW, 0.5), ("/vp/state/cue", "3 Rain")]


def test_a_text_that_is_no_utf_8_keeps_nothing_from_anybody() -> None:
    """Of a file's name in what is wrong, or of what was typed on a command line."""
    desk = Desk()
    client, other = desk.subscribed(), desk.subscribed("10.0.0.6:9000")
    desk.frame({"/vp/state/health": "h\udce4fen.exr: not there", "/vp/state/cue": "3 Hafen"}, look_snow=0.5)
    desk.wait()
    told = {SNOW: 0.5, "/vp/state/health": "h?fen.exr: not there", "/vp/state/cue": "3 Hafen"}
    assert dict(client.got()) == dict(other.got()) == told


def test_a_switch_is_a_whole_number_on_the_wire() -> None:
    assert encoded(HOLD, True) == b"/vp/neural/hold\0,i\0\0\0\0\0\1"
    assert encoded(SNOW, 0.5) == b"/vp/look/snow\0\0\0,f\0\0" + struct.pack(">f", 0.5)


def test_the_newest_of_an_address_25_times_a_second() -> None:
    desk = Desk()
    client, other = desk.subscribed(), desk.subscribed("10.0.0.6:9000")
    for number in range(1, 1001):  # a second of changes, 1000 of them
        desk.frame(look_snow=number / 1000)
        desk.wait(0.001)
    for each in (client, other):
        sent = each.got()
        assert 20 <= len(sent) <= 25
        assert [value for _, value in sent] == sorted(value for _, value in sent)  # type: ignore[type-var]
    desk.wait()
    assert client.got() == [(SNOW, 1.0)]


def test_a_hand_is_not_fought() -> None:
    """Its own values come back late, another hand's in between: nothing is sent until it rests for half a second."""
    desk = Desk()
    hand, watcher = desk.subscribed(), desk.subscribed("10.0.0.6:9000")
    for number in range(20):
        desk.feedback.moved(TABLET, [(SNOW, number / 20)])
        desk.frame(look_snow=max(number - 2, 0) / 20)  # the frame is two messages behind
        desk.wait()
    assert hand.got() == []
    assert len(watcher.got()) == 17
    desk.frame(look_snow=19 / 20)
    desk.wait(1.0)
    assert hand.got() == []  # what it set is so
    desk.frame(look_snow=0.25)
    desk.wait()
    assert hand.got() == [(SNOW, 0.25)]


def test_a_hand_that_rests_is_told_what_is_true() -> None:
    """Where the value was refused, clamped, or another hand came after."""
    desk = Desk()
    hand = desk.subscribed()
    desk.feedback.moved(TABLET, [(SNOW, 7.0), (FOG, 0.5)])
    desk.frame(look_snow=1.0)
    desk.wait(0.45)
    assert hand.got() == []
    desk.wait(0.1)
    assert hand.got() == [(SNOW, 1.0), (FOG, 0.0)]


def test_a_value_that_meets_a_hand_s_on_the_way_is_not_what_stays() -> None:
    """It left before the hand's came in, and reaches the client after it moved: the fader stands there."""
    desk = Desk()
    hand = desk.subscribed()
    desk.wait(1.0)
    desk.frame(look_snow=0.25)
    desk.wait()
    assert hand.got() == [(SNOW, 0.25)]  # still in the network
    desk.feedback.moved(TABLET, [(SNOW, 0.75)])
    desk.frame(look_snow=0.75)
    desk.wait(0.4)
    assert hand.got() == []
    desk.wait(0.2)
    assert hand.got() == [(SNOW, 0.75)]


def test_other_addresses_are_sent_while_a_hand_moves() -> None:
    desk = Desk()
    hand = desk.subscribed()
    desk.feedback.moved(TABLET, [(SNOW, 0.5)])
    desk.frame(look_snow=0.5, look_fog=0.5)
    desk.wait()
    assert hand.got() == [(FOG, 0.5)]


def test_a_client_of_the_stage_file_is_known_by_its_machine() -> None:
    """It sends from another port; and another program of that machine may have moved, so it is told in the end."""
    desk = Desk()
    fixed = Client("10.0.0.5:9000")
    desk.feedback.subscribe(fixed, None, ends=False)
    desk.wait()
    fixed.got()
    desk.feedback.moved(TABLET, [(SNOW, 0.5)])
    desk.frame(look_snow=0.5)
    desk.wait(0.4)
    assert fixed.got() == []
    desk.wait(0.2)
    assert fixed.got() == [(SNOW, 0.5)]
    desk.feedback.moved("10.0.0.7:1", [(SNOW, 0.75)])
    desk.frame(look_snow=0.75)
    desk.wait()
    assert fixed.got() == [(SNOW, 0.75)]
    desk.feedback.unsubscribe(fixed.name)
    desk.wait(1000.0)
    assert fixed.name in desk.feedback.health()


def test_a_tablet_that_also_asked_at_another_port_is_not_fought_at_its_own() -> None:
    """Its hand is known at the one, and likely at the other."""
    desk = Desk()
    fixed = Client("10.0.0.5:9000")
    desk.feedback.subscribe(fixed, None, ends=False)
    asked = desk.subscribed()
    fixed.got()
    desk.wait(1.0)  # what was sent has come
    desk.feedback.moved(TABLET, [(SNOW, 0.5)])
    desk.frame(look_snow=0.25)
    desk.wait(0.4)
    assert (fixed.got(), asked.got()) == ([], [])
    desk.frame(look_snow=0.5)
    desk.wait(0.2)
    assert (fixed.got(), asked.got()) == ([(SNOW, 0.5)], [])


def test_a_hand_before_the_first_frame() -> None:
    desk = Desk()
    desk.feedback = Feedback(Board(), clock=lambda: desk.now_s)
    client = Client()
    desk.feedback.subscribe(client, TABLET, ends=True)
    desk.feedback.moved(TABLET, [(SNOW, 0.5)])
    desk.wait(1.0)
    assert client.got() == []


def test_who_is_silent_for_a_minute_is_gone() -> None:
    desk = Desk()
    desk.subscribed(), desk.subscribed("10.0.0.6:1"), desk.subscribed("10.0.0.7:1"), desk.subscribed("tcp", ends=False)
    desk.wait(40.0)
    desk.feedback.heard(TABLET)
    desk.feedback.subscribe(Client("10.0.0.6:1"), "10.0.0.6:1", ends=True)
    desk.wait(40.0)
    assert set(desk.feedback.health()) == {TABLET, "10.0.0.6:1", "tcp"}
    desk.wait(61.0)
    assert set(desk.feedback.health()) == {"tcp"}


def test_a_renewal_brings_what_the_network_lost_but_not_at_any_rate() -> None:
    desk = Desk()
    client = desk.subscribed()
    for _ in range(100):
        desk.feedback.subscribe(client, TABLET, ends=True)
        desk.wait(0.005)
    assert client.got() == []
    desk.wait(1.0)
    desk.feedback.subscribe(client, TABLET, ends=True)
    desk.wait()
    assert dict(client.got()) == START


def test_the_most_clients() -> None:
    desk = Desk()
    for number in range(MOST_CLIENTS):
        desk.feedback.subscribe(Client(f"10.0.0.5:{number + 1}"), f"10.0.0.5:{number + 1}", ends=True)
    with pytest.raises(FullError, match=r"10\.0\.0\.6:9000 cannot subscribe: 64 clients have, which is the most"):
        desk.feedback.subscribe(Client("10.0.0.6:9000"), "10.0.0.6:9000", ends=True)
    desk.feedback.subscribe(Client("10.0.0.5:1"), "10.0.0.5:1", ends=True)  # who is there renews
    desk.feedback.unsubscribe("10.0.0.5:1")
    desk.feedback.subscribe(Client("10.0.0.6:9000"), "10.0.0.6:9000", ends=True)


def test_who_does_not_read_gets_the_newest_of_each_when_it_does() -> None:
    """And meanwhile holds no more than one entry an address."""
    desk = Desk()
    client = desk.subscribed()
    client.full = True
    for number in range(1000):
        desk.frame({"/vp/state/timecode": str(number)}, look_snow=number / 1000)
        desk.wait()
    assert client.got() == []
    assert desk.feedback.health()[TABLET].waiting == 2
    client.full = False
    desk.wait()
    assert dict(client.got()) == {SNOW: pytest.approx(0.999), "/vp/state/timecode": "999"}


def test_packets_fit_the_network() -> None:
    """Text beyond it goes alone; what is alone is no bundle."""
    messages = [encoded(f"/vp/look/number{number}", number / 7) for number in range(150)]
    made = list(packets(messages))
    assert all(len(packet) <= MTU_BYTES for packet in made)
    assert len(made) == 4
    assert [address for packet in made for address, _ in read(packet)] == [f"/vp/look/number{n}" for n in range(150)]
    long = encoded(NOTE, "x" * 2000)
    assert list(packets([messages[0], long, messages[1]])) == [messages[0], long, messages[1]]


def test_a_way_begins_with_its_client_and_ends_when_that_is_forgotten() -> None:
    """A renewal brings another way of the same name, which never begins."""
    desk, ways = Desk(), [Client(f"10.0.0.5:{port}") for port in (9000, 9001, 9002)]
    for way in ways:
        desk.feedback.subscribe(way, None if way is ways[2] else way.name, ends=way is ways[1])
    again = Client(ways[0].name)
    desk.feedback.subscribe(again, ways[0].name, ends=False)
    assert [way.state for way in (*ways, again)] == ["begun", "begun", "begun", "new"]
    desk.feedback.unsubscribe(ways[0].name)
    desk.wait(RENEW_S + 1.0)
    desk.feedback.turn()
    assert [way.state for way in ways] == ["ended", "ended", "begun"]
    desk.feedback.close()
    assert ways[2].state == "ended"
