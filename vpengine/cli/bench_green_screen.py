"""Bench: the green screen. What each step takes at three sizes, and how late a composite is while it is recorded."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from vpengine.app import App, RunOptions
from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import SyntheticSource
from vpengine.compose.clean_plate import CleanPlate
from vpengine.compose.composite import Composite
from vpengine.compose.key import Keyer
from vpengine.compose.key_settings import KeySettings
from vpengine.compose.lens_match import LensMatch
from vpengine.frames.captured import CapturedFrame
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetPool, TargetSpec
from vpengine.gpu.target import Target
from vpengine.gpu.video_picture import VideoPicture
from vpengine.gpu.view_lut import ViewLut
from vpengine.stage.shipped import stage_folder
from vpengine.takes.report import late_percent
from vpengine.view.distortion import Distortion, overscan_needed
from vpengine.view.lens import Lens

SIZES = ((640, 360), (1280, 720), (1920, 1080))
ROUNDS, SECONDS = 12, 8.0
STAGE = stage_folder() / "green_screen.toml"
BENT = Lens((24.89, 14.0), 32.0, distortion=Distortion((4e-4, 0.0, 0.0, 0.0, 0.0, 0.0)))
RECORDED = '\n[[output]]\nkind = "recording"\nfeed = "composite:1"\nwhen = "always"\nfolder = "."\n'


def measure_green_screen() -> dict[str, Any]:
    """steps: rows of milliseconds by size. live: the shipped stage with its world, the keyer and a recording."""
    gpu = Gpu(create_headless())
    steps = [_steps(gpu, size) for size in SIZES]
    gpu.context.release()
    return {"steps": {f"{row.pop('width')} x {row.pop('height')}": row for row in steps}, "live": _live()}


def _steps(gpu: Gpu, size: tuple[int, int]) -> dict[str, Any]:
    """Medians, each step to its end, as a frame draws them one after the other."""
    pool = TargetPool(gpu)
    made = _Steps(gpu, size, pool)
    rows = []
    for number in range(ROUNDS):
        rows.append(made.once(number))
        made.give_back()
    made.release()
    pool.release()
    found = {name: round(median(row[name] for row in rows[2:]), 2) for name in rows[0]}
    return {"width": size[0], "height": size[1], **found, "all_ms": round(sum(found.values()), 2)}


class _Steps:
    """A composite, one step at a time."""

    def __init__(self, gpu: Gpu, size: tuple[int, int], pool: TargetPool) -> None:
        self._gpu, self._size, self._pool = gpu, size, pool
        self._lent: list[Target] = []
        source = SyntheticSource(SyntheticSource.Settings(resolution=size), Pace())
        self._frames = [source.picture(number, 0.0) for number in range(4)]
        self._picture, self._keyer, self._plate = VideoPicture(gpu, size), Keyer(gpu), CleanPlate(gpu)
        self._composite, self._match, self._view = Composite(gpu), LensMatch(gpu), ViewLut(gpu)
        self._world = gpu.target(size, depth=True)
        self._world.clear()

    def lend(self, spec: TargetSpec) -> Target:
        self._lent.append(self._pool.lend(spec))
        return self._lent[-1]

    def give_back(self) -> None:
        for target in self._lent:
            self._pool.give_back(target)
        self._lent.clear()

    def once(self, number: int) -> dict[str, float]:
        settings, took = KeySettings(), {}
        frame: CapturedFrame = self._frames[number % len(self._frames)]
        picture, took["picture_ms"] = self._timed(lambda: self._picture.draw(frame))
        plate = self._plate.texture(settings, self.lend)
        keyed, took["key_ms"] = self._timed(
            lambda: self._keyer.draw(picture.color, settings, self.lend, clean_plate=plate)
        )
        _, took["plate_ms"] = self._timed(lambda: self._plate.learn(picture.color, keyed.matte.color, settings))
        world = self.lend(TargetSpec(self._size))
        _, took["lens_ms"] = self._timed(
            lambda: self._match.draw(world, self._world.color, None, BENT, overscan_needed(BENT.distortion, BENT))
        )
        target = self.lend(TargetSpec(self._size))
        _, took["composite_ms"] = self._timed(
            lambda: self._composite.draw(target, keyed, world.color, None, settings, None, self.lend)
        )
        shown = self.lend(TargetSpec(self._size, dtype="f1"))
        _, took["develop_ms"] = self._timed(lambda: self._view.develop(shown, target.color))
        return took

    def _timed(self, work: Callable[[], Any]) -> tuple[Any, float]:
        self._gpu.finish()
        begin_s = time.perf_counter()
        made = work()
        self._gpu.finish()
        return made, 1e3 * (time.perf_counter() - begin_s)

    def release(self) -> None:
        for part in (self._picture, self._plate, self._match, self._view, self._world):
            part.release()


def _live() -> dict[str, Any]:
    """At the stage's rate: late frames, the interval's steadiness, and from light to monitor in frames."""
    ages: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "stage.toml"
        text = STAGE.read_text(encoding="utf-8").replace("= 9000", "= 0").replace("= 9001", "= 0")
        show = stage_folder() / "shows" / "street.toml"
        stage.write_text(text.replace('show = "shows/street.toml"\n', "") + RECORDED, encoding="utf-8")
        with App(RunOptions(stage, show=show, headless=True, remember=False)) as app:
            app.wait_until_ready()
            app.loop.keep = _noting(ages, app.loop.keep)
            app.run(SECONDS)
            report = app.report()
    rate = float(app.files.stage.rate)
    interval = report["interval_ms"]
    return {
        "late_percent": round(late_percent(report), 2),
        "interval_p99_over_p50": round(interval["p99"] / interval["p50"], 3),
        "work_ms_p50": report["work_ms"]["p50"],
        "light_to_monitor_frames_p50": round(float(np.percentile(ages, 50)) * rate, 2),
        "light_to_monitor_frames_p99": round(float(np.percentile(ages, 99)) * rate, 2),
        "recorded": sum(int(str(row["frames"])) for row in report["recordings"]),
        "dropped": sum(int(str(row["dropped"])) for row in report["recordings"]),
        "rung": report["rung"]["lowest"],
    }


def _noting(ages: list[float], keep: Callable[[FrameInput], None]) -> Callable[[FrameInput], None]:
    def noted(frame: FrameInput) -> None:
        ages.extend(time.monotonic() - one.time_s for one in frame.captured.values())
        keep(frame)

    return noted
