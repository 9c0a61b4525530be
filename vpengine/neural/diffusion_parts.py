"""A diffusion model's parts, loaded from folders in diffusers' layout by diffusers and transformers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers.utils.logging as transformers_logging
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    DiffusionPipeline,
    T2IAdapter,
    UNet2DConditionModel,
)
from diffusers.utils import logging as diffusers_logging

from vpengine.errors import UserError
from vpengine.neural.diffusion_references import Adapter, load_adapter
from vpengine.neural.diffusion_schedule import Schedule, schedule_of
from vpengine.neural.digests import sha256_of
from vpengine.neural.library_errors import in_a_sentence
from vpengine.neural.lora import Lora
from vpengine.neural.model_folder import read_model
from vpengine.neural.prompt_origin import origin_of
from vpengine.neural.prompts import FOLDER as PROMPTS
from vpengine.neural.prompts import Embedding, Encoder, Prompts
from vpengine.neural.reference_model import ReferenceModel

for library in (diffusers_logging, transformers_logging):  # what they say is said again, in the engine's words
    library.set_verbosity_error()
    library.disable_progress_bar()

TOKENS = 77  # of a prompt: CLIP's
TIME_IDS = 6  # SDXL: original size, crop, target size, two numbers each
Place = Callable[[torch.Tensor], torch.Tensor]
_ENCODERS = ("text_encoder", "text_encoder_2")
_TEXT = (*_ENCODERS, "tokenizer", "tokenizer_2")
_AUTOENCODERS = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}
_CONTROLS = {"ControlNetModel": ControlNetModel, "T2IAdapter": T2IAdapter}
_UNETS = {"UNet2DConditionModel": UNet2DConditionModel}


@dataclass(frozen=True, eq=False)
class Modules:
    """What is called for a picture. control: a depth ControlNet, or a T2I adapter, or none."""

    unet: Any
    vae: Any
    control: Any | None

    @property
    def adapts(self) -> bool:
        return isinstance(self.control, T2IAdapter)

    @property
    def sdxl(self) -> bool:
        """The U-Net is told sizes and the pooled prompt."""
        return bool(self.unet.config.addition_embed_type == "text_time")

    @property
    def vae_overflows(self) -> bool:
        """In half floats, and paints black. The key is SDXL's: Stable Diffusion's autoencoders have it by default, and
        bear half floats, as diffusers' pipelines have it.
        """
        return self.sdxl and bool(getattr(self.vae.config, "force_upcast", False))


@dataclass(frozen=True, eq=False)
class Parts(Modules):
    """adapter: of reference pictures, where the U-Net has one in it."""

    prompts: Prompts
    schedule: Schedule
    sha256: str
    adapter: Adapter | None = None


def load_parts(
    model: Path,
    control: Path | None,
    vae: Path | None,
    loras: Iterable[Lora],
    device: torch.device,
    dtype: torch.dtype,
    weights: bool = True,
    scheduler: str | None = None,
    reference: ReferenceModel | None = None,
) -> Parts:
    """Raises UserError, one sentence that names the folder and the cure.

    weights: without, what the networks are is known and no more; text encoders have theirs. scheduler: as
    ``schedule_of`` takes it.
    reference: for those with weights.
    """
    fused = tuple(loras)
    pipeline = _pipeline(model, dtype, networks=weights or bool(fused))  # a LoRA may be for a text encoder too
    for lora in fused:
        _fuse(pipeline, lora)
    adapter = load_adapter(pipeline, reference, device) if reference else None
    if weights:
        modules = _modules(pipeline, control, vae, device, dtype)
    else:
        pipeline.unet = pipeline.vae = None
        modules = hollow_modules(model, control, vae)
    place = partial(torch.Tensor.to, device=device, dtype=dtype)
    return Parts(
        unet=modules.unet,
        vae=modules.vae,
        control=modules.control,
        prompts=_prompts(pipeline, model, fused, modules, device, place),
        schedule=schedule_of(pipeline.scheduler, scheduler),
        sha256=_digest([model, *(path for path in (control, vae) if path)], fused, _files(reference)),
        adapter=adapter,
    )


def open_prompts(model: Path, loras: Iterable[Lora] = ()) -> Prompts:
    """A model's prompts, with its text encoders and, without LoRAs, nothing else of it. Raises UserError."""
    fused = tuple(loras)
    pipeline, modules = _pipeline(model, torch.float32, networks=bool(fused)), hollow_modules(model, None, None)
    for lora in fused:
        _fuse(pipeline, lora)
    return _prompts(pipeline, model, fused, modules, torch.device("cpu"), lambda tensor: tensor)


def _prompts(
    pipeline: Any, model: Path, loras: Iterable[Lora], modules: Modules, device: torch.device, place: Place
) -> Prompts:
    origin = origin_of(read_model(model, check_digests=False), loras)
    encoder = _encoder(pipeline, device, modules.sdxl) if origin.encoder else None
    return Prompts(model, encoder, origin, _nothing(modules), place)


def hollow_modules(model: Path, control: Path | None, vae: Path | None) -> Modules:
    """Modules without weights, which take no memory: for what they are, and what shapes they take and give."""
    return Modules(
        _hollow(model / "unet", _UNETS),
        _hollow(vae or model / "vae", _AUTOENCODERS),
        _hollow(control, _CONTROLS) if control else None,
    )


def _modules(
    pipeline: Any, control: Path | None, vae: Path | None, device: torch.device, dtype: torch.dtype
) -> Modules:
    own_vae = _component(vae, _AUTOENCODERS, dtype) if vae else pipeline.vae
    controlling = _component(control, _CONTROLS, dtype).to(device).eval() if control else None
    modules = Modules(pipeline.unet.to(device).eval(), own_vae.to(device).eval(), controlling)
    if dtype == torch.float16 and modules.vae_overflows:
        modules.vae.float()
    return modules


def _hollow(folder: Path, classes: dict[str, Any]) -> Any:
    kind = _class(folder, classes)
    with torch.device("meta"):
        return kind.from_config(kind.load_config(str(folder), local_files_only=True)).eval()


def _pipeline(model: Path, dtype: torch.dtype, networks: bool = True) -> Any:
    """dtype: of its networks. networks: without, it has its text encoders, and can encode prompts.

    Prompts are encoded in float32 everywhere: what was kept on one machine is what another one would make.
    """
    index = json.loads((model / "model_index.json").read_text(encoding="utf-8"))
    missing = [name for name in _TEXT if name in index and not (model / name).is_dir()]
    missing += [] if networks else ["unet", "vae"]
    variant = read_model(model, check_digests=False).variant
    with in_a_sentence(f"{model}: cannot be loaded"):
        return DiffusionPipeline.from_pretrained(
            str(model),
            dtype={"default": dtype, **{name: torch.float32 for name in _ENCODERS if name in index}},
            local_files_only=True,
            use_safetensors=True,
            variant=variant,
            **{name: None for name in (*missing, "safety_checker", "feature_extractor") if name in index},
            **({"requires_safety_checker": False} if "safety_checker" in index else {}),
        )


def _component(folder: Path, classes: dict[str, Any], dtype: torch.dtype) -> Any:
    kind = _class(folder, classes)
    with in_a_sentence(f"{folder}: cannot be loaded"):
        return kind.from_pretrained(str(folder), dtype=dtype, local_files_only=True, use_safetensors=True)


def _class(folder: Path, classes: dict[str, Any]) -> Any:
    name = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("_class_name")
    if name not in classes:
        raise UserError(f"{folder}: is a {name}, expected {' or '.join(classes)}")
    return classes[name]


def _fuse(pipeline: Any, lora: Lora) -> None:
    folder = str(lora.file.parent)
    with in_a_sentence(f"{lora.file}: is no LoRA for this model"):
        found = {"weight_name": lora.file.name, "local_files_only": True, "use_safetensors": True}
        if pipeline.text_encoder is not None:
            pipeline.load_lora_weights(folder, **found)
        else:  # its part for one has nowhere to go, which diffusers does not bear: the prompts were prepared with it
            found |= {"unet_config": pipeline.unet.config} if hasattr(pipeline, "text_encoder_2") else {}
            layers, alphas, metadata = pipeline.lora_state_dict(folder, return_lora_metadata=True, **found)
            pipeline.load_lora_into_unet(layers, alphas, pipeline.unet, metadata=metadata, _pipeline=pipeline)
        pipeline.fuse_lora(lora_scale=lora.scale)
        pipeline.unload_lora_weights()


def _nothing(modules: Modules) -> Embedding:
    """No words at all: what SDXL's models were trained to take for an empty prompt."""
    hidden = torch.zeros(1, TOKENS, modules.unet.config.cross_attention_dim)
    return Embedding(hidden, torch.zeros(1, pooled_width(modules.unet)) if modules.sdxl else None)


def pooled_width(unet: Any) -> int:
    """Of SDXL's embedding of a whole prompt."""
    config = unet.config
    return int(config.projection_class_embeddings_input_dim - TIME_IDS * config.addition_time_embed_dim)


def _encoder(pipeline: Any, device: torch.device, sdxl: bool) -> Encoder | None:
    tokenizers = [t for t in (pipeline.tokenizer, getattr(pipeline, "tokenizer_2", None)) if t is not None]
    encoders = [getattr(pipeline, name, None) for name in _ENCODERS]
    if not tokenizers or not any(encoders):
        return None
    for encoder in encoders:
        if encoder is not None:
            encoder.to(device).eval()

    @torch.inference_mode()
    def encode(text: str) -> Embedding:
        if sdxl:
            hidden, _, pooled, _ = pipeline.encode_prompt(text, device=device, do_classifier_free_guidance=False)
            return Embedding(hidden, pooled)
        hidden, _ = pipeline.encode_prompt(text, device, 1, False)
        return Embedding(hidden)

    def tokens(text: str) -> int:
        return max(len(tokenizer(text, truncation=False).input_ids) - 2 for tokenizer in tokenizers)

    return Encoder(encode, tokens, min(tokenizer.model_max_length for tokenizer in tokenizers) - 2)


def _digest(model: Iterable[Path], loras: Iterable[Lora], added: Iterable[Path]) -> str:
    """Of all weights, in files or folders: of the model's, then of each part that was added to it."""
    digests = [*map(_weights_digest, model), *(lora.digest for lora in loras), *map(_weights_digest, added)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _weights_digest(part: Path) -> str:
    return sha256_of([part] if part.is_file() else _weights(part))


def _files(reference: ReferenceModel | None) -> list[Path]:
    return [reference.weights, reference.encoder] if reference else []


def _weights(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.safetensors") if path.parent.name != PROMPTS]
