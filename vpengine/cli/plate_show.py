"""``vpengine plate show``: what files are as plates, a show that uses them, and how they stand on a stage."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image as PilImage

from vpengine.cli.show_text import scene_text, show_head, slug_of
from vpengine.control.controls import Controls
from vpengine.errors import ProblemsError, UserError
from vpengine.files import Files, controls_of, read_files
from vpengine.frames.feed import PROGRAM, Feed
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.gpu.transfer import download
from vpengine.output.overlay import contact_sheet
from vpengine.plates.recognised import Recognised, recognised
from vpengine.player import Player
from vpengine.stage.shipped import stage_folder
from vpengine.stage.stage_file import read_stage

USUAL_STAGE = "led_volume.toml"
SECONDS = (0, 2)  # into a clip, that its two pictures are of


def show(
    files: Annotated[list[Path], typer.Argument(help="Films, numbered images, pictures, panoramas, .2p5d, models.")],
    stage: Annotated[Path | None, typer.Option(help="On which stage they stand; by default an LED volume.")] = None,
    to: Annotated[Path | None, typer.Option(help="The show to write; by default plates.toml beside them.")] = None,
    sheet: Annotated[bool, typer.Option(help="Draw how they stand, as a picture beside the show.")] = True,
) -> None:
    """Look at files, write a show that uses them, and draw how they stand on a stage."""
    target = to or _above(files) / "plates.toml"
    if target.suffix.lower() != ".toml":
        raise UserError(f"--to {target}: a show is a .toml file")
    if target.exists():
        raise UserError(f"{target}: there already, and is not overwritten; name another show with --to")
    drawn = target.with_suffix(".png")
    if sheet and drawn.absolute() in [path.absolute() for path in files]:
        raise UserError(f"{drawn}: is to be shown, and is not overwritten; name the show otherwise with --to")
    stage = stage or stage_folder() / USUAL_STAGE
    _refuse_wrong(stage)
    found, refused = looked_at(files)
    scenes = _scenes(found, target.parent)
    target.write_text(show_head(target.stem) + "".join(scenes.values()), encoding="utf-8")
    for (path, plate), slug in zip(found.items(), scenes, strict=True):
        typer.echo(f"{path.name}: {plate.kind}, {', '.join(plate.facts)}")
        for doubt in plate.doubts:
            typer.echo(f"  {doubt}")
        typer.echo(f"  scene {slug}")
    if sheet:
        try:
            PilImage.fromarray(standing(read_files(stage, target), list(scenes))).save(drawn)
        except BaseException:  # it would be in the way of the corrected command
            target.unlink()
            raise
        typer.echo(f"{drawn}: how they stand on {stage.stem}")
    typer.echo(f"vpengine run {stage} --show {target} --watch")
    if refused:
        raise typer.Exit(1)


def _refuse_wrong(stage: Path) -> None:
    """Before a show is written: it would be in the way of the corrected command."""
    if problems := read_stage(stage, controls_of).problems:
        raise ProblemsError(problems)


def _above(files: list[Path]) -> Path:
    """The folder that all of them are in or below."""
    return Path(os.path.commonpath([str(path.absolute().parent) for path in files]))


def looked_at(files: list[Path]) -> tuple[dict[Path, Recognised], int]:
    """By file, each once, without those that another shows with it; and how many no plate shows, which is told of each.
    Raises UserError where none is left.
    """
    found: dict[Path, Recognised] = {}
    refused = 0
    for path in files:
        if path in found or any(path in each.files for each in found.values()):
            continue
        try:
            _refuse_unwritable(path)
            found[path] = recognised(path)
        except UserError as error:
            if len(files) == 1:
                raise
            typer.echo(f"{error}; it is left out", err=True)
            refused += 1
    if not found:
        raise UserError("there is nothing left to show")
    return found, refused


def _refuse_unwritable(path: Path) -> None:
    """A show is UTF-8; a name from another system may be none."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"{str(path)!a}: its name is not UTF-8; rename it") from None


def _scenes(found: Mapping[Path, Recognised], folder: Path) -> dict[str, str]:
    """By slug, the scene's text. Raises UserError for a file that a show in ``folder`` may not name."""
    scenes: dict[str, str] = {}
    for path, plate in found.items():
        slug = slug_of(path, scenes)
        settings = {name: _named(value, folder) for name, value in plate.settings.items()}
        scenes[slug] = scene_text(slug, plate.kind, settings, (", ".join(plate.facts), *plate.doubts))
    return scenes


def _named(value: Any, folder: Path) -> Any:
    """A path as the show names it."""
    if not isinstance(value, Path):
        return value
    try:
        return value.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        why = "lies outside of the show's folder, where a show may name nothing"
        raise UserError(f"{value}: {why}; copy it there, or write the show beside it with --to") from None


def standing(files: Files, slugs: list[str]) -> NDArray[np.uint8]:
    """Two rows of pictures for each scene: what the simulated camera photographs, and the stage; a clip's twice."""
    images, captions = [], []
    with Player(files.stage.file, files) as player:
        number = 0
        for slug in slugs:
            location = next(scene.location for scene in files.show.scenes if scene.slug == slug)
            for seconds in SECONDS if getattr(player.locations[location], "moves", False) else SECONDS[:1]:
                frame = _frame(files, slug, location, Fraction(seconds), number)
                pictures = player.draw(frame, [player.main_feed, Feed("stage")])
                number += 1
                for feed, where in ((player.main_feed, "the camera"), (Feed("stage"), "the stage")):
                    images.append(np.ascontiguousarray(download(pictures[str(feed)].color)[..., :3], np.uint8))
                    at = f", at {seconds} s" if seconds else ""
                    captions.append(f"{slug}: {where}{at}")
    return contact_sheet(images, captions, 2)


def _frame(files: Files, slug: str, location: str, playhead: Fraction, number: int) -> FrameInput:
    """Cameras at rest, every control as the stage has it, nothing generated."""
    controls = Controls(files.controls)
    for address, value in files.stage.controls:
        controls.set(address, value)
    cameras = {
        camera.id: CameraState(camera.pose.pose(), camera.pose.pose(), camera.lens(), 0.0)
        for camera in files.stage.cameras
    }
    tick = Tick(number, float(number), files.stage.rate)
    buses = {PROGRAM: BusState(slug, location)}
    return FrameInput(tick, cameras, buses, controls.freeze(0.0), 0, playheads={location: playhead})
