"""Bench: re-projection as the engine shows it, against the generator run on the true present view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vpengine.cli.bench_pictures import FACE_PX, Frame, Studio
from vpengine.compose.neural import MAX_KEYFRAMES
from vpengine.tracking.moves import EYE_HEIGHT_M, MOVES, Move
from vpengine.tracking.track_files import read_track
from vpengine.tracking.tracks import placed, played
from vpengine.view.pose import Pose

LOOKS = {"snow day": {"snow": 1.0, "fog": 0.2}, "snow night": {"snow": 0.85, "night": 0.7, "fog": 0.1}}
FRAMES = 16  # of each row
START_S = 2.0  # of a track: the first frame; nothing shown in it is older
# Of the moves, the seconds that frames are spread over: whole periods where a move has one.
SPANS_S = {"dolly": (2.0, 14.0), "handheld": (2.0, 22.0), "whip": (4.0, 8.0)}
SPREAD = 7  # has no divisor in common with FRAMES


@dataclass(frozen=True)
class Pace:
    """How many pictures a generator makes, and from how young to how old its newest is on the wall."""

    images_per_s: float
    youngest_s: float
    oldest_s: float

    @property
    def staleness_ms(self) -> int:
        """In the mean."""
        return round(500.0 * (self.youngest_s + self.oldest_s))

    def ages_s(self, number: int) -> list[float]:
        """Of the keyframes of a frame, newest first; over all frames each age is there equally."""
        part = (number * SPREAD % FRAMES + 0.5) / FRAMES
        newest_s = self.youngest_s + part * (self.oldest_s - self.youngest_s)
        return [newest_s + older / self.images_per_s for older in range(MAX_KEYFRAMES)]


PACES = (*(Pace(8.0, age_s, age_s) for age_s in (0.1, 0.25, 0.5, 1.0)), Pace(1.0, 1.0, 2.0))


@dataclass(frozen=True)
class Course:
    """A camera's way, and the moments that are looked at."""

    name: str
    move: Move
    frames_s: tuple[float, ...]


@dataclass(frozen=True)
class Errors:
    """Of a frame: mean squares, and the share of holes."""

    stale: float
    reprojected: float
    holes: float


def measure_reprojection(
    tracks: Sequence[Path] = (), surround: bool = True, face_px: int = FACE_PX
) -> list[dict[str, Any]]:
    """PSNR on sRGB-encoded 0..1, squared error pooled over a fixed list of frames; worst5: the worst frame in twenty.

    The stale image is the newest keyframe shown as it is. Holes: pixels that neither a keyframe nor the surround shows.
    """
    courses = [*map(recorded, tracks), *map(simulated, SPANS_S)]
    studio = Studio(LOOKS, surround, face_px)
    errors: dict[tuple[str, str, Pace], list[Errors]] = {}
    for course in courses:
        for number, time_s in enumerate(course.frames_s):
            frame = Frame(studio, course.move, time_s)
            for look in LOOKS:
                for pace in PACES:
                    errors.setdefault((look, course.name, pace), []).append(_errors(frame, look, pace, number))
    studio.release()
    return [row(*key, errors[key]) for key in ((k, c.name, p) for k in LOOKS for c in courses for p in PACES)]


def recorded(path: Path) -> Course:
    """A track's file. Frames in whose last START_S its tracker was silent are left out."""
    track = placed(read_track(path), Pose((0.0, 0.0, EYE_HEIGHT_M)))
    move = played(track)
    before_s = np.linspace(0.0, START_S, 1 + math.ceil(START_S / (0.5 * track.lost_s)))
    times_s = [float(time_s) for time_s in np.linspace(START_S, track.seconds, FRAMES)]
    frames_s = (at_s for at_s in times_s if all(move(at_s - float(ago_s)) is not None for ago_s in before_s))
    return Course(path.stem, move, tuple(frames_s))


def simulated(name: str) -> Course:
    start_s, end_s = SPANS_S[name]
    step_s = (end_s - start_s) / FRAMES
    return Course(name, MOVES[name](1), tuple(start_s + (number + 0.5) * step_s for number in range(FRAMES)))


def _errors(frame: Frame, look: str, pace: Pace, number: int) -> Errors:
    found = frame.compared(look, pace.ages_s(number))
    stale, reprojected = (float(np.mean((it - found.truth) ** 2)) for it in (found.stale, found.reprojected))
    return Errors(stale, reprojected, float(np.mean(found.holes)))


def row(look: str, track: str, pace: Pace, errors: Sequence[Errors]) -> dict[str, Any]:
    reprojected = sorted((error.reprojected for error in errors), reverse=True)
    return {
        "track": track,
        "look": look,
        "staleness_ms": pace.staleness_ms,
        "images_per_s": pace.images_per_s,
        "stale_db": decibels([error.stale for error in errors]),
        "reprojected_db": decibels(reprojected),
        "worst5_db": decibels(reprojected[: max(1, len(reprojected) // 20)]),
        "holes_percent": round(100.0 * float(np.mean([error.holes for error in errors])), 3),
        "frames": len(errors),
    }


def decibels(squared_errors: Sequence[float]) -> float:
    return round(-10.0 * math.log10(max(sum(squared_errors) / len(squared_errors), 1e-12)), 2)
