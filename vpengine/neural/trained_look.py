"""The generator `look`: a production's own look, learnt from its stills by `vpengine look train`.

A colour transform that depends on what a pixel shows and where that is in the world: the same in every picture of a
place, so that keyframes agree with each other. It runs in numpy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from vpengine.control.controls import Control, Value
from vpengine.control.looks import look_address
from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural.generator import Generated, Generator, Plate, Runtime
from vpengine.neural.look_file import SUFFIX, find_look, is_path, read_look
from vpengine.neural.look_transform import applied
from vpengine.neural.look_zones import plate_zones
from vpengine.stage.settings import Settings, inside_path, refusal, shown


def _look(value: Any, info: ValidationInfo) -> str:
    """A path beside the stage file; else a name, which a file beside it may have too."""
    if not isinstance(value, str) or not value.strip():
        raise refusal(f"found {shown(value)}, expected the name of a look (`vpengine look list` has them) or a path")
    if is_path(value):
        return str(inside_path(value, info, "look"))
    beside = Path(info.context["folder"], f"{value}{SUFFIX}") if info.context else None
    return str(beside) if beside is not None and beside.is_file() else value


class TrainedLookSettings(Settings):
    """Which look."""

    look: Annotated[str, PlainValidator(_look), WithJsonSchema({"type": "string"})] = Field(
        description="The look: a name that `vpengine look list` has, or the path of its file beside this one.",
    )


class TrainedLook(Generator):
    Settings = TrainedLookSettings
    controls = (
        Control(look_address("mix"), "float", 1.0, "How much of the trained look; 0 leaves the plate as it is."),
    )
    runtimes = ("none",)
    runtime = "numpy"

    def __init__(self, runtime: Runtime, settings: TrainedLookSettings) -> None:
        """Raises UserError where the look cannot be used."""
        del runtime
        path = find_look(settings.look)
        self._transform = read_look(path)
        self.model_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def generate(self, plate: Plate, look: Look) -> Generated:
        mix = float(dict(look.values)["mix"])
        return applied(self._transform, plate.color_cct, plate_zones(plate.depth_m, plate.view), mix)

    @staticmethod
    def plain(values: Mapping[str, Value]) -> bool:
        return float(values["mix"]) <= 0.0

    @staticmethod
    def check(settings: TrainedLookSettings) -> list[tuple[str, str]]:
        """What is wrong with the look's file, as (key, sentence) pairs."""
        try:
            read_look(find_look(settings.look))
        except UserError as error:
            return [("look", str(error))]
        return []
