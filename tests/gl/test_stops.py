"""Runs that are stopped, and terminals that go away: what was recorded is saved, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
import psutil
import pytest

from tests.cases import slow_but
from tests.waiting import until

pytestmark = [pytest.mark.alone, pytest.mark.skipif(sys.platform == "win32", reason="no such signals on this system")]


@pytest.fixture
def stage(small_stage: Path) -> Path:
    """Quick, and on ports that nobody else has."""
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    small_stage.write_text(text.replace("rate = 24", "rate = 15"), encoding="utf-8")
    return small_stage


@contextmanager
def running(*arguments: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "vpengine", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, **{**pipes, **options}) as engine:  # type: ignore[call-overload]
        try:
            yield engine
        finally:
            engine.kill()


def frames_of(film: Path) -> int:
    with av.open(str(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def until_drawn(take: Path, frames: int = 3) -> None:
    """take: a folder with the log of a run, or a pattern for one below a folder that is there."""
    until(lambda: sum(log.read_bytes().count(b"\n") for log in take.parent.glob(f"{take.name}/frames.jsonl")) >= frames)


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"stage.toml", "show.toml"}


@pytest.mark.parametrize("name", slow_but("SIGTERM", ["SIGINT", "SIGTERM", "SIGHUP"]))
def test_a_stop_ends_the_run_and_its_film_and_report_are_made(stage: Path, name: str) -> None:
    """Each comes twice, as shells and `timeout` send it; the whole group gets it, as from a terminal."""
    number, folder = getattr(signal, name), stage.parent
    film, report = folder / "film.mp4", folder / "report.json"
    with running("run", str(stage), "--headless", "--record", str(film), "--report", str(report)) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline().startswith("Test: Test, scene first.")
        until_drawn(folder / ".vpengine-*")
        os.killpg(engine.pid, number)
        time.sleep(0.02)
        os.killpg(engine.pid, number)
        _, told = engine.communicate(timeout=120.0)
        assert engine.returncode == 0, told
        with pytest.raises(ProcessLookupError):
            os.killpg(engine.pid, 0)
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert figures["frames"] > 2
    assert frames_of(film) == figures["frames"] + figures["skipped_ticks"]
    assert "Traceback" not in told
    assert left_in(folder) == {"film.mp4", "report.json"}


def test_a_stop_at_the_greeting_still_makes_the_report(stage: Path) -> None:
    report = stage.parent / "report.json"
    with running("run", str(stage), "--headless", "--report", str(report)) as engine:
        assert engine.stdout is not None
        engine.stdout.readline()
        engine.send_signal(signal.SIGINT)
        _, told = engine.communicate(timeout=120.0)
        assert (engine.returncode, told) == (0, "")
    assert "frames" in json.loads(report.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_second_stop_ends_the_filming_at_once(stage: Path) -> None:
    folder = stage.parent
    film, report = folder / "film.mp4", folder / "report.json"
    arguments = ("--unpaced", "--seconds", "6", "--record", str(film), "--report", str(report))
    with running("run", str(stage), "--headless", *arguments) as engine:
        end_s = time.monotonic() + 120.0
        while not film.exists():
            assert time.monotonic() < end_s
            time.sleep(0.02)
        os.kill(engine.pid, signal.SIGHUP)  # the terminal closes: that is no reason
        time.sleep(0.5)
        assert engine.poll() is None
        engine.terminate()
        _, told = engine.communicate(timeout=120.0)
        assert engine.returncode == 130, "it was not filmed to its end"
    assert "Traceback" not in told
    assert json.loads(report.read_text(encoding="utf-8"))["frames"] > 0
    assert left_in(folder) <= {"film.mp4", "report.json"}


@pytest.mark.parametrize(
    ("name", "moments_s"),
    slow_but(
        "SIGTERM",
        {
            "SIGINT": ("SIGINT", (0.1, 0.3, 0.6, 0.9, 1.2, 1.7)),
            "SIGTERM": ("SIGTERM", (0.5, 1.4)),
            "SIGHUP": ("SIGHUP", (1.0,)),
        },
    ),
)
def test_a_stop_before_the_show_is_quiet(stage: Path, name: str, moments_s: tuple[float, ...]) -> None:
    """At any moment of the imports and of the start; 130 then, 0 where the show had begun."""
    text = stage.read_text(encoding="utf-8").replace('generator = "none"', 'generator = "weather"')
    stage.write_text(text.replace("[96, 56]", "[480, 270]"), encoding="utf-8")
    film = stage.parent / "film.mp4"
    for moment_s in moments_s:
        with running("run", str(stage), "--headless", "--record", str(film)) as engine:
            time.sleep(moment_s)
            os.killpg(engine.pid, getattr(signal, name))
            out, told = engine.communicate(timeout=120.0)
        assert "Traceback" not in told, f"at {moment_s} s: {told}"
        assert engine.returncode == (0 if out else 130), f"at {moment_s} s: {out} {told}"
        assert left_in(stage.parent) <= {"film.mp4"}
        film.unlink(missing_ok=True)


def test_what_a_killed_run_left_is_cleared_by_the_next(stage: Path) -> None:
    folder = stage.parent
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    (folder / f".vpengine-{ended.pid}-x" / "keyframes").mkdir(parents=True)
    (folder / f".vpengine-{ended.pid}-report.json").write_text("{", encoding="utf-8")
    living = folder / f".vpengine-{os.getpid()}-y"
    living.mkdir()
    film = folder / "film.mp4"
    with running("run", str(stage), "--headless", "--seconds", "0.3", "--record", str(film)) as engine:
        _, told = engine.communicate(timeout=120.0)
    assert (engine.returncode, told) == (0, "")
    assert frames_of(film) > 0
    assert left_in(folder) == {"film.mp4", living.name}


SHELL = {
    "closed": '"$0" -m vpengine "$@" >&- 2>&-',
    "stdout closed": '"$0" -m vpengine "$@" >&-',
    "full": '"$0" -m vpengine "$@" >/dev/full 2>/dev/full',
    "broken": '{ "$0" -m vpengine "$@"; echo $? >code; } 2>&1 | true; exit $(cat code)',
    "few letters": 'PYTHONIOENCODING=cp1252 "$0" -m vpengine "$@"',
    "no letters": 'LC_ALL=C PYTHONUTF8=0 PYTHONIOENCODING=ascii "$0" -m vpengine "$@"',
}


@pytest.mark.parametrize("line", slow_but("broken", SHELL))
def test_a_greeting_that_cannot_be_written_does_not_stop_the_show(stage: Path, line: str) -> None:
    text = stage.read_text(encoding="utf-8").replace('name = "Test"', 'name = "舞台 é"')
    stage.write_text(text, encoding="utf-8")
    folder = stage.parent
    arguments = ["run", "stage.toml", "--headless", "--seconds", "0.3", "--record", "f.mp4", "--report", "r.json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, timeout=100.0
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads((folder / "r.json").read_text(encoding="utf-8"))["frames"] > 0
    assert frames_of(folder / "f.mp4") > 0


def test_a_users_mistake_is_exit_code_2_where_nobody_reads_it() -> None:
    line = '"$0" -m vpengine run nowhere.toml --headless >&- 2>/dev/full'
    assert subprocess.run(["sh", "-c", line, sys.executable], timeout=120.0).returncode == 2


def forked(pty: Any) -> tuple[int, int]:
    """pty.fork, where there are pseudo terminals: minimal roots have none."""
    try:
        for end in os.openpty():
            os.close(end)
    except OSError:
        pytest.skip("this system has no pseudo terminals to give")
    pid, terminal = pty.fork()
    return pid, terminal


@pytest.mark.slow
def test_a_terminal_that_goes_away_is_no_reason(stage: Path) -> None:
    """A pseudo terminal of its own, closed during the run: SIGHUP, and then EIO for every word."""
    import pty  # noqa: PLC0415  not on every system

    folder = stage.parent
    film, report = folder / "film.mp4", folder / "report.json"
    arguments = ["run", str(stage), "--headless", "--record", str(film), "--report", str(report)]
    pid, terminal = forked(pty)
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "vpengine", *arguments])
    assert b"Test: Test" in os.read(terminal, 1000)
    until_drawn(folder / ".vpengine-*")
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["frames"] > 0
    assert frames_of(film) > 2
    assert not psutil.pid_exists(pid)


@pytest.mark.slow
def test_a_pipe_that_is_full_and_read_by_nobody_stops_no_show(stage: Path) -> None:
    """Neither at the greeting nor at the summary; how long each is waited for is in tests/unit/test_status.py."""
    report = stage.parent / "report.json"
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(theirs, b"x" * size)
    os.set_blocking(theirs, True)
    arguments = ("run", str(stage), "--headless", "--seconds", "0.3", "--report", str(report))
    with running(*arguments, stdout=theirs, stderr=theirs) as engine:
        end_s = time.monotonic() + 120.0
        while not report.exists():
            assert time.monotonic() < end_s
            time.sleep(0.02)
        assert engine.wait(timeout=120.0) == 0
    os.close(ours)
    os.close(theirs)
    assert json.loads(report.read_text(encoding="utf-8"))["frames"] > 0


@pytest.mark.slow
def test_a_terminal_that_is_held_keeps_no_film_from_being_made(stage: Path) -> None:
    """Ctrl-S during the run, and nobody to let it go."""
    import pty  # noqa: PLC0415  not on every system

    film = stage.parent / "film.mp4"
    arguments = ["run", str(stage), "--headless", "--seconds", "0.5", "--record", str(film)]
    pid, terminal = forked(pty)
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "vpengine", *arguments])
    assert b"Test: Test" in os.read(terminal, 1000)
    os.write(terminal, b"\x13")
    end_s = time.monotonic() + 120.0
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        if time.monotonic() > end_s:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert frames_of(film) > 0
    assert left_in(stage.parent) == {"film.mp4"}
