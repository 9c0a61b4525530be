"""MIDI controllers: what their messages ask for, by bytes; the door on ports that come and go; a flood; a real port."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.waiting import until
from vpengine.control.buttons import BUTTONS, Button
from vpengine.control.controls import Control
from vpengine.control.messages import ControlChange, ControlToggle, OperatorMessage
from vpengine.control.triggers import CueTrigger, SafeTrigger, SceneTrigger
from vpengine.mailbox import Inbox
from vpengine.remote import midi as midi_module
from vpengine.remote.midi import MidiDoor
from vpengine.remote.midi_ports import NoMidiError, RtMidiPorts, numbered
from vpengine.remote.midi_surface import Played, Surface, played
from vpengine.remote.thread import RemoteThread
from vpengine.stage.midi import MidiMapping
from vpengine.view.timecode import Timecode

pytestmark = pytest.mark.alone

BUTTON: dict[str, Button] = {button.address: button for button in BUTTONS}
SNOW = Control("/vp/look/snow", "float", 0.0, "Snow.")
EXPOSURE = Control("/vp/exposure/inner", "float", 0.0, "Exposure.", low=-6.0, high=6.0)
SEED = Control("/vp/neural/seed", "int", 0, "Seed.", high=1000.0)
HOLD = Control("/vp/neural/hold", "bool", False, "Hold.")
NANO, PADS = "nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0", "Launchpad:Launchpad MIDI 1 24:0"
MAPPINGS = (
    MidiMapping("nanokontrol", "control_change", 0, 0, SNOW),
    MidiMapping("nanokontrol", "control_change", 0, 1, EXPOSURE, bits=14),
    MidiMapping("nanokontrol", "control_change", 0, 2, HOLD),
    MidiMapping("nanokontrol", "control_change", 0, 3, SEED),
    MidiMapping("nanokontrol", "control_change", 0, 41, BUTTON["/vp/cue/go"]),
    MidiMapping("launch", "note", 9, 60, BUTTON["/vp/safe"]),
    MidiMapping("launch", "note", 9, 61, HOLD),
    MidiMapping("launch", "note", 9, 62, BUTTON["/vp/cue/goto"], argument="12.5"),
    MidiMapping("launch", "note", 9, 63, SceneTrigger("next")),
    MidiMapping("launch", "note", 9, 64, BUTTON["/vp/cue/go"]),
)
QUARTERS = bytes.fromhex("F100F111F124F133F145F152F161F176F102F111F124F133F145F152F161F176")


def asked(*messages: str) -> list[OperatorMessage]:
    """What a controller with all the mappings asks for, of messages in hex."""
    surface = Surface(MAPPINGS)
    return [item.message for text in messages for item in surface.take(bytes.fromhex(text))]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("90 3C 40", Played("note", 0, 60, 64)),
        ("90 3C 00", Played("note", 0, 60, 0)),
        ("8F 3C 40", Played("note", 15, 60, 0)),
        ("B9 07 7F", Played("control_change", 9, 7, 127)),
        ("A0 3C 40", None),
        ("E0 00 40", None),
        ("F8", None),
        ("B0 07", None),
        ("B0 80 00", None),
        ("B0 00 80", None),
        ("", None),
    ],
)
def test_what_a_message_says(message: str, expected: Played | None) -> None:
    assert played(bytes.fromhex(message)) == expected


def test_a_control_change_sweeps_the_control_s_range() -> None:
    assert asked("B0 00 00", "B0 00 7F", "B0 00 40") == [
        ControlChange("/vp/look/snow", 0.0),
        ControlChange("/vp/look/snow", 1.0),
        ControlChange("/vp/look/snow", 64 / 127),
    ]
    assert asked("B0 03 7F", "B0 03 40") == [
        ControlChange("/vp/neural/seed", 1000),
        ControlChange("/vp/neural/seed", 504),
    ]


def fine(surface: Surface, *messages: str) -> list[float]:
    """Where a fader of 14 bits is put, 0 to 16383; "settle" is when no low bits come."""
    found: list[float] = []
    for text in messages:
        for item in surface.settle() if text == "settle" else surface.take(bytes.fromhex(text)):
            assert isinstance(item.message, ControlChange)
            assert item.address == "/vp/exposure/inner"
            found.append((float(item.message.value) + 6.0) / 12.0 * 16383)
    return found


def test_fourteen_bits_in_two_messages() -> None:
    """The high seven bits, then the low ones, which are waited for once some came: no value between is told."""
    surface = Surface(MAPPINGS)
    assert fine(surface, "B0 01 07", "B0 21 68") == pytest.approx([7 << 7, (7 << 7) + 104])
    assert fine(surface, "B0 01 07", "B0 21 69", "B0 21 6A") == pytest.approx([(7 << 7) + 105, (7 << 7) + 106])
    assert fine(surface, "B0 01 7F", "B0 21 7F", "B1 01 00") == [pytest.approx(16383)]
    assert not surface.waits


def test_high_bits_alone_are_never_lost() -> None:
    surface = Surface(MAPPINGS)
    assert fine(surface, "B0 01 7F", "B0 01 40", "settle") == pytest.approx([127 << 7, 64 << 7])
    fine(surface, "B0 21 05")
    assert fine(surface, "B0 01 20", "B0 01 21") == []
    assert surface.waits
    assert fine(surface, "settle", "settle") == pytest.approx([33 << 7])
    fine(surface, "B0 21 05")
    assert fine(surface, "B0 01 21", "settle") == pytest.approx([(33 << 7) + 5]), "the low ones of the same stay"


def test_the_door_waits_for_low_bits_for_a_moment_only() -> None:
    async def moved() -> list[float]:
        desk = Desk(FakePorts([NANO]))
        desk.door._ports, desk.door._loop = desk.door._make_ports(), asyncio.get_running_loop()
        desk.door.look()
        found = []
        for text in ("B0 01 07", "B0 21 68", "B0 01 08"):
            desk.door.take(NANO, bytes.fromhex(text), 0.0)
            found += [message.value for message in desk.inbox.take() if isinstance(message, ControlChange)]
        while len(found) < 3:
            await asyncio.sleep(0.005)
            found += [message.value for message in desk.inbox.take() if isinstance(message, ControlChange)]
        return [(float(value) + 6.0) / 12.0 * 16383 for value in found]

    assert asyncio.run(asyncio.wait_for(moved(), 60.0)) == pytest.approx([7 << 7, (7 << 7) + 104, 8 << 7])


def test_a_control_change_is_a_switch_from_64_on() -> None:
    assert asked("B0 02 3F", "B0 02 40") == [
        ControlChange("/vp/neural/hold", False),
        ControlChange("/vp/neural/hold", True),
    ]


def test_a_control_change_presses_a_button_when_it_rises() -> None:
    assert asked("B0 29 7F", "B0 29 00", "B0 29 7F") == [CueTrigger("go")] * 2
    assert asked("B0 29 10", "B0 29 40", "B0 29 50", "B0 29 7F", "B0 29 41") == [CueTrigger("go")]


def test_a_note_presses_and_its_release_does_nothing() -> None:
    assert asked("99 3C 40", "99 3C 00", "89 3C 40", "99 3C 01", "90 3C 40") == [SafeTrigger(True)] * 2
    assert asked("99 3E 40", "99 3F 40", "99 3F 00") == [CueTrigger("goto", "12.5"), SceneTrigger("next")]
    assert asked("99 3D 40", "99 3D 00", "99 3D 40") == [ControlToggle("/vp/neural/hold")] * 2


def test_each_is_told_by_its_address() -> None:
    addresses = [item.address for item in Surface(MAPPINGS).take(bytes.fromhex("99 3F 40"))]
    there = Surface([MidiMapping("x", "note", 0, 1, SceneTrigger("goto", "dome"))])
    assert [*addresses, *(item.address for item in there.take(b"\x90\x01\x01"))] == ["/vp/scene/next", "/vp/scene/dome"]


def test_every_button_that_is_pressed_only_can_be_mapped() -> None:
    for button in BUTTONS:
        argument = "" if button.argument == "press" else "3"
        surface = Surface([MidiMapping("x", "note", 0, 1, button, argument=argument)])
        assert len(list(surface.take(b"\x90\x01\x01"))) == 1
        assert list(surface.take(b"\x90\x01\x00")) == []


def test_noise_raises_nothing() -> None:
    dice, surface = random.Random(3), Surface(MAPPINGS)
    for _ in range(20_000):
        list(surface.take(dice.randbytes(dice.randrange(6))))


@dataclass
class FakePort:
    heard: Callable[[bytes], None]
    closed: bool = False

    def close(self) -> None:
        self.closed = True


@dataclass
class FakePorts:
    """Ports that a test plugs in. broken: what is said instead of their names. taken: by another program."""

    plugged: list[str] = field(default_factory=list)
    broken: str = ""
    taken: tuple[str, ...] = ()
    opened: dict[str, FakePort] = field(default_factory=dict)

    def names(self) -> list[str]:
        if self.broken:
            raise NoMidiError(self.broken)
        return list(self.plugged)

    def open(self, name: str, heard: Callable[[bytes], None]) -> FakePort:
        if name in self.taken:
            raise NoMidiError(f"the port {name!r} cannot be opened")
        assert name not in self.opened or self.opened[name].closed, "opened twice"
        self.opened[name] = FakePort(heard)
        return self.opened[name]


class Desk:
    """A door on fake ports, driven without a thread."""

    def __init__(self, ports: FakePorts, timecode_device: str | None = None) -> None:
        self.inbox: Inbox[str, OperatorMessage] = Inbox(most_events=100)
        self.door = MidiDoor(MAPPINGS, self.inbox, timecode_device, lambda: ports, lambda: 50.0)

    def play(self, port: str, *messages: str) -> tuple[OperatorMessage, ...]:
        for text in messages:
            self.door.take(port, bytes.fromhex(text), 50.0)
        return self.inbox.take()


def run(door: MidiDoor, work: Callable[[], None]) -> None:
    async def served() -> None:
        await door.open()
        try:
            work()
        finally:
            await door.close()

    asyncio.run(served())


def test_a_controller_reaches_the_inbox_by_its_own_mappings() -> None:
    desk = Desk(FakePorts([NANO, PADS, "Midi Through:0"]))

    def work() -> None:
        assert desk.play(NANO, "B0 00 7F", "B0 00 00", "99 3C 40") == (ControlChange("/vp/look/snow", 0.0),)
        assert desk.play(PADS, "99 3C 40", "B0 00 7F") == (SafeTrigger(True),)
        assert desk.play("Midi Through:0", "99 3C 40") == ()
        health = desk.door.health()
        assert {name: (each.good, each.last) for name, each in health.items()} == {
            NANO: (2, "/vp/look/snow"),
            PADS: (1, "/vp/safe"),
        }

    run(desk.door, work)


def test_safe_gets_through_a_flood_of_other_buttons() -> None:
    desk = Desk(FakePorts([PADS]))

    def work() -> None:
        taken = desk.play(PADS, *["99 40 40"] * 300, "99 3C 40")
        assert taken[-1] == SafeTrigger(True)
        assert len(taken) == 101
        assert dict(desk.door.health()[PADS].bad) == {"queue-full": 200}

    run(desk.door, work)


def test_what_is_plugged_in_later_is_found(caplog: pytest.LogCaptureFixture) -> None:
    ports = FakePorts([PADS])
    desk = Desk(ports)

    def work() -> None:
        assert set(ports.opened) == {PADS}
        desk.door.look()
        ports.plugged.append(NANO)
        desk.door.look()
        assert desk.play(NANO, "B0 00 7F") == (ControlChange("/vp/look/snow", 1.0),)
        ports.plugged.remove(PADS)
        desk.door.look()
        assert ports.opened[PADS].closed
        assert desk.play(PADS, "99 3C 40") == ()
        ports.plugged.append(PADS)
        desk.door.look()
        assert desk.play(PADS, "99 3C 40") == (SafeTrigger(True),)

    run(desk.door, work)
    assert all(port.closed for port in ports.opened.values())
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == [
        f"MIDI: no port is called 'nanokontrol' (there are: {PADS}); it is waited for.",
        f"MIDI: {PADS} is gone; it is waited for.",
    ]


@pytest.mark.parametrize("absent", ["library", "system", "devices", "taken"])
def test_what_is_absent_is_one_sentence_and_no_error(caplog: pytest.LogCaptureFixture, absent: str) -> None:
    def make() -> FakePorts:
        if absent == "library":
            raise NoMidiError("the module rtmidi is not installed: pip install 'vpengine[midi]'")
        if absent == "taken":
            return FakePorts([NANO, PADS], taken=(PADS,))
        return FakePorts(broken="no sequencer" if absent == "system" else "")

    door = MidiDoor(MAPPINGS, Inbox(), None, make)
    run(door, lambda: [door.look() for _ in range(3)] and None)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 1
    assert told[0].startswith("MIDI: ")


@pytest.mark.parametrize(("device", "heard"), [("", True), ("LAUNCH", True), ("nano", False), (None, False)])
def test_timecode_comes_in_on_the_port_that_the_show_names(device: str | None, heard: bool) -> None:
    desk = Desk(FakePorts([NANO, PADS]), device)

    def work() -> None:
        for n in range(0, len(QUARTERS), 2):
            desk.door.take(PADS, QUARTERS[n : n + 2], 50.0 + n / 240.0)
        time_s = 50.0 + (len(QUARTERS) - 2) / 240.0
        assert desk.door.timecode(time_s, Fraction(30)) == (Timecode(1, 37, 52, 19) if heard else None)
        assert desk.door.timecode(time_s + 1.0, Fraction(30)) is None

    run(desk.door, work)


def test_on_the_remote_thread_messages_come_from_the_port_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_module, "POLL_S", 0.01)
    ports, inbox = FakePorts(), Inbox[str, OperatorMessage]()
    remote = RemoteThread([MidiDoor(MAPPINGS, inbox, None, lambda: ports)])
    remote.start()
    try:
        ports.plugged.append(PADS)
        until(lambda: PADS in ports.opened)
        player = threading.Thread(target=lambda: ports.opened[PADS].heard(bytes.fromhex("99 3C 40")))
        player.start()
        player.join()
        taken: list[OperatorMessage] = []
        until(lambda: bool(taken.extend(inbox.take()) or taken))
        assert taken == [SafeTrigger(True)]
    finally:
        remote.stop()
    ports.opened[PADS].heard(bytes.fromhex("99 3C 40"))  # after the end


def test_a_port_that_is_called_like_a_numbered_one_is_its_own() -> None:
    """A user may call one so; the places of those after it are counted in this list."""
    names = [PADS, PADS, f"{PADS} (2)", NANO]
    assert list(numbered(names).values()) == names


def test_the_library_s_ports(fake_midi: SimpleNamespace) -> None:
    """Two controllers of one kind have one name, and are two ports."""
    ports, heard = RtMidiPorts(), list[tuple[str, bytes]]()
    fake_midi.names = [NANO, PADS, PADS]
    assert ports.names() == [NANO, PADS, PADS]
    second = f"{PADS} (2)"
    opened = [ports.open(name, partial(lambda name, data: heard.append((name, data)), name)) for name in (PADS, second)]
    fake_midi.play(b"\x99\x3c\x40", place=1)
    fake_midi.play(b"\x99\x3d\x40", place=2)
    assert heard == [(PADS, b"\x99\x3c\x40"), (second, b"\x99\x3d\x40")]
    opened[0].close()
    fake_midi.names = []  # closing raises then, as the library does where the device is gone
    opened[1].close()
    assert fake_midi.made == []
    with pytest.raises(NoMidiError, match=r"'nano' cannot be opened \(unknown port\)"):
        ports.open("nano", lambda _: None)
    fake_midi.broken = "no client"
    with pytest.raises(NoMidiError, match="no client"):
        ports.names()
    with pytest.raises(NoMidiError, match="no client"):
        ports.open(NANO, lambda _: None)
    assert fake_midi.made == []


def test_two_controllers_of_one_name_are_two() -> None:
    """Each with its own knobs. Where one goes nobody knows which: the other is opened anew."""
    ports = FakePorts([NANO, PADS, PADS])
    desk = Desk(ports)
    second = f"{PADS} (2)"

    def work() -> None:
        assert set(ports.opened) == {NANO, PADS, second}
        for name in (PADS, second):
            assert desk.play(name, "99 3C 40") == (SafeTrigger(True),)
        first, keys = ports.opened[PADS], ports.opened[NANO]
        ports.plugged.remove(PADS)
        desk.door.look()
        assert (first.closed, ports.opened[second].closed, keys.closed) == (True, True, False)
        assert ports.opened[PADS] is not first
        assert desk.play(PADS, "99 3C 40") == (SafeTrigger(True),)
        ports.plugged.append(PADS)
        desk.door.look()
        assert [ports.opened[name].closed for name in (NANO, PADS, second)] == [False] * 3

    run(desk.door, work)


def test_a_system_that_does_not_answer_holds_no_operator_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not while it is asked for what was plugged in, not at the start, not at the end."""
    monkeypatch.setattr(midi_module, "POLL_S", 0.01)
    answers, asked = threading.Event(), list[threading.Thread]()

    class Slow(FakePorts):
        def names(self) -> list[str]:
            asked.append(threading.current_thread())
            answers.wait(20.0)
            return super().names()

    async def served() -> None:
        door = MidiDoor(MAPPINGS, Inbox(), None, lambda: Slow([PADS]))
        await door.open()
        await door.close()

    asyncio.run(served())
    answers.set()
    (thread,) = asked
    assert thread is not threading.current_thread()
    thread.join(5.0)
    assert not thread.is_alive()
    assert caplog.messages == ["MIDI: the system does not answer; its ports are left as they are."]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    with pytest.raises(NoMidiError, match=r"rtmidi is not installed: pip install 'vpengine\[midi\]'"):
        RtMidiPorts()


def test_a_real_port() -> None:
    """A virtual one, from a sender of its own through the system's sequencer."""
    rtmidi = pytest.importorskip("rtmidi", reason="the extra `midi` is not installed")
    if sys.platform == "linux" and not Path("/dev/snd/seq").exists():
        pytest.skip("this machine has no ALSA sequencer (/dev/snd/seq), so no virtual MIDI port")
    if sys.platform == "win32":
        pytest.skip("Windows has no virtual MIDI ports")
    sender = rtmidi.MidiOut(name="vpengine test")
    sender.open_virtual_port("Launchpad test")
    inbox = Inbox[str, OperatorMessage]()
    remote = RemoteThread([MidiDoor(MAPPINGS, inbox)])
    remote.start()
    try:
        sender.send_message([0x99, 60, 64])
        taken: list[OperatorMessage] = []
        until(lambda: bool(taken.extend(inbox.take()) or taken))
        assert taken == [SafeTrigger(True)]
    finally:
        remote.stop()
        sender.delete()
