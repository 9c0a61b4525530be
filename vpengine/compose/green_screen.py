"""Cameras' own pictures over their worlds: draws the jobs of ``plan_picture``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vpengine.compose.camera_picture import CameraPicture
from vpengine.compose.garbage import GarbageMatte
from vpengine.compose.jobs import TakePicture
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.job import Job
from vpengine.gpu.target import Target
from vpengine.stage.screens import HoldoutSettings, ScreenSettings


@dataclass(frozen=True)
class Composited:
    """A camera that has a picture of its own. size: of its composite. color_space: of what it sends."""

    size: tuple[int, int]
    color_space: str = "tagged"


class GreenScreen:
    """Owns what is made of each camera's picture. cameras: by their ids."""

    def __init__(
        self,
        gpu: Gpu,
        cameras: Mapping[str, Composited],
        screens: Sequence[ScreenSettings] = (),
        holdouts: Sequence[HoldoutSettings] = (),
    ) -> None:
        self._gpu = gpu
        self._cameras = dict(cameras)
        self._pictures: dict[str, CameraPicture] = {}
        self._garbage = GarbageMatte(gpu, screens, holdouts)

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {TakePicture: self._take}

    def _take(self, job: TakePicture, pictures: Pictures) -> Target:
        del pictures
        if job.camera not in self._pictures:
            camera = self._cameras[job.camera]
            self._pictures[job.camera] = CameraPicture(self._gpu, camera.size, camera.color_space)
        return self._pictures[job.camera].draw(job.frame)

    def release(self) -> None:
        for picture in self._pictures.values():
            picture.release()
        self._garbage.release()
