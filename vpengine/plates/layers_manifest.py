"""What ``plate.json`` in a ``.2p5d`` file says: the lens that took the picture, and its layers, back to front."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from vpengine.errors import Problem, ProblemsError, UserError
from vpengine.plates.depth_file import KINDS as DEPTH_KINDS
from vpengine.plates.image_source import KINDS
from vpengine.plates.taking_lens import LensSettings
from vpengine.stage.sections import parse_settings
from vpengine.stage.settings import Resolution, Settings, refusal, shown

VERSION = 1
MOST_LAYERS = 16
LAYER_DEPTH_KINDS = (*DEPTH_KINDS, ".png")

Member = Annotated[str, Field(min_length=1, max_length=200)]


class LayerSettings(Settings):
    """One layer: its picture, and one of depth, distance_m and sky."""

    image: Member = Field(description="The picture with its alpha, a file within the zip.")
    color_space: str | None = Field(
        None, description="The picture's OpenColorIO colour space; by default what the file says of itself."
    )
    distance_m: float | None = Field(None, gt=0.05, le=1e6, description="How far it is along the axis: a flat card.")
    depth: Member | None = Field(
        None, description="A file within the zip: metres along the axis, EXR, TIFF or 16-bit PNG."
    )
    depth_unit_m: float = Field(1.0, gt=0.0, le=1e3, description="Metres that 1 in the depth is.")
    sky: bool = Field(False, description="It is infinitely far.")

    @model_validator(mode="after")
    def _one_depth(self) -> Self:
        given = [self.distance_m is not None, self.depth is not None, self.sky]
        if sum(given) != 1:
            found = "none" if not any(given) else "more than one"
            raise refusal(f"found {found} of distance_m, depth and sky; each layer has one of them")
        for name, key, kinds in ((self.image, "image", KINDS), (self.depth, "depth", LAYER_DEPTH_KINDS)):
            if name is not None and Path(name).suffix.lower() not in kinds:
                raise refusal(f"found {shown(name)}, allowed are {', '.join(kinds)}", key)
        return self


class LayersManifest(Settings):
    """``plate.json``."""

    version: Literal[1] = Field(description="Of the format.")
    size_px: Resolution = Field(description="Width and height of every picture and depth.")
    lens: LensSettings = Field(description="The lens that took it.")
    layers: tuple[LayerSettings, ...] = Field(description="Back to front.")

    @model_validator(mode="after")
    def _some_layers(self) -> Self:
        if not 1 <= len(self.layers) <= MOST_LAYERS:
            raise refusal(f"found {len(self.layers)} layers, allowed are 1 to {MOST_LAYERS}", "layers")
        return self


def parse_manifest(content: bytes, file: Path) -> LayersManifest:
    """Raises UserError: each problem one sentence, with the file and the key."""
    try:
        table: Any = json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: plate.json: is no JSON ({_printable(str(error)[:120])})") from None
    if not isinstance(table, dict):
        raise UserError(f"{file}: plate.json: found {shown(table)}, expected an object in braces")
    version = table.get("version")
    if type(version) is not int or version != VERSION:  # nor true, nor 1.0
        found = f"found {shown(version)}" if "version" in table else "missing"
        raise UserError(f"{file}: plate.json: version: {found}, this vpengine reads version {VERSION}")
    parsed = parse_settings(table, LayersManifest, file, "")
    if isinstance(parsed, list):
        raise ProblemsError(
            Problem(problem.file, f"plate.json: {_printable(problem.key)}", _printable(problem.message))
            for problem in parsed
        )
    return parsed


def _printable(text: str) -> str:
    """JSON's keys may hold what no terminal can print."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON would take the last of two."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the key {name[:60]!r} stands twice in one object")
    return dict(pairs)
