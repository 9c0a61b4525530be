"""The stage's cameras as they stand at a moment: tracked pose and lens, or where the stage file says they rest."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from vpengine.control.messages import OperatorMessage
from vpengine.control.triggers import CameraTrigger
from vpengine.frames.frame_input import CameraState
from vpengine.mailbox import Newest
from vpengine.stage.camera import CameraSettings
from vpengine.tracking.lens_history import LensHistory
from vpengine.tracking.losses import Losses
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate
from vpengine.tracking.recentre import Recentring
from vpengine.view.distortion import fault
from vpengine.view.lens import Lens

LOG = logging.getLogger(__name__)
NONE_CAPTURED: Mapping[str, float] = MappingProxyType({})
SILENT_S = 1.0  # of a tracker that said nothing for so long it is not known where it is now
REQUEST_HORIZON_S = 0.25  # further ahead than this, prediction does more harm than good (NEURAL 4e)


class Cameras:
    """Reads what the tracking thread wrote, once a frame, and says when a tracker falls silent."""

    def __init__(
        self,
        settings: Iterable[CameraSettings],
        poses: Mapping[str, PoseBuffer],
        lenses: Newest[str, LensUpdate],
        recentring: Recentring,
    ) -> None:
        self._settings = {camera.id: camera for camera in settings}
        self._poses = poses
        self._updates = lenses
        self._said: dict[str, Lens] = {name: camera.stated for name, camera in self._settings.items()}
        self._lenses = {name: LensHistory(camera.lens()) for name, camera in self._settings.items()}
        self._told: set[str] = set()  # cameras whose distortion is left out
        self._recentring = recentring
        self.losses = Losses(self._settings)

    def apply(self, messages: Iterable[OperatorMessage], now_s: float) -> None:
        """Recentre what operators asked to; other messages are passed over."""
        for message in messages:
            if isinstance(message, CameraTrigger):
                tracked = self._poses[message.camera].at(now_s)
                known = tracked is not None and tracked.age_s < SILENT_S
                self._recentring.take(message, tracked.pose if tracked and known else None)

    def at(
        self, time_s: float, now_s: float, request_ahead_s: float, captured_s: Mapping[str, float] = NONE_CAPTURED
    ) -> dict[str, CameraState]:
        """Every camera at ``time_s``; its request pose ``request_ahead_s`` later, the horizon at most.

        captured_s: when the picture was captured that a camera's world is to meet, instead of ``time_s``: its pose and
        its lens are of that moment. Without a picture the lens is the newest: poses are predicted, lenses are not.
        """
        self._hear_lenses(now_s)
        return {
            name: self._state(name, captured_s.get(name), time_s, now_s, request_ahead_s) for name in self._settings
        }

    def _hear_lenses(self, now_s: float) -> None:
        """The newest of each since the last frame; between those of two frames a lens is taken to have moved evenly."""
        for name, update in self._updates.take().items():
            self._said[name] = said = updated(self._said[name], self._believable(name, update))
            moment_s = now_s if update.time_s is None else update.time_s
            self._lenses[name].add(moment_s, self._settings[name].calibrated(said))

    def _believable(self, name: str, update: LensUpdate) -> LensUpdate:
        """Without a distortion that no lens has, such as the numbers in the standard's own examples."""
        before = self._said[name]
        if update.distortion is None or update.distortion == before.distortion:
            return update
        why = fault(update.distortion, updated(before, update))
        if not why:
            self._told.discard(name)
            return update
        if name not in self._told:
            self._told.add(name)
            LOG.warning("camera %s: the distortion that its tracker sends is left out: %s", name, why)
        return replace(update, distortion=None)

    def _state(
        self, name: str, captured_s: float | None, display_s: float, now_s: float, request_ahead_s: float
    ) -> CameraState:
        poses, lenses = self._poses[name], self._lenses[name]
        lens = lenses.newest if captured_s is None else lenses.at(captured_s)
        time_s = display_s if captured_s is None else captured_s
        tracked = poses.at(time_s, now_s)
        if tracked is None:
            resting = self._settings[name].pose.pose()
            return CameraState(resting, resting, lens, float("inf"))
        self.losses.note(name, tracked, now_s)
        ahead_s = min(request_ahead_s, REQUEST_HORIZON_S)
        ahead = poses.at(time_s + ahead_s, now_s, cap_s=REQUEST_HORIZON_S) or tracked
        pose, request_pose = (self._recentring.applied(name, each.pose) for each in (tracked, ahead))
        return CameraState(pose, request_pose, lens, tracked.age_s)


def updated(lens: Lens, update: LensUpdate) -> Lens:
    """``lens`` with what a tracker says of it; what it does not say stays."""
    said = {
        "pinhole_focal_length_mm": update.focal_length_mm,
        "focus_distance_m": update.focus_distance_m,
        "t_stop": update.t_stop,
        "entrance_pupil_offset_m": update.entrance_pupil_offset_m,
        "projection_offset_mm": update.projection_offset_mm,
        "distortion": update.distortion,
    }
    known: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    return replace(lens, **known)
