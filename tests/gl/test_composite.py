"""A keyed picture over a world: exactly over, shaded, lit by it, behind what is in front, with grain and black."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.keying import GREEN, SIZE, SKIN, lending, mixed, ramp_alpha, texture_of, values_of
from vpengine.compose.composite import Composite
from vpengine.compose.key import Keyer
from vpengine.compose.key_settings import KeySettings
from vpengine.control.key import WORLD
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import upload

SETTINGS = KeySettings()
WORLD_LIGHT = np.broadcast_to(np.array([0.2, 0.3, 0.9]), (SIZE[1], SIZE[0], 3))


class Stage:
    """Draws one picture over one world, with everything that it was made from."""

    def __init__(self, engine: Gpu) -> None:
        self.engine = engine
        self.keyer, self.composite = Keyer(engine), Composite(engine)
        self.light = mixed(ramp_alpha(), SKIN, GREEN)

    def draw(
        self,
        settings: KeySettings,
        world: Any = WORLD_LIGHT,
        depth: Any = None,
        mark_m: float | None = None,
        frame: int = 0,
        plate: Any = None,
    ) -> dict[str, Any]:
        target = self.engine.target(SIZE)
        depth_texture = None if depth is None else upload(self.engine.context, depth.astype(np.float32))
        with lending(self.engine) as lend:
            given = {} if plate is None else {"clean_plate": texture_of(self.engine, plate)}
            keyed = self.keyer.draw(texture_of(self.engine, self.light), settings, lend, **given)
            world_texture = texture_of(self.engine, world)
            self.composite.draw(target, keyed, world_texture, depth_texture, settings, mark_m, lend, frame)
            found = {name: values_of(getattr(keyed, name).color) for name in ("matte", "foreground")}
        found["out"] = values_of(target.color)[..., :3]
        target.release()
        return found


@pytest.fixture
def stage(engine: Gpu) -> Stage:
    return Stage(engine)


def over(found: dict[str, Any], world: Any) -> Any:
    return found["foreground"][..., :3] + (1.0 - found["matte"][..., :1]) * world


def test_without_wrap_it_is_exactly_over(stage: Stage) -> None:
    found = stage.draw(SETTINGS)
    np.testing.assert_allclose(found["out"], over(found, WORLD_LIGHT), atol=1e-3)
    assert found["out"][32, 5] == pytest.approx([0.2, 0.3, 0.9], abs=2e-3)
    assert found["out"][32, 90] == pytest.approx(SKIN, abs=5e-3)


def test_a_world_of_another_size_is_seen_whole(stage: Stage) -> None:
    small = np.broadcast_to(np.linspace(0.0, 1.0, 24)[None, :, None], (16, 24, 3))
    out = stage.draw(SETTINGS, small)["out"]
    assert out[32, 2, 0] < 0.05
    assert out[32, 40, 0] == pytest.approx(0.42, abs=0.03)


def test_what_is_nearer_than_the_mark_passes_in_front(stage: Stage) -> None:
    depth = np.full((SIZE[1], SIZE[0]), np.inf)
    depth[:20], depth[20:40] = 2.0, 5.0
    found = stage.draw(SETTINGS, depth=depth, mark_m=3.0)
    np.testing.assert_allclose(found["out"][:20], WORLD_LIGHT[:20], atol=1e-3)
    np.testing.assert_allclose(found["out"][20:], over(found, WORLD_LIGHT)[20:], atol=1e-3)
    without = stage.draw(SETTINGS, depth=depth, mark_m=None)
    np.testing.assert_allclose(without["out"], over(without, WORLD_LIGHT), atol=1e-3)


def test_wrap_brings_the_worlds_light_to_the_edge_alone(stage: Stage) -> None:
    bare = stage.draw(SETTINGS)["out"]
    lit = stage.draw(replace(SETTINGS, wrap=0.5, wrap_radius_px=8.0))["out"]
    added = lit - bare
    assert added[32, 50, 2] > 0.05
    assert added[32, 50, 2] > 2.0 * added[32, 50, 0]  # of the world's colour
    assert np.abs(added[:, :40]).max() < 2e-3  # the world is not lit by itself
    assert np.abs(added[32, 88]).max() < 2e-3


def test_wrap_reaches_as_far_as_is_asked(stage: Stage) -> None:
    bare = stage.draw(SETTINGS)["out"]
    near, far = (stage.draw(replace(SETTINGS, wrap=0.5, wrap_radius_px=radius))["out"] - bare for radius in (4.0, 32.0))
    assert far[32, 75, 2] > near[32, 75, 2] + 0.01


def test_a_shadow_on_the_screen_falls_on_the_world(stage: Stage) -> None:
    plate = np.broadcast_to(np.array(GREEN), (SIZE[1], SIZE[0], 3))
    stage.light = np.array(stage.light)
    stage.light[24:40, :24] *= 0.5
    bare = stage.draw(SETTINGS, plate=plate)["out"]
    shaded = stage.draw(replace(SETTINGS, shadow=1.0), plate=plate)["out"]
    assert shaded[32, 10, 2] == pytest.approx(0.45, abs=0.06)
    assert shaded[6, 10, 2] == pytest.approx(0.9, abs=0.03)
    assert bare[32, 10, 2] == pytest.approx(0.9, abs=0.02)


def test_grain_is_on_the_world_alone_and_moves(stage: Stage) -> None:
    bare = stage.draw(SETTINGS)["out"]
    one, two = (stage.draw(replace(SETTINGS, grain=0.5), frame=frame)["out"] for frame in (1, 2))
    world, actor = np.s_[:, :40], np.s_[:, 60:]
    assert (one - bare)[world].std() > 3e-3
    assert abs((one - bare)[world].mean()) < 1e-3
    np.testing.assert_array_equal(one[actor], bare[actor])
    assert np.corrcoef((one - bare)[world].ravel(), (two - bare)[world].ravel())[0, 1] < 0.1
    np.testing.assert_array_equal(stage.draw(replace(SETTINGS, grain=0.5), frame=1)["out"], one)


def test_black_is_lifted_on_the_world_alone(stage: Stage) -> None:
    out = stage.draw(replace(SETTINGS, black=0.05), np.zeros((SIZE[1], SIZE[0], 3)))["out"]
    assert out[32, 10] == pytest.approx([0.05] * 3, abs=1e-3)
    assert out[32, 90] == pytest.approx(SKIN, abs=5e-3)


def test_spill_is_given_back_as_the_worlds(stage: Stage) -> None:
    stage.light = mixed(ramp_alpha(), np.full(3, 0.3) + 0.1 * np.array(GREEN), GREEN)
    luma = stage.draw(SETTINGS)["out"][32, 50]
    world = stage.draw(replace(SETTINGS, despill_choice=WORLD))["out"][32, 50]
    assert world[2] - luma[2] > 0.005
