"""The log of a run: every FrameInput and every keyframe, enough to draw the same frames again.

    frames.jsonl        one line a frame: tick, cameras, program, controls that changed, numbers of its keyframes
    run.json            which stage and show it was, and what was in them (run_file.py)
    keyframes/N.npz     gain, bias and grade of keyframe N; its request's View, place, look and seed are in frames.jsonl

The plate's own pictures are not in it: the player draws them again at the same Views.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from vpengine.errors import UserError
from vpengine.frames.frame_input import CameraState, FrameInput, ProgramState, Tick
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.provenance import Provenance
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.view import View

log = logging.getLogger(__name__)

Redraw = Callable[[str, View, int], ImageSet]
# What a damaged line or file raises, be it cut, foreign or of the wrong shape.
_BROKEN = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, zipfile.BadZipFile)
_QUEUE_FRAMES = 256  # ten seconds; when the disk is slower than that, frames are dropped and counted


class LogWriter:
    """Writes a run into ``folder`` in a thread of its own; ``note`` never waits."""

    def __init__(self, folder: Path) -> None:
        (folder / "keyframes").mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.dropped = 0
        self._queue: queue.Queue[FrameInput | None] = queue.Queue(_QUEUE_FRAMES)
        self._controls: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._write_all, name="take-writer", daemon=True)
        self._thread.start()

    def note(self, frame: FrameInput) -> None:
        try:
            self._queue.put_nowait(frame)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        try:
            # By line, so that a crash loses no frame and a full disk shows at once.
            with (self.folder / "frames.jsonl").open("w", encoding="utf-8", buffering=1) as lines:
                while (frame := self._queue.get()) is not None:
                    for keyframe in frame.keyframes:  # first: a line never names what is not there
                        self._write_keyframe(keyframe)
                    lines.write(json.dumps(self._line(frame)) + "\n")
        except OSError as error:
            log.error("take %s: %s; the rest of the run is not recorded.", self.folder, error)
            while self._queue.get() is not None:  # ``close`` must not wait for a queue that nobody empties
                self.dropped += 1

    def _line(self, frame: FrameInput) -> dict[str, Any]:
        changed = {k: v for k, v in frame.controls.items() if self._controls.get(k) != v}
        self._controls.update(changed)
        return {
            "tick": [frame.tick.number, frame.tick.display_time_s, str(frame.tick.rate)],
            "cameras": {name: asdict(camera) for name, camera in frame.cameras.items()},
            "program": asdict(frame.program),
            "controls": changed,
            "epoch": frame.epoch,
            "keyframes": [_request_line(keyframe) for keyframe in frame.keyframes],
        }

    def _write_keyframe(self, keyframe: Keyframe) -> None:
        path = self.folder / "keyframes" / f"{keyframe.request.number}.npz"
        grade = keyframe.grade
        evidence = grade.evidence if grade.evidence is not None else np.ones(grade.table.shape[:3], np.float32)
        np.savez(path, gain=keyframe.gain, bias=keyframe.bias, grade=keyframe.grade.table, evidence=evidence)


def _request_line(keyframe: Keyframe) -> dict[str, Any]:
    request = keyframe.request
    view = request.plate.view
    return {
        "number": request.number,
        "epoch": request.epoch,
        "place": request.place,
        "bus": request.bus,
        "camera": request.camera,
        "look": asdict(request.look),
        "view": {
            "view_from_stage": view.view_from_stage.tolist(),
            "clip_from_view": view.clip_from_view.tolist(),
            "resolution": view.resolution,
            "time_s": view.time_s,
        },
        "provenance": asdict(keyframe.provenance),
        "timings": asdict(keyframe.timings),
    }


def count_frames(folder: Path) -> int:
    """Raises UserError when ``folder`` is not a take."""
    with _open(folder) as lines:
        return sum(1 for _ in lines)


def _open(folder: Path) -> TextIO:
    path = folder / "frames.jsonl"
    if not path.is_file():
        raise UserError(f"{folder}: not a take: there is no frames.jsonl in it")
    return path.open(encoding="utf-8")


def read_log(folder: Path, redraw: Redraw) -> Iterator[FrameInput]:
    """The frames of a run in order. ``redraw(place, view, seed)`` draws a keyframe's plate again.

    Raises UserError, naming file and line, for what is missing or broken.
    """
    controls: dict[str, Any] = {}
    with _open(folder) as lines:
        for number, text in enumerate(lines, 1):
            try:
                line = json.loads(text)
                controls = controls | line["controls"]
                yield _frame(line, controls, folder, redraw)
            except _BROKEN as error:
                raise UserError(f"{lines.name}:{number}: not a frame of a take ({error})") from error


def _frame(line: dict[str, Any], controls: dict[str, Any], folder: Path, redraw: Redraw) -> FrameInput:
    number, display_time_s, rate = line["tick"]
    return FrameInput(
        tick=Tick(number, display_time_s, Fraction(rate)),
        cameras={name: _camera(camera) for name, camera in line["cameras"].items()},
        program=_program(line["program"]),
        controls=controls,
        epoch=line["epoch"],
        keyframes=tuple(_keyframe(item, folder, redraw) for item in line["keyframes"]),
    )


def _program(line: dict[str, Any]) -> ProgramState:
    others = tuple((place, share) for place, share in line.get("others", ()))
    return ProgramState(**{**line, "others": others})


def _camera(line: dict[str, Any]) -> CameraState:
    lens: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in line["lens"].items()}
    return CameraState(_pose(line["pose"]), _pose(line["request_pose"]), Lens(**lens), line["age_s"])


def _pose(line: dict[str, Any]) -> Pose:
    x, y, z = line["position_m"]
    qx, qy, qz, qw = line["rotation"]
    return Pose((x, y, z), (qx, qy, qz, qw))


def _keyframe(line: dict[str, Any], folder: Path, redraw: Redraw) -> Keyframe:
    stored = line["view"]
    view = View(
        np.array(stored["view_from_stage"]),
        np.array(stored["clip_from_view"]),
        (stored["resolution"][0], stored["resolution"][1]),
        stored["time_s"],
    )
    look = Look(line["look"]["generator"], tuple(line["look"]["faders"]), line["look"]["seed"])
    plate = redraw(line["place"], view, look.seed)
    provenance = line["provenance"]
    provenance["look"] = tuple((name, value) for name, value in provenance["look"])
    timings = Timings(**line["timings"])
    request = Request(
        number=line["number"],
        epoch=line["epoch"],
        place=line["place"],
        plate=plate,
        look=look,
        submitted_s=timings.submitted_s,
        bus=line["bus"],
        camera=line["camera"],
    )
    with np.load(folder / "keyframes" / f"{line['number']}.npz", allow_pickle=False) as arrays:
        gain, bias, grade = arrays["gain"], arrays["bias"], Grade(arrays["grade"], arrays["evidence"])
    return Keyframe(request, gain, bias, grade, Provenance(**provenance), timings)
