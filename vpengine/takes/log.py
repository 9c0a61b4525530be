"""The log of a run: every FrameInput and every keyframe, enough to draw the same frames again.

    frames.jsonl        one line a frame: tick, cameras, buses, controls that changed, numbers of its keyframes
    run.json, files/    which stage and show it was, what was in them, and copies of them (run_file.py)
    keyframes/N.npz     gain, bias and grade of keyframe N; its request (View, location, look, seed) is in frames.jsonl

The plate's own pictures are not in it: the player draws them again at the same Views. The lines are strict JSON; a
number that is not finite is an object such as {"non-finite": "inf"}.

A take may end in the middle of a line or of a keyframe, when the machine went off: what stands before the damage is
used.
"""

from __future__ import annotations

import json
import logging
import math
import queue
import re
import threading
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, astuple, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vpengine.errors import UserError
from vpengine.frames.feed import PROGRAM
from vpengine.frames.frame_input import NO_DIP, BusState, FrameInput, Tick
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import NO_LOOK
from vpengine.frames.pixels import Pixels
from vpengine.takes.arrays import check_arrays, load_arrays
from vpengine.takes.cameras import camera_line, finite, read_camera
from vpengine.takes.looks import look_line, read_look, read_provenance
from vpengine.view.light import DAY, Light
from vpengine.view.placement import AS_SET, Placement
from vpengine.view.timecode import parsed
from vpengine.view.view import View

log = logging.getLogger(__name__)

Redraw = Callable[[str, View, int], ImageSet]
# What a damaged line or file raises, be it cut, foreign or of the wrong shape.
BROKEN = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError),
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error),
)
_QUEUE_S = 12.0  # of frames, a take's PREROLL_S among them; when the disk is slower, frames are dropped and counted
_LEAST_FRAMES = 256
_MOST_OWED = 32  # keyframes of dropped frames, which the next one brings
_CLOSE_S = 2.5  # what ``close`` waits at most: a show ends within three seconds, whatever is stuck
_NOT_FINITE = "non-finite"
_NEWER = {"place": "location", "incoming_place": "incoming_location"}  # keys of older takes, and as they are now
_LONGEST_STOP = 100_000  # ticks: an hour at 24 a second; a number that leaps further is damage
_PLAYHEAD = re.compile(r"[0-9]{1,18}(/[1-9][0-9]{0,17})?")
_RATE = re.compile(r"[1-9][0-9]{0,5}(/[1-9][0-9]{0,5})?")


class LogWriter:
    """Writes a run into ``folder`` in a thread of its own; ``note`` never waits.

    Whatever goes wrong ends the recording with one sentence, and not the show.
    """

    def __init__(self, folder: Path, most_frames: int | None = None, make: Callable[[], Path] | None = None) -> None:
        """most_frames: that may wait for the disk; by default those of _QUEUE_S. make: makes the folder, with
        keyframes/ in it, and says where it is, in the thread; without it they are made here, and OSError is raised.
        """
        if make is None:
            (folder / "keyframes").mkdir(parents=True, exist_ok=True)
        self.folder, self._make = folder, make
        self.made = make is None  # the folder
        self._refused = self._taken = self._written = 0  # the last is counted by the thread, the others by who notes
        self._most_frames = most_frames
        self._queue: queue.SimpleQueue[FrameInput | None] = queue.SimpleQueue()
        self._owed: deque[Keyframe] = deque(maxlen=_MOST_OWED)
        self._controls: dict[str, Any] = {}
        self._ended = threading.Event()  # nothing more is written
        self._thread = threading.Thread(target=self._run, name="take-writer", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Frames that are not in the log."""
        return self._refused + (self._taken - self._written if self._ended.is_set() else 0)

    @property
    def noted(self) -> int:
        """Frames in all, the dropped among them."""
        return self._refused + self._taken

    def note(self, frame: FrameInput) -> None:
        """One that finds no room is dropped; its keyframes, which come once, are the next one's."""
        most = self._most_frames or max(round(_QUEUE_S * float(frame.tick.rate)), _LEAST_FRAMES)
        if self._ended.is_set():
            self._refused += 1
            return
        if self._queue.qsize() >= most:
            self._refused += 1
            self._owed.extend(frame.keyframes)
            return
        if self._owed:
            frame = replace(frame, keyframes=(*self._owed, *frame.keyframes))
            self._owed.clear()
        self._queue.put(frame.unpictured)
        self._taken += 1

    def close(self, limit_s: float = _CLOSE_S) -> None:
        """Wait until all is written, but never for a disk that does not answer."""
        self._queue.put(None)
        self._thread.join(limit_s)
        if self._thread.is_alive() and not self._ended.is_set():
            log.error("take %s: the disk does not answer; the end of the run is not recorded.", self.folder)
        self._ended.set()

    def _run(self) -> None:
        try:
            if self._make is not None:
                self.folder, self.made = self._make(), True
            self._write_all()
        except Exception as error:  # noqa: BLE001  the recording is a decoration of the show, which goes on
            why = getattr(error, "strerror", None) or error or type(error).__name__
            what = "the rest of the run" if self.made else "it"
            log.error("take %s: %s; %s is not recorded.", self.folder, why, what)
            self._ended.set()
            with suppress(queue.Empty):
                while True:
                    self._queue.get_nowait()  # they may be large

    def _write_all(self) -> None:
        # By line, so that a crash loses no frame and a full disk shows at once.
        with (self.folder / "frames.jsonl").open("w", encoding="utf-8", buffering=1) as lines:
            while (frame := self._queue.get()) is not None and not self._ended.is_set():
                for keyframe in frame.keyframes:  # first: a line never names what is not there
                    self._write_keyframe(keyframe)
                lines.write(json.dumps(_strict(self._line(frame)), allow_nan=False) + "\n")
                self._written += 1

    def _line(self, frame: FrameInput) -> dict[str, Any]:
        changed = {k: v for k, v in frame.controls.items() if self._controls.get(k) != v}
        self._controls.update(changed)
        return {
            "tick": [frame.tick.number, frame.tick.display_time_s, str(frame.tick.rate)],
            **({"timecode": str(frame.tick.received)} if frame.tick.received is not None else {}),
            "cameras": {name: camera_line(camera) for name, camera in frame.cameras.items()},
            "buses": {bus: {**asdict(state), "look": look_line(state.look)} for bus, state in frame.buses.items()},
            "controls": changed,
            "rung": frame.rung,
            **({"locked": True} if frame.locked else {}),
            **({"cue": frame.cue} if frame.cue else {}),
            **({"playheads": {name: str(at) for name, at in frame.playheads.items()}} if frame.playheads else {}),
            **({"captured": _captured_line(frame)} if frame.captured else {}),
            **({"barred": [look_line(look) for look in frame.barred]} if frame.barred else {}),
            "epoch": frame.epoch,
            "keyframes": [_request_line(keyframe) for keyframe in frame.keyframes],
        }

    def _write_keyframe(self, keyframe: Keyframe) -> None:
        path = self.folder / "keyframes" / f"{keyframe.request.number}.npz"
        grade = keyframe.grade
        evidence = grade.evidence if grade.evidence is not None else np.ones(grade.table.shape[:3], np.float32)
        try:
            np.savez(
                path,
                gain=np.ascontiguousarray(keyframe.gain.rgb),  # here, in this thread: textures have it otherwise
                bias=np.ascontiguousarray(keyframe.bias.rgb),
                grade=keyframe.grade.table,
                evidence=evidence,
            )
        except OSError:  # half of one is of no use, and its room may be what a report needs
            path.unlink(missing_ok=True)
            raise


def _captured_line(frame: FrameInput) -> dict[str, Any]:
    """Which picture of each camera's own it was. What is in it is a recording's (a take is drawn without it)."""
    return {
        camera: {
            "number": one.number,
            "time_s": one.time_s,
            **({"timecode": str(one.timecode)} if one.timecode else {}),
        }
        for camera, one in frame.captured.items()
    }


def _request_line(keyframe: Keyframe) -> dict[str, Any]:
    request = keyframe.request
    view = request.plate.view
    return {
        "number": request.number,
        "epoch": request.epoch,
        "location": request.location,
        "bus": request.bus,
        "camera": request.camera,
        **({"face": asdict(request.face)} if request.face is not None else {}),
        "look": look_line(request.look),
        "view": {
            "view_from_stage": view.view_from_stage.tolist(),
            "clip_from_view": view.clip_from_view.tolist(),
            "resolution": view.resolution,
            "time_s": view.time_s,
            **({"light": asdict(view.light)} if view.light != DAY else {}),
            **({"playhead": str(view.playhead)} if view.playhead else {}),
            **({"placement": asdict(view.placement)} if view.placement != AS_SET else {}),
        },
        "provenance": asdict(keyframe.provenance),
        "timings": asdict(keyframe.timings),
    }


def _strict(value: Any) -> Any:
    """``value`` with objects in place of the numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return {_NOT_FINITE: str(float(value))}
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value


def _from_strict(table: dict[str, Any]) -> Any:
    return float(table[_NOT_FINITE]) if table.keys() == {_NOT_FINITE} else table


def count_frames(folder: Path) -> int:
    """How many frames ``read_log`` will find, but for damage inside a keyframe. Raises UserError: not a take."""
    with open_frames(folder) as lines:
        count, before = 0, None
        for text in lines:
            if text.strip():
                try:
                    before = _check(parsed_line(text), before, folder)
                except BROKEN:
                    break
                count += 1
        return count


def open_frames(folder: Path) -> BinaryIO:
    path = folder / "frames.jsonl"
    if not path.is_file():
        raise UserError(f"{folder}: not a take: there is no frames.jsonl in it")
    return path.open("rb")


def read_log(folder: Path, redraw: Redraw) -> Iterator[FrameInput]:
    """The frames of a run in order. ``redraw(location, view, seed)`` draws a keyframe's plate again.

    Ends at the first damage, with a warning that names file and line. Raises UserError where no frame is good.
    """
    controls: dict[str, Any] = {}
    before: Tick | None = None
    count = 0
    with open_frames(folder) as lines:
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                line = parsed_line(text)
                controls = controls | line["controls"]
                frame = read_frame(line, controls, before)
                before = frame.tick
                stored = [stored_keyframe(item, folder) for item in line["keyframes"]]
            except BROKEN as error:
                _tell_damage(folder / "frames.jsonl", number, count, error)
                return
            # Outside: what goes wrong while a plate is drawn is no damage of the take.
            yield replace(frame, keyframes=tuple(finish(redraw) for finish in stored))
            count += 1
    if count == 0:
        raise UserError(f"{folder}: there is no frame in this take")


def _tell_damage(file: Path, number: int, count: int, error: Exception) -> None:
    what = f"{file}:{number}: not a frame of a take ({error or type(error).__name__})"
    if count == 0:
        raise UserError(what) from error
    log.warning("%s; the good frames before it (%d) are used.", what, count)


def parsed_line(text: bytes) -> dict[str, Any]:
    """Zeros at a line's end are what a file system leaves of a tail that was never written."""
    line = json.loads(text.rstrip(b"\0\r\n ").decode("utf-8"), object_hook=_from_strict)
    if not isinstance(line, dict):
        raise TypeError("expected an object")
    return line


def _check(line: dict[str, Any], before: Tick | None, folder: Path) -> Tick:
    """Raises one of BROKEN where a line is not a frame, or a keyframe's file is not whole; reads no pictures."""
    frame = read_frame(line, {} | line["controls"], before)
    for item in line["keyframes"]:
        check_arrays(keyframe_file(item, folder), _resolution(item["view"]))
    return frame.tick


def read_frame(line: dict[str, Any], controls: dict[str, Any], before: Tick | None) -> FrameInput:
    """Without its keyframes. before: the tick of the frame before it."""
    number, display_time_s, rate = line["tick"]
    if not _RATE.fullmatch(rate):
        raise ValueError(f"a rate of {rate!r}")
    received = parsed(line["timecode"]) if "timecode" in line else None
    tick = Tick(int(number), finite(display_time_s), Fraction(rate), received=received)
    if before is not None and not 0 < tick.number - before.number <= _LONGEST_STOP:
        raise ValueError(f"tick {tick.number} after {before.number}")
    if any(not isinstance(value, bool | int | float | str) for value in controls.values()):
        raise TypeError("a control without a value")
    return FrameInput(
        tick=tick,
        cameras={name: read_camera(camera) for name, camera in line["cameras"].items()},
        buses={bus: _bus(state) for bus, state in _buses(line).items()},
        controls=controls,
        epoch=int(line["epoch"]),
        rung=int(line.get("rung", 0)),
        locked=bool(line.get("locked", False)),
        cue=str(line.get("cue", "")),
        playheads={str(name): read_playhead(at) for name, at in line.get("playheads", {}).items()},
        barred=frozenset(read_look(look) for look in line.get("barred", ())),
    )


def _buses(line: dict[str, Any]) -> dict[str, Any]:
    """A take of an older version has the program's state alone."""
    buses: dict[str, Any] = line["buses"] if "buses" in line else {PROGRAM: line["program"]}
    return {PROGRAM: buses[PROGRAM], **buses}


def _bus(line: dict[str, Any]) -> BusState:
    others = tuple((str(location), finite(share)) for location, share in line.get("others", ()))
    line = {_NEWER.get(key, key): value for key, value in line.items()}
    plain = bool(line.pop("plain", False))  # all that an older take knows
    dip = tuple(finite(value) for value in line.get("dip", NO_DIP))
    look = read_look(line["look"]) if "look" in line else replace(NO_LOOK, plain=plain)
    known = {"others": others, "look": look, "dip": dip, "light": read_light(line)}
    known["placements"] = tuple((str(name), read_placement(at)) for name, at in line.get("placements", ()))
    state = BusState(**{**line, "mix": finite(line["mix"]), **known})
    if not isinstance(state.baked, bool) or not isinstance(state.may_go, bool) or len(state.dip) != 4:
        raise TypeError("baked and may_go are true or false, and a dip four numbers")
    if not all(isinstance(location, str) for location, _ in state.shares):
        raise TypeError("a location without a name")
    return state


def read_light(line: dict[str, Any]) -> Light:
    """Of a view or a bus; day in takes of before there was any."""
    light = Light(**{name: finite(value) for name, value in line.get("light", {}).items()})
    if not all(0.0 <= share <= 1.0 for share in astuple(light)):
        raise ValueError("a light that is no share of 1")
    return light


def read_placement(line: dict[str, Any]) -> Placement:
    """Of a view or a location."""
    placement = Placement(**{name: finite(value) for name, value in line.items()})
    if not placement.scale > 0.0:
        raise ValueError("a world without a size")
    return placement


def read_playhead(text: str) -> Fraction:
    """Of a view or a location, as a fraction of whole numbers."""
    if not _PLAYHEAD.fullmatch(text):
        raise ValueError(f"a playhead of {text!r}")
    return Fraction(text)


def keyframe_file(line: dict[str, Any], folder: Path) -> Path:
    return folder / "keyframes" / f"{int(line['number'])}.npz"


def _resolution(view: dict[str, Any]) -> tuple[int, int]:
    width, height = view["resolution"]
    return int(width), int(height)


def stored_keyframe(line: dict[str, Any], folder: Path) -> Callable[[Redraw], Keyframe]:
    """What makes the keyframe when its plate can be drawn; all that is stored of it has been read then."""
    stored = line["view"]
    view = View(
        np.array(stored["view_from_stage"]),
        np.array(stored["clip_from_view"]),
        _resolution(stored),
        stored["time_s"],
        read_light(stored),
        read_playhead(stored.get("playhead", "0")),
        read_placement(stored.get("placement", {})),
    )
    look = read_look(line["look"])
    source, timings = read_provenance(line["provenance"]), Timings(**line["timings"])
    line = {_NEWER.get(key, key): value for key, value in line.items()}
    number, epoch, location, bus, camera = (line[key] for key in ("number", "epoch", "location", "bus", "camera"))
    face = SurroundFace(**{key: int(line["face"][key]) for key in ("station", "face")}) if "face" in line else None
    arrays = load_arrays(keyframe_file(line, folder), view.resolution)
    grade = Grade(arrays["grade"], arrays["evidence"])

    def finish(redraw: Redraw) -> Keyframe:
        plate = redraw(location, view, look.seed)
        request = Request(number, epoch, location, plate, look, timings.submitted_s, bus, camera, face)
        return Keyframe(request, Pixels(arrays["gain"]), Pixels(arrays["bias"]), grade, source, timings)

    return finish
