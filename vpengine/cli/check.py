"""``vpengine check STAGE...``: everything that is wrong with stage files and their shows, one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vpengine.control.controls import Value
from vpengine.control.looks import Looks
from vpengine.errors import Problem
from vpengine.files import TABLES, conflicts, controls_of, inspected, surround_faults
from vpengine.frames.feed import wall_feed
from vpengine.neural.declared import looks_of
from vpengine.stage.sections import PluginSection
from vpengine.stage.show_file import Show, ShowReading, read_show
from vpengine.stage.stage_file import Stage, StageReading, read_stage

Settings = Mapping[tuple[str, str], Any]  # of plug-ins, by slot and place
Resolve = Callable[[Iterable[PluginSection]], tuple[Settings, list[Problem]]]
Conflicts = Callable[[Stage, Settings], list[Problem]]


def check(
    stages: Annotated[list[Path], typer.Argument(help="Stage files.")],
    allow_outside: Annotated[bool, typer.Option(help="Files may name paths outside their folder.")] = False,
) -> None:
    """Validate stage files and their shows: every problem, one line each."""
    raise typer.Exit(check_files(stages, inspected, conflicts, allow_outside=allow_outside))


def check_files(
    stages: list[Path],
    resolve: Resolve | None = None,
    find_conflicts: Conflicts | None = None,
    *,
    allow_outside: bool = False,
) -> int:
    """Print every problem of the stage files and the shows they name; the exit code, 0 for none and 1 for some.

    A stage may leave its show to the command line; then a line says so, since nothing of a show was checked.

    resolve: plug-ins' settings and what is wrong with them; without it their sections are not looked into.
    find_conflicts: what is wrong between sections that are right by themselves.
    """
    broken = 0
    for stage in stages:
        reading = read_stage(stage, controls_of, kinds=TABLES, allow_outside=allow_outside)
        show = None
        if reading.show:
            show = read_show(reading.show, reading.controls, kinds=TABLES, allow_outside=allow_outside)
        problems = all_problems(reading, show, resolve, find_conflicts)
        broken += bool(problems)
        for problem in problems:
            typer.echo(_one_line(problem), err=True)
        if not problems:
            typer.echo(f"{stage}: good{_opened(show)}")
            for note in _notes(reading, show):
                typer.echo(f"{stage}: {note}")
    return 1 if broken else 0


def _notes(reading: StageReading, show: ShowReading | None) -> Iterator[str]:
    """What may be meant so, and may surprise."""
    if reading.show is None:
        yield "it names no show: `vpengine run` needs --show FILE, which was not checked"
    if reading.stage is None:
        return
    shown = {output.feed for output in reading.stage.outputs}
    for wall in reading.stage.walls:
        if wall_feed(wall.id) not in shown:
            yield f"no [[output]] shows the wall {wall.id!r}"
    defaults = {control.address: control.default for control in reading.controls}
    waiting = _waiting(show.show, looks_of(reading.stage.neural.generator), defaults) if show and show.show else []
    if waiting:
        yield f"the gate lets the plate alone through, until somebody approves the look of: {', '.join(waiting)}"


def _waiting(show: Show, looks: Looks, defaults: Mapping[str, Value]) -> list[str]:
    """The scenes whose look nobody approved; one that keeps what is on has none of its own."""
    if show.settings.gate != "on":
        return []
    asked = {scene.slug: dict([*show.controls, *scene.controls]) for scene in show.scenes if not scene.keep}
    found = {slug: looks.at_frame({**defaults, **controls}) for slug, controls in asked.items()}
    return [slug for slug, look in found.items() if not look.plain and show.looks.covering(look) is None]


def all_problems(
    reading: StageReading, show: ShowReading | None, resolve: Resolve | None, find_conflicts: Conflicts | None
) -> list[Problem]:
    """All that is wrong with a stage file, its show, and the plug-ins' sections of both."""
    problems, sections = list(reading.problems), list(reading.sections)
    if show:
        problems += show.problems
        sections += show.sections
    if resolve:
        settings, faults = resolve(sections)
        problems += faults
        stages_own = {section.key for section in reading.sections} & {fault.key.partition(".")[0] for fault in faults}
        if find_conflicts and reading.stage and not stages_own:
            problems += find_conflicts(reading.stage, settings)
        if reading.stage and show and show.show:
            problems += surround_faults(reading.stage, show.show)
    return list(dict.fromkeys(problems))


def _opened(show: ShowReading | None) -> str:
    """That files were looked into, where there were some."""
    files = {str(section.table["file"]) for section in show.sections if "file" in section.table} if show else ()
    return f"; its show's pictures were opened ({len(files)})" if files else ""


def _one_line(problem: Problem) -> str:
    return " ".join(str(problem).split())
