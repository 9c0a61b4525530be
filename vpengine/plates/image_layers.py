"""Which channels of a file are the picture: the beauty among layers, parts, depth, mattes and other passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BEAUTY = ("", "rgba", "rgb", "beauty", "combined", "composite", "main", "image")
_SUFFIXES = {
    **{letter: letter for letter in ("r", "g", "b", "a", "x", "y", "ry", "by")},
    "red": "r", "green": "g", "blue": "b", "alpha": "a",
}  # fmt: skip
_KINDS = (("r", "g", "b"), ("y", "ry", "by"), ("y",))


@dataclass(frozen=True)
class Layer:
    """A picture in a file. colors: indices of R, G, B, or of Y, RY, BY, or of Y alone. alpha: index or None."""

    part: int
    name: str
    colors: tuple[int, ...]
    is_luminance_chroma: bool
    alpha: int | None


class NoBeautyError(Exception):
    """None of a file's layers is the beauty: the end of a sentence, which names them."""


def beauty(parts: Iterable[tuple[str, Sequence[str]]]) -> Layer:
    """The layer that is the picture, whatever order the channels are in. Raises NoBeautyError.

    parts: each part's name and channels. A layer without a name, or with one in ``BEAUTY``, comes before others;
    a layer of three colours before one of grey.
    """
    named = list(parts)
    layers = [layer for part, (name, channels) in enumerate(named) for layer in _layers(part, name, channels)]
    if not layers:
        every = [channel for _, channels in named for channel in channels]
        raise NoBeautyError(f"has no colours: its channels are {_listed(every)}")
    best = min(layers, key=_rank)
    rivals = [layer.name for layer in layers if _rank(layer)[:2] == _rank(best)[:2]]
    if _rank(best)[1] == len(BEAUTY) and len(rivals) > 1:
        raise NoBeautyError(
            f"has the layers {_listed(rivals)} and none called beauty or rgba: which is the picture? save it alone"
        )
    return best


def _rank(layer: Layer) -> tuple[int, int]:
    """Colour before grey, then by name, then (by ``min``) in the file's order."""
    words = layer.name.lower().split(".")  # Blender's ViewLayer.Combined, a stereo file's rgba.left
    named = min((BEAUTY.index(word) for word in words if word in BEAUTY), default=len(BEAUTY))
    return int(len(layer.colors) == 1), named


def _layers(part: int, part_name: str, channels: Sequence[str]) -> list[Layer]:
    groups: dict[str, dict[str, int]] = {}
    for index, channel in enumerate(channels):
        prefix, _, suffix = channel.rpartition(".")
        if suffix.lower() in _SUFFIXES:
            groups.setdefault(prefix, {}).setdefault(_SUFFIXES[suffix.lower()], index)
    return [
        Layer(part, prefix or part_name, tuple(group[key] for key in kind), "ry" in kind, group.get("a"))
        for prefix, group in groups.items()
        if (kind := next((kind for kind in _KINDS if all(key in group for key in kind)), None))
        and (kind != ("y",) or "x" not in group)  # a direction's, or CIE XYZ's
    ]


def _listed(names: Sequence[str]) -> str:
    shown = [name or "(without a name)" for name in dict.fromkeys(names)]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
