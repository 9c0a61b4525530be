"""A run in figures: frame times as they were measured, and the report that `--report` writes."""

from __future__ import annotations

import json
import math
import os
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil

from vpengine.errors import UserError
from vpengine.peers import PeerHealth
from vpengine.view.pose import Pose

SETTLING_S = 5.0  # after which the governor has found its rung
HISTORY = 100_000  # over an hour at 24 frames a second


class FrameTimes:
    """When frames began, were done, were seen and were to be seen. Filled by the loop, read by the report.

    Counts are of the whole run; the times are those of the newest HISTORY frames, so that a long day costs no memory.
    """

    def __init__(self, period_s: float) -> None:
        self.frames = self.late = 0
        self._period_s = period_s
        self._first_s = 0.0
        self._number: int | None = None
        self._settled = [0, 0]  # ticks and those missed, after the first SETTLING_S
        self._rows: deque[tuple[float, float, float, float]] = deque(maxlen=HISTORY)

    def note(
        self,
        begin_s: float,
        done_s: float,
        present_s: float,
        display_s: float,
        pose_age_s: float,
        number: int | None = None,
    ) -> int:
        """Seconds of the monotonic clock, and the tick's number, by which those without a frame are known.

        How many ticks were missed with this frame: a frame is late when it is seen more than half a period after its
        tick, and the ticks between it and the one before had none.
        """
        if self.frames == 0:
            self._first_s = begin_s
        self.frames += 1
        late = present_s - display_s > 0.5 * self._period_s
        self.late += late
        left_out = number - self._number - 1 if number is not None and self._number is not None else 0
        self._number = number
        if begin_s - self._first_s >= SETTLING_S:
            self._settled = [self._settled[0] + 1 + left_out, self._settled[1] + late + left_out]
        self._rows.append((begin_s, done_s, present_s, pose_age_s))
        return late + left_out

    def work_ms(self, newest: int) -> list[float]:
        """The work of the newest frames, oldest first."""
        return [1e3 * (done - begin) for begin, done, _, _ in list(self._rows)[-newest:]]

    @property
    def seconds(self) -> float:
        """From the first frame's beginning until the last was seen."""
        return self._rows[-1][2] - self._first_s if self._rows else 0.0

    def summary(self) -> dict[str, object]:
        """The frame part of the report (docs/design.md): milliseconds, and how many frames were late."""
        begin, done, present, age = np.array(self._rows, float).reshape(-1, 4).T
        tracked = np.isfinite(age)  # the rest had no tracker to be late
        return {
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "work_ms": percentiles(1e3 * (done - begin)),
            "interval_ms": percentiles(1e3 * np.diff(present)),
            "late_frames": self.late,
            "settled_late_percent": round(100.0 * self._settled[1] / max(self._settled[0], 1), 2),
            "pose_age_ms": percentiles(1e3 * age[tracked]),
            "motion_to_present_ms": percentiles(1e3 * (age + present - begin)[tracked]),
        }


def late_percent(report: Mapping[str, Any]) -> float:
    """Frames that came late, and ticks that had none at all, of all ticks, in percent."""
    missed = report["late_frames"] + report["skipped_ticks"]
    return 100.0 * missed / max(report["frames"] + report["skipped_ticks"], 1)


def summary(report: Mapping[str, Any]) -> str:
    """A run in a few lines, for who ran it."""
    generator, work = report["generator"], report["work_ms"]
    lines = [
        f"{report['frames']} frames in {report['seconds']:.1f} s, {late_percent(report):.1f} % late or left out; "
        f"{work['p50'] or 0.0:.1f} ms of work at the median",
        f"generator {generator['name']}: {generator['images']} images, {generator['images_per_s']:.1f} a second",
    ]
    for door in ("packets", "operators"):
        good = sum(peer["good"] for peer in report[door].values())
        bad = Counter[str]()
        for peer in report[door].values():
            bad.update(peer["bad"])
        refused = ", ".join(f"{count} {reason}" for reason, count in bad.most_common(8))
        name = {"packets": "tracking", "operators": "operators' messages"}[door]
        lines.append(f"{name}: {good} taken, {sum(bad.values())} refused" + (f" ({refused})" if refused else ""))
    return "\n".join(lines)


def percentiles(values: Sequence[float] | np.ndarray) -> dict[str, float | None]:
    """p50, p99 and max, rounded to a microsecond; None where there is nothing."""
    array = np.asarray(values, float)
    if array.size == 0:
        return {"p50": None, "p99": None, "max": None}
    p50, p99 = np.percentile(array, [50, 99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(float(array.max()), 3)}


def write_report(file: Path, figures: Mapping[str, Any]) -> None:
    """Strict JSON, null for what is not finite; whole or not at all. Raises UserError where it cannot be written."""
    text = json.dumps(_finite(figures), indent=2, allow_nan=False) + "\n"
    passing = file.with_name(f".vpengine-{os.getpid()}-{file.name}") if not file.exists() or file.is_file() else file
    try:
        passing.write_text(text, encoding="utf-8")
        if passing != file:
            os.replace(passing, file)
    except OSError as error:
        if passing != file:
            with suppress(OSError):
                passing.unlink()
        raise UserError(f"{file}: cannot be written ({error.strerror or error})") from error


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


class FeedCounts:
    """How often each feed had a new picture, and how often it showed the one before, or none yet."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}

    def note(self, feeds: Iterable[object], pictures: Freshness) -> None:
        for feed in map(str, feeds):
            self._counts.setdefault(feed, [0, 0])[feed not in pictures.fresh] += 1

    def summary(self) -> dict[str, dict[str, int]]:
        return {feed: {"drawn": drawn, "kept": kept} for feed, (drawn, kept) in sorted(self._counts.items())}


class Freshness(Protocol):
    """What a frame has made, by key."""

    @property
    def fresh(self) -> Collection[str]: ...


class Memory:
    """Resident memory of this process and of the neural process, in megabytes."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.start_mb = self.end_mb = self.max_mb = self._process.memory_info().rss / 1e6

    def sample(self, worker_pid: int | None = None) -> None:
        """A look at two processes only: to ask for all children reads all of the system's."""
        total = self._process.memory_info().rss
        if worker_pid is not None:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += psutil.Process(worker_pid).memory_info().rss
        self.end_mb = total / 1e6
        self.max_mb = max(self.max_mb, self.end_mb)

    def summary(self) -> dict[str, float]:
        return {"start": round(self.start_mb, 1), "end": round(self.end_mb, 1), "max": round(self.max_mb, 1)}


def packets_report(health: Mapping[str, PeerHealth[Pose]]) -> dict[str, Any]:
    """What each tracker sent."""
    last = {peer: [*each.last.position_m, *each.last.rotation] for peer, each in health.items() if each.last}
    return {peer: {**_counts(each), "last_pose": last.get(peer)} for peer, each in health.items()}


def operators_report(health: Mapping[str, PeerHealth[str]]) -> dict[str, Any]:
    """What each operator's device sent; last: the address of its newest message."""
    return {peer: {**_counts(each), "last": each.last} for peer, each in health.items()}


def _counts(health: PeerHealth[Any]) -> dict[str, Any]:
    return {"good": health.good, "bad": dict(health.bad)}
