"""A running show in one line, and the sentences that are said when it changes for the worse."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

FLOOR_M = -0.1  # a lens on the floor may lie a little under it by its tracker
FAR_M = 50.0
REPORTED_BY_TRACKING_M = 100.0  # further out the tracking thread says it, with the unit that it looks like
UPSIDE_DOWN_DEG, STEEP_DEG = 135.0, 60.0
MOST_LATE_PERCENT = 10.0
LASTING_S = 3.0  # a fault that is over sooner is not reported
STEADY_S = 10.0  # and is reported again only after it was away for so long


@dataclass(frozen=True)
class CameraStatus:
    """A camera now. source: who tracks it, "address:port", empty when nobody does. far_m: to the nearest wall.

    On a stage without a wall it misses none: sees_wall is true, and far_m 0.
    """

    id: str
    state: Literal["tracked", "held", "untracked"]
    source: str
    position_m: tuple[float, float, float]
    pan_tilt_roll_deg: tuple[float, float, float]
    focal_length_mm: float
    sees_wall: bool
    far_m: float

    def text(self) -> str:
        x, y, z = self.position_m
        pan, tilt, roll = self.pan_tilt_roll_deg
        who = {
            "tracked": f"tracked from {self.source}",
            "held": f"was tracked from {self.source}",
            "untracked": "untracked",
        }[self.state]
        turns = f"pan {round(pan)} tilt {round(tilt)}" + (f" roll {round(roll)}" if round(roll) else "")
        position = f"{x:.2f} {y:.2f} {z:.2f} m, {turns}, {self.focal_length_mm:.0f} mm"
        return f"camera {self.id} " + ", ".join([*self.troubles, who, position])

    @property
    def troubles(self) -> list[str]:
        """What is wrong with it now, in a word or two each."""
        said = {"LOST": self.state == "held", "SEES NO WALL": not self.sees_wall}
        return [words for words, wrong in said.items() if wrong]


@dataclass(frozen=True)
class CaptureStatus:
    """A camera's own picture now. rate_hz: of what comes. silent: why nothing comes, where only waiting shows it."""

    id: str
    state: Literal["opening", "running", "silent", "lost", "ended"]
    rate_hz: float
    silent: str = ""

    def text(self) -> str:
        wrong = {"opening": "NO PICTURE YET", "silent": "SILENT", "lost": "LOST", "ended": "ENDED"}.get(self.state)
        return f"capture {self.id} {wrong or f'{self.rate_hz:.1f} pictures/s'}"

    @property
    def troubled(self) -> bool:
        return self.state != "running"


@dataclass(frozen=True)
class Status:
    """The show now. rate_hz, late_percent: of the time since the last look. wanted_hz: the stage's rate.

    rung: how far the governor went down to hold it; 0 where nothing is left out.
    """

    rate_hz: float
    wanted_hz: float
    late_percent: float
    cameras: tuple[CameraStatus, ...]
    scene: str
    generator: str
    rung: int = 0
    captures: tuple[CaptureStatus, ...] = ()

    def text(self) -> str:
        """One line; the most important stands first, since a narrow terminal cuts it."""
        troubled = [camera.text() for camera in self.cameras if camera.troubles]
        troubled += [capture.text() for capture in self.captures if capture.troubled]
        well = [camera.text() for camera in self.cameras if not camera.troubles]
        well += [capture.text() for capture in self.captures if not capture.troubled]
        held = f", rung {self.rung}" if self.rung else ""
        rate = f"{self.rate_hz:.1f}/s, late {self.late_percent:.0f} %{held}"
        return " | ".join([rate, *troubled, self.scene, self.generator, *well])


@dataclass
class _Fault:
    since_s: float | None = None
    reported: bool = False
    away_since_s: float | None = None


class Watch:
    """Says what has become worse: once when it lasts, and again only after it was well for a while.

    receives: where trackers are heard, for the sentence of a camera that no tracker moves.
    """

    def __init__(self, receives: Sequence[str] = ()) -> None:
        self._receives = receives
        self._faults: dict[str, _Fault] = {}

    def poll(self, status: Status, now_s: float) -> list[str]:
        """The sentences that are due. Asked twice a second or so."""
        found = dict(self._found(status))
        for key in found.keys() - self._faults.keys():
            self._faults[key] = _Fault()
        return [found[key]() for key, fault in self._faults.items() if _due(fault, key in found, now_s)]

    def _found(self, status: Status) -> Iterator[tuple[str, Callable[[], str]]]:
        if status.late_percent > MOST_LATE_PERCENT:
            yield (
                "late",
                lambda: (
                    f"{status.late_percent:.0f} % of the frames are late ({status.rate_hz:.1f} a second, wanted "
                    f"{status.wanted_hz:g}): this machine is too slow for this stage; make its pictures smaller"
                ),
            )
        for camera in status.cameras:
            yield from self._of_camera(camera)
        for capture in status.captures:
            if capture.silent:
                said = f"capture {capture.id}: {capture.silent}"
                yield f"silent {capture.id}", lambda said=said: said  # type: ignore[misc]

    def _of_camera(self, camera: CameraStatus) -> Iterator[tuple[str, Callable[[], str]]]:
        name, (x, y, z) = f"camera {camera.id}", camera.position_m
        cure = f"is its tracker's origin right? /vp/camera/{camera.id}/recentre takes where it is now as [camera.pose]"
        if camera.state == "untracked":
            where = " and ".join(self._receives) or "nothing: the stage file has no [[tracking]]"
            yield (
                f"untracked {name}",
                lambda: f"{name}: no tracker has sent a pose for it; the engine listens on {where}",
            )
            return
        if z < FLOOR_M:
            yield f"floor {name}", lambda: f"{name} is {-z:.2f} m under the floor: {cure}"
        if camera.far_m > FAR_M:  # yet further out tracking says it, with the unit that it looks like
            if math.hypot(x, y, z) <= REPORTED_BY_TRACKING_M:
                far = f"{name} is {camera.far_m:.0f} m from the nearest wall: does its tracker send metres?"
                yield f"far {name}", lambda: f"{far} And {cure}"
        elif abs(camera.pan_tilt_roll_deg[2]) > UPSIDE_DOWN_DEG:
            yield f"roll {name}", lambda: f"{name} is upside down: does its tracker send a quaternion as x y z w?"
        elif not camera.sees_wall:
            blind = f"{name} at {x:.2f} {y:.2f} {z:.2f} m sees no wall, and the walls show the outer picture alone"
            steep = abs(camera.pan_tilt_roll_deg[1]) > STEEP_DEG
            order = "it looks steeply up or down: does its tracker send a quaternion as x y z w?"
            yield f"wall {name}", lambda: f"{blind}; {order if steep else cure}"


def _due(fault: _Fault, is_there: bool, now_s: float) -> bool:
    """Follow a fault's coming and going; True when it is to be reported now."""
    if not is_there:
        fault.since_s = None
        if fault.away_since_s is None:
            fault.away_since_s = now_s
        if now_s - fault.away_since_s >= STEADY_S:
            fault.reported = False
        return False
    fault.away_since_s = None
    if fault.since_s is None:
        fault.since_s = now_s
    if fault.reported or now_s - fault.since_s < LASTING_S:
        return False
    fault.reported = True
    return True
