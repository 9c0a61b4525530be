"""Random, seeded scenes and viewpoints to train on: city, terrain, interior, and the engine's own street."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from weather_gbuffer import Scene
from weather_mesh import Material, Part, Pattern, Surface, ball, box, cylinder, ground, join
from weather_street import street_mesh

from vpengine.view.lens import frustum
from vpengine.view.pose import Array, from_opentrackio, view_from_stage
from vpengine.view.view import View

Rng = np.random.Generator
Colour = tuple[float, float, float]
SENSOR_WIDTH_MM = 36.0


@dataclass(frozen=True, eq=False)
class SceneAndViews:
    """A scene with its viewpoints; kind names the family."""

    kind: str
    scene: Scene
    views: tuple[View, ...]


def random_scene(seed: int, views: int, resolution: tuple[int, int]) -> SceneAndViews:
    """The scene of a seed, with ``views`` random viewpoints; the same seed gives the same scene everywhere."""
    rng = np.random.default_rng(seed)
    names, weights = FAMILY_NAMES, FAMILY_WEIGHTS
    kind = names[rng.choice(len(names), p=weights)]
    scene, viewpoint = FAMILIES[kind](rng, seed)
    return SceneAndViews(kind, scene, tuple(_view(rng, *viewpoint(rng), resolution) for _ in range(views)))


def _view(rng: Rng, position_m: Array, pan_deg: float, tilt_deg: float, resolution: tuple[int, int]) -> View:
    """A lens of 24 to 85 mm, or in one of five 12 to 24 mm and any way up, as faces of a surround are; half of the
    pictures are a window of one up to twice as large, for varied pixel scale.
    """
    focal_mm = float(np.exp(rng.uniform(np.log(24.0), np.log(85.0))))
    if rng.random() < 0.2:
        focal_mm, tilt_deg = float(rng.uniform(12.0, 24.0)), float(rng.uniform(-60.0, 70.0))
    pose = from_opentrackio(tuple(position_m), pan_deg, tilt_deg, float(rng.normal(0.0, 1.5)))
    width, height = resolution
    half_width = 0.1 * 0.5 * SENSOR_WIDTH_MM / focal_mm
    half_height = half_width * height / width
    part = 1.0 if rng.random() < 0.4 else 1.0 / rng.uniform(1.0, 2.0)
    x, y = rng.uniform(-1.0, 1.0, 2) * (1.0 - part) * np.array([half_width, half_height])
    clip = frustum(
        x - half_width * part, x + half_width * part, y - half_height * part, y + half_height * part, 0.1, 4000.0
    )
    return View(view_from_stage(pose), clip, resolution)


def _sun(rng: Rng) -> Array:
    elevation, azimuth = np.radians(rng.uniform(12.0, 65.0)), rng.uniform(0.0, 2.0 * np.pi)
    return np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])


def _colour(rng: Rng, low: float = 0.06, high: float = 0.7, vivid: float = 0.25) -> Colour:
    """Mostly greys and browns, as the world is; sometimes a painted thing."""
    level = np.exp(rng.uniform(np.log(low), np.log(high)))
    warm = np.array([1.0, 0.88, 0.72]) ** rng.uniform(-0.5, 1.6)
    tint = rng.uniform(0.35, 1.0, 3) if rng.random() < vivid else warm
    r, g, b = np.clip(level * tint / tint.max(), 0.015, 0.9)
    return float(r), float(g), float(b)


def _surface(rng: Rng, *patterns: Pattern, scale_m: tuple[float, float] = (0.4, 3.0), **options: float) -> Surface:
    pattern = patterns[rng.integers(len(patterns))]
    return Surface(
        _colour(rng), _colour(rng), pattern, float(rng.uniform(*scale_m)), salt=float(rng.random()), **options
    )


_ANY = (Pattern.PLAIN, Pattern.MOTTLED, Pattern.BRICKS, Pattern.PLANKS, Pattern.TILES, Pattern.STRIPES, Pattern.SPOTS)


# City: a street between rows of buildings.


def _city(rng: Rng, seed: int) -> tuple[Scene, Callable[[Rng], tuple[Array, float, float]]]:
    half_street_m = float(rng.uniform(4.5, 11.0))
    parts = _pavement(rng, half_street_m)
    for side in (-1.0, 1.0):
        parts += _row_of_houses(rng, side, half_street_m + 2.5)
        parts += _street_furniture(rng, side, half_street_m)
    if rng.random() < 0.6:
        parts.append(_house(rng, float(rng.uniform(-8, 8)), 75.0, float(rng.uniform(12, 24)), 12.0))
    scene = Scene(join(parts), _sun(rng), seed)

    def viewpoint(r: Rng) -> tuple[Array, float, float]:
        position = np.array([r.uniform(-0.8, 0.8) * half_street_m, r.uniform(-30.0, 30.0), _height(r)])
        along = 0.0 if r.random() < 0.5 else 180.0
        return position, along + float(r.normal(0.0, 28.0)), float(r.uniform(-16.0, 14.0))

    return scene, viewpoint


def _height(rng: Rng) -> float:
    return float(np.exp(rng.uniform(np.log(0.5), np.log(9.0))))


def _pavement(rng: Rng, half_street_m: float) -> list[Part]:
    level = rng.uniform(0.04, 0.16)
    asphalt = Surface(
        (level, level, level * 1.03), (0.5, 0.5, 0.5), Pattern.ROAD, half_street_m, Material.GROUND, rng.random()
    )
    slab = _colour(rng, 0.15, 0.4, 0.0)
    pavement = Surface(
        slab, (0.1, 0.1, 0.1), Pattern.TILES, float(rng.uniform(0.4, 1.2)), Material.GROUND, rng.random()
    )
    parts = [box((0, 0, -0.5), (220, 220, 1.0), asphalt)]
    for side in (-1.0, 1.0):
        parts.append(box((side * (half_street_m + 1.25), 0, 0.0), (2.5, 200, 0.3), pavement))
    return parts


def _row_of_houses(rng: Rng, side: float, edge_m: float) -> list[Part]:
    parts, y = [], -85.0
    while y < 85.0:
        length = float(rng.uniform(7.0, 22.0))
        if rng.random() < 0.9:
            depth = float(rng.uniform(8, 14))
            parts.append(
                _house(rng, side * (edge_m + 0.5 * depth + rng.uniform(0.0, 0.6)), y + 0.5 * length, depth, length)
            )
            parts += _house_details(rng, side, edge_m, y, length)
        y += length
    return parts


def _house(rng: Rng, x: float, y: float, depth: float, length: float) -> Part:
    storeys = int(rng.integers(1, 8))
    kind = Pattern.FACADE if rng.random() < 0.85 else Pattern.BRICKS
    scale = float(rng.uniform(1.6, 3.6)) if kind == Pattern.FACADE else 0.5
    surface = Surface(_colour(rng, 0.12, 0.6), _colour(rng, 0.2, 0.7), kind, scale, salt=float(rng.random()))
    height = storeys * 3.1 + 0.4
    return box((x, y, 0.5 * height), (depth, length, height), surface)


def _house_details(rng: Rng, side: float, edge_m: float, y: float, length: float) -> list[Part]:
    parts = []
    trim = Surface(_colour(rng, 0.2, 0.7), _colour(rng), Pattern.PLAIN)
    if rng.random() < 0.5:
        parts.append(box((side * edge_m, y + 0.5 * length, 3.1), (0.7, length * 0.96, 0.18), trim))
    if rng.random() < 0.35:
        for step in range(int(rng.integers(1, 4))):
            z = 3.1 * (step + 1) + 0.1
            parts.append(box((side * (edge_m - 0.1), y + 0.5 * length, z), (1.2, length * 0.3, 0.15), trim))
            rail = Surface((0.05, 0.05, 0.05), (0.1, 0.1, 0.1), material=Material.METAL)
            parts.append(box((side * (edge_m - 0.65), y + 0.5 * length, z + 0.5), (0.05, length * 0.3, 0.9), rail))
    if rng.random() < 0.3:
        awning = Surface(_colour(rng, 0.2, 0.6, 1.0), (0.7, 0.7, 0.68), Pattern.STRIPES, 0.5)
        parts.append(box((side * (edge_m - 0.5), y + 0.4 * length, 2.6), (1.6, length * 0.4, 0.1), awning))
    if rng.random() < 0.35:
        size = (0.12, rng.uniform(0.6, 2.5), rng.uniform(0.4, 1.2))
        centre = (side * (edge_m - 0.2), y + rng.uniform(0.2, 0.8) * length, rng.uniform(2.6, 5.0))
        parts.append(box(centre, size, _sign(rng), casts=False))
    return parts


def _sign(rng: Rng) -> Surface:
    """Glows in a colour of its own, as saturated as lamps are: red is as often as all others."""
    hue = np.array([1.0, 0.0, 0.0]) if rng.random() < 0.5 else rng.permutation([1.0, float(rng.random()), 0.0])
    light = tuple(0.06 + 0.84 * hue)
    return Surface(light, light, material=Material.LAMP)


def _street_furniture(rng: Rng, side: float, half_street_m: float) -> list[Part]:
    parts = []
    metal = Surface((0.12, 0.12, 0.12), (0.2, 0.2, 0.2), material=Material.METAL)
    for y in np.arange(-60.0, 60.0, float(rng.uniform(14, 28))) + rng.uniform(-5, 5):
        if rng.random() < 0.7:
            parts += _lamp_post(side * (half_street_m + 0.6), float(y), side, metal)
    for _ in range(int(rng.integers(1, 7))):
        parts += _car(rng, side * (half_street_m - 1.2), float(rng.uniform(-50, 50)))
    for _ in range(int(rng.integers(0, 5))):
        parts += _tree(rng, np.array([side * (half_street_m + 1.2), rng.uniform(-50, 50), 0.0]))
    for _ in range(int(rng.integers(0, 6))):
        size = rng.uniform(0.3, 1.2, 3)
        centre = (side * (half_street_m + rng.uniform(0.5, 2.0)), rng.uniform(-40, 40), 0.5 * size[2] + 0.15)
        parts.append(box(centre, size, _surface(rng, *_ANY), float(rng.uniform(0, 90))))
    return parts


def _lamp_post(x: float, y: float, side: float, metal: Surface) -> list[Part]:
    lamp = Surface((0.85, 0.8, 0.7), (0.85, 0.8, 0.7), material=Material.LAMP)
    return [
        cylinder((x, y, 0.0), 0.09, 5.6, metal, 0.7, 8),
        box((x - side * 0.6, y, 5.6), (1.5, 0.1, 0.1), metal),
        box((x - side * 1.2, y, 5.5), (0.6, 0.25, 0.14), lamp),
    ]


def _car(rng: Rng, x: float, y: float) -> list[Part]:
    body = Surface(_colour(rng, 0.03, 0.6, 0.5), (0.1, 0.1, 0.1), material=Material.METAL)
    glass = Surface((0.03, 0.035, 0.04), (0.03, 0.03, 0.03), material=Material.METAL)
    tyre = Surface((0.02, 0.02, 0.02), (0.03, 0.03, 0.03))
    length = float(rng.uniform(3.8, 4.8))
    parts = [
        box((x, y, 0.62), (1.75, length, 0.62), body),
        box((x, y - 0.2, 1.15), (1.55, length * 0.52, 0.5), glass),
        box((x, y - 0.2, 1.43), (1.5, length * 0.48, 0.08), body),
    ]
    for dx in (-0.8, 0.8):
        for dy in (-0.32, 0.32):
            parts.append(ball((x + dx, y + dy * length, 0.32), (0.12, 0.32, 0.32), tyre, 6))
    return parts


def _tree(rng: Rng, base_m: Array) -> list[Part]:
    height = float(rng.uniform(2.5, 7.0))
    bark = Surface(_colour(rng, 0.06, 0.2, 0.0), (0.05, 0.04, 0.03), Pattern.MOTTLED, 0.5)
    green = np.array([0.09, 0.16, 0.04]) * rng.uniform(0.6, 1.8) * np.array([rng.uniform(0.7, 2.4), 1.0, 1.0])
    leaves = Surface(tuple(green), tuple(green * 0.5), Pattern.LEAVES, 0.6, Material.FOLIAGE, float(rng.random()))
    parts = [cylinder(base_m, 0.04 * height, height * 0.75, bark, 0.5, 8)]
    for _ in range(int(rng.integers(2, 6))):
        offset = rng.normal(0.0, 0.14, 3) * height
        parts.append(ball(base_m + offset + [0, 0, height * 0.8], rng.uniform(0.15, 0.32, 3) * height, leaves, 9))
    return parts


# Open terrain with boxes, balls, trees and walls.


def _terrain(rng: Rng, seed: int) -> tuple[Scene, Callable[[Rng], tuple[Array, float, float]]]:
    heights = _hills(rng, 49, float(rng.uniform(0.0, 5.0)))
    kinds = ((0.10, 0.14, 0.05), (0.28, 0.22, 0.14), (0.2, 0.2, 0.19), (0.42, 0.36, 0.26), (0.12, 0.12, 0.12))
    first = np.array(kinds[rng.integers(len(kinds))]) * rng.uniform(0.7, 1.4)
    parts = [ground(heights, 140.0, _soil(rng, first, 1.6, (0.8, 9.0)))]
    for _ in range(int(rng.integers(12, 40))):
        parts += _thing(rng, heights)
    scene = Scene(join(parts), _sun(rng), seed)

    def viewpoint(r: Rng) -> tuple[Array, float, float]:
        x, y = r.uniform(-30.0, 30.0, 2)
        height = _ground_height(heights, x, y) + np.exp(r.uniform(np.log(0.4), np.log(15.0)))
        pan = float(np.degrees(np.arctan2(x, -y)) + r.normal(0.0, 50.0))
        return np.array([x, y, height]), pan, float(r.uniform(-20.0, 10.0))

    return scene, viewpoint


def _soil(rng: Rng, color: Array, brightest: float, spots_m: tuple[float, float]) -> Surface:
    """Ground of a colour, with spots of up to ``brightest`` times it; how large, from the least to the most."""
    second = color * rng.uniform(0.4, brightest, 3)
    size_m = float(rng.uniform(*spots_m))
    return Surface(tuple(color), tuple(second), Pattern.MOTTLED, size_m, Material.GROUND, rng.random())


def _hills(rng: Rng, n: int, roughness_m: float) -> Array:
    axis = np.linspace(-1.0, 1.0, n)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    out = np.zeros((n, n))
    for octave in range(1, 6):
        a, b, c = rng.uniform(0, 2 * np.pi, 3)
        waves = np.sin(octave * 2.4 * (x * np.cos(a) + y * np.sin(a)) + b) * np.sin(
            octave * 1.9 * (y * np.cos(a) - x) + c
        )
        out += roughness_m * waves / octave**1.3
    return out


def _ground_height(heights: Array, x: float, y: float) -> float:
    n = heights.shape[0]
    i, j = (int(np.clip((v + 70.0) / 140.0 * (n - 1), 0, n - 1)) for v in (x, y))
    return float(heights[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].max())


def _thing(rng: Rng, heights: Array) -> list[Part]:
    x, y = rng.normal(0.0, 22.0, 2)
    z = _ground_height(heights, x, y)
    draw = rng.random()
    size = np.exp(rng.uniform(np.log(0.4), np.log(6.0))) * rng.uniform(0.5, 1.5, 3)
    if draw < 0.35:
        return [box((x, y, z + 0.35 * size[2]), size, _surface(rng, *_ANY), float(rng.uniform(0, 90)))]
    if draw < 0.5:
        return [ball((x, y, z + 0.3 * size[2]), 0.6 * size, _surface(rng, *_ANY))]
    if draw < 0.85:
        return _tree(rng, np.array([x, y, z - 0.3]))
    if draw < 0.93:
        return [
            cylinder((x, y, z - 0.2), 0.3 * size[0], size[2] + 0.5, _surface(rng, *_ANY), float(rng.uniform(0.3, 1.0)))
        ]
    house = Surface(
        _colour(rng, 0.15, 0.6), _colour(rng, 0.2, 0.7), Pattern.FACADE, float(rng.uniform(1.6, 3.0)), salt=rng.random()
    )
    return [box((x, y, z + 2.5), (*rng.uniform(5, 10, 2), 7.0), house, float(rng.uniform(0, 90)))]


# Interior: a room with furniture, and table tops seen from near, so that photographs of rooms and desks behave.


def _interior(rng: Rng, seed: int) -> tuple[Scene, Callable[[Rng], tuple[Array, float, float]]]:
    width, length, height = rng.uniform(3.5, 8.0), rng.uniform(4.0, 10.0), rng.uniform(2.4, 3.4)
    walls = _surface(rng, Pattern.PLAIN, Pattern.MOTTLED, Pattern.BRICKS, Pattern.STRIPES)
    floor = _surface(rng, Pattern.PLANKS, Pattern.TILES, Pattern.MOTTLED, material=Material.GROUND)
    parts = [
        box((0, 0, 0.5 * height), (width, length, height), walls, inward=True, casts=False),
        box((0, 0, -0.05), (width, length, 0.12), floor),
    ]
    parts += _windows_and_lamps(rng, width, length, height)
    tables = []
    for _ in range(int(rng.integers(2, 6))):
        centre = rng.uniform(-0.4, 0.4, 2) * np.array([width, length])
        tables.append((*centre, *_table(rng, centre, parts)))
    scene = Scene(join(parts), _sun(rng), seed, indoors=True)

    def viewpoint(r: Rng) -> tuple[Array, float, float]:
        if r.random() < 0.45:
            return _table_viewpoint(r, tables[r.integers(len(tables))], width, length)
        position = np.array([r.uniform(-0.4, 0.4) * width, r.uniform(-0.45, 0.45) * length, r.uniform(0.7, 2.0)])
        pan = float(np.degrees(np.arctan2(position[0], -position[1])) + r.normal(0.0, 35.0))
        return position, pan, float(r.uniform(-20.0, 8.0))

    return scene, viewpoint


def _windows_and_lamps(rng: Rng, width: float, length: float, height: float) -> list[Part]:
    parts = []
    glass = Surface((0.5, 0.55, 0.6), (0.5, 0.5, 0.5), material=Material.LAMP)
    frame = _surface(rng, Pattern.PLAIN)
    for _ in range(int(rng.integers(0, 3))):
        y = rng.uniform(-0.35, 0.35) * length
        side = float(rng.choice([-0.5, 0.5]))
        parts.append(box((side * width, y, 1.5), (0.1, 1.3, 1.3), frame, casts=False))
        parts.append(box((side * width, y, 1.5), (0.13, 1.15, 1.15), glass, casts=False))
    if rng.random() < 0.6:
        lamp = Surface((0.85, 0.8, 0.7), (0.8, 0.8, 0.7), material=Material.LAMP)
        parts.append(box((0, rng.uniform(-1, 1), height), (0.5, 1.2, 0.12), lamp, casts=False))
    return parts


def _table(rng: Rng, centre: Array, parts: list[Part]) -> tuple[float, float]:
    """Adds a piece of furniture with things on it; its height and half width."""
    size = rng.uniform((0.6, 0.5, 0.35), (1.8, 1.1, 1.0))
    top = _surface(rng, Pattern.PLANKS, Pattern.PLAIN, Pattern.MOTTLED, scale_m=(0.3, 1.0))
    yaw = float(rng.uniform(0, 90))
    if rng.random() < 0.5:
        parts.append(box((*centre, 0.5 * size[2]), size, top, yaw))
    else:
        parts.append(box((*centre, size[2] - 0.025), (size[0], size[1], 0.05), top, yaw))
        for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            leg = (centre[0] + dx * 0.25 * size[0], centre[1] + dy * 0.25 * size[1], 0.0)
            parts.append(cylinder(leg, 0.03, size[2] - 0.05, top, 1.0, 6))
    for _ in range(int(rng.integers(2, 12))):
        parts += _object_on(rng, centre + rng.uniform(-0.3, 0.3, 2) * size[:2], float(size[2]))
    return float(size[2]), float(0.5 * size[0])


def _object_on(rng: Rng, at: Array, z: float) -> list[Part]:
    size = np.exp(rng.uniform(np.log(0.04), np.log(0.35))) * rng.uniform(0.6, 1.4, 3)
    surface = _surface(rng, *_ANY, scale_m=(0.03, 0.4))
    draw = rng.random()
    if draw < 0.5:
        return [box((*at, z + 0.5 * size[2]), size, surface, float(rng.uniform(0, 90)))]
    if draw < 0.75:
        return [ball((*at, z + 0.5 * size[2]), 0.5 * size, surface)]
    return [cylinder((*at, z), 0.4 * size[0], size[2], surface, float(rng.uniform(0.5, 1.1)))]


def _table_viewpoint(
    rng: Rng, table: tuple[float, float, float, float], width: float, length: float
) -> tuple[Array, float, float]:
    x, y, z, half = table
    angle, away = rng.uniform(0, 2 * np.pi), half + rng.uniform(0.5, 1.6)
    limit = np.array([0.48 * width, 0.48 * length])
    eye = np.clip(np.array([x, y]) + away * np.array([np.cos(angle), np.sin(angle)]), -limit, limit)
    up = rng.uniform(0.15, 0.9)
    pan = float(np.degrees(np.arctan2(eye[0] - x, y - eye[1])) + rng.normal(0.0, 8.0))
    tilt = float(-np.degrees(np.arctan2(up - 0.1, max(np.hypot(x - eye[0], y - eye[1]), 0.2))) + rng.normal(0.0, 5.0))
    return np.array([*eye, z + up]), pan, max(tilt, -45.0)


# The engine's own street, which is the first thing people see.


def _street(rng: Rng, seed: int) -> tuple[Scene, Callable[[Rng], tuple[Array, float, float]]]:
    mesh, low_m, high_m = street_mesh(int(rng.integers(1 << 30)))
    scene = Scene(mesh, _sun(rng), seed)

    def viewpoint(r: Rng) -> tuple[Array, float, float]:
        along = r.uniform(low_m[1], low_m[1] + 0.7 * (high_m[1] - low_m[1]))
        position = np.array([r.uniform(low_m[0], high_m[0]), along, np.exp(r.uniform(np.log(0.5), np.log(6.0)))])
        turned = 0.0 if r.random() < 0.75 else 180.0
        return position, turned + float(r.normal(0.0, 24.0)), float(r.uniform(-14.0, 14.0))

    return scene, viewpoint


# A vista: a plain with things on it before hills kilometres away, under much sky.


def _vista(rng: Rng, seed: int) -> tuple[Scene, Callable[[Rng], tuple[Array, float, float]]]:
    heights = _hills(rng, 97, float(rng.uniform(20.0, 160.0)))
    axis = np.linspace(-1.0, 1.0, 97)
    far = np.hypot(*np.meshgrid(axis, axis, indexing="ij"))
    heights = np.where(far < 0.08, 0.0, np.maximum(heights * np.clip((far - 0.08) * 1.6, 0.0, 1.0), -2.0))
    green = np.array([0.10, 0.13, 0.06]) * rng.uniform(0.6, 2.2) * rng.uniform(0.7, 1.4, 3)
    parts = [ground(heights, 5000.0, _soil(rng, green, 1.8, (4.0, 60.0)))]
    for _ in range(int(rng.integers(4, 24))):
        parts += _thing(rng, np.zeros((3, 3)))
    for _ in range(int(rng.integers(0, 12))):
        parts.append(_house(rng, *rng.uniform(-150.0, 150.0, 2), *rng.uniform(8.0, 20.0, 2)))
    scene = Scene(join(parts), _sun(rng), seed)

    def viewpoint(r: Rng) -> tuple[Array, float, float]:
        x, y = r.uniform(-60.0, 60.0, 2)
        height = np.exp(r.uniform(np.log(1.0), np.log(30.0)))
        pan = float(np.degrees(np.arctan2(x, -y)) + r.normal(0.0, 60.0))
        return np.array([x, y, height]), pan, float(r.uniform(-12.0, 20.0))

    return scene, viewpoint


FAMILIES = {"city": _city, "terrain": _terrain, "interior": _interior, "street": _street, "vista": _vista}
FAMILY_NAMES = ("city", "terrain", "interior", "street", "vista")
FAMILY_WEIGHTS = (0.26, 0.18, 0.18, 0.26, 0.12)
