"""The still plate: a picture on a flat card, as a painted backdrop or a translight hangs; or a picture with relief.

With a file of its depth, each of its pixels stands as far as that says from the place where the picture was taken. From
there it looks as on the card; from beside it, near things move before far ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import Field

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture
from vpengine.plates.card_settings import CardSettings
from vpengine.plates.depth_file import depth_problem
from vpengine.plates.image_file import FilePicture, picture_problems, picture_size
from vpengine.plates.plate import warm
from vpengine.plates.relief_mesh import ReliefMesh
from vpengine.stage.settings import ExistingFile
from vpengine.view.view import View


class StillSettings(CardSettings):
    """Which picture, and where its card hangs."""

    file: ExistingFile = Field(description="The picture: EXR, HDR, PNG, JPEG, TIFF or WebP.")
    color_space: str | None = Field(
        None, description="The file's OpenColorIO colour space; by default what the file says of itself."
    )
    depth: ExistingFile | None = Field(
        None,
        description="The picture's depth, metres along its axis: EXR or TIFF of its size, as ``vpengine plate "
        "from-image`` makes it. The picture then has relief.",
    )
    eye_height_m: float = Field(
        1.6,
        ge=-200.0,
        le=200.0,
        description="With depth: how high above the stage's origin the picture was taken, in metres.",
    )


class Still:
    """A card that faces the stage's origin."""

    Settings = StillSettings

    def __init__(self, settings: StillSettings) -> None:
        self._settings = settings
        self._picture = FilePicture(settings.file, settings.color_space)
        self._card = settings.card(self._picture.aspect)
        self.relief = self._made_relief(settings.depth) if settings.depth is not None else None
        self.flat = self.relief is None

    def _made_relief(self, depth: Path) -> ReliefMesh:
        eye_m = np.array([0.0, 0.0, self._settings.eye_height_m])
        rays = (self._card.center_m - eye_m, self._card.across_m, self._card.upwards_m)
        return ReliefMesh(depth, self._picture.pixels, eye_m, *(ray / self._settings.distance_m for ray in rays))

    @staticmethod
    def check(settings: StillSettings) -> list[tuple[str, str]]:
        """What is wrong with the picture, as far as its header shows: (key, sentence) pairs."""
        problems = picture_problems(settings.file, settings.color_space)
        if settings.depth is not None and not problems:
            problems = depth_problem(settings.depth, picture_size(settings.file))
        return problems

    def upload(self, gpu: Gpu) -> bool:
        if self._picture.upload(gpu):
            return True
        if not gpu.software:
            self._picture.texture.anisotropy = 4.0  # five times the cost there
        self._card.upload(gpu)
        if self.relief is not None:
            self.relief.upload(gpu)
        warm(self, gpu)
        return False

    def draw(self, target: Target, view: View) -> None:
        if self.relief is not None:
            target.wipe()  # the z-buffer, for the relief
        gain = self._settings.gain
        self._card.draw(target, view, self._picture.texture, gain)
        if self.relief is not None:
            self.relief.draw(target, view, self._picture.texture, gain, self._card.beyond)

    @property
    def picture(self) -> Texture:
        """The colours, once they have gone up."""
        return self._picture.texture

    def release(self) -> None:
        self._picture.release()
        if self.relief is not None:
            self.relief.release()
