"""The feeds that a stage can show, and how large they are."""

from __future__ import annotations

from vpengine.frames.feed import OF_A_PICTURE, Feed, wall_feed
from vpengine.stage.camera import CameraSettings
from vpengine.stage.stage_file import Stage
from vpengine.stage.walls import wall_geometry

SIM_SIZE = (640, 360)  # of the simulated stage's feeds, in pixels, while a show runs


def seen_part(camera: CameraSettings) -> float:
    """Which part of the inner picture's sides the lens sees; the rest is overscan."""
    return 100.0 / (100.0 + 2.0 * camera.inner.overscan_percent)


def world_size(camera: CameraSettings) -> tuple[int, int]:
    """Of a camera's world as a feed: as many pixels as the lens sees of its inner picture."""
    width, height = camera.inner.resolution
    return max(round(width * seen_part(camera)), 1), max(round(height * seen_part(camera)), 1)


def feed_size(stage: Stage, feed: Feed) -> tuple[int, int]:
    """Width and height of a feed in pixels. Raises KeyError for a wall or camera that the stage has not."""
    if feed.kind == "wall":
        return wall_geometry(stage.wall(feed.of)).resolution
    return world_size(stage.camera(feed.of)) if feed.kind in ("world", "monitor", *OF_A_PICTURE) else SIM_SIZE


def feeds_of(stage: Stage) -> frozenset[Feed]:
    """What every frame of a stage makes: all of its walls, and what its outputs show besides."""
    return frozenset([*(wall_feed(wall.id) for wall in stage.walls), *(output.feed for output in stage.outputs)])
