"""A room with a floor, a pillar and sky: plates and keyframes of it, and a neural layer with a target of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from vpengine.compose.neural import NeuralLayer
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, write
from vpengine.view.camera import camera_view
from vpengine.view.color import acescct_from_linear
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.view import View, pixel_centres, rays

LENS = Lens((24.89, 14.0), 24.0)
SNOW = Look("test", (("snow", 0.5),))
KEY_SIZE, SIZE = (96, 54), (160, 90)


def room(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Colour and depth of a floor, a pillar and sky, by ray casting: (height, width, 3) and (height, width)."""
    ray = rays(view, pixel_centres(view.resolution))
    _, y, z = view.origin_m
    with np.errstate(divide="ignore", invalid="ignore"):
        floor_m = np.where(ray[..., 2] < -1e-4, -z / ray[..., 2], np.inf)
        pillar_m = np.where(ray[..., 1] > 1e-4, (4.0 - y) / ray[..., 1], np.inf)
        at = view.origin_m + ray * np.where(np.isfinite(pillar_m), pillar_m, 0.0)[..., None]
    pillar_m = np.where((np.abs(at[..., 0] - 0.3) < 0.4) & (at[..., 2] < 2.5), pillar_m, np.inf)
    depth_m = np.minimum(np.where(floor_m < 60.0, floor_m, np.inf), pillar_m)
    sky = np.isinf(depth_m)
    point = view.origin_m + ray * np.where(sky, 0.0, depth_m)[..., None]
    color = 0.3 + 0.2 * np.stack([np.sin(point[..., axis] * 1.7) for axis in range(3)], axis=-1)
    return np.where(sky[..., None], [0.6, 0.8, 1.2], color), depth_m


def look_of(color_cct: np.ndarray, depth_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A smooth change that depends on colour and depth: gain and bias."""
    near = np.where(np.isinf(depth_m), 0.0, 1.0 / (1.0 + depth_m))[..., None]
    return 0.6 + 0.3 * near + 0.0 * color_cct, 0.1 + 0.05 * color_cct * near


def keyframe(
    number: int, pose: Pose, grade: Grade | None = None, look: Look = SNOW, size: tuple[int, int] = KEY_SIZE
) -> Keyframe:
    view = camera_view(pose, LENS, size, 15.0)
    color, depth_m = room(view)
    gain, bias = look_of(acescct_from_linear(color), depth_m)
    plate = ImageSet.of(
        color.astype(np.float16),
        depth_m.astype(np.float32),
        np.zeros(depth_m.shape, np.float16),
        view,
        Provenance("plate:room"),
    )
    request = Request(number, 0, "room", plate, look, 0.0)
    return Keyframe(
        request,
        Pixels(gain.astype(np.float16)),
        Pixels(bias.astype(np.float16)),
        grade or neutral_grade(),
        Provenance("test", request_number=number),
        Timings(0.0, 0.0, 0.0),
    )


def plate_picture(gpu: Gpu, pose: Pose) -> Picture:
    view = camera_view(pose, LENS, SIZE, 5.0)
    color, depth_m = room(view)
    target = Target(gpu.context, SIZE, depth=True)
    write(target.color, color.astype(np.float16))
    write(target.depth, depth_m.astype(np.float32)[..., None])
    return Picture(target.color, target.depth, view, Provenance("plate:room"))


def pixels(picture: Picture) -> np.ndarray:
    return download(picture.color)[..., :3].astype(np.float32)


class Layer(NeuralLayer):
    """With a target of its own."""

    def __init__(
        self, gpu: Gpu, resolution: tuple[int, int], size: tuple[int, int], keyframes: int = 4, **surround: Any
    ) -> None:
        super().__init__(gpu, resolution, keyframes, **surround)
        self.target = Target(gpu.context, size, z_buffer=True)

    def show(self, plate: Picture, time_s: float, amount: float) -> Picture:
        return self.draw(self.target, plate, time_s, amount)

    def show_stale(self, plate: Picture, spanned: tuple[float, float]) -> Picture:
        return self.draw_stale(self.target, plate, spanned)
