"""What is seen behind a glTF scene, at infinity: the street's painted sky, or a dome's picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh, MeshPass
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import write
from vpengine.plates.gltf.light import OVERCAST_LEVEL, SceneLight, sky_values, under_dome, under_street_sky
from vpengine.plates.image_file import FilePicture
from vpengine.plates.street import light as street_light
from vpengine.view.view import View, stage_ray_from_ndc

Array = NDArray[np.float64]

BLOCK = UniformBlock(
    "GltfSky",
    stage_ray_from_ndc="mat3",
    dome_from_stage="mat3",
    gain="float",
    texels_a_radian="float",
    sky_scale="float",
    ground="vec3",
    overcast="vec3",
    covered="float",
    sky_tint="vec3",
    sky_glow="vec3",
)
_CORNERS = np.array([[-1.0, -1.0], [3.0, -1.0], [-1.0, 3.0]], np.float32)  # of a triangle over all of a picture


class PaintedSky:
    """The street's sky and sun."""

    def __init__(self, seed: int, to_sun: Array) -> None:
        self._panorama = street_light.sky_panorama(seed, to_sun)
        self.light: SceneLight = under_street_sky(self._panorama, to_sun)
        self._owned: list[Mesh | Texture] = []

    def upload(self, gpu: Gpu) -> bool:
        """True while there is more."""
        side = street_light.SKY_SIZE
        texture = gpu.texture((side, side), 4, "f2")
        write(texture, self._panorama[::-1])  # a table by direction, whose row 0 is the texture's
        self._mesh, self._textures = _sky_mesh(gpu), {"sky": texture}
        self._owned = [self._mesh, texture]
        self._passes = passes(gpu, {"PAINTED": "1"})
        return False

    def draw(self, target: Target, view: View) -> None:
        """Where the z-buffer has nothing."""
        self._passes[view.light.sun < 1.0].draw_mesh(
            target,
            self._mesh,
            self._textures,
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            dome_from_stage=np.eye(3),
            gain=1.0,
            texels_a_radian=1.0,
            **sky_values(self.light, view.light),
            sky_scale=street_light.SKY_SCALE,
        )

    def release(self) -> None:
        for part in self._owned:
            part.release()
        self._owned = []


class DomeSky:
    """An equirectangular picture, and the sun in it."""

    def __init__(self, file: Path, color_space: str | None, yaw_deg: float, exposure_stops: float) -> None:
        self._picture = FilePicture(file, color_space)
        self._gain = 2.0**exposure_stops
        self.light: SceneLight = under_dome(self._picture.pixels, yaw_deg, self._gain)
        c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
        self._dome_from_stage = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        self._mesh: Mesh | None = None

    def upload(self, gpu: Gpu) -> bool:
        """A frame's share; True while there is more."""
        if self._picture.upload(gpu):
            return True
        self._picture.texture.repeat_x = True
        self._mesh = _sky_mesh(gpu)
        self._passes = passes(gpu, {})
        return False

    def draw(self, target: Target, view: View) -> None:
        """Where the z-buffer has nothing."""
        assert self._mesh is not None
        self._passes[view.light.sun < 1.0].draw_mesh(
            target,
            self._mesh,
            {"panorama": self._picture.texture},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            dome_from_stage=self._dome_from_stage,
            gain=self._gain,
            texels_a_radian=self._picture.texture.height / np.pi,
            sky_scale=0.0,
            **sky_values(self.light, view.light),
        )

    def release(self) -> None:
        self._picture.release()
        if self._mesh is not None:
            self._mesh.release()
        self._mesh = None


def _sky_mesh(gpu: Gpu) -> Mesh:
    return gpu.mesh({"in_corner": _CORNERS}, np.array([[0, 1, 2]], np.uint32))


def passes(gpu: Gpu, defines: dict[str, str]) -> list[MeshPass]:
    """Of a clear sky, and one with clouds."""
    constants = {**defines, "CLOUDED": f"{OVERCAST_LEVEL}"}
    return [
        gpu.mesh_pass("gltf_sky", "street_sky", BLOCK, constants | ({"COVERED": "1"} if covered else {}))
        for covered in (False, True)
    ]
