"""[[screen]] and [[holdout]]: the green screen as it stands on the stage, and boxes in which nothing is keyed."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.stage.settings import Degrees, Position, Settings
from vpengine.view.pose import rotation_from_pan_tilt_roll

Array = NDArray[np.float64]
Side = Annotated[float, Field(ge=0.05, le=200.0)]
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_FACES = np.array(  # corner 4 x + 2 y + z; which way round does not matter, a box is looked through
    [
        *([0, 1, 3], [0, 3, 2], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4]),
        *([2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 3, 7], [1, 7, 5]),
    ],
    np.uint32,
)


class ScreenSettings(Settings):
    """A flat piece of the screen: what the camera sees beyond all of them is the world, whatever stands there."""

    size_m: tuple[Side, Side] = Field(description="Width and height in metres; of a floor, width and depth.")
    position_m: Position = Field(
        description="Stage position (X right, Y forward, Z up) of its bottom edge's middle; of a floor, its far edge's."
    )
    pan_deg: Degrees = Field(
        default=0.0, description="Turns it about the vertical through position_m, anticlockwise seen from above."
    )
    tilt_deg: Degrees = Field(
        default=0.0, description="Leans the top towards the audience, about position_m; 90 is a ceiling."
    )
    floor: bool = Field(default=False, description="It lies flat, from position_m towards the audience.")


class MarkSettings(Settings):
    """Where the actor stands: with /vp/key/front, what of the world is nearer passes before the picture."""

    position_m: Position = Field(default=(0.0, 3.0, 0.0), description="Stage position (X right, Y forward, Z up).")


class HoldoutSettings(Settings):
    """A box in which the picture is kept as it is, however green: a prop, a costume on its stand."""

    size_m: tuple[Side, Side, Side] = Field(description="Width, depth and height in metres.")
    position_m: Position = Field(description="Stage position of the middle of its bottom.")
    pan_deg: Degrees = Field(
        default=0.0, description="Turns it about its upright middle, anticlockwise seen from above."
    )


def screen_mesh(screens: tuple[ScreenSettings, ...]) -> tuple[Array, NDArray[np.uint32]]:
    """(4 n, 3) vertices in stage space and (2 n, 3) triangles of n screens."""
    vertices = [_corners_of(screen) for screen in screens]
    triangles = [4 * index + np.array([[0, 1, 2], [0, 2, 3]], np.uint32) for index in range(len(screens))]
    return np.concatenate(vertices), np.concatenate(triangles).astype(np.uint32)


def _corners_of(screen: ScreenSettings) -> Array:
    half_m, height_m = 0.5 * screen.size_m[0], screen.size_m[1]
    if screen.floor:
        flat = np.array([[-half_m, 0, 0], [half_m, 0, 0], [half_m, -height_m, 0], [-half_m, -height_m, 0]])
    else:
        flat = np.array([[-half_m, 0, 0], [half_m, 0, 0], [half_m, 0, height_m], [-half_m, 0, height_m]])
    turned = rotation_from_pan_tilt_roll(screen.pan_deg, screen.tilt_deg, 0.0).apply(flat)
    return np.asarray(turned + np.asarray(screen.position_m))


def holdout_mesh(boxes: tuple[HoldoutSettings, ...]) -> tuple[Array, NDArray[np.uint32]]:
    """(8 n, 3) vertices in stage space and (12 n, 3) triangles of n boxes."""
    vertices, triangles = [], []
    for index, box in enumerate(boxes):
        corners = (_CORNERS + np.array([0.0, 0.0, 0.5])) * box.size_m
        turned = rotation_from_pan_tilt_roll(box.pan_deg, 0.0, 0.0).apply(corners)
        vertices.append(turned + np.asarray(box.position_m))
        triangles.append(8 * index + _FACES)
    return np.concatenate(vertices), np.concatenate(triangles).astype(np.uint32)
