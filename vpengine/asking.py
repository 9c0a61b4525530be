"""What asks a generator for pictures, and brings back those that were made before, built from a stage's files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from vpengine.compose.compositor import Compositor
from vpengine.compose.current import CurrentWorld
from vpengine.compose.request import Requests, RequestSettings, asked_sizes
from vpengine.compose.request_camera import RequestCamera
from vpengine.compose.restoring import Restoring, Stored, load_stored
from vpengine.compose.stations import Stations
from vpengine.errors import UserError
from vpengine.files import Files
from vpengine.frames.look import Look
from vpengine.gpu.gpu import Gpu
from vpengine.neural.declared import generator_class
from vpengine.neural.host import GeneratorHost, NoHost
from vpengine.neural.ladder import rungs_of
from vpengine.neural.ladder_host import LadderHost
from vpengine.plates.locations import Locations

log = logging.getLogger(__name__)

BUSY = 0.7  # of a frame's time: after that it begins nothing for the generator


def build_generator(files: Files, changed: Callable[[], None]) -> GeneratorHost:
    """Its process or thread begins at once. changed: is told when another one follows it."""
    settings = files.stage.neural
    if settings.generator == "none":
        return NoHost()
    try:
        sizes, own = partial(asked_sizes, settings), files.generator_settings
        return LadderHost(rungs_of(settings, sizes, own, float(1 / files.stage.rate)), changed)
    except UserError as error:  # the wall can do without
        log.warning("%s. The wall shows the plate.", error)
        return NoHost()


def stored_of(files: Files, compositor: Compositor) -> Stored:
    """What scenes have stored, loaded: no frame waits for a disk."""
    surrounds = compositor.surrounds
    if surrounds is None:
        return {}
    generates = files.stage.neural.generator != "none"  # without one there is nobody to go on from a surround
    scenes = [scene for scene in files.show.scenes if generates or scene.baked is not None]
    return load_stored(scenes, surrounds.resolution, files.stage.outer.eye_m, surrounds.rooms)


def baked_looks(files: Files, stored: Stored) -> dict[str, Look]:
    """What each scene was baked with whose bake is there, by slug."""
    baked = [scene.slug for scene in files.show.scenes if scene.baked is not None]
    return {slug: stored[slug][0].stored.look for slug in baked if slug in stored}


def build_stations(files: Files, compositor: Compositor) -> Stations | None:
    surrounds = compositor.surrounds
    if surrounds is None:
        return None
    return Stations(files.stage.outer.eye_m, surrounds.resolution, surrounds.rooms)


def build_requests(
    gpu: Gpu,
    files: Files,
    compositor: Compositor,
    locations: Locations,
    stations: Stations | None,
    exit_stack: ExitStack,
) -> Requests:
    """It lives as long as the stack."""
    asked, busy_s = files.stage.neural, BUSY / float(files.stage.rate)
    settings = RequestSettings(asked.resolution, asked.overscan_percent, 1.0 / asked.max_rate, busy_s)
    continues = generator_class(asked.generator).starts_from_current
    camera = RequestCamera(gpu, continues)
    exit_stack.callback(camera.release)
    first = files.stage.cameras[0].id
    current = CurrentWorld(compositor.eyes, compositor.surrounds, first) if continues else None
    return Requests(camera, locations, settings, stations=stations, current=current)


def build_restoring(
    gpu: Gpu,
    locations: Locations,
    stations: Stations | None,
    next_number: Callable[[], int],
    stored: Stored,
    baked: Mapping[str, Look],
    exit_stack: ExitStack,
) -> Restoring:
    """It lives as long as the stack."""
    camera = RequestCamera(gpu)
    exit_stack.callback(camera.release)
    return Restoring(camera, locations, stations, next_number, stored, baked)
