"""A frame is a plan: from one FrameInput to the jobs that make its feeds. Pure, and tested without OpenGL."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vpengine.compose.fall import fall_of
from vpengine.compose.governor import RUNGS
from vpengine.compose.jobs import (
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
    ShowMonitor,
    ShowStale,
    UpdateKeyframes,
    UpdateSurround,
)
from vpengine.compose.keys import clear_key, fall_key, light_key, world_key
from vpengine.compose.plan_monitor import monitor_job
from vpengine.compose.plan_picture import picture_jobs, wants_depth
from vpengine.compose.wall import WallLevels
from vpengine.control import declared
from vpengine.frames.feed import OF_A_PICTURE, PROGRAM, Eye, Feed, wall_feed
from vpengine.frames.feed import PREVIEW as PREVIEW_BUS
from vpengine.frames.frame_input import BusState, FrameInput
from vpengine.frames.look import Look
from vpengine.gpu.job import PREVIEW, WALL, Job
from vpengine.stage.camera import CameraSettings
from vpengine.stage.feeds import seen_part, world_size
from vpengine.view.camera import camera_view
from vpengine.view.view import View

KEEP = {PROGRAM: "the walls keep their last picture", PREVIEW_BUS: "the preview keeps its last picture"}


@dataclass(frozen=True)
class Layout:
    """What of a stage its pictures depend on. cameras, in the order of their priority on the walls.

    generates: there is a generator, or what one made before. surround: of that too. keyframe_overscan_percent: of a
    keyframe, per side. mark_m: where actors stand. measured: somebody wants to know how far the world is, whatever is
    shown. pictured: cameras that have a picture of their own. monitored: there are feeds of operators' monitors.
    """

    cameras: tuple[CameraSettings, ...]
    walls: tuple[str, ...]
    generates: bool
    keyframe_overscan_percent: float
    surround: bool = False
    mark_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    measured: bool = False
    pictured: frozenset[str] = frozenset()
    monitored: bool = False

    def camera(self, name: str) -> CameraSettings:
        """Raises KeyError."""
        return {camera.id: camera for camera in self.cameras}[name]


def eyes_of(frame: FrameInput, layout: Layout, feeds: Collection[Feed], *, lit: bool = False) -> list[Eye]:
    """Whose worlds ``feeds`` are made of; with ``lit``, all that are on walls."""
    walls = [wall for wall in layout.walls if lit or wall_feed(wall) in feeds]
    return [
        Eye(bus, camera.id)
        for bus in frame.buses
        for camera in layout.cameras
        if (walls and bus == PROGRAM) or Feed("world", camera.id, bus) in feeds or _composited(bus, camera.id, feeds)
    ]


def _composited(bus: str, camera: str, feeds: Collection[Feed]) -> bool:
    return bus == PROGRAM and not {Feed("composite", camera), Feed("monitor", camera)}.isdisjoint(feeds)


def plan(
    frame: FrameInput, layout: Layout, feeds: Collection[Feed], *, lit: bool = False, left_out: Collection[Feed] = ()
) -> list[Job]:
    """The jobs that make ``feeds`` (the simulated stage's are passed over), every job after those it reads.

    lit: the walls' light as well, under ``light_key``. left_out: other feeds, which this frame does not make, but whose
    eyes take in the keyframes that come now: they come once.
    """
    walls = [wall for wall in layout.walls if lit or wall_feed(wall) in feeds]
    worlds = [feed for feed in feeds if feed.kind == "world"]
    eyes = eyes_of(frame, layout, feeds, lit=lit)
    jobs: list[Job] = [_forget(frame.barred)] if frame.barred else []
    jobs += [_update_surround(frame)] if layout.surround else []
    jobs += [job for eye in eyes for job in _world(frame, layout, eye)]
    jobs += [_update(frame, eye) for eye in eyes_of(frame, layout, left_out) if eye not in eyes]
    if walls:
        jobs += _walls(frame, layout, [wall for wall in walls if wall_feed(wall) in feeds], walls if lit else ())
    jobs += [_develop(frame, layout, feed) for feed in worlds if feed.bus in frame.buses]
    asked = {feed.of for feed in feeds if feed.kind in ("monitor", *OF_A_PICTURE)}
    for camera in (camera for camera in layout.cameras if camera.id in asked):
        monitor = _monitor(frame, layout, camera) if Feed("monitor", camera.id) in feeds else None
        jobs += picture_jobs(frame, camera, feeds, pinhole_view(frame, camera), layout.mark_m, monitor)
    return jobs


def _monitor(frame: FrameInput, layout: Layout, camera: CameraSettings) -> ShowMonitor:
    return monitor_job(frame, camera, pictured=camera.id in layout.pictured, walled=bool(layout.walls))


def inner_size(camera: CameraSettings, rung: int) -> tuple[int, int]:
    """Width and height in pixels of the picture inside a camera's frustum."""
    width, height = camera.inner.resolution
    return max(round(width * RUNGS[rung].inner), 1), max(round(height * RUNGS[rung].inner), 1)


def _priority(bus: str) -> int:
    return WALL if bus == PROGRAM else PREVIEW


def eye_view(frame: FrameInput, camera: CameraSettings) -> View:
    """Where a camera looks in this frame, with its overscan."""
    state, size = frame.cameras[camera.id], inner_size(camera, frame.rung)
    return camera_view(state.pose, state.lens, size, camera.inner.overscan_percent, frame.tick.display_time_s)


def _plate_view(frame: FrameInput, camera: CameraSettings, state: BusState, location: str) -> View:
    return replace(
        eye_view(frame, camera),
        light=state.light,
        playhead=frame.playhead(location),
        placement=state.placement(location),
    )


def lens_view(frame: FrameInput, camera: CameraSettings) -> View:
    """What its lens sees in this frame, without overscan."""
    state = frame.cameras[camera.id]
    return camera_view(state.pose, state.lens, inner_size(camera, 0), time_s=frame.tick.display_time_s)


def pinhole_view(frame: FrameInput, camera: CameraSettings) -> View:
    """What its lens sees in this frame, were it a pinhole, with the overscan that a bent picture needs."""
    state, overscan_percent = frame.cameras[camera.id], camera.inner.overscan_percent
    return camera_view(state.pose, state.lens, inner_size(camera, 0), overscan_percent, frame.tick.display_time_s)


def _amount(frame: FrameInput, layout: Layout) -> float:
    return float(frame.controls[declared.NEURAL_AMOUNT]) if layout.generates else 0.0


def _world(frame: FrameInput, layout: Layout, eye: Eye) -> Iterator[Job]:
    """What an eye must see: every location that its bus shows, generated, and mixed where there are several."""
    camera, state = layout.camera(eye.camera), frame.buses[eye.bus]
    amount, priority = _amount(frame, layout), _priority(eye.bus)
    fall = fall_of(frame, eye.bus, amount)
    made = world_key(eye) if fall is None else clear_key(eye)
    yield _update(frame, eye)
    alone = len(state.shares) == 1
    keys = []
    for location, _ in state.shares:
        keys.append(made if alone else f"{world_key(eye)} {location}")
        plate = keys[-1] if amount <= 0.0 else f"plate {eye} {location}"
        yield DrawPlate(
            name=f"plate {location}, {eye}",
            priority=priority,
            writes=plate,
            meanwhile=KEEP[eye.bus],
            location=location,
            view=_plate_view(frame, camera, state, location),
            depth=amount > 0.0 or layout.measured or wants_depth(frame),
            samples=RUNGS[frame.rung].samples if eye.bus == PROGRAM else 1,
        )
        if amount > 0.0:
            yield _generated(frame, layout, eye, location, plate, keys[-1])
    if not alone:
        weights = tuple(share for _, share in state.shares)
        yield MixWorlds(
            name=f"dissolve, {eye}",
            priority=priority,
            reads=tuple(keys),
            writes=made,
            instead=keys[-1],
            meanwhile="the coming scene is shown",
            needs_all=False,
            weights=weights,
        )
    if fall is not None:
        yield DrawFall(
            name=f"fall, {eye}",
            priority=priority,
            reads=(made,),
            writes=world_key(eye),
            instead=made,
            meanwhile="nothing falls",
            fall=fall,
            kept=RUNGS[frame.rung].particles,
        )


def _forget(looks: frozenset[Look]) -> Job:
    return ForgetLooks(name="looks taken back", priority=WALL, meanwhile="it is tried again", looks=looks)


def _update_surround(frame: FrameInput) -> Job:
    return UpdateSurround(
        name="surround",
        priority=WALL,
        meanwhile="older generated pictures stay",
        location=frame.program.target,
        locations=tuple(location for location, _ in frame.program.shares),
        look=frame.program.look,
        keyframes=tuple(key for key in frame.keyframes if key.request.bus == PROGRAM or key.request.face is not None),
        time_s=frame.tick.display_time_s,
        baked=frame.program.bake,
    )


def _update(frame: FrameInput, eye: Eye) -> Job:
    return UpdateKeyframes(
        name=f"keyframes, {eye}",
        priority=_priority(eye.bus),
        meanwhile="older generated pictures stay",
        eye=eye,
        state=frame.buses[eye.bus],
        keyframes=tuple(key for key in frame.keyframes if (key.request.bus, key.request.camera) == eye),
        epoch=frame.epoch,
        time_s=frame.tick.display_time_s,
    )


def _generated(frame: FrameInput, layout: Layout, eye: Eye, location: str, plate: str, key: str) -> Job:
    camera, priority = layout.camera(eye.camera), _priority(eye.bus)
    common: dict[str, Any] = {"priority": priority, "reads": (plate,), "writes": key, "instead": plate}
    common |= {"eye": eye, "location": location}
    meanwhile = "the plate is shown as it is"
    if len(frame.buses[eye.bus].shares) == 1 and not frame.controls[declared.NEURAL_REPROJECT]:
        spanned = (100 + 2 * camera.inner.overscan_percent) / (100 + 2 * layout.keyframe_overscan_percent)
        return ShowStale(name=f"keyframe as it is, {eye}", meanwhile=meanwhile, picture_in_key=spanned, **common)
    return Reproject(
        name=f"re-projection {location}, {eye}",
        meanwhile=meanwhile,
        time_s=frame.tick.display_time_s,
        amount=_amount(frame, layout),
        **common,
    )


def _walls(frame: FrameInput, layout: Layout, sent: Sequence[str], lit: Sequence[str]) -> Iterator[Job]:
    """Every wall's code values, and the light of those that are ``lit``."""
    eyes = [Eye(PROGRAM, camera.id) for camera in layout.cameras]
    shares, elsewhere = frame.program.shares, frame.elsewhere
    yield GradeOuter(
        name="outer",
        priority=WALL,
        meanwhile="the walls around the frustum keep their light",
        eye=eyes[0],
        shares=shares,
        light=frame.program.light,
        placements=frame.program.placements,
        faces=RUNGS[frame.rung].faces,
        playheads=frame.playheads,
        elsewhere=elsewhere,
        amount=_amount(frame, layout),
        turn=frame.tick.number // RUNGS[frame.rung].outer,
    )
    if frame.controls[declared.WALL_CHART]:
        yield from _charts(frame, layout, sent, lit)
        return
    falls = list(_outer_falls(frame, layout, {*sent, *lit}))
    yield from falls
    for light, walls in ((False, sent), (True, lit)):
        for wall in walls:
            yield DrawWall(
                name=f"{'light' if light else 'wall'} {wall}",
                priority=WALL,
                reads=tuple(world_key(eye) for eye in eyes),
                writes=light_key(wall) if light else str(wall_feed(wall)),
                meanwhile="it keeps its last picture",
                lasting=True,
                wall=wall,
                shares=shares,
                levels=levels(frame),
                outer=fall_key(wall) if falls else None,
                light=light,
            )


def _outer_falls(frame: FrameInput, layout: Layout, walls: Collection[str]) -> Iterator[DrawWallFall]:
    """What falls around the frustums, so that it lights the actor and is seen in what is bright."""
    fall = fall_of(frame, PROGRAM, _amount(frame, layout))
    if fall is None:
        return
    for index, wall in enumerate(layout.walls):  # in turn: a frame that moves all of them would be the slowest
        if wall in walls:
            yield DrawWallFall(
                name=f"fall, {wall}",
                priority=WALL,
                writes=fall_key(wall),
                meanwhile="nothing falls around the frustums",
                lasting=True,
                wall=wall,
                shares=frame.program.shares,
                fall=fall,
                turn=(frame.tick.number + index) // RUNGS[frame.rung].fall,
            )


def _charts(frame: FrameInput, layout: Layout, sent: Sequence[str], lit: Sequence[str]) -> Iterator[Job]:
    """Instead of the walls' pictures; all that these are made of goes on, so that they are back in one frame."""
    views = tuple(lens_view(frame, camera) for camera in layout.cameras)
    for light, walls in ((False, sent), (True, lit)):
        for wall in walls:
            yield DrawChart(
                name=f"{'chart light' if light else 'chart'} {wall}",
                priority=WALL,
                writes=light_key(wall) if light else str(wall_feed(wall)),
                meanwhile="it keeps its last picture",
                lasting=True,
                wall=wall,
                views=views,
                number=frame.tick.number,
                light=light,
            )


def _develop(frame: FrameInput, layout: Layout, feed: Feed) -> Job:
    camera = layout.camera(feed.of)
    return Develop(
        name=f"feed {feed}",
        priority=_priority(feed.bus),
        reads=(world_key(Eye(feed.bus, camera.id)),),
        writes=str(feed),
        meanwhile="it keeps its last picture",
        lasting=True,
        size=world_size(camera),
        seen=seen_part(camera),
        dip=frame.buses[feed.bus].dip,
    )


def levels(frame: FrameInput) -> WallLevels:
    """How the walls are lit; the soft edge is as wide on the wall at every rung."""
    controls = frame.controls
    outer_gain = 2.0 ** float(controls[declared.OUTER_EXPOSURE]) * float(controls[declared.OUTER_LEVEL])
    return WallLevels(
        soft_edge_px=float(controls[declared.INNER_SOFT_EDGE]) * RUNGS[frame.rung].inner,
        inner_visible=bool(controls[declared.INNER_VISIBLE]),
        inner_gain=2.0 ** float(controls[declared.INNER_EXPOSURE]),
        outer_gain=outer_gain,
        dither=bool(controls[declared.WALL_DITHER]),
        rolloff=float(controls[declared.WALL_ROLLOFF]),
        dip=frame.program.dip,
    )
