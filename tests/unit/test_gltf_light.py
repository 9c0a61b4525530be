"""The light of a dome: known answers, and against the integrals themselves."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.plates.dome import dome_uv
from vpengine.plates.gltf.clusters import Clusters
from vpengine.plates.gltf.environment import (
    GRID,
    MIRROR_SIDE,
    ROUGHNESSES,
    environment,
    grid_directions,
    grid_solid_angles,
    harmonics,
    octahedral,
)
from vpengine.plates.gltf.light import under_dome, under_street_sky
from vpengine.plates.street.light import SUN, sky_panorama, sun_direction
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.light import DAY, Light
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View


def smooth(direction: np.ndarray) -> np.ndarray:
    """A sky: bright above, warm to one side."""
    x, _, z = np.moveaxis(direction, -1, 0)
    return np.stack([1.0 + 0.6 * z + 0.3 * x, 1.0 + 0.6 * z, 1.2 + 0.8 * z * z], axis=-1)


def directions(count: int = 40) -> np.ndarray:
    found = np.random.default_rng(3).normal(size=(count, 3))
    return found / np.linalg.norm(found, axis=-1, keepdims=True)


def equirect(height: int = 64) -> np.ndarray:
    """Stage directions of a dome's pixels, whose middle is ahead."""
    polar = (np.arange(height) + 0.5) / height * np.pi
    azimuth = ((np.arange(2 * height) + 0.5) / (2 * height) - 0.5) * 2.0 * np.pi
    x, y = np.sin(polar)[:, None] * np.sin(azimuth), np.sin(polar)[:, None] * np.cos(azimuth)
    return np.stack([x, y, np.broadcast_to(np.cos(polar)[:, None], x.shape)], axis=-1)


def test_the_grid_is_the_whole_sphere() -> None:
    np.testing.assert_allclose(grid_solid_angles().sum() * GRID[1], 4.0 * np.pi, rtol=1e-9)


def test_in_a_white_furnace_all_is_white() -> None:
    found = environment(np.ones((*GRID, 3)))
    np.testing.assert_allclose(harmonics(directions()) @ found.irradiance, 1.0, atol=2e-3)
    np.testing.assert_allclose(found.mirrors, 1.0, atol=1e-4)


def test_irradiance_is_the_cosine_s_integral() -> None:
    """Nine numbers keep a smooth sky to a hundredth (Ramamoorthi & Hanrahan: 3 percent at worst for any)."""
    found = environment(smooth(grid_directions()))
    normals = directions()
    cosine = np.maximum(np.einsum("nc,rkc->nrk", normals, grid_directions()), 0.0)
    exact = np.einsum("nrk,rk,rkc->nc", cosine, np.broadcast_to(grid_solid_angles(), GRID), smooth(grid_directions()))
    np.testing.assert_allclose(harmonics(normals) @ found.irradiance, exact / np.pi, atol=0.012)


def test_mirrors_show_the_sky_where_they_look_and_rough_ones_less_of_it() -> None:
    found = environment(smooth(grid_directions()))
    at = np.rint((octahedral(directions()) * 0.5 + 0.5) * (MIRROR_SIDE - 1)).astype(int)
    np.testing.assert_allclose(found.mirrors[0][at[:, 1], at[:, 0]], smooth(directions()), atol=0.09)
    spreads = [float(layer.std(axis=(0, 1)).mean()) for layer in found.mirrors]
    assert len(spreads) == len(ROUGHNESSES)
    assert spreads == sorted(spreads, reverse=True)
    assert spreads[-1] < 0.8 * spreads[0]


def test_octahedral_halves_meet() -> None:
    x, y = octahedral(np.array([[0.6, 0.0, 1e-9], [0.6, 0.0, -1e-9]]))
    np.testing.assert_allclose(x, y, atol=1e-6)
    np.testing.assert_allclose(np.abs(octahedral(np.array([0.0, 0.0, -1.0]))), [1.0, 1.0])


@pytest.mark.parametrize("yaw_deg", [0.0, 50.0])
def test_a_dome_s_sun_is_found_where_it_stands(yaw_deg: float) -> None:
    """Its energy and place; what is left has none of it, and together they light as the picture does."""
    direction = equirect(384)
    to_sun = sun_direction(-30.0, 40.0)
    pixels = np.ones((*direction.shape[:2], 4), np.float16)
    disc = direction @ to_sun > np.cos(np.radians(1.0))
    pixels[disc, :3] = [4000.0, 3200.0, 2400.0]
    found = under_dome(pixels, yaw_deg, 0.5)
    turn = np.radians(yaw_deg)
    c, s = np.cos(turn), np.sin(turn)
    turned = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ to_sun
    assert np.degrees(np.arccos(min(1.0, float(found.to_sun @ turned)))) < 0.2
    angle = 2.0 * np.pi * (1.0 - np.cos(np.radians(1.0)))
    np.testing.assert_allclose(found.sun, np.array([2000.0, 1600.0, 1200.0]) * angle / np.pi, rtol=0.05)
    np.testing.assert_allclose(harmonics(directions()) @ found.environment.irradiance, 0.5, atol=0.01)
    uv = np.argwhere(disc).mean(axis=0)[::-1] / [768, 384]
    np.testing.assert_allclose(dome_uv(found.to_sun, yaw_deg), uv, atol=0.003)


def test_a_bright_window_is_no_sun_and_stays_in_the_dome() -> None:
    direction = equirect()
    pixels = np.ones((*direction.shape[:2], 3), np.float16)
    pixels[direction @ sun_direction(0.0, 30.0) > np.cos(np.radians(3.0))] = 10.0
    found = under_dome(pixels, 0.0, 1.0)
    assert not found.sun.any()
    assert found.level[0] > 1.0


def test_the_street_s_sky_lights_as_the_street_s_light_says() -> None:
    """Within a third of a stop of what the street has for its open sky; and clouds a stop under sun and sky."""
    to_sun = sun_direction(-38.0, 37.0)
    found = under_street_sky(sky_panorama(1, to_sun), to_sun)
    np.testing.assert_array_equal(found.sun, SUN)
    clear, cloudy, night = (found.values(light) for light in (DAY, Light(sun=0.0), Light(sky=0.0, sun=0.0)))
    up = harmonics(np.array([0.0, 0.0, 1.0]))
    level = up @ clear["irradiance"] + clear["sun"] * to_sun[2]
    under_clouds = up @ cloudy["irradiance"]
    assert not cloudy["sun"].any()
    assert not night["sun"].any()
    assert 0.4 < (under_clouds / level).mean() < 0.6
    assert (up @ night["irradiance"] / under_clouds).mean() < 0.1


def test_light_between_lies_between() -> None:
    found = under_street_sky(sky_panorama(1, sun_direction(0.0, 40.0)), sun_direction(0.0, 40.0))
    low, middle, high = (found.values(Light(sun=sun)) for sun in (0.0, 0.5, 1.0))
    for key in ("irradiance", "sun"):
        np.testing.assert_allclose(middle[key], (low[key] + high[key]) / 2.0, atol=1e-9)


def test_clusters_leave_out_only_what_is_not_seen() -> None:
    """Every triangle with a corner in the picture is drawn, most of what is behind is not, and the near come first."""
    rng = np.random.default_rng(5)
    middle = rng.uniform(-60.0, 60.0, (60000, 1, 3))
    position = (middle + rng.uniform(-0.5, 0.5, (60000, 3, 3))).reshape(-1, 3)
    triangles = np.arange(len(position), dtype=np.uint32).reshape(-1, 3)
    view = View(
        view_from_stage(from_opentrackio((1.0, 2.0, 1.6), 30.0, 5.0, 0.0)),
        clip_from_view(Lens((36.0, 20.25), 35.0)),
        (320, 180),
    )
    seen = Clusters(position, triangles).seen(view)
    clip = np.concatenate([position, np.ones((len(position), 1))], axis=1) @ view.clip_from_stage.T
    inside = (np.abs(clip[:, :2]) < clip[:, 3:]).all(axis=1).reshape(-1, 3).any(axis=1)
    assert set(np.flatnonzero(inside)) <= set(seen[:, 0] // 3)
    assert len(seen) < 0.45 * len(triangles)
    assert len(np.unique(seen[:, 0])) == len(seen)
    distance = np.linalg.norm(position[seen[:, 0]] - view.origin_m, axis=-1)
    assert distance[: len(seen) // 4].mean() < 0.7 * distance[-len(seen) // 4 :].mean()
