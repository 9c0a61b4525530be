"""Somebody else's depth or disparity map as the depth of a picture, in metres."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vpengine.errors import UserError
from vpengine.plates.depth_file import Map, filled, read_map, refuse_numbers, refuse_size


@dataclass(frozen=True)
class Stereo:
    """Of the pair that a disparity is of: metres between the eyes, focal length in pixels, and what is added to the
    disparity (in Middlebury's calibrations ``doffs``: how far apart the principal points are).
    """

    baseline_m: float
    focal_px: float
    offset_px: float = 0.0


def depth_from_depth(path: Path, size: tuple[int, int], unit_m: float, *, fill: bool) -> Map:
    """(height, width) metres. unit_m: what 1 in the file is. fill: 0, NaN and less is what was not measured.

    Raises UserError in one sentence for another size, or for what is no depth and not to be filled.
    """
    found = read_map(path)
    refuse_size(path, found, size)
    if not fill:
        _refuse(path, found, "depth")
        return found * np.float32(unit_m)
    known = found > 0.0
    _refuse_empty(path, bool((known & np.isfinite(found)).any()))
    inverse = filled((1.0 / np.where(known, found, 1.0)).astype(np.float32), known)
    with np.errstate(divide="ignore"):  # the sky's
        return np.asarray(unit_m / inverse, np.float32)


def depth_from_disparity(path: Path, size: tuple[int, int], stereo: Stereo, *, fill: bool) -> Map:
    """As above: depth = baseline * focal / (disparity + offset). With ``fill``, infinite is what was not measured."""
    found = read_map(path)
    refuse_size(path, found, size)
    shifted = found + np.float32(stereo.offset_px)
    known = np.isfinite(found) & (shifted > 0.0)
    if not fill:
        _refuse(path, np.where(np.isinf(found), np.nan, shifted), "disparity")
    _refuse_empty(path, bool(known.any()))
    return (stereo.baseline_m * stereo.focal_px / filled(np.where(known, shifted, 1.0), known)).astype(np.float32)


def _refuse(path: Path, found: Map, what: str) -> None:
    try:
        refuse_numbers(path, found, what)
    except UserError as error:
        raise UserError(f"{error}; --fill takes such pixels from their neighbours") from None


def _refuse_empty(path: Path, some: bool) -> None:
    if not some:
        raise UserError(f"{path}: nothing in it was measured")
