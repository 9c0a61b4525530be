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
from vpengine.frames.transfers import BY_TRANSFER, CAMERA, GAMMA_22, GAMMA_28, HLG, PQ
from vpengine.gpu.view_lut import CONFIG

STEPS = 8192
LOW, HIGH = -0.125, 1.25  # of R'G'B': what video carries below black and above white
OFF_BY = 0.01  # of the light, and 0.01 beside it: more than that, and it is no curve and matrix
LINEAR_709, LINEAR_2020 = "Linear Rec.709 (sRGB)", "Linear Rec.2020"
DISPLAY_PQ, WHITE_PQ = "Rec.2100-PQ - Display", 2.03  # of which 1 is 100 nits, and diffuse white 203 (BT.2408)
WHITE_HLG = 0.75  # code of diffuse white: 75 percent (Rec. ITU-R BT.2408, table 1)


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
    """Of the pinned configuration or OWN. Raises UserError with a hint: there is none such, or it is more than that."""
    if name in OWN:
        curve, primaries = OWN[name]
        codes = np.linspace(LOW, HIGH, STEPS)
        return InputSpace(name, curve(codes).astype(np.float32), input_space(primaries).acescg_from_linear)
    config = ocio.Config.CreateFromBuiltinConfig(CONFIG)
    if config.getColorSpace(name) is None:
        names = [*OWN, *(space.getName() for space in config.getColorSpaces())]
        raise UserError(f"color_space {name!r} is not in {CONFIG}{did_you_mean(name, names)}")
    processor = config.getProcessor(name, "ACEScg").getDefaultCPUProcessor()

    def convert(rgb: NDArray[np.floating]) -> NDArray[np.float64]:
        pixels = np.ascontiguousarray(rgb, np.float32)
        processor.applyRGB(pixels)
        return pixels.astype(np.float64)

    space = _split(name, convert)
    if space is None or not _agrees(space, convert):
        hint = f"; {HLG!r} is what the camera saw" if "HLG" in name else ""
        raise UserError(f"color_space {name!r} is no camera's: it is not one curve and a matrix{hint}")
    return space


def space_of(named: str, transfer: str | None, matrix: str) -> InputSpace:
    """named: a space, or "tagged" for what a source's tags say: its transfer, and BT.2020's primaries with its matrix.

    Of PQ it is the light that a display gives, which a grade has made of what was before the lens.
    """
    if named != "tagged":
        return input_space(named)
    space = input_space(BY_TRANSFER.get(transfer or "", CAMERA))
    if matrix != "bt2020":
        return space
    wide = input_space(LINEAR_2020).acescg_from_linear
    return InputSpace(f"{space.name}, Rec.2020", space.curve, wide)


def scene_of_hlg(codes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scene light of HLG's R'G'B': the inverse of its OETF (Rec. ITU-R BT.2100, table 5), without a display's OOTF.

    BT.2100 has code 1 for 1, and 0.5 for 1/12. Here it is over what 75 percent stand for (0.265), so that diffuse white
    is 1.0, code 0.5 is 0.315, the grey card's 38 percent are 0.18, and code 1 is 3.77.
    """
    return _hlg(np.asarray(codes, np.float64)) / _hlg(np.array(WHITE_HLG))


def _hlg(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    codes = np.maximum(codes, 0.0)
    return np.where(codes <= 0.5, codes**2 / 3.0, (np.exp((codes - c) / a) + b) / 12.0)


def _pq(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The configuration's, with diffuse white at 1.0 as HLG's is: a programme is as bright in both."""
    space = input_space(DISPLAY_PQ)
    light = np.interp(np.clip(codes, 0.0, 1.0), np.linspace(LOW, HIGH, STEPS), space.curve)  # no code is beyond 1
    return light / WHITE_PQ


def _power(gamma: float) -> Curve:
    """Rec. ITU-T H.273, table 3: 2.2 is transfer 4, and 2.8 is 5. Nothing is darker than black."""
    return lambda codes: np.maximum(codes, 0.0) ** gamma


Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]
# What the configuration has not, or not as video is tagged: a curve, and the space whose primaries it has. PQ and HLG
# have BT.2020's whatever their matrix says: BT.2100 knows no others.
OWN: dict[str, tuple[Curve, str]] = {
    HLG: (scene_of_hlg, LINEAR_2020),
    PQ: (_pq, LINEAR_2020),
    GAMMA_22: (_power(2.2), LINEAR_709),
    GAMMA_28: (_power(2.8), LINEAR_709),
}

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
