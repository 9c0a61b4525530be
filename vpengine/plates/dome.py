"""The dome plate: an equirectangular picture, such as an HDRI, at infinity or round the stage with ground below."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture
from vpengine.plates.image_file import FilePicture, picture_problems
from vpengine.plates.plate import warm
from vpengine.stage.settings import ExistingFile, Settings, refusal
from vpengine.view.view import View, stage_ray_from_ndc

BLOCK = UniformBlock("Dome", stage_ray_from_ndc="mat3", dome_from_stage="mat3", gain="float", texels_a_radian="float")
ROUND_BLOCK = UniformBlock(
    "Dome",
    stage_ray_from_ndc="mat3",
    dome_from_stage="mat3",
    eye_from_center="vec3",
    gain="float",
    texels_a_radian="float",
    radius_m="float",
    ground_below_m="float",
)
NO_GROUND_M = 1e9  # below the sphere, whatever its radius
MAGNIFIED = {"MAGNIFIED": "1"}  # drawn where the picture has no more texels than the View has pixels


class DomeSettings(Settings):
    """Which picture, how it is turned, how bright it is."""

    file: ExistingFile = Field(
        description="An equirectangular picture, zenith on top: EXR, HDR, PNG, JPEG, TIFF or WebP."
    )
    color_space: str | None = Field(
        None, description="The file's OpenColorIO colour space; by default what the file says of itself."
    )
    yaw_deg: float = Field(
        0.0, ge=-180.0, le=180.0, description="Turns the dome to the left, in degrees; 0 has its middle ahead."
    )
    exposure_stops: float = Field(0.0, ge=-10.0, le=10.0, description="Exposure of the picture, in stops.")
    radius_m: float | None = Field(
        None,
        gt=0.5,
        le=1e5,
        description="How far what it shows stands, for parallax; by default it is infinitely far.",
    )
    eye_height_m: float = Field(
        1.6,
        ge=-200.0,
        le=200.0,
        description="With radius_m: how high above the stage's origin the picture was taken, in metres.",
    )
    ground: bool = Field(True, description="With radius_m: what is below the horizon lies on the stage's floor.")

    @model_validator(mode="after")
    def _above_ground(self) -> Self:
        if self.radius_m is not None and self.ground and not 0.0 < self.eye_height_m < self.radius_m:
            allowed = f"allowed are above 0 and below radius_m, {self.radius_m:g}; or ground = false"
            raise refusal(f"found {self.eye_height_m:g}, {allowed}", "eye_height_m")
        return self


class Dome:
    """All round the stage: without parallax, or on a sphere about the place where it was taken."""

    Settings = DomeSettings

    def __init__(self, settings: DomeSettings) -> None:
        self._settings = settings
        self._picture = FilePicture(settings.file, settings.color_space)
        c, s = np.cos(np.radians(settings.yaw_deg)), np.sin(np.radians(settings.yaw_deg))
        self._dome_from_stage = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])

    @staticmethod
    def check(settings: DomeSettings) -> list[tuple[str, str]]:
        """What is wrong with the picture, as far as its header shows: (key, sentence) pairs."""
        return picture_problems(settings.file, settings.color_space)

    def upload(self, gpu: Gpu) -> bool:
        if self._picture.upload(gpu):
            return True
        self._picture.texture.repeat_x = True
        self._filters = self._picture.texture.filter
        self._texels_a_radian = self._picture.texture.height / np.pi  # the file may have more: software OpenGL's share
        if self._settings.radius_m is not None:
            self._round = gpu.pass_("dome", ROUND_BLOCK, {"ROUND": "1"})
            warm(self, gpu)
            return False
        self._passes = {False: gpu.pass_("dome", BLOCK), True: gpu.pass_("dome", BLOCK, MAGNIFIED)}
        for field_of_view_deg in (170.0, 0.01):  # wide enough and narrow enough for either, whatever the picture's size
            warm(self, gpu, field_of_view_deg)
        return False

    def draw(self, target: Target, view: View) -> None:
        if self._settings.radius_m is not None:
            self._draw_round(target, view)
            return
        magnified = self._texels_a_radian <= pixels_a_radian(view, target.size)
        self._filter(magnified)
        self._passes[magnified].draw(
            target, {"panorama": self.texture}, stage_ray_from_ndc=stage_ray_from_ndc(view), **self.values
        )

    def _draw_round(self, target: Target, view: View) -> None:
        """A pixel may be larger than a texel or smaller, by what it sees."""
        settings = self._settings
        self._filter(magnified=False)
        self._round.draw(
            target,
            {"panorama": self.texture},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            eye_from_center=view.origin_m - [0.0, 0.0, settings.eye_height_m],
            radius_m=settings.radius_m,
            ground_below_m=settings.eye_height_m if settings.ground else NO_GROUND_M,
            **self.values,
        )

    @property
    def texture(self) -> Texture:
        """The picture, once it has gone up."""
        return self._picture.texture

    @property
    def values(self) -> dict[str, Any]:
        """What its shader is told besides the View."""
        return {
            "dome_from_stage": self._dome_from_stage,
            "gain": 2.0**self._settings.exposure_stops,
            "texels_a_radian": self._texels_a_radian,
        }

    def _filter(self, magnified: bool) -> None:
        """A filter between levels costs software OpenGL an eighth of the pass, also where there is but one to show."""
        smaller, larger = self._filters
        wanted = (larger, larger) if magnified else (smaller, larger)
        if self._picture.texture.filter != wanted:
            self._picture.texture.filter = wanted

    def release(self) -> None:
        self._picture.release()


def pixels_a_radian(view: View, size: tuple[int, int]) -> float:
    """The fewest that a View drawn at a size has anywhere, in either direction: on the view axis, seen or not.

    A flat picture's pixels cover ever less of an angle towards its sides.
    """
    across = abs(view.clip_from_view[0, 0]) * size[0] / 2.0
    upwards = abs(view.clip_from_view[1, 1]) * size[1] / 2.0
    return float(min(across, upwards))


def dome_uv(direction: NDArray[np.float64], yaw_deg: float = 0.0) -> NDArray[np.float64]:
    """Stage directions (..., 3) to (column, row) in 0..1 (..., 2), row 0 the zenith: the twin of shaders/dome.frag."""
    unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    azimuth = np.arctan2(unit[..., 0], unit[..., 1]) + np.radians(yaw_deg)
    return np.stack([(0.5 + azimuth / (2.0 * np.pi)) % 1.0, np.arccos(np.clip(unit[..., 2], -1.0, 1.0)) / np.pi], -1)
