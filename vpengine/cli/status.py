"""The running show's status, read from its parts, and what is said of it in the terminal."""

from __future__ import annotations

import time
from typing import Literal

from vpengine.app import App
from vpengine.capture.health import CaptureHealth
from vpengine.cli.terminal import Terminal
from vpengine.compose.coverage import sees
from vpengine.control.declared import NEURAL_HOLD
from vpengine.frames.frame_input import CameraState
from vpengine.stage.walls import distance_m
from vpengine.takes.status import CameraStatus, CaptureStatus, Status, Watch
from vpengine.view.camera import camera_view
from vpengine.view.pose import to_opentrackio
from vpengine.view.predict import STALE_S


class Follower:
    """Keeps the terminal's status line, and says there what changes. ``poll`` is called twice a second."""

    def __init__(self, app: App, terminal: Terminal) -> None:
        self._app = app
        self._terminal = terminal
        self._watch = Watch(app.receives())
        self._scene = app.desk.scenes.shown
        self._rung = app.loop.governor.rung
        self._counted = (0, 0, time.monotonic())  # frames, those late or left out, and when, at the last poll

    def poll(self, ran_s: float) -> None:
        if self._app.loop.newest is None:
            return
        status = self.status()
        if self._app.loop.governor.rung != self._rung:
            self._rung = self._app.loop.governor.rung
            self._terminal.say(self._app.loop.governor.words)
        if status.scene != self._scene:
            self._scene = status.scene
            self._terminal.say(f"scene {status.scene}")
        for sentence in self._watch.poll(status, ran_s):
            self._terminal.say(sentence)
        self._terminal.status(status.text())

    def status(self) -> Status:
        """The show now, and its frames since the last call."""
        app, loop, now_s = self._app, self._app.loop, time.monotonic()
        counted = (loop.times.frames, loop.times.late + loop.clock.skipped, now_s)
        frames, missed, seconds = (new - old for new, old in zip(counted, self._counted, strict=True))
        self._counted = counted
        newest = loop.newest
        return Status(
            rate_hz=frames / max(seconds, 1e-6),
            wanted_hz=float(app.files.stage.rate),
            late_percent=min(100.0 * missed / max(frames, 1), 100.0),
            cameras=tuple(_camera(app, name, state) for name, state in newest.cameras.items()) if newest else (),
            scene=app.desk.scenes.shown,
            generator=_generator(app),
            rung=loop.governor.rung if loop.governor.holds_back else 0,
            captures=tuple(_capture(name, health) for name, health in app.captures.health().items()),
        )


def _capture(name: str, health: CaptureHealth) -> CaptureStatus:
    """What a source says when it is lost is said by its reader; one that is silent says nothing."""
    waits = health.state in ("opening", "silent")
    return CaptureStatus(name, health.state, health.rate, health.faults[0] if waits and health.faults else "")


def _camera(app: App, name: str, state: CameraState) -> CameraStatus:
    geometries = app.compositor.walls.geometries.values()
    view = camera_view(state.pose, state.lens, (16, 9))
    position_m, pan_deg, tilt_deg, roll_deg = to_opentrackio(state.pose)
    return CameraStatus(
        id=name,
        state=_tracking(state.age_s),
        source=app.receiver.owner(name),
        position_m=position_m,
        pan_tilt_roll_deg=(pan_deg, tilt_deg, roll_deg),
        focal_length_mm=state.lens.pinhole_focal_length_mm,
        sees_wall=not geometries or any(sees(geometry, view) for geometry in geometries),
        far_m=min((distance_m(geometry, view.origin_m) for geometry in geometries), default=0.0),
    )


def _tracking(age_s: float) -> Literal["tracked", "held", "untracked"]:
    if age_s == float("inf"):
        return "untracked"
    return "held" if age_s > STALE_S else "tracked"


def _generator(app: App) -> str:
    newest, surrounds = app.loop.newest, app.compositor.surrounds
    words = app.generator.health.words(held=newest is not None and bool(newest.controls[NEURAL_HOLD]))
    if surrounds is None or newest is None or newest.program.look.plain or not app.generator.health.ready:
        return words
    coverage = surrounds.coverage(newest.program.target)
    whole = coverage >= newest.program.look.view_consistency
    return words if whole else f"{words}, {coverage:.0%} of the surround"
