"""The street plate: a seeded 3D set under a late afternoon sun, drawn in one z-tested pass and a sky."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh
from vpengine.gpu.target import ShadowMap, Target, Texture
from vpengine.gpu.transfer import write
from vpengine.plates.street.builder import MATERIAL
from vpengine.plates.street.light import (
    BEHIND_GLASS,
    SKY_SCALE,
    SKY_SIZE,
    WINDOW_LIGHT,
    lamp_map,
    light_values,
    sky_panorama,
    sky_values,
    sun_direction,
)
from vpengine.plates.street.mesh import StreetMesh, build_street
from vpengine.plates.street.surface import StreetSurface, make_surface
from vpengine.plates.street.texture import layers
from vpengine.plates.street.visible import Visibility
from vpengine.stage.settings import Settings
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.light import KINDS
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View, stage_ray_from_ndc

Array = NDArray[np.float64]

SUN_MAP_SIZE = (4096, 1024)
_PAINTED_BEYOND_M = 44.0
_SUN_MAP_REACH_M = 24.0  # across the street; walls of the side streets beyond it cast no shadows

_STREET_BLOCK = UniformBlock(
    "Street",
    clip_from_stage="mat4",
    sun_map_from_stage="mat4",
    clip_from_stage_w="vec4",
    eye_m="vec3",
    pixel_angle="float",
    haze_color="vec3",
    haze_density="float",
    sun_share="float",
    sky_light="vec3",
    street_light="vec3",
    shop_light="vec3",
    lamp_color="vec3",
    lamp_light="vec3",
    lamp_map_scale="vec4",
    window_light="vec3",
    windows="float",
    sky_horizon="vec3",
    sky_zenith="vec3",
    facade_left="vec3",
    facade_right="vec3",
)
_SKY_BLOCK = UniformBlock(
    "StreetSky",
    stage_ray_from_ndc="mat3",
    sky_scale="float",
    overcast="vec3",
    covered="float",
    sky_tint="vec3",
    sky_glow="vec3",
)
SUN_BLOCK = UniformBlock("StreetSun", sun_map_from_stage="mat4")


class StreetSettings(Settings):
    """What a show may choose of a street."""

    seed: int = Field(1, ge=0, le=2**31 - 1, description="Which street; the same number is the same street.")
    length_m: float = Field(150.0, ge=60.0, le=300.0, description="How far the street runs ahead, in metres.")
    sun_azimuth_deg: float = Field(
        -38.0, ge=-180.0, le=180.0, description="Where the sun stands, in degrees from straight ahead to the right."
    )
    sun_elevation_deg: float = Field(37.0, ge=5.0, le=85.0, description="How high the sun stands, in degrees.")
    haze_km: float = Field(1.4, ge=0.1, le=50.0, description="Distance at which haze hides two thirds, in kilometres.")


class Street:
    """A street of seeded buildings; see ``mesh`` for where the camera stands in it. It knows its own light."""

    Settings = StreetSettings
    relights = antialiases = True

    def __init__(self, settings: StreetSettings) -> None:
        self._settings = settings
        self._to_sun = sun_direction(settings.sun_azimuth_deg, settings.sun_elevation_deg)
        self.mesh: StreetMesh = build_street(settings.seed, settings.length_m, _PAINTED_BEYOND_M)
        self._surface: StreetSurface = make_surface(self.mesh, self._to_sun)
        self._visibility = Visibility(self._surface)
        self._layers: NDArray[np.uint8] | None = layers(settings.seed)
        self._panorama: NDArray[np.float16] | None = sky_panorama(settings.seed, self._to_sun)
        self._lamp_map, self._lamp_map_scale = lamp_map(self.mesh.lamps_m, self.mesh.length_m)
        self._textures: dict[str, Texture] = {}
        self._owned: list[Mesh | ShadowMap] = []
        self._sun_map_from_stage = sun_map_from_stage(self.mesh.position_m, self._to_sun)

    def upload(self, gpu: Gpu) -> bool:
        gpu.forget_errors()
        self._make_textures(gpu)
        self._mesh = gpu.mesh(self._surface.attributes, self._surface.triangles)
        corners = np.array([[-1.0, -1.0], [3.0, -1.0], [-1.0, 3.0]], np.float32)
        self._sky_mesh = gpu.mesh({"in_corner": corners}, np.array([[0, 1, 2]], np.uint32))
        self._sun_map = gpu.shadow_map(SUN_MAP_SIZE)
        self._owned = [self._mesh, self._sky_mesh, self._sun_map]
        gpu.refuse_errors("the street")
        lamps = {"LAMPS": "1", "PAINTED": f"{MATERIAL['facade']}.0"}
        self._passes = {
            (sunlit, lit): gpu.mesh_pass(
                "street", "street", _STREET_BLOCK, ({} if sunlit else {"SUNLESS": "1"}) | (lamps if lit else {})
            )
            for sunlit in (False, True)
            for lit in (False, True)
        }
        self._sky_passes = {
            covered: gpu.mesh_pass("street_sky", "street_sky", _SKY_BLOCK, {"COVERED": "1"} if covered else {})
            for covered in (False, True)
        }
        self._draw_sun_map(gpu)
        self._warm(gpu)
        return False

    def _warm(self, gpu: Gpu) -> None:
        """In every kind of light, so that no frame pays for a first draw."""
        target = gpu.target((64, 36), depth=True)
        pose = look_at(np.array([0.0, 0.0, 1.6]), np.array([0.0, 10.0, 3.0]))
        for light in KINDS:
            view = View(view_from_stage(pose), clip_from_view_symmetric(60.0, 16 / 9), target.size, light=light)
            self.draw(target, view)
        target.release()

    def draw(self, target: Target, view: View) -> None:
        target.wipe()
        triangles, sunless = self._visibility.triangles(view)
        self._mesh.write_indices(triangles)
        textures, values = {"surfaces": self._textures["surfaces"]}, self._street_values(view)
        lit = view.light.lamps > 0.0 or view.light.windows > 0.0
        if lit:
            textures["lamp_map"] = self._textures["lamps"]
        if values["sun_share"] <= 0.0:
            sunless = len(triangles)
        self._passes[False, lit].draw_mesh(target, self._mesh, textures, range(sunless), **values)
        textures = textures | {"sun_map": self._sun_map.texture}
        self._passes[True, lit].draw_mesh(target, self._mesh, textures, range(sunless, len(triangles)), **values)
        self._sky_passes[view.light.sun < 1.0].draw_mesh(
            target,
            self._sky_mesh,
            {"sky": self._textures["sky"]},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            sky_scale=SKY_SCALE,
            **sky_values(view.light),
        )

    def release(self) -> None:
        for part in (*self._textures.values(), *self._owned):
            part.release()

    def _street_values(self, view: View) -> dict[str, Any]:
        clip_from_stage = view.clip_from_stage
        return {
            "clip_from_stage": clip_from_stage,
            "sun_map_from_stage": self._sun_map_from_stage,
            "clip_from_stage_w": clip_from_stage[3],
            "eye_m": view.origin_m,
            "pixel_angle": 2.0 / (view.clip_from_view[0, 0] * view.resolution[0] * view.scale),
            "haze_density": 0.001 / self._settings.haze_km,
            "lamp_color": BEHIND_GLASS,
            "lamp_map_scale": self._lamp_map_scale,
            "window_light": WINDOW_LIGHT,
            **light_values(view.light),
        }

    def _make_textures(self, gpu: Gpu) -> None:
        assert self._layers is not None
        assert self._panorama is not None
        panorama = gpu.texture((SKY_SIZE, SKY_SIZE), 4, "f2")
        height, width = self._lamp_map.shape
        lamps = gpu.texture((width, height), 1, "f2")
        self._textures = {"surfaces": gpu.texture_layers(self._layers), "sky": panorama, "lamps": lamps}
        write(panorama, self._panorama[::-1])  # a table by direction, whose row 0 is the texture's
        write(lamps, self._lamp_map[::-1, :, None].astype(np.float16))
        self._layers = self._panorama = None  # the GPU has them now

    def _draw_sun_map(self, gpu: Gpu) -> None:
        self._sun_map.clear()
        # Wires are thinner than the map's texels: their shadows would be rows of dots.
        casts = self._surface.triangles[np.isfinite(self._surface.thickness_m)]
        self._mesh.write_indices(casts)
        shadow_pass = gpu.mesh_pass("street_sun", "street_sun", SUN_BLOCK)
        shadow_pass.draw_mesh(
            self._sun_map, self._mesh, triangles=range(len(casts)), sun_map_from_stage=self._sun_map_from_stage
        )


def sun_map_from_stage(position_m: NDArray[np.float32], to_sun: Array) -> Array:
    """(4, 4): orthographic, 0..1 in all three, z away from the sun; x runs along the street."""
    along = np.array([0.0, 1.0, 0.0]) - to_sun[1] * to_sun
    along = along / np.linalg.norm(along)
    axes = np.stack([along, np.cross(-to_sun, along), -to_sun])
    near = position_m[np.abs(position_m[:, 0]) < _SUN_MAP_REACH_M]
    low, high = (near @ axes.T).min(axis=0), (near @ axes.T).max(axis=0)
    every = position_m @ axes[2]
    low[2], high[2] = every.min() - 1.0, every.max() + 1.0
    out = np.eye(4)
    out[:3, :3] = axes / (high - low)[:, None]
    out[:3, 3] = -low / (high - low)
    return out
