"""A Look in a take, its values by name, and where a picture came from; the older form of a Look is still read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vpengine.frames.look import Blend, Look
from vpengine.frames.provenance import Provenance

_OLDER = ("snow", "night", "fog", "dust", "rain", "fire")  # the order of the list


def look_line(look: Look) -> dict[str, Any]:
    return {
        "generator": look.generator,
        "values": dict(look.values),
        "seed": look.seed,
        "plain": look.plain,
        "view_consistency": look.view_consistency,
        **({"blends": {name: list(map(list, blend)) for name, blend in look.blends}} if look.blends else {}),
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
    blends = tuple((name, _blend(blend)) for name, blend in line.get("blends", {}).items() if name in line["values"])
    return Look(generator, tuple(line["values"].items()), seed, bool(line["plain"]), consistency, blends)


def read_provenance(line: dict[str, Any]) -> Provenance:
    """Raises KeyError, TypeError or ValueError for what is none."""
    look = tuple((name, value) for name, value in line["look"])
    blends = tuple((name, _blend(blend)) for name, blend in line.get("blends", ()))
    told, settings = (_pairs(line.get(name, ())) for name in ("told", "settings"))  # an older take has none
    return Provenance(**{**line, "look": look, "blends": blends, "told": told, "settings": settings})


def _pairs(line: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(said)) for name, said in line)


def _blend(line: list[Any]) -> Blend:
    blend = tuple((str(text), float(share)) for text, share in line)
    if not all(0.0 <= share <= 1.0 for _, share in blend):
        raise ValueError("a blend of texts that is none")
    return blend
