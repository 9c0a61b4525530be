"""The part of a plan that a camera's own picture is in: it is taken, keyed, and laid over the camera's world."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vpengine.compose.jobs import Develop, TakePicture
from vpengine.compose.keys import picture_key
from vpengine.frames.feed import Feed
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.job import WALL, Job
from vpengine.stage.camera import CameraSettings
from vpengine.stage.feeds import world_size

KEEPS = "it keeps its last picture"


def picture_jobs(frame: FrameInput, camera: CameraSettings, feeds: Collection[Feed]) -> Iterator[Job]:
    """The jobs of those feeds of a camera's own picture that are among ``feeds``; none of what needs a picture where
    none came."""
    own = [feed for feed in feeds if feed.of == camera.id and feed.kind in ("picture", "key", "composite")]
    if not own:
        return
    captured = frame.captured.get(camera.id)
    if captured is not None:
        yield TakePicture(
            name=f"picture {camera.id}",
            priority=WALL,
            writes=picture_key(camera.id),
            meanwhile=KEEPS,
            lasting=True,
            camera=camera.id,
            frame=captured,
        )
    for feed in own:
        if feed.kind == "picture" and captured is not None:
            yield developed(feed, picture_key(camera.id), world_size(camera))


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
