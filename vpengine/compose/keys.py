"""Under which keys a frame's pictures are found."""

from __future__ import annotations

from vpengine.frames.feed import Eye


def world_key(eye: Eye) -> str:
    """The picture of what an eye must see."""
    return f"world {eye}"


def clear_key(eye: Eye) -> str:
    """The same before anything falls."""
    return f"clear {eye}"


def fall_key(wall: str) -> str:
    """A wall's outer picture in which something falls."""
    return f"fall {wall}"


def light_key(wall: str) -> str:
    """The picture of what a wall gives off."""
    return f"light {wall}"


def picture_key(camera: str) -> str:
    """A camera's own picture, as light."""
    return f"picture {camera}"


def focused_key(camera: str) -> str:
    """A camera's world as soft as its lens makes it."""
    return f"focused {camera}"


def matched_key(camera: str) -> str:
    """A camera's world as its lens draws it, at the size of its composite."""
    return f"matched {camera}"


def keyed_key(camera: str) -> str:
    """A camera's foreground and its matte."""
    return f"keyed {camera}"


def composite_key(camera: str) -> str:
    """A camera's foreground over its world, as light."""
    return f"composite {camera}"
