"""``vpengine calibrate delay``: how much later than its tracker a camera's picture comes, from any hand-held move."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vpengine.capture.motion import shift_between, small
from vpengine.capture.reader import Reader
from vpengine.capture.readers import reader_of
from vpengine.errors import UserError, did_you_mean
from vpengine.files import Files, read_files
from vpengine.frames.captured import CapturedFrame
from vpengine.mailbox import Newest
from vpengine.stage.capture import CaptureSection
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.sources import sources_of
from vpengine.view.delay import LATEST_S, Delay, Shift, Track, found_delay
from vpengine.view.pose import Pose

EVERY_S = 0.1
LONGEST_GAP = 1.5  # pictures' times: beyond it one is missing between two
LEAST_MS = 0.5


class KeptPoses(PoseBuffer):
    """All that a tracker said of a camera, by the time it was so."""

    def __init__(self) -> None:
        super().__init__()
        self.times_s: list[float] = []
        self.poses: list[Pose] = []

    def add(self, time_s: float, pose: Pose, cut: bool = False) -> bool:
        taken = super().add(time_s, pose, cut)
        if taken:
            self.times_s.append(time_s)
            self.poses.append(pose)
        return taken


class Motion:
    """The shifts of one camera's pictures, as they come."""

    def __init__(self) -> None:
        self.shifts: list[Shift] = []
        self.frames = 0
        self.spans_px = 1  # of the picture, that a pixel of the shifts spans
        self.size = (0, 0)
        self._before: tuple[CapturedFrame, Any] | None = None

    def add(self, frame: CapturedFrame) -> None:
        now, self.spans_px = small(frame)
        self.frames, self.size = self.frames + 1, frame.size
        if self._before is not None and self._follows(self._before[0], frame):
            moved = shift_between(self._before[1], now) if self._before[1].shape == now.shape else None
            if moved is not None:
                self.shifts.append(Shift(self._before[0].time_s, frame.time_s, *moved))
        self._before = frame, now

    @staticmethod
    def _follows(before: CapturedFrame, frame: CapturedFrame) -> bool:
        return frame.number == before.number + 1 and frame.time_s > before.time_s

    def focal_px(self, focal_length_mm: float, sensor_width_mm: float) -> float:
        """In the shifts' pixels."""
        return focal_length_mm / sensor_width_mm * self.size[0] / self.spans_px


@dataclass(frozen=True)
class Measured:
    delay: Delay
    frames: int
    rate: float


def delay(
    stage: Annotated[Path, typer.Argument(help=r"A stage file with a [\[capture]] and a [\[tracking]].")],
    seconds: Annotated[float, typer.Option(min=2.0, max=600.0, help="How long to look.")] = 10.0,
    capture: Annotated[str | None, typer.Option(help="The capture's id, where there are several.")] = None,
    allow_outside: Annotated[bool, typer.Option(help="Files may name paths outside their folder.")] = False,
) -> None:
    """Take the camera in your hands and look around: says how much later its picture is than its tracker, and what to
    write. Exit code 1 where that cannot be said.
    """
    files = read_files(stage, None, allow_outside)
    section = chosen(files, capture)
    typer.echo(f"capture {section.settings.id}: look around with camera {section.settings.camera}, {seconds:g} s")
    measured = measure(files, section, seconds)
    found = measured.delay
    if found.fault:
        typer.echo(f"capture {section.settings.id}: {found.fault} ({measured.frames} pictures came)")
        raise typer.Exit(1)
    for line in told(section, found, measured.rate, _tracker_latency_s(files, section)):
        typer.echo(line)


def chosen(files: Files, name: str | None) -> CaptureSection:
    """Raises UserError: there is none, or its camera has no tracker."""
    captures = {section.settings.id: section for section in files.stage.captures}
    if not captures:
        raise UserError(f"{files.stage.file}: has no [[capture]] section; docs/capture.md shows one")
    if name is not None and name not in captures:
        raise UserError(f"{files.stage.file}: capture {name!r}: no such capture{did_you_mean(name, captures)}")
    section = captures[name] if name is not None else next(iter(captures.values()))
    if not any(item.camera == section.settings.camera for item in files.stage.tracking):
        raise UserError(f"{files.stage.file}: camera {section.settings.camera!r} has no [[tracking]] to compare with")
    return section


def measure(files: Files, section: CaptureSection, seconds: float) -> Measured:
    """Read the camera and its tracker for ``seconds``; nothing is drawn."""
    camera, poses, motion = section.settings.camera, KeptPoses(), Motion()
    lenses: Newest[str, LensUpdate] = Newest()
    receiver = Receiver(sources_of(files.stage.tracking, files.of), {camera: poses}, lenses)
    reader = reader_of(section, files.of(section.source), say=typer.echo)
    receiver.start()
    reader.start()
    try:
        look(reader, motion, seconds)
    finally:
        reader.stop()
        receiver.stop()
    focal_mm = _focal_length_mm(files, camera, lenses)
    return Measured(
        found_in(motion, poses, focal_mm, files.stage.camera(camera).sensor_mm[0]), motion.frames, rate_of(motion)
    )


def look(reader: Reader, motion: Motion, seconds: float) -> None:
    """Every picture of the reader, in order."""
    tap, end_s = reader.ring.tap(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        time.sleep(EVERY_S)
        for frame in tap.take():
            motion.add(frame)


def found_in(motion: Motion, poses: KeptPoses, focal_mm: float, sensor_mm: float) -> Delay:
    if len(poses.times_s) < 2:
        return Delay(0.0, math.inf, 0.0, "nothing came from its tracker")
    # Only where poses are known for every delay that is tried.
    first_s, last_s = min(poses.times_s), max(poses.times_s)
    shifts = [one for one in motion.shifts if one.before_s > first_s and one.time_s < last_s + LATEST_S]
    return found_delay(shifts, Track(poses.times_s, poses.poses), motion.focal_px(focal_mm, sensor_mm))


def _focal_length_mm(files: Files, camera: str, lenses: Newest[str, LensUpdate]) -> float:
    said = lenses.take().get(camera)
    focal_mm = said.focal_length_mm if said is not None else None
    return focal_mm or files.stage.camera(camera).pinhole_focal_length_mm


def rate_of(motion: Motion) -> float:
    if not motion.shifts:
        return 24.0
    apart = sorted(one.time_s - one.before_s for one in motion.shifts)
    return 1.0 / apart[len(apart) // 2]


def _tracker_latency_s(files: Files, section: CaptureSection) -> float:
    return next(item.latency_s for item in files.stage.tracking if item.camera == section.settings.camera)


def told(section: CaptureSection, found: Delay, rate: float, tracker_latency_s: float) -> list[str]:
    """What was found, and what to write into the stage file."""
    shared, off_ms, sure_ms = section.settings, 1e3 * found.delay_s, 1e3 * found.within_s
    frames = abs(found.delay_s) * rate
    which = "later" if off_ms > 0.0 else "earlier"
    says = (
        f"capture {shared.id}: its picture is {abs(off_ms):.1f} ms {which} than its tracker ({frames:.2f} pictures at "
        f"{rate:.4g} a second), sure to {sure_ms:.1f} ms; that explains {100.0 * found.explained:.0f} percent of its "
        "motion"
    )
    if abs(off_ms) < max(LEAST_MS, 0.5 * sure_ms):
        return [says, "nothing is to be changed"]
    latency_ms = shared.latency_ms + off_ms
    if latency_ms >= 0.0:
        return [says, f'write latency_ms = {latency_ms:.1f} into the [[capture]] with id = "{shared.id}"']
    tracker_ms = 1e3 * tracker_latency_s - latency_ms
    here = f'the [[tracking]] of camera "{shared.camera}"'
    return [
        says,
        f'write latency_ms = {tracker_ms:.1f} into {here}, and 0 into the [[capture]] with id = "{shared.id}"',
    ]
