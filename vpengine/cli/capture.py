"""``vpengine capture STAGE``: a stage's camera pictures, opened for some seconds, and how each of them is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vpengine.capture.reader import Reader
from vpengine.capture.readers import reader_of, stop_all
from vpengine.errors import ProblemsError, UserError, did_you_mean
from vpengine.files import controls_of, settings_of
from vpengine.stage.capture import CaptureSection
from vpengine.stage.stage_file import read_stage

EVERY_S = 1.0


def capture(
    stage: Annotated[Path, typer.Argument(help=r"A stage file with [\[capture]] sections.")],
    seconds: Annotated[float, typer.Option(min=0.1, max=86400.0, help="How long to read them.")] = 5.0,
    only: Annotated[str | None, typer.Option(help="The id of one of them.")] = None,
    allow_outside: Annotated[bool, typer.Option(help="Files may name paths outside their folder.")] = False,
) -> None:
    """Open a stage's camera pictures; say each second how they are. Exit code 1 when one shows nothing at the end."""
    readers = [reader_of(section, settings, say=typer.echo) for section, settings in chosen(stage, only, allow_outside)]
    for reader in readers:
        reader.start()
    try:
        watch(readers, seconds)
        good = [reader.health().state in ("running", "ended") for reader in readers]
    finally:
        stop_all(readers)
    raise typer.Exit(0 if all(good) else 1)


def chosen(stage: Path, only: str | None, allow_outside: bool) -> list[tuple[CaptureSection, Any]]:
    """The stage's captures with their sources' settings. Raises UserError; what is wrong elsewhere is told as well."""
    reading = read_stage(stage, controls_of, allow_outside=allow_outside)
    settings, faults = settings_of(reading.sections)
    if reading.stage is None or faults:
        raise ProblemsError(dict.fromkeys([*reading.problems, *faults]))
    captures = {section.settings.id: section for section in reading.stage.captures}
    if not captures:
        raise UserError(f"{stage}: has no [[capture]] section; docs/capture.md shows one")
    if only is not None and only not in captures:
        raise UserError(f"{stage}: capture {only!r}: no such capture{did_you_mean(only, captures)}")
    wanted = [captures[only]] if only is not None else list(captures.values())
    return [(section, settings["capture", f"{section.source.file}:{section.source.key}"]) for section in wanted]


def watch(readers: Sequence[Reader], seconds: float) -> None:
    """A line a second of each."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0.0:
        time.sleep(min(EVERY_S, left_s))
        for reader in readers:
            typer.echo(f"{reader.name}: {reader.health().line()}")
