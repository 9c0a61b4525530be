"""The set of a simulated green-screen stage: cloth on frames, tracking markers, floor and drapes, each vertex lit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpengine.sim.figure_shape import Array, TriangleMesh, net, tube
from vpengine.sim.lamps import Lamp, LampLight, Lamps
from vpengine.sim.light_transport import Patches, Shadows, form_factors, joined
from vpengine.stage.screens import ScreenSettings, screen_mesh
from vpengine.view.color import REC709_FROM_ACESCG

ACESCG_FROM_REC709 = np.linalg.inv(REC709_FROM_ACESCG)
# Reflectances, scene-linear ACEScg; the cloth's as a camera sees chroma key green.
CLOTH = ACESCG_FROM_REC709 @ np.array([0.04, 0.30, 0.065])
TAPE = 0.42 * CLOTH  # of a darker green, so that a keyer takes the markers too
GAFFER = np.full(3, 0.03)  # on a floor that is not green
PAINT, TUBE, DRAPE = np.full(3, 0.13), np.full(3, 0.3), np.full(3, 0.02)

SCREEN_LEVEL = 0.92  # of the screen's own lamps on its brightest part, as a white card would be lit
DARKEST = 0.42  # of that, in its worst corner
FOLD = 0.11  # how much a fold darkens
AMBIENT = np.array([0.048, 0.050, 0.055])  # what comes from everywhere, over pi

CLOTH_STEP_M, FLOOR_STEP_M, DRAPE_STEP_M, PATCH_M = 0.05, 0.07, 0.12, 0.9
MARKER_M, ARM_M = 0.16, 0.022  # a marker's width, and of its arms
MARKER_PITCH_M = 1.1
RAISED_M = 0.0004  # tape off its cloth: a z-buffer tells them apart, a picture does not
FLOOR_BELOW_M = 0.003  # the studio's floor under what lies on it
FRAME_AWAY_M = 0.05
LAMP_AWAY_M, LAMP_HEIGHT_M, LAMP_SIZE_M = (0.9, 1.2), 2.3, (0.35, 1.1)  # aside of the screen and before it
LAMP_FRONT, LAMP_BACK = np.full(3, 3.0), np.full(3, 0.004)  # what they send


@dataclass(frozen=True, eq=False)
class Marker:
    """A cross of tape: its middle (3,), the directions of its arms (3,), and on what screen, None on the floor."""

    centre_m: Array
    across: Array
    up: Array
    screen: int | None

    @property
    def facing(self) -> Array:
        return np.cross(self.across, self.up)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A screen as a plane: its lower left corner, its sides (3,) in metres, and the unit direction that it faces."""

    corner_m: Array
    side_m: Array
    up_m: Array
    facing: Array

    @property
    def size_m(self) -> tuple[float, float]:
        return float(np.linalg.norm(self.side_m)), float(np.linalg.norm(self.up_m))

    def at(self, uv: Array) -> Array:
        """(..., 2) shares of its sides to stage metres (..., 3)."""
        return self.corner_m + uv[..., :1] * self.side_m + uv[..., 1:] * self.up_m

    def uv(self, points_m: Array) -> Array:
        away = points_m - self.corner_m
        sides = [away @ side / (side @ side) for side in (self.side_m, self.up_m)]
        return np.stack(sides, axis=-1)


@dataclass(frozen=True, eq=False)
class Painted:
    """A mesh and the light that each of its vertices sends, (n, 3) scene-linear ACEScg."""

    mesh: TriangleMesh
    color: NDArray[np.float32]


def sheets_of(screens: Sequence[ScreenSettings]) -> list[Sheet]:
    corners = screen_mesh(tuple(screens))[0].reshape(-1, 4, 3)
    return [_sheet(quad, screen.floor) for quad, screen in zip(corners, screens, strict=True)]


def _sheet(quad: Array, floor: bool) -> Sheet:
    """A floor's corners go round the other way."""
    side, up = quad[1] - quad[0], quad[3] - quad[0]
    facing = np.cross(side, up) * (-1.0 if floor else 1.0)
    return Sheet(quad[0], side, up, facing / np.linalg.norm(facing))


def markers_of(screens: Sequence[ScreenSettings], mark_m: tuple[float, float]) -> list[Marker]:
    """In rows on every upright screen, and three on the floor around the actor's mark."""
    out: list[Marker] = []
    for number, (sheet, screen) in enumerate(zip(sheets_of(screens), screens, strict=True)):
        if not screen.floor:
            out += _on_screen(sheet, number)
    right, forward = mark_m
    for x, y in ((right - 0.75, forward + 0.35), (right + 0.8, forward + 0.5), (right + 0.35, forward - 0.75)):
        number_below = _below(screens, x, y)
        out.append(Marker(np.array([x, y, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), number_below))
    return out


def _on_screen(sheet: Sheet, number: int) -> list[Marker]:
    counts = [max(int(side / MARKER_PITCH_M), 1) for side in sheet.size_m]
    shares = [(np.arange(count) + 0.5) / count for count in counts]
    places = sheet.at(np.stack(np.meshgrid(*shares), axis=-1).reshape(-1, 2))
    across, up = (side / np.linalg.norm(side) for side in (sheet.side_m, sheet.up_m))
    return [Marker(place, across, up, number) for place in places]


def _below(screens: Sequence[ScreenSettings], x: float, y: float) -> int | None:
    """The floor screen that a place lies on."""
    for number, (sheet, screen) in enumerate(zip(sheets_of(screens), screens, strict=True)):
        u, v = sheet.uv(np.array([x, y, sheet.corner_m[2]]))
        if screen.floor and 0.0 <= u <= 1.0 and 0.0 <= v <= 1.0 and abs(sheet.corner_m[2]) < 0.05:
            return number
    return None


class Lighting:
    """The light on the set: lamps that shine on the screen alone, key and fill with the actor's shadow, what comes
    from everywhere, and what the screen throws back.
    """

    def __init__(
        self,
        screens: Sequence[ScreenSettings],
        lamps: Lamps,
        mark_m: tuple[float, float],
        shadows: Shadows | None,
        seed: int,
    ) -> None:
        self.sheets, self.mark_m, self.shadows, self._lamps = sheets_of(screens), mark_m, shadows, lamps
        self._seed = seed
        self.patches = joined([_patches(sheet) for sheet in self.sheets])
        self.patch_radiance = np.concatenate(
            [CLOTH * self._patch_light(number)[:, None] for number in range(len(self.sheets))]
        )

    def _patch_light(self, number: int) -> Array:
        sheet = self.sheets[number]
        return self.level(number, sheet.uv(_patches(sheet).centres_m))

    def level(self, number: int, uv: Array) -> Array:
        """(n,) what the screen's own lamps give at places (n, 2) of it: two on stands, unevenly set; and the folds."""
        chance = np.random.default_rng((self._seed, 11, number))
        width, height = self.sheets[number].size_m
        near = np.zeros(len(uv))
        for u in (0.24, 0.77):
            place = np.array([u, 0.6]) + chance.uniform(-0.06, 0.06, 2)
            near += chance.uniform(0.85, 1.0) * np.exp(-2.6 * ((uv - place) ** 2 @ np.array([1.5, 1.0])))
        even = np.clip(near / 1.05, 0.0, 1.0)
        shade = 1.0 + FOLD * _folds(uv * (width, height), chance)
        return SCREEN_LEVEL * (DARKEST + (1.0 - DARKEST) * even) * shade

    def lamps(self, points_m: Array, normals: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, 3) light of key and of fill, over pi, on whatever stands there."""
        nothing = np.zeros((len(points_m), 3), np.float32)

        def of(lamp: Lamp) -> NDArray[np.float32]:
            return LampLight(points_m, normals, self.mark_m, self.shadows).light(lamp) if lamp.lit else nothing

        return of(self._lamps.key), of(self._lamps.fill)

    def on(self, mesh: TriangleMesh, screen: int | None = None) -> Array:
        """(n, 3) over pi, on vertices of the set; screen: on which they lie."""
        points_m, normals = mesh.positions_m, np.asarray(mesh.normals)
        light = AMBIENT + sum(self.lamps(points_m, normals))
        if screen is not None:
            return np.asarray(light + self.level(screen, self.sheets[screen].uv(points_m))[:, None])
        bounced = form_factors(points_m, normals, self.patches, self.shadows) @ self.patch_radiance
        return np.asarray(light + bounced)


def _folds(at_m: Array, chance: np.random.Generator) -> Array:
    """(n,) slopes, about -1 to 1, of cloth that hangs: long soft folds downwards, creases from how it was packed."""
    x, z = at_m[:, 0], at_m[:, 1]
    phase = chance.uniform(0.0, 2.0 * np.pi, 6)
    hang = np.sin(4.3 * x + 0.9 * np.sin(1.1 * z + phase[0]) + phase[1])
    hang += 0.55 * np.sin(9.7 * x + 0.6 * np.sin(2.3 * z + phase[2]) + 0.35 * z + phase[3])
    slack = 0.5 * np.sin(2.1 * x + 3.4 * z + phase[4]) * np.sin(0.7 * x - 1.9 * z + phase[5])
    creases = sum(_crease(at, pitch) for at, pitch in ((x + 0.31, 1.24), (z + 0.12, 0.93)))
    return np.asarray(0.45 * hang + 0.4 * slack - 0.5 * creases)


def _crease(at: Array, pitch_m: float) -> Array:
    away = (at + 0.5 * pitch_m) % pitch_m - 0.5 * pitch_m
    return np.asarray(np.sign(away) * np.exp(-np.abs(away) / 0.045))


def _patches(sheet: Sheet) -> Patches:
    columns, rows = (max(round(side / PATCH_M), 1) for side in sheet.size_m)
    u, v = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    centres_m = sheet.at(np.stack([u.ravel(), v.ravel()], axis=-1))
    area_m2 = float(np.prod(sheet.size_m)) / len(centres_m)
    return Patches(centres_m, np.broadcast_to(sheet.facing, centres_m.shape), np.full(len(centres_m), area_m2))


def build_set(screens: Sequence[ScreenSettings], lighting: Lighting, markers: Sequence[Marker]) -> Painted:
    """All but the actor, as one mesh; about half a second on one core."""
    parts = [_cloth(lighting, number) for number in range(len(screens))]
    parts += [_tape(lighting, marker) for marker in markers]
    uprights = [sheet for sheet, screen in zip(lighting.sheets, screens, strict=True) if not screen.floor]
    frames = [mesh for sheet in uprights for mesh in _frame(sheet)]
    parts += [Painted(mesh, (TUBE * lighting.on(mesh)).astype(np.float32)) for mesh in frames]
    stands = [_lamp_stand(sheet, side) for sheet in uprights for side in (-1.0, 1.0)]
    parts += [part for stand in stands for part in stand]
    parts += [_floor(lighting), _drapes(lighting)]
    return _joined(parts)


def _cloth(lighting: Lighting, number: int) -> Painted:
    sheet = lighting.sheets[number]
    mesh = _plane(sheet.at, sheet.facing, sheet.size_m, CLOTH_STEP_M)
    return Painted(mesh, (CLOTH * lighting.on(mesh, number)).astype(np.float32))


def _tape(lighting: Lighting, marker: Marker) -> Painted:
    """Two strips; where they cross they are of one colour."""
    wide, narrow = MARKER_M / 2.0, ARM_M / 2.0
    facing = marker.facing if marker.screen is None else lighting.sheets[marker.screen].facing
    centre_m = marker.centre_m + RAISED_M * facing
    quads = []
    for half_across, half_up in ((wide, narrow), (narrow, wide)):
        signs = np.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]) * (half_across, half_up)
        quads.append(centre_m + signs[:, :1] * marker.across + signs[:, 1:] * marker.up)
    positions_m = np.concatenate(quads)
    triangles = np.concatenate([net(2, 2), net(2, 2) + np.uint32(4)])
    mesh = TriangleMesh(positions_m, np.broadcast_to(facing, positions_m.shape), triangles)
    color = GAFFER if marker.screen is None else TAPE
    sent = color * lighting.on(mesh, marker.screen).mean(axis=0)
    return Painted(mesh, np.broadcast_to(sent, positions_m.shape).astype(np.float32))


def _frame(sheet: Sheet) -> list[TriangleMesh]:
    """Tubes that the cloth is laced into, and the feet that they stand on."""
    across, up = (side / np.linalg.norm(side) for side in (sheet.side_m, sheet.up_m))
    low = sheet.corner_m - FRAME_AWAY_M * across
    right = sheet.side_m + 2.0 * FRAME_AWAY_M * across
    rise = sheet.up_m + FRAME_AWAY_M * up
    posts = [(low, low + rise), (low + right, low + right + rise), (low + rise, low + right + rise)]
    behind = np.array([-sheet.facing[0], -sheet.facing[1], 0.0])
    for foot in (low, low + right):
        flat = foot * (1.0, 1.0, 0.0) + (0.0, 0.0, 0.02)
        posts += [(flat - 0.35 * behind, flat + 0.8 * behind), (flat + 0.75 * behind, foot + 0.55 * rise)]
    return [tube(tuple(a), tuple(b), 0.019) for a, b in posts]


def _lamp_stand(sheet: Sheet, side: float) -> list[Painted]:
    """One of the two lamps that light the screen, seen from behind by whoever looks at it."""
    across = sheet.side_m / np.linalg.norm(sheet.side_m)
    flat = np.array([sheet.facing[0], sheet.facing[1], 0.0])
    middle = sheet.corner_m + 0.5 * (1.0 + side) * sheet.side_m
    foot = (middle + LAMP_AWAY_M[0] * side * across + LAMP_AWAY_M[1] * flat) * (1.0, 1.0, 0.0)
    head = foot + np.array([0.0, 0.0, LAMP_HEIGHT_M])
    knee = foot + np.array([0.0, 0.0, 0.6])
    legs = [(foot + 0.4 * np.array([np.cos(a), np.sin(a), 0.0]), knee) for a in (0.4, 2.5, 4.6)]
    tubes = [tube(tuple(a), tuple(b), 0.014) for a, b in [(foot, head), *legs]]
    beam = -flat - 0.7 * side * across
    beam /= np.linalg.norm(beam)
    wide = np.cross([0.0, 0.0, 1.0], beam)
    size = wide * LAMP_SIZE_M[0], np.array([0.0, 0.0, LAMP_SIZE_M[1]])
    out = [Painted(mesh, np.full(mesh.positions_m.shape, 0.006, np.float32)) for mesh in tubes]
    for sent, away_m in ((LAMP_FRONT, 0.06), (LAMP_BACK, 0.0)):
        panel = Sheet(head - 0.5 * (size[0] + size[1]) + away_m * beam, *size, beam)
        mesh = _plane(panel.at, beam, panel.size_m, 1.0)
        out.append(Painted(mesh, np.broadcast_to(sent, mesh.positions_m.shape).astype(np.float32)))
    return out


def _floor(lighting: Lighting) -> Painted:
    """Around screens and mark, worn here and there."""
    (left, near), (right, far) = _bounds(lighting)

    def at(uv: Array) -> Array:
        flat = np.array([left, near]) + uv * (right - left, far - near)
        return np.concatenate([flat, np.full((*flat.shape[:-1], 1), -FLOOR_BELOW_M)], axis=-1)

    mesh = _plane(at, np.array([0.0, 0.0, 1.0]), (right - left, far - near), FLOOR_STEP_M)
    x, y = mesh.positions_m[:, 0], mesh.positions_m[:, 1]
    worn = 1.0 + 0.10 * np.sin(2.3 * x + 1.7 * np.sin(1.1 * y)) * np.sin(1.9 * y + 0.8 * np.sin(1.6 * x))
    worn += 0.05 * np.random.default_rng(5).standard_normal(len(x))
    return Painted(mesh, (PAINT * worn[:, None] * lighting.on(mesh)).astype(np.float32))


def _drapes(lighting: Lighting) -> Painted:
    """Black cloth round the studio's back and sides, five metres high, in deep folds."""
    (left, near), (right, far) = _bounds(lighting)
    walls = [((left, far), (right, far)), ((left, near), (left, far)), ((right, far), (right, near))]
    parts = []
    for start, end in walls:
        begin, along = np.array([*start, 0.0]), np.array([end[0] - start[0], end[1] - start[1], 0.0])
        length_m = float(np.linalg.norm(along))
        facing = np.cross([0.0, 0.0, 1.0], along / length_m) * -1.0
        sheet = Sheet(begin, along, np.array([0.0, 0.0, 5.0]), facing)
        mesh = _plane(sheet.at, facing, (length_m, 5.0), DRAPE_STEP_M)
        at_m = sheet.uv(mesh.positions_m)[:, 0] * length_m
        folds = 0.7 + 0.3 * np.sin(11.0 * at_m + 2.0 * np.sin(1.3 * at_m))
        parts.append(Painted(mesh, (DRAPE * folds[:, None] * lighting.on(mesh)).astype(np.float32)))
    return _joined(parts)


def _bounds(lighting: Lighting) -> tuple[tuple[float, float], tuple[float, float]]:
    """(x, y) of the studio's corners: well beyond the screens, and behind where cameras stand."""
    corners = [sheet.at(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))[:, :2] for sheet in lighting.sheets]
    everything = np.concatenate([*corners, [lighting.mark_m, (0.0, -1.5)]])
    low, high = everything.min(axis=0) - np.array([3.0, 1.5]), everything.max(axis=0) + np.array([3.0, 2.5])
    return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))


def _plane(at: Callable[[Array], Array], facing: Array, size_m: tuple[float, float], step_m: float) -> TriangleMesh:
    columns, rows = (max(round(side / step_m), 1) + 1 for side in size_m)
    u, v = np.meshgrid(np.linspace(0.0, 1.0, columns), np.linspace(0.0, 1.0, rows))
    positions_m = at(np.stack([u.ravel(), v.ravel()], axis=-1))
    return TriangleMesh(positions_m, np.broadcast_to(facing, positions_m.shape), net(rows, columns))


def _joined(parts: Sequence[Painted]) -> Painted:
    first = np.cumsum([0] + [len(part.mesh.positions_m) for part in parts])
    meshes = [part.mesh for part in parts]
    triangles = [mesh.triangles + np.uint32(start) for mesh, start in zip(meshes, first, strict=False)]
    whole = TriangleMesh(
        np.concatenate([mesh.positions_m for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate(triangles),
    )
    return Painted(whole, np.concatenate([part.color for part in parts]))
