"""``vpengine film TAKE``: films of a run, drawn again from its log: same poses, same keyframes.

Filming costs the wall nothing, because it happens afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
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
from vpengine.compose.drawable import draw_placed
from vpengine.compose.keys import light_key, world_key
from vpengine.errors import UserError, did_you_mean
from vpengine.files import Files, read_files
from vpengine.frames.feed import PROGRAM, Eye, Feed, parse_feed
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
MOMENTS = (0.06, 0.24, 0.45, 0.55, 0.65, 0.97)  # of the run: day, evening, snow, the whip, the return, at rest
NEVER = "THE PLATE, NOTHING GENERATED"
BAKED = "BAKED, NOTHING IS GENERATED"
MOMENT_PICTURES = ("plate", "neural", "wall", "camera")

Image = NDArray[np.uint8]
T = TypeVar("T")


@dataclass(frozen=True)
class Shot:
    """One frame of a run, drawn again; pictures are (height, width, 3)."""

    camera: Image
    stage: Image


def age_words(age_s: float | None) -> str:
    """How old the newest generated picture is that the camera photographs."""
    return NEVER if age_s is None else f"NEWEST GENERATED PICTURE {age_s:.2f} S OLD"


def shoot(player: Player, frame: FrameInput) -> tuple[Shot, Mapping[str, Any]]:
    """The walls as they were, as the photographing camera and the stage view see them; once a frame, in order.

    And the pictures that they were made of, good until the next frame is drawn.
    """
    pictures = player.draw(frame, [player.camera_feed, Feed("stage")])
    small = rgb(player.draw_stale(frame)[str(player.camera_feed)])
    words = BAKED if frame.program.baked else age_words(player.picture_age_s(frame))
    photo = label(photograph(player, pictures), words, "bottom left")
    image = inset(photo, label(small, "not re-projected", "bottom left"), 0.3, "top left")
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
        program = frame.program
        view = camera_view(state.pose, state.lens, MOMENT_SIZE)
        view = replace(view, light=program.light, placement=program.placement(program.location))
        draw_placed(player.locations[program.location], plate, view)
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
    files = read_files(run.stage, run.show, allow_outside, surrounds=False, live=False)
    played = " and ".join(str(path) for path in run.changed_captures(files.captured()))
    if played:
        typer.echo(
            f"{take}: {played} changed since this take was made; then the camera's picture was another", err=True
        )
    return files


class Held(Generic[T]):
    """What a film shows at each tick: where a run left ticks out, the wall held its last picture."""

    def __init__(self) -> None:
        self._last: tuple[int, T] | None = None

    def until(self, number: int, shown: T) -> Iterator[T]:
        """For every tick after the last call's, up to ``number``, which shows ``shown``."""
        before, held = self._last or (number - 1, shown)
        self._last = (number, shown)
        return chain(repeat(held, number - before - 1), [shown])


def make_films(take: Path, files: Files, out: Path, progress: Callable[[], None]) -> None:
    """camera.mp4, stage.mp4 and contact.png of a take, into ``out``; ``progress`` is called after each frame."""
    total = count_frames(take)
    moments = {round(part * (total - 1)) for part in MOMENTS}
    rows: list[list[Image]] = []
    captions: list[str] = []
    with Player(take, files) as player:
        sheet_rows = Moments(player)
        rate = player.files.stage.rate
        with Film(out / "camera.mp4", FILM_SIZE, rate) as camera, Film(out / "stage.mp4", FILM_SIZE, rate) as stage:
            shots: Held[Shot] = Held()
            first: int | None = None
            for index, frame in enumerate(player.frames()):
                first = frame.tick.number if first is None else first
                shot, pictures = shoot(player, frame)
                for held in shots.until(frame.tick.number, shot):
                    camera.write(held.camera)
                    stage.write(held.stage)
                if index in moments:
                    rows.append(sheet_rows.row(frame, shot, pictures))
                    time_s = (frame.tick.number - first) / float(rate)
                    captions += [f"{text}, {time_s:.1f} s" for text in MOMENT_PICTURES]
                progress()
    sheet = contact_sheet([image for row in rows for image in row], captions, 4)
    try:
        PilImage.fromarray(sheet).save(out / "contact.png", optimize=True)
    except OSError as error:
        raise UserError(f"{out / 'contact.png'}: cannot be written ({error.strerror or error})") from error


def record_take(take: Path, file: Path, progress: Callable[[], None]) -> None:
    """This run's own take as one film: what the photographing camera saw or, without a wall, the camera's world."""
    with Player(take, read_take(take, allow_outside=True)) as player:
        film_feeds(player, {player.main_feed: file}, progress)


def film_feeds(player: Player, files: Mapping[Feed, Path], progress: Callable[[], None]) -> None:
    """A film of each feed; ``progress`` is called after each frame."""
    with ExitStack() as stack:
        rate = player.files.stage.rate
        films = {feed: stack.enter_context(Film(path, _even(player.size(feed)), rate)) for feed, path in files.items()}
        shown: Held[dict[Feed, Image]] = Held()
        for frame in player.frames():
            pictures = player.draw(frame, list(films))
            images = {feed: _filmed(feed, pictures, player) for feed in films}
            for held in shown.until(frame.tick.number, images):
                for feed, image in held.items():
                    films[feed].write(image)
            progress()


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """Films have half as many colours each way: a column or row too many is left out."""
    return size[0] - size[0] % 2, size[1] - size[1] % 2


def _filmed(feed: Feed, pictures: Mapping[str, Any], player: Player) -> Image:
    """A feed's picture, black where it has none, as a preview in which nothing stands by."""
    width, height = _even(player.size(feed))
    if str(feed) not in pictures:
        return np.zeros((height, width, 3), np.uint8)
    image = photograph(player, pictures) if feed == player.camera_feed else rgb(pictures[str(feed)])
    return image[:height, :width]


def feeds_named(files: Files, names: Sequence[str]) -> list[Feed]:
    """The feeds of these names. Raises UserError for one that the stage does not have."""
    stage = files.stage
    known = {
        *(f"wall:{wall.id}" for wall in stage.walls),
        *(f"world:{camera.id}{bus}" for camera in stage.cameras for bus in ("", "@preview")),
        *(f"camera:{camera.id}" for camera in stage.cameras if stage.walls),
        *(["stage"] if stage.walls else []),
    }
    for name in names:
        if name not in known:
            raise UserError(f"--feed {name!r}: this stage has no such feed{did_you_mean(name, known)}")
    return [parse_feed(name) for name in dict.fromkeys(names)]


def feed_file(feed: Feed) -> str:
    """``world:1@preview`` is filmed as ``world-1-preview.mp4``."""
    return str(feed).replace(":", "-").replace("@", "-") + ".mp4"


def film(
    take: Annotated[Path, typer.Argument(help="The folder of a take, or one that `vpengine run --log` wrote.")],
    out: Annotated[Path, typer.Option(help="Where the films go.")] = Path("out/film"),
    feeds: Annotated[
        list[str] | None,
        typer.Option("--feed", help="Film this feed instead: wall:ID, world:CAMERA, camera:CAMERA, stage."),
    ] = None,
    allow_outside: Annotated[bool, typer.Option(help="The take may name files anywhere on this machine.")] = False,
    force: Force = False,
) -> None:
    """Film a logged run: what the photographing camera sees, the stage from above, and a contact sheet.

    Of a stage without a wall: what its camera must see.
    """
    total = count_frames(take)  # first: what is no take leaves no folder
    if total == 0:
        raise UserError(f"{take}: there is no good frame in this take")
    files = read_take(take, allow_outside)
    chosen = feeds_named(files, feeds or ([] if files.stage.walls else [f"world:{files.stage.cameras[0].id}"]))
    names = tuple(feed_file(feed) for feed in chosen) or FILMS
    out = folder_for("--out", out, names, force)
    with deaf_to_hangup(), progress_bar() as bar:
        task = bar.add_task("filming", total=total)
        if chosen:
            with Player(take, files) as player:
                film_feeds(player, {feed: out / feed_file(feed) for feed in chosen}, lambda: bar.advance(task))
        else:
            make_films(take, files, out, lambda: bar.advance(task))
    echo(f"{out}: {', '.join(names)}")
