"""A keyed picture before the world: over it, lit by it, with its noise, and behind what of it stands in front."""

from __future__ import annotations

from vpengine.compose.key import BLUR, Keyed, KeySettings, blurred
from vpengine.compose.key_fields import shrunk
from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture

COMPOSITE = UniformBlock(
    "Composite",
    mark_m="float",
    shadow="float",
    wrap="float",
    grain="float",
    black="float",
    frame="float",
    spill_to_world="float",
)
LIGHT_PX = 8  # of the picture, to one of the light's
ALL = (1.0, 1.0, 1.0, 1.0)


class Composite:
    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._light = gpu.pass_("composite_light")
        self._blur = gpu.pass_("key_blur", BLUR)

    def draw(
        self,
        target: Target,
        keyed: Keyed,
        world: Texture,
        world_depth: Texture | None,
        settings: KeySettings,
        mark_m: float | None,
        lend: Lend,
        frame: int = 0,
    ) -> None:
        """Scene-linear ACEScg into ``target``, of the matte's size. world: of any size, as the camera sees it.

        world_depth: clip w in metres; what is nearer than ``mark_m``, where the actor stands, passes before the
        picture. frame: the grain moves with it.
        """
        textures = {"foreground": keyed.foreground.color, "world": world}
        defines = {"SAME_SIZE": "1"} if world.size == keyed.matte.size else {}
        if settings.shadow > 0.0 or settings.to_world:  # else all is in the foreground
            textures["matte"], defines["MATTE"] = keyed.matte.color, "1"
        if world_depth is not None and mark_m is not None:
            textures["world_depth"], defines["FRONT"] = world_depth, "1"
        if settings.wrap > 0.0 or settings.to_world:
            textures["light"], defines["LIGHT"] = self.light(keyed, world, settings, lend).color, "1"
        if settings.grain > 0.0:
            defines["GRAIN"] = "1"
        self._gpu.pass_("composite", COMPOSITE, defines).draw(
            target,
            textures,
            mark_m=mark_m or 0.0,
            shadow=settings.shadow,
            wrap=settings.wrap,
            grain=settings.grain,
            black=settings.black,
            frame=float(frame % (1 << 16)),
            spill_to_world=float(settings.to_world),
        )

    def light(self, keyed: Keyed, world: Texture, settings: KeySettings, lend: Lend) -> Target:
        """The world's light that comes round the foreground, an eighth of its size: premultiplied by how open it is."""
        found = lend(TargetSpec(shrunk(keyed.matte.size, LIGHT_PX)))
        self._light.draw(found, {"matte": keyed.matte.color, "world": world})
        return blurred(self._blur, found, max(settings.wrap_radius_px / LIGHT_PX, 0.3), ALL, lend)
