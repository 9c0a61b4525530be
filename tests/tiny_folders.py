"""Models that are only read, not run: the JSON and the headers of one, with a few zeros for weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from vpengine.errors import UserError

PARTS = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"}


def write_json(path: Path, **values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def write_weights(path: Path, kind: type[np.floating[Any]] = np.float16, **shapes: tuple[int, ...]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.zeros(shape, kind) for name, shape in (shapes or {"weight": (4, 8)}).items()}, path)
    return path


def stem_of(part: str) -> str:
    return "model" if part.startswith("text_encoder") else "diffusion_pytorch_model"


def write_model(
    folder: Path, pipeline: str = "StableDiffusionPipeline", half: bool = False, **unet_config: Any
) -> Path:
    """A Stable Diffusion 1 in ``folder``, 32 parameters a part; ``unet_config`` makes another of it."""
    parts = PARTS | ({"text_encoder_2": "CLIPTextModelWithProjection"} if "XL" in pipeline else {})
    index = {name: ["diffusers", kind] for name, kind in parts.items()}
    write_json(folder / "model_index.json", _class_name=pipeline, safety_checker=[None, None], **index)
    for name, kind in parts.items():
        write_json(folder / name / "config.json", _class_name=kind)
        if name.startswith("text_encoder"):
            write_json(folder / name.replace("text_encoder", "tokenizer") / "vocab.json")
        write_weights(folder / name / f"{stem_of(name)}{'.fp16' if half else ''}.safetensors")
    unet = {"_class_name": PARTS["unet"], "in_channels": 4, "cross_attention_dim": 768, "addition_embed_type": None}
    write_json(folder / "unet" / "config.json", **(unet | unet_config))
    write_json(folder / "scheduler" / "scheduler_config.json", prediction_type="epsilon")
    (folder / "README.md").write_text("---\nlicense: openrail\ntags:\n- x\n---\n# A model\n", encoding="utf-8")
    return folder


def refused(action: Callable[[], Any]) -> str:
    """The one sentence that it is refused with."""
    with pytest.raises(UserError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)
