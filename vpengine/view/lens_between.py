"""What a lens was between two moments of which its tracker spoke."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from vpengine.view.distortion import AnyDistortion, Distortion
from vpengine.view.lens import Lens

NEAREST_M = 1e-3  # a focus nearer than this is not known


def lens_between(before: Lens, after: Lens, share: float) -> Lens:
    """``before`` at a share of 0, ``after`` at 1. What cannot be between two values stays as it was before.

    A lens that stands is the same to the last bit, so that nothing made from it is made anew.
    """
    if before == after:
        return before
    return replace(
        before,
        pinhole_focal_length_mm=_mixed(before.pinhole_focal_length_mm, after.pinhole_focal_length_mm, share),
        entrance_pupil_offset_m=_mixed(before.entrance_pupil_offset_m, after.entrance_pupil_offset_m, share),
        projection_offset_mm=_all_mixed(before.projection_offset_mm, after.projection_offset_mm, share),
        focus_distance_m=_focus_m(before.focus_distance_m, after.focus_distance_m, share),
        t_stop=_t_stop(before.t_stop, after.t_stop, share),
        distortion=_distortion(before.distortion, after.distortion, share),
    )


def _mixed(before: float, after: float, share: float) -> float:
    return before + share * (after - before)


def _all_mixed(before: tuple[float, ...], after: tuple[float, ...], share: float) -> Any:
    return tuple(_mixed(one, other, share) for one, other in zip(before, after, strict=True))


def _focus_m(before_m: float, after_m: float, share: float) -> float:
    """Even in 1 / distance, as focus rings are about; infinity is a distance too."""
    if before_m == after_m or min(before_m, after_m) < NEAREST_M:
        return before_m
    nearness = _mixed(1.0 / before_m, 1.0 / after_m, share)
    return 1.0 / nearness if nearness else math.inf


def _t_stop(before: float, after: float, share: float) -> float:
    """0 is not known."""
    return _mixed(before, after, share) if before and after else before


def _distortion(before: AnyDistortion | None, after: AnyDistortion | None, share: float) -> AnyDistortion | None:
    """Coefficients of one model lie between each other; those of two do not, and maps are not of a moving lens."""
    if not isinstance(before, Distortion) or not isinstance(after, Distortion) or before.model != after.model:
        return before
    return Distortion(
        _all_mixed(before.radial, after.radial, share),
        _all_mixed(before.tangential, after.tangential, share),
        _all_mixed(before.offset_mm, after.offset_mm, share),
        before.model,
    )
