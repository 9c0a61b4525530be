"""A stream that fails: each outage is said once and soon tried again, and no frame waits for what is stuck."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import pytest

from tests.waiting import Clock, never_waiting, until
from vpengine.cli.ports import free_port
from vpengine.frames.frame_input import Tick
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.output.output import Surroundings
from vpengine.output.stream import StreamOutput, StreamSettings
from vpengine.output.video_file import Numbered, VideoFile

pytestmark = pytest.mark.alone

STEP_S = 0.25


class Streaming:
    """A stream over UDP, whose clock goes on while it waits to be tried again."""

    def __init__(self, gpu: Gpu) -> None:
        self.clock, self.number = Clock(), 0
        settings = StreamSettings(url=f"udp://127.0.0.1:{free_port()}")
        self.output = StreamOutput(settings, "wall:main", Surroundings(gpu=gpu), self.clock)
        self.target = Target(gpu.context, (32, 16), dtype="f1")

    def show(self) -> None:
        self.number += 1
        self.clock.now_s += STEP_S if self.output._encoding is None else 0.0
        self.output.show(self.target.color)
        self.output.present(Tick(self.number, self.number / 24, Fraction(24)))

    def is_sending(self) -> bool:
        self.show()
        return self.output._encoding is not None and self.output._encoding.written > 0


@pytest.fixture
def streaming(engine: Gpu) -> Iterator[Streaming]:
    made = Streaming(engine)
    yield made
    made.output.close()
    made.target.release()


def test_each_outage_is_said_once_and_soon_tried_again(
    streaming: Streaming, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also one that comes after a bad start: the pictures that were sent between them tell the two apart."""
    down, tries = threading.Event(), list[float]()

    class Sent(VideoFile):
        def write(self, item: Numbered) -> None:
            if down.is_set():
                tries.append(streaming.clock())
                raise OSError("the network is down")
            super().write(item)

    def has_tried() -> bool:
        streaming.show()
        return len(tries) == 4

    monkeypatch.setattr("vpengine.output.stream.VideoFile", Sent)
    for outage in range(2):
        tries.clear()
        down.set()
        until(has_tried)
        waited = [after - before for before, after in pairwise(tries)]
        assert waited == pytest.approx([2, 4, 8], abs=STEP_S + 0.01)
        assert len(caplog.messages) == outage + 1
        down.clear()
        until(streaming.is_sending)
    assert all("the network is down. The show goes on, and it is tried again." in said for said in caplog.messages)


def test_one_that_is_stuck_is_closed_without_a_wait_and_begins_anew(
    streaming: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), threading.Event()

    class Stuck(VideoFile):
        def write(self, item: Numbered) -> None:
            asked.set()
            answers.wait(20.0)
            super().write(item)

    def is_stuck() -> bool:
        streaming.show()
        return asked.is_set()

    with monkeypatch.context() as patch:
        patch.setattr("vpengine.output.stream.VideoFile", Stuck)
        until(is_stuck)
    with never_waiting():
        streaming.output.close()
    assert not answers.is_set(), "it is stuck yet"
    until(streaming.is_sending)
    answers.set()
