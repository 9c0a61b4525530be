"""The look of a film or monitor: OpenColorIO's ACES view, baked to a 3D LUT over ACEScct.

OpenColorIO's own GLSL for this view costs 41 ms at 1920 x 1080 on a software driver; a LUT costs one lookup. Never for
walls: a camera photographs those, and would tone-map what was tone-mapped.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import PyOpenColorIO
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import write_volume

CONFIG = "studio-config-v2.1.0_aces-v1.3_ocio-v2.3"
DISPLAY = "sRGB - Display"
VIEW = "ACES 1.0 - SDR Video"
LUT_SIDE = 48

BLOCK = UniformBlock(
    "Develop", exposure_gain="float", shown="float", vignette="float", grain="float", seed="int", dip="vec4"
)


def acescct_to_display() -> PyOpenColorIO.CPUProcessor:
    """OpenColorIO's own conversion on the CPU: ACEScct to sRGB-encoded code values in 0..1."""
    config = PyOpenColorIO.Config.CreateFromBuiltinConfig(CONFIG)
    view = PyOpenColorIO.DisplayViewTransform("ACEScct", DISPLAY, VIEW)
    return config.getProcessor(view).getDefaultCPUProcessor()


@cache
def bake(side: int = LUT_SIDE) -> NDArray[np.float32]:
    """(side, side, side, 3) by ACEScct blue, green, red in 0..1: sRGB-encoded code values in 0..1."""
    steps = np.linspace(0.0, 1.0, side, dtype=np.float32)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    table = np.ascontiguousarray(np.stack([red, green, blue], axis=-1).reshape(-1, 3))
    acescct_to_display().applyRGB(table)
    return np.clip(table.reshape(side, side, side, 3), 0.0, 1.0)


class ViewLut:
    """The baked LUT on the GPU, and the pass that develops scene-linear pictures with it."""

    def __init__(self, gpu: Gpu) -> None:
        self._pass = gpu.pass_("develop", BLOCK, {"LUT_SIDE": f"{LUT_SIDE}.0"})  # first: it may not compile
        # Four components: software OpenGL reads one texel of them faster than three.
        self.texture = gpu.texture_3d((LUT_SIDE,) * 3, 4, "f4")
        write_volume(self.texture, np.pad(bake(), [(0, 0), (0, 0), (0, 0), (0, 1)]))

    def develop(
        self,
        target: Target,
        light: Texture,
        exposure_stops: float = 0.0,
        vignette: float = 0.0,
        grain: float = 0.0,
        seed: int = 0,
        shown: float = 1.0,
        dip: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    ) -> None:
        """Scene-linear ACEScg to display code values; a larger ``light`` is averaged down, in light.

        vignette: share of light lost in the corners. grain: standard deviation in code values of mid-grey, in 0..1.
        shown: which part of the picture's sides, around its middle. dip: a colour over it, times its cover, and that.
        """
        self._pass.draw(
            target,
            {"light": light, "lut": self.texture},
            exposure_gain=2.0**exposure_stops,
            vignette=vignette,
            grain=grain,
            seed=seed,
            shown=shown,
            dip=dip,
        )

    def release(self) -> None:
        self.texture.release()
