"""``vpengine stages``: the stages that come with vpengine, listed, and copied for one's own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from vpengine.errors import UserError, did_you_mean
from vpengine.files import controls_of, read_files
from vpengine.stage.desk_files import cues_file, looks_file
from vpengine.stage.shipped import stage_folder
from vpengine.stage.stage_file import read_stage


def stages(
    name: Annotated[str | None, typer.Argument(help="Which one to copy.")] = None,
    to: Annotated[Path, typer.Option(help="The folder that it is copied into, with its show.")] = Path(),
) -> None:
    """List the sample stages, or copy one with its show into a folder, to be changed there."""
    found = {path.stem: path for path in sorted(stage_folder().glob("*.toml"))}
    if name is None:
        for stem, path in found.items():
            stage = read_stage(path, controls_of).stage
            typer.echo(f"{stem:12} {stage.name if stage else 'broken'}")
        typer.echo("vpengine stages NAME copies one here; vpengine run NAME.toml runs it")
        return
    if name not in found:
        raise UserError(f"no sample stage {name!r}{did_you_mean(name, found)}")
    for path, is_new in copied(found[name], to).items():
        typer.echo(f"{path}" if is_new else f"{path} (it was there, and stays as it is)")


def copied(stage: Path, folder: Path) -> dict[Path, bool]:
    """Copy ``stage`` and the show that it names, which lies below it, with its looks and what its plates show; of each
    file whether it is new. Nothing is overwritten: two stages have one show, and a crew's own stays.

    Raises UserError where the stage itself is there already.
    """
    files = read_files(stage, None, surrounds=False)
    show = files.show.file
    beside = [path for path in (looks_file(show), cues_file(show), *files.named()) if path.is_file()]
    named = dict.fromkeys(path.resolve() for path in (stage, show, *beside))
    pairs = [(path, folder / path.relative_to(stage.parent.resolve())) for path in named]
    if (own := folder / stage.name).exists():
        raise UserError(f"{own}: there already; nothing was copied. Name another folder with --to")
    is_new = {target: not target.exists() for _, target in pairs}
    for path, target in pairs:
        if is_new[target]:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return is_new
