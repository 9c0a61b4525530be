"""``vpengine run STAGE``: run a stage until it is closed, or for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from vpengine.app import App, RunOptions
from vpengine.cli.bar import progress_bar
from vpengine.cli.film import record_take
from vpengine.cli.outputs import Force, file_for, passing_take, take_for
from vpengine.cli.signals import deaf_to_hangup
from vpengine.cli.status import Follower
from vpengine.cli.streams import echo
from vpengine.cli.terminal import Terminal
from vpengine.cli.watching import Watching, built_anew, watched_in
from vpengine.errors import UserError
from vpengine.files import Files, read_files
from vpengine.stage.watched import WatchedFiles
from vpengine.takes.log import count_frames
from vpengine.takes.report import summary, write_report

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
    takes: Annotated[Path, typer.Option(help="The folder of takes that roll, and of moments that are kept.")] = Path(
        "takes"
    ),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, also after a run that was not ended.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Take in what changes in the show, its plates and the stage while it runs.")
    ] = False,
    allow_outside: Annotated[bool, typer.Option(help="Files may name paths outside their folder.")] = False,
    force: Force = False,
) -> None:
    """Run a stage: tracking and controls in, pictures on the walls."""
    if watch and (log is not None or record is not None):
        which = "--log" if log is not None else "--record"
        raise UserError(f"--watch: {which} draws the run again from one show, and --watch changes it; leave one out")
    report = report and file_for("--report", report, force)
    record = record and file_for("--record", record, force, plain=True)
    controls, files = split_sets(sets or []), read_files(stage, show, allow_outside)  # before a take is overwritten
    if record is not None:
        _say_what_it_lacks(record, files)
    with ExitStack() as stack:
        if log is not None:
            if force:
                _keep_surrounds(log, files)
            log = take_for("--log", log, force)
        elif record is not None:
            log = stack.enter_context(passing_take(record))
        options = RunOptions(
            stage, show, headless, unpaced, log, controls, allow_outside, scene, takes=takes, fresh=fresh
        )
        if record is not None and log is not None:
            stack.push(film_after(log, record))
        figures = run_stage(options, files, seconds, report, watch)
    if figures["plates"]:  # a script sees what an audience did; here, where the film is made and its take is gone
        raise typer.Exit(1)


def _say_what_it_lacks(record: Path, files: Files) -> None:
    """A take has no captured pictures: who wants the actor in the film must know before the run."""
    stage = files.stage
    filmed = stage.cameras[0].id
    if not stage.walls and any(capture.settings.camera == filmed for capture in stage.captures):
        typer.echo(
            f"{record}: it will show the world without the camera's picture; both are filmed by an [[output]] with "
            f'kind = "recording" and feed = "composite:{filmed}"',
            err=True,
        )


def _keep_surrounds(take: Path, files: Files) -> None:
    """Raises UserError where the take would overwrite one that a scene shows the surround of."""
    for scene in files.show.scenes:
        shown = scene.baked or scene.surround
        if shown is not None and shown.resolve() == take.resolve():
            raise UserError(f"--log {take}: scene {scene.slug!r} shows the surround of this take; name another folder")


def film_after(take: Path, record: Path) -> Callable[..., None]:
    """An ExitStack's exit: the film is made also of a run that failed, or whose report did."""

    def leave(kind: type[BaseException] | None, *_: object) -> None:
        if (take / "frames.jsonl").is_file() and (kind is None or issubclass(kind, Exception)):
            film_run(take, record)

    return leave


def film_run(take: Path, record: Path) -> None:
    """One film of a take, with a progress bar."""
    total = count_frames(take)
    if total == 0:
        typer.echo(f"{record}: no frame was recorded, so there is no film", err=True)
        return
    with deaf_to_hangup(), progress_bar() as bar:
        task = bar.add_task("filming", total=total)
        record_take(take, record, lambda: bar.advance(task))


def run_stage(
    options: RunOptions, files: Files, seconds: float | None, report: Path | None, watch: bool = False
) -> dict[str, Any]:
    """The run's figures, which are written to ``report`` however it ends; with ``watch``, of the stage as it was built
    last.

    A stop that comes after the greeting ends the run as its time would.
    """
    watched = WatchedFiles(watched_in(files)) if watch else None
    end_s, is_first = None, True
    with ExitStack() as stack:
        app = stack.enter_context(App(options, files))
        while True:
            with Terminal() as terminal:
                if is_first:
                    app.wait_until_ready()  # plates that load while it runs would cost frames
                watching = Watching(app, watched) if watched is not None else None
                try:
                    _greet(app, is_first)  # a pipe that nobody reads may keep it waiting
                    end_s = time.monotonic() + seconds if is_first and seconds is not None else end_s
                    _run(app, end_s, terminal, watching)
                except KeyboardInterrupt:
                    pass
                finally:
                    figures = app.report()
                    if report is not None:
                        write_report(report, figures)
                if watching is not None and watching.anew is not None:
                    app, is_first = built_anew(stack, app, watching.anew), False
                    continue
            echo(summary(figures))
            break
    figures = figures | {"recordings": app.recorded()}  # what ended with the run is whole only now, or is not
    if report is not None:
        write_report(report, figures)
    return figures


def _greet(app: App, is_first: bool) -> None:
    if is_first:
        echo(f"{app.files.stage.name}: {app.files.show.name}, scene {app.desk.scenes.shown}. Ctrl-C ends it.")


def _run(app: App, end_s: float | None, terminal: Terminal, watching: Watching | None) -> None:
    follower = Follower(app, terminal)

    def poll(ran_s: float) -> None:
        follower.poll(ran_s)
        if watching is not None:
            watching.poll(time.monotonic())

    app.run(None if end_s is None else max(end_s - time.monotonic(), 0.0), poll)


def split_sets(sets: list[str]) -> tuple[tuple[str, str], ...]:
    """``name=value`` pairs. Raises UserError for anything else."""
    pairs = []
    for text in sets:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"--set {text!r}: expected CONTROL=VALUE, such as look.snow=0.8")
        pairs.append((name.strip(), value.strip()))
    return tuple(pairs)
