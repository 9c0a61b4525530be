"""The glTF plate: a static scene, or several set out on the stage, under a dome or the street's sun and sky."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.errors import UserError
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import ShadowMap, Target, Texture
from vpengine.gpu.transfer import HALF_MAX, write_volume
from vpengine.plates.gltf.blended import draw_blended
from vpengine.plates.gltf.buffers import Buffers
from vpengine.plates.gltf.document import open_gltf
from vpengine.plates.gltf.drawn import DrawnBatch, SceneTexture, frame_values, shares, sun_map_from_stage
from vpengine.plates.gltf.images import read_texture
from vpengine.plates.gltf.left_out import left_out
from vpengine.plates.gltf.materials import material_look
from vpengine.plates.gltf.scene import MOST_TRIANGLES, Batch, merged, moved, read_batches
from vpengine.plates.gltf.sky import DomeSky, PaintedSky
from vpengine.plates.image_file import picture_problems
from vpengine.plates.street.light import sun_direction
from vpengine.plates.street.plate import SUN_BLOCK
from vpengine.stage.settings import ExistingFile, Settings
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.light import DAY, Light
from vpengine.view.pose import GL_FROM_STAGE, from_opentrackio, view_from_stage
from vpengine.view.view import View

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

_SUN_MAP_SIDES, _LARGE_M = (2048, 4096), 60.0
_WARMED = (DAY, Light(sun=0.5), Light(sun=0.0))

Coordinate = Annotated[float, Field(ge=-1e5, le=1e5)]
Place = tuple[Coordinate, Coordinate, Annotated[float, Field(ge=-360.0, le=360.0)]]


class GltfPiece(Settings):
    """Another file of a scene that is set out in pieces."""

    file: ExistingFile = Field(description="The piece: .glb or .gltf.")
    places: tuple[Place, ...] = Field(
        ((0.0, 0.0, 0.0),),
        min_length=1,
        max_length=10000,
        description="Where it stands, each [right, ahead, yaw]: in the file's units, and degrees to the left.",
    )


class GltfSettings(Settings):
    """Which scene, where it stands, and what lights it."""

    file: ExistingFile = Field(
        description="The scene: .glb or .gltf (glTF 2.0) without compression; its textures PNG, JPEG or WebP."
    )
    places: tuple[Place, ...] = Field(
        ((0.0, 0.0, 0.0),),
        min_length=1,
        max_length=10000,
        description="Where the file stands in the scene, each [right, ahead, yaw]: in its units, and degrees to the "
        "left.",
    )
    more: tuple[GltfPiece, ...] = Field(
        (), max_length=256, description="Further files of the scene, each with file and places."
    )
    position_m: tuple[Coordinate, Coordinate, Coordinate] = Field(
        (0.0, 0.0, 0.0), description="Where the scene's origin stands on the stage: right, ahead, height, in metres."
    )
    yaw_deg: float = Field(
        0.0, ge=-360.0, le=360.0, description="Turns the scene to the left about its origin; at 0 it faces the camera."
    )
    scale: float = Field(1.0, gt=0.0, le=10000.0, description="Metres that one of the file's units is.")
    dome: ExistingFile | None = Field(
        None, description="An equirectangular picture that lights the scene and is its sky; by default the street's."
    )
    dome_color_space: str | None = Field(
        None, description="The dome's OpenColorIO colour space; by default what the file says of itself."
    )
    dome_yaw_deg: float = Field(0.0, ge=-180.0, le=180.0, description="Turns the dome to the left, in degrees.")
    dome_exposure_stops: float = Field(0.0, ge=-10.0, le=10.0, description="Exposure of the dome, in stops.")
    sky_seed: int = Field(1, ge=0, le=2**31 - 1, description="Without a dome: which clouds.")
    sun_azimuth_deg: float = Field(
        -38.0,
        ge=-180.0,
        le=180.0,
        description="Without a dome: where the sun stands, in degrees from straight ahead to the right.",
    )
    sun_elevation_deg: float = Field(
        37.0, ge=5.0, le=85.0, description="Without a dome: how high the sun stands, in degrees."
    )


class Gltf:
    """A scene that stands still; it is lit by what the View's light leaves of its sun and sky."""

    Settings = GltfSettings
    relights = antialiases = True

    def __init__(self, settings: GltfSettings) -> None:
        self._textures: dict[tuple[Path, int, bool, bool], SceneTexture] = {}
        self._batches: list[DrawnBatch] = []
        bounds = [self._load(*piece, settings) for piece in _pieces(settings)]
        self._sky = _sky(settings)
        self._light = self._sky.light
        box = np.min([low for low, _ in bounds], axis=0), np.max([high for _, high in bounds], axis=0)
        self._has_sun = bool(self._light.sun.any())
        self._sun_map_from_stage = sun_map_from_stage(box, self._light.to_sun)
        metres = 1.0 / np.linalg.norm(self._sun_map_from_stage[:2, :3], axis=1).min()
        self._sun_map_side = _SUN_MAP_SIDES[bool(metres > _LARGE_M)]
        self._shadow_offset_m = 1.5 * metres / self._sun_map_side
        self._owned: list[Texture | ShadowMap] = []
        self._steps: Iterator[None] | None = None

    @staticmethod
    def check(settings: GltfSettings) -> list[tuple[str, str]]:
        """What is wrong with the files, as far as their headers show: (key, sentence) pairs."""
        files = {"file": settings.file} | {f"more[{n}].file": each.file for n, each in enumerate(settings.more, 1)}
        problems = []
        for key, file in files.items():
            try:
                open_gltf(file)
            except UserError as error:
                problems.append((key, str(error)))
        if settings.dome is not None:
            found = picture_problems(settings.dome, settings.dome_color_space)
            problems += [("dome" if key == "file" else "dome_color_space", sentence) for key, sentence in found]
        return problems

    def upload(self, gpu: Gpu) -> bool:
        self._steps = self._steps or self._upload(gpu)
        return next(self._steps, "done") is None

    def draw(self, target: Target, view: View) -> None:
        target.wipe()
        values = self._values(view)
        sunlit = bool(values["sun"].any())
        for batch in self._solid:
            batch.draw(target, view, values, self._light_textures, sunlit)
        self._sky.draw(target, view)
        draw_blended(self._clear, target, values, self._light_textures, sunlit)

    def release(self) -> None:
        for part in (*self._textures.values(), *self._batches, *self._owned, self._sky):
            part.release()
        self._owned = []

    def _values(self, view: View) -> dict[str, Any]:
        return {
            **frame_values(view),
            **self._light.values(view.light),
            "sun_map_from_stage": self._sun_map_from_stage,
            "shadow_offset_m": self._shadow_offset_m,
        }

    def _load(self, path: Path, places: tuple[Place, ...], settings: GltfSettings) -> tuple[Array, Array]:
        """Read a file into batches; its bounds on the stage: (3,) low and high."""
        file = open_gltf(path)
        buffers = Buffers(file)
        batches = read_batches(file, buffers)
        if missing := left_out(file.document):
            log.warning("%s: is drawn without: %s.", path, ", ".join(missing))
        if sum(len(batch.triangles) for batch in batches) * len(places) > MOST_TRIANGLES:
            raise UserError(
                f"{path}: at {len(places)} places it has more than {MOST_TRIANGLES // 10**6} million triangles"
            )
        placed = merged([moved(batch, _stage_from_file(place, settings)) for place in places for batch in batches])
        for batch in placed:
            look = material_look(file, buffers, batch.material)
            textures = {}
            for name, (number, is_color) in look.textures.items():
                cut = name == "base_map" and "CUT" in look.defines  # one texture may be both
                key = (path, number, is_color, cut)
                if key not in self._textures:
                    image = read_texture(file, buffers, number, is_color)
                    self._textures[key] = SceneTexture(image, f"{path}: texture {number}", cut)
                textures[name] = self._textures[key]
            self._batches += [DrawnBatch(part, look, textures) for part in shares(batch)]
        return _bounds(placed)

    def _upload(self, gpu: Gpu) -> Iterator[None]:
        for texture in self._textures.values():
            while texture.upload(gpu):
                yield
            yield
        for batch in self._batches:
            gpu.forget_errors()
            batch.upload(gpu)
            gpu.refuse_errors("the scene")
            yield
        while self._sky.upload(gpu):
            yield
        self._solid = [batch for batch in self._batches if not batch.look.blends]
        self._clear = [batch for batch in self._batches if batch.look.blends]
        yield
        self._upload_light(gpu)
        yield
        for light in _WARMED:
            self._warm(gpu, light)
            yield

    def _upload_light(self, gpu: Gpu) -> None:
        """What rough mirrors show, and the sun's shadows."""
        gpu.forget_errors()
        mirrors = np.ones((*self._light.environment.mirrors.shape[:3], 4), np.float16)
        mirrors[..., :3] = np.clip(self._light.environment.mirrors, 0.0, HALF_MAX)
        layers, side = mirrors.shape[:2]
        texture = gpu.texture_3d((side, side, layers), 4, "f2")
        sun_map = gpu.shadow_map((self._sun_map_side,) * 2)
        self._owned = [texture, sun_map]
        write_volume(texture, mirrors)
        sun_map.clear()
        if self._has_sun:
            shadow_pass = gpu.mesh_pass("street_sun", "street_sun", SUN_BLOCK)
            for batch in self._solid:
                batch.draw_sun_map(sun_map, shadow_pass, self._sun_map_from_stage)
        self._light_textures: dict[str, Texture] = {"mirrors": texture, "sun_map": sun_map.texture}
        gpu.refuse_errors("the scene's light")

    def _warm(self, gpu: Gpu, light: Light) -> None:
        """Draw a small picture, so that no frame pays for a first draw."""
        target = gpu.target((64, 36), depth=True)
        gpu.forget_errors()
        pose = from_opentrackio((0.0, 0.0, 1.6), 0.0, 3.0, 0.0)
        view = View(view_from_stage(pose), clip_from_view_symmetric(60.0, 16 / 9), target.size, light=light)
        self.draw(target, view)
        target.release()
        gpu.refuse_errors("the plate's first picture")


def _pieces(settings: GltfSettings) -> list[tuple[Path, tuple[Place, ...]]]:
    return [(settings.file, settings.places), *((piece.file, piece.places) for piece in settings.more)]


def _sky(settings: GltfSettings) -> DomeSky | PaintedSky:
    if settings.dome is None:
        return PaintedSky(settings.sky_seed, sun_direction(settings.sun_azimuth_deg, settings.sun_elevation_deg))
    return DomeSky(settings.dome, settings.dome_color_space, settings.dome_yaw_deg, settings.dome_exposure_stops)


def _stage_from_file(place: Place, settings: GltfSettings) -> Array:
    """(4, 4): glTF's Y up and +Z to the front become Z up and the front towards the camera; then place, and stage."""
    right, ahead, yaw_deg = place
    axes = np.eye(4)
    axes[:3, :3] = GL_FROM_STAGE.T
    in_scene = _turned(yaw_deg, np.array([right, ahead, 0.0]))
    on_stage = _turned(settings.yaw_deg, np.array(settings.position_m))
    return on_stage @ np.diag([settings.scale] * 3 + [1.0]) @ in_scene @ axes


def _turned(yaw_deg: float, position: Array) -> Array:
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    out = np.eye(4)
    out[:2, :2] = [[c, -s], [s, c]]
    out[:3, 3] = position
    return out


def _bounds(batches: list[Batch]) -> tuple[Array, Array]:
    low = np.min([batch.position.min(axis=0) for batch in batches], axis=0)
    high = np.max([batch.position.max(axis=0) for batch in batches], axis=0)
    return low, high
