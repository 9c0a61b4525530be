"""The whole engine on a display that its windows wait for: Xvfb's waits for nobody, so that swaps are made to here."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import glfw
import numpy as np
import pytest

from vpengine.app import App, RunOptions
from vpengine.gpu import window as window_module

pytestmark = pytest.mark.alone

REFRESH_HZ, TOLD_HZ, RATE = 49.8, 50.0, 25  # off by as much as real ones: who does not look drifts out of phase
LATENCY_S = 0.040


class WaitingDisplay:
    """Stands in for GLFW's swaps: a window whose swap interval is 1 comes back at the display's next refresh.

    waits: by window, whether its swaps wait. swaps: (window, refresh at which it came back) in order.
    """

    def __init__(self) -> None:
        self.first_s = time.monotonic()
        self.waits: dict[int, bool] = {}
        self.swaps: list[tuple[int, int]] = []
        self._swap_buffers, self._swap_interval = glfw.swap_buffers, glfw.swap_interval

    def refresh(self, time_s: float) -> int:
        return int((time_s - self.first_s) * REFRESH_HZ)

    def swap_interval(self, interval: int) -> None:
        self.waits[_name(glfw.get_current_context())] = interval == 1
        self._swap_interval(interval)

    def swap_buffers(self, window: Any) -> None:
        self._swap_buffers(window)
        name = _name(window)
        if self.waits[name]:
            next_s = self.first_s + (self.refresh(time.monotonic()) + 1) / REFRESH_HZ
            while (left_s := next_s - time.monotonic()) > 0.0:
                time.sleep(left_s)
        self.swaps.append((name, self.refresh(time.monotonic())))


def _name(window: Any) -> int:
    return ctypes.cast(window, ctypes.c_void_p).value or 0


def run_on_display(stage: Path, take: Path) -> None:
    """In a process of its own. Prints what the display saw and what the engine made of it."""
    display = WaitingDisplay()
    take_swap, told_s = window_module.Windows.take_swap, list[float]()

    def taken(windows: window_module.Windows) -> Any:
        """What the clock is told is kept."""
        swap = take_swap(windows)
        told_s.extend([swap.time_s] if swap is not None else [])
        return swap

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glfw, "swap_interval", display.swap_interval)
        patch.setattr(glfw, "swap_buffers", display.swap_buffers)
        patch.setattr(window_module.Windows, "refresh_hz", lambda *_: TOLD_HZ)
        patch.setattr(window_module.Windows, "take_swap", taken)
        with App(RunOptions(stage, log_folder=take)) as app:
            app.wait_until_ready()
            app.run(4.0)
            told = {"first_s": display.first_s, "told_s": told_s, "skipped": app.loop.clock.skipped}
    print(json.dumps({"swaps": display.swaps, "waits": list(display.waits.items()), **told}))


def two_windows(stage: Path) -> None:
    """Two windows of one wall, at a rate that the display has twice; the first paces."""
    text = stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    first = f'kind = "window"\nwall = "main"\nlatency_ms = {1e3 * LATENCY_S}\n'
    second = '[[output]]\nkind = "window"\nposition = [300, 200]'
    text = text.replace('kind = "headless"', first + second).replace("rate = 24", f"rate = {RATE}")
    stage.write_text(text, encoding="utf-8")


def test_frames_are_for_the_refreshes_that_show_them(display: str, small_stage: Path, tmp_path: Path) -> None:
    """One window waits and the other never does; every second refresh has a new picture, drawn for its very moment.

    Medians, for a test's machine may be kept from any single refresh.
    """
    two_windows(small_stage)
    take = tmp_path / "take"
    done = subprocess.run(
        [sys.executable, __file__, str(small_stage), str(take)],
        env={**os.environ, "DISPLAY": display},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert [waits for _, waits in seen["waits"]] == [True, False]
    paces = seen["waits"][0][0]
    refreshes = [refresh for window, refresh in seen["swaps"] if window == paces]
    assert len(seen["swaps"]) == 2 * len(refreshes) > 120
    assert np.median(np.diff(refreshes)) == 2
    lines = (take / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    light_s = [json.loads(line)["tick"][1] for line in lines]
    shown_s = seen["first_s"] + np.array(refreshes) / REFRESH_HZ + LATENCY_S
    settled = slice(len(shown_s) // 3, None)
    assert len(light_s) == len(shown_s)
    assert np.median(np.abs(light_s - shown_s)[settled]) < 0.003
    told_s = np.array(seen["told_s"])
    assert told_s[-1] >= shown_s[-1] - LATENCY_S, "the clock is told of the newest swap"
    after_s = told_s - (seen["first_s"] + np.floor((told_s - seen["first_s"]) * REFRESH_HZ) / REFRESH_HZ)
    assert np.median(after_s) < 0.010, "and of when it came back"


if __name__ == "__main__":
    run_on_display(Path(sys.argv[1]), Path(sys.argv[2]))
