"""Falling snow and rain over pictures of the world: among it by its depth, and in its light."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from vpengine.compose.fall import Fall, Thinned, thinned
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
GATHER_BLOCK = UniformBlock("FallGather", gain="float", from_all_round="float", brightest="float", glint="float")
SPRITE_BLOCK = UniformBlock("Fall", size_px="vec2")

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


class _OuterFall:
    """A wall's outer picture: behind the veil, and in what light each kind is, as long as ``of`` is the same; and what
    is shown, with what falls, as long as ``shown`` is.
    """

    def __init__(self, gpu: Gpu, size: tuple[int, int]) -> None:
        self.target, self.veiled = Target(gpu.context, size), Target(gpu.context, size)
        self.gathered = {drawn: Target(gpu.context, LIGHTS) for drawn in (FLAKES, DROPS)}
        self.of: object = None
        self.shown: object = None
        self.count = 0  # of particles in it

    def release(self) -> None:
        for target in (self.target, self.veiled, *self.gathered.values()):
            target.release()


class Falling:
    """Owns the walls' outer pictures in which something falls: they last, for on lower rungs some frames draw none; and
    how many particles each eye has, which follows the rung slowly, so that none is there or gone at once.
    """

    def __init__(self, gpu: Gpu, walls: Walls) -> None:
        self._gpu, self._walls = gpu, walls
        self._local = Target(gpu.context, LIGHTS, colors=2)  # every picture's in turn: read before the next is drawn
        self._whole = Target(gpu.context, (1, 1), colors=2)
        self._light = gpu.pass_("fall_light", LIGHT_BLOCK, {"LOOKS": str(LOOKS)})
        self._veils = {way: gpu.pass_("fall_veil", VEIL_BLOCK, {"DEPTH": way}) for way in "ra"}
        self._sprites = {way: gpu.sprite_pass("fall", ATTRIBUTES, SPRITE_BLOCK, {"DEPTH": way}) for way in "ra"}
        self._gathered = gpu.pass_("fall_gathered", GATHER_BLOCK)
        self._outer: dict[str, _OuterFall] = {}
        self._thinned: dict[str, Thinned] = {}  # by what is written

    def draw(self, job: DrawFall, pictures: Pictures) -> Picture:
        """What falls, over an eye's world."""
        assert job.writes is not None
        now = thinned(self._thinned.get(job.writes), job.kept, job.fall.time_s)
        self._thinned[job.writes] = now
        return self._over(pictures[job.reads[0]], job.fall, now.kept, pictures.lend)

    def _over(self, world: Picture, fall: Fall, kept: float, lend: Lend) -> Picture:
        assert world.depth is not None
        target = lend(TargetSpec(world.view.resolution))
        scene = _Scene(world.color, world.depth, "r")
        find = functools.partial(view_rows, view=world.view, time_s=fall.time_s, open_s=fall.shutter_s)
        gathered = {drawn: lend(TargetSpec(LIGHTS)) for _, drawn, _ in _falling(fall)}
        self._veil(target, scene, fall, gathered)
        self._draw(target, scene, fall.thinner(kept), find, gathered)
        return Picture(target.color, world.depth, world.view, world.provenance)

    def draw_on_wall(self, job: DrawWallFall, pictures: Pictures) -> Target:
        """The same, over a wall's outer picture."""
        assert job.writes is not None
        now = (job.turn, job.shares)
        outer = self._outer.get(job.wall)
        if outer is None or job.writes not in pictures.before or outer.shown != now:
            outer = self._draw_outer(job.wall, job.shares, job.fall, pictures.lend)
            outer.shown = now
        return outer.target

    def _draw_outer(self, wall: str, shares: Shares, fall: Fall, lend: Lend) -> _OuterFall:
        color, distance = self._walls.outer_of(wall, shares, lend)
        size = (distance.size[0], distance.size[1])
        if wall not in self._outer:
            self._outer[wall] = _OuterFall(self._gpu, size)
        outer, scene = self._outer[wall], _Scene(color, distance, "a")
        find = functools.partial(
            wall_rows,
            geometry=self._walls.geometries[wall],
            eye_m=np.asarray(self._walls.eye_m, float),
            size=size,
            time_s=fall.time_s,
            open_s=fall.shutter_s,
        )
        outer.shown, before = None, outer.count  # where it fails, it is drawn again
        veiled = self._veil_outer(outer, scene, fall, (shares, self._walls.times_moved(wall)))
        outer.target.copy(outer.veiled)
        outer.count = self._draw(outer.target, scene, fall, find, outer.gathered)
        if veiled or before or outer.count:
            self._walls.redraw(wall)
        return outer

    def _veil_outer(self, outer: _OuterFall, scene: _Scene, fall: Fall, of: tuple[object, ...]) -> bool:
        """False: it is as it was."""
        of = (*of, _extinction(fall))
        if outer.of == of:
            return False
        outer.of = None
        self._veil(outer.veiled, scene, fall, outer.gathered)
        outer.of = of
        return True

    def _veil(self, target: Target, scene: _Scene, fall: Fall, gathered: Mapping[Substance, Target]) -> None:
        """The picture behind its veil; and in what light each kind is, at places of it."""
        lights = self._lights(scene.color)
        around = {"picture": scene.color, "depth": scene.depth, "local_light": lights["local_light"]}
        self._veils[scene.channel].draw(target, around, extinction=_extinction(fall), clear_m=CLEAR_M)
        for drawn, light in gathered.items():
            self._gathered.draw(
                light,
                lights,
                gain=drawn.reflects,
                from_all_round=drawn.from_all_round,
                brightest=drawn.brightest,
                glint=drawn.glint,
            )

    def _draw(
        self, target: Target, scene: _Scene, fall: Fall, find: FindRows, gathered: Mapping[Substance, Target]
    ) -> int:
        """How many particles it has drawn."""
        count = 0
        for kind, drawn, weather in _falling(fall):
            rows, textures = find(kind, drawn, weather), {"depth": scene.depth, "gathered_light": gathered[drawn].color}
            self._sprites[scene.channel].draw_sprites(target, rows, textures, size_px=target.size)
            count += len(rows)
        return count

    def _lights(self, color: Texture) -> dict[str, Bound]:
        """The light of places of a picture, and of all of it."""
        local, whole = self._local, self._whole
        cell = (1.0 / LIGHTS[0], 1.0 / LIGHTS[1])
        self._light.draw(local, {"mean_of": color, "bright_of": color}, cell=cell, is_picture=1.0)
        means: dict[str, Bound] = {"mean_of": local.colors[0], "bright_of": local.colors[1]}
        self._light.draw(whole, means, cell=(1.0, 1.0), is_picture=0.0)
        of_all: dict[str, Bound] = {"mean_light": whole.colors[0], "bright_light": whole.colors[1]}
        return {"local_light": local.colors[0], "local_bright": local.colors[1], **of_all}

    def warm(self, world: Picture, shares: Shares, lend: Lend) -> None:
        """Draw every pass once, before the first frame; ``world`` has a depth."""
        fall = Fall(Weather(1.0), Weather(1.0), 0.0, 0.02)
        lend_once = functools.cache(lend)
        self._over(world, fall, 1.0, lend_once)
        for wall in self._walls.geometries:
            self._draw_outer(wall, shares, fall, lend_once)

    def release(self) -> None:
        for target in (self._local, self._whole):
            target.release()
        for outer in self._outer.values():
            outer.release()


def _falling(fall: Fall) -> list[tuple[Precipitation, Substance, Weather]]:
    """What there is of each kind."""
    kinds = ((SNOW, FLAKES, fall.snow), (RAIN, DROPS, fall.rain))
    return [each for each in kinds if each[2].amount > 0.0]


def _extinction(fall: Fall) -> float:
    return sum(drawn.extinction * weather.amount for _, drawn, weather in _falling(fall))
