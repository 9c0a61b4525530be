"""``vpengine run STAGE``: run a stage until it is closed, or for a time."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.progress import Progress

from vpengine.app import App, RunOptions
from vpengine.cli.film import COLUMNS, record_camera
from vpengine.cli.status import Follower
from vpengine.cli.terminal import Terminal
from vpengine.errors import UserError
from vpengine.takes.log import count_frames
from vpengine.takes.report import summary

StageArgument = Annotated[Path, typer.Argument(help="A stage file, such as stage_configs/led_volume.toml.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="CONTROL=VALUE", help="Set a control at the start.")]


def run(
    stage: StageArgument,
    show: Annotated[Path | None, typer.Option(help="A show file, instead of the stage's own.")] = None,
    headless: Annotated[bool, typer.Option(help="Draw everything, open no window.")] = False,
    unpaced: Annotated[bool, typer.Option(help="As fast as it goes, not at the stage's rate.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after this long.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="Log the run into this folder, for `vpengine film`; 12 MB a second.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE.mp4", help="Film what a camera on the stage would see, after the run.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the run's figures to this JSON file.")] = None,
    scene: Annotated[str | None, typer.Option(help="The scene to begin with, instead of the show's first.")] = None,
    sets: Sets = None,
    allow_outside: Annotated[bool, typer.Option(help="Files may name paths outside their folder.")] = False,
) -> None:
    """Run a stage: tracking and controls in, pictures on the walls."""
    with ExitStack() as stack:
        for path in (record, report):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)  # now, not after the run
        if record is not None and log is None:
            log = Path(stack.enter_context(TemporaryDirectory(dir=record.parent)))
        options = RunOptions(stage, show, headless, unpaced, log, split_sets(sets or []), allow_outside, scene)
        run_stage(options, seconds, report)
        if record is not None and log is not None:
            with Progress(*COLUMNS, transient=True) as bar:
                task = bar.add_task("filming", total=count_frames(log))
                record_camera(log, record, lambda: bar.advance(task))


def run_stage(options: RunOptions, seconds: float | None, report: Path | None) -> None:
    with App(options) as app:
        with Terminal() as terminal:
            app.wait_until_ready()  # plates that load while it runs would cost frames
            typer.echo(f"{app.files.stage.name}: {app.files.show.name}, scene {app.desk.scenes.shown}. Ctrl-C ends it.")
            app.run(seconds, Follower(app, terminal).look)
        figures = app.report()
        if report is not None:
            report.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        typer.echo(summary(figures))


def split_sets(sets: list[str]) -> tuple[tuple[str, str], ...]:
    """``name=value`` pairs. Raises UserError for anything else."""
    pairs = []
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"--set {text!r}: expected CONTROL=VALUE, such as look.snow=0.8")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)
