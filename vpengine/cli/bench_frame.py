"""Bench: what a frame costs. Python's overhead over bare OpenGL, and growth with walls, pixels and keyframes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from statistics import median, quantiles
from typing import Any

from vpengine.app import App, RunOptions
from vpengine.cli.bench_dome import measure_dome
from vpengine.control.declared import NEURAL_AMOUNT
from vpengine.control.looks import look_address
from vpengine.files import read_files
from vpengine.gpu.commands import Tape, recording
from vpengine.stage.shipped import stage_folder
from vpengine.stage.stage_file import Stage
from vpengine.stage.walls import WallSettings

FRAMES = 40
ROUNDS = 5
SMALL = 1 / 8  # targets at an eighth of their sides, so that Python shows and software GL does not hide it


@contextmanager
def demo_stage(change: Callable[[Stage], Stage]) -> Iterator[App]:
    """The demo stage, headless and unpaced, deaf, with a generator that darkens; ``change`` alters it."""
    options = RunOptions(
        stage_folder() / "led_volume.toml",
        headless=True,
        unpaced=True,
        controls=((look_address("night"), "0.05"), (NEURAL_AMOUNT, "1")),
    )
    files = read_files(options.stage, options.show)
    stage = replace(files.stage, tracking=(), control=files.stage.control.model_copy(update={"osc_port": 0}))
    stage = replace(stage, neural=stage.neural.model_copy(update={"generator": "drill"}))
    open_ = replace(files.show, settings=files.show.settings.model_copy(update={"gate": "off"}))
    with App(options, replace(files, stage=change(stage), show=open_)) as app:
        app.wait_until_ready()
        app.run(1.0)  # until keyframes stand, and every pass has been drawn once
        yield app


def scaled(stage: Stage, factor: float) -> Stage:
    """Every target's sides times ``factor``."""

    def size(sides: tuple[int, int]) -> tuple[int, int]:
        return max(round(sides[0] * factor), 2), max(round(sides[1] * factor), 2)

    walls = tuple(wall.model_copy(update={"tile_px": size(wall.tile_px)}) for wall in stage.walls)
    cameras = tuple(
        camera.model_copy(
            update={"inner": camera.inner.model_copy(update={"resolution": size(camera.inner.resolution)})}
        )
        for camera in stage.cameras
    )
    neural = stage.neural.model_copy(update={"resolution": size(stage.neural.resolution)})
    return replace(stage, walls=walls, cameras=cameras, neural=neural)


def frame_ms(app: App) -> float:
    """The median frame's work in milliseconds, over FRAMES frames."""
    app.run_frames(FRAMES)
    return median(app.loop.times.work_ms(FRAMES))


def measure_overhead() -> dict[str, float]:
    """A frame's work at small targets, and that of the same frames' OpenGL commands alone: medians and p95, in ms; and
    a dome at full size against the best script for it (``bench_dome``).

    The two are measured in turn. Commands are recorded just before they are issued again, while what they draw with
    is still there.
    """
    engine: list[float] = []
    bare: list[float] = []
    with demo_stage(lambda stage: scaled(stage, SMALL)) as app:
        for _ in range(ROUNDS):
            app.run_frames(FRAMES)
            engine += app.loop.times.work_ms(FRAMES)
            bare += [_timed_ms(app, tape.issue) for tape in _tapes(app)]
    return {
        "engine_ms": round(median(engine), 3),
        "bare_ms": round(median(bare), 3),
        "engine_p95_ms": round(_p95(engine), 3),
        "bare_p95_ms": round(_p95(bare), 3),
        **measure_dome(),
    }


def _tapes(app: App) -> list[Tape]:
    """The commands of FRAMES frames, each frame's by itself: some ask the generator, and some take in its pictures."""
    tapes = []
    for _ in range(FRAMES):
        with recording() as tape:
            app.run_frames(1)
        tapes.append(tape)
    return tapes


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def _timed_ms(app: App, draw: Callable[[], None]) -> float:
    begin_s = time.perf_counter()
    draw()
    app.gpu.finish()
    return 1e3 * (time.perf_counter() - begin_s)


def measure_growth() -> list[dict[str, Any]]:
    """Frame work over walls, pixels and keyframes, each against the demo stage in the same run."""
    walls = [_growth("walls", n, partial(_with_walls, count=n)) for n in (1, 2, 4)]
    pixels = [_growth("pixels", n, partial(scaled, factor=n**0.5)) for n in (0.25, 0.5, 1.0, 2.0)]
    keyframes = [_growth("keyframes", n, partial(_with_keyframes, count=n)) for n in (1, 2, 4)]
    return walls + pixels + keyframes


def _growth(over: str, n: float, change: Callable[[Stage], Stage]) -> dict[str, Any]:
    with demo_stage(change) as app:
        return {"over": over, "n": n, "work_ms": round(frame_ms(app), 2)}


def _with_walls(stage: Stage, count: int) -> Stage:
    main: WallSettings = stage.walls[0]
    return replace(stage, walls=tuple(main.model_copy(update={"id": f"wall{i}"}) for i in range(count)), outputs=())


def _with_keyframes(stage: Stage, count: int) -> Stage:
    return replace(stage, neural=stage.neural.model_copy(update={"keyframes": count}))
