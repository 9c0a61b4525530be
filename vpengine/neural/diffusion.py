"""The generator `diffusion`: a world asked for in words, painted over the plate by a few-step diffusion model.

The model is a crew's own, a folder in diffusers' layout (`vpengine models`). What is declared here imports nothing of
it: the engine reads this module too; the model is loaded where the generator runs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from vpengine.control.controls import Control, Kind, Value
from vpengine.control.looks import look_address
from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural.generator import Generated, Generator, Plate, Runtime
from vpengine.neural.model_folder import find_model
from vpengine.neural.tensorrt_flavours import FOR_CARDS, could_run
from vpengine.plugins import load_plugin
from vpengine.stage.settings import NamedFolder, Settings, inside_path, refusal, shown

log = logging.getLogger(__name__)

PIPELINE = "vpengine.neural.diffusion_pipeline:ImageToImage"
EXPORTS_THERE = "vpengine.neural.diffusion_export:exports_there"


def _model(value: Any, info: ValidationInfo) -> str:
    """The name of a folder in the models folder, or a path beside the stage file."""
    if not isinstance(value, str) or not value.strip():
        raise refusal(f"found {shown(value)}, expected the name of a model (`vpengine models` lists them) or a path")
    if os.sep in value or "/" in value or value.startswith("."):
        return str(inside_path(value, info))
    return value


ModelName = Annotated[str, PlainValidator(_model), WithJsonSchema({"type": "string"})]


Scale = Annotated[float, Field(ge=-4.0, le=4.0)]


class DiffusionSettings(Settings):
    """Which model paints, and how."""

    model: ModelName = Field(
        description="The model: the name of a folder that `vpengine models` lists, or the path of one beside the file.",
    )
    control_model: ModelName | None = Field(
        default=None, description="A depth ControlNet or T2I adapter for it, which holds the plate's shapes."
    )
    vae: ModelName | None = Field(
        default=None, description="Another autoencoder, such as a tiny one, which takes a tenth of the time."
    )
    lora: tuple[ModelName, ...] = Field(default=(), description="LoRA files, for few steps or a style.")
    lora_scales: tuple[Scale, ...] = Field(
        default=(), description="How strongly each of them counts, in their order; without, 1 each."
    )
    scheduler: Literal["lcm", "ddim"] | None = Field(
        default=None,
        description='How a step follows on another; without, as the model says. An LCM LoRA needs "lcm".',
    )
    reference_model: ModelName | None = Field(
        default=None, description="An IP-Adapter for it, with its image encoder: it can be told by a picture then."
    )
    references: NamedFolder | None = Field(
        default=None, description="The folder of pictures that /vp/look/reference names; found beside the file."
    )
    steps: int = Field(default=1, ge=1, le=8, description="Steps a picture; the model says with how few it works.")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Of the numbers in it; auto takes what the machine is fast with."
    )

    @model_validator(mode="after")
    def _check_scales(self) -> Self:
        if self.lora_scales and len(self.lora_scales) != len(self.lora):
            raise refusal(
                f"found {len(self.lora_scales)} numbers for {len(self.lora)} files in lora; give each one",
                "lora_scales",
            )
        return self


_CONTROLS: tuple[tuple[str, Kind, Value, float, float, str], ...] = (
    ("prompt", "text", "", 0.0, 1.0, "What the world is to be; with none, and no reference, the plate stays."),
    ("negative_prompt", "text", "", 0.0, 1.0, "What it is not to be; heard where guidance is above 1."),
    ("strength", "float", 0.5, 0.0, 1.0, "How far it may go from the plate."),
    ("guidance", "float", 1.0, 1.0, 12.0, "How literally the prompt is taken; above 1 it costs twice."),
    ("depth", "float", 0.8, 0.0, 2.0, "How strictly the plate's shapes hold, with a control_model."),
    ("reference", "text", "", 0.0, 1.0, "A picture in the folder of references that the world is to be like."),
    ("reference_weight", "float", 0.6, 0.0, 1.0, "How much it is to be like that, with a reference_model."),
    ("persistence", "float", 0.8, 0.0, 1.0, "How much of a picture the next one keeps, where both see a place."),
)


class Diffusion(Generator):
    """Its pictures are made anew, with no gain of the plate's: what is painted over need not be like it."""

    Settings = DiffusionSettings
    controls = tuple(
        Control(look_address(name), kind, default, sentence, low, high)
        for name, kind, default, low, high, sentence in _CONTROLS
    )
    runtimes = ("torch", "openvino", "tensorrt-rtx", "tensorrt")
    # Of two that round to bfloat16, each in its way: 42 to 55 dB with a tiny model, and a large one adds up more.
    same_db = 30.0
    starts_from_current = True
    stands_in = "weather"
    load_limit_s = 900.0  # gigabytes, from a disk that may be slow
    first_pictures_limit_s = 900.0

    def __init__(self, runtime: Runtime, settings: DiffusionSettings) -> None:
        """Raises UserError where the model cannot be used."""
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is downloaded in a show
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # it says at import what it could do with more
        self._pipeline = load_plugin(PIPELINE)(runtime, settings)
        self.runtime: str = self._pipeline.runtime
        self.model_sha256: str = self._pipeline.sha256

    def generate(self, plate: Plate, look: Look) -> Generated:
        made: Generated = self._pipeline.generate(plate, look)
        return made

    @staticmethod
    def ready_for(runtime: str, settings: DiffusionSettings) -> bool:
        """An export takes minutes, which nobody is to wait for who has not asked for that runtime."""
        if runtime == "torch" or settings.reference_model is not None:
            return runtime == "torch"
        if load_plugin(EXPORTS_THERE)(settings):
            return True
        if runtime in FOR_CARDS and could_run(runtime):
            log.warning(
                "runtime auto: %s is not tried: the networks are not exported for it; vpengine engines build --stage "
                "STAGE --runtime %s does that, and builds their engines",
                runtime,
                runtime,
            )
        return False

    @staticmethod
    def check(settings: DiffusionSettings) -> list[tuple[str, str]]:
        """Which models are not there, as (key, sentence) pairs; what is in them is read when it runs."""
        one = ("model", "control_model", "vae", "reference_model")
        named = [*((key, getattr(settings, key)) for key in one), *(("lora", name) for name in settings.lora)]
        found = []
        for key, name in named:
            try:
                if name is not None:
                    find_model(name)
            except UserError as error:
                found.append((key, str(error)))
        return found

    @staticmethod
    def hang_limit_s(work_s: float) -> float:
        return max(20.0, 4.0 * work_s)

    @staticmethod
    def plain(values: Mapping[str, Value]) -> bool:
        """A reference picture says what the world is to be as a prompt does."""
        shown = str(values["reference"]).strip() and float(values["reference_weight"]) > 0.0
        return not (str(values["prompt"]).strip() or shown) or float(values["strength"]) <= 0.0
