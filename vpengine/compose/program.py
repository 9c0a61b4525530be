"""The PROGRAM bus: from one FrameInput to the wall pictures. The live loop, replay and films all draw through it."""

from __future__ import annotations

from vpengine.compose.drawable import Plates
from vpengine.compose.governor import RUNGS
from vpengine.compose.inner import InnerPicture
from vpengine.compose.wall import WallLevels
from vpengine.compose.walls import Walls
from vpengine.control import declared
from vpengine.frames.frame_input import FrameInput, ProgramState
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Texture
from vpengine.stage.camera import CameraSettings
from vpengine.view.camera import camera_view


class Program:
    """Joins the inner picture of one camera, the walls and the places' plates; owns none of them."""

    def __init__(
        self,
        inner: InnerPicture,
        walls: Walls,
        plates: Plates,
        camera: CameraSettings,
        keyframe_overscan_percent: float,
    ) -> None:
        # How much of a keyframe's width the inner picture spans.
        self._picture_in_key = (100 + 2 * camera.inner.overscan_percent) / (100 + 2 * keyframe_overscan_percent)
        self.inner_picture = inner
        self.walls = walls
        self._plates = plates
        self._visible: frozenset[str] = frozenset()  # places, and the one that the last frame went towards
        self._target: str | None = None
        self._camera = camera

    def admit(self, frame: FrameInput) -> None:
        """Take the frame's keyframes in, and let the grades follow them."""
        time_s = frame.tick.display_time_s
        self.inner_picture.resize(self._inner_size(frame))
        self._enter(frame.program)
        for keyframe in frame.keyframes:
            self.inner_picture.admit(keyframe, time_s)
        self.inner_picture.advance(time_s)

    def _inner_size(self, frame: FrameInput) -> tuple[int, int]:
        width, height = self._camera.inner.resolution
        part = RUNGS[frame.rung].inner
        return max(round(width * part), 1), max(round(height * part), 1)

    def _enter(self, program: ProgramState) -> None:
        if program.target not in self._visible:
            self.inner_picture.enter(program.target, self._target)
        self._visible, self._target = frozenset(place for place, _ in program.shares), program.target

    def inner(self, frame: FrameInput) -> Picture:
        """The world as the tracked camera must see it, over the inner View with its overscan."""
        inner, state = self.inner_picture, frame.cameras[self._camera.id]
        program, time_s = frame.program, frame.tick.display_time_s
        settings = self._camera.inner
        view = camera_view(state.pose, state.lens, inner.size, settings.overscan_percent)
        amount = float(frame.controls[declared.NEURAL_AMOUNT])
        if program.incoming_place is not None:
            return inner.draw_dissolve(program.shares, self._plates, view, time_s, amount)
        if amount > 0.0 and not frame.controls[declared.NEURAL_REPROJECT]:
            return inner.draw_stale(program.place, self._plates[program.place], view, self._picture_in_key)
        return inner.draw(program.place, self._plates[program.place], view, time_s, amount)

    def warm(self, place: str) -> None:
        """Draw every pass once, before the first frame."""
        camera = self._camera
        view = camera_view(camera.pose.pose(), camera.lens(), self.inner_picture.size, camera.inner.overscan_percent)
        inner = self.inner_picture.warm(place, self._plates[place], view)
        self.walls.warm(place, self.inner_picture.layer(place).grade)
        self.walls.draw(inner, ((place, 1.0),), WallLevels())

    def draw_walls(self, frame: FrameInput, inner: Picture) -> None:
        """Every wall's code values."""
        self._follow(frame)
        self.walls.draw(inner, frame.program.shares, levels(frame))

    def draw_light(self, frame: FrameInput, inner: Picture) -> dict[str, Texture]:
        """Every wall's light instead, by wall: for simulated cameras."""
        self._follow(frame)
        return self.walls.draw_light(inner, frame.program.shares, levels(frame))

    def _follow(self, frame: FrameInput) -> None:
        amount = float(frame.controls[declared.NEURAL_AMOUNT])
        for place, _ in frame.program.shares:
            self.walls.follow(place, self.inner_picture.layer(place).grade, amount)


def levels(frame: FrameInput) -> WallLevels:
    """How the walls are lit; the soft edge is as wide on the wall at every rung."""
    controls = frame.controls
    outer_gain = 2.0 ** float(controls[declared.OUTER_EXPOSURE]) * float(controls[declared.OUTER_LEVEL])
    return WallLevels(
        soft_edge_px=float(controls[declared.INNER_SOFT_EDGE]) * RUNGS[frame.rung].inner,
        inner_visible=bool(controls[declared.INNER_VISIBLE]),
        inner_gain=2.0 ** float(controls[declared.INNER_EXPOSURE]),
        outer_gain=outer_gain,
        dither=bool(controls[declared.WALL_DITHER]),
    )
