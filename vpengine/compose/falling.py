"""Falling snow and rain over pictures of the world: among it by its depth, and in its light."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vpengine.compose.fall import Fall
from vpengine.compose.fall_sprites import ATTRIBUTES, DROPS, FLAKES, Rows, Substance, view_rows, wall_rows
from vpengine.compose.jobs import DrawFall, DrawWallFall, Shares
from vpengine.compose.mixer import Lend
from vpengine.compose.walls import Walls
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.executor import Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Bound
from vpengine.gpu.picture import Picture
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture
from vpengine.view.precipitation import RAIN, SNOW, Precipitation, Weather

LIGHT_BLOCK = UniformBlock("FallLight", cell="vec2", is_picture="float")
VEIL_BLOCK = UniformBlock("FallVeil", extinction="float", clear_m="float")
SPRITE_BLOCK = UniformBlock("Fall", size_px="vec2", gain="float", from_all_round="float", brightest="float")

LIGHTS = (16, 9)  # places of a picture whose light is looked at
LOOKS = 8  # a side, at each of them
CLEAR_M = 8.0  # as far particles are seen one by one

FindRows = Callable[[Precipitation, Substance, Weather], Rows]


@dataclass(frozen=True, eq=False)
class _Scene:
    """What something falls over. depth: a texture, and which of its channels says how far the world is."""

    color: Texture
    depth: Texture
    channel: str


class Falling:
    """Owns the walls' outer pictures in which something falls: they last, for on lower rungs some frames draw none."""

    def __init__(self, gpu: Gpu, walls: Walls) -> None:
        self._walls = walls
        self._light = gpu.pass_("fall_light", LIGHT_BLOCK, {"LOOKS": str(LOOKS)})
        self._veils = {way: gpu.pass_("fall_veil", VEIL_BLOCK, {"DEPTH": way}) for way in "ra"}
        self._sprites = {way: gpu.sprite_pass("fall", ATTRIBUTES, SPRITE_BLOCK, {"DEPTH": way}) for way in "ra"}
        self._context = gpu.context
        self._outer: dict[str, Target] = {}
        self._drawn: dict[str, tuple[int, Shares]] = {}  # by wall: at which turn, over what

    def draw(self, job: DrawFall, pictures: Pictures) -> Picture:
        """What falls, over an eye's world."""
        return self._over(pictures[job.reads[0]], job.fall, pictures.lend)

    def _over(self, world: Picture, fall: Fall, lend: Lend) -> Picture:
        assert world.depth is not None
        target = lend(TargetSpec(world.view.resolution))
        scene = _Scene(world.color, world.depth, "r")
        find = functools.partial(view_rows, view=world.view, time_s=fall.time_s, open_s=fall.shutter_s)
        self._draw(target, scene, fall, find, lend)
        return Picture(target.color, world.depth, world.view, world.provenance)

    def draw_on_wall(self, job: DrawWallFall, pictures: Pictures) -> Target:
        """The same, over a wall's outer picture."""
        assert job.writes is not None
        now = (job.turn, job.shares)
        if job.writes not in pictures.before or self._drawn.get(job.wall) != now:
            self._drawn.pop(job.wall, None)  # where it fails, it is drawn again
            self._draw_outer(job.wall, job.shares, job.fall, pictures.lend)
            self._drawn[job.wall] = now
        return self._outer[job.wall]

    def _draw_outer(self, wall: str, shares: Shares, fall: Fall, lend: Lend) -> None:
        color, distance = self._walls.outer_of(wall, shares, lend)
        size = (distance.size[0], distance.size[1])
        if wall not in self._outer:
            self._outer[wall] = Target(self._context, size)
        find = functools.partial(
            wall_rows,
            geometry=self._walls.geometries[wall],
            eye_m=np.asarray(self._walls.eye_m, float),
            size=size,
            time_s=fall.time_s,
            open_s=fall.shutter_s,
        )
        self._draw(self._outer[wall], _Scene(color, distance, "a"), fall, find, lend)
        self._walls.redraw(wall)

    def _draw(self, target: Target, scene: _Scene, fall: Fall, find: FindRows, lend: Lend) -> None:
        lights = self._lights(scene.color, lend)
        around: dict[str, Bound] = {"depth": scene.depth, "local_light": lights["local_light"]}
        extinction = sum(drawn.extinction * weather.amount for _, drawn, weather in _falling(fall))
        self._veils[scene.channel].draw(
            target, {**around, "picture": scene.color}, extinction=extinction, clear_m=CLEAR_M
        )
        for kind, drawn, weather in _falling(fall):
            self._sprites[scene.channel].draw_sprites(
                target,
                find(kind, drawn, weather),
                {**around, **lights},
                size_px=target.size,
                gain=drawn.reflects,
                from_all_round=drawn.from_all_round,
                brightest=drawn.brightest,
            )

    def _lights(self, color: Texture, lend: Lend) -> dict[str, Bound]:
        """The light of places of a picture, and of all of it."""
        local, whole = lend(TargetSpec(LIGHTS, colors=2)), lend(TargetSpec((1, 1), colors=2))
        cell = (1.0 / LIGHTS[0], 1.0 / LIGHTS[1])
        self._light.draw(local, {"mean_of": color, "bright_of": color}, cell=cell, is_picture=1.0)
        means: dict[str, Bound] = {"mean_of": local.colors[0], "bright_of": local.colors[1]}
        self._light.draw(whole, means, cell=(1.0, 1.0), is_picture=0.0)
        return {"local_light": local.color, "mean_light": whole.colors[0], "bright_light": whole.colors[1]}

    def warm(self, world: Picture, shares: Shares, lend: Lend) -> None:
        """Draw every pass once, before the first frame; ``world`` has a depth."""
        fall = Fall(Weather(1.0), Weather(1.0), 0.0, 0.02)
        lend_once = functools.cache(lend)
        self._over(world, fall, lend_once)
        for wall in self._walls.geometries:
            self._draw_outer(wall, shares, fall, lend_once)

    def release(self) -> None:
        for target in self._outer.values():
            target.release()


def _falling(fall: Fall) -> list[tuple[Precipitation, Substance, Weather]]:
    """What there is of each kind."""
    kinds = ((SNOW, FLAKES, fall.snow), (RAIN, DROPS, fall.rain))
    return [each for each in kinds if each[2].amount > 0.0]
