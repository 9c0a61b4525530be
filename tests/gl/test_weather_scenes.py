"""The training renderer: seeded, varied, with normals that agree with its depth, and plain where no look is asked."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.geometry import unproject
from vpengine.neural.weather import FADERS
from vpengine.view.noise import detail_noise
from vpengine.view.view import pixel_centres

torch = pytest.importorskip("torch", reason="the trainer's extra `torch` is not installed")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
scenes, gbuffer, pool, shade = (
    importlib.import_module(f"weather_{name}") for name in ("scenes", "gbuffer", "pool", "shade")
)
SIZE = (160, 96)
ALBEDO, NORMAL, MATERIAL, INVERSE, LIGHT, NOISE = slice(0, 3), slice(3, 6), 6, 7, slice(8, 11), 11


@pytest.fixture(scope="module")
def renderer(gpu: Any) -> Any:
    return gbuffer.GBufferRenderer(gpu, SIZE)


def seed_of(kind: str) -> int:
    """The first seed whose scene is of a family."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        if scenes.FAMILY_NAMES[rng.choice(len(scenes.FAMILY_NAMES), p=scenes.FAMILY_WEIGHTS)] == kind:
            return seed
    raise AssertionError(f"no seed below 100 gives {kind}")


def drawn(renderer: Any, seed: int, number: int = 0) -> tuple[NDArray[np.float32], Any]:
    scene = scenes.random_scene(seed, number + 1, SIZE)
    renderer.load(scene.scene)
    return renderer.draw(scene.views[number]), scene


@pytest.mark.parametrize("kind", ["city", "terrain", "interior", "street", "vista"])
def test_a_seed_gives_the_same_picture_again(renderer: Any, kind: str) -> None:
    first, scene = drawn(renderer, seed_of(kind))
    assert scene.kind == kind
    np.testing.assert_array_equal(first, drawn(renderer, seed_of(kind))[0])


def test_another_seed_gives_another_picture(renderer: Any) -> None:
    pictures = [drawn(renderer, seed)[0] for seed in range(4)]
    for one in range(4):
        for other in range(one):
            assert np.abs(pictures[one][ALBEDO] - pictures[other][ALBEDO]).mean() > 0.02


def test_normals_are_those_of_the_depth(renderer: Any) -> None:
    picture, scene = drawn(renderer, seed_of("interior"))
    depth = np.where(picture[INVERSE] > 0.0, 1.0 / np.maximum(picture[INVERSE], 1e-6), np.nan)
    points = unproject(scene.views[0], pixel_centres(SIZE), depth)
    across, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
    from_depth = np.cross(down, across)
    from_depth /= np.linalg.norm(from_depth, axis=-1, keepdims=True)
    normal = np.moveaxis(picture[NORMAL], 0, -1)[1:-1, 1:-1]
    agreement = (from_depth * normal).sum(-1)
    assert np.nanmedian(agreement) > 0.999
    assert np.mean(agreement > 0.95) > 0.75  # the rest lies on edges


def test_the_noise_is_the_engines(renderer: Any) -> None:
    picture, scene = drawn(renderer, seed_of("interior"))
    depth = 1.0 / np.maximum(picture[INVERSE], 1e-6)
    footprint = depth * gbuffer.pixel_width(scene.views[0])
    points = unproject(scene.views[0], pixel_centres(SIZE), depth)
    expected = detail_noise(points, footprint, scene.scene.noise_seed)
    assert np.median(np.abs(expected - picture[NOISE])[picture[INVERSE] > 0.0]) < 1e-3


def test_the_sun_and_the_sky_are_hidden_by_what_stands_before_them(renderer: Any) -> None:
    picture, _ = drawn(renderer, seed_of("city"))
    solid = picture[INVERSE] > 0.0
    sun, sky, zenith = (plane[solid] for plane in picture[LIGHT])
    for plane in (sun, sky, zenith):
        assert plane.min() >= 0.0
        assert plane.max() <= 1.0
    assert 0.02 < np.mean(sun < 0.5) < 0.999
    assert sky.std() > 0.05


def shaded(renderer: Any, looks: Any) -> Any:
    picture, scene = drawn(renderer, seed_of("street"))
    numbers = pool.view_numbers(scene.views[0], scene.scene.sun, scene.scene.indoors)
    count = len(looks)
    light = shade.random_light(torch.from_numpy(numbers[None]), torch.Generator().manual_seed(3))
    views = np.repeat(numbers[None], count, 0)
    return pool.Shader(False).batch(np.repeat(picture[None], count, 0), views, pool.whole(count), looks, light)


def test_no_look_is_the_plain_picture(renderer: Any) -> None:
    batch = shaded(renderer, torch.zeros(1, len(FADERS)))
    np.testing.assert_allclose(batch.target.numpy(), batch.color.numpy(), atol=1e-5)


def test_every_fader_changes_the_picture_and_more_so_further_up(renderer: Any) -> None:
    looks = torch.cat([value * torch.eye(len(FADERS)) for value in (0.1, 0.5, 1.0)])
    batch = shaded(renderer, looks)
    assert torch.isfinite(batch.target).all()
    change = (batch.target - batch.color).abs().mean(dim=(1, 2, 3)).reshape(3, -1).numpy()
    assert np.all(change[0] > 0.0005)
    assert np.all(np.diff(change, axis=0) > 0.005)


def test_looks_are_one_to_three_faders() -> None:
    looks = pool.random_looks(500, torch.Generator().manual_seed(0))
    up = (looks > 0.0).sum(dim=1)
    assert set(up.tolist()) == {1, 2, 3}
    assert float(looks.max()) <= 1.0
