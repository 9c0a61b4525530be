"""The feeds of a stage that is not there: what a camera on it would photograph, and how it looks from above."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vpengine.frames.feed import Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.job import DECORATION, Job
from vpengine.gpu.target import Target
from vpengine.sim.camera import SimCamera
from vpengine.sim.lamps import Lamps, lamps_of
from vpengine.sim.light import Panel, StageLight
from vpengine.sim.light_draw import Probe, probe_of
from vpengine.sim.stage_view import StageView, from_behind
from vpengine.sim.stand_in import StandIn
from vpengine.stage.camera import CameraSettings
from vpengine.stage.walls import WallGeometry
from vpengine.view.camera import camera_view
from vpengine.view.view import View

EXPOSURE_STOPS = 0.6  # for the walls; the actor has lamps for it
STAGE_LIGHT, REFLECTION = "stage light", "reflection"  # keys of what Shine and Reflect make


@dataclass(frozen=True, kw_only=True)
class Shine(Job):
    """The walls' light, which it reads, and the lamps' on the stage. walls: their ids, in the order of ``reads``."""

    walls: tuple[str, ...]
    lamps: Lamps


@dataclass(frozen=True, kw_only=True)
class Reflect(Job):
    """What chrome shows of the lit stage."""


@dataclass(frozen=True, kw_only=True)
class Photograph(Job):
    """What a camera at ``view`` sees of the lit stage. number: the frame's, on which its grain depends."""

    view: View
    number: int


@dataclass(frozen=True, kw_only=True)
class DrawStage(Job):
    """The stage from above with its camera, which looks along ``camera``."""

    camera: View


class StageSim:
    """Owns the simulated stage, which is built when a feed of it is first drawn: that takes two seconds.

    light_keys: under which picture each wall's light is found, by wall. samples_per_side: of a pixel.
    """

    def __init__(
        self,
        gpu: Gpu,
        walls: Sequence[WallGeometry],
        panels: Mapping[str, Panel],
        cameras: Sequence[CameraSettings],
        light_keys: Mapping[str, str],
        size: tuple[int, int],
        *,
        stand_in: StandIn | None = None,
        samples_per_side: int = 2,
    ) -> None:
        self.size = size
        self._gpu = gpu
        self._walls, self._panels = walls, panels
        self._cameras = [camera.id for camera in cameras]
        self._light_keys = light_keys
        self._stand_in = stand_in
        self._samples = samples_per_side
        self._light: StageLight | None = None
        self._probe: Probe | None = None
        self._photographing: dict[str, SimCamera] = {}
        self._view: StageView | None = None

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {Shine: self._shine, Reflect: self._reflect, Photograph: self._photograph, DrawStage: self._draw_stage}

    def plan(self, frame: FrameInput, feeds: Collection[Feed], turn: int | None = None) -> list[Job]:
        """The jobs that make the feeds of this stage among ``feeds``; Shine reads the light of every wall.

        turn: only the one whose turn it is, by and by; by default all of them.
        """
        jobs: list[Job] = [
            self._photographing_job(frame, camera) for camera in self._cameras if Feed("camera", camera) in feeds
        ]
        if Feed("stage") in feeds:
            camera_seen = self._view_of(frame, self._cameras[0])
            jobs.append(DrawStage(**_feed(Feed("stage")), camera=camera_seen))
        if not jobs:
            return []
        steps = [self._shining_job(lamps_of(frame.controls)), _REFLECT, *jobs]
        return steps if turn is None else steps[turn : turn + 1]

    def _shining_job(self, lamps: Lamps) -> Job:
        return Shine(
            name="stage light",
            priority=DECORATION,
            reads=tuple(self._light_keys.values()),
            writes=STAGE_LIGHT,
            meanwhile=_KEEPS,
            lasting=True,
            walls=tuple(self._light_keys),
            lamps=lamps,
        )

    def _photographing_job(self, frame: FrameInput, camera: str) -> Job:
        return Photograph(**_feed(Feed("camera", camera)), view=self._view_of(frame, camera), number=frame.tick.number)

    def _view_of(self, frame: FrameInput, camera: str) -> View:
        state = frame.cameras[camera]
        return camera_view(state.pose, state.lens, self.size, time_s=frame.tick.display_time_s)

    def light(self) -> StageLight:
        """The stage and what lights it; built at the first call."""
        if self._light is None:
            self._light = StageLight(self._gpu, self._walls, self._panels, self._stand_in)
        return self._light

    def _shine(self, job: Shine, pictures: Pictures) -> StageLight:
        light = self.light()
        light.shine({wall: pictures[key].color for wall, key in zip(job.walls, job.reads, strict=True)}, job.lamps)
        return light

    def probe(self) -> Probe | None:
        """What chrome shows; built at the first call."""
        if self._probe is None:
            self._probe = probe_of(self._gpu, self.light())
        return self._probe

    def _reflect(self, job: Reflect, _: Pictures) -> Probe | None:
        del job
        probe = self.probe()
        if probe is not None:
            probe.draw()
        return probe

    def _photograph(self, job: Photograph, _: Pictures) -> Target:
        assert job.writes is not None
        if job.writes not in self._photographing:
            self._photographing[job.writes] = SimCamera(self._gpu, self.light(), self.size, self.probe(), self._samples)
        return self._photographing[job.writes].draw(job.view, EXPOSURE_STOPS, job.number)

    def _draw_stage(self, job: DrawStage, _: Pictures) -> Target:
        if self._view is None:
            self._view = StageView(self._gpu, self.light(), self.size, self.probe(), self._samples)
        return self._view.draw(from_behind(self.size), job.camera, EXPOSURE_STOPS)

    def release(self) -> None:
        for part in (*self._photographing.values(), self._view, self._probe, self._light):
            if part is not None:
                part.release()


_KEEPS = "the simulated stage keeps its last picture"
_REFLECT = Reflect(
    name="reflections",
    priority=DECORATION,
    reads=(STAGE_LIGHT,),
    writes=REFLECTION,
    meanwhile=_KEEPS,
    lasting=True,
)


def _feed(feed: Feed) -> dict[str, Any]:
    return {
        "name": f"feed {feed}",
        "priority": DECORATION,
        "reads": (STAGE_LIGHT, REFLECTION),
        "writes": str(feed),
        "meanwhile": "it keeps its last picture",
        "lasting": True,
    }
