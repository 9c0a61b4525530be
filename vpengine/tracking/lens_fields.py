"""A lens, member by member: one that cannot be used is left out, and the others are taken."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vpengine.tracking.protocol import LensUpdate, Rejected
from vpengine.tracking.words import shortened


@dataclass(frozen=True)
class Allowed:
    """Between which values a member may lie, and whether it may be infinite. reason: the key it is counted by."""

    reason: str
    words: str
    least: float
    most: float
    infinite: bool = False


ALLOWED = {
    "focal_length_mm": Allowed("bad-focal-length", "a focal length", 0.1, 10_000.0),
    "focus_distance_m": Allowed("bad-focus-distance", "a focus distance", 0.0, 1e9, infinite=True),
    "t_stop": Allowed("bad-t-stop", "a T-stop", 0.0, 1000.0),
    "entrance_pupil_offset_m": Allowed("bad-entrance-pupil", "an entrance pupil", -2.0, 2.0),
}
UNITS = {"focal_length_mm": " mm", "focus_distance_m": " m", "t_stop": "", "entrance_pupil_offset_m": " m"}


def read_lens(given: Mapping[str, object]) -> tuple[dict[str, Any], list[Rejected]]:
    """The members of ``given`` (keys of ALLOWED) that can be used, as floats, and a refusal for each of the others."""
    good: dict[str, Any] = {}
    refused = []
    for name, value in given.items():
        if _is_usable(value, ALLOWED[name]):
            good[name] = float(value)  # type: ignore[arg-type]
        else:
            refused.append(_refusal(name, value))
    return good, refused


def lens_updates(camera: str | None, given: Mapping[str, object]) -> Iterator[LensUpdate | Rejected]:
    """The lens of a message that says all of ``given``."""
    good, refused = read_lens(given)
    if good:
        yield LensUpdate(camera, **good, mapped=False)
    yield from refused


def _is_usable(value: object, allowed: Allowed) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return allowed.least <= value <= allowed.most or (allowed.infinite and value == math.inf)


def _refusal(name: str, value: object) -> Rejected:
    allowed, unit = ALLOWED[name], UNITS[name]
    came = f"{value:g}{unit}" if isinstance(value, float) else shortened(repr(value)[:100])
    infinity = ", or infinity" if allowed.infinite else ""
    sentence = (
        f"{allowed.words} of {came} is left out, allowed are {allowed.least:g} to {allowed.most:g}{unit}{infinity}"
    )
    return Rejected(allowed.reason, sentence)
