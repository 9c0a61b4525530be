"""FrameInput: the loop's only input. It is logged, and it is replay, film and the second machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from vpengine.frames.captured import CapturedFrame
from vpengine.frames.feed import PREVIEW, PROGRAM
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.look import NO_LOOK, Look
from vpengine.view.lens import Lens
from vpengine.view.light import DAY, Light
from vpengine.view.placement import Placement, Placements, placement_of
from vpengine.view.pose import Pose
from vpengine.view.timecode import Timecode, timecode_of


@dataclass(frozen=True)
class Tick:
    """Frame ``number``'s light is to leave the wall at ``display_time_s`` of the engine's monotonic clock.

    latency_s: how long before that it is handed to the display. received: the timecode of that moment, where one comes
    in from outside.
    """

    number: int
    display_time_s: float
    rate: Fraction
    latency_s: float = 0.0
    received: Timecode | None = None

    @property
    def present_s(self) -> float:
        """When it is to be handed to the display."""
        return self.display_time_s - self.latency_s

    @property
    def timecode(self) -> Timecode:
        """As it is received; else free run: frame 0 is 00:00:00:00."""
        return self.received if self.received is not None else timecode_of(self.number, self.rate)


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


NO_DIP = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class BusState:
    """The scene on a bus and the location (plate) it shows; in a dissolve also the coming one, and its share (0..1).

    others: what a dissolve that was interrupted still shows besides these two, as (location, share) pairs.
    look: what the generator is asked to make of the target. baked: it was made before, with this look, and nothing is
    asked. dip: a colour that lies over all of it: red, green, blue (scene-linear ACEScg, times the cover), cover.
    may_go: the gate lets this look on to the program. light: what plates that know their own are drawn under.
    placements: where the worlds stand, by location; one that is not named is where its settings put it.
    """

    scene: str
    location: str
    incoming_location: str | None = None
    mix: float = 0.0
    others: tuple[tuple[str, float], ...] = ()
    look: Look = NO_LOOK
    baked: bool = False
    dip: tuple[float, float, float, float] = NO_DIP
    may_go: bool = True
    light: Light = DAY
    placements: Placements = ()

    @property
    def bake(self) -> str | None:
        """The scene whose bake is shown; None where the look is live."""
        return self.scene if self.baked else None

    def placement(self, location: str) -> Placement:
        """Where on the stage the world of a location stands."""
        return placement_of(self.placements, location)

    @property
    def target(self) -> str:
        """The location that will be shown: in a dissolve the coming one."""
        return self.incoming_location or self.location

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """What is visible, as (location, share of the picture) pairs that add up to 1; the target is the last."""
        if self.incoming_location is None:
            return ((self.location, 1.0),)
        rest = 1.0 - self.mix - sum(share for _, share in self.others)
        return (*self.others, (self.location, rest), (self.incoming_location, self.mix))


@dataclass(frozen=True, eq=False)
class FrameInput:
    """All that one frame depends on. buses: PROGRAM is what walls show; others are there when something is on them.

    keyframes: those that the gate admitted in this frame. rung: how much is left out to hold the rate, 0 for nothing
    (compose.governor). locked: looks are, and the surround stays as it is. cue: the number
    of the one that is running. captured: by camera, the picture of its own that stands for it; that camera's state is
    of the moment when that was captured, for the world waits for the picture. rolling: a take is.
    playheads: by location whose plate moves, how long its clip has run, in seconds, exactly.
    barred: looks that the gate had let through and does not any more: what is kept of them is given up.
    """

    tick: Tick
    cameras: Mapping[str, CameraState]
    buses: Mapping[str, BusState]
    controls: Mapping[str, float | bool | str]
    epoch: int
    keyframes: tuple[Keyframe, ...] = ()
    rung: int = 0
    locked: bool = False
    cue: str = ""
    captured: Mapping[str, CapturedFrame] = field(default_factory=dict)
    rolling: bool = False
    playheads: Mapping[str, Fraction] = field(default_factory=dict)
    barred: frozenset[Look] = frozenset()

    def called(self, names: Mapping[str, str]) -> FrameInput:
        """With other names for locations. One without a name there is left out beside one that has one: of a dissolve
        what comes is left, and keyframes of it are not.
        """
        return replace(
            self,
            buses={bus: _called(state, names) for bus, state in self.buses.items()},
            keyframes=tuple(
                replace(key, request=replace(key.request, location=names[key.request.location]))
                for key in self.keyframes
                if key.request.location in names
            ),
            playheads={names[location]: head for location, head in self.playheads.items() if location in names},
        )

    def playhead(self, location: str) -> Fraction:
        """0 for a plate that does not move."""
        return self.playheads.get(location, Fraction(0))

    @property
    def program(self) -> BusState:
        return self.buses[PROGRAM]

    @property
    def elsewhere(self) -> BusState | None:
        """What stands by at a location that is not on the walls, with a look that may go there."""
        return stands_elsewhere(self.buses)

    @property
    def unpictured(self) -> FrameInput:
        """With what is to be said of cameras' own pictures and without the pictures, for who keeps frames."""
        if not self.captured:
            return self
        return replace(self, captured={camera: replace(one, planes=()) for camera, one in self.captured.items()})


def _called(state: BusState, names: Mapping[str, str]) -> BusState:
    if any(location not in names for location, _ in state.shares):
        return replace(
            state, location=names.get(state.target, state.target), incoming_location=None, mix=0.0, others=()
        )
    others = tuple((names[location], share) for location, share in state.others)
    incoming = names[state.incoming_location] if state.incoming_location is not None else None
    return replace(state, location=names[state.location], incoming_location=incoming, others=others)


def stands_elsewhere(buses: Mapping[str, BusState]) -> BusState | None:
    """``FrameInput.elsewhere``, of the buses alone."""
    standby = buses.get(PREVIEW)
    if standby is None or not standby.may_go:
        return None
    return standby if standby.target not in dict(buses[PROGRAM].shares) else None
