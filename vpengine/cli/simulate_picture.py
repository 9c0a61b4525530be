"""``vpengine simulate-picture``: what a tracked camera on a green-screen stage would send, as a film with its truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import av
import numpy as np
import typer
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from vpengine.cli.bar import progress_bar
from vpengine.cli.outputs import Force, folder_for
from vpengine.cli.simulate import choose
from vpengine.cli.streams import echo
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.errors import UserError, did_you_mean
from vpengine.files import controls_of
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.output.codecs import BT709, RGB, captured_codec, intra_codec
from vpengine.output.encoding import Encoding, why
from vpengine.output.picture_recorder import video_frame
from vpengine.output.video_file import Numbered, VideoFile
from vpengine.sim.green_stage import GreenStage, Moment, shutter
from vpengine.sim.lamps import lamps_of
from vpengine.sim.recorded import rec709_linear, recorded
from vpengine.sim.stand_in import stand_in_of
from vpengine.stage.lens_file import LensEntry, LensFile, write_lens_file
from vpengine.stage.stage_file import Stage, load_stage
from vpengine.tracking.moves import Move
from vpengine.tracking.tracks import Track
from vpengine.tracking.tum import write_tum
from vpengine.view.distortion import Distortion
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.timecode import timecode_of

PLAYED = "picture.mov"
NAMES = ("picture.mkv", "alpha.mkv", "foreground.mkv", "track.tum", "lens.toml")
TRACK_HZ = 120
OPEN = 0.5  # of a picture's time: a shutter of 180 degrees
LINEAR = 8  # the transfer of ITU-T H.273
MOST_SECONDS = 600.0
QUEUE_FRAMES = 4  # a full queue makes the drawing wait: no frame is lost
SIDES = (32, 4096)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Order:
    """What is to be drawn. delay_frames: how much later than its pose each picture comes. played: the film is to be
    played live, where decoding it takes from the engine.
    """

    seconds: float
    size: tuple[int, int]
    rate: Fraction
    seed: int
    delay_frames: int
    noise: float
    alpha: bool
    played: bool = False

    @property
    def count(self) -> int:
        return max(round(self.seconds * self.rate), 1)

    def time_s(self, number: int) -> float:
        """Of the move, in the middle of picture ``number``'s exposure."""
        return float((number - self.delay_frames) / self.rate)


def simulate_picture(
    stage: Annotated[Path, typer.Argument(help=r"A stage file with a [\[screen]].")],
    move: Annotated[str, typer.Argument(help="The camera's move, or a recorded track, as `vpengine simulate` has it.")],
    out: Annotated[Path, typer.Option(help="The folder for the film, its truth and its track.")],
    seconds: Annotated[float, typer.Option(help="How long.")] = 4.0,
    size: Annotated[str, typer.Option(help="Width and height in pixels, even.")] = "640x360",
    rate: Annotated[str, typer.Option(help='Pictures a second: a number, or such as "24000/1001".')] = "24",
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same film.")] = 1,
    delay_frames: Annotated[
        int, typer.Option(min=0, max=240, help="By how many pictures the camera's picture is later than its track.")
    ] = 0,
    noise: Annotated[float, typer.Option(min=0.0, max=20.0, help="The camera's noise; 1 is a good camera's.")] = 1.0,
    alpha: Annotated[
        bool, typer.Option("--alpha", help="Also the exact alpha, and the foreground without the screen's spill.")
    ] = False,
    camera: Annotated[str | None, typer.Option(help="The camera's id.", show_default="the stage's first")] = None,
    force: Force = False,
) -> None:
    r"""Draw what a tracked camera on a green-screen stage would send: a film, the true poses, and the lens.

    The stand-in actor of \[sim] before the stage's [\[screen]]s, lit by its key and fill. picture.mkv is ten-bit 4:2:2;
    the first pose of track.tum, at 0, is that of the first picture.
    """
    order = Order(_length(seconds), size_of(size), rate_of(rate), seed, delay_frames, noise, alpha)
    found = load_stage(stage, controls_of)
    if not found.screens:
        raise UserError(f"{stage}: no [[screen]], so there is nothing green to stand before")
    lens = _camera(found, camera, stage).lens()
    chosen, own_seconds = choose(move, seed)
    at = held(chosen, own_seconds)
    folder = folder_for("--out", out, NAMES, force)
    with progress_bar() as bar:
        task = bar.add_task("photographing", total=order.count)
        photograph(folder, found, lens, at, order, lambda: bar.advance(task))
    write_tum(folder / "track.tum", track_of(chosen, order))
    _write_lens(folder / "lens.toml", lens)
    wrote = [name for name in NAMES if (folder / name).exists()]
    echo(f"{folder}: {order.count} pictures; {', '.join(wrote)}")


def size_of(text: str) -> tuple[int, int]:
    """``640x360``. Raises UserError."""
    width, _, height = text.lower().partition("x")
    low, high = SIDES
    sides = [int(side) if side.isdecimal() and len(side) < 6 else 0 for side in (width, height)]
    if any(side % 2 or not low <= side <= high for side in sides):
        raise UserError(f"--size {text}: expected even width and height such as 640x360, {low} to {high} each")
    return sides[0], sides[1]


def rate_of(text: str) -> Fraction:
    """Raises UserError."""
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 1 <= rate <= 240:
        raise UserError(f'--rate {text}: expected 1 to 240 pictures a second, such as 24 or "24000/1001"')
    return rate.limit_denominator(1001)


def _length(seconds: float) -> float:
    if not 0.0 < seconds <= MOST_SECONDS:
        raise UserError(f"--seconds {seconds:g}: expected more than 0, and {MOST_SECONDS:g} at most")
    return seconds


def _camera(stage: Stage, name: str | None, file: Path) -> Any:
    """The camera's settings. Raises UserError."""
    known = {camera.id: camera for camera in stage.cameras}
    if name is not None and name not in known:
        raise UserError(f"--camera {name!r}: {file} has no such camera{did_you_mean(name, known)}")
    return known[name] if name is not None else stage.cameras[0]


def held(move: Move, seconds: float | None) -> Callable[[float], Pose]:
    """A camera that is somewhere at any time: it stands still before its move and after it, and in a dropout where it
    was last seen. Raises UserError where the move has no beginning.
    """
    first = move(0.0)
    if first is None:
        raise UserError("the track has no pose at its beginning")
    last = first

    def at(time_s: float) -> Pose:
        nonlocal last
        last = move(min(max(time_s, 0.0), math.inf if seconds is None else seconds)) or last
        return last

    return at


def track_of(move: Move, order: Order) -> Track:
    """The true poses, TRACK_HZ a second, as long as the film; none during a dropout."""
    times = np.arange(max(math.ceil(order.seconds * TRACK_HZ), 1) + 1) / TRACK_HZ
    found = [(time_s, pose) for time_s in times if (pose := move(float(time_s))) is not None]
    positions = np.array([pose.position_m for _, pose in found])
    return Track(np.array([time_s for time_s, _ in found]), positions, np.array([pose.rotation for _, pose in found]))


def photograph(
    folder: Path, stage: Stage, lens: Lens, at: Callable[[float], Pose], order: Order, progress: Callable[[], None]
) -> None:
    """picture.mkv and, with ``alpha``, alpha.mkv and foreground.mkv; picture.mov where it is to be ``played``.
    ``progress`` is called after each picture.
    """
    values = {control.address: control.default for control in ENGINE_CONTROLS} | dict(stage.controls)
    with ExitStack() as stack:
        films = [stack.enter_context(_film(folder, name, order)) for name in NAMES[: 3 if order.alpha else 1]]
        gpu = Gpu(create_headless())
        stack.callback(gpu.release)
        green = GreenStage(gpu, stage.screens, stand_in_of(stage.sim), lamps_of(values), lens, order.size, order.seed)
        stack.callback(green.release)
        for number in range(order.count):
            moments = shutter(at, lens, order.size[0], order.time_s(number), OPEN / float(order.rate))
            for film, frame in zip(films, _frames(green, moments, number, order), strict=True):
                film(Numbered(number, frame))
            progress()


def _frames(
    green: GreenStage, moments: list[Moment], number: int, order: Order
) -> Iterator[Callable[[], av.VideoFrame]]:
    """Of each film, what makes its frame on the encoder's thread."""
    picture = green.draw("picture", moments)
    yield partial(_picture_frame, picture[..., :3], number, order)
    if order.alpha:
        foreground = green.draw("foreground", moments)
        yield partial(_alpha_frame, foreground[..., 3])
        yield partial(_foreground_frame, foreground[..., :3], order.size)


def _picture_frame(light: Floats, number: int, order: Order) -> av.VideoFrame:
    timecode = timecode_of(number, order.rate)
    time_s = float(number / order.rate)
    return video_frame(recorded(light, number, time_s, timecode, order.noise, order.seed))


def _alpha_frame(alpha: Floats) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(_sixteen_bit(alpha), format="gray16le")


def _foreground_frame(light: Floats, size: tuple[int, int]) -> av.VideoFrame:
    """Linear light in Rec.709's primaries."""
    planes = (_sixteen_bit(rec709_linear(light)),)
    return video_frame(CapturedFrame(planes, FORMATS["rgb48le"], size, Tags(), 0.0))


def _sixteen_bit(values: Floats) -> NDArray[np.uint16]:
    return np.asarray(np.clip(values, 0.0, 1.0) * np.float32(65535.0) + np.float32(0.5)).astype(np.uint16)


@contextmanager
def _film(folder: Path, name: str, order: Order) -> Iterator[Callable[[Numbered], None]]:
    """A film that pictures are put into, lossless unless it is to be played. Raises UserError where it cannot be
    written.
    """
    path = folder / (PLAYED if order.played and name == NAMES[0] else name)
    codecs = {
        "picture.mkv": (
            intra_codec() if order.played else captured_codec("yuv422p10le", BT709, BT709, ColorRange.MPEG, BT709)
        ),
        "alpha.mkv": captured_codec("gray16le", BT709, LINEAR, ColorRange.JPEG),
        "foreground.mkv": captured_codec("gbrp16le", RGB, LINEAR, ColorRange.JPEG, BT709),
    }
    metadata = {"title": path.stem, "timecode": str(timecode_of(0, order.rate))}
    try:
        video = VideoFile(path, codecs[name], order.size, order.rate, metadata)
    except (OSError, av.FFmpegError) as error:
        raise UserError(f"{path}: cannot be written ({why(error)})") from error
    encoding: Encoding[Numbered] = Encoding(name, lambda: video, QUEUE_FRAMES)

    def put(item: Numbered) -> None:
        encoding.put(item)
        _refuse(encoding, path)

    try:
        yield put
    finally:
        encoding.close()
    _refuse(encoding, path)


def _refuse(encoding: Encoding[Numbered], path: Path) -> None:
    if encoding.error is not None:
        raise UserError(f"{path}: encoding stopped ({why(encoding.error)})") from encoding.error


def _write_lens(path: Path, lens: Lens) -> None:
    """As a lens file; an ST map, which none can hold, is the stage's own."""
    distortion = lens.distortion if lens.distortion is not None else Distortion()
    if not isinstance(distortion, Distortion):
        typer.echo(
            f"{path}: not written, the lens is bent by the stage's ST map, which a lens file cannot hold", err=True
        )
        return
    entry = LensEntry(
        lens.pinhole_focal_length_mm,
        lens.focus_distance_m or math.inf,
        lens.pinhole_focal_length_mm,
        lens.projection_offset_mm,
        lens.entrance_pupil_offset_m,
        distortion,
    )
    write_lens_file(path, LensFile("as it was simulated", lens.sensor_mm, (entry,)))
