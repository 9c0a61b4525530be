"""A running engine whose generator is a thread of it: it is drawn as ever, also when that hangs, and it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.waiting import never_waiting, waited_s, waits_here
from vpengine.app import App, RunOptions
from vpengine.neural import drill, slot_host
from vpengine.operating import end_together

pytestmark = pytest.mark.alone


@pytest.fixture
def threaded(small_stage: Path) -> Path:
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    text = text.replace('generator = "none"', 'generator = "drill"\nhost = "thread"')
    small_stage.write_text(text, encoding="utf-8")
    return small_stage


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    over = threading.Event()
    monkeypatch.setattr(drill, "time", SimpleNamespace(sleep=over.wait))
    monkeypatch.setattr(drill.Drill, "hang_limit_s", staticmethod(lambda work_s: 0.6))
    monkeypatch.setattr(slot_host, "_BACK_OFF_S", (0.05,))
    yield over
    over.set()


@pytest.mark.slow
def test_a_hang_in_the_engine_is_followed_by_a_process(threaded: Path, hang: threading.Event) -> None:
    """No frame waits for it, and the walls have pictures again."""
    with waits_here() as waits, App(RunOptions(threaded, headless=True, unpaced=True)) as app:
        app.wait_until_ready()

        def until_images(count: int) -> None:
            end_s = time.monotonic() + 60.0
            while app.generator.health.images < count:
                assert time.monotonic() < end_s, "no picture came"
                with never_waiting():
                    app.run_frames(1)
                time.sleep(0.002)

        until_images(1)
        assert (app.generator.health.host, app.generator.health.pid) == ("thread", None)
        app.desk.controls.set("/vp/look/night", 0.25)
        end_s = time.monotonic() + 60.0
        while app.generator.health.host == "thread":
            assert time.monotonic() < end_s, "it went on"
            with never_waiting():
                app.run_frames(1)
        app.desk.controls.set("/vp/look/night", 0.05)
        until_images(1)
        report = app.report()
        assert report["generator"]["host"] == "process"
        assert report["feeds"]["wall:main"] == {"drawn": report["frames"], "kept": 0}
        waits.clear()
    assert 0.0 < waited_s(waits) < 3.0, "the end waited for what hangs, and not for long"


def test_a_command_ends_as_it_should_while_a_thread_hangs(threaded: Path, tmp_path: Path) -> None:
    """With its own exit code and its report; the drill hangs for an hour."""
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "vpengine", "run", str(threaded), "--headless", "--seconds", "4"]
    command += ["--set", "look/night=0.25", "--report", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100.0)
    assert done.returncode == 0, done.stderr
    assert json.loads(report.read_text(encoding="utf-8"))["generator"]["name"] == "drill"
    assert "Traceback" not in done.stderr


def test_parts_that_are_stuck_are_waited_for_together() -> None:
    stuck = threading.Event()
    with waits_here() as waits:
        end_together([lambda: bool(stuck.wait(60.0)) and None] * 3)  # type: ignore[list-item]
    stuck.set()
    assert 0.0 < waited_s(waits) < 3.0
