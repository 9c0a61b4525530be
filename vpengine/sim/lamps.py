"""The key and the fill on a simulated stage: soft lamps around the actor's mark, and their light on what is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.control.controls import Value
from vpengine.control.declared import LAMP_OFF_STOPS, SIM_FILL, SIM_KEY, LampControls
from vpengine.sim.figure_shape import Array
from vpengine.sim.light_transport import OFF_SURFACE_M, Shadows
from vpengine.view.kelvin import acescg_of_kelvin

FACE_M = 1.55  # height above the mark that lamps point at


@dataclass(frozen=True)
class Lamp:
    """A round soft source that faces the actor's face. azimuth_deg: 0 from the stage's -Y, where the camera stands,
    positive to its right. radius_m, distance_m: of the source, and from the face.
    """

    level_stops: float
    kelvin: float
    azimuth_deg: float
    elevation_deg: float
    radius_m: float
    distance_m: float

    @property
    def lit(self) -> bool:
        return self.level_stops > LAMP_OFF_STOPS

    @property
    def color(self) -> NDArray[np.float64]:
        """(3,) scene-linear ACEScg: the radiance of a white card at the actor's face that faces the lamp."""
        return acescg_of_kelvin(self.kelvin) * 2.0**self.level_stops

    @property
    def towards(self) -> Array:
        """(3,) unit direction from the face to the lamp, in stage space."""
        azimuth, elevation = np.radians(self.azimuth_deg), np.radians(self.elevation_deg)
        flat = np.cos(elevation)
        return np.array([np.sin(azimuth) * flat, -np.cos(azimuth) * flat, np.sin(elevation)])


@dataclass(frozen=True)
class Lamps:
    key: Lamp
    fill: Lamp


def lamps_of(controls: Mapping[str, Value]) -> Lamps:
    """As operators set them. The key is a softbox of 90 cm, the fill a frame of two metres, further away."""
    return Lamps(_lamp(SIM_KEY, controls, 0.45, 2.4), _lamp(SIM_FILL, controls, 1.0, 3.2))


def _lamp(names: LampControls, controls: Mapping[str, Value], radius_m: float, distance_m: float) -> Lamp:
    level, kelvin, azimuth, elevation = (float(controls[name]) for name in names)
    return Lamp(level, kelvin, azimuth, elevation, radius_m, distance_m)


class LampLight:
    """The light of one lamp on vertices, kept while it stays where it is: only its colour costs nothing to change."""

    def __init__(self, points_m: Array, normals: Array, mark_m: tuple[float, float], shadows: Shadows | None) -> None:
        self._points_m, self._normals = np.asarray(points_m, np.float32), np.asarray(normals, np.float32)
        self._face_m = np.array([*mark_m, FACE_M])
        self._shadows = shadows
        self._stands: tuple[float, float] | None = None
        self._weights = np.zeros(0, np.float32)

    def light(self, lamp: Lamp) -> NDArray[np.float32]:
        """(n, 3): irradiance over pi: times a reflectance it is radiance."""
        stands = lamp.azimuth_deg, lamp.elevation_deg
        if stands != self._stands:
            self._weights, self._stands = self._weigh(lamp), stands
        return self._weights[:, None] * lamp.color.astype(np.float32)

    def _weigh(self, lamp: Lamp) -> NDArray[np.float32]:
        """(n,): 1 for a surface at the face that faces the lamp."""
        lamp_m = self._face_m + lamp.distance_m * lamp.towards
        towards = (lamp_m - self._points_m).astype(np.float32)
        distance_m = np.linalg.norm(towards, axis=1)
        towards /= distance_m[:, None]
        size = lamp.radius_m / np.maximum(distance_m, lamp.radius_m)
        received = sphere_cosine(np.einsum("nc,nc->n", towards, self._normals), size)
        sent = np.maximum(towards @ lamp.towards.astype(np.float32), 0.0)  # a flat source: less to the sides
        weights = received * sent * (lamp.distance_m / np.maximum(distance_m, lamp.radius_m)) ** 2
        if self._shadows is not None:
            seen = np.nonzero(weights > 1e-4)[0]
            origins = self._points_m[seen] + OFF_SURFACE_M * self._normals[seen]
            weights[seen] *= self._shadows.visibility(origins, towards[seen], size[seen], distance_m[seen])
        return weights.astype(np.float32)


def sphere_cosine(cosine: Array, size: Array) -> Array:
    """What a surface receives of a source that wraps around it, where a point would give max(cosine, 0).

    size: the sine of the half angle that the source fills. J. Snyder, Area Light Sources for Real-Time Graphics
    (Microsoft Research, 1996): beyond the horizon by a quadratic.
    """
    size = np.maximum(size, 1e-6)
    partly = (np.clip(cosine, -size, size) + size) ** 2 / (4.0 * size)
    return np.where(cosine > size, cosine, partly)
