"""``vpengine controls``: every OSC address that the engine takes or sends, listed, as JSON, as a tablet's layout."""

from __future__ import annotations

import json
import shutil
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vpengine.control.buttons import BUTTONS
from vpengine.control.controls import LONGEST_TEXT, Control
from vpengine.control.displays import DISPLAYS
from vpengine.errors import UserError
from vpengine.files import Files, controls_of, read_files
from vpengine.remote.companion import companion_page
from vpengine.remote.touchosc_layout import layout


@dataclass(frozen=True)
class Trigger:
    """An address that is pressed. It takes 1 (or nothing) for a press; 0, a release, does nothing."""

    address: str
    sentence: str
    kind: str = "press"


PLACE = "x y, or x y width height; 0 to 1"  # from the picture's upper left corner

TRIGGERS = (
    Trigger("/vp/scene", "To the scene of this name, or this number, counted from 1."),
    Trigger("/vp/scene/<slug>", "To this scene."),
    Trigger("/vp/scene/next", "To the scene that follows in the show."),
    Trigger("/vp/scene/previous", "To the one before."),
    Trigger("/vp/preview/scene", "The scene of this name or number stands by: in the feeds world:CAMERA@preview."),
    Trigger("/vp/preview/scene/<slug>", "This scene stands by."),
    Trigger("/vp/preview/off", "Nothing stands by."),
    Trigger("/vp/preview/look/<name>", "Moves /vp/look/<name> in the preview alone.", "as that one"),
    Trigger("/vp/key/pick", "The screen's colour is taken from here in the camera's picture.", PLACE),
    Trigger("/vp/picture/grey", "What is here in the camera's picture is made grey.", PLACE),
    Trigger("/vp/neural/refresh", "All generated pictures are made anew."),
    Trigger("/vp/camera/<id>/recentre", "What its tracker says now is the camera's [camera.pose] of the stage file."),
    Trigger("/vp/camera/<id>/recentre/undo", "Takes the last recentre back."),
    Trigger(
        "/vp/subscribe", "The sender is told every value from now on; over UDP at this port of it.", "port or press"
    ),
    Trigger("/vp/unsubscribe", "Not any more.", "port or press"),
    Trigger("/vp/ping", "Answered with /vp/pong."),
)


def controls(
    stage: Annotated[
        Path | None, typer.Argument(help="A stage file, to list its cameras and its show's scenes.")
    ] = None,
    show: Annotated[Path | None, typer.Option(help="A show file, instead of the stage's own.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all of them as JSON; - is the terminal.")
    ] = None,
    touchosc: Annotated[
        Path | None,
        typer.Option(metavar="FILE.tosc", help="Write a tablet's layout for TouchOSC: cues, look, grade, health."),
    ] = None,
    companion: Annotated[
        Path | None,
        typer.Option(metavar="FILE.companionconfig", help="Write a page of buttons for Bitfocus Companion."),
    ] = None,
) -> None:
    """List every OSC address: controls with type and range, buttons, displays; a stage's own, or of all generators."""
    files = read_files(stage, show) if stage else None
    declared = files.controls if files else controls_of("none")
    listed = _listed(declared, files)
    if json_file is not None:
        text = json.dumps(listed, indent=2) + "\n"
        if str(json_file) == "-":
            typer.echo(text, nl=False)
        else:
            _write(json_file, text.encode("utf-8"))
    name = files.stage.name if files else "vpengine"
    scenes = [(scene.slug, scene.name or scene.slug) for scene in files.show.scenes] if files else []
    if touchosc is not None:
        settings = files.show.settings if files else None
        approvers = settings.approvers if settings is not None and settings.gate == "on" else ()
        _write(touchosc, layout(name, declared, scenes, approvers))
    if companion is not None:
        _write(companion, companion_page(name, scenes, (files.stage.control.osc_port if files else 0) or 9001))
    if json_file is None and touchosc is None and companion is None:
        _say_all(declared, listed)


def _say_all(declared: tuple[Control, ...], listed: list[dict[str, Any]]) -> None:
    ranges = {control.address: control for control in declared}
    width = shutil.get_terminal_size().columns
    for item in listed:
        control = ranges.get(item["address"])
        limits = (range_text(control), f"default {control.default}") if control else ()
        read = "read only" if item["role"] == "display" else ""
        _say(item["address"], ", ".join(filter(None, (item["kind"], *limits, read))), item["sentence"], width)


def _listed(declared: tuple[Control, ...], files: Files | None) -> list[dict[str, Any]]:
    """Controls, buttons and displays, each with its role, address, kind and sentence."""
    triggers = [*TRIGGERS, *(_of_stage(files) if files else ())]
    buttons = [asdict(button) for button in BUTTONS]
    return [
        *({"role": "control", **asdict(control)} for control in declared),
        *({"role": "button", **asdict(trigger)} for trigger in triggers),
        *({"role": "button", "kind": button.pop("argument"), **button} for button in buttons),
        *({"role": "display", **asdict(display)} for display in DISPLAYS),
    ]


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UserError(f"{file}: cannot be written ({error.strerror or error})") from error
    typer.echo(f"{file} written.")


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
