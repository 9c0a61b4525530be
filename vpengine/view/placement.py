"""Where the world of a plate stands on the stage, beside where its own settings put it: what operators nudge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Placement:
    """The world is scaled and turned about the stage's origin on the floor, and then moved.

    yaw_deg: to the left, as plates' own. right_m, forward_m, up_m: along the stage's X, Y and Z. scale: above 0;
    lengths, and so depths, become so many times as long.
    """

    yaw_deg: float = 0.0
    right_m: float = 0.0
    forward_m: float = 0.0
    up_m: float = 0.0
    scale: float = 1.0

    @cached_property
    def stage_from_plate(self) -> Array:
        """A similarity, (4, 4): where in stage space what a plate has at a place of its own stands."""
        c, s = np.cos(np.radians(self.yaw_deg)), np.sin(np.radians(self.yaw_deg))
        out = np.eye(4)
        out[:3, :3] = self.scale * np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
        out[:3, 3] = self.right_m, self.forward_m, self.up_m
        return out

    @cached_property
    def plate_from_stage(self) -> Array:
        return np.linalg.inv(self.stage_from_plate)


AS_SET = Placement()  # where plates' own settings put them
Placements = tuple[tuple[str, Placement], ...]  # by location; of one that is not named AS_SET


def placement_of(placements: Placements, location: str) -> Placement:
    """Where the world of a location stands."""
    return dict(placements).get(location, AS_SET)
