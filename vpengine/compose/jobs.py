"""The kinds of jobs that pictures of the world and of the walls are made of; ``plan`` lists them, ``Compositor`` draws.

What a job needs besides its own fields it reads: pictures by their keys, in the order of ``reads``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from vpengine.compose.fall import Fall
from vpengine.compose.wall import WallLevels
from vpengine.frames.captured import CapturedFrame
from vpengine.frames.feed import Eye
from vpengine.frames.frame_input import NO_DIP, BusState
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.look import Look
from vpengine.gpu.job import Job
from vpengine.view.lens import Lens
from vpengine.view.light import Light
from vpengine.view.placement import Placements
from vpengine.view.view import View

Shares = tuple[tuple[str, float], ...]  # locations, and each one's part of the picture; the one that comes is the last


@dataclass(frozen=True, kw_only=True)
class DrawPlate(Job):
    """The plate of ``location`` at ``view``. depth: whether something reads how far it is. samples: of a pixel, where
    the plate has edges.
    """

    location: str
    view: View
    depth: bool
    samples: int


@dataclass(frozen=True, kw_only=True)
class UpdateKeyframes(Job):
    """An eye's keyframes follow its bus: those of a new location begin empty, new ones are taken in, grades move on."""

    eye: Eye
    state: BusState
    keyframes: tuple[Keyframe, ...]
    epoch: int
    time_s: float


@dataclass(frozen=True, kw_only=True)
class ForgetLooks(Job):
    """Nothing generated of these looks is kept for the program: the gate does not let them through any more."""

    looks: frozenset[Look]


@dataclass(frozen=True, kw_only=True)
class UpdateSurround(Job):
    """Surrounds take in new pictures. location: the one that will be shown, and with which look; locations: all that
    are visible. baked: the scene whose bake is shown.
    """

    location: str
    locations: tuple[str, ...]
    look: Look
    keyframes: tuple[Keyframe, ...]
    time_s: float
    baked: str | None = None


@dataclass(frozen=True, kw_only=True)
class Reproject(Job):
    """The generated world at the View of the plate that it reads."""

    eye: Eye
    location: str
    time_s: float
    amount: float


@dataclass(frozen=True, kw_only=True)
class ShowStale(Job):
    """For comparison: the newest keyframe as it is. picture_in_key: how much of its sides the picture spans."""

    eye: Eye
    location: str
    picture_in_key: float


@dataclass(frozen=True, kw_only=True)
class MixWorlds(Job):
    """A dissolve: the worlds that it reads, each with its share of light; what failed leaves it to the rest."""

    weights: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class DrawFall(Job):
    """What falls, over an eye's world, which it reads with its depth. kept: how many of the particles a rung leaves."""

    fall: Fall
    kept: float = 1.0


@dataclass(frozen=True, kw_only=True)
class DrawWallFall(Job):
    """What falls, over a wall's outer picture of ``shares``; drawn anew in every turn (see ``GradeOuter``)."""

    wall: str
    shares: Shares
    fall: Fall
    turn: int


@dataclass(frozen=True, kw_only=True)
class TakePicture(Job):
    """A camera's own picture, as light. gains: on its red, green and blue."""

    camera: str
    frame: CapturedFrame
    gains: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class DefocusWorld(Job):
    """A camera's world, which it reads, with its depth, as soft as the lens makes it."""

    lens: Lens
    overscan_percent: float


@dataclass(frozen=True, kw_only=True)
class MatchLens(Job):
    """A camera's world, which it reads, as its lens draws it: its overscan cut away, bent as the camera's own picture
    is. depth: of it too. dip: its bus's.
    """

    camera: str
    lens: Lens
    overscan_percent: float
    size: tuple[int, int]
    depth: bool
    dip: tuple[float, float, float, float] = NO_DIP


@dataclass(frozen=True, kw_only=True)
class KeyPicture(Job):
    """The foreground of a camera's own picture, which it reads, and its matte. view: the pinhole's, wider than the
    lens's by ``overscan_percent``. controls: the frame's. number: of the frame.
    """

    camera: str
    number: int
    view: View
    lens: Lens
    overscan_percent: float
    controls: Mapping[str, float | bool | str]


@dataclass(frozen=True, kw_only=True)
class ShowKey(Job):
    """What is keyed, which it reads. stage: of STAGES in ``control.key``."""

    camera: str
    stage: int
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class LayOver(Job):
    """What is keyed over the world, in the order of ``reads``. mark_m: how far ahead the actor stands, where the world
    may pass before the picture. number: the frame's, on which grain depends.
    """

    camera: str
    mark_m: float | None
    number: int


@dataclass(frozen=True, kw_only=True)
class Develop(Job):
    """A picture as a monitor shows it. seen: which part of its sides the lens sees, its overscan cut away. dip: its
    bus's.
    """

    size: tuple[int, int]
    seen: float
    dip: tuple[float, float, float, float] = NO_DIP


@dataclass(frozen=True)
class MonitorSide:
    """What one side of a monitor's split shows: the light under ``key``, and the matte as grey, over it, or not."""

    key: str
    matte: int = 0


@dataclass(frozen=True, kw_only=True)
class ShowMonitor(Job):
    """A camera's picture as its operator sees it, with his tools over it. sides: what is shown, and what is right of
    the split. matte: where that is found, if it is needed. seen, dip: as ``Develop``'s. line: of text. number: the
    frame's, with which stripes move. controls: the frame's.
    """

    camera: str
    size: tuple[int, int]
    seen: float
    dip: tuple[float, float, float, float]
    sides: tuple[MonitorSide, ...]
    matte: str | None
    line: str
    number: int
    controls: Mapping[str, float | bool | str]


@dataclass(frozen=True, kw_only=True)
class Blank(Job):
    """A feed that nothing is on any more: black, so that nobody takes it for a live one."""


@dataclass(frozen=True, kw_only=True)
class GradeOuter(Job):
    """The outer pictures of ``shares`` follow the light, and the grades of the eye, once in every turn; in its other
    frames only those of locations that were not on the walls in the frame before. placements: where their worlds
    stand. faces: how many are relit; None is all. playheads: of those that move. elsewhere: what stands by.
    """

    eye: Eye
    shares: Shares
    light: Light
    placements: Placements
    faces: int | None
    playheads: Mapping[str, Fraction]
    elsewhere: BusState | None
    amount: float
    turn: int


@dataclass(frozen=True, kw_only=True)
class DrawChart(Job):
    """A wall's line-up chart instead of its picture. views: what the cameras see, without overscan, for circles that
    are circles to them. number: the frame's. light: as ``DrawWall``'s.
    """

    wall: str
    views: tuple[View, ...]
    number: int
    light: bool = False


@dataclass(frozen=True, kw_only=True)
class DrawWall(Job):
    """A wall with the cameras' worlds that it reads; where frustums overlap the first has every pixel.

    light: what its panels should give off (scene-linear, for simulated cameras), instead of its code values.
    outer: the key of an outer picture in which something falls, where it could be made; else the plain one is shown.
    """

    wall: str
    shares: Shares
    levels: WallLevels
    outer: str | None = None
    light: bool = False
