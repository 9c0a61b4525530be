"""What draws a stage, built from its files: locations, worlds and walls, and the stage simulated around them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from vpengine import plates
from vpengine.compose.compositor import Compositor
from vpengine.compose.eyes import Eyes
from vpengine.compose.green_screen import Composited, GreenScreen
from vpengine.compose.keys import light_key, world_key
from vpengine.compose.plan import Layout
from vpengine.compose.preparing import Preparing
from vpengine.compose.surround import Surrounds, stations_in
from vpengine.compose.walls import Walls
from vpengine.errors import UserError
from vpengine.files import Files
from vpengine.frames.feed import Eye, Feed
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.neural.matte import NeuralMatte, load_matte
from vpengine.plates.locations import Build, Locations
from vpengine.plugins import load_plugin
from vpengine.sim.light import Panel
from vpengine.sim.plan import StageSim
from vpengine.sim.stand_in import StandIn, stand_in_of
from vpengine.stage.feeds import SIM_SIZE, seen_part, world_size
from vpengine.stage.sections import PluginSection
from vpengine.stage.sim import SimSettings
from vpengine.stage.stage_file import Stage

log = logging.getLogger(__name__)


def build_locations(gpu: Gpu, files: Files, exit_stack: ExitStack) -> Locations:
    """A show's plates, none of them loaded yet; they live as long as the stack."""

    locations = Locations(gpu, plate_builds(files))
    exit_stack.callback(locations.close)
    return locations


def plate_builds(files: Files) -> dict[str, Build]:
    """What makes each of a show's plates, by location."""

    def build(section: PluginSection) -> Build:
        plugin, settings = load_plugin(plates.KINDS[section.kind]), files.of(section)
        return lambda: plugin(settings)

    return {name: build(section) for name, section in files.show.plates.items()}


def drop_location(location: str, locations: Locations, compositor: Compositor, preparing: Preparing) -> None:
    """Give back all that is kept of a location that nothing shows, nor will."""
    preparing.drop(location)
    compositor.eyes.drop(location)
    locations.drop(location)


def build_compositor(gpu: Gpu, files: Files, locations: Locations, exit_stack: ExitStack) -> Compositor:
    """What draws a stage's worlds and walls; it lives as long as the stack."""
    stage, asked = files.stage, files.stage.neural
    surrounds = None
    generates = asked.generator != "none" or any(scene.baked is not None for scene in files.show.scenes)
    if generates and asked.surround_px:
        surrounds = Surrounds(gpu, asked.surround_px, stations_in(asked.surround_mb, asked.surround_px))
        exit_stack.callback(surrounds.release)
    walls = Walls(
        gpu, stage.walls, stage.outer.eye_m, stage.outer.face_px, len(stage.cameras), surrounds, stage.white_nits
    )
    exit_stack.callback(walls.release)
    eyes = Eyes(gpu, locations, asked.resolution, asked.keyframes, surrounds)
    exit_stack.callback(eyes.release)
    pictured = frozenset(one.settings.camera for one in stage.captures)
    layout = Layout(
        stage.cameras,
        tuple(wall.id for wall in stage.walls),
        generates,
        asked.overscan_percent,
        surrounds is not None,
        stage.mark.position_m,
        any(getattr(files.of(each.target), "measures", False) for each in stage.outputs),
        pictured,
        any(each.feed.kind == "monitor" for each in stage.outputs),
    )
    own = {
        one.settings.camera: Composited(world_size(stage.camera(one.settings.camera)), one.settings.color_space)
        for one in stage.captures
    }
    green_screen = GreenScreen(gpu, own, stage.screens, stage.holdouts, _matte_refiner(stage) if own else None)
    compositor = Compositor(gpu, layout, eyes, walls, locations, surrounds, green_screen)
    exit_stack.callback(compositor.release)
    return compositor


def _matte_refiner(stage: Stage) -> NeuralMatte | None:
    """None where the stage has none, or its network cannot be used: that is told, and the key goes on without it."""
    if stage.neural.matte == "none":
        return None
    try:
        return load_matte(Path(stage.neural.matte), stage.neural.runtime)
    except (UserError, ImportError) as error:
        log.warning("[neural] matte: %s. The key goes on without it.", error)
        return None


def build_stage_sim(
    gpu: Gpu,
    files: Files,
    walls: Walls,
    exit_stack: ExitStack,
    size: tuple[int, int] = SIM_SIZE,
    empty: bool = False,
    samples_per_side: int = 1,
) -> StageSim:
    """The simulated stage around the walls; it lives as long as the stack. empty: without what [sim] puts on it."""
    stage = files.stage
    panels = {wall.id: Panel(wall.peak_nits, wall.black_nits, stage.white_nits) for wall in stage.walls}
    light_keys = {wall.id: light_key(wall.id) for wall in stage.walls}
    sim = StageSim(
        gpu,
        list(walls.geometries.values()),
        panels,
        stage.cameras,
        light_keys,
        size,
        stand_in=None if empty else _standing(stage.sim),
        samples_per_side=samples_per_side,
    )
    exit_stack.callback(sim.release)
    return sim


def _standing(settings: SimSettings) -> StandIn | None:
    """None for a stage on which nothing stands."""
    stand_in = stand_in_of(settings)
    return stand_in if stand_in.figure_m or stand_in.balls or stand_in.flags else None


def world_of(feed: Feed, stage: Stage, pictures: Mapping[str, Any]) -> tuple[Picture, float] | None:
    """What a world's feed is developed from, and which part of its sides the lens sees; None where there is none."""
    picture = pictures.get(world_key(Eye(feed.bus, feed.of))) if feed.kind == "world" else None
    return (picture, seen_part(stage.camera(feed.of))) if picture is not None else None


def load_location(locations: Locations, walls: Walls, location: str) -> None:
    """Load a location and make it ready to be shown, now: before the first frame, or where no wall waits."""
    locations.wait_for(location)
    try:
        walls.prepare(location, locations[location])
    except Exception as error:  # noqa: BLE001  whatever a plate's drawing raises is told, and the show begins
        locations.give_up(location, error)
        walls.prepare(location, locations[location])
