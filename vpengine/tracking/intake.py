"""What becomes of a datagram: which camera it moves, whose it is, when it was taken, whether it can be."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from vpengine.control.takes import TakesNow
from vpengine.control.triggers import TakeTrigger
from vpengine.mailbox import Board, Newest
from vpengine.peers import Peers, machine_of
from vpengine.tracking.jumps import Jumps
from vpengine.tracking.naming import Naming
from vpengine.tracking.ownership import Ownership, rival
from vpengine.tracking.pose_buffer import PoseBuffer
from vpengine.tracking.protocol import LensUpdate, PoseUpdate, Rejected, Source, TakeUpdate, Update
from vpengine.tracking.refusals import Refusals
from vpengine.tracking.rolling import MOST_SOURCES, Rolling
from vpengine.tracking.sender_clock import SenderClock
from vpengine.tracking.udp import Received
from vpengine.view.pose import Pose

LOG = logging.getLogger(__name__)

FAR_M = 100.0  # from the stage's origin: further than a camera stands from any wall
CENTIMETRES_M = 1000.0  # up to this far a camera may be in cm, beyond it in mm
MOST_UNPRESSED = 64  # of what cameras say of takes, while the engine takes no more


@dataclass
class _Camera:
    """What is known of one camera's senders."""

    name: str
    known_lens: LensUpdate
    poses: Ownership = field(default_factory=Ownership)
    lens: Ownership = field(default_factory=Ownership)
    jumps: Jumps = field(default_factory=Jumps)
    clock: SenderClock = field(default_factory=SenderClock)
    last_pose: Pose | None = None
    cuts: int = 0
    held: Rejected | None = None  # the newest that was held back, until it is known whether it was wild


class Intake:
    """Fills ``poses`` and ``lenses``; counts by source in ``peers`` and tells a person what is wrong."""

    def __init__(
        self,
        poses: Mapping[str, PoseBuffer],
        lenses: Newest[str, LensUpdate],
        peers: Peers[Pose],
        refusals: Refusals,
        press: Callable[[TakeTrigger], bool] = lambda _: True,
        takes: Board[TakesNow] | None = None,
    ) -> None:
        """press: where what cameras say of takes goes; False where there is no room. takes: what becomes of it."""
        self._poses = poses
        self._lenses = lenses
        self._peers = peers
        self._refusals = refusals
        self._cameras = {name: _Camera(name, LensUpdate(name)) for name in poses}
        self._naming = Naming(tuple(poses))
        self._rolling = Rolling(takes)
        self._press = press
        self._unpressed: deque[TakeTrigger] = deque()  # that found no room
        self._told_too_many = False

    def owner(self, camera: str) -> str:
        """Who moves ``camera``, "ip:port"; empty before the first pose."""
        return self._cameras[camera].poses.owner

    def take(self, source: Source, received: Received) -> None:
        """All that a datagram says; a fault in a plug-in is counted and told once."""
        waiting: dict[str, tuple[float, Pose]] = {}  # of several poses of one camera and one time the last one counts
        try:
            for update in source.protocol.decode(received.packet, received.peer):
                refused = self._take(source, update, received, waiting)
                if refused is not None:
                    self._refusals.refuse(received.peer, refused)
        except Exception:
            self._peers.bad(received.peer, "fault")
            if self._refusals.is_new(received.peer, "fault"):
                kind = type(source.protocol).__name__
                LOG.exception("tracking: %s could not read a packet of %s", kind, received.peer)
        for name, (time_s, pose) in waiting.items():
            self._add(self._cameras[name], time_s, pose, received)

    def _take(
        self, source: Source, update: Update, received: Received, waiting: dict[str, tuple[float, Pose]]
    ) -> Rejected | None:
        """Take an update, or say why not."""
        if isinstance(update, Rejected):
            return update
        name = self._naming.camera(source, update, received.time_s)
        if isinstance(name, Rejected):
            return name
        if isinstance(update, TakeUpdate):
            return self._take_recording(name, update, received.peer)
        camera, is_lens = self._cameras[name], isinstance(update, LensUpdate)
        owners, owner = (camera.lens, camera.lens.owner) if is_lens else (camera.poses, camera.poses.owner)
        if not owners.takes(received.peer, received.time_s):
            return rival(name, "lens" if is_lens else "poses", received.peer, owner)
        if isinstance(update, LensUpdate):
            time_s = (
                waiting[name][0] if name in waiting else received.time_s
            )  # that of the packet's pose, if it has one
            self._take_lens(camera, update, time_s, received)
            return None
        time_s = self._sample_time_s(camera, update, received)
        before = waiting.get(name)
        if before is not None and before[0] != time_s:
            self._add(camera, *before, received)
        waiting[name] = (time_s, update.pose)
        return None

    def _take_recording(self, camera: str, update: TakeUpdate, peer: str) -> Rejected | None:
        triggers = self._rolling.hear(machine_of(peer), camera, update)
        if triggers is None:
            if not self._told_too_many:  # of nobody's machine: there are more than are remembered
                self._told_too_many = True
                sentence = "tracking: more than %d sources speak of takes; what %s says is not heard"
                LOG.warning(sentence, MOST_SOURCES, peer)
            self._peers.bad(peer, "too-many-sources")
            return None
        self.press_again()  # there may be room by now
        lost = triggers[MOST_UNPRESSED - len(self._unpressed) :]
        self._unpressed.extend(triggers[: len(triggers) - len(lost)])
        if not triggers or not self.press_again():
            return None
        words = " and ".join(trigger.action.upper() for trigger in triggers)
        what = "it is lost: press it by hand" if lost else "it is pressed as soon as there is room"
        sentence = f"camera {camera}: {words}: more presses than the engine can take; {what}"
        return Rejected("take-lost" if lost else "take-late", sentence, camera)

    def press_again(self) -> bool:
        """Press what found no room, in order; whether some of it still waits."""
        while self._unpressed and self._press(self._unpressed[0]):
            self._unpressed.popleft()
        return bool(self._unpressed)

    def _take_lens(self, camera: _Camera, update: LensUpdate, time_s: float, received: Received) -> None:
        """What is not said stays, also in the mailbox, where the newest would replace one not yet taken."""
        camera.known_lens = replace(update, camera=camera.name, time_s=time_s).after(camera.known_lens)
        self._lenses.put(camera.name, camera.known_lens)
        self._peers.good(received.peer, received.time_s)

    def _sample_time_s(self, camera: _Camera, update: PoseUpdate, received: Received) -> float:
        if update.sender_time_s is None:
            return received.time_s
        was_useful = camera.clock.useful
        same_pose = update.pose == camera.last_pose
        time_s = camera.clock.engine_time_s(update.sender_time_s, received.time_s, same_pose)
        if was_useful and not camera.clock.useful:
            self._refusals.refuse(received.peer, _useless_clock(camera.name, received.peer))
        return time_s

    def _add(self, camera: _Camera, time_s: float, pose: Pose, received: Received) -> None:
        judgement = camera.jumps.judge(time_s, pose)
        if judgement == "held":
            camera.held = _held(camera)
            self._refusals.count(received.peer, camera.held)
            return
        if judgement == "taken" and camera.held:
            self._refusals.report(received.peer, camera.held)
        camera.held = None
        if judgement == "cut":
            camera.cuts += 1
            self._refusals.refuse(received.peer, _cut(camera))
        if not self._put(camera, time_s, pose, received.time_s, cut=judgement != "taken"):
            sentence = f"camera {camera.name}: a pose came twice, or a second late"
            self._refusals.refuse(received.peer, Rejected("repeated-or-late", sentence))
            return
        camera.last_pose = pose
        self._peers.good(received.peer, received.time_s, pose)
        distance_m = math.hypot(*pose.position_m)
        if distance_m > FAR_M:
            self._refusals.refuse(received.peer, _far(camera.name, distance_m))

    def _put(self, camera: _Camera, time_s: float, pose: Pose, arrival_s: float, cut: bool) -> bool:
        """A pose that came twice is refused; a new one is not, though a stamp that was set back is one we have."""
        poses = self._poses[camera.name]
        if poses.add(time_s, pose, cut):
            return True
        return time_s != arrival_s and pose != camera.last_pose and poses.add(arrival_s, pose, cut)


def _useless_clock(camera: str, peer: str) -> Rejected:
    sentence = f"the time stamps of {peer} for camera {camera} do not advance as its packets arrive"
    return Rejected(
        "useless-clock",
        f"{sentence} (they stand still, jump, or count no seconds): the times of arrival are used instead; set the "
        "sender's clock, or have it send none",
        peer,
    )


def _held(camera: _Camera) -> Rejected:
    jump = camera.jumps.last_jump
    sentence = f"camera {camera.name}: a pose {jump.metres:.1f} m and {jump.degrees:.0f} degrees from the one before"
    return Rejected("wild-pose", f"{sentence} was held back: no camera moves so fast", camera.name)


def _cut(camera: _Camera) -> Rejected:
    jump = camera.jumps.last_jump
    sentence = f"camera {camera.name} is {jump.metres:.1f} m and {jump.degrees:.0f} degrees from where it was, at once"
    cause = "its tracker's origin was set anew, or it has found itself again; the picture follows"
    return Rejected("origin-moved", f"{sentence}, and stays there: {cause}", f"{camera.name} {camera.cuts}")


def _far(camera: str, distance_m: float) -> Rejected:
    words, unit, part = ("centimetres", "cm", 100.0) if distance_m < CENTIMETRES_M else ("millimetres", "mm", 1000.0)
    sentence = f"camera {camera} is {distance_m:.0f} m from the stage's origin, far outside any stage: it looks like"
    cure = f'send metres, or write length_unit = "{unit}" under its [[tracking]], which kind = "osc-app" has'
    return Rejected("far-outside", f"{sentence} {words} ({distance_m / part:.2f} m); {cure}", camera)
