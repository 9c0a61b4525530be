"""Takes on disk: a folder for each that rolled, and one for each moment that was kept. No frame waits for them.

A take begins PREROLL_S before ROLL, with all that was visible then, so that it can be drawn by itself; take.json says
from which frame on it rolls, and what was refused meanwhile. A kept moment is the half minute before it.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage

from vpengine.control.takes import TakeName
from vpengine.frames.feed import PROGRAM
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.keyframe import Keyframe
from vpengine.stage.whole_file import write_whole
from vpengine.takes.log import LogWriter
from vpengine.takes.ring import Ring
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear, linear_from_acescct, srgb_encoded

log = logging.getLogger(__name__)

PREROLL_S = 2.0
THUMBNAIL_PX = 320
TOLD = 4  # takes whose folders are known: recorders ask within the second in which one begins
FOLDER_S = 10.0  # for a disk
_CLOSE_S = 60.0  # for a disk, in a thread that nobody waits for
_WAIT_S = 2.0

Describe = Callable[[Path], None]
Refused = tuple[Sequence[str], int]


class TakeFiles:
    """folder: where takes go. describe: writes into a take which stage and show it was made with."""

    def __init__(self, folder: Path, describe: Describe, ring: Ring | None = None) -> None:
        self._folder, self._describe = folder, describe
        self._ring = ring or Ring()
        self.names: Mapping[str, str] | None = None  # of locations, as the show's file has them, where they differ
        self._writer: LogWriter | None = None
        self._card: dict[str, Any] = {}  # of the take that rolls
        self._refused: Refused = ((), 0)
        self._refused_before = 0
        self._rolling: TakeName | None = None
        self._picture: Keyframe | None = None  # the program's newest, with its plate
        self._lock = threading.Lock()  # for the next one
        self._at_work: list[threading.Thread] = []
        self._keeping: threading.Thread | None = None  # writes the moment that was kept last
        self._newest_folder = threading.Event()  # it is made, or cannot be
        self._newest_folder.set()
        self._rolled: deque[tuple[TakeName, Path | None]] = deque(maxlen=TOLD)  # the newest, and where they are
        self._told = threading.Condition()

    def note(self, frame: FrameInput, rolling: TakeName | None, refused: Refused = ((), 0)) -> None:
        """Once a frame, after it was shown. rolling: the take that it belongs to; another object is another take, also
        where it has the same name. refused: the newest refusals, and how many there were in all.
        """
        self._ring.note(frame)
        self._refused = refused
        self._picture = next(filter(_is_seen, reversed(frame.keyframes)), self._picture)
        if rolling is not self._rolling:
            self._cut()
            if rolling is not None:
                self._roll(rolling, frame, refused[1])
            self._rolling = rolling
        elif self._writer is not None:
            self._writer.note(self._named(frame))

    def _named(self, frame: FrameInput) -> FrameInput:
        return frame.called(self.names) if self.names is not None else frame

    def _roll(self, name: TakeName, frame: FrameInput, refused: int) -> None:
        wanted = self._folder / _file_name(name.text)
        make = self._maker(wanted)

        def begin() -> Path:
            try:
                folder = make()
            except BaseException:  # it goes on up, where it is told; who waits for the folder waits no longer
                self._tell(name, None)
                raise
            self._tell(name, folder)
            log.warning("%s rolls: %s", name.text, folder)
            with suppress(OSError):  # a full disk is told by what is written next
                _write_card(folder, card)  # also where it is never cut
            self._in_background(lambda: self._describe(folder), folder)
            return folder

        self._card = card = {
            "slate": name.slate,
            "scene": name.scene,
            "number": name.number,
            "at": _now(),
            "rolls_at_tick": frame.tick.number,
            "timecode": str(frame.tick.timecode),
        }
        self._writer = writer = LogWriter(wanted, make=begin)
        for each in self._ring.newest(PREROLL_S):
            writer.note(self._named(each))
        self._refused_before = refused

    def _cut(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        told, count = self._refused
        since = min(max(count - self._refused_before, 0), len(told))
        card, name = {**self._card, "refused": list(told)[len(told) - since :]}, self._rolling

        def end() -> None:
            writer.close(_CLOSE_S)
            if not writer.made:  # which was told
                return
            card["dropped_frames"] = writer.dropped
            _write_card(writer.folder, card)
            missing = f"; {writer.dropped} of {writer.noted} frames are not in its log" if writer.dropped else ""
            log.warning("%s is cut%s", name.text if name is not None else writer.folder, missing)

        self._in_background(end, writer.folder)

    def folder_of(self, take: TakeName, limit_s: float = FOLDER_S) -> Path | None:
        """Where a take that rolls, or did just now, lies; waits for its folder to be made. None where it was not.

        For recorders' own threads: they begin in the very frame in which ``note`` hears of the take.
        """

        def found() -> tuple[TakeName, Path | None] | None:
            return next((each for each in self._rolled if each[0] is take), None)

        with self._told:
            known = self._told.wait_for(found, limit_s)
        return known[1] if known is not None else None

    def _tell(self, take: TakeName, folder: Path | None) -> None:
        with self._told:
            self._rolled.append((take, folder))
            self._told.notify_all()

    def keep(self, name: str) -> None:
        """The moment that just went by, as a take and a thumbnail."""
        wanted = self._folder / "kept" / _file_name(name)
        make = self._maker(wanted)
        frames, picture = [self._named(frame) for frame in self._ring.newest()], self._picture

        def write() -> None:
            folder = make()
            log.warning("kept: %s", folder)
            writer = LogWriter(folder, len(frames) + 1)
            try:
                for frame in frames:
                    writer.note(frame)
                self._describe(folder)
                if picture is not None:
                    PilImage.fromarray(thumbnail(picture)).save(folder / "thumbnail.png")
            finally:
                writer.close(_CLOSE_S)

        self._keeping = self._in_background(write, wanted)

    @property
    def is_keeping(self) -> bool:
        """Whether the moment that was kept last is still being written."""
        return self._keeping is not None and self._keeping.is_alive()

    def _maker(self, path: Path) -> Callable[[], Path]:
        """What makes the folder ``path``, or a numbered one where it is there, in whichever thread: nothing that was
        recorded is written over. They are made in the order in which they are asked for here.
        """
        before, made = self._newest_folder, threading.Event()
        self._newest_folder = made

        def make() -> Path:
            before.wait()
            try:
                return _free_folder(path)
            finally:
                made.set()

        return make

    def close(self) -> None:
        """A take that rolls ends with the run; waits two seconds at most for what is being written."""
        self._cut()
        end_s = time.monotonic() + _WAIT_S
        while (threads := self._working()) and time.monotonic() < end_s:
            threads[0].join(max(end_s - time.monotonic(), 0.0))

    def _working(self) -> list[threading.Thread]:
        with self._lock:
            self._at_work = [thread for thread in self._at_work if thread.is_alive()]
            return list(self._at_work)

    def _in_background(self, work: Callable[[], None], folder: Path) -> threading.Thread:
        def run() -> None:
            try:
                work()
            # Whatever it is (the disk, a stage's own file, an image library): this thread has nobody above it, so that
            # it is told here, in one sentence, and the show goes on.
            except Exception as error:  # noqa: BLE001
                why = getattr(error, "strerror", None) or error or type(error).__name__
                log.error("take %s: %s; it is not whole.", folder, why)

        self._working()
        thread = threading.Thread(target=run, name="take-files", daemon=True)
        thread.start()
        with self._lock:
            self._at_work.append(thread)
        return thread


def thumbnail(key: Keyframe) -> np.ndarray:
    """(height, width, 3) uint8: a generated picture as it is, sRGB-encoded, THUMBNAIL_PX wide or less."""
    plate = key.request.plate
    step = max(plate.view.resolution[0] // THUMBNAIL_PX, 1)
    color_cct = acescct_from_linear(np.asarray(plate.color[::step, ::step], np.float32))
    made = key.gain.rgb[::step, ::step] * color_cct + key.bias.rgb[::step, ::step]
    linear = np.clip(linear_from_acescct(made.astype(np.float32)) @ REC709_FROM_ACESCG.T, 0.0, 1.0)
    return (255.0 * srgb_encoded(linear) + 0.5).astype(np.uint8)


def _free_folder(path: Path) -> Path:
    """Made now, with keyframes/ in it: whoever makes one has it, also against another program. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, found = 2, path
    while True:
        try:
            found.mkdir()
        except FileExistsError:
            found, number = path.with_name(f"{path.name}-{number}"), number + 1
        else:
            (found / "keyframes").mkdir()
            return found


def _is_seen(keyframe: Keyframe) -> bool:
    """A picture of the program, and no face of a surround."""
    return keyframe.request.bus == PROGRAM and keyframe.request.face is None


def _write_card(folder: Path, card: Mapping[str, object]) -> None:
    """At ROLL what is known by then, and all of it in its place after CUT. Raises OSError."""
    write_whole(folder / "take.json", (json.dumps(card, indent=2) + "\n").encode())


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "take"


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
