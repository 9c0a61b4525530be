"""The layers plate: one picture in layers, each with alpha at its depth, from a ``.2p5d`` file.

From where it was taken it is the picture; from beside it near layers move before far ones, and what they hid is seen.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vpengine.errors import UserError
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.plates.card import FURTHEST_M, Card, facing
from vpengine.plates.layer_mesh import LayerMesh
from vpengine.plates.layers_file import LayeredPicture, inspect_layers, read_layers
from vpengine.plates.plate import warm
from vpengine.stage.settings import ExistingFile, Settings
from vpengine.view.view import View


class LayersSettings(Settings):
    """Which picture in layers, how it is turned, how bright it is."""

    file: ExistingFile = Field(
        description="The picture in layers: .2p5d, as ``vpengine plate from-image --layers`` makes it."
    )
    exposure_stops: float = Field(0.0, ge=-10.0, le=10.0, description="Exposure of the picture, in stops.")
    yaw_deg: float = Field(
        0.0, ge=-180.0, le=180.0, description="Where the picture is, in degrees from straight ahead to the left."
    )


class Layers:
    """Drawn back to front; behind all of them is the back layer as a card, mirrored beyond its edges."""

    Settings = LayersSettings

    def __init__(self, settings: LayersSettings) -> None:
        self._gain = 2.0**settings.exposure_stops
        picture = read_layers(settings.file)
        self._place(picture, settings.yaw_deg)
        self._meshes = [LayerMesh(layer, f"{settings.file}: a layer") for layer in picture.layers]
        self._going_up = list(self._meshes)

    def _place(self, picture: LayeredPicture, yaw_deg: float) -> None:
        """Rays to the picture that advance one metre along its axis, and a card far behind it."""
        lens, back = picture.lens, picture.layers[0]
        height, width = back.pixels.shape[:2]
        across = 2.0 * np.tan(np.radians(lens.horizontal_fov_deg) / 2.0)
        upwards = across * height / width
        card_from_stage = facing(yaw_deg)
        right, up, away = card_from_stage
        middle = away + (lens.horizon - 0.5) * upwards * up
        eye_m = np.array([0.0, 0.0, lens.eye_height_m])
        distance_m = 1.0 / max(float(np.median(back.inverse)), 0.999 / FURTHEST_M)
        self._card = Card(card_from_stage, eye_m + distance_m * middle, distance_m * across, distance_m * upwards)
        self._rays = {"eye_m": eye_m, "ray_origin": middle, "ray_right": across * right, "ray_up": upwards * up}

    @staticmethod
    def check(settings: LayersSettings) -> list[tuple[str, str]]:
        """What is wrong with the file, as far as its ``plate.json`` shows: (key, sentence) pairs."""
        try:
            inspect_layers(settings.file)
        except UserError as error:
            return [("file", sentence) for sentence in str(error).splitlines()]
        return []

    def upload(self, gpu: Gpu) -> bool:
        if self._going_up:
            if not self._going_up[0].upload(gpu):
                self._going_up.pop(0)
            return True
        self._card.upload(gpu)
        warm(self, gpu)
        return False

    def draw(self, target: Target, view: View) -> None:
        target.wipe()  # the z-buffer
        self._card.draw(target, view, self._meshes[0].texture, self._gain)
        values = {"clip_from_stage": view.clip_from_stage, "gain": self._gain, **self._rays}
        for number, mesh in enumerate(self._meshes):
            if number:
                target.clear_marks()  # the file's order is what is before what
            mesh.draw(target, values)

    def release(self) -> None:
        for mesh in self._meshes:
            mesh.release()
