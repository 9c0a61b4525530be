"""``vpengine bench``: the measures of docs/design.md section 9, as a table and as JSON. At most six minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from vpengine.cli.bench_desk import measure_desk
from vpengine.cli.bench_diffusion import measure_diffusion, measure_diffusion_speed, measure_wall
from vpengine.cli.bench_frame import measure_growth, measure_overhead
from vpengine.cli.bench_green_screen import measure_green_screen
from vpengine.cli.bench_keyframe import measure_jobs, measure_keyframe
from vpengine.cli.bench_live import measure_pose_age, measure_steadiness
from vpengine.cli.bench_neural import measure_generator
from vpengine.cli.bench_reprojection import measure_reprojection
from vpengine.cli.bench_scenes import measure_scenes
from vpengine.cli.outputs import Force, file_for
from vpengine.errors import UserError, did_you_mean
from vpengine.takes.report import write_report
from vpengine.tracking.track_files import read_track

MEASURES: Mapping[str, Callable[[Sequence[Path]], Any]] = {
    "overhead": lambda tracks: measure_overhead(),
    "steadiness": lambda tracks: measure_steadiness(),
    "jobs": lambda tracks: measure_jobs(),
    "keyframe": lambda tracks: measure_keyframe(),
    "pose_age": lambda tracks: measure_pose_age(),
    "desk": lambda tracks: measure_desk(),
    "reprojection": measure_reprojection,
    "generator": lambda tracks: measure_generator(),
    "growth": lambda tracks: measure_growth(),
    "green_screen": lambda tracks: measure_green_screen(),
}
DIFFUSION, TEMPORAL, WALL = "diffusion", "temporal", "wall"  # with --model
SCENES = "scenes"  # with --show


def bench(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    only: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(MEASURES)}; with --model also diffusion, temporal, wall.")
    ] = None,
    track: Annotated[
        list[Path] | None,
        typer.Option(
            help="A recorded camera track (TUM, RealEstate10K) for re-projection, beside the moves; repeatable."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A diffusion model (`vpengine models`): how fast it is, and how steady its pictures are."),
    ] = None,
    gpu: Annotated[
        bool,
        typer.Option(
            "--gpu",
            help="Only how fast --model is: at four sizes, beside a plain pipeline of it, and beside what the device "
            "can do; and how steady the walls are while it generates. Without a CUDA device, on the processor.",
        ),
    ] = False,
    show: Annotated[
        Path | None, typer.Option(help="Only this show: each of its scenes, live on the demo stage, for 12 seconds.")
    ] = None,
    force: Force = False,
) -> None:
    """Measure this machine: overhead, steadiness, jobs, keyframes, pose age, desk, re-projection, generator,
    growth, green screen."""
    measures = chosen_measures(only, model, gpu) if show is None else _of_show(show, only, model, gpu)
    for path in track or ():
        read_track(path)  # a mistake is told before minutes of measuring
    json_file = json_file and file_for("--json", json_file, force)
    results: dict[str, Any] = {}
    console = Console()
    for name, measure in measures.items():
        with console.status(f"measuring {name}"):
            results[name] = measure(track or ())
        console.print(table(name, results[name]))
    if json_file is not None:
        write_report(json_file, results)


def chosen_measures(only: str | None, model: str | None, gpu: bool) -> Mapping[str, Callable[[Sequence[Path]], Any]]:
    """Those that are wanted, in their order. Raises UserError."""
    measures = dict(MEASURES)
    if model is not None:
        measures[DIFFUSION] = lambda tracks: measure_diffusion_speed(model, every_size=gpu)
        measures[TEMPORAL] = partial(measure_diffusion, model)
        measures[WALL] = lambda tracks: measure_wall(model)
    if gpu:
        _check_gpu(model, only)
        return {name: measures[name] for name in (DIFFUSION, WALL)}
    if only is None:
        return measures
    if only in (DIFFUSION, TEMPORAL, WALL) and model is None:
        raise UserError(f"--only {only} needs --model NAME (`vpengine models`)")
    if only not in measures:
        raise UserError(f"--only {only!r}: no such measure{did_you_mean(only, measures)}")
    return {only: measures[only]}


def _of_show(
    show: Path, only: str | None, model: str | None, gpu: bool
) -> Mapping[str, Callable[[Sequence[Path]], list[dict[str, Any]]]]:
    if only not in (None, SCENES) or model is not None or gpu:
        raise UserError(f"--show measures {SCENES} only: leave --only, --model and --gpu out")
    return {SCENES: lambda tracks: measure_scenes(show)}


def _check_gpu(model: str | None, only: str | None) -> None:
    if model is None:
        raise UserError("--gpu: measures a diffusion model, and none is named: add --model NAME (`vpengine models`)")
    if only is not None:
        raise UserError(f"--gpu measures {DIFFUSION} and {WALL}, and --only asks for {only}: leave one of them out")


def table(name: str, result: Any) -> Table:
    """A result as rows: a list of records, or (nested) figures by name."""
    if isinstance(result, list):
        out = Table(*result[0], title=name)
        for record in result:
            out.add_row(*(shown(value) for value in record.values()))
        return out
    out = Table("what", "figure", title=name)
    for key, value in flat(result):
        out.add_row(key, shown(value))
    return out


def flat(result: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in result.items():
        rows += flat(value, f"{prefix}{key} ") if isinstance(value, Mapping) else [(prefix + key, value)]
    return rows


def shown(value: Any) -> str:
    if value is None:
        return "-"  # this machine cannot measure it
    return f"{value:.2f}" if isinstance(value, float) else str(value)
