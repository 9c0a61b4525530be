"""`vpengine run --watch` as crews start it: files are edited while it runs, and a tablet hears what comes of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cases import slow_but
from tests.unit.test_remote_subscribers import Tablet
from tests.waiting import until
from vpengine.cli.ports import free_port
from vpengine.control.displays import HEALTH, ROLLING, SCENE, TAKE, TIMECODE

pytestmark = pytest.mark.alone

PATIENCE_S = 60.0  # of a machine that is busy with other things too
PRESS_S = 0.2
THIRD = '[[scene]]\nslug = "third"\ndissolve_s = 0.2\nplate = {kind = "pattern", style = "checker"}\n'


class Crew:
    """A run of the command, whoever edits its files, and a tablet."""

    def __init__(self, process: subprocess.Popen[str], stage: Path, tablet: Tablet) -> None:
        self.process, self.stage, self.tablet = process, stage, tablet
        self.show = stage.with_name("show.toml")
        self.lines: list[str] = []  # what the terminal was told
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(line.rstrip() for line in self.process.stderr)

    def until(self, true: Callable[[], bool]) -> None:
        def runs_and_true() -> bool:
            assert self.process.poll() is None, self.lines
            return true()

        until(runs_and_true, PATIENCE_S)

    def hears(self, address: str, says: Callable[[Any], bool], press: str = "") -> None:
        """press: an address that is pressed meanwhile, again and again: what it asks for may not be there yet."""
        pressed_s = 0.0

        def has_heard() -> bool:
            nonlocal pressed_s
            with suppress(ConnectionRefusedError):  # while the engine is built
                if press and time.monotonic() - pressed_s > PRESS_S:
                    pressed_s = time.monotonic()
                    self.tablet.send(press)
                self.tablet.listen()
            return address in self.tablet.shows and says(self.tablet.shows[address])

        self.until(has_heard)

    def edit(self, file: Path, old: str, new: str) -> None:
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def says(self, words: str) -> int:
        return sum(words in line for line in self.lines)


@contextmanager
def crew(stage: Path, *more: str) -> Iterator[Crew]:
    port, report = free_port(), stage.with_name("report.json")
    text = stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0")
    stage.write_text(re.sub(r"osc_port = \d+", f"osc_port = {port}", text), encoding="utf-8")
    command = [sys.executable, "-m", "vpengine", "run", str(stage), "--watch", "--report", str(report), *more]
    command += ["--takes", str(stage.with_name("takes"))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, Tablet(port) as tablet:
        try:
            yield Crew(process, stage, tablet)
        finally:
            process.kill()


@pytest.mark.parametrize("generator", slow_but("none", ["none", "weather"]))
def test_edits_are_heard_of_over_osc_and_the_run_goes_on(small_stage: Path, generator: str) -> None:
    """A scene that is added, a show that is broken and mended, one edited while a take rolls, and another stage."""
    text = small_stage.read_text(encoding="utf-8")
    small_stage.write_text(text.replace('generator = "none"', f'generator = "{generator}"'), encoding="utf-8")
    with crew(small_stage, "--headless") as run:
        run.hears(SCENE, lambda scene: scene == "first", press="/vp/subscribe")

        whole = run.show.read_text(encoding="utf-8")
        run.show.write_text(whole + THIRD, encoding="utf-8")
        run.hears(SCENE, lambda scene: scene == "third", press="/vp/scene/third")

        run.edit(run.show, 'style = "checker"', 'style = "checkers"')
        run.hears(HEALTH, lambda words: "checkers" in words and words.endswith("the show stays as it was"))
        before = run.tablet.shows[TIMECODE]
        run.hears(TIMECODE, lambda now: now != before)
        run.edit(run.show, 'style = "checkers"', 'style = "checker"')
        run.hears(HEALTH, lambda words: words == "")

        run.tablet.send("/vp/take/roll")
        run.hears(ROLLING, lambda rolls: rolls == 1)
        run.edit(run.show, 'slug = "third"', 'slug = "dusk"')
        run.until(lambda: run.says("waits for CUT: take 1 rolls") == 1)
        assert run.tablet.listen()[SCENE] == "third"
        run.tablet.send("/vp/take/cut")
        run.hears(SCENE, lambda scene: scene == "dusk")

        run.edit(small_stage, "rate = 24", "rate = 25")
        run.until(lambda: run.says("built anew; the walls were dark for") == 1)
        run.tablet.shows.clear()
        run.hears(SCENE, lambda scene: scene == "dusk", press="/vp/subscribe")
        assert run.tablet.listen()[TAKE] == "take 2"

        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(PATIENCE_S) == 0
    assert "Traceback" not in "\n".join(run.lines)
    figures = json.loads(small_stage.with_name("report.json").read_text(encoding="utf-8"))
    assert figures["failures"] == {}
    assert figures["frames"] > 0
