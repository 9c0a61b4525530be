"""A Look in a take: its values by name; and the older form, a list without names, which is still read."""

from __future__ import annotations

from typing import Any

from vpengine.frames.look import Look

_OLDER = ("snow", "night", "fog", "dust", "rain", "fire")  # the order of the list


def look_line(look: Look) -> dict[str, Any]:
    return {
        "generator": look.generator,
        "values": dict(look.values),
        "seed": look.seed,
        "plain": look.plain,
        "view_consistency": look.view_consistency,
    }


def read_look(line: dict[str, Any]) -> Look:
    """Raises KeyError, TypeError or ValueError for what is no Look."""
    generator, seed = str(line["generator"]), int(line["seed"])
    if "values" not in line:
        values = tuple(zip(_OLDER, map(float, line["faders"]), strict=True))
        return Look(generator, values, seed, plain=not any(value for _, value in values))
    for name, value in line["values"].items():
        if not isinstance(value, bool | int | float | str):
            raise TypeError(f"a look's {name} without a value")
    consistency = float(line.get("view_consistency", 1.0))  # a take of an older version has none
    if not 0.0 <= consistency <= 1.0:
        raise ValueError(f"a view consistency of {consistency:g}")
    return Look(generator, tuple(line["values"].items()), seed, bool(line["plain"]), consistency)
