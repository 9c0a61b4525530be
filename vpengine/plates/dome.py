"""The dome plate: an equirectangular picture at infinity, such as an HDRI."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.plates.image_file import FilePicture, picture_problems
from vpengine.plates.plate import warm
from vpengine.stage.settings import ExistingFile, Settings
from vpengine.view.view import View, stage_ray_from_ndc

BLOCK = UniformBlock("Dome", stage_ray_from_ndc="mat3", dome_from_stage="mat3", gain="float", texels_a_radian="float")


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


class Dome:
    """All round the stage, without parallax."""

    Settings = DomeSettings

    def __init__(self, settings: DomeSettings) -> None:
        self._settings = settings
        self._picture = FilePicture(settings.file, settings.color_space)
        self._texels_a_radian = self._picture.height_px / np.pi
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
        self._pass = gpu.pass_("dome", BLOCK)
        warm(self, gpu)
        return False

    def draw(self, target: Target, view: View) -> None:
        self._pass.draw(
            target,
            {"panorama": self._picture.texture},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            dome_from_stage=self._dome_from_stage,
            gain=2.0**self._settings.exposure_stops,
            texels_a_radian=self._texels_a_radian,
        )

    def release(self) -> None:
        self._picture.release()


def dome_place(direction: NDArray[np.float64], yaw_deg: float = 0.0) -> NDArray[np.float64]:
    """Stage directions (..., 3) to (column, row) in 0..1 (..., 2), row 0 the zenith: the twin of shaders/dome.frag."""
    unit = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    azimuth = np.arctan2(unit[..., 0], unit[..., 1]) + np.radians(yaw_deg)
    return np.stack([(0.5 + azimuth / (2.0 * np.pi)) % 1.0, np.arccos(np.clip(unit[..., 2], -1.0, 1.0)) / np.pi], -1)
