"""``vpengine film TAKE``: films of a run, drawn again from its log: same poses, same keyframes.

Filming costs the wall nothing, because it happens afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image as PilImage

from vpengine.cli.bar import progress_bar
from vpengine.cli.outputs import Force, folder_for
from vpengine.cli.signals import deaf_to_hangup
from vpengine.cli.streams import echo
from vpengine.compose.plan import light_key, world_key
from vpengine.errors import UserError
from vpengine.files import Files, read_files
from vpengine.frames.feed import PROGRAM, Eye, Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import download
from vpengine.gpu.view_lut import ViewLut
from vpengine.output.film import Film
from vpengine.output.overlay import contact_sheet, inset, label
from vpengine.player import FILM_SIZE, Player
from vpengine.takes.log import count_frames
from vpengine.takes.run_file import read_run
from vpengine.view.camera import camera_view

FILMS = ("camera.mp4", "stage.mp4", "contact.png")
MOMENT_SIZE = (480, 270)
MOMENTS = (0.1, 0.3, 0.45, 0.52, 0.62, 0.95)  # of the run: by day, the change, the stop, the whip, the return, at rest
MOMENT_PICTURES = ("plate", "neural", "wall", "camera")

Image = NDArray[np.uint8]
T = TypeVar("T")


@dataclass(frozen=True)
class Shot:
    """One frame of a run, drawn again; pictures are (height, width, 3)."""

    camera: Image
    stage: Image


def shoot(player: Player, frame: FrameInput) -> tuple[Shot, Mapping[str, Any]]:
    """The walls as they were, as the photographing camera and the stage view see them; once a frame, in order.

    And the pictures that they were made of, good until the next frame is drawn.
    """
    pictures = player.draw(frame, [player.camera_feed, Feed("stage")])
    small = rgb(player.draw_stale(frame)[str(player.camera_feed)])
    image = inset(photograph(player, pictures), label(small, "not re-projected", "bottom left"), 0.3, "top left")
    return Shot(image, label(rgb(pictures["stage"]), "THE STAGE", "bottom left")), pictures


def photograph(player: Player, pictures: Mapping[str, Any]) -> Image:
    """What the photographing camera sees."""
    return label(rgb(pictures[str(player.camera_feed)]), "SIMULATED CAMERA", "bottom right")


class Moments:
    """The rows of the contact sheet: plate, neural, wall, camera."""

    def __init__(self, player: Player) -> None:
        self._player = player
        self._lut = ViewLut(player.gpu)

    def row(self, frame: FrameInput, shot: Shot, pictures: Mapping[str, Any]) -> list[Image]:
        player, camera = self._player, self._player.files.stage.cameras[0]
        state = frame.cameras[camera.id]
        plate = Target(player.gpu.context, MOMENT_SIZE, depth=True)
        player.places[frame.program.place].draw(plate, camera_view(state.pose, state.lens, MOMENT_SIZE))
        world, wall = world_key(Eye(PROGRAM, camera.id)), light_key(player.files.stage.walls[0].id)
        lights = [plate.color, pictures[world].color, pictures[wall].color]
        row = [self._developed(light) for light in lights]
        plate.release()
        return [*row, resized(shot.camera, MOMENT_SIZE)]

    def _developed(self, light: Texture) -> Image:
        """A scene-linear picture as a monitor shows it, fitted into a moment's frame."""
        target = Target(self._player.gpu.context, (light.size[0], light.size[1]), dtype="f1")
        self._lut.develop(target, light)
        image = rgb(target)
        target.release()
        return resized(image, MOMENT_SIZE)


def resized(image: Image, size: tuple[int, int]) -> Image:
    """Fitted into ``size`` with its own proportions, on black."""
    picture = PilImage.fromarray(image)
    scale = min(size[0] / picture.width, size[1] / picture.height)
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), PilImage.Resampling.LANCZOS)
    out = PilImage.new("RGB", size)
    out.paste(picture, ((size[0] - picture.width) // 2, (size[1] - picture.height) // 2))
    return np.asarray(out)


def rgb(target: Target) -> Image:
    return np.ascontiguousarray(download(target.color)[..., :3], np.uint8)


def read_take(take: Path, allow_outside: bool = False) -> Files:
    """The stage and show that a take was made with; a warning where they have changed since. Raises UserError."""
    run = read_run(take, allow_outside)
    if run.note:
        typer.echo(f"{take}: {run.note}", err=True)
    changed = " and ".join(str(path) for path in run.changed())
    if changed:
        typer.echo(
            f"{take}: {changed} changed since this take was made; the film is drawn from the files as they are now",
            err=True,
        )
    files = read_files(run.stage, run.show, allow_outside)
    refuse_without_wall(files)
    return files


def refuse_without_wall(files: Files) -> None:
    """Raises UserError where there is nothing to film: films are of a wall, with an actor before it."""
    if not files.stage.walls:
        raise UserError(f"{files.stage.file}: the stage has no wall, and a film shows a camera before one")


class Held(Generic[T]):
    """What a film shows at each tick: where a run left ticks out, the wall held its last picture."""

    def __init__(self) -> None:
        self._last: tuple[int, T] | None = None

    def until(self, number: int, shown: T) -> Iterator[T]:
        """For every tick after the last call's, up to ``number``, which shows ``shown``."""
        before, held = self._last or (number - 1, shown)
        self._last = (number, shown)
        return chain(repeat(held, number - before - 1), [shown])


def make_films(take: Path, out: Path, progress: Callable[[], None], allow_outside: bool = False) -> None:
    """camera.mp4, stage.mp4 and contact.png of a take, into ``out``; ``progress`` is called after each frame."""
    total = count_frames(take)
    moments = {round(part * (total - 1)) for part in MOMENTS}
    rows: list[list[Image]] = []
    captions: list[str] = []
    with Player(take, read_take(take, allow_outside)) as player:
        sheet_rows = Moments(player)
        rate = player.files.stage.rate
        with Film(out / "camera.mp4", FILM_SIZE, rate) as camera, Film(out / "stage.mp4", FILM_SIZE, rate) as stage:
            shots: Held[Shot] = Held()
            first: int | None = None
            for place, frame in enumerate(player.frames()):
                first = frame.tick.number if first is None else first
                shot, pictures = shoot(player, frame)
                for held in shots.until(frame.tick.number, shot):
                    camera.write(held.camera)
                    stage.write(held.stage)
                if place in moments:
                    rows.append(sheet_rows.row(frame, shot, pictures))
                    time_s = (frame.tick.number - first) / float(rate)
                    captions += [f"{text}, {time_s:.1f} s" for text in MOMENT_PICTURES]
                progress()
    sheet = contact_sheet([image for row in rows for image in row], captions, 4)
    try:
        PilImage.fromarray(sheet).save(out / "contact.png", optimize=True)
    except OSError as error:
        raise UserError(f"{out / 'contact.png'}: cannot be written ({error.strerror or error})") from error


def record_camera(take: Path, file: Path, progress: Callable[[], None]) -> None:
    """What the photographing camera saw of this run's own take, as one film."""
    with (
        Player(take, read_take(take, allow_outside=True)) as player,
        Film(file, FILM_SIZE, player.files.stage.rate) as out,
    ):
        images: Held[Image] = Held()
        for frame in player.frames():
            image = photograph(player, player.draw(frame, [player.camera_feed]))
            for held in images.until(frame.tick.number, image):
                out.write(held)
            progress()


def film(
    take: Annotated[Path, typer.Argument(help="The folder that `vpengine run --log` wrote.")],
    out: Annotated[Path, typer.Option(help="Where the films go.")] = Path("out/film"),
    allow_outside: Annotated[bool, typer.Option(help="The take may name files anywhere on this machine.")] = False,
    force: Force = False,
) -> None:
    """Film a logged run: what the photographing camera sees, the stage from above, and a contact sheet."""
    total = count_frames(take)  # first: what is no take leaves no folder
    if total == 0:
        raise UserError(f"{take}: there is no good frame in this take")
    out = folder_for("--out", out, FILMS, force)
    with deaf_to_hangup(), progress_bar() as bar:
        task = bar.add_task("filming", total=total)
        make_films(take, out, lambda: bar.advance(task), allow_outside)
    echo(f"{out}: {', '.join(FILMS)}")
