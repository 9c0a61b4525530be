"""A flat card with a picture on it, and what goes on beyond its edges: a colour, or the picture mirrored and soft."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture
from vpengine.view.pose import Array
from vpengine.view.view import View, stage_ray_from_ndc

BLOCK = UniformBlock(
    "Still",
    stage_ray_from_ndc="mat3",
    card_from_stage="mat3",
    eye_in_card="vec3",
    half_size_m="vec2",
    gain="float",
    mirrored="float",
    beyond="vec3",
)
FURTHEST_M = 1e6  # what hangs beyond is drawn as sky: infinitely far


Beyond = tuple[float, float, float] | None


def beyond_values(beyond: Beyond) -> dict[str, Any]:
    """What a shader is told of where the picture ends: the backdrop's colour, or None to mirror it."""
    return {"mirrored": float(beyond is None), "beyond": beyond or (0.0, 0.0, 0.0)}


def facing(yaw_deg: float) -> Array:
    """Rows right, up and away of what stands upright, ``yaw_deg`` to the left of straight ahead: (3, 3)."""
    yaw = np.radians(yaw_deg)
    return np.array([[np.cos(yaw), np.sin(yaw), 0.0], [0.0, 0.0, 1.0], [-np.sin(yaw), np.cos(yaw), 0.0]])


class Card:
    """Fills a target: it is the first thing that a plate of pictures draws."""

    def __init__(
        self,
        card_from_stage: Array,
        center_m: Array,
        width_m: float,
        height_m: float,
        beyond: Beyond = None,
    ) -> None:
        """card_from_stage: as ``facing`` makes it; center_m: the card's middle in stage space. beyond: the backdrop's
        colour where the picture ends, linear ACEScg; None mirrors the picture there, the softer the farther out.
        """
        self.beyond = beyond
        self._card_from_stage = card_from_stage
        self.center_m = center_m
        self._half_size_m = (width_m / 2.0, height_m / 2.0)

    @property
    def across_m(self) -> Array:
        """From its left edge to its right, in stage space."""
        return np.asarray(2.0 * self._half_size_m[0] * self._card_from_stage[0])

    @property
    def upwards_m(self) -> Array:
        """From its lower edge to its upper."""
        return np.asarray(2.0 * self._half_size_m[1] * self._card_from_stage[1])

    def upload(self, gpu: Gpu) -> None:
        self._pass = gpu.pass_("still", BLOCK)

    def draw(self, target: Target, view: View, picture: Texture, gain: float) -> None:
        """picture: scene-linear; gain: its factor."""
        self._pass.draw(
            target,
            {"picture": picture},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            card_from_stage=self._card_from_stage,
            eye_in_card=self._card_from_stage @ (view.origin_m - self.center_m),
            half_size_m=self._half_size_m,
            gain=gain,
            **beyond_values(self.beyond),
        )
