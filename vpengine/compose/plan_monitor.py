"""The part of a plan that an operator's monitor is: what its sides show, and its line of text."""

from __future__ import annotations

from collections.abc import Iterator

from vpengine.compose.jobs import MonitorSide, ShowMonitor
from vpengine.compose.keys import composite_key, keyed_key, matched_key, picture_key, world_key
from vpengine.control import monitor
from vpengine.frames.feed import PROGRAM, Eye, Feed
from vpengine.frames.frame_input import NO_DIP, FrameInput
from vpengine.gpu.job import PREVIEW
from vpengine.stage.camera import CameraSettings
from vpengine.stage.feeds import seen_part, world_size

KEEPS = "it keeps its last picture"
GREY, OVER = 1, 2  # how a matte is shown
RECORDING = "REC"


def monitor_job(frame: FrameInput, camera: CameraSettings, *, pictured: bool, walled: bool) -> ShowMonitor:
    """pictured: the camera has a picture of its own. walled: on a stage with walls, where that is its composite."""
    shown, beside = (int(frame.controls[address]) for address in (monitor.SHOW, monitor.SPLIT_WITH))
    beside = shown if beside in (monitor.NO_SPLIT, monitor.FROZEN) else beside - 1
    sides = tuple(_side(frame, camera.id, show, pictured, walled) for show in (shown, beside))
    matte = keyed_key(camera.id) if any(side.matte for side in sides) else None
    return ShowMonitor(
        name=f"feed monitor:{camera.id}",
        priority=PREVIEW,
        reads=tuple(dict.fromkeys([*(side.key for side in sides), *([matte] if matte else [])])),
        writes=str(Feed("monitor", camera.id)),
        meanwhile=KEEPS,
        lasting=True,
        camera=camera.id,
        size=world_size(camera),
        seen=1.0 if pictured else seen_part(camera),
        dip=NO_DIP if pictured else frame.program.dip,  # else it is in the world as the lens draws it
        sides=sides,
        matte=matte,
        line=" ".join(info(frame, camera.id)) if frame.controls[monitor.INFO] else "",
        number=frame.tick.number,
        controls=frame.controls,
    )


def _side(frame: FrameInput, camera: str, show: int, pictured: bool, walled: bool) -> MonitorSide:
    """Where there is not what is asked, the world is shown; and the picture where there is no matte."""
    if not pictured:
        return MonitorSide(world_key(Eye(PROGRAM, camera)))
    if show == monitor.WORLD or camera not in frame.captured:
        return MonitorSide(matched_key(camera))
    if show == monitor.COMPOSITE and not walled:
        return MonitorSide(composite_key(camera))
    matte = {monitor.MATTE: GREY, monitor.MATTE_OVER: OVER}.get(show, 0)
    return MonitorSide(picture_key(camera), 0 if walled else matte)


def info(frame: FrameInput, camera: str) -> Iterator[str]:
    """The words of a camera's line; a lens that says nothing of its focus or stop is not asked again."""
    lens = frame.cameras[camera].lens
    yield f"CAM {camera} "
    yield f"{lens.pinhole_focal_length_mm:.1f}MM"
    if lens.t_stop > 0.0:
        yield f" T{lens.t_stop:.1f}"
    if lens.focus_distance_m > 0.0:
        yield f" {lens.focus_distance_m:.2f}M"
    yield f" {frame.tick.timecode}"
    if frame.rolling:
        yield f" {RECORDING}"
