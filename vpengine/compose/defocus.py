"""Defocus: the world's picture as blurred as the lens's focus and stop make it, by the world's depth.

For pictures that are laid under or over the camera's own: what a wall shows is blurred by the real lens.
"""

from __future__ import annotations

from typing import Any

from vpengine.compose.mixer import Lend
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture
from vpengine.view.defocus import blur_mm_m, largest_circle_mm
from vpengine.view.lens import Lens

TILE = 16  # pixels; no circle's radius is larger, for more taps would be needed than a frame has time for
TAPS = 96
BLOCK = UniformBlock("Defocus", blur_px="float", in_focus="float")
DEFINES = {"TILE": str(TILE), "TAPS": str(TAPS)}
SHARP_PX = 0.5  # a circle's diameter


def radius_px_m(lens: Lens, width_px: int, overscan_percent: float) -> float:
    """What a distance in 1/m from the plane of focus is multiplied with for a circle's radius in pixels."""
    width_mm = lens.sensor_mm[0] * (1.0 + overscan_percent / 50.0)
    return 0.5 * blur_mm_m(lens) * width_px / width_mm


def blurs(lens: Lens, width_px: int, overscan_percent: float = 0.0) -> bool:
    """Whether anything could be blurred by half a pixel: without it the picture is used as it is."""
    width_mm = lens.sensor_mm[0] * (1.0 + overscan_percent / 50.0)
    return largest_circle_mm(lens) * width_px / width_mm >= SHARP_PX


class Defocus:
    def __init__(self, gpu: Gpu) -> None:
        self._reach = gpu.pass_("defocus_reach", BLOCK, DEFINES)
        self._gather = gpu.pass_("defocus", BLOCK, DEFINES)

    def draw(
        self, target: Target, color: Texture, depth: Texture, lens: Lens, overscan_percent: float, lend: Lend
    ) -> None:
        """color, depth: the world's, of ``target``'s size, drawn wider by ``overscan_percent`` per side. Where nothing
        near a pixel is blurred it is copied to the last bit. Depth stays as it is. Ask ``blurs`` first.
        """
        width, height = target.size
        values: dict[str, Any] = {
            "blur_px": radius_px_m(lens, width, overscan_percent),
            "in_focus": 1.0 / lens.focus_distance_m if lens.focus_distance_m > 0.0 else 0.0,
        }
        tiles = lend(TargetSpec((-(-width // TILE), -(-height // TILE)), components=1))
        self._reach.draw(tiles, {"world_depth": depth}, **values)
        textures = {"world_color": color, "world_depth": depth, "tile_reach": tiles.color}
        self._gather.draw(target, textures, **values)
