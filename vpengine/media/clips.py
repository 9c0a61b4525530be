"""Clips: pictures that are asked for by their place, in order or after a jump."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import av

from vpengine.frames.captured import CapturedFrame
from vpengine.media.containers import OPTIONS, USUAL_RATE, Places
from vpengine.media.decoding import BrokenError, Decoder, LostError
from vpengine.media.pictures import captured, quarters_of

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
MOST_BROKEN = 50  # pictures at a film's beginning, before it is given up
Found = tuple[int, av.VideoFrame]  # the first place at which it is shown


class Clip(Protocol[T_co]):
    """rate: pictures a second. length: how many pictures it has. aspect: their width over their height, as it is seen.

    Asked on one thread at a time. ``next`` and ``seek`` raise LostError; ``next`` raises BrokenError for one picture.
    """

    @property
    def rate(self) -> Fraction: ...

    @property
    def length(self) -> int: ...

    @property
    def aspect(self) -> float: ...

    def seek(self, place: int) -> None:
        """Have ``next`` go on with the picture that is shown at ``place``, 0 to ``length`` - 1."""

    def next(self) -> tuple[int, T_co] | None:
        """The next picture, and the first place at which it is shown; None after the last."""

    def close(self) -> None: ...


class VideoClip:
    """A film's pictures, in their own pixel format, turned as its file says. One whose rate varies is shown at even
    places, the newest due.

    Raises LostError for what is no film, or has no picture that can be decoded.
    """

    def __init__(self, path: Path, rate: Fraction | None = None) -> None:
        """rate: pictures a second, whatever the film says; None for its own."""
        self._path, self._title = path, f'clip "{path.name}"'
        self._decoder = self._opened()
        self._earlier: Found | None = None  # decoded before what is wanted, and shown there where nothing newer is due
        self._later: Found | None = None
        try:
            self._own_rate = self._decoder.rate or USUAL_RATE
            self.rate = rate or self._own_rate
            places = Places(self._own_rate)
            frame = self._first_whole()
            places.of(frame)
            self._first = places.first
            aspect = float(Fraction(frame.width, frame.height) * (self._decoder.pixel_aspect or 1))
            upright = quarters_of(frame) % 2 == 0
            self.size = (frame.width, frame.height) if upright else (frame.height, frame.width)
            self.aspect = aspect if upright else 1.0 / aspect
            self.codec = self._decoder.codec
            self.length = self._counted()
            self.seek(0)
        except BaseException:
            self._decoder.close()
            raise

    def _opened(self) -> Decoder:
        return Decoder(str(self._path.absolute()), self._title, options=OPTIONS)

    def _first_whole(self) -> av.VideoFrame:
        for _ in range(MOST_BROKEN):
            with suppress(BrokenError):
                frame = self._decoder.next()
                if frame is None:
                    break
                return frame
        raise LostError(f"{self._title}: holds no picture that can be decoded")

    def _counted(self) -> int:
        """By its header, holes and all; where that says nothing, by its packets, one a picture.

        How long it lasts comes first: ``frames`` also counts samples that an edit list hides, as in a trimmed film.
        """
        stream, seconds = self._decoder.stream, self._decoder.seconds
        lasting = round((seconds - self._hidden_s()) * self._own_rate) if seconds is not None else 0
        told = lasting if lasting > 0 else stream.frames
        if told > 0:
            return told
        counting = self._opened()
        try:
            return max(counting.packets(), 1)
        finally:
            counting.close()

    def _hidden_s(self) -> Fraction:
        """Before its first whole picture: an MPEG-TS that was cut in a group lasts from its first packet on."""
        stream = self._decoder.stream
        begins, unit = stream.start_time, stream.time_base
        if stream.frames or stream.duration is None or begins is None or unit is None or self._first is None:
            return Fraction(0)
        return max(self._first / self._own_rate - begins * Fraction(unit), Fraction(0))

    def seek(self, place: int) -> None:
        stream = self._decoder.stream
        self._wanted: int | None = place
        self._earlier = self._later = None
        self._entered_late = False
        if self._first is None or stream.time_base is None:
            self._begin_again()
            return
        at = (self._first + place) / self._own_rate / Fraction(stream.time_base)
        self._decoder.seek(math.floor(at))
        self._places = Places(self._own_rate, self._first)

    def _begin_again(self) -> None:
        """For a film that has no timestamps to be entered by, or was entered too late."""
        self._decoder.close()
        self._decoder = self._opened()
        self._places = Places(self._own_rate, self._first)

    def next(self) -> tuple[int, CapturedFrame] | None:
        found = self._later or self._decoded()
        self._later = None
        while found is not None and self._wanted is not None:
            found = self._sought(*found)
        if found is None and self._earlier is not None:  # the last one is shown to the end
            found = self._shown_first(self._wanted or 0)
        return (found[0], captured(found[1], 0.0)) if found is not None else None

    def _decoded(self) -> Found | None:
        frame = self._decoder.next()
        return (math.ceil(self._places.of(frame)), frame) if frame is not None else None

    def _sought(self, place: int, frame: av.VideoFrame) -> Found | None:
        """One that was decoded on the way to the wanted place, or what is found there: the newest that is due."""
        wanted = self._wanted
        assert wanted is not None
        if place < wanted:
            self._earlier = (place, frame)
            return self._decoded()
        if place > wanted and self._earlier is None and not self._entered_late:
            self._entered_late = True
            self._begin_again()
            return self._decoded()
        if place == wanted or self._earlier is None:
            self._wanted = self._earlier = None
            return place, frame
        self._later = (place, frame)
        return self._shown_first(wanted)

    def _shown_first(self, wanted: int) -> Found:
        assert self._earlier is not None
        found, self._wanted, self._earlier = self._earlier[1], None, None
        return wanted, found

    def close(self) -> None:
        self._decoder.close()


class ImageClip(Generic[T]):
    """Numbered images, each read when it is asked for; where a number is missing the one before it is shown."""

    def __init__(
        self, files: Sequence[tuple[int, Path]], rate: Fraction, aspect: float, read: Callable[[Path], T]
    ) -> None:
        """files: (number, path) in order. read: raises BrokenError for a file that is no such image."""
        self.rate, self.aspect = rate, aspect
        first = files[0][0]
        self._places = [number - first for number, _ in files]
        self._files = [path for _, path in files]
        self.length = self._places[-1] + 1
        self._read = read
        self.seek(0)

    def seek(self, place: int) -> None:
        self._turn = bisect_right(self._places, place) - 1
        self._from = place

    def next(self) -> tuple[int, T] | None:
        if self._turn >= len(self._files):
            return None
        turn, self._turn = self._turn, self._turn + 1
        return max(self._places[turn], self._from), self._read(self._files[turn])

    def close(self) -> None:
        """Nothing stays open."""
