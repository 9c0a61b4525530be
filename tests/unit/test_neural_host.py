"""The contract of hosts: the null twin keeps it, and health says of a host what reports and the status line show."""

from __future__ import annotations

import pytest

from vpengine.neural.health import GeneratorHealth
from vpengine.neural.host import GeneratorHost, NoHost
from vpengine.neural.ladder_host import LadderHost
from vpengine.neural.process_host import ProcessHost
from vpengine.neural.thread_host import ThreadHost


def test_the_null_twin_has_all_that_is_asked_of_a_host() -> None:
    host: GeneratorHost = NoHost()
    assert host.health.ready  # nothing is waited for
    assert not host.free(1e9)
    assert (host.collect(0.0).keyframes, host.collect(0.0).lost) == ((), ())
    assert host.health.request_lead_s == 0.0
    assert host.health.pid is None
    assert host.health.words(held=False) == host.health.words(held=True) == "no generator"
    report = host.health.report()
    assert (report["name"], report["runtime"], report["images"]) == ("none", "none", 0)
    assert report["latency_ms"] == {"p50": None, "p99": None, "max": None}
    host.close()
    host.close()


def test_a_host_is_six_things_and_a_process_has_no_others() -> None:
    """What the loop, the report and the status line need beyond them would tie them to one kind of host."""
    contract = {name for name in vars(GeneratorHost) if not name.startswith("_")}
    assert contract == {"health", "request_size", "free", "submit", "collect", "close"}
    for host in (ProcessHost, ThreadHost, LadderHost):
        public = {name for name in dir(host) if not name.startswith("_")} - {"place", "ends"}
        assert public | {"health", "request_size"} == contract


def test_health_knows_what_is_usual() -> None:
    """A slow first picture is believed; after that each image moves it a fifth of the way."""
    health = GeneratorHealth("x")
    health.expect(0.01)
    assert (health.work_s, health.usual_latency_s) == (0.05, 0.15)
    health.expect(2.0)
    assert (health.work_s, health.usual_latency_s) == (2.0, 2.0)
    assert health.request_lead_s == pytest.approx(3.0)
    health.note(10.0, latency_s=1.0, work_s=0.5)
    assert health.work_s == pytest.approx(1.7)
    assert health.usual_latency_s == pytest.approx(1.8)


def test_its_rate_leaves_out_the_time_in_which_nobody_asked() -> None:
    health = GeneratorHealth("x", ready=True)
    for now_s in (0.0, 0.25, 0.5, 60.0, 60.25):
        health.note(now_s, 0.1, 0.1)
    assert health.images == 5
    assert health.images_per_s == pytest.approx(4.0)
    assert health.words(held=False) == "x 4.0 images/s"
    assert health.words(held=True) == "x held"
    assert health.report()["latency_ms"]["p50"] == pytest.approx(100.0)


def test_its_words_before_and_after_a_failure() -> None:
    health = GeneratorHealth("x")
    assert health.words(held=False) == "x starting"
    health.last_failure = "it broke"
    assert health.words(held=False) == "x stopped: it broke"
    health.ready = True
    assert health.words(held=False) == "x 0.0 images/s"
