"""Tells a person when a camera's tracker falls silent, and when it is back; counts how often."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from vpengine.tracking.pose_buffer import TrackedPose

LOG = logging.getLogger(__name__)

STEADY_S = 5.0  # tracked for so long without a loss, it is back: a tracker that stutters is told of once


@dataclass
class _Watch:
    held: bool = False
    reported: bool = False
    lost_s: float = 0.0
    back_s: float = 0.0


class Losses:
    """``counts`` is how often each camera's pose was held because no new one came. Asked once a frame."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._watches = {camera: _Watch() for camera in cameras}
        self.counts = dict.fromkeys(self._watches, 0)

    def note(self, camera: str, tracked: TrackedPose, now_s: float) -> None:
        """``tracked`` is the camera's pose as known at ``now_s``."""
        watch, held = self._watches[camera], tracked.state == "held"
        if held and not watch.held:
            self.counts[camera] += 1
            self._report_lost(camera, watch, tracked.age_s, now_s)
        elif watch.held and not held:
            watch.back_s = now_s
        watch.held = held
        if watch.reported and not held and now_s - watch.back_s >= STEADY_S:
            self._report_back(camera, watch, now_s)

    def _report_lost(self, camera: str, watch: _Watch, age_s: float, now_s: float) -> None:
        if watch.reported:
            return
        watch.reported, watch.lost_s = True, now_s - age_s
        since = _time_of_day(age_s)
        LOG.warning(
            "camera %s: no pose since %s; the picture holds the last one until its tracker sends again", camera, since
        )

    def _report_back(self, camera: str, watch: _Watch, now_s: float) -> None:
        watch.reported = False
        since, lost_for_s = _time_of_day(now_s - watch.back_s), watch.back_s - watch.lost_s
        LOG.warning("camera %s: tracked again since %s, %.1f s after it was lost", camera, since, lost_for_s)


def _time_of_day(ago_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time.time() - ago_s))
