"""``vpengine film TAKE``: films of a run, drawn again from its log: same poses, same keyframes.

Filming costs the wall nothing, because it happens afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path
from typing import Annotated, Generic, TypeVar

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image as PilImage

from vpengine.app import build_program, load_place
from vpengine.cli.bar import progress_bar
from vpengine.cli.outputs import Force, folder_for
from vpengine.cli.signals import deaf_to_hangup
from vpengine.cli.streams import echo
from vpengine.compose.request import RequestCamera
from vpengine.control import declared
from vpengine.control.controls import parse
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.errors import UserError
from vpengine.files import Files, read_files
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.images import ImageSet
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import download
from vpengine.gpu.view_lut import ViewLut
from vpengine.output.film import Film
from vpengine.output.overlay import contact_sheet, inset, label
from vpengine.sim.camera import SimCamera
from vpengine.sim.figure import StandIn
from vpengine.sim.light import Panel, StageLight
from vpengine.sim.stage_view import StageView, from_behind
from vpengine.takes.log import count_frames, read_log
from vpengine.takes.run_file import read_run
from vpengine.view.camera import camera_view
from vpengine.view.view import View

FILMS = ("camera.mp4", "stage.mp4", "contact.png")
FILM_SIZE = (960, 540)
INSET_SIZE = (288, 162)
MOMENT_SIZE = (480, 270)
MOMENTS = (0.1, 0.3, 0.45, 0.52, 0.62, 0.95)  # of the run: by day, the change, the stop, the whip, the return, at rest
MOMENT_PICTURES = ("plate", "neural", "wall", "camera")
EXPOSURE_STOPS = 0.9  # for the actor, whom only the walls light; the street behind takes it well

Image = NDArray[np.uint8]
T = TypeVar("T")


@dataclass(frozen=True)
class Shot:
    """One frame of a run, drawn again; pictures are (height, width, 3)."""

    camera: Image
    stage: Image


class Player:
    """Draws a logged run again, headless. Use as a context manager."""

    def __init__(self, take: Path, allow_outside: bool = False) -> None:
        self.take = take
        self.files = read_take(take, allow_outside)
        self._exit = ExitStack()

    def __enter__(self) -> Player:
        files, stage = self.files, self.files.stage
        self.gpu = Gpu(create_headless())
        self.places, self.program = build_program(self.gpu, files, self._exit)
        for place in files.show.plates:
            load_place(self.places, self.program, place)
        self._requests = RequestCamera(self.gpu, stage.neural.resolution)
        panels = {wall.id: Panel(wall.peak_nits, wall.black_nits) for wall in stage.walls}
        geometries = list(self.program.walls.geometries.values())
        self._light = StageLight(self.gpu, geometries, panels, StandIn())
        self._empty_light = StageLight(self.gpu, geometries, panels, None)
        self._sim = SimCamera(self.gpu, self._light, FILM_SIZE)
        self._stale_sim = SimCamera(self.gpu, self._empty_light, INSET_SIZE)
        self._view = StageView(self.gpu, self._light, FILM_SIZE)
        self.lut = ViewLut(self.gpu)
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def frames(self) -> Iterator[FrameInput]:
        """Raises UserError for a frame that the stage or the show of now cannot draw."""
        for frame in read_log(self.take, self._redraw):
            yield self._drawable(frame)

    def _drawable(self, frame: FrameInput) -> FrameInput:
        """With a value for every control, as a take of an older version does not know all of them; and all of it is
        drawn, whatever was left out to hold the rate: a film has time.
        """
        camera = self.files.stage.cameras[0].id
        if camera not in frame.cameras:
            known = ", ".join(frame.cameras)
            raise UserError(f"{self.take}: its cameras are {known}, and the stage's is {camera}")
        for place, _ in frame.program.shares:
            self._refuse_unknown(place)
        values = {item.address: parse(item, frame.controls.get(item.address, item.default)) for item in ENGINE_CONTROLS}
        return replace(frame, controls=values, rung=0)

    def _refuse_unknown(self, place: str) -> None:
        if not self.places.ready(place):  # the show is another one now
            raise UserError(f"{self.take}: it shows the place {place!r}, which the show does not have")

    def _redraw(self, place: str, view: View, seed: int) -> ImageSet:
        self._refuse_unknown(place)
        (width, height), (w, h) = view.resolution, self.files.stage.neural.resolution
        if (width, height) != (w, h):
            raise UserError(
                f"{self.take}: its keyframes are of {width} x {height} pixels, and the stage's [neural] resolution is "
                f"{w} x {h} now"
            )
        return self._requests.take(self.places[place], place, view, seed)

    def shoot(self, frame: FrameInput) -> Shot:
        """The walls as they were, as the photographing camera and the stage view see them; once a frame, in order."""
        self.program.admit(frame)
        stale = replace(frame, controls={**frame.controls, declared.NEURAL_REPROJECT: False})
        small = self._photograph(self._stale_sim, self._empty_light, stale, INSET_SIZE)
        image = self.photograph(frame)
        image = inset(image, label(small, "not re-projected", "bottom left"), 0.3, "top left")
        stage = rgb(self._view.draw(from_behind(FILM_SIZE), self._view_of(frame, FILM_SIZE), EXPOSURE_STOPS))
        return Shot(image, label(stage, "THE STAGE", "bottom left"))

    def photograph(self, frame: FrameInput) -> Image:
        """What the photographing camera sees; after the frame was admitted."""
        image = self._photograph(self._sim, self._light, frame, FILM_SIZE)
        return label(image, "SIMULATED CAMERA", "bottom right")

    def moment(self, frame: FrameInput, shot: Shot) -> list[Image]:
        """A row of the contact sheet: plate, neural, wall, camera."""
        camera = self.files.stage.cameras[0]
        state = frame.cameras[camera.id]
        plate = Target(self.gpu.context, MOMENT_SIZE, depth=True)
        self.places[frame.program.place].draw(plate, camera_view(state.pose, state.lens, MOMENT_SIZE))
        inner = self.program.inner(frame)
        wall = next(iter(self.program.walls.pictures.values()))
        pictures = [self._developed(plate.color), self._developed(inner.color), self._developed(wall.light.color)]
        plate.release()
        return [*pictures, resized(shot.camera, MOMENT_SIZE)]

    def _developed(self, light: Texture) -> Image:
        """A scene-linear picture as a monitor shows it, fitted into a moment's frame."""
        target = Target(self.gpu.context, (light.size[0], light.size[1]), dtype="f1")
        self.lut.develop(target, light)
        image = rgb(target)
        target.release()
        return resized(image, MOMENT_SIZE)

    def _photograph(self, sim: SimCamera, light: StageLight, frame: FrameInput, size: tuple[int, int]) -> Image:
        light.shine(self.program.draw_light(frame, self.program.inner(frame)))
        return rgb(sim.draw(self._view_of(frame, size), EXPOSURE_STOPS, frame.tick.number))

    def _view_of(self, frame: FrameInput, size: tuple[int, int]) -> View:
        state = frame.cameras[self.files.stage.cameras[0].id]
        return camera_view(state.pose, state.lens, size)


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
    return read_files(run.stage, run.show, allow_outside)


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
    with Player(take, allow_outside) as player:
        rate = player.files.stage.rate
        with Film(out / "camera.mp4", FILM_SIZE, rate) as camera, Film(out / "stage.mp4", FILM_SIZE, rate) as stage:
            shots: Held[Shot] = Held()
            first: int | None = None
            for place, frame in enumerate(player.frames()):
                first = frame.tick.number if first is None else first
                shot = player.shoot(frame)
                for held in shots.until(frame.tick.number, shot):
                    camera.write(held.camera)
                    stage.write(held.stage)
                if place in moments:
                    rows.append(player.moment(frame, shot))
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
    with Player(take, allow_outside=True) as player, Film(file, FILM_SIZE, player.files.stage.rate) as out:
        images: Held[Image] = Held()
        for frame in player.frames():
            player.program.admit(frame)
            for image in images.until(frame.tick.number, player.photograph(frame)):
                out.write(image)
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
