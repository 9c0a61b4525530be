"""Ring: the newest half minute of complete state, always held, so that what just went by can be kept after all."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable
from dataclasses import replace

import numpy as np

from vpengine.frames.feed import PROGRAM
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels

HELD_S = 30.0
MOST_BYTES = 256_000_000  # of generated pictures; where they are more, what is held is shorter
MOST_VISIBLE_BYTES = 256_000_000  # and of those that came before them
SHOWN = 4  # of an eye's keyframes, as many as are shown together

_NOTHING = Pixels(np.zeros((0, 0, 4), np.float16)), Pixels(np.zeros((0, 0, 1), np.float32))


class Ring:
    """Frames without the pixels of plates: who draws them again draws those too. Nor with what cameras sent, which is
    for recordings, and would be gigabytes.
    """

    def __init__(self, held_s: float = HELD_S, most_bytes: int = MOST_BYTES) -> None:
        self._held_s, self._most_bytes = held_s, most_bytes
        self._frames: deque[FrameInput] = deque()
        self._before = Visible()  # when the first of them began
        self._bytes = 0

    def note(self, frame: FrameInput) -> None:
        """Once a frame; a copy of each keyframe that came is all it costs."""
        frame = frame.unpictured
        if frame.keyframes:
            frame = replace(frame, keyframes=tuple(map(_without_plate, frame.keyframes)))
        self._frames.append(frame)
        self._bytes += _bytes_of(frame)
        end_s = frame.tick.display_time_s - self._held_s
        while len(self._frames) > 1 and (
            self._bytes > self._most_bytes or self._frames[0].tick.display_time_s < end_s
        ):  # the newest stays, however much it brings
            gone = self._frames.popleft()
            self._bytes -= _bytes_of(gone)
            self._before.note(gone)

    def newest(self, seconds: float = HELD_S) -> tuple[FrameInput, ...]:
        """The frames of the last ``seconds``, in order. The first brings all that was visible before it."""
        if not self._frames:
            return ()
        begin_s = self._frames[-1].tick.display_time_s - seconds - 1e-6  # a frame may lie on it
        visible, taken = self._before.copy(), list[FrameInput]()
        for frame in self._frames:
            if frame.tick.display_time_s < begin_s:
                visible.note(frame)
            else:
                taken.append(frame)
        first = taken[0]
        earlier = (replace(key, request=replace(key.request, epoch=first.epoch)) for key in visible.keyframes)
        taken[0] = replace(first, keyframes=(*earlier, *first.keyframes))
        return tuple(taken)


class Visible:
    """Of keyframes that came those that may be shown still: an eye's newest few, and each face's newest.

    Where they are more than ``most_bytes``, the location of which nothing came for longest is left out: a show may have
    many, each with a whole surround.
    """

    def __init__(self, most_bytes: int = MOST_VISIBLE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[str, dict[Hashable, list[Keyframe]]] = {}  # by location, that of the newest last
        self._bytes = 0

    def note(self, frame: FrameInput) -> None:
        """What came in a frame, and what was barred in it."""
        if frame.barred:
            self._forget(frame.barred)
        for key in frame.keyframes:
            self._note(key)
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            gone = self._kept.pop(next(iter(self._kept)))
            self._bytes -= sum(_bytes_of_key(key) for keys in gone.values() for key in keys)

    def _note(self, key: Keyframe) -> None:
        request = key.request
        self._kept[request.location] = kept = self._kept.pop(request.location, {})
        which = request.face if request.face is not None else (request.bus, request.camera)
        before = kept.get(which, [])
        kept[which] = [*before, key][-SHOWN:] if request.face is None else [key]
        self._bytes += sum(map(_bytes_of_key, kept[which])) - sum(map(_bytes_of_key, before))

    def _forget(self, looks: Collection[Look]) -> None:
        """Of the program's; the preview may have any look."""
        stay = [
            key
            for key in self.keyframes
            if key.request.look not in looks or (key.request.bus != PROGRAM and key.request.face is None)
        ]
        self._kept, self._bytes = {}, 0
        for key in stay:
            self._note(key)

    def copy(self) -> Visible:
        """Another, which goes on from here."""
        other = Visible(self._most_bytes)
        other._kept, other._bytes = {location: dict(kept) for location, kept in self._kept.items()}, self._bytes
        return other

    @property
    def keyframes(self) -> list[Keyframe]:
        """In the order in which they came."""
        every = (key for kept in self._kept.values() for keys in kept.values() for key in keys)
        return sorted(every, key=lambda key: key.request.number)


def _without_plate(key: Keyframe) -> Keyframe:
    plate = key.request.plate
    bare = ImageSet(*_NOTHING, plate.view, plate.provenance)
    gain, bias = (Pixels(np.ascontiguousarray(pixels.rgb)) for pixels in (key.gain, key.bias))
    return replace(key, request=replace(key.request, plate=bare), gain=gain, bias=bias)


def _bytes_of(frame: FrameInput) -> int:
    return sum(map(_bytes_of_key, frame.keyframes))


def _bytes_of_key(key: Keyframe) -> int:
    return key.gain.stored.nbytes + key.bias.stored.nbytes
