"""A green-screen stage that is not there, as its tracked camera photographs it: picture, exact alpha, foreground.

All is scene-linear ACEScg. Offline: a picture of 640 x 360 takes some 0.2 s on software OpenGL.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh
from vpengine.gpu.target import Texture
from vpengine.gpu.transfer import download, write
from vpengine.sim import green_actor
from vpengine.sim.green_set import Lighting, build_set, markers_of
from vpengine.sim.lamps import Lamps
from vpengine.sim.light_transport import Shadows
from vpengine.sim.stand_in import StandIn
from vpengine.stage.screens import ScreenSettings
from vpengine.view.camera import camera_view
from vpengine.view.distortion import Distortion, moves, overscan_needed
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.view import View

Layer = Literal["picture", "foreground", "screen"]

SET_BLOCK = UniformBlock("SimGreenSet", clip_from_stage="mat4")
ACTOR_BLOCK = UniformBlock(
    "SimGreenActor",
    clip_from_stage="mat4",
    pivot_m="vec3",
    turn_rad="float",
    eye_m="vec3",
    head_turn_rad="float",
    key_towards="vec3",
    nod_rad="float",
    key_color="vec3",
    breath="float",
    screen_towards="vec3",
    spill_share="float",
    screen_light="vec3",
    gloss="float",
    lean_m="vec2",
)
RESOLVE_BLOCK = UniformBlock("SimGreenResolve", picture_size="vec2", narrower="float", weight="float")

PER_SIDE = 3  # places in a pixel, across and down, at each moment of the shutter
GLOSS, HAIR_GLOSS = 0.045, 0.10
FEWEST, MOST = 4, 16  # moments that an open shutter is drawn at
STEP_PX = 3.0  # that the picture may move from one to the next
SUBJECT_M = 2.5  # how far what is looked at may be, for that
NODE_PX = 4  # between the nodes of the lens's grid
SPARE_PERCENT = 0.3  # of overscan, so that a place on the edge is between texels


@dataclass(frozen=True)
class Moment:
    """Where the camera's sensor is at a time, in stage space."""

    pose: Pose
    time_s: float


def shutter(at: Callable[[float], Pose], lens: Lens, width_px: int, time_s: float, open_s: float) -> list[Moment]:
    """The moments of a shutter that is open about ``time_s``, more of them the faster the camera moves."""
    begin, end = at(time_s - 0.5 * open_s), at(time_s + 0.5 * open_s)
    count = int(np.clip(math.ceil(_moved_px(begin, end, lens, width_px) / STEP_PX), FEWEST, MOST))
    times = time_s + open_s * ((np.arange(count) + 0.5) / count - 0.5)
    return [Moment(at(float(t)), float(t)) for t in times]


def _moved_px(begin: Pose, end: Pose, lens: Lens, width_px: int) -> float:
    """About how far the middle of the picture moves."""
    turn = 2.0 * math.acos(min(abs(float(np.dot(begin.rotation, end.rotation))), 1.0))
    slide = float(np.linalg.norm(np.subtract(end.position_m, begin.position_m))) / SUBJECT_M
    return (turn + slide) * lens.pinhole_focal_length_mm / lens.sensor_mm[0] * width_px


class GreenStage:
    """Owns meshes and targets. ``draw`` any layer of any picture, in any order: nothing is kept between them."""

    def __init__(
        self,
        gpu: Gpu,
        screens: Sequence[ScreenSettings],
        stand_in: StandIn,
        lamps: Lamps,
        lens: Lens,
        size: tuple[int, int],
        seed: int = 1,
    ) -> None:
        """screens: at least one. stand_in: its figure alone stands there. About five seconds of work on one core."""
        self.lens, self.size, self.seed = lens, size, seed
        self.stand_in = green_actor.alone(stand_in)
        self.markers = markers_of(screens, stand_in.mark_m)
        self._gpu, self._lamps = gpu, lamps
        has_actor = stand_in.figure_m is not None
        actors, occluder = green_actor.shadows_of(stand_in) if has_actor else (None, None)
        shadows = Shadows(occluder) if occluder else None
        lighting = Lighting(screens, lamps, stand_in.mark_m, shadows, seed)
        painted = build_set(screens, lighting, self.markers)
        positions_m = painted.mesh.positions_m.astype(np.float32)
        self._set = gpu.mesh({"position_m": positions_m, "color": painted.color}, painted.mesh.triangles)
        self._screen_towards, self._screen_light = green_actor.screen_behind(lighting)
        self._actor: list[tuple[Any, Mesh, float]] = []  # how each is drawn, and how it shines
        if actors is not None and occluder is not None:
            figure = green_actor.lit_figure(actors, occluder, lighting)
            self._add(figure, None, GLOSS)
            strands = green_actor.loose_hair(figure, self.stand_in, seed)
            self._add(strands.lit, strands.side_m, HAIR_GLOSS)
        self._set_pass = gpu.mesh_pass("sim_green_set", "sim_green_set", SET_BLOCK)
        self._make_targets()

    def _add(self, lit: green_actor.Lit, side_m: green_actor.Floats | None, gloss: float) -> None:
        defines = {"STRANDS": "1"} if side_m is not None else None
        drawn = self._gpu.mesh_pass("sim_green_actor", "sim_green_actor", ACTOR_BLOCK, defines)
        self._actor.append((drawn, self._gpu.mesh(green_actor.attributes(lit, side_m), lit.triangles), gloss))

    def _make_targets(self) -> None:
        bends = self.lens.distortion is not None and not (
            isinstance(self.lens.distortion, Distortion) and self.lens.distortion.is_none
        )
        self.overscan_percent = overscan_needed(self.lens.distortion, self.lens) + SPARE_PERCENT if bends else 0.0
        wider = 1.0 + self.overscan_percent / 50.0
        fine = tuple(math.ceil(PER_SIDE * side * wider) for side in self.size)
        gpu, defines = self._gpu, {"PER_SIDE": str(PER_SIDE), **({"BENDS": "1"} if bends else {})}
        self._scene = gpu.target((fine[0], fine[1]), z_buffer=True)
        self._sums = [gpu.target(self.size, dtype="f4") for _ in range(2)]
        self._resolve = gpu.pass_("sim_green_resolve", RESOLVE_BLOCK, defines)
        self._moves = _grid(gpu, self.lens, self.size)

    def draw(self, layer: Layer, moments: Sequence[Moment]) -> NDArray[np.float32]:
        """(height, width, 4), row 0 at the top: the mean over an open shutter.

        picture: all that the camera sees; foreground: the actor before nothing, premultiplied, without the screen's
        spill; screen: what is behind the actor. alpha: how much of a pixel actor and hair cover; of the screen 0.
        """
        self._sums[0].wipe()
        for number, moment in enumerate(moments):
            self._draw_moment(layer, moment, number)
            before, after = self._sums[number % 2], self._sums[(number + 1) % 2]
            textures = {"drawn": self._scene.color, "before": before.color, "lens_moves": self._moves}
            narrower = 1.0 / (1.0 + self.overscan_percent / 50.0)
            self._resolve.draw(after, textures, picture_size=self.size, narrower=narrower, weight=1.0 / len(moments))
        self._gpu.finish()
        return np.ascontiguousarray(download(self._sums[len(moments) % 2].color), np.float32)

    def _draw_moment(self, layer: Layer, moment: Moment, number: int) -> None:
        view = _between_samples(camera_view(moment.pose, self.lens, self._scene.size, self.overscan_percent), number)
        self._scene.wipe()
        if layer != "foreground":
            self._set_pass.draw_mesh(self._scene, self._set, clip_from_stage=view.clip_from_stage)
        if layer != "screen" and self._actor:
            self._draw_actor(view, moment.time_s, 1.0 if layer == "picture" else 0.0)

    def _draw_actor(self, view: View, time_s: float, spill_share: float) -> None:
        stands = green_actor.uniforms(green_actor.posture(time_s, self.seed), self.stand_in)
        key = self._lamps.key
        for drawn, mesh, gloss in self._actor:
            drawn.draw_mesh(
                self._scene,
                mesh,
                clip_from_stage=view.clip_from_stage,
                eye_m=view.origin_m,
                key_towards=key.towards,
                key_color=key.color * key.lit,
                screen_towards=self._screen_towards,
                screen_light=self._screen_light,
                spill_share=spill_share,
                gloss=gloss,
                **stands,
            )

    def release(self) -> None:
        for _, mesh, _ in self._actor:
            mesh.release()
        for part in (self._set, self._scene, *self._sums, self._moves):
            part.release()


def _between_samples(view: View, number: int) -> View:
    """Another place between the samples of a pixel at each moment, so that what is thin is met as often as it is wide;
    of four moments in turn the mean is where it should be.
    """
    aside = (np.array([[-0.375, -0.125], [0.125, -0.375], [0.375, 0.125], [-0.125, 0.375]])[number % 4]) * 2.0
    clip = view.clip_from_view.copy()
    for row in range(2):
        clip[row] += aside[row] / view.resolution[row] * clip[3]
    return replace(view, clip_from_view=clip)


def _grid(gpu: Gpu, lens: Lens, size: tuple[int, int]) -> Texture:
    """How far the lens moves each node, in shares of the picture, y up."""
    across, down = (np.linspace(0.0, 1.0, max(side // NODE_PX, 2) + 1) for side in size)
    moved = moves(lens.distortion, lens, np.stack(np.meshgrid(across, down), axis=-1)) * (1.0, -1.0)
    texture = gpu.texture((len(across), len(down)), 2, "f4", nearest=True)
    write(texture, moved.astype(np.float32))
    return texture
