"""``vpengine controls``: every OSC address that the engine takes: live controls, and with a stage its scenes."""

from __future__ import annotations

import json
import shutil
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from vpengine.control.controls import LONGEST_TEXT, Control
from vpengine.files import Files, controls_of, read_files


@dataclass(frozen=True)
class Trigger:
    """An address that is pressed. It takes 1 (or nothing) for a press; 0, a release, does nothing."""

    address: str
    sentence: str
    kind: str = "press"


TRIGGERS = (
    Trigger("/vp/scene", "To the scene of this name, or this number, counted from 1."),
    Trigger("/vp/scene/<slug>", "To this scene."),
    Trigger("/vp/scene/next", "To the scene that follows in the show."),
    Trigger("/vp/scene/previous", "To the one before."),
    Trigger("/vp/preview/scene", "The scene of this name or number stands by: in the feeds world:CAMERA@preview."),
    Trigger("/vp/preview/scene/<slug>", "This scene stands by."),
    Trigger("/vp/preview/off", "Nothing stands by."),
    Trigger("/vp/neural/refresh", "All generated pictures are made anew."),
    Trigger("/vp/camera/<id>/recentre", "What its tracker says now is the camera's [camera.pose] of the stage file."),
    Trigger("/vp/camera/<id>/recentre/undo", "Takes the last recentre back."),
)


def controls(
    stage: Annotated[
        Path | None, typer.Argument(help="A stage file, to list its cameras and its show's scenes.")
    ] = None,
    show: Annotated[Path | None, typer.Option(help="A show file, instead of the stage's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List every OSC address: controls with type and range, and triggers; a stage's own, or those of all generators."""
    files = read_files(stage, show) if stage else None
    declared = files.controls if files else controls_of("none")
    triggers = [*TRIGGERS, *(_of_stage(files) if files else ())]
    if as_json:
        typer.echo(json.dumps([*map(asdict, declared), *map(asdict, triggers)], indent=2))
        return
    width = shutil.get_terminal_size().columns
    for control in declared:
        kind = ", ".join(filter(None, (control.kind, range_text(control), f"default {control.default}")))
        _say(control.address, kind, control.sentence, width)
    for trigger in triggers:
        _say(trigger.address, trigger.kind, trigger.sentence, width)


def _say(address: str, kind: str, sentence: str, width: int) -> None:
    """Below each other, so that a narrow terminal cuts neither."""
    typer.echo(f"{address}  ({kind})")
    typer.echo(textwrap.fill(sentence, max(width, 20), initial_indent="    ", subsequent_indent="    "))


def _of_stage(files: Files) -> list[Trigger]:
    scenes = [
        Trigger(f"/vp/scene/{scene.slug}", f"{scene.name}. It is number {number}.")
        for number, scene in enumerate(files.show.scenes, 1)
    ]
    cameras = [Trigger(f"/vp/camera/{camera.id}/recentre", "As above.") for camera in files.stage.cameras]
    return [*scenes, *cameras]


def range_text(control: Control) -> str:
    if control.kind == "text":
        return f"up to {LONGEST_TEXT} characters"
    return f"{control.low:g} to {control.high:g} {control.unit}".rstrip() if control.kind in ("float", "int") else ""
