"""What of the world is nearer than the actor's mark passes before him with an edge that is as soft as a pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.keying import lending, texture_of, values_of
from vpengine.compose.composite import Composite
from vpengine.compose.key import Keyer
from vpengine.compose.key_settings import KeySettings
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import upload, write

Array = NDArray[Any]
Inside = Callable[[Array, Array], Array]  # of places in pixels, x to the right, y down

SIZE = (96, 64)
SUBSAMPLES = 16  # across and down, of the reference
SETTINGS = KeySettings()
ACTOR, OBJECT, BEYOND = np.array([0.8, 0.1, 0.1]), np.array([0.1, 0.2, 0.9]), np.array([0.1, 4.0, 0.1])
MARK_M, NEAR_M, FAR_M = 3.0, 2.0, 9.0


def slanted(degrees: float, offset: float = 0.3) -> Inside:
    """One side of a straight line through the picture's middle, at so many degrees from the horizontal."""
    across, down = -np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return lambda x, y: (x - SIZE[0] / 2.0) * across + (y - SIZE[1] / 2.0) * down > offset


def disc(x: Array, y: Array) -> Array:
    return np.asarray(np.hypot(x - 47.3, y - 31.6) < 21.4)


def sampled(inside: Inside, x: float = 0.5, y: float = 0.5) -> Array:
    """At that place in each pixel, (rows, columns) of 0 and 1."""
    columns, rows = np.meshgrid(np.arange(SIZE[0]) + x, np.arange(SIZE[1]) + y)
    return inside(columns, rows).astype(np.float64)


def supersampled(inside: Inside) -> Array:
    steps = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES
    return np.asarray(np.mean([sampled(inside, x, y) for x in steps for y in steps], axis=0))


class Stage:
    """Lays an actor, whose alpha is known, over a world, of which some is before him."""

    def __init__(self, engine: Gpu) -> None:
        self.engine, self.keyer = engine, Keyer(engine)

    def draw(
        self,
        world: Array,
        depth: Array | None,
        alpha: float = 1.0,
        settings: KeySettings = SETTINGS,
        mark_m: float = MARK_M,
    ) -> Array:
        target, foreground, matte = (self.engine.target(SIZE) for _ in range(3))
        write(foreground.color, filled(*(alpha * ACTOR), alpha))
        write(matte.color, filled(alpha, 1.0, 0.0, 1.0))
        depth_texture = None if depth is None else upload(self.engine.context, depth.astype(np.float32))
        with lending(self.engine) as lend:
            world_texture = texture_of(self.engine, world)
            keyed = replace(self.keyer.draw(world_texture, SETTINGS, lend), matte=matte, foreground=foreground)
            Composite(self.engine).draw(target, keyed, world_texture, depth_texture, settings, mark_m, lend)
        found = values_of(target.color)[..., :3]
        for one in (target, foreground, matte):
            one.release()
        return found


def filled(*values: float) -> Array:
    return np.broadcast_to(np.array(values, np.float16), (SIZE[1], SIZE[0], 4))


def world_of(cover: Array) -> Array:
    return cover[..., None] * OBJECT + (1.0 - cover[..., None]) * BEYOND


def depth_of(inside: Inside) -> Array:
    return np.where(sampled(inside) > 0.0, NEAR_M, FAR_M)


def cover_in(out: Array) -> Array:
    """How much of each pixel is the object and not the actor."""
    return np.asarray((out - ACTOR) @ (OBJECT - ACTOR) / np.sum((OBJECT - ACTOR) ** 2))


@pytest.fixture
def stage(engine: Gpu) -> Stage:
    return Stage(engine)


@pytest.mark.parametrize("degrees", [14.0, 20.0, 33.0, 59.0, 72.0, 110.0, 157.0])
@pytest.mark.parametrize("is_antialiased", [False, True])
def test_a_slanted_edge_is_as_one_of_many_samples(stage: Stage, degrees: float, is_antialiased: bool) -> None:
    inside = slanted(degrees)
    hard, reference = sampled(inside), supersampled(inside)
    found = cover_in(stage.draw(world_of(reference if is_antialiased else hard), depth_of(inside)))
    edge = (reference > 0.05) & (reference < 0.95)
    soft = (found > 0.0) & (found < 1.0)
    assert soft[edge].mean() > 0.95
    assert np.abs(found - reference).mean() < 0.5 * np.abs(hard - reference).mean()
    np.testing.assert_allclose(found[reference == 0.0], 0.0, atol=0.15)  # no wider than a pixel
    assert np.abs(found - reference).max() < 0.5


def test_a_round_edge_is_nearer_to_the_truth(stage: Stage) -> None:
    reference = supersampled(disc)
    found = cover_in(stage.draw(world_of(reference), depth_of(disc)))
    assert np.abs(found - reference).mean() < 0.65 * np.abs(sampled(disc) - reference).mean()


@pytest.mark.parametrize("inside", [slanted(20.0), disc])
def test_its_colours_are_the_objects_and_the_actors_alone(stage: Stage, inside: Inside) -> None:
    """What is bright behind the actor is in the world's own edge pixels, and is not seen around what is before him."""
    out = stage.draw(world_of(supersampled(inside)), depth_of(inside))
    cover = np.clip(cover_in(out), 0.0, 1.0)[..., None]
    between = cover * OBJECT + (1.0 - cover) * ACTOR
    assert np.abs(out - between).max() < 0.12  # of 4.0 in green


def test_where_the_actor_is_not_the_world_is_as_it_was(stage: Stage) -> None:
    inside = slanted(20.0)
    world = world_of(supersampled(inside))
    out = stage.draw(world, depth_of(inside), alpha=0.0)
    np.testing.assert_allclose(out, world, atol=3e-3)


@pytest.mark.parametrize("settings", [SETTINGS, replace(SETTINGS, wrap=0.5, grain=0.5, shadow=0.5, black=0.02)])
def test_where_nothing_is_in_front_no_bit_changes(stage: Stage, settings: KeySettings) -> None:
    world = np.random.default_rng(1).random((SIZE[1], SIZE[0], 3))
    depth = np.random.default_rng(2).uniform(MARK_M + 0.01, 50.0, (SIZE[1], SIZE[0]))
    depth[:20] = np.inf
    without = stage.draw(world, None, 0.6, settings)
    np.testing.assert_array_equal(stage.draw(world, depth, 0.6, settings), without)
    depth[40:] = NEAR_M
    far_from_it = stage.draw(world, depth, 0.6, settings)
    np.testing.assert_array_equal(far_from_it[:39], without[:39])


def test_ground_that_passes_through_the_mark_has_its_edge_where_depth_says(stage: Stage) -> None:
    """Level ground, nearer further down: the edge is a row of pixels, of which depth alone knows how much."""
    rows = np.arange(SIZE[1]) + 0.5
    for crossing in (40.2, 40.5, 40.9):
        depth = np.repeat((MARK_M * (crossing - 10.0) / np.maximum(rows - 10.0, 1e-6))[:, None], SIZE[0], axis=1)
        found = cover_in(stage.draw(world_of(np.ones(depth.shape)), depth))
        assert found[40] == pytest.approx(41.0 - crossing, abs=0.02)
        assert found[39] == pytest.approx(0.0, abs=0.02)
        assert found[41] == pytest.approx(1.0, abs=0.02)


def test_what_is_thin_stays(stage: Stage) -> None:
    """A wire of one pixel has no inside: it is as it was."""
    wire = np.zeros((SIZE[1], SIZE[0]))
    wire[:, 40] = 1.0
    found = cover_in(stage.draw(world_of(wire), np.where(wire > 0.0, NEAR_M, FAR_M)))
    np.testing.assert_allclose(found, wire, atol=2e-3)


def test_light_wrap_stays_on_the_actor(stage: Stage) -> None:
    """At the edge it is of the actor's share of the pixel."""
    inside = slanted(20.0)
    world, depth = world_of(sampled(inside)), depth_of(inside)
    wrapped = replace(SETTINGS, wrap=0.5)
    lit = stage.draw(world, depth, 0.9, wrapped) - stage.draw(world, depth, 0.9)
    everywhere = stage.draw(world, None, 0.9, wrapped) - stage.draw(world, None, 0.9)
    share = 1.0 - cover_in(stage.draw(world, depth))
    np.testing.assert_allclose(lit, share[..., None] * everywhere, atol=5e-3)
    assert everywhere.max() > 0.02
