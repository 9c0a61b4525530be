"""What requests are asked from: the plate at a request's View, with its noise, drawn and brought down."""

from __future__ import annotations

import numpy as np

from vpengine.compose.drawable import Drawable
from vpengine.frames.images import ImageSet, Room
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.readback import ReadBack
from vpengine.gpu.target import Target
from vpengine.view.view import View, stage_ray_from_ndc

BLOCK = UniformBlock("Request", stage_ray_from_ndc="mat3", origin_m="vec3", pixel_m="float", seed="int")


class _Film:
    """Owns the targets that requests of one resolution are drawn into, and what brings their pixels down."""

    def __init__(self, gpu: Gpu, resolution: tuple[int, int]) -> None:
        self.resolution = resolution
        self.plate = Target(gpu.context, resolution, depth=True)
        self.marked = Target(gpu.context, resolution)  # the plate's colour, with its noise
        self.color_down = ReadBack(gpu, resolution, ring=1)
        self.depth_down = ReadBack(gpu, resolution, "f4", 1, ring=1)

    def forget(self) -> None:
        for down in (self.color_down, self.depth_down):
            down.forget()

    def release(self) -> None:
        for owned in (self.color_down, self.depth_down, self.plate, self.marked):
            owned.release()


class RequestCamera:
    """Draws what requests are asked from, each in the resolution of its View, and brings it down."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._pass = gpu.pass_("request", BLOCK)
        self._films: dict[tuple[int, int], _Film] = {}  # a governor and a surround want a few, over and over
        self._drawn: _Film | None = None

    def take(self, plate: Drawable, location: str, view: View, seed: int) -> ImageSet:
        """Draw and bring down at once."""
        self.draw(plate, view, seed)
        return self.bring_down(location, view)

    def draw(self, plate: Drawable, view: View, seed: int) -> None:
        """The first half: the plate at the request's View, and its noise; what was drawn before is given up."""
        if self._drawn is not None:
            self._drawn.forget()
        film = self._drawn = self._film(view.resolution)
        plate.draw(film.plate, view)
        color, depth = film.plate.color, film.plate.depth
        assert depth is not None
        self._pass.draw(
            film.marked,
            {"plate_color": color, "plate_depth": depth},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            origin_m=view.origin_m,
            pixel_m=2.0 / (view.clip_from_view[0, 0] * view.resolution[0]),
            seed=seed,
        )
        film.color_down.begin(film.marked.color)
        film.depth_down.begin(depth)

    def _film(self, resolution: tuple[int, int]) -> _Film:
        if resolution not in self._films:
            self._films[resolution] = _Film(self._gpu, resolution)
        return self._films[resolution]

    def ready(self) -> bool:
        """Whether ``bring_down`` would not wait."""
        return self._drawn is not None and self._drawn.color_down.ready() and self._drawn.depth_down.ready()

    def bring_down(self, location: str, view: View, room: Room | None = None) -> ImageSet:
        """The second half: what was drawn last, on the CPU. Waits for the GPU where it is not ``ready``.

        room: where to, bottom up and with as many pixels at least; memory of its own by default.
        Raises ValueError where nothing was drawn.
        """
        if self._drawn is None:
            raise ValueError("nothing was drawn")
        film, self._drawn = self._drawn, None
        room = room.sized(film.resolution) if room is not None else _own_room(film.resolution)
        film.color_down.take_rows(room.color_noise.stored)
        film.depth_down.take_rows(room.depth.stored)
        return ImageSet(room.color_noise, room.depth, view, Provenance(source=f"plate:{location}"))

    def release(self) -> None:
        for film in self._films.values():
            film.release()


def _own_room(resolution: tuple[int, int]) -> Room:
    width, height = resolution
    color_noise, depth = np.empty((height, width, 4), np.float16), np.empty((height, width, 1), np.float32)
    return Room(Pixels(color_noise, bottom_up=True), Pixels(depth, bottom_up=True))
