"""Cameras' own pictures over their worlds: draws the jobs of ``plan_picture``."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vpengine.compose.clean_plate import CleanPlate
from vpengine.compose.composite import Composite
from vpengine.compose.defocus import Defocus
from vpengine.compose.garbage import GarbageMatte
from vpengine.compose.jobs import DefocusWorld, KeyPicture, LayOver, MatchLens, ShowKey, TakePicture
from vpengine.compose.key import Keyed, Keyer
from vpengine.compose.key_refiner import MatteRefiner
from vpengine.compose.key_settings import KeySettings, key_settings
from vpengine.compose.key_steady import Steady
from vpengine.compose.key_view import KeyView
from vpengine.compose.key_warm import SIZE as WARM
from vpengine.compose.key_warm import warm_key
from vpengine.compose.lens_match import LensMatch, bends
from vpengine.compose.mixer import Lend
from vpengine.compose.screen_plate import ScreenPlate, warm_screen_plate
from vpengine.errors import UserError
from vpengine.frames.captured import CapturedFrame
from vpengine.frames.frame_input import NO_DIP
from vpengine.gpu.executor import Drawer, Pictures
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.job import Job
from vpengine.gpu.picture import Picture
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.video_picture import VideoPicture, warm_picture
from vpengine.stage.screens import HoldoutSettings, ScreenSettings
from vpengine.view.lens import Lens
from vpengine.view.view import View, without_overscan

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Composited:
    """A camera that has a picture of its own. size: of its composite. color_space: of what it sends."""

    size: tuple[int, int]
    color_space: str = "tagged"


class CameraKey:
    """Owns what is made of one camera's own picture."""

    def __init__(
        self, gpu: Gpu, camera: Composited, screens: Sequence[ScreenSettings], refiner: MatteRefiner | None
    ) -> None:
        self.picture = VideoPicture(gpu, camera.size, camera.color_space)
        self.match = LensMatch(gpu)
        self.plate = CleanPlate(gpu)
        self.screens = ScreenPlate(gpu, screens) if screens else None
        self._keyer = Keyer(gpu, refiner)
        self._steady = Steady(gpu)
        self._settings = KeySettings()
        self._refused = ""
        self._seen: View | None = None  # when the clean plate was learnt
        self._learnt: CapturedFrame | None = None
        self.newest: CapturedFrame | None = None
        self.garbage: Texture | None = None

    def key(self, job: KeyPicture, picture: Target, garbage: Texture | None, lend: Lend) -> Keyed:
        settings = self._asked(job)
        plate = self._plate_of(job, settings, lend) if settings.clean_plate else None
        keyed = self._keyer.draw(
            picture.color,
            settings,
            lend,
            clean_plate=plate,
            garbage=garbage,
            steady=self._steady,
            tick=job.number,
        )
        if settings.clean_plate and self.newest is not self._learnt:
            self._learn(job, settings, picture.color, keyed.matte.color)
            self._learnt = self.newest
        return keyed

    def _plate_of(self, job: KeyPicture, settings: KeySettings, lend: Lend) -> Texture | None:
        """Where the stage says where its screens stand they are learnt there; else in the picture, while it stands."""
        if self.screens is not None:
            drawn = self.screens.draw(settings, job.view, lend)
            return self.met(drawn, job.lens, job.overscan_percent, lend).color
        if self._seen is None or not job.view.same_as(self._seen):
            self.plate.forget()
        self._seen = job.view
        return self.plate.texture(settings, lend)

    def met(self, drawn: Target, lens: Lens, overscan_percent: float, lend: Lend) -> Target:
        """What was drawn through the pinhole, of the composite's size and as the lens has it: itself where it is so."""
        size = self.picture.target.size
        if overscan_percent == 0.0 and not bends(lens) and drawn.size == size:
            return drawn
        matched = lend(TargetSpec(size, dtype=drawn.color.dtype))
        self.match.draw(matched, drawn.color, None, lens, overscan_percent)
        return matched

    def _learn(self, job: KeyPicture, settings: KeySettings, picture: Texture, matte: Texture) -> None:
        if self.screens is None:
            self.plate.learn(picture, matte, settings)
            return
        view = without_overscan(job.view, job.overscan_percent, self.picture.target.size)
        self.screens.learn(picture, matte, settings, view, self.match, job.lens)

    @property
    def settings(self) -> KeySettings:
        return self._settings

    def _asked(self, job: KeyPicture) -> KeySettings:
        """What cannot be is said once, and the last that could be stays."""
        try:
            self._settings, self._refused = key_settings(job.controls), ""
        except UserError as error:
            if str(error) != self._refused:
                log.warning("%s. The key stays as it was.", error)
            self._refused = str(error)
        return self._settings

    def release(self) -> None:
        for part in (self.picture, self.match, self.plate, self.screens, self._steady, self._keyer):
            if part is not None:
                part.release()


class GreenScreen:
    """Owns what is made of each camera's picture. cameras: by their ids. refiner: of every camera's matte."""

    def __init__(
        self,
        gpu: Gpu,
        cameras: Mapping[str, Composited],
        screens: Sequence[ScreenSettings] = (),
        holdouts: Sequence[HoldoutSettings] = (),
        refiner: MatteRefiner | None = None,
    ) -> None:
        self._gpu = gpu
        self._cameras = dict(cameras)
        self._keys: dict[str, CameraKey] = {}
        self._screens, self._refiner = tuple(screens), refiner
        self._garbage = GarbageMatte(gpu, screens, holdouts)
        self._composite, self._defocus = Composite(gpu), Defocus(gpu)
        self._view = KeyView(gpu)

    @property
    def drawers(self) -> Mapping[type[Job], Drawer]:
        """How the executor draws each kind of job."""
        return {
            TakePicture: self._take,
            KeyPicture: self._key,
            DefocusWorld: self._soften,
            MatchLens: self._match,
            LayOver: self._lay_over,
        }

    def _of(self, camera: str) -> CameraKey:
        if camera not in self._keys:
            self._keys[camera] = CameraKey(self._gpu, self._cameras[camera], self._screens, self._refiner)
        return self._keys[camera]

    def _take(self, job: TakePicture, pictures: Pictures) -> Target:
        del pictures
        camera = self._of(job.camera)
        target = camera.picture.draw(job.frame, job.gains)
        camera.newest = job.frame
        return target

    def _key(self, job: KeyPicture, pictures: Pictures) -> Keyed:
        camera = self._of(job.camera)
        camera.garbage = self._garbage_of(job, camera, pictures.lend)
        return camera.key(job, pictures[job.reads[0]], camera.garbage, pictures.lend)

    def _garbage_of(self, job: KeyPicture, camera: CameraKey, lend: Lend) -> Texture | None:
        """Bent as the picture is."""
        if not self._garbage.needed:
            return None
        drawn = self._garbage.draw(job.view, lend)
        return camera.met(drawn, job.lens, job.overscan_percent, lend).color

    def _soften(self, job: DefocusWorld, pictures: Pictures) -> Picture:
        world: Picture = pictures[job.reads[0]]
        assert world.depth is not None
        target = pictures.lend(TargetSpec((world.color.size[0], world.color.size[1])))
        self._defocus.draw(target, world.color, world.depth, job.lens, job.overscan_percent, pictures.lend)
        return Picture(target.color, world.depth, world.view, world.provenance)

    def _match(self, job: MatchLens, pictures: Pictures) -> Picture | Target:
        world: Picture = pictures[job.reads[0]]
        fits = job.overscan_percent == 0.0 and not bends(job.lens) and world.color.size == job.size
        if fits and job.dip == NO_DIP:
            return world
        depth = world.depth if job.depth else None
        matched = pictures.lend(TargetSpec(job.size, depth=depth is not None))
        self._of(job.camera).match.draw(matched, world.color, depth, job.lens, job.overscan_percent, job.dip)
        return matched

    def _lay_over(self, job: LayOver, pictures: Pictures) -> Target:
        world, keyed = (pictures[key] for key in job.reads)
        target = pictures.lend(TargetSpec(keyed.matte.size))
        settings = self._of(job.camera).settings
        self._composite.draw(
            target, keyed, world.color, world.depth, settings, job.mark_m, pictures.lend, frame=job.number
        )
        return target

    def show_key(self, job: ShowKey, pictures: Pictures, target: Target) -> None:
        """Into ``target``, a feed's."""
        self._view.draw(target, pictures[job.reads[0]], self._of(job.camera).garbage, job.stage)

    def warm(self, view: View, lend: Lend) -> None:
        """Every program once, before the first frame: a camera's format is not known before its first picture."""
        if not self._cameras:
            return
        warm_picture(self._gpu)
        warm_key(self._gpu, lend, corrected=self._refiner is not None)
        keyed = Keyer(self._gpu).draw(lend(TargetSpec(WARM)).color, KeySettings(), lend)
        self._view.draw(lend(TargetSpec(WARM, dtype="f1")), keyed, None, 0)
        if self._garbage.needed:
            self._garbage.draw(view, lend)
        for key in (self._of(camera) for camera in self._cameras):
            if key.screens is not None:
                warm_screen_plate(key.screens, view, key.match, lend)

    def release(self) -> None:
        for camera in self._keys.values():
            camera.release()
        self._garbage.release()
