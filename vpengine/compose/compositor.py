"""The compositor draws the jobs of worlds and walls: the live loop's, the player's and the measurements'."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from fractions import Fraction

from vpengine.compose.charts import Charts
from vpengine.compose.drawable import Plates, exact, light_on, moment, moves
from vpengine.compose.eyes import Eyes
from vpengine.compose.falling import Falling
from vpengine.compose.green_screen import GreenScreen
from vpengine.compose.jobs import (
    Blank,
    Develop,
    DrawChart,
    DrawFall,
    DrawPlate,
    DrawWall,
    DrawWallFall,
    ForgetLooks,
    GradeOuter,
    MixWorlds,
    Reproject,
    ShowKey,
    ShowMonitor,
    ShowStale,
    UpdateKeyframes,
    UpdateSurround,
)
from vpengine.compose.mixer import Lend
from vpengine.compose.monitor import Monitor
from vpengine.compose.plan import Layout, eyes_of, inner_size, plan
from vpengine.compose.surround import Surrounds
from vpengine.compose.walls import Walls
from vpengine.frames.feed import PROGRAM, Eye, Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.keyframe import MadeOf
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.job import PREVIEW, Job
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.view_lut import ViewLut
from vpengine.view.camera import camera_view
from vpengine.view.light import DAY
from vpengine.view.placement import Placements, placement_of


def is_gone(feed: Feed, frame: FrameInput) -> bool:
    """Nothing is on its bus any more, or its camera's own picture does not come."""
    return feed.bus not in frame.buses or (feed.kind in ("picture", "key") and feed.of not in frame.captured)


class Compositor:
    """Joins eyes, walls, cameras' own pictures and the plates of locations. Owns none of them but the pictures, what
    feeds are developed with, and the walls' charts."""

    def __init__(
        self,
        gpu: Gpu,
        layout: Layout,
        eyes: Eyes,
        walls: Walls,
        plates: Plates,
        surrounds: Surrounds | None = None,
        green_screen: GreenScreen | None = None,
    ) -> None:
        self.layout = layout
        self.eyes = eyes
        self.walls = walls
        self._plates = plates
        self.surrounds = surrounds
        self.green_screen = green_screen or GreenScreen(gpu, {})
        self._gpu = gpu
        self._falling = Falling(gpu, walls)
        self._charts = Charts(gpu, walls, len(layout.cameras))
        self._view_lut: ViewLut | None = None
        self._monitor = Monitor(gpu)
        self._surrounded: Collection[str] = ()  # locations, in the newest frame
        self._baked: str | None = None  # the scene whose bake is shown
        self._lit = DAY  # the light of the newest frame
        self._placed: Placements = ()  # where its worlds stood
        self._turn: int | None = None  # of the outer pictures, in the newest frame
        self._on_walls: frozenset[str] = frozenset()  # locations, in the newest frame
        self._bare = False  # nothing generated was shown in the newest frame
        self._shown: set[str] = set()  # of these, which are not blank
        self._feeds: dict[str, Target] = {}  # that leave the frame, by feed

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {
            ForgetLooks: self._forget_looks,
            UpdateSurround: self._update_surround,
            UpdateKeyframes: self.eyes.update,
            DrawPlate: self.eyes.draw_plate,
            Reproject: self.eyes.reproject,
            ShowStale: self.eyes.show_stale,
            MixWorlds: self.eyes.mix,
            GradeOuter: self._grade_outer,
            DrawFall: self._falling.draw,
            DrawWallFall: self._falling.draw_on_wall,
            DrawWall: self._draw_wall,
            DrawChart: self._draw_chart,
            Develop: self._develop,
            Blank: self._blank,
            ShowKey: self._show_key,
            ShowMonitor: self._show_monitor,
            **self.green_screen.drawers,
        }

    def plan(
        self, frame: FrameInput, feeds: Collection[Feed], *, lit: bool = False, left_out: Collection[Feed] = ()
    ) -> list[Job]:
        """The jobs that make ``feeds`` (see ``compose.plan``), and blank those whose bus has nothing on it any more."""
        jobs = plan(frame, self.layout, feeds, lit=lit, left_out=left_out)
        gone = [feed for feed in feeds if is_gone(feed, frame) and str(feed) in self._shown]
        return [*jobs, *(Blank(name=f"feed {feed}", priority=PREVIEW, writes=str(feed), lasting=True) for feed in gone)]

    def eyes_of(self, frame: FrameInput, feeds: Collection[Feed]) -> list[Eye]:
        """Whose worlds ``feeds`` are made of."""
        return eyes_of(frame, self.layout, feeds)

    @property
    def kept(self) -> set[MadeOf]:
        """What all was made of that is generated and may be on the program again without being made anew."""
        return self.eyes.kept | (self.surrounds.kept if self.surrounds is not None else set())

    def _forget_looks(self, job: ForgetLooks, pictures: Pictures) -> None:
        del pictures
        self.eyes.forget(job.looks)
        if self.surrounds is not None:
            self.surrounds.forget(job.looks)
        self._on_walls = frozenset()  # the outer pictures follow at once

    def _update_surround(self, job: UpdateSurround, pictures: Pictures) -> None:
        del pictures
        assert self.surrounds is not None
        if job.location not in self._surrounded or job.baked != self._baked:
            self.surrounds.enter(job.location, job.look)
        self._surrounded, self._baked = job.locations, job.baked
        for keyframe in job.keyframes:
            self.surrounds.add(keyframe, job.time_s, moves(self._plates, keyframe.request.location))
        self.surrounds.advance(job.time_s)

    def _grade_outer(self, job: GradeOuter, pictures: Pictures) -> None:
        del pictures
        bare, due, self._turn = job.amount <= 0.0, job.turn != self._turn, job.turn
        for location, _ in job.shares:
            grade = self.eyes.layer(job.eye, location).grade
            at_once = location not in self._on_walls or bare != self._bare  # the plate alone is there on all at once
            if at_once or due:
                self._relight(location, job, at_once)
            follows = job.faces is None and not self._rests(location, job)
            if at_once or (due and (follows or location in job.playheads)):
                self.walls.follow_at_once(location, grade, job.amount)
            elif due:
                self.walls.follow(location, grade, job.amount)
        if job.elsewhere is not None and due:
            state, location = job.elsewhere, job.elsewhere.target
            light, placement = light_on(self._plates, location, state.light), state.placement(location)
            self.walls.relight(location, self._plates[location], light, placement=placement)
        self._lit, self._placed = job.light, job.placements
        self._on_walls, self._bare = frozenset(location for location, _ in job.shares), bare

    def _relight(self, location: str, job: GradeOuter, at_once: bool) -> None:
        """A face that is late shows: while the light moves, or the world, they are many, where there is no room for all
        coarse ones, and one a frame when it rests. While a clip plays they are all drawn at once, coarse: of one
        moment.
        """
        light, rests = light_on(self._plates, location, job.light), self._rests(location, job)
        plays = location in job.playheads
        faces = None if at_once or plays or job.faces is None else 1 if rests else job.faces
        coarse = plays or (faces is not None and not rests)
        playhead = moment(self._plates, location, job.playheads.get(location, Fraction(0)))
        placement = placement_of(job.placements, location)
        self.walls.relight(location, self._plates[location], light, playhead, placement, faces=faces, coarse=coarse)

    def _rests(self, location: str, job: GradeOuter) -> bool:
        """Neither the light moves nor the location's world."""
        placements = (placement_of(each, location) for each in (job.placements, self._placed))
        return job.light == self._lit and next(placements) == next(placements)

    def _draw_wall(self, job: DrawWall, pictures: Pictures) -> Target:
        inners = [pictures[key] for key in job.reads]
        charts = sum(share for location, share in job.shares if exact(self._plates, location))
        levels = replace(job.levels, rolloff=job.levels.rolloff * (1.0 - charts)) if charts else job.levels
        fallen = pictures.get(job.outer) if job.outer is not None else None
        outer = fallen.color if fallen is not None else None
        if job.light:
            return self.walls.draw_light(job.wall, inners, job.shares, levels, pictures.lend, outer)
        if job.writes not in pictures.before:  # it failed: what of it was drawn, nobody knows
            self.walls.redraw(job.wall)
        return self.walls.draw(job.wall, inners, job.shares, levels, pictures.lend, outer)

    def _draw_chart(self, job: DrawChart, pictures: Pictures) -> Target:
        del pictures
        return self._charts.draw(job.wall, job.views, job.number, job.light)

    def _blank(self, job: Blank, pictures: Pictures) -> Target:
        del pictures
        assert job.writes is not None
        self._feeds[job.writes].clear()
        self._shown.discard(job.writes)
        return self._feeds[job.writes]

    def _develop(self, job: Develop, pictures: Pictures) -> Target:
        made: Picture | Target = pictures[job.reads[0]]
        view, target = self._view(), self._feed(job)
        view.develop(target, made.color, shown=job.seen, dip=job.dip)
        return target

    def _view(self) -> ViewLut:
        if self._view_lut is None:
            self._view_lut = ViewLut(self._gpu)
        return self._view_lut

    def _show_monitor(self, job: ShowMonitor, pictures: Pictures) -> Target:
        view, target = self._view(), self._feed(job)
        left, right = (pictures[side.key].color for side in job.sides)
        matte = pictures[job.matte] if job.matte is not None else None
        self._monitor.draw(target, job, (left, right), matte, view.texture)
        return target

    def _show_key(self, job: ShowKey, pictures: Pictures) -> Target:
        target = self._feed(job)
        self.green_screen.show_key(job, pictures, target)
        return target

    def _feed(self, job: Develop | ShowKey | ShowMonitor) -> Target:
        """What a feed is drawn into: it stays, with the last good picture."""
        assert job.writes is not None
        if job.writes not in self._feeds:
            self._feeds[job.writes] = Target(self._gpu.context, job.size, dtype="f1")
        self._shown.add(job.writes)
        return self._feeds[job.writes]

    def warm(self, location: str, lend: Lend) -> None:
        """Draw every pass once, in the places that it will draw in, before the first frame."""
        inners, seen = [], []
        if self.surrounds is not None:
            self.surrounds.warm()
        for camera in self.layout.cameras:
            size = inner_size(camera, 0)
            view = camera_view(camera.pose.pose(), camera.lens(), size, camera.inner.overscan_percent)
            seen.append(view)
            inners.append(self.eyes.warm(Eye(PROGRAM, camera.id), location, view, lend))
        self.green_screen.warm(seen[0], lend)
        if self.layout.monitored:
            self._monitor.warm(lend, self._view().texture)
        self.walls.warm(location, self.eyes.layer(Eye(PROGRAM, self.layout.cameras[0].id), location).grade, lend)
        for wall in self.layout.walls:
            self._charts.draw(wall, seen, 0)
        self.walls.warm_walls(inners, ((location, 1.0),), lend)
        if self.layout.generates:
            self._falling.warm(inners[0], ((location, 1.0),), lend)

    def begin(self) -> None:
        """The next frame is the first: what was drawn to warm is not on the walls."""
        self._on_walls, self._turn, self._lit, self._placed = frozenset(), None, DAY, ()

    def release(self) -> None:
        for target in self._feeds.values():
            target.release()
        self._charts.release()
        self._falling.release()
        self._monitor.release()
        self.green_screen.release()
        if self._view_lut is not None:
            self._view_lut.release()
