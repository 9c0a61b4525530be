"""The demo's second part: an actor before a green screen, filmed by a tracked camera, keyed live over the street.

The camera's picture is drawn first, as ``vpengine simulate-picture`` does, and then played as if a camera sent it; a
simulated tracker sends its move in step. What the demo shows is the composite, recorded while it ran.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
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
from vpengine.cli.simulate_picture import PLAYED, Order, held, photograph
from vpengine.errors import UserError
from vpengine.files import controls_of
from vpengine.frames.frame_input import FrameInput
from vpengine.output.film import Film
from vpengine.output.overlay import contact_sheet
from vpengine.stage.shipped import stage_folder
from vpengine.stage.stage_file import load_stage

SECONDS = 8.0
SIZE, RATE, SEED, NOISE = (640, 360), Fraction(24), 1, 1.0
MOVE = "demo"
STAGE, SHOW = stage_folder() / "green_screen.toml", stage_folder() / "shows" / "street.toml"
LEAD_S = 3.0  # for the tracker's process to begin, on a slow machine too
FILM, SHEET = "greenscreen.mp4", "greenscreen.png"
MOMENTS = (0.1, 0.5, 0.95)  # day, evening, snow
PROXY = '\n[[output]]\nkind = "recording"\nfeed = "composite:1"\nname = "composite"\nwhen = "always"\nfolder = "."\n'

Image = NDArray[np.uint8]


@dataclass
class _Seen:
    """The number of the camera's picture in every frame, by its tick, and when the part that is shown begins."""

    numbers: dict[int, int] = field(default_factory=dict)
    begin_tick: int = 0

    def note(self, frame: FrameInput) -> None:
        one = frame.captured.get("1")
        self.numbers[frame.tick.number] = one.number if one is not None else 0


def film_green_screen(out: Path, headless: bool, bar: Progress) -> dict[str, Any]:
    """greenscreen.mp4 and greenscreen.png into ``out``; the run's report. Raises UserError."""
    folder = out / "greenscreen"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _draw_picture(folder, bar)
    seen = _Seen()
    report = _run(folder, headless, bar, seen)
    proxy = next(iter(sorted(folder.glob("composite*.mp4"))), None)
    if proxy is None:
        raise UserError(f"{folder}: the green screen was not recorded")
    shown = _cut(proxy, out / FILM, seen)
    PilImage.fromarray(_sheet(shown, folder / PLAYED, seen)).save(out / SHEET, optimize=True)
    return report


def _draw_picture(folder: Path, bar: Progress) -> None:
    """What the camera sends."""
    stage = load_stage(STAGE, controls_of)
    move, length_s = choose(MOVE, SEED)
    order = Order(SECONDS, SIZE, RATE, SEED, 0, NOISE, alpha=False, played=True)
    task = bar.add_task("before green", total=order.count)
    photograph(folder, stage, stage.cameras[0].lens(), held(move, length_s), order, lambda: bar.advance(task))


def _run(folder: Path, headless: bool, bar: Progress, seen: _Seen) -> dict[str, Any]:
    stage = folder / "stage.toml"
    text = STAGE.read_text(encoding="utf-8").replace('show = "shows/street.toml"\n', "")
    played = text.replace('kind = "synthetic"', f'kind = "file"\nfile = "{PLAYED}"')
    stage.write_text(played + PROXY, encoding="utf-8")
    with App(RunOptions(stage, show=SHOW, headless=headless, remember=False)) as app:
        app.wait_until_ready()
        app.loop.keep = seen.note
        begin_s = _next_beginning(app)
        task = bar.add_task("green screen", total=SECONDS)
        with subprocess.Popen(_tracker(begin_s), stdout=subprocess.DEVNULL) as tracker:
            try:
                app.run(max(begin_s - time.monotonic(), 0.0))
                seen.begin_tick = max(seen.numbers)
                app.run(SECONDS, lambda ran_s: bar.update(task, completed=ran_s))
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


def _cut(proxy: Path, film: Path, seen: _Seen) -> list[Image]:
    """The part of the recording that is shown, a picture for every tick: one that was left out stays the one before."""
    first = min(seen.numbers)
    with av.open(str(proxy)) as container:
        by_tick = {
            first + round(float(frame.time or 0.0) * RATE): np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            for frame in container.decode(video=0)
        }
    drawn = sorted(by_tick)
    shown = []
    for tick in range(seen.begin_tick, seen.begin_tick + round(SECONDS * RATE)):
        shown.append(by_tick[max((one for one in drawn if one <= tick), default=drawn[0])])
    with Film(film, SIZE, RATE) as made:
        for picture in shown:
            made.write(picture)
    return shown


def _sheet(shown: list[Image], picture: Path, seen: _Seen) -> Image:
    """What the camera sent beside what the monitor showed, at MOMENTS."""
    with av.open(str(picture)) as container:
        sent = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]
    images, captions = [], []
    for moment in MOMENTS:
        index = int(moment * len(shown))
        tick = max((one for one in seen.numbers if one <= seen.begin_tick + index), default=0)
        images += [sent[seen.numbers.get(tick, 0) % len(sent)], shown[index]]
        captions += [f"the camera, {index / float(RATE):.1f} s", "keyed live over the world of its moment"]
    return contact_sheet(images, captions, 2)
