"""The walls outside the frustum: the world seen from a fixed eye, kept in wall space, graded as the inner is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.coverage import seen_triangles
from vpengine.compose.drawable import Drawable, draw_placed
from vpengine.compose.grading import GradeTable
from vpengine.compose.keyframe_textures import MOVING
from vpengine.compose.surround import FIELDS, Surrounds
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Bound, Mesh
from vpengine.gpu.target import Target, Texture
from vpengine.stage.walls import WallGeometry
from vpengine.view.faces import face_views
from vpengine.view.light import Light
from vpengine.view.placement import AS_SET, Placement
from vpengine.view.view import View

GATHER_BLOCK = UniformBlock("OuterGather", face_from_stage="mat4", eye_m="vec3")
GRADE_BLOCK = UniformBlock("OuterGrade", eye_m="vec3", amount="float")
SURROUND_BLOCK = UniformBlock("OuterGrade", eye_m="vec3", amount="float", **FIELDS)

MIDDLE = np.array([0.45, 0.45, 0.45, 1.0], np.float32)  # what the grade's transforms are tried on: middling ACEScct
VISIBLE = 0.02 / 17.52  # of a stop in ACEScct, in any cell of the table: less than a code value of an 8-bit wall


class OuterPicture:
    """One wall's outer picture. The plate's is drawn when the location changes, the generated one when that moves.

    surrounds, location: whose surround it shows; where that is not trusted, the plate through the keyframes' grade.
    moves: the plate does; what the surround saw has no word where the plate shows something else by now.
    """

    def __init__(
        self,
        gpu: Gpu,
        geometry: WallGeometry,
        mesh: Mesh,
        eye_m: tuple[float, float, float],
        location: str = "",
        surrounds: Surrounds | None = None,
        moves: bool = False,
    ) -> None:
        width, height = geometry.resolution
        # Half the wall's pixels: it lights and is reflected, and the camera sees it only beyond its overscan.
        self.size = size = (max(width // 2, 1), max(height // 2, 1))
        self._eye_m = np.asarray(eye_m, float)
        self._geometry = geometry
        self._mesh = mesh
        self._gather = gpu.mesh_pass("outer_gather", "wall", GATHER_BLOCK)
        self._location, self._surrounds = location, surrounds
        if surrounds is None:
            self._grade = gpu.mesh_pass("outer_grade", "wall", GRADE_BLOCK, GradeTable.DEFINES)
        else:
            defines = {**GradeTable.DEFINES, **surrounds.defines, **(MOVING if moves else {})}
            self._grade = gpu.mesh_pass("outer_grade", "wall", SURROUND_BLOCK, defines)
        self._plate = Target(gpu.context, size)
        try:
            self._graded = Target(gpu.context, size)
        except Exception:  # whatever it is goes on up, and what was made before it is given back
            self._plate.release()
            raise
        self._shown: tuple[NDArray[np.float32], float, int] | None = None
        self._views: dict[int, View] = {}  # that the plate was drawn at, by face, each with the light of then
        self._tiles: dict[int, range] = {}  # the wall's triangles that a face shows
        self._placement = AS_SET  # of the world that the surround shows
        self._is_graded = False

    def draw_plate(self, plate: Drawable, face: Target) -> None:
        """Gather the plate from the faces that this wall's tiles are seen in; ``face`` is a square scratch target."""
        for _ in self.drawing_plate(plate, face):
            pass

    def drawing_plate(self, plate: Drawable, face: Target) -> Iterator[None]:
        """The same, one face a step."""
        self._plate.clear()
        views = dict(enumerate(face_views(self._eye_m, face.size[0])))
        self._tiles = {number: seen_triangles(self._geometry, view) for number, view in views.items()}
        self._views = {number: view for number, view in views.items() if len(self._tiles[number])}
        for number, view in self._views.items():
            self._draw_face(plate, face, number, view)
            yield
        self._shown = None

    def _draw_face(self, plate: Drawable, face: Target, number: int, view: View) -> None:
        draw_placed(plate, face, view)
        self._gather_face(face, number, view)

    def _gather_face(self, face: Target, number: int, view: View) -> None:
        assert face.depth is not None
        self._gather.draw_mesh(
            self._plate,
            self._mesh,
            {"face_color": face.color, "face_depth": face.depth},
            self._tiles[number],
            face_from_stage=view.clip_from_stage,
            eye_m=self._eye_m,
        )

    def _go_to(self, placement: Placement) -> None:
        if placement != self._placement:
            self._placement, self._shown = placement, None

    def due(
        self, number: int, size: tuple[int, int], light: Light, playhead: Fraction, placement: Placement
    ) -> View | None:
        """What face ``number`` of FACES is to be drawn at: it is not under ``light`` yet, or of another moment of the
        plate's clip, or of its world as it stood elsewhere, or not as fine as ``size``. None where it is already, or is
        none of this wall's.
        """
        view = self._views.get(number)
        if view is None:
            return None
        is_now = (view.light, view.playhead, view.placement) == (light, playhead, placement)
        if is_now and view.resolution[0] >= size[0]:
            return None
        return replace(view, light=light, playhead=playhead, placement=placement, resolution=size)

    def take_face(self, face: Target, number: int, view: View) -> None:
        """Gather a face that was drawn at a View that was due; other walls may take it too."""
        self._go_to(view.placement)
        self._shown = None
        self._gather_face(face, number, view)
        self._views[number] = view

    def follow(self, grade: GradeTable, amount: float) -> bool:
        """Draw the picture again when grade, surround or amount moved enough to be seen; True when it had to."""
        stamp = self._surrounds.stamp(self._location) if self._surrounds is not None else 0
        if self._shown is not None and self._shown[1:] == (amount, stamp):
            moved = np.abs((grade.table - self._shown[0]) @ MIDDLE).max() if amount > 0.0 else 0.0
            if moved < VISIBLE:
                return False
        if amount > 0.0:
            self._draw_graded(grade, amount)
        self._shown, self._is_graded = (grade.table, amount, stamp), amount > 0.0  # where it failed, it is drawn again
        return True

    def warm(self, grade: GradeTable) -> None:
        """Draw the graded picture once, to be drawn again when it is wanted."""
        self._draw_graded(grade, 1.0)

    def _draw_graded(self, grade: GradeTable, amount: float) -> None:
        textures: dict[str, Bound] = {"outer": self._plate.color, "grade": grade.texture}
        values = {"eye_m": self._eye_m, "amount": amount}
        if self._surrounds is not None:
            textures |= self._surrounds.textures
            values |= self._surrounds.values_from(self._location, self._eye_m, self._placement)
        self._grade.draw_mesh(self._graded, self._mesh, textures, None, **values)

    @property
    def texture(self) -> Texture:
        return self._graded.color if self._is_graded else self._plate.color

    @property
    def distance(self) -> Texture:
        """The plate as it was gathered, with the distance from the outer eye in its alpha, in metres."""
        return self._plate.color

    def release(self) -> None:
        self._plate.release()
        self._graded.release()
