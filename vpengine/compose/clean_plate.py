"""The clean plate: the screen with nobody before it, learnt from a picture in which somebody moves."""

from __future__ import annotations

from vpengine.compose.key import KEY, KeySettings, key_values
from vpengine.compose.key_fields import FIELD, HoleFiller, shrunk
from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture

PLATE = UniformBlock("Plate", **KEY.fields, rates="vec2")
PLATE_PX = 4  # of the picture, to one of the plate's
RATES = (0.2, 0.01)  # of the way in one picture: to what is brighter, and to what is darker


class CleanPlate:
    """Owns what it has learnt, a quarter of the picture's size. Main thread only."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._pass = gpu.pass_("key_plate", PLATE)
        self._filler = HoleFiller(gpu)
        self._seen: tuple[Target, Target] | None = None
        self._screen: tuple[float, float, float] | None = None

    def learn(self, picture: Texture, matte: Texture, settings: KeySettings) -> None:
        """matte: of the same picture, as ``Keyed`` has it. A screen picked anew is learnt anew."""
        size = (picture.size[0], picture.size[1])
        before, after = self._targets(size, settings)
        textures = {"picture": picture, "matte": matte, "before": before.color}
        self._pass.draw(after, textures, **key_values(settings, size), rates=RATES)
        self._seen = (after, before)

    def texture(self, settings: KeySettings, lend: Lend) -> Texture | None:
        """The screen, filled in where it was never seen; None before anything was learnt."""
        return self._filler.fill(self._seen[0], (settings.screen,), lend).color if self._seen else None

    def forget(self) -> None:
        """Begin anew: the camera or the lamps were moved."""
        for target in self._seen or ():
            target.release()
        self._seen = None

    def _targets(self, size: tuple[int, int], settings: KeySettings) -> tuple[Target, Target]:
        """What was learnt, and what is to be drawn into."""
        wanted = shrunk(size, PLATE_PX)
        if self._seen is None or self._seen[0].size != wanted or self._screen != settings.screen:
            self.forget()
            self._seen = (TargetSpec(wanted, FIELD).make(self._gpu), TargetSpec(wanted, FIELD).make(self._gpu))
            self._screen = settings.screen
            for target in self._seen:
                target.wipe()
        return self._seen

    release = forget
