"""From a file's numbers to scene-linear ACEScg: what its tags say, or what the user named, by OpenColorIO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PyOpenColorIO as ocio
from numpy.typing import NDArray

from vpengine.errors import UserError, did_you_mean
from vpengine.plates.chromaticities import (
    ADOBE_RGB,
    D50_XYZ,
    P3_D65,
    REC709,
    REC2020,
    acescg_from,
    acescg_from_xyz,
    known_space,
)
from vpengine.plates.icc_profile import IccProfile, UnusableProfileError, parse_icc_profile
from vpengine.plates.png_color import PngColor

CONFIG = "studio-config-v2.1.0_aces-v1.3_ocio-v2.3"
WORKING_SPACE = "ACEScg"
SRGB = "sRGB - Texture"
LINEAR_REC709 = "Linear Rec.709 (sRGB)"

Array = NDArray[np.float32]
ToAcescg = Callable[[Array], Array]  # (..., 3) as in the file to (..., 3); may work in place

# ITU-T H.273, what pictures use of it: primaries; transfers as OpenColorIO or a power has them.
_CICP_PRIMARIES = {1: REC709, 9: REC2020, 12: P3_D65}
_CICP_SRGB, _CICP_LINEAR, _CICP_REC709 = 13, 8, (1, 6, 14, 15)


def by_name(color_space: str, path: Path) -> ToAcescg:
    """A space of the pinned OpenColorIO configuration. Raises UserError with a hint where there is none such."""
    config = _config()
    if config.getColorSpace(color_space) is None:
        names = [space.getName() for space in config.getColorSpaces()]
        raise UserError(f"{path}: color_space {color_space!r} is not in {CONFIG}{did_you_mean(color_space, names)}")
    return _by_opencolorio(color_space)


def by_chromaticities(chromaticities: Sequence[float] | None, path: Path) -> ToAcescg:
    """Linear light of a file's own primaries, white and all; Rec.709 where it has none. Raises UserError."""
    if chromaticities is None:
        return _by_opencolorio(LINEAR_REC709)
    name = known_space(chromaticities)
    if name is not None:
        return _by_opencolorio(name)
    try:
        return _by_matrix(acescg_from(chromaticities))
    except ValueError:
        raise UserError(f"{path}: its chromaticities are not those of any colours; name its color_space") from None


def by_profile(icc: bytes, path: Path, is_linear: bool) -> ToAcescg:
    """An ICC profile's curves and matrix; of a picture that is linear already, its matrix. Raises UserError."""
    try:
        profile = parse_icc_profile(icc)
    except UnusableProfileError as error:
        raise UserError(
            f"{path}: its embedded colour profile {error}; save the picture in sRGB, or name its color_space"
        ) from None
    return _by_profile(profile, is_linear)


def by_png(color: PngColor, path: Path) -> ToAcescg:
    """cICP before sRGB before gAMA and cHRM, as the specification orders them. Raises UserError."""
    if color.cicp is not None:
        return _by_cicp(color.cicp, path)
    if color.srgb or (color.gamma is None and color.chromaticities is None):
        return _by_opencolorio(SRGB)
    to_acescg = by_chromaticities(color.chromaticities, path)
    # 1/2.2 is how files spell sRGB's curve that cannot say it otherwise.
    gamma = color.gamma
    curve = _srgb_curve if gamma is None or abs(gamma - 2.2) < 0.01 else lambda code: np.maximum(code, 0.0) ** gamma
    return lambda pixels: to_acescg(np.ascontiguousarray(curve(pixels), np.float32))


def adobe_rgb() -> ToAcescg:
    """Adobe RGB (1998): gamma 563/256."""
    to_acescg = _by_matrix(acescg_from(ADOBE_RGB))
    return lambda pixels: to_acescg(np.maximum(pixels, 0.0) ** np.float32(563 / 256))


def srgb() -> ToAcescg:
    return _by_opencolorio(SRGB)


def _by_cicp(cicp: tuple[int, int, int, int], path: Path) -> ToAcescg:
    primaries, transfer, matrix, full_range = cicp
    known = transfer in (_CICP_SRGB, _CICP_LINEAR, *_CICP_REC709)
    if primaries not in _CICP_PRIMARIES or not known or matrix != 0 or full_range != 1:
        raise UserError(f"{path}: its cICP colour {'-'.join(map(str, cicp))} is not read here; name its color_space")
    to_acescg = by_chromaticities(_CICP_PRIMARIES[primaries], path)
    if transfer == _CICP_LINEAR:
        return to_acescg
    curve = _srgb_curve if transfer == _CICP_SRGB else _rec709_curve
    return lambda pixels: to_acescg(np.ascontiguousarray(curve(pixels), np.float32))


def _by_profile(profile: IccProfile, is_linear: bool) -> ToAcescg:
    """Grey needs no matrix: its three channels are alike, and white is white."""
    matrix = np.eye(3) if profile.xyz_from_rgb is None else acescg_from_xyz(D50_XYZ) @ profile.xyz_from_rgb
    to_acescg = _by_matrix(matrix)
    return to_acescg if is_linear else lambda pixels: to_acescg(profile.linear(pixels))


def _by_matrix(acescg_from_rgb: NDArray[np.float64]) -> ToAcescg:
    transposed = acescg_from_rgb.T.astype(np.float32)
    return lambda pixels: pixels @ transposed


def _srgb_curve(code: Array) -> Array:
    return np.where(code <= 0.04045, code / 12.92, ((np.maximum(code, 0.0) + 0.055) / 1.055) ** 2.4)


def _rec709_curve(code: Array) -> Array:
    return np.where(code < 0.081, code / 4.5, ((np.maximum(code, 0.0) + 0.099) / 1.099) ** (1.0 / 0.45))


@cache
def _by_opencolorio(color_space: str) -> ToAcescg:
    processor = _config().getProcessor(color_space, WORKING_SPACE).getDefaultCPUProcessor()

    def convert(pixels: Array) -> Array:
        processor.applyRGB(pixels)
        return pixels

    return convert


@cache
def _config() -> Any:
    return ocio.Config.CreateFromBuiltinConfig(CONFIG)
