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
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage

from vpengine.control.takes import TakeName
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.keyframe import Keyframe
from vpengine.takes.log import LogWriter
from vpengine.takes.ring import Ring
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear, linear_from_acescct, srgb_encoded

log = logging.getLogger(__name__)

PREROLL_S = 2.0
THUMBNAIL_PX = 320
_CLOSE_S = 60.0  # for a disk, in a thread that nobody waits for
_WAIT_S = 2.0

Describe = Callable[[Path], None]
Refused = tuple[Sequence[str], int]


class TakeFiles:
    """folder: where takes go. describe: writes into a take which stage and show it was made with."""

    def __init__(self, folder: Path, describe: Describe, ring: Ring | None = None) -> None:
        self._folder, self._describe = folder, describe
        self._ring = ring or Ring()
        self._writer: LogWriter | None = None
        self._card: dict[str, Any] = {}  # of the take that rolls
        self._refused: Refused = ((), 0)
        self._refused_before = 0
        self._rolling: TakeName | None = None
        self._picture: Keyframe | None = None  # the program's newest, with its plate
        self._ending: list[threading.Thread] = []
        self._given: set[Path] = set()  # folders of this run, also where the thread that makes them is not so far

    def note(self, frame: FrameInput, rolling: TakeName | None, refused: Refused = ((), 0)) -> None:
        """Once a frame, after it was shown. rolling: the take that it belongs to. refused: the newest refusals, and how
        many there were in all.
        """
        self._ring.note(frame)
        self._refused = refused
        self._picture = next((key for key in reversed(frame.keyframes) if key.request.face is None), self._picture)
        if rolling != self._rolling:
            self._cut()
            if rolling is not None:
                self._roll(rolling, frame, refused[1])
            self._rolling = rolling
        elif self._writer is not None:
            self._writer.note(frame)

    def _roll(self, name: TakeName, frame: FrameInput, refused: int) -> None:
        folder = self._free(self._folder / _file_name(name.text))
        try:
            self._writer = writer = LogWriter(folder)
        except OSError as error:
            log.error("take %s: %s; it is not recorded.", folder, error.strerror or error)
            return
        for each in self._ring.newest(PREROLL_S):
            writer.note(each)
        self._refused_before = refused
        self._card = {
            "slate": name.slate,
            "scene": name.scene,
            "number": name.number,
            "at": _now(),
            "rolls_at_tick": frame.tick.number,
            "timecode": str(frame.tick.timecode),
        }
        self._in_background(lambda: self._describe(folder), folder)
        log.warning("%s rolls: %s", name.text, folder)

    def _cut(self) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        told, count = self._refused
        since = min(max(count - self._refused_before, 0), len(told))
        card = {**self._card, "refused": list(told)[len(told) - since :]}

        def end() -> None:
            writer.close(_CLOSE_S)
            card["dropped_frames"] = writer.dropped
            (writer.folder / "take.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")

        self._in_background(end, writer.folder)

    def keep(self, name: str) -> Path:
        """The moment that just went by, as a take and a thumbnail; the folder that they will be in."""
        folder = self._free(self._folder / "kept" / _file_name(name))
        frames, picture = self._ring.newest(), self._picture

        def write() -> None:
            writer = LogWriter(folder, len(frames) + 1)
            try:
                for frame in frames:
                    writer.note(frame)
                self._describe(folder)
                if picture is not None:
                    PilImage.fromarray(thumbnail(picture)).save(folder / "thumbnail.png")
            finally:
                writer.close(_CLOSE_S)

        self._in_background(write, folder)
        return folder

    def _free(self, path: Path) -> Path:
        """``path``, or a numbered one where it is there: nothing that was recorded is written over."""
        number, found = 2, path
        while found in self._given or found.exists():
            found, number = path.with_name(f"{path.name}-{number}"), number + 1
        self._given.add(found)
        return found

    def close(self) -> None:
        """A take that rolls ends with the run; waits two seconds at most for what is being written."""
        self._cut()
        end_s = time.monotonic() + _WAIT_S
        for thread in self._ending:
            thread.join(max(end_s - time.monotonic(), 0.0))

    def _in_background(self, work: Callable[[], None], folder: Path) -> None:
        def run() -> None:
            try:
                work()
            # Whatever it is (the disk, a stage's own file, an image library): this thread has nobody above it, so that
            # it is told here, in one sentence, and the show goes on.
            except Exception as error:  # noqa: BLE001
                why = getattr(error, "strerror", None) or error or type(error).__name__
                log.error("take %s: %s; it is not whole.", folder, why)

        self._ending = [thread for thread in self._ending if thread.is_alive()]
        thread = threading.Thread(target=run, name="take-files", daemon=True)
        thread.start()
        self._ending.append(thread)


def thumbnail(key: Keyframe) -> np.ndarray:
    """(height, width, 3) uint8: a generated picture as it is, sRGB-encoded, THUMBNAIL_PX wide or less."""
    plate = key.request.plate
    step = max(plate.view.resolution[0] // THUMBNAIL_PX, 1)
    color_cct = acescct_from_linear(np.asarray(plate.color[::step, ::step], np.float32))
    made = key.gain.rgb[::step, ::step] * color_cct + key.bias.rgb[::step, ::step]
    linear = np.clip(linear_from_acescct(made.astype(np.float32)) @ REC709_FROM_ACESCG.T, 0.0, 1.0)
    return (255.0 * srgb_encoded(linear) + 0.5).astype(np.uint8)


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "take"


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
