"""Recentre: what a camera's tracker says now is where the stage file has the camera rest. For phones, whose origin is
wherever they were started.
"""

from __future__ import annotations

import json
import logging
import math
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vpengine.control.triggers import CameraTrigger
from vpengine.view.pose import Pose, to_opentrackio
from vpengine.view.predict import between
from vpengine.view.quaternion import Quaternion, Vector, inverse, product

LOG = logging.getLogger(__name__)

MOST_UNDO = 20
CLOSE_S = 1.0
# A button that was pressed twice is one recentre, whatever its tracker's noise.
SAME_M, SAME_RAD = 0.01, math.radians(0.5)


@dataclass(frozen=True)
class Correction:
    """stage_from_tracker by a turn about the vertical and a shift, so that level stays level; and how the camera is
    turned on its tracker. Angles in radians, metres.
    """

    turn_rad: float
    shift_m: Vector
    tracker_from_sensor: Quaternion

    def applied(self, pose: Pose) -> Pose:
        c, s = math.cos(self.turn_rad), math.sin(self.turn_rad)
        x, y, z = pose.position_m
        dx, dy, dz = self.shift_m
        turned = product(_about_vertical(self.turn_rad), pose.rotation)
        return Pose((c * x - s * y + dx, s * x + c * y + dy, z + dz), product(turned, self.tracker_from_sensor))


def correction_between(tracked: Pose, wanted: Pose) -> Correction:
    """What makes ``tracked`` the pose ``wanted``.

    The headings are matched by a turn about the vertical; what then is left of the orientation is how the camera sits
    on its tracker. So a phone clamped aslant is mended, and walking straight on stays level.
    """
    turn_rad = math.radians(to_opentrackio(wanted)[1] - to_opentrackio(tracked)[1])
    level = Correction(turn_rad, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)).applied(tracked)
    x, y, z = (to - at for to, at in zip(wanted.position_m, level.position_m, strict=True))
    return Correction(turn_rad, (x, y, z), product(inverse(level.rotation), wanted.rotation))


def _about_vertical(angle_rad: float) -> Quaternion:
    return 0.0, 0.0, math.sin(0.5 * angle_rad), math.cos(0.5 * angle_rad)


class Recentring:
    """Each camera's corrections, the newest last, kept in a file from one run to the next."""

    def __init__(self, resting: Mapping[str, Pose], memory: Path | None = None, stage: str = "") -> None:
        """resting: every camera's pose by the stage file. memory: the file, None to remember nothing.

        stage: under which name the stage's cameras are in it.
        """
        self._resting = resting
        self._memory = memory
        self._stage = stage
        self._corrections: dict[str, tuple[Correction, ...]] = dict.fromkeys(resting, ())
        self._lock = threading.Lock()
        self._unwritten: dict[str, Any] | None = None  # only the newest, however often a button is pressed meanwhile
        self._writer: threading.Thread | None = None  # while there is something to write
        remembered = self._remembered().get(stage)
        if isinstance(remembered, dict):
            for name in resting:
                self._recall(name, remembered.get(name, ()))

    def applied(self, camera: str, pose: Pose) -> Pose:
        corrections = self._corrections[camera]
        return corrections[-1].applied(pose) if corrections else pose

    def take(self, trigger: CameraTrigger, tracked: Pose | None) -> None:
        """Do what an operator asked, and say so.

        tracked: what the camera's tracker says now, not corrected; None when it says nothing.
        """
        name = trigger.camera
        if trigger.action == "undo":
            self._undo(name)
        elif tracked is None:
            LOG.warning("camera %s: nothing to recentre: no tracker sends a pose for it now", name)
        else:
            correction, before = correction_between(tracked, self._resting[name]), self._corrections[name]
            if before and _is_same(before[-1].applied(tracked), self._resting[name]):
                before = before[:-1]
            self._corrections[name] = (*before, correction)[-MOST_UNDO:]
            self._remember()
            position = " ".join(f"{metres:g}" for metres in self._resting[name].position_m)
            sentence = (
                "camera %s: recentred: where its tracker is now is %s m, its [camera.pose]; …/recentre/undo undoes it"
            )
            LOG.warning(sentence, name, position)

    def _undo(self, name: str) -> None:
        if not self._corrections[name]:
            LOG.warning("camera %s: there is no recentre to undo", name)
            return
        self._corrections[name] = self._corrections[name][:-1]
        self._remember()
        left = len(self._corrections[name])
        LOG.warning("camera %s: recentre undone; %s", name, f"{left} earlier left" if left else "as its tracker says")

    def _recall(self, name: str, remembered: Any) -> None:
        try:
            self._corrections[name] = tuple(_correction(item) for item in remembered)[-MOST_UNDO:]
        except (TypeError, ValueError, LookupError):
            LOG.warning("camera %s: what was remembered of its recentre in %s cannot be read", name, self._memory)
            return
        if self._corrections[name]:
            LOG.warning("camera %s: recentred as in an earlier run; /vp/camera/%s/recentre/undo undoes it", name, name)

    def _remembered(self) -> dict[str, Any]:
        """All stages' corrections as JSON; a file that is damaged is as good as none."""
        if self._memory is None:
            return {}
        try:
            found = json.loads(self._memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Wait for what is being written, for a second at most."""
        if (writer := self._writer) is not None:
            writer.join(CLOSE_S)

    def _remember(self) -> None:
        """On a thread of its own, since a home folder may be on a network that hangs, and frames may not."""
        if self._memory is None:
            return
        corrections = {
            name: [asdict(correction) for correction in corrections]
            for name, corrections in self._corrections.items()
            if corrections
        }
        with self._lock:
            self._unwritten = corrections
            if self._writer is None:
                write = partial(self._write_all, self._memory)
                self._writer = threading.Thread(target=write, name="recentre", daemon=True)
                self._writer.start()

    def _write_all(self, memory: Path) -> None:
        while True:
            with self._lock:
                corrections, self._unwritten = self._unwritten, None
                if corrections is None:
                    self._writer = None
                    return
            self._write(memory, corrections)

    def _write(self, memory: Path, corrections: dict[str, Any]) -> None:
        everything = {**self._remembered(), self._stage: corrections}
        new = memory.with_suffix(f".{os.getpid()}.new")
        try:
            memory.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(everything, indent=2) + "\n", encoding="utf-8")
            new.replace(memory)  # at once, so that a crash leaves the old file or the new one
        except OSError as error:
            LOG.warning("the recentre holds for this run only: %s cannot be written (%s)", memory, error.strerror)


def _is_same(pose: Pose, other: Pose) -> bool:
    offset_m, turn_rad = between(pose, other)
    return math.hypot(*offset_m) < SAME_M and math.hypot(*turn_rad) < SAME_RAD


def _correction(item: Any) -> Correction:
    x, y, z = map(float, item["shift_m"])
    qx, qy, qz, qw = map(float, item["tracker_from_sensor"])
    numbers = (float(item["turn_rad"]), x, y, z, qx, qy, qz, qw)
    if not all(map(math.isfinite, numbers)) or not 0.5 < qx * qx + qy * qy + qz * qz + qw * qw < 2.0:
        raise ValueError(item)
    return Correction(numbers[0], (x, y, z), (qx, qy, qz, qw))
