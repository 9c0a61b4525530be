"""A camera's colour space as what a shader needs of it: one curve for all channels, then a matrix to ACEScg.

Every camera log of the pinned OpenColorIO configuration is that, and a table of its curve costs one lookup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from vpengine.errors import UserError, did_you_mean
from vpengine.gpu.view_lut import CONFIG

STEPS = 8192
LOW, HIGH = -0.125, 1.25  # of R'G'B': what video carries below black and above white
OFF_BY = 0.01  # of the light, and 0.01 beside it: more than that, and it is no curve and matrix
CAMERA, SRGB = "Camera Rec.709", "sRGB - Texture"
# As FFmpeg calls a transfer. The camera's own curve, not a display's: what was before the lens is wanted.
BY_TRANSFER = {
    **dict.fromkeys(("bt709", "smpte170m", "bt470bg", "bt2020-10", "bt2020-12"), CAMERA),
    "iec61966-2-1": SRGB,
    "linear": "Linear Rec.709 (sRGB)",
}


@dataclass(frozen=True, eq=False)
class InputSpace:
    """curve: (STEPS,) float32, linear light at R'G'B' from LOW to HIGH. acescg_from_linear: (3, 3)."""

    name: str
    curve: NDArray[np.float32]
    acescg_from_linear: NDArray[np.float64]

    def acescg(self, rgb: NDArray[np.floating]) -> NDArray[np.float32]:
        """(..., 3) non-linear R'G'B' to scene-linear ACEScg: the shader's twin."""
        at = (np.clip(rgb, LOW, HIGH) - LOW) / (HIGH - LOW) * (STEPS - 1)
        linear = np.interp(at, np.arange(STEPS), self.curve)
        return (linear @ self.acescg_from_linear.T).astype(np.float32)


@cache
def input_space(name: str) -> InputSpace:
    """Of the pinned configuration. Raises UserError with a hint: there is none such, or it is more than that."""
    config = ocio.Config.CreateFromBuiltinConfig(CONFIG)
    if config.getColorSpace(name) is None:
        names = [space.getName() for space in config.getColorSpaces()]
        raise UserError(f"color_space {name!r} is not in {CONFIG}{did_you_mean(name, names)}")
    processor = config.getProcessor(name, "ACEScg").getDefaultCPUProcessor()

    def convert(rgb: NDArray[np.floating]) -> NDArray[np.float64]:
        pixels = np.ascontiguousarray(rgb, np.float32)
        processor.applyRGB(pixels)
        return pixels.astype(np.float64)

    space = _split(name, convert)
    if space is None or not _agrees(space, convert):
        raise UserError(f"color_space {name!r} is no camera's: it is not one curve and a matrix")
    return space


def space_of(named: str, transfer: str | None, matrix: str) -> InputSpace:
    """named: a space, or "tagged" for what a source's tags say: its transfer, and BT.2020's primaries with its matrix.

    Transfers that say how a display shows it (PQ, HLG) are taken for a camera's; a named space is better.
    """
    if named != "tagged":
        return input_space(named)
    space = input_space(BY_TRANSFER.get(transfer or "", CAMERA))
    if matrix != "bt2020":
        return space
    wide = input_space("Linear Rec.2020").acescg_from_linear
    return InputSpace(f"{space.name}, Rec.2020", space.curve, wide)


Convert = Callable[[NDArray[np.floating]], NDArray[np.float64]]


def _split(name: str, convert: Convert) -> InputSpace | None:
    """The matrix from what the primaries add to black, for a white that green reaches 1 with; then the curve."""
    black, white, *primaries = convert(np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]))
    gain = (white - black)[1]
    matrix = (np.array(primaries) - black).T / gain if gain else np.zeros((3, 3))
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-6:
        return None
    grey = np.repeat(np.linspace(LOW, HIGH, STEPS)[:, None], 3, axis=1)
    curve = convert(grey) @ np.linalg.inv(matrix).T
    return InputSpace(name, curve[:, 1].astype(np.float32), matrix)


def _agrees(space: InputSpace, convert: Convert) -> bool:
    rgb = np.random.default_rng(0).uniform(0.0, 1.0, (512, 3))
    expected = convert(rgb)
    return bool((np.abs(space.acescg(rgb) - expected) <= OFF_BY * (np.abs(expected) + 1.0)).all())
