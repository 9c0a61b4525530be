"""What the key is made of, one stage of it at a time, for who sets it."""

from __future__ import annotations

from vpengine.compose.key import Keyed, draw_edge
from vpengine.control.key import STAGES
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target, Texture

BLOCK = UniformBlock("KeyShow", channels="vec4", gain="float", in_color="float")
_GREY, _COLOR = 0.0, 1.0
EDGE = STAGES.index("measured alpha")
RED, GREEN, ALPHA = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)


class KeyView:
    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._pass = gpu.pass_("key_show", BLOCK)

    def draw(self, target: Target, keyed: Keyed, garbage: Texture | None, stage: int) -> None:
        """stage: the number of one of ``control.key.STAGES``. Display code values."""
        if stage == EDGE:
            draw_edge(self._gpu, keyed, target)
            return
        shown, channels, in_color = self._stage(keyed, garbage, stage)
        if shown is None:  # all of it is keyed
            target.clear()
            return
        self._pass.draw(target, {"shown": shown}, channels=channels, gain=1.0, in_color=in_color)

    def _stage(
        self, keyed: Keyed, garbage: Texture | None, stage: int
    ) -> tuple[Texture | None, tuple[float, float, float, float], float]:
        """In the order of STAGES: a texture, which of its channels, and whether it is light."""
        stages: tuple[tuple[Texture | None, tuple[float, float, float, float], float], ...] = (
            (keyed.matte.color, RED, _GREY),
            (None, RED, _GREY),  # it is drawn where it is asked for
            (keyed.core.color, ALPHA, _GREY),
            (keyed.screen.color, RED, _COLOR),
            (keyed.matte.color, GREEN, _GREY),
            (keyed.foreground.color, RED, _COLOR),
            (garbage, RED, _COLOR),
        )
        return stages[min(stage, len(stages) - 1)]
