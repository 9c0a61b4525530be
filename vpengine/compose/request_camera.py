"""What requests are asked from: the plate at a request's View, with its noise, drawn and brought down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vpengine.compose.drawable import Drawable, draw_placed
from vpengine.frames.images import ImageSet, Room
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.readback import ReadBack
from vpengine.gpu.target import Target
from vpengine.view.view import View, in_plate, stage_ray_from_ndc

# Draws what is on the walls already at a plate's View into a target of its size; None where nothing generated is there.
DrawCurrent = Callable[[Picture, Target], Picture | None]
BLOCK = UniformBlock("Request", stage_ray_from_ndc="mat3", origin_m="vec3", pixel_m="float", seed="int")


class _Film:
    """Owns the targets that requests of one resolution are drawn into, and what brings their pixels down."""

    def __init__(self, gpu: Gpu, resolution: tuple[int, int], current: bool) -> None:
        self.resolution = resolution
        self.plate = Target(gpu.context, resolution, depth=True)
        self.marked = Target(gpu.context, resolution)  # the plate's colour, with its noise
        self.color_down = ReadBack(gpu, resolution, ring=1)
        self.depth_down = ReadBack(gpu, resolution, "f4", 1, ring=1)
        self.current = Target(gpu.context, resolution, z_buffer=True) if current else None
        self.current_down = ReadBack(gpu, resolution, ring=1) if current else None
        self.continues = False  # there is something generated in ``current``
        self.flat = False  # what was drawn last is a card

    @property
    def downs(self) -> list[ReadBack]:
        """What is to be brought down of what was drawn."""
        shown = [self.current_down] if self.current_down is not None and self.continues else []
        return [self.color_down, self.depth_down, *shown]

    def forget(self) -> None:
        for down in self.downs:
            down.forget()
        self.continues = False

    def release(self) -> None:
        owned = (self.color_down, self.depth_down, self.current_down, self.plate, self.marked, self.current)
        for each in owned:
            if each is not None:
                each.release()


class RequestCamera:
    """Draws what requests are asked from, each in the resolution of its View, and brings it down.

    current: also what is on the walls already, where ``draw`` is told how that is drawn.
    """

    def __init__(self, gpu: Gpu, current: bool = False) -> None:
        self._gpu = gpu
        self._current = current
        self._pass = gpu.pass_("request", BLOCK)
        self._films: dict[tuple[int, int], _Film] = {}  # a governor and a surround want a few, over and over
        self._drawn: _Film | None = None

    def take(self, plate: Drawable, location: str, view: View, seed: int) -> ImageSet:
        """Draw and bring down at once."""
        self.draw(plate, view, seed)
        return self.bring_down(location, view)

    def draw(self, plate: Drawable, view: View, seed: int, current: DrawCurrent | None = None) -> None:
        """The first half: the plate at the request's View, and its noise; what was drawn before is given up."""
        if self._drawn is not None:
            self._drawn.forget()
        film = self._drawn = self._film(view.resolution)
        draw_placed(plate, film.plate, view)
        film.flat = getattr(plate, "flat", False)
        placed = in_plate(view)  # where the noise stays on what it is on
        color, depth = film.plate.color, film.plate.depth
        assert depth is not None
        self._pass.draw(
            film.marked,
            {"plate_color": color, "plate_depth": depth},
            stage_ray_from_ndc=stage_ray_from_ndc(placed),
            origin_m=placed.origin_m,
            pixel_m=2.0 / (view.clip_from_view[0, 0] * view.resolution[0] * placed.scale),
            seed=seed,
        )
        film.color_down.begin(film.marked.color)
        film.depth_down.begin(depth)
        if current is not None and film.current is not None and film.current_down is not None:
            shown = current(Picture(color, depth, view, Provenance("request")), film.current)
            film.continues = shown is not None
            if shown is not None:
                film.current_down.begin(shown.color)

    def _film(self, resolution: tuple[int, int]) -> _Film:
        if resolution not in self._films:
            self._films[resolution] = _Film(self._gpu, resolution, self._current)
        return self._films[resolution]

    def ready(self) -> bool:
        """Whether ``bring_down`` would not wait."""
        return self._drawn is not None and all(down.ready() for down in self._drawn.downs)

    def bring_down(self, location: str, view: View, room: Room | None = None) -> ImageSet:
        """The second half: what was drawn last, on the CPU. Waits for the GPU where it is not ``ready``.

        room: where to, bottom up and with as many pixels at least; memory of its own by default.
        Raises ValueError where nothing was drawn.
        """
        if self._drawn is None:
            raise ValueError("nothing was drawn")
        film, self._drawn = self._drawn, None
        room = room.sized(film.resolution) if room is not None else _own_room(film.resolution, self._current)
        film.color_down.take_rows(room.color_noise)
        film.depth_down.take_rows(room.depth)
        current = room.current if film.continues else None
        if film.current_down is not None and film.continues:
            if current is not None:
                film.current_down.take_rows(current)
            else:  # who is asked now does not go on from it
                film.current_down.forget()
        film.continues = False
        source = Provenance(source=f"plate:{location}")
        return ImageSet(room.color_noise, room.depth, view, source, current, film.flat)

    def release(self) -> None:
        for film in self._films.values():
            film.release()


def _own_room(resolution: tuple[int, int], current: bool) -> Room:
    width, height = resolution
    color_noise, depth = np.empty((height, width, 4), np.float16), np.empty((height, width, 1), np.float32)
    shown = Pixels(np.empty((height, width, 4), np.float16), bottom_up=True) if current else None
    return Room(Pixels(color_noise, bottom_up=True), Pixels(depth, bottom_up=True), shown)
