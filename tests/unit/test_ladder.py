"""What follows on a generator that cannot go on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from vpengine.errors import UserError
from vpengine.frames.images import Room
from vpengine.frames.keyframe import Request
from vpengine.neural import ladder as ladder_module
from vpengine.neural import placement
from vpengine.neural.health import GeneratorHealth
from vpengine.neural.host import Collected
from vpengine.neural.ladder import SMALLER, rungs_of
from vpengine.neural.ladder_host import MOST_FAILURES, LadderHost, LadderRung
from vpengine.stage.stage_settings import NeuralSettings


@dataclass
class Pretend:
    """A host that fails whenever it is collected from, ``failing`` times."""

    name: str
    failing: int = 0
    hopeless: bool = False
    full_memory: bool = False
    request_size: float = 1.0
    closed: bool = False
    health: GeneratorHealth = field(init=False)

    def __post_init__(self) -> None:
        self.health = GeneratorHealth(self.name, ready=True)

    def free(self, now_s: float) -> Room | None:
        return None

    def submit(self, request: Request, now_s: float) -> None:
        raise AssertionError

    def collect(self, now_s: float) -> Collected:
        if self.failing:
            self.failing -= 1
            self.health.failures += 1
            self.health.last_failure, self.health.hopeless = "it broke", self.hopeless
            self.health.full_memory = self.full_memory
        return Collected()

    def close(self) -> None:
        self.closed = True


def ladder(*hosts: Pretend, changed: Callable[[], None] = lambda: None) -> LadderHost:
    def starting(host: Pretend) -> Callable[[], Pretend]:
        return lambda: host

    return LadderHost([LadderRung(f"the {host.name}", starting(host)) for host in hosts], changed)


def test_what_fails_over_and_over_is_followed_by_the_next(caplog: pytest.LogCaptureFixture) -> None:
    """Not before, and once; the operator is told which and why, and who asks of whom is asked now."""
    first, second, told = Pretend("first", failing=9), Pretend("second", request_size=0.5), []
    host = ladder(first, second, changed=lambda: told.append(host.health.name))
    for tries in range(MOST_FAILURES):
        assert (host.health.name, host.request_size) == ("first", 1.0), tries
        host.collect(float(tries))
    assert (host.health.name, host.request_size, told) == ("second", 0.5, ["second"])
    assert [record.message for record in caplog.records] == ["generator first: it broke. From now on: the second."]
    host.close()
    assert first.closed
    assert second.closed


def test_what_is_hopeless_is_not_tried_again() -> None:
    host = ladder(Pretend("first", failing=1, hopeless=True), Pretend("second"))
    host.collect(0.0)
    assert host.health.name == "second"


def test_the_last_is_tried_on_and_on() -> None:
    host = ladder(Pretend("only", failing=99))
    for tries in range(20):
        host.collect(float(tries))
    assert host.health.name == "only"


def test_a_rung_that_cannot_be_started_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    def refuse() -> Pretend:
        raise UserError("no memory for it")

    first, last = Pretend("first", failing=9), Pretend("last")
    host = LadderHost([LadderRung("1", lambda: first), LadderRung("2", refuse), LadderRung("3", lambda: last)])
    for tries in range(MOST_FAILURES):
        host.collect(float(tries))
    assert host.health.name == "last"
    assert caplog.messages == ["no memory for it. It is passed over: 2.", "generator first: it broke. From now on: 3."]

    first, caplog_before = Pretend("first", failing=9), len(caplog.records)
    host = LadderHost([LadderRung("1", lambda: first), LadderRung("2", refuse)])
    with caplog.at_level(logging.WARNING):
        for tries in range(3 * MOST_FAILURES):
            host.collect(float(tries))
    assert host.health.name == "first"
    assert [record.message for record in caplog.records[caplog_before:]] == [
        "no memory for it. The wall keeps its pictures."
    ]


@pytest.mark.parametrize(
    ("generator", "runtime", "expected"),
    [
        ("weather", "auto", ["the generator weather", "pictures of half the pixels"]),
        (
            "weather",
            "tensorrt-rtx",
            [
                "the generator weather",
                "pictures of half the pixels",
                "its networks on onnxruntime",
                "its networks on onnxruntime, and pictures of half the pixels",
            ],
        ),
        ("diffusion", "torch", ["the generator diffusion", "pictures of half the pixels", "the generator weather"]),
    ],
)
def test_what_a_stage_s_generator_is_tried_as(generator: str, runtime: str, expected: list[str]) -> None:
    settings = NeuralSettings(generator=generator, runtime=runtime)
    found = rungs_of(settings, lambda size: ((480, 270),), None, 1.0 / 24.0)
    assert [rung.words for rung in found] == expected
    assert 0.45 < SMALLER**2 < 0.55


@pytest.mark.parametrize(
    ("generator", "runtime", "host", "expected"),
    [
        ("diffusion", "torch", "auto", ["thread", "thread", "process without the card"]),
        ("diffusion", "auto", "auto", ["thread", "thread", "process without the card"]),
        ("diffusion", "tensorrt", "auto", ["thread"] * 4 + ["process without the card"]),
        ("diffusion", "openvino", "auto", ["process", "process", "thread", "thread", "process without the card"]),
        ("diffusion", "torch", "process", ["process", "process", "process"]),
        ("weather", "auto", "auto", ["process", "process"]),
        ("weather", "tensorrt-rtx", "auto", ["thread"] * 2 + ["process without the card"] * 2),
        ("weather", "auto", "thread", ["thread", "thread", "process without the card"]),
    ],
)
def test_where_a_stage_s_generator_is_tried_with_a_card(
    generator: str, runtime: str, host: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is tried after a thread is a process in the end, which leaves alone the card that the thread has."""
    monkeypatch.setattr(placement, "cards", lambda: 1)
    monkeypatch.setattr(placement, "torch_has_cuda", lambda: True)
    made: list[str] = []

    def making(place: str) -> Callable[..., Pretend]:
        def make(*arguments: Any, request_size: float, card: bool) -> Pretend:
            made.append(place if card else f"{place} without the card")
            return Pretend(place)

        return make

    monkeypatch.setattr(ladder_module, "ThreadHost", making("thread"))
    monkeypatch.setattr(ladder_module, "ProcessHost", making("process"))
    settings = NeuralSettings(generator=generator, runtime=runtime, host=host)
    for rung in rungs_of(settings, lambda size: ((480, 270),), None, 1.0 / 24.0):
        rung.start()
        assert rung.thread == (made[-1] == "thread")
    assert made == expected


def test_a_full_memory_is_followed_by_smaller_pictures_alone() -> None:
    """What fails for another reason is tried on torch with all of its pixels."""
    settings = NeuralSettings(generator="diffusion", runtime="tensorrt-rtx")
    words = [rung.words for rung in rungs_of(settings, lambda size: ((480, 270),), None, 1.0 / 24.0)]
    small, torch = "pictures of half the pixels", "its networks on torch"
    small_torch = f"{torch}, and {small}"
    assert words == ["the generator diffusion", small, torch, small_torch, "the generator weather"]
    for full_memory, expected in ((True, [small, small_torch]), (False, [small, torch])):
        assert walked(settings, full_memory) == expected


def walked(settings: NeuralSettings, full_memory: bool) -> list[str]:
    """What follows, in the words for the operator, where the first two cannot go on."""
    told: list[str] = []

    def starting(rung: LadderRung, number: int) -> LadderRung:
        host = Pretend(rung.words, failing=1 if number < 2 else 0, hopeless=True, full_memory=full_memory)
        return replace(rung, start=lambda: host)

    rungs = rungs_of(settings, lambda size: ((480, 270),), None, 1.0 / 24.0)
    host = LadderHost(
        [starting(rung, number) for number, rung in enumerate(rungs)], lambda: told.append(host.health.name)
    )
    for tries in range(4):
        host.collect(float(tries))
    host.close()
    return told


def test_what_waits_below_a_hung_thread_is_no_thread() -> None:
    first, process = Pretend("first", failing=1, hopeless=True), Pretend("process")
    first.health.no_thread = True

    def refuse() -> Pretend:
        raise AssertionError("another thread was started")

    host = LadderHost(
        [LadderRung("1", lambda: first, True), LadderRung("2", refuse, True), LadderRung("3", lambda: process)]
    )
    host.collect(0.0)
    assert host.health.name == "process"
