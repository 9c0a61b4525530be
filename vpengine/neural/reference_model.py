"""An IP-Adapter on disk: what lets a diffusion model be told by a picture. Imports no inference library.

ip-adapter*.safetensors  image_encoder/config.json  image_encoder/model.safetensors      as diffusers loads it
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vpengine.errors import UserError
from vpengine.neural.model_folder import ModelFolder
from vpengine.neural.model_part import ADAPTER_KEY
from vpengine.neural.model_weights import only_pickles, pickled, read_json, read_weights
from vpengine.neural.safetensors_header import read_header

ENCODER = "image_encoder"
ENCODER_WEIGHTS = "model.safetensors"  # transformers looks for it first, and then for a pickle
_PROJECTION = "image_proj.proj.weight"


@dataclass(frozen=True)
class ReferenceModel:
    """weights: the adapter's file. encoder: the folder of its CLIP vision model."""

    weights: Path
    encoder: Path


def read_reference_model(path: Path, model: ModelFolder) -> ReferenceModel:
    """A folder with one adapter, or the adapter's file. Raises UserError, one sentence, for one that does not fit."""
    weights = path if path.is_file() else _only_weights(path)
    if pickled(weights):
        raise only_pickles(weights.parent, [weights])
    encoder = weights.parent / ENCODER
    read_json(encoder / "config.json")
    found = read_weights(encoder, ENCODER, "CLIPVisionModelWithProjection")
    if found is None or encoder / ENCODER_WEIGHTS not in found.files:
        raise UserError(f"{encoder}: no {ENCODER_WEIGHTS} there, which the adapter needs: fetch or copy it again")
    _check_fits(weights, model)
    return ReferenceModel(weights, encoder)


def _only_weights(folder: Path) -> Path:
    files = sorted(folder.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    if not files and (pickles := [file for file in sorted(folder.glob("*")) if pickled(file)]):
        raise only_pickles(folder, pickles)
    names = ", ".join(file.name for file in files) or "none"
    raise UserError(f"{folder}: one IP-Adapter is expected, as safetensors (found {names}); name its file")


def _check_fits(weights: Path, model: ModelFolder) -> None:
    shapes = read_header(weights).shapes
    if _PROJECTION not in shapes or ADAPTER_KEY not in shapes:
        raise UserError(f"{weights}: no IP-Adapter of the plain kind, which is the one supported (no {_PROJECTION})")
    width, needed = shapes[ADAPTER_KEY][-1], model.cross_attention_dim
    if width != needed:
        raise UserError(
            f"{weights}: made for models whose text is {width} wide; {model.name} ({model.architecture}) has {needed}"
        )
