"""All walls of a stage: the outer picture of each, and the picture that each is sent."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from fractions import Fraction

from vpengine.compose.drawable import Drawable, draw_placed
from vpengine.compose.grading import GradeTable
from vpengine.compose.jobs import Shares
from vpengine.compose.mixer import Lend, Mixer
from vpengine.compose.outer import OuterPicture
from vpengine.compose.surround import Surrounds
from vpengine.compose.wall import WallLevels, WallPicture, wall_mesh
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target, Texture
from vpengine.stage.walls import WHITE_NITS, WallSettings, wall_geometry
from vpengine.view.faces import FACES
from vpengine.view.light import Light
from vpengine.view.placement import AS_SET, Placement


class Walls:
    """Owns the wall pictures and, for every location that was prepared, the outer pictures in wall space."""

    def __init__(
        self,
        gpu: Gpu,
        settings: Sequence[WallSettings],
        eye_m: tuple[float, float, float],
        face_px: int,
        cameras: int = 1,
        surrounds: Surrounds | None = None,
        white_nits: float = WHITE_NITS,
    ) -> None:
        """cameras: how many have a frustum on the walls. surrounds: what the outer pictures show, somebody else's.
        white_nits: luminance of scene-linear 1.0 at exposure 0.
        """
        self._gpu = gpu
        self._surrounds = surrounds
        self.eye_m = eye_m
        self.settings = tuple(settings)
        self.geometries = {wall.id: wall_geometry(wall) for wall in settings}
        self.meshes = {name: wall_mesh(gpu, geometry) for name, geometry in self.geometries.items()}
        self.pictures = {
            wall.id: WallPicture(
                gpu,
                self.geometries[wall.id],
                self.meshes[wall.id],
                wall.peak_nits,
                wall.black_nits,
                cameras,
                white_nits,
            )
            for wall in settings
        }
        self._face = Target(gpu.context, (face_px, face_px), depth=True)
        self._coarse = Target(gpu.context, (max(face_px // 2, 1),) * 2, depth=True)
        self._outer: dict[str, dict[str, OuterPicture]] = {}
        self._mixer = Mixer(gpu)
        self._turns: dict[str, int] = {}
        self._next_face: dict[str, int] = {}  # by location, which of its faces has its turn
        self._moved: set[str] = set()
        self._times_moved = dict.fromkeys(self.geometries, 0)
        self._preparing: Generator[None, None, None] | None = None
        self._begun = ""  # whose outer pictures these are

    def prepare(self, location: str, plate: Drawable) -> None:
        """Draw a location's outer pictures now; takes several frames' time, so before the first frame.

        A location that was prepared before gives back what it had.
        """
        self.begin(location, plate)
        while self.carry_on():
            pass

    def begin(self, location: str, plate: Drawable) -> None:
        """Have a location prepared by and by; what was begun before is finished first."""
        while self.carry_on():
            pass
        self._preparing, self._begun = self._prepare(location, plate), location

    def drop(self, location: str) -> None:
        """Give a location's outer pictures back, also those that were begun; it is not on the walls."""
        if self._preparing is not None and self._begun == location:
            self._preparing.close()
            self._preparing = None
        for outer in self._outer.pop(location, {}).values():
            outer.release()
        self._turns.pop(location, None)

    def carry_on(self) -> bool:
        """A frame's share of what was begun: one face of the world on one wall. False when there is nothing to do.

        What raises is given up: it is begun again or not at all.
        """
        return self._preparing is not None and next(self._preparing, "done") is None

    def _prepare(self, location: str, plate: Drawable) -> Generator[None, None, None]:
        made: dict[str, OuterPicture] = {}
        whose = location, self._surrounds, getattr(plate, "moves", False)
        try:
            for name, geometry in self.geometries.items():
                made[name] = OuterPicture(self._gpu, geometry, self.meshes[name], self.eye_m, *whose)
                yield from made[name].drawing_plate(plate, self._face)
            earlier, self._outer[location] = self._outer.get(location, {}), made
            made = earlier  # what is to be given back now
            for name in earlier:
                self._outer_moved(name)
        finally:  # also where it fails or is closed half way
            for outer in made.values():
                outer.release()

    def warm(self, location: str, grade: GradeTable, lend: Lend) -> None:
        """Draw the passes that are not drawn at first: the grade, and a dissolve."""
        for name, outer in self._outer[location].items():
            outer.warm(grade)
            self._outer_texture(name, ((location, 0.5), (location, 0.5)), lend)

    def outer(self, location: str, wall: str) -> Texture:
        """A wall's outer picture of a location, as it is now. Raises KeyError for one that is not prepared."""
        return self._outer[location][wall].texture

    def prepared(self, location: str) -> bool:
        return location in self._outer

    def follow_at_once(self, location: str, grade: GradeTable, amount: float) -> None:
        """Bring every wall's outer picture up to the grade: of a location that comes on to the walls."""
        for name, outer in self._outer[location].items():
            if outer.follow(grade, amount):
                self._outer_moved(name)

    def follow(self, location: str, grade: GradeTable, amount: float) -> None:
        """Bring one wall's outer picture up to the grade, in turn: one a frame is as fast as a grade moves."""
        names = list(self._outer[location])
        for step in range(len(names)):
            turn = (self._turns.get(location, 0) + step) % len(names)
            if self._outer[location][names[turn]].follow(grade, amount):
                self._turns[location] = turn + 1
                self._outer_moved(names[turn])
                return

    def relight(
        self,
        location: str,
        plate: Drawable,
        light: Light,
        playhead: Fraction = Fraction(0),
        placement: Placement = AS_SET,
        *,
        faces: int | None = 1,
        coarse: bool = False,
    ) -> None:
        """Draw so many faces of a location's outer pictures under another light, or at another moment of the plate's
        clip, or with its world elsewhere, in turn; None: all. Each is drawn once, for all the walls that it is seen on:
        they have one eye.

        coarse: with a quarter of their pixels, for while that moves; they are drawn again when it rests.
        """
        outers, face = self._outer.get(location, {}).values(), self._coarse if coarse else self._face
        left, first = FACES if faces is None else faces, self._next_face.get(location, 0)
        for number in (turn % FACES for turn in range(first, first + FACES)):
            due = [(outer, outer.due(number, face.size, light, playhead, placement)) for outer in outers]
            takers = [(outer, view) for outer, view in due if view is not None]
            if takers and left > 0:
                self._next_face[location], left = number + 1, left - 1  # first: where it fails, the others have a turn
                draw_placed(plate, face, takers[0][1])
                for outer, view in takers:
                    outer.take_face(face, number, view)

    def warm_walls(self, inners: Sequence[Picture], shares: Shares, lend: Lend) -> None:
        """Draw every wall once in each of its ways, before the first frame."""
        for name, picture in self.pictures.items():
            picture.warm(inners, self._outer_texture(name, shares, lend), WallLevels())
            self._moved.add(name)

    def outer_of(self, wall: str, shares: Shares, lend: Lend) -> tuple[Texture, Texture]:
        """A wall's outer picture, and a texture whose alpha is how far the world in it is, in metres: of the location
        that has most of it.
        """
        most = max(shares, key=lambda share: share[1])[0]
        return self._outer_texture(wall, shares, lend), self._outer[most][wall].distance

    def times_moved(self, wall: str) -> int:
        """How often a wall's outer pictures have been drawn anew: as long as it is the same, so are they."""
        return self._times_moved[wall]

    def _outer_moved(self, wall: str) -> None:
        self._times_moved[wall] += 1
        self.redraw(wall)

    def redraw(self, wall: str) -> None:
        """All of a wall's pixels are drawn anew in its next picture."""
        self._moved.add(wall)

    def draw(
        self,
        wall: str,
        inners: Sequence[Picture],
        shares: Shares,
        levels: WallLevels,
        lend: Lend,
        outer: Texture | None = None,
    ) -> Target:
        """A wall's code values. inners: the cameras' worlds, the one with priority first.

        shares: the location shown or, in a dissolve, all that are visible. outer: what is shown instead of their
        outer pictures.
        """
        picture, moved = self.pictures[wall], (len(shares) > 1 and outer is None) or wall in self._moved
        picture.draw(inners, outer or self._outer_texture(wall, shares, lend), levels, moved)
        self._moved.discard(wall)
        return picture.code

    def draw_light(
        self,
        wall: str,
        inners: Sequence[Picture],
        shares: Shares,
        levels: WallLevels,
        lend: Lend,
        outer: Texture | None = None,
    ) -> Target:
        """A wall's scene-linear picture: what a simulated camera photographs. outer: as in ``draw``."""
        self.pictures[wall].draw_light(inners, outer or self._outer_texture(wall, shares, lend), levels)
        return self.pictures[wall].light

    def _outer_texture(self, wall: str, shares: Shares, lend: Lend) -> Texture:
        pictures = [self._outer[location][wall] for location, _ in shares]
        if len(pictures) == 1:
            return pictures[0].texture
        return self._mixer.mix([picture.texture for picture in pictures], [share for _, share in shares], lend).color

    def release(self) -> None:
        if self._preparing is not None:
            self._preparing.close()
        for outers in self._outer.values():
            for outer in outers.values():
                outer.release()
        self._face.release()
        self._coarse.release()
        for name, picture in self.pictures.items():
            picture.release()
            self.meshes[name].release()
