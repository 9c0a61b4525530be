"""FrameInput: the loop's only input. It is logged, and it is replay, film and the second machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from vpengine.frames.keyframe import Keyframe
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose


@dataclass(frozen=True)
class Tick:
    """Frame ``number`` is to be seen at ``display_time_s`` of the engine's monotonic clock."""

    number: int
    display_time_s: float
    rate: Fraction


@dataclass(frozen=True)
class CameraState:
    """A camera as it will stand at the tick's display time.

    pose: the sensor's, in stage space. request_pose: where it is expected to be in the middle of the life of a
    keyframe that is asked for now. age_s: how old its newest packet was when it was read, +inf when there is none.
    """

    pose: Pose
    request_pose: Pose
    lens: Lens
    age_s: float


@dataclass(frozen=True)
class ProgramState:
    """The scene on the wall and the place (plate) it shows; in a dissolve also the coming place, and how far (0..1)."""

    scene: str
    place: str
    incoming_place: str | None = None
    mix: float = 0.0


@dataclass(frozen=True, eq=False)
class FrameInput:
    """All that one frame depends on. keyframes: those that the gate admitted in this frame."""

    tick: Tick
    cameras: Mapping[str, CameraState]
    program: ProgramState
    controls: Mapping[str, float | bool | str]
    epoch: int
    keyframes: tuple[Keyframe, ...] = ()
