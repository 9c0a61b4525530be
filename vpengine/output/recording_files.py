"""The files of one recording: a video or numbered pictures, and the camera's track beside them.

All of it on the encoder's thread. Frame 1 is the first that has a picture; one that was left out after it leaves its
place empty in the pictures, and is in the track.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from vpengine import __version__
from vpengine.frames.frame_input import CameraState, Tick
from vpengine.output.codecs import Codec, lossless_codec, prores_codec, proxy_codec
from vpengine.output.exr_file import World, write_exr
from vpengine.output.video_file import Numbered, VideoFile, encoded_frame, even
from vpengine.takes.camera_track import CameraTrack, Slate, TrackSample
from vpengine.view.view import View

Format = Literal["h264", "prores4444", "ffv1", "exr"]
Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, eq=False)
class Shot:
    """A frame of a recording. arrays: its picture, (height, width, 4) code values, or for EXR the world's color (half)
    and depth (float, one channel); row 0 at the bottom. None for one that was left out. view: of the world, and which
    part of its sides the lens sees. missed: frames before it that found no room in the queue, for the track.
    """

    number: int
    tick: Tick
    state: CameraState | None
    arrays: Arrays | None
    view: View | None = None
    seen: float = 1.0
    missed: tuple[Shot, ...] = ()


@dataclass(frozen=True)
class Shooting:
    """What a recording is of. stem: where its files go, without a suffix. tracks: of camera_track.FORMATS."""

    stem: Path
    format: Format
    alpha: bool
    feed: str
    slate: Slate
    tracks: tuple[str, ...]

    @property
    def rate(self) -> Fraction:
        return self.slate.rate


class _Pictures(Protocol):
    @property
    def path(self) -> Path: ...

    @property
    def progress(self) -> object: ...

    def write(self, shot: Shot) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


class RecordingFiles:
    """An ``encoding.Writer`` of Shots. place: says where, waited for, and raises where there is nowhere.

    The video begins with the first picture, whose size is known then. frames: pictures that were written.
    """

    def __init__(self, place: Callable[[], Shooting], give_back: Callable[[Arrays], None]) -> None:
        self._shooting = place()
        self._give_back = give_back
        self._suffix = "" if self._shooting.format == "exr" else codec_of(self._shooting).suffix
        self._stem = reserved_stem(self._shooting.stem, self._suffix)
        self._pictures: _Pictures | None = None
        self._first: int | None = None  # the number of the first picture
        self.frames = 0
        try:
            self._track = CameraTrack(self._beside, self._shooting.slate, self._shooting.tracks)
        except OSError:
            release_stem(self._stem, self._suffix)
            raise

    @property
    def path(self) -> Path:
        """The video, or the folder of the pictures."""
        return self._pictures.path if self._pictures is not None else self._stem

    @property
    def progress(self) -> object:
        return self.frames, self._pictures.progress if self._pictures is not None else None

    def write(self, shot: Shot) -> None:
        """Frame 1 is the first that has a picture: players begin there, whatever its time says."""
        if self._first is None and shot.arrays is None:
            return
        self._first = shot.number if self._first is None else self._first
        shot = replace(shot, number=shot.number - self._first)
        for each in (*(replace(each, number=each.number - self._first) for each in shot.missed), shot):
            if each.state is not None and each.number >= 0:
                self._track.add(TrackSample(each.number + 1, each.tick, each.state))
        if shot.arrays is None:
            return
        if self._pictures is None:
            self._pictures = self._begin(shot)
        self._pictures.write(shot)
        self.frames += 1
        self._give_back(shot.arrays)

    def finish(self) -> None:
        if self._pictures is not None:
            self._pictures.finish()

    def close(self) -> None:
        """Each of the two, whatever becomes of the other."""
        try:
            if self._pictures is not None:
                self._pictures.close()
            else:
                release_stem(self._stem, self._suffix)
        finally:
            self._track.close()

    def _begin(self, shot: Shot) -> _Pictures:
        if self._shooting.format == "exr":
            return _Sequence(self._stem, self._shooting.rate)
        return _Video(self._stem, self._shooting, shot)

    def _beside(self, suffix: str) -> Path:
        return self._stem.with_name(self._stem.name + suffix)


class _Video:
    """The pixels are code values of Rec.709 primaries, sRGB-encoded, as all feeds are."""

    def __init__(self, stem: Path, shooting: Shooting, first: Shot) -> None:
        self._codec = codec_of(shooting)
        assert first.arrays is not None
        height, width = first.arrays[0].shape[:2]
        self._size = even((width, height)) if self._codec.even else (width, height)
        self.path = stem.with_name(stem.name + self._codec.suffix)
        said = {
            "title": shooting.feed,
            "timecode": str(first.tick.timecode),
            "comment": f"vpengine {__version__}, {shooting.feed}, tick {first.tick.number}, {first.tick.timecode}",
        }
        self._video = VideoFile(self.path, self._codec, self._size, shooting.rate, said)
        self.finish, self.close = self._video.finish, self._video.close

    @property
    def progress(self) -> object:
        return self._video.progress

    def write(self, shot: Shot) -> None:
        assert shot.arrays is not None
        width, height = self._size
        image = shot.arrays[0][::-1][:height, :width]  # row 0 at the top
        self._video.write(Numbered(shot.number, partial(encoded_frame, image, self._codec)))


class _Sequence:
    """NAME/NAME.000001.exr and so on."""

    def __init__(self, stem: Path, rate: Fraction) -> None:
        self.path, self._rate = stem, rate
        self.progress: object = 0
        stem.mkdir(parents=True, exist_ok=True)

    def write(self, shot: Shot) -> None:
        assert shot.arrays is not None
        assert shot.view is not None
        rgba, depth_m = (array[::-1] for array in shot.arrays)
        tick = shot.tick
        world = World(rgba, depth_m[..., 0], shot.view, shot.seen, self._rate, tick.timecode, tick.number)
        write_exr(self.path / f"{self.path.name}.{shot.number + 1:06}.exr", world)
        self.progress = shot.number

    def finish(self) -> None:
        """Every picture is whole."""

    def close(self) -> None:
        """It holds nothing."""


def codec_of(shooting: Shooting) -> Codec:
    if shooting.format == "h264":
        return proxy_codec(shooting.rate)
    return prores_codec(shooting.alpha) if shooting.format == "prores4444" else lossless_codec(shooting.alpha)


_reserving = threading.Lock()


def reserved_stem(stem: Path, suffix: str) -> Path:
    """``stem``, or a numbered one where files of that name are there: nothing that was recorded is written over.

    Its file with ``suffix`` (without one, its folder) is there then and empty, so that of recordings that begin at once
    each has its own. Raises OSError.
    """
    with _reserving:
        stem.parent.mkdir(parents=True, exist_ok=True)
        return next(found for found in _names(stem) if _reserve(found, suffix))


def release_stem(stem: Path, suffix: str) -> None:
    """Give back a reserved one into which no picture was written. Raises nothing."""
    with suppress(OSError):
        if suffix:
            stem.with_name(stem.name + suffix).unlink()
        else:
            stem.rmdir()


def _names(stem: Path) -> Iterator[Path]:
    yield stem
    for number in itertools.count(2):
        yield stem.with_name(f"{stem.name}-{number}")


def _reserve(stem: Path, suffix: str) -> bool:
    """Whether it was free. Another process may take it in this moment; another name may differ in its capitals only."""
    if stem.exists() or any(each.name.startswith(stem.name + ".") for each in stem.parent.iterdir()):
        return False
    try:
        if suffix:
            stem.with_name(stem.name + suffix).open("x").close()
        else:
            stem.mkdir()
    except FileExistsError:
        return False
    return True
