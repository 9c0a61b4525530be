"""The running engine with a MIDI controller, with MIDI timecode, and with a camera that rolls."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.waiting import Clock, until
from vpengine.app import App, RunOptions
from vpengine.cli.ports import free_port
from vpengine.tracking.opentrackio_packet import JSON, write_packet
from vpengine.view.timecode import number_of, parsed

pytestmark = pytest.mark.alone

MIDI = """
[[midi]]
device = "nanokontrol"
message = "control_change"
number = 0
to = "look.fog"
[[midi]]
device = "nanokontrol"
message = "note"
number = 60
to = "/vp/safe"
[[midi]]
device = "nanokontrol"
message = "note"
number = 61
to = "neural.hold"
"""
EXAMPLE = bytes.fromhex("F100F111F124F133F145F152F161F176")  # 01:37:52:16 at 30 a second, of the MIDI specification


@pytest.fixture
def midi_stage(small_stage: Path) -> Path:
    """The small stage on free ports, whose show has a controller and MIDI timecode."""
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", f"port = {free_port()}")
    small_stage.write_text(text.replace("osc_port = 9001", "osc_port = 0"), encoding="utf-8")
    show = small_stage.parent / "show.toml"
    text = show.read_text(encoding="utf-8").replace('gate = "off"', 'gate = "off"\ntimecode = "mtc"')
    show.write_text(text + MIDI, encoding="utf-8")
    return small_stage


@contextmanager
def running(stage: Path, **options: Any) -> Iterator[App]:
    """The engine, and a thread that acts on it while it draws."""
    with App(RunOptions(stage, headless=True, remember=False, **options)) as app:
        yield app


def while_it_runs(app: App, act: Callable[[], None], seconds: float = 60.0) -> None:
    """Draw frames until ``act``, on a thread of its own, is done."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised again below, on the test's own thread
            failures.append(error)

    thread = threading.Thread(target=guarded)
    thread.start()
    end_s = time.monotonic() + seconds
    app.loop.run(lambda: thread.is_alive() and time.monotonic() < end_s)
    thread.join()
    if failures:
        raise failures[0]


def test_a_controller_moves_a_fader_and_presses_safe(midi_stage: Path, fake_midi: SimpleNamespace) -> None:
    with running(midi_stage) as app:

        def act() -> None:
            desk = app.desk
            fake_midi.play(bytes((0xB0, 0, 127)))
            until(lambda: desk.controls.at("/vp/look/fog", 0.0) == 1.0)
            fake_midi.play(bytes((0x90, 61, 1)))
            until(lambda: desk.controls.at("/vp/neural/hold", 0.0) is True)
            fake_midi.play(bytes((0x90, 61, 1)))
            until(lambda: desk.controls.at("/vp/neural/hold", 0.0) is False)
            fake_midi.play(bytes((0x90, 60, 1)))
            until(lambda: desk.safe.on)

        while_it_runs(app, act)
        assert app.report()["operators"] == {"nanoKONTROL2 MIDI 1": {"good": 4, "bad": {}, "last": "/vp/safe"}}


def test_frames_are_called_by_midi_timecode_and_so_is_their_take(
    midi_stage: Path, fake_midi: SimpleNamespace, tmp_path: Path
) -> None:
    folder = tmp_path / "take"
    with running(midi_stage, log_folder=folder) as app:

        def act() -> None:
            begun_s, quarter_s = time.monotonic(), 1.0 / 120.0
            played = Clock()  # a sequencer stamps when a piece came, however late this thread is
            app.midi._clock = played  # type: ignore[union-attr]
            for n in range(240):
                played.now_s = begun_s + n * quarter_s
                frame = 16 + 2 * (n // 8)
                low, high = frame % 30 & 0x0F, frame % 30 >> 4
                seconds = 52 + frame // 30
                pieces = (low, high, seconds & 0x0F, seconds >> 4, *(each & 0x0F for each in EXAMPLE[9::2]))
                fake_midi.play(bytes((0xF1, n % 8 << 4 | pieces[n % 8])))
                time.sleep(max(begun_s + (n + 1) * quarter_s - time.monotonic(), 0.0))

        while_it_runs(app, act)
    lines = [json.loads(line) for line in (folder / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    labels = [(line["tick"], parsed(line["timecode"])) for line in lines if "timecode" in line]
    assert len(labels) > 10
    places = [(tick[1], number_of(label, Fraction(30))) for tick, label in labels]
    assert str(labels[0][1]).startswith("01:37:5")
    first_s, first = places[0]
    for time_s, number in places:  # they run at the tape's rate, whatever the stage's is
        assert number - first == pytest.approx(30.0 * (time_s - first_s), abs=1.0)


def test_a_camera_that_records_begins_and_ends_a_take(midi_stage: Path, fake_midi: SimpleNamespace) -> None:
    fake_midi.names = []
    port = free_port()
    text = midi_stage.read_text(encoding="utf-8").replace('kind = "osc"', 'kind = "opentrackio"')
    head, tail = text.split("[[tracking]]")
    before, after = tail.split("[[output]]")
    before = "\n".join(f"port = {port}" if line.startswith("port") else line for line in before.splitlines())
    midi_stage.write_text(f"{head}[[tracking]]{before}\n[[output]]{after}", encoding="utf-8")
    with running(midi_stage) as app, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:

        def say(number: int, recording: bool) -> None:
            sample = {"sourceNumber": 1, "tracker": {"recording": recording, "slate": "12A"}}
            sender.sendto(write_packet(json.dumps(sample).encode(), JSON, number), ("127.0.0.1", port))

        def act() -> None:
            say(1, True)
            until(lambda: app.desk.takes.rolling is not None)
            assert app.desk.takes.name.text == "12A take 1"
            say(2, False)
            until(lambda: app.desk.takes.rolling is None)
            assert app.desk.takes.name.text == "12A take 2"

        while_it_runs(app, act)
