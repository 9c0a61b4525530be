"""What can be added to a model: a ControlNet or a T2I adapter for depth, another autoencoder (folders), a LoRA (one
file), and an IP-Adapter (one file, with its image encoder beside it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vpengine.errors import UserError
from vpengine.neural.model_folder import ModelFolder
from vpengine.neural.model_weights import only_pickles, pickled, read_json, read_weights
from vpengine.neural.safetensors_header import read_header

Kind = Literal["controlnet", "t2i", "vae", "lora", "ip-adapter"]
_KINDS: dict[Any, Kind] = {
    "ControlNetModel": "controlnet",
    "T2IAdapter": "t2i",
    "AutoencoderKL": "vae",
    "AutoencoderTiny": "vae",
}
WORDS: dict[Kind, str] = {
    "controlnet": "ControlNet",
    "t2i": "T2I adapter",
    "vae": "autoencoder",
    "lora": "LoRA",
    "ip-adapter": "IP-Adapter",
}
_KEYS: dict[Kind, str] = {
    "controlnet": "control_model",
    "t2i": "control_model",
    "vae": "vae",
    "lora": "lora",
    "ip-adapter": "reference_model",
}
# A LoRA's first half for the keys of cross-attention, in the namings of kohya, of peft and of older diffusers.
_TEXT_KEY = re.compile(r"attn2[._]to_k[._](?:lora_down|lora_A|lora\.down)\.weight$")
ADAPTER_KEY = "ip_adapter.1.to_k_ip.weight"  # the first layer of the U-Net that it is added to
_LORA_KEY = re.compile(r"\.(?:lora_down|lora_up|lora_A|lora_B|lora\.down|lora\.up)\.weight$")


@dataclass(frozen=True)
class ModelPart:
    """cross_attention_dim: the width of the text's embeddings that it fits; None where it does not say.

    sdxl: whether it is for SDXL; None where it does not say. A LoRA's ``path`` is its file, and an IP-Adapter's.
    """

    path: Path
    name: str
    kind: Kind
    weights: tuple[Path, ...]
    parameters: int
    bytes: int
    cross_attention_dim: int | None
    sdxl: bool | None


def read_part(path: Path) -> ModelPart:
    """What is in a folder, or a LoRA's or an IP-Adapter's file.

    Raises UserError, one sentence, for what could not be loaded.
    """
    if path.is_file():
        return _file(path)
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder; vpengine models lists what is there")
    if (path / "config.json").is_file():
        return _folder(path)
    files = sorted(path.glob("*.safetensors"))
    if len(files) == 1:
        return _file(files[0])
    if pickles := [file for file in sorted(path.glob("*")) if pickled(file)]:
        raise only_pickles(path, pickles)
    raise UserError(
        f"{path}: neither a ControlNet, T2I adapter or autoencoder (no config.json) nor one LoRA or IP-Adapter "
        f"({len(files)} files)"
    )


def check_fits(part: ModelPart, model: ModelFolder) -> None:
    """Raises UserError for a part that was made for another architecture."""
    width, needed = part.cross_attention_dim, model.cross_attention_dim
    if width is not None and width != needed:
        raise UserError(
            f"{part.path}: made for models whose text is {width} wide; {model.name} ({model.architecture}) has {needed}"
        )
    if part.sdxl is not None and part.sdxl != (model.architecture == "sdxl"):
        family = "SDXL" if part.sdxl else "Stable Diffusion 1 or 2"
        raise UserError(f"{part.path}: made for {family}; {model.name} is {model.architecture}")


def _folder(path: Path) -> ModelPart:
    config = read_json(path / "config.json")
    kind = _KINDS.get(config.get("_class_name"))
    if kind is None:
        file, found = path / "config.json", config.get("_class_name")
        raise UserError(f"{file}: _class_name: found {found!r} (allowed: {', '.join(_KINDS)})")
    weights = read_weights(path, path.name, str(config["_class_name"]))
    if weights is None:
        raise UserError(f"{path}: no weights there; the folder is incomplete: fetch or copy it again")
    width = config.get("cross_attention_dim")
    sdxl = None
    if kind == "t2i":
        sdxl = str(config.get("adapter_type", "")).endswith("_xl")
    elif kind == "controlnet":
        sdxl = config.get("addition_embed_type") == "text_time"
    return ModelPart(
        path=path,
        name=path.absolute().name,
        kind=kind,
        weights=weights.files,
        parameters=weights.parameters,
        bytes=weights.bytes,
        cross_attention_dim=width if isinstance(width, int) else None,
        sdxl=sdxl,
    )


def check_kind(part: ModelPart, key: str) -> None:
    """Raises UserError for a part that a stage file's ``key`` is not for, with the key that it goes with."""
    if _KEYS[part.kind] != key:
        raise UserError(f"{part.path}: {WORDS[part.kind]}, which {key} is not for; name it as {_KEYS[part.kind]}")


def _file(path: Path) -> ModelPart:
    if pickled(path):
        raise only_pickles(path.parent, [path])
    header = read_header(path)
    if ADAPTER_KEY in header.shapes:
        kind: Kind = "ip-adapter"
        widths = {header.shapes[ADAPTER_KEY][-1]}
    elif any(_LORA_KEY.search(name) for name in header.shapes):
        kind = "lora"
        widths = {shape[1] for name, shape in header.shapes.items() if _TEXT_KEY.search(name) and len(shape) >= 2}
    else:
        raise UserError(
            f"{path}: no LoRA (none of its {len(header.shapes)} tensors is a lora_down, lora_A or lora.down) and no "
            f"IP-Adapter (none is {ADAPTER_KEY})"
        )
    return ModelPart(
        path=path,
        name=path.stem,
        kind=kind,
        weights=(path,),
        parameters=header.parameters,
        bytes=header.bytes,
        cross_attention_dim=widths.pop() if len(widths) == 1 else None,
        sdxl=None,
    )
