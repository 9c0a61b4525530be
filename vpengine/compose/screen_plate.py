"""The clean plate of a camera that moves: the stage's green screen, learnt where it stands, and seen from anywhere.

Folds, lamps and tracking markers belong to the screen and not to the picture: what one frame sees of them the next one
knows, from another place. So markers key out, and an actor who passes is not learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.key import KEY, KeySettings, key_values
from vpengine.compose.lens_match import LensMatch, bends
from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture
from vpengine.stage.screens import ScreenSettings, screen_mesh
from vpengine.view.distortion import Distortion
from vpengine.view.lens import Lens
from vpengine.view.view import View

Array = NDArray[np.floating]
FINE_PX, COARSE_PX = 1024, 48  # sides of what is learnt: with its markers in turns, and roughly all of it at once
STRIPS = 12  # of each screen, finely; one is learnt from each picture
RATE = 0.2  # of the way to what a picture shows
LEARN = UniformBlock("Learn", **KEY.fields, clip_from_screen="mat4", strip="vec4", nodes="vec4", rate="float")
PLATE = UniformBlock("ScreenPlate", clip_from_stage="mat4", screen="vec4")
Cell = tuple[int, int, int, int]  # x, y, width, height


class ScreenPlate:
    """Owns what it has learnt of a stage's screens, for one camera. Main thread only."""

    def __init__(self, gpu: Gpu, screens: Sequence[ScreenSettings]) -> None:
        self._gpu = gpu
        self._stage_from_screen = _matrices(screens)
        bands = _bands([screen.size_m[1] for screen in screens])
        self._cells = {side: _cells(bands, side) for side in (FINE_PX, COARSE_PX)}
        self._atlas = {side: gpu.atlas((side, side), 2) for side in self._cells}
        self._mesh = _mesh(gpu, screens, self._cells)
        self._plate = gpu.mesh_pass("screen_plate", "screen_plate", PLATE)
        self._turn = 0
        self._screen: tuple[float, float, float] | None = None

    def learn(
        self, picture: Texture, matte: Texture, settings: KeySettings, view: View, match: LensMatch, lens: Lens
    ) -> None:
        """From a picture and its matte, as ``Keyed`` has it. view: the pinhole's, without overscan."""
        if settings.screen != self._screen:
            self.forget()
            self._screen = settings.screen
        seen = _Seen(picture, matte, settings, view, match, lens)
        for index in range(len(self._stage_from_screen)):
            self._learn(seen, COARSE_PX, index, 0, 1)
        self._learn(seen, FINE_PX, self._turn // STRIPS, self._turn % STRIPS, STRIPS)
        self._turn = (self._turn + 1) % (STRIPS * len(self._stage_from_screen))

    def _learn(self, seen: _Seen, side: int, index: int, strip: int, strips: int) -> None:
        """A strip of a screen."""
        x, y, width, height = self._cells[side][index]
        low, high = (round(height * part / strips) for part in (strip, strip + 1))
        textures, defines, nodes = seen.bound()
        self._gpu.pass_("screen_learn", LEARN, defines).blend(
            self._atlas[side],
            (x, y + low, width, high - low),
            textures,
            **key_values(seen.settings, (seen.picture.size[0], seen.picture.size[1])),
            clip_from_screen=seen.view.clip_from_stage @ self._stage_from_screen[index],
            strip=(0.0, low / height, 1.0, (high - low) / height),
            nodes=nodes,
            rate=RATE,
        )

    def draw(self, settings: KeySettings, view: View, lend: Lend) -> Target:
        """The screens as ``view`` sees them, at its resolution; black beyond them."""
        target = lend(TargetSpec(view.resolution))
        target.clear()
        textures = {
            name + level: texture
            for level, side in (("", FINE_PX), ("_coarse", COARSE_PX))
            for name, texture in zip(("light", "known"), self._atlas[side].colors, strict=True)
        }
        placed: dict[str, Any] = {"clip_from_stage": view.clip_from_stage, "screen": (*settings.screen, 1.0)}
        self._plate.draw_mesh(target, self._mesh, textures, None, **placed)
        return target

    def forget(self) -> None:
        """Begin anew: the lamps were moved."""
        for atlas in self._atlas.values():
            atlas.clear()
        self._turn = 0

    def release(self) -> None:
        for atlas in self._atlas.values():
            atlas.release()
        self._mesh.release()


def warm_screen_plate(plate: ScreenPlate, view: View, match: LensMatch, lend: Lend) -> None:
    """Its programs drawn once, on black, before the first frame; nothing is learnt."""
    black = lend(TargetSpec((32, 18)))
    black.clear()
    settings, straight = KeySettings(), Lens((24.0, 13.5), 24.0)
    for lens in (straight, replace(straight, distortion=Distortion((1e-4, 0.0, 0.0, 0.0, 0.0, 0.0)))):
        plate.learn(black.color, black.color, settings, view, match, lens)
    plate.draw(settings, view, lend)
    plate.forget()


@dataclass(frozen=True)
class _Seen:
    """What is learnt from."""

    picture: Texture
    matte: Texture
    settings: KeySettings
    view: View
    match: LensMatch
    lens: Lens

    def bound(self) -> tuple[dict[str, Any], dict[str, str], tuple[float, float, float, float]]:
        """Textures and defines; and how a share of the picture becomes a place in the lens's grid, which has a node on
        every edge: factors, then offsets."""
        textures: dict[str, Any] = {"picture": self.picture, "matte": self.matte}
        if not bends(self.lens):
            return textures, {}, (1.0, 1.0, 0.0, 0.0)
        grid = self.match.grid(self.lens, (self.picture.size[0], self.picture.size[1]))
        across, up = grid.size
        nodes = ((across - 1) / across, (up - 1) / up, 0.5 / across, 0.5 / up)
        return {**textures, "lens_moves": grid}, {"BENT": "1"}, nodes


def _matrices(screens: Sequence[ScreenSettings]) -> list[Array]:
    """(4, 4) each: from (across, up, 0, 1), both 0 to 1, to the stage."""
    vertices, _ = screen_mesh(tuple(screens))
    found: list[Array] = []
    for corner, right, _, up in vertices.reshape(-1, 4, 3):
        matrix = np.eye(4)
        matrix[:3, 0], matrix[:3, 1], matrix[:3, 3] = right - corner, up - corner, corner
        found.append(matrix)
    return found


def _bands(heights_m: Sequence[float]) -> list[tuple[float, float]]:
    """Above each other, from where to where of 0 to 1, each as high as its share; a little room keeps them apart."""
    room = 1.0 / COARSE_PX
    left = 1.0 - room * (len(heights_m) - 1)
    found, low = [], 0.0
    for height_m in heights_m:
        high = low + left * height_m / sum(heights_m)
        found.append((low, high))
        low = high + room
    return found


def _cells(bands: Sequence[tuple[float, float]], side: int) -> list[Cell]:
    """Whole texels that hold each band."""
    return [(0, round(low * side), side, max(round(high * side) - round(low * side), 1)) for low, high in bands]


def _mesh(gpu: Gpu, screens: Sequence[ScreenSettings], cells: Mapping[int, Sequence[Cell]]) -> Any:
    """The screens, each corner with its places in what is learnt, finely (x, y) and roughly (z, w)."""
    vertices, triangles = screen_mesh(tuple(screens))
    places = []
    for fine, coarse in zip(cells[FINE_PX], cells[COARSE_PX], strict=True):
        for right, up in ((0, 0), (1, 0), (1, 1), (0, 1)):
            places.append([*_corner(fine, right, up, FINE_PX), *_corner(coarse, right, up, COARSE_PX)])
    attributes = {"position": vertices.astype(np.float32), "place": np.array(places, np.float32)}
    return gpu.mesh(attributes, triangles)


def _corner(cell: Cell, right: int, up: int, side: int) -> tuple[float, float]:
    x, y, width, height = cell
    return (x + right * width) / side, (y + up * height) / side
