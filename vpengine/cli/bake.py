"""``vpengine plate bake TAKE``: what was generated for a scene is written down, and costs nothing from then on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from vpengine.cli.bar import progress_bar
from vpengine.cli.film import read_take
from vpengine.cli.outputs import Force, take_for
from vpengine.cli.streams import echo
from vpengine.compose.drawable import moves
from vpengine.errors import UserError
from vpengine.files import Files
from vpengine.frames.keyframe import Keyframe
from vpengine.player import Player
from vpengine.takes.bake import (
    baked_face,
    chosen_pictures,
    faces_of,
    kept_pictures,
    read_scene,
    write_bake,
    write_card,
)
from vpengine.takes.log import BROKEN, stored_keyframe
from vpengine.takes.run_file import write_run
from vpengine.takes.surround import StoredKeyframe
from vpengine.view.surround import FACES, surround_view


def bake(
    take: Annotated[Path, typer.Argument(help="The folder of a take, or one that `vpengine run --log` wrote.")],
    scene: Annotated[str, typer.Option(metavar="SLUG", help="The scene whose look is baked.")],
    to: Annotated[Path | None, typer.Option(help="The folder to write; by default TAKE-SLUG-bake.")] = None,
    resolution: Annotated[
        int | None, typer.Option(min=16, max=1024, help="Of its pictures; by default as the take's surround.")
    ] = None,
    allow_outside: Annotated[bool, typer.Option(help="The take may name files anywhere on this machine.")] = False,
    force: Force = False,
) -> None:
    """Bake a scene's look: its surround, with what the camera's pictures show laid over it."""
    if to is not None and to.resolve() == take.resolve():
        raise UserError(f"--to {to}: is the take that is baked; name another folder")
    has = read_scene(take, scene)
    faces, files = faces_of(take, has), read_take(take, allow_outside)
    pictures = chosen_pictures(has, faces[0].look)
    folder = take_for("--to", to or beside(take, scene), force)
    with progress_bar() as bar:
        task = bar.add_task("baking", total=len(pictures) + len(faces))
        made, kept, covered = _made(take, files, faces, pictures, resolution, lambda: bar.advance(task))
    write_bake(folder, has, made, kept)
    write_run(folder, files.stage.file, files.show.file, files.named())
    write_card(folder, take, scene, faces[0].look, pictures, covered)
    echo(_coverage(folder, faces, len(pictures), covered))
    echo(_how_to_use(folder, files.show.file))


def beside(take: Path, scene: str) -> Path:
    """Where a bake goes by itself; a take that is named as ``.`` has a folder that it is in, too."""
    whole = take.resolve()
    folder = take.parent if take.name not in ("", "..") else whole.parent
    return folder / f"{whole.name}-{scene}-bake"


def _made(
    take: Path,
    files: Files,
    faces: Sequence[StoredKeyframe],
    pictures: Sequence[dict[str, Any]],
    resolution: int | None,
    progress: Callable[[], None],
) -> tuple[list[Keyframe], list[Keyframe], list[float]]:
    """The baked faces, the pictures that are kept, and what of each face the pictures show."""
    with Player(take, files) as player:
        if moves(player.locations, faces[0].location):
            raise UserError(f"{take}: the plate of this scene moves, and a bake stands still")
        over = []
        for line in pictures:
            try:
                over.append(stored_keyframe(line, take)(player.redraw))
            except BROKEN as error:
                raise UserError(f"{take}: keyframe {line['number']} is damaged ({error})") from error
            progress()
        made, covered = [], []
        for face in faces:
            keyframe, share = baked_face(_at(face, resolution, player), over, face.view.resolution[0])
            made.append(keyframe)
            covered.append(share)
            progress()
    return made, kept_pictures(over), covered


def _at(face: StoredKeyframe, resolution: int | None, player: Player) -> Keyframe:
    """As it was made, with its plate in another resolution."""
    keyframe = face.load()(player.redraw)
    if resolution is None or resolution == face.view.resolution[0]:
        return keyframe
    assert face.index is not None
    view = surround_view(np.array(face.view.origin_m), face.index, resolution, face.view.time_s)
    plate = player.redraw(face.location, view, face.look.seed)
    return replace(keyframe, request=replace(keyframe.request, plate=plate))


def _coverage(folder: Path, faces: Sequence[StoredKeyframe], pictures: int, covered: Sequence[float]) -> str:
    stations = len({face.place for face in faces})
    whole = 100.0 * len(faces) / (FACES * stations)
    places = "one place" if stations == 1 else f"{stations} places"
    rest = "" if len(faces) == FACES * stations else "; the rest takes their grade"
    return (
        f"{folder}: {whole:.0f} percent of what is seen all round {places} is baked{rest}. Of that "
        f"{100.0 * float(np.mean(covered)):.0f} percent is as the camera's own pictures ({pictures}) show it."
    )


def _how_to_use(folder: Path, show: Path) -> str:
    without = "Without that line it is generated as before."
    try:
        name = folder.resolve().relative_to(show.resolve().parent).as_posix()
    except ValueError:
        return (
            f'To use it, move it into the folder of {show.name} and give the scene the line baked = "{folder.name}". '
            f"{without}"
        )
    return f'To use it, give the scene in {show.name} the line baked = "{name}". {without}'
