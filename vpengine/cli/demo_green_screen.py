"""The demo's second part: an actor before a green screen, filmed by a tracked camera, keyed live over the street.

The camera's picture is drawn first, as ``vpengine simulate-picture`` does, and then played as if a camera sent it; a
simulated tracker sends its move in step. A take rolls: what the demo shows is its proxy, recorded while it ran.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from rich.progress import Progress

from vpengine.app import App, RunOptions
from vpengine.cli.simulate import choose
from vpengine.cli.simulate_picture import Order, held, photograph
from vpengine.control.triggers import TakeTrigger
from vpengine.errors import UserError
from vpengine.files import controls_of
from vpengine.frames.frame_input import FrameInput
from vpengine.output.overlay import contact_sheet
from vpengine.stage.shipped import stage_folder
from vpengine.stage.stage_file import load_stage

SECONDS = 8.0
SIZE, RATE, SEED, NOISE = (640, 360), Fraction(24), 1, 1.0
MOVE = "demo"
STAGE, SHOW = stage_folder() / "green_screen.toml", stage_folder() / "shows" / "street.toml"
LEAD_S = 1.2  # for the tracker's process to begin
AFTER_S = 0.3
FILM, SHEET = "greenscreen.mp4", "greenscreen.png"
MOMENTS = (0.1, 0.5, 0.93)  # of the take: day, evening, snow
PROXY = '\n[[output]]\nkind = "recording"\nfeed = "composite:1"\nname = "composite"\n'

Image = NDArray[np.uint8]


def film_green_screen(out: Path, headless: bool, bar: Progress) -> dict[str, Any]:
    """greenscreen.mp4 and greenscreen.png into ``out``; the run's report. Raises UserError."""
    folder = out / "greenscreen"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _draw_picture(folder, bar)
    seen: list[int] = []
    report = _run(folder, headless, bar, seen)
    proxy = next(iter(sorted(folder.glob("takes/**/composite*.mp4"))), None)
    if proxy is None:
        raise UserError(f"{folder}: the take has no recording")
    shutil.copyfile(proxy, out / FILM)
    PilImage.fromarray(_sheet(out / FILM, folder / "picture.mkv", seen)).save(out / SHEET, optimize=True)
    return report


def _draw_picture(folder: Path, bar: Progress) -> None:
    """What the camera sends: picture.mkv."""
    stage = load_stage(STAGE, controls_of)
    move, length_s = choose(MOVE, SEED)
    order = Order(SECONDS, SIZE, RATE, SEED, 0, NOISE, False)
    task = bar.add_task("before green", total=order.count)
    photograph(folder, stage, stage.cameras[0].lens(), held(move, length_s), order, lambda: bar.advance(task))


def _run(folder: Path, headless: bool, bar: Progress, seen: list[int]) -> dict[str, Any]:
    """seen: the number of the camera's picture in every frame of the take."""
    stage = folder / "stage.toml"
    text = STAGE.read_text(encoding="utf-8").replace('show = "shows/street.toml"\n', "")
    stage.write_text(
        text.replace('kind = "synthetic"', 'kind = "file"\nfile = "picture.mkv"') + PROXY, encoding="utf-8"
    )
    with App(RunOptions(stage, show=SHOW, headless=headless, remember=False, takes=folder / "takes")) as app:
        app.wait_until_ready()
        app.loop.keep = _noting(app, seen, app.loop.keep)
        begin_s = _next_beginning(app)
        task = bar.add_task("green screen", total=SECONDS)
        with subprocess.Popen(_tracker(begin_s)) as tracker:
            try:
                app.run(max(begin_s - time.monotonic(), 0.0))
                app.inbox.add(TakeTrigger("roll"))
                app.run(SECONDS, lambda ran_s: bar.update(task, completed=ran_s))
                app.inbox.add(TakeTrigger("cut"))
                app.run(AFTER_S)
            finally:
                tracker.terminate()
        bar.update(task, completed=SECONDS)
    return app.report()


def _tracker(begin_s: float) -> list[str]:
    command = [sys.executable, "-m", "vpengine", "simulate", MOVE, "--seed", str(SEED), "--cues"]
    return [*command, "--begin", f"{begin_s:.6f}", "--seconds", f"{SECONDS:g}"]


def _next_beginning(app: App) -> float:
    """When the film, which is played over and over, begins again: its first picture's time."""
    ring = app.captures.readers["1"].ring
    end_s = time.monotonic() + SECONDS
    while (frame := ring.newest()) is None and time.monotonic() < end_s:
        app.run(0.05)
    if frame is None:
        raise UserError("the green screen's film is not played")
    begun_s = frame.time_s - frame.number / float(RATE)
    times = int((time.monotonic() + LEAD_S - begun_s) // SECONDS) + 1
    return begun_s + times * SECONDS


def _noting(app: App, seen: list[int], keep: Callable[[FrameInput], None]) -> Callable[[FrameInput], None]:
    def noted(frame: FrameInput) -> None:
        if app.desk.takes.rolling is not None and "1" in frame.captured:
            seen.append(frame.captured["1"].number)
        keep(frame)

    return noted


def _sheet(film: Path, picture: Path, seen: list[int]) -> Image:
    """What the camera sent beside what the monitor showed, at MOMENTS."""
    shown, sent = _pictures(film), _pictures(picture)
    images, captions = [], []
    for moment in MOMENTS:
        number = min(int(moment * len(shown)), len(shown) - 1, len(seen) - 1)
        images += [sent[seen[number] % len(sent)], shown[number]]
        captions += [f"the camera, {number / float(RATE):.1f} s", "keyed live, re-lit world behind"]
    return contact_sheet(images, captions, 2)


def _pictures(film: Path) -> list[Image]:
    with av.open(str(film)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]
