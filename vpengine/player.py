"""The player: draws a logged run again, headless, its feeds and all that they are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from vpengine.compose.request_camera import RequestCamera
from vpengine.control import declared
from vpengine.control.controls import parse
from vpengine.drawing import build_compositor, build_locations, build_stage_sim, load_location
from vpengine.errors import UserError
from vpengine.files import Files
from vpengine.frames.feed import PREVIEW, PROGRAM, Eye, Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.frames.images import ImageSet
from vpengine.gpu.context import create_headless
from vpengine.gpu.executor import Executor
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.pool import TargetPool
from vpengine.sim.plan import StageSim
from vpengine.stage.feeds import feed_size
from vpengine.takes.log import read_log
from vpengine.view.view import View

FILM_SIZE = (960, 540)
STALE_SIZE = (288, 162)


class Player:
    """Use as a context manager. ``files`` are those that the take is drawn with, its own or others that fit."""

    def __init__(self, take: Path, files: Files) -> None:
        self.take = take
        self.files = files
        self._exit = ExitStack()

    def __enter__(self) -> Player:
        try:
            self._build()
        except BaseException:  # Ctrl-C too: it goes on up, and what was opened is closed
            self._exit.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._exit.close()

    def _build(self) -> None:
        files, stage = self.files, self.files.stage
        context = create_headless()
        self._exit.callback(context.release)
        self.gpu = Gpu(context)
        self._exit.callback(self.gpu.release)
        self.locations = build_locations(self.gpu, files, self._exit)
        self.compositor = build_compositor(self.gpu, files, self.locations, self._exit)
        walls = self.compositor.walls
        for location in files.show.plates:
            load_location(self.locations, walls, location)
        self._requests = RequestCamera(self.gpu)
        self._exit.callback(self._requests.release)
        self._pool = TargetPool(self.gpu)
        self._exit.callback(self._pool.release)
        self._stage = build_stage_sim(self.gpu, files, walls, self._exit, FILM_SIZE, samples_per_side=2)
        self._empty = build_stage_sim(self.gpu, files, walls, self._exit, STALE_SIZE, empty=True, samples_per_side=2)
        self._drawing, self._drawing_stale = self._executor(self._stage), self._executor(self._empty)
        camera = stage.cameras[0].id
        self.camera_feed = Feed("camera", camera)
        self.main_feed = self.camera_feed if stage.walls else Feed("world", camera)  # what a film of the take shows

    def _executor(self, stage: StageSim) -> Executor:
        return Executor(self.gpu, self._pool, Guard(), {**self.compositor.drawers, **stage.drawers})

    def frames(self) -> Iterator[FrameInput]:
        """Raises UserError for a frame that the stage or the show of now cannot draw."""
        for frame in read_log(self.take, self.redraw):
            yield self._drawable(frame)

    def draw(self, frame: FrameInput, feeds: Collection[Feed]) -> Mapping[str, Any]:
        """The pictures that the frame's jobs made, by key, until the next call; every frame once, in order."""
        self._run(self._drawing, self._stage, frame, feeds)
        return self._drawing.pictures

    def size(self, feed: Feed) -> tuple[int, int]:
        """Of a feed as it is drawn here, in pixels. Raises KeyError for one that the stage has not."""
        return feed_size(self.files.stage, feed) if feed.kind in ("wall", "world") else FILM_SIZE

    def picture_age_s(self, frame: FrameInput) -> float | None:
        """How long before a frame that was drawn the newest generated picture of its world was asked for.

        None: there is none, and the plate is the answer or will be changed yet.
        """
        eye = Eye(PROGRAM, self.files.stage.cameras[0].id)
        newest = self.compositor.eyes.layer(eye, frame.program.target).newest
        return None if newest is None else max(frame.tick.display_time_s - newest.timings.submitted_s, 0.0)

    def draw_stale(self, frame: FrameInput) -> Mapping[str, Any]:
        """The camera's photograph of an empty stage, had nothing been re-projected; after ``draw``."""
        controls = {**frame.controls, declared.NEURAL_REPROJECT: False}
        stale = replace(frame, controls=controls, keyframes=())
        self._run(self._drawing_stale, self._empty, stale, [self.camera_feed])
        return self._drawing_stale.pictures

    def _run(self, executor: Executor, stage: StageSim, frame: FrameInput, feeds: Collection[Feed]) -> None:
        self.locations.follow(frame.playheads, wait=True)
        simulated = stage.plan(frame, feeds)
        standby = [Feed("world", camera.id, PREVIEW) for camera in self.files.stage.cameras]  # may come on to walls
        executor.run([*self.compositor.plan(frame, feeds, lit=bool(simulated), left_out=standby), *simulated])
        failed = next(iter(executor.failures), None)
        if failed is not None:  # a film has no last good picture to show
            raise UserError(f"{self.take}: the job {failed!r} could not be drawn")

    def _drawable(self, frame: FrameInput) -> FrameInput:
        """With a value for every control, as a take of an older version does not know all of them; and all of it is
        drawn, whatever was left out to hold the rate: a film has time.
        """
        for camera in self.files.stage.cameras:
            if camera.id not in frame.cameras:
                known = ", ".join(frame.cameras)
                raise UserError(f"{self.take}: its cameras are {known}, and the stage's is {camera.id}")
        for state in frame.buses.values():
            for location, _ in state.shares:
                self._refuse_unknown(location)
        values = {
            item.address: parse(item, frame.controls.get(item.address, item.default)) for item in self.files.controls
        }
        return replace(frame, controls=values, rung=0)

    def _refuse_unknown(self, location: str) -> None:
        if not self.locations.ready(location):  # the show is another one now
            raise UserError(f"{self.take}: it shows the location {location!r}, which the show does not have")

    def redraw(self, location: str, view: View, seed: int) -> ImageSet:
        """The plate that a keyframe was made from. Raises UserError for a location that the show does not have."""
        self._refuse_unknown(location)
        self.locations.follow({location: view.playhead}, wait=True)
        return self._requests.take(self.locations[location], location, view, seed)
