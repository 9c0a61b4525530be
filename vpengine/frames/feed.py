"""Feeds and eyes by name: what leaves the frame, and for whom a picture of the world is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

PROGRAM, PREVIEW = "program", "preview"
BUSES = (PROGRAM, PREVIEW)

Kind = Literal["wall", "world", "camera", "stage", "picture", "key", "composite", "monitor"]
KINDS: tuple[Kind, ...] = get_args(Kind)
OF_A_PICTURE: tuple[Kind, ...] = ("picture", "key", "composite")  # there is none without the camera's own picture


class Eye(NamedTuple):
    """Whose picture of the world it is: a camera's, of what one bus shows."""

    bus: str
    camera: str

    def __str__(self) -> str:
        return f"{self.bus} {self.camera}"


@dataclass(frozen=True)
class Feed:
    """A finished picture with a name, which outputs, panels and recorders show.

    ``wall:<id>`` is what a wall is sent, ``world:<camera>`` what a tracked camera must see, full frame,
    ``camera:<id>`` a simulated camera's photograph of the stage, ``stage`` the stage from above. ``picture:<camera>``
    is what a camera itself sends, ``key:<camera>`` its matte, ``composite:<camera>`` its foreground over its world.
    ``monitor:<camera>`` is that, or its world, with what operators and focus pullers lay over it.
    ``@preview`` after a name: of what stands by, instead of what is on the walls.
    """

    kind: Kind
    of: str = ""
    bus: str = PROGRAM

    def __str__(self) -> str:
        name = f"{self.kind}:{self.of}" if self.of else self.kind
        return name if self.bus == PROGRAM else f"{name}@{self.bus}"


def wall_feed(wall: str) -> Feed:
    return Feed("wall", wall)


def parse_feed(text: str) -> Feed:
    """Raises ValueError with a sentence. Whether there is such a wall or camera is for the stage to say."""
    name, at, bus = text.partition("@")
    kind, colon, of = name.partition(":")
    if kind not in KINDS or bool(of) != (kind != "stage") or (colon and not of):
        raise ValueError(
            "expected wall:ID, world:CAMERA, picture:CAMERA, key:CAMERA, composite:CAMERA, monitor:CAMERA, "
            "camera:CAMERA or stage"
        )
    if at and bus not in BUSES:
        raise ValueError(f"expected @{PREVIEW} or nothing after the name")
    if bus == PREVIEW and kind != "world":
        raise ValueError(f"only world:CAMERA has a {PREVIEW}: the walls show the {PROGRAM}")
    return Feed(next(each for each in KINDS if each == kind), of, bus or PROGRAM)
