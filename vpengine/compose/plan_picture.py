"""The part of a plan that a camera's own picture is in: it is taken, keyed, and laid over the camera's world."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from vpengine.compose.defocus import blurs
from vpengine.compose.jobs import (
    DefocusWorld,
    Develop,
    KeyPicture,
    LayOver,
    MatchLens,
    ShowKey,
    ShowMonitor,
    TakePicture,
)
from vpengine.compose.keys import composite_key, focused_key, keyed_key, matched_key, picture_key, world_key
from vpengine.control import declared
from vpengine.control.key import DEFOCUS, GAINS
from vpengine.frames.captured import CapturedFrame
from vpengine.frames.feed import OF_A_PICTURE, PROGRAM, Eye, Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.job import WALL, Job
from vpengine.stage.camera import CameraSettings
from vpengine.stage.feeds import world_size
from vpengine.view.view import View

KEEPS = "it keeps its last picture"
PART_KEYS = {"picture": picture_key, "key": keyed_key, "matched": matched_key, "composite": composite_key}


def picture_jobs(
    frame: FrameInput,
    camera: CameraSettings,
    feeds: Collection[Feed],
    view: View,
    mark_m: tuple[float, float, float],
    monitor: ShowMonitor | None = None,
) -> Iterator[Job]:
    """The jobs of those feeds of a camera's own picture that are among ``feeds``, and of its ``monitor``: none of what
    needs a picture where none came, and the world alone as its composite. view: the pinhole's, with its overscan.
    mark_m: in stage space.
    """
    own = {feed.kind: feed for feed in feeds if feed.of == camera.id and feed.kind in OF_A_PICTURE}
    captured, size = frame.captured.get(camera.id), world_size(camera)
    parts = _parts(own, monitor, camera.id)
    if captured is not None:
        yield from _taken(frame, camera, captured, parts)
        yield from _keyed(frame, camera, own, parts, view)
    if "picture" in own and captured is not None:
        yield developed(own["picture"], picture_key(camera.id), size)
    if "matched" in parts:
        yield from _matched(frame, camera, size)
    if captured is not None and "composite" in parts:
        yield _laid_over(frame, camera, view, mark_m)
    if "composite" in own:
        made = matched_key if captured is None else composite_key
        yield developed(own["composite"], made(camera.id), size)
    if monitor is not None:
        yield monitor


def _parts(own: Collection[str], monitor: ShowMonitor | None, camera: str) -> set[str]:
    """What is made for those kinds of feeds and for the monitor, and what that is made of in turn."""
    read = monitor.reads if monitor is not None else ()
    parts = {*own, *(name for name, key in PART_KEYS.items() if key(camera) in read)}
    if "composite" in parts:
        parts |= {"key", "matched"}
    return parts | {"picture"} if "key" in parts else parts


def _taken(frame: FrameInput, camera: CameraSettings, captured: CapturedFrame, parts: set[str]) -> Iterator[Job]:
    if "picture" in parts:
        yield TakePicture(
            name=f"picture {camera.id}",
            priority=WALL,
            writes=picture_key(camera.id),
            meanwhile=KEEPS,
            lasting=True,
            camera=camera.id,
            frame=captured,
            gains=_gains(frame),
        )


def _gains(frame: FrameInput) -> tuple[float, float, float]:
    red, green, blue = (float(frame.controls[address]) for address in GAINS)
    return red, green, blue


def _keyed(
    frame: FrameInput, camera: CameraSettings, own: Collection[str], parts: set[str], view: View
) -> Iterator[Job]:
    if "key" not in parts:
        return
    yield KeyPicture(
        name=f"key {camera.id}",
        priority=WALL,
        reads=(picture_key(camera.id),),
        writes=keyed_key(camera.id),
        meanwhile="the world is shown alone",
        camera=camera.id,
        number=frame.tick.number,
        view=view,
        lens=frame.cameras[camera.id].lens,
        overscan_percent=camera.inner.overscan_percent,
        controls=frame.controls,
    )
    if "key" in own:
        yield ShowKey(
            name=f"feed key:{camera.id}",
            priority=WALL,
            reads=(keyed_key(camera.id),),
            writes=str(Feed("key", camera.id)),
            meanwhile=KEEPS,
            lasting=True,
            camera=camera.id,
            stage=int(frame.controls[declared.KEY_VIEW]),
            size=world_size(camera),
        )


def _matched(frame: FrameInput, camera: CameraSettings, size: tuple[int, int]) -> Iterator[Job]:
    """The world's overscan is cut away, and it is bent as the lens bends the picture, which is never bent itself."""
    world, lens = world_key(Eye(PROGRAM, camera.id)), frame.cameras[camera.id].lens
    if frame.controls[DEFOCUS] and blurs(lens, size[0]):
        yield DefocusWorld(
            name=f"defocus {camera.id}",
            priority=WALL,
            reads=(world,),
            writes=focused_key(camera.id),
            instead=world,
            meanwhile="the world is sharp",
            lens=lens,
            overscan_percent=camera.inner.overscan_percent,
        )
        world = focused_key(camera.id)
    yield MatchLens(
        name=f"lens {camera.id}",
        priority=WALL,
        reads=(world,),
        writes=matched_key(camera.id),
        meanwhile=KEEPS,
        camera=camera.id,
        lens=lens,
        overscan_percent=camera.inner.overscan_percent,
        size=size,
        depth=bool(frame.controls[declared.KEY_FRONT]),
        dip=frame.program.dip,
    )


def _laid_over(frame: FrameInput, camera: CameraSettings, view: View, mark_m: tuple[float, float, float]) -> Job:
    in_front = bool(frame.controls[declared.KEY_FRONT])
    ahead_m = -float((view.view_from_stage @ np.array([*mark_m, 1.0]))[2])
    return LayOver(
        name=f"composite {camera.id}",
        priority=WALL,
        reads=(matched_key(camera.id), keyed_key(camera.id)),
        writes=composite_key(camera.id),
        instead=matched_key(camera.id),
        meanwhile="the world is shown alone",
        camera=camera.id,
        mark_m=ahead_m if in_front else None,
        number=frame.tick.number,
    )


def wants_depth(frame: FrameInput) -> bool:
    """Whether a composite asks how far the world is."""
    return bool(frame.controls[declared.KEY_FRONT]) or bool(frame.controls[DEFOCUS])


def developed(feed: Feed, key: str, size: tuple[int, int]) -> Develop:
    """A feed of what is found under ``key``, all of it."""
    return Develop(
        name=f"feed {feed}",
        priority=WALL,
        reads=(key,),
        writes=str(feed),
        meanwhile=KEEPS,
        lasting=True,
        size=size,
        seen=1.0,
    )
