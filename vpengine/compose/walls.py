"""All walls of a stage: the outer picture of each, and the picture that each is sent."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from vpengine.compose.drawable import Drawable
from vpengine.compose.grading import GradeTable
from vpengine.compose.mixer import Mixer, Shares
from vpengine.compose.outer import OuterPicture
from vpengine.compose.wall import WallLevels, WallPicture, wall_mesh
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target, Texture
from vpengine.stage.walls import WallSettings, wall_geometry


class Walls:
    """Owns the wall pictures and, for every place that was prepared, the outer pictures in wall space."""

    def __init__(
        self, gpu: Gpu, settings: Sequence[WallSettings], eye_m: tuple[float, float, float], face_px: int
    ) -> None:
        self._gpu = gpu
        self._eye_m = eye_m
        self.settings = tuple(settings)
        self.geometries = {wall.id: wall_geometry(wall) for wall in settings}
        self.meshes = {name: wall_mesh(gpu, geometry) for name, geometry in self.geometries.items()}
        self.pictures = {
            wall.id: WallPicture(gpu, self.geometries[wall.id], self.meshes[wall.id], wall.peak_nits, wall.black_nits)
            for wall in settings
        }
        self._face = Target(gpu.context, (face_px, face_px), depth=True)
        self._outer: dict[str, dict[str, OuterPicture]] = {}
        self._mixers: dict[str, Mixer] = {}
        self._turns: dict[str, int] = {}
        self._moved: set[str] = set()
        self._preparing: Iterator[None] = iter(())
        self._begin: Callable[[], Iterator[None]] = lambda: iter(())

    def prepare(self, place: str, plate: Drawable) -> None:
        """Draw a place's outer pictures now; takes several frames' time, so before the first frame.

        A place that was prepared before gives back what it had.
        """
        self.begin(place, plate)
        while self.carry_on():
            pass

    def begin(self, place: str, plate: Drawable) -> None:
        """Have a place prepared by and by; what was begun before is finished first."""
        while self.carry_on():
            pass
        self._begin = lambda: self._prepare(place, plate)
        self._preparing = self._begin()

    def carry_on(self) -> bool:
        """A frame's share of what was begun: one face of the world on one wall. False when there is nothing to do."""
        try:
            if next(self._preparing, "done") is None:
                return True
        except Exception:
            self._preparing = self._begin()  # from the first face, when it is tried again
            raise
        self._preparing = iter(())
        return False

    def _prepare(self, place: str, plate: Drawable) -> Iterator[None]:
        made: dict[str, OuterPicture] = {}
        try:
            for name, geometry in self.geometries.items():
                made[name] = OuterPicture(self._gpu, geometry, self.meshes[name], self._eye_m)
                yield from made[name].drawing_plate(plate, self._face)
            earlier, self._outer[place] = self._outer.get(place, {}), made
            made = earlier  # what is to be given back now
            self._moved.update(earlier)
        finally:  # also where it is given up half way
            for outer in made.values():
                outer.release()

    def warm(self, place: str, grade: GradeTable) -> None:
        """Draw the passes that are not drawn at first: the grade, and a dissolve."""
        for name, outer in self._outer[place].items():
            outer.warm(grade)
            self._outer_texture(name, ((place, 0.5), (place, 0.5)))

    def prepared(self, place: str) -> bool:
        return place in self._outer

    def follow(self, place: str, grade: GradeTable, amount: float) -> None:
        """Bring one wall's outer picture up to the grade, in turn: one a frame is as fast as a grade moves."""
        names = list(self._outer[place])
        for step in range(len(names)):
            turn = (self._turns.get(place, 0) + step) % len(names)
            if self._outer[place][names[turn]].follow(grade, amount):
                self._turns[place] = turn + 1
                self._moved.add(names[turn])
                return

    def draw(self, inner: Picture, shares: Shares, levels: WallLevels) -> None:
        """Every wall's code values. shares: the place shown or, in a dissolve, all that are visible."""
        dissolving = len(shares) > 1
        for name, picture in self.pictures.items():
            moved = dissolving or name in self._moved
            picture.draw(inner, self._outer_texture(name, shares), levels, moved)
        self._moved.clear()

    def draw_light(self, inner: Picture, shares: Shares, levels: WallLevels) -> dict[str, Texture]:
        """Every wall's scene-linear picture, by wall: what a simulated camera photographs."""
        for name, picture in self.pictures.items():
            picture.draw_light(inner, self._outer_texture(name, shares), levels)
        return {name: picture.light.color for name, picture in self.pictures.items()}

    def _outer_texture(self, wall: str, shares: Shares) -> Texture:
        pictures = [self._outer[place][wall] for place, _ in shares]
        if len(pictures) == 1:
            return pictures[0].texture
        if wall not in self._mixers:
            self._mixers[wall] = Mixer(self._gpu, pictures[0].size)
        return self._mixers[wall].mix([picture.texture for picture in pictures], [share for _, share in shares]).color

    def release(self) -> None:
        if isinstance(self._preparing, Generator):
            self._preparing.close()
        for place in self._outer.values():
            for outer in place.values():
                outer.release()
        for mixer in self._mixers.values():
            mixer.release()
        self._face.release()
        for name, picture in self.pictures.items():
            picture.release()
            self.meshes[name].release()
