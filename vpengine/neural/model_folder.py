"""A diffusion model on disk, in diffusers layout: found by name, and told what it is before anything is loaded.

    model_index.json  unet/  vae/  text_encoder/ (text_encoder_2/)  tokenizer/  scheduler/     as published
    prompts/*.safetensors    embeddings of prompts: a show machine needs no text encoder
    vpengine-model.json      where ``vpengine models fetch`` had it from, and the sha256 of every file

Reads JSON and the headers of safetensors: no inference library, milliseconds, so the engine can do it at start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from vpengine.errors import UserError, did_you_mean
from vpengine.neural.digests import digests_of
from vpengine.neural.model_weights import HALF, Part, only_pickles, pickled, read_json, read_weights
from vpengine.neural.safetensors_header import cut_short
from vpengine.stage.state_folder import state_folder

OVERRIDE = "VPENGINE_MODELS"
INDEX = "model_index.json"
SOURCE = "vpengine-model.json"
Architecture = Literal["sd", "sd1", "sd2", "sdxl"]
SD_PIPELINES = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionDepth2ImgPipeline")
SDXL_PIPELINES = ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline")
PIPELINES = (*SD_PIPELINES, *SDXL_PIPELINES)
DEPTH_CHANNELS = 5  # a latent's four and the depth, as Stable Diffusion 2's depth model takes them
_SD_OF_WIDTH: Mapping[int, Architecture] = {768: "sd1", 1024: "sd2"}  # by the width of the text's embeddings
_ENCODERS = ("text_encoder", "text_encoder_2")
_LICENCES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.md")


@dataclass(frozen=True)
class ModelFolder:
    """architecture: "sd" is what is built as Stable Diffusion but with other text encoders than its versions 1 and 2.

    parts: those with weights, "unet" and "vae" always. prompts: how many embeddings of prompts it has with it.
    source: "owner/name@revision" that it was fetched from, "" where nobody knows.
    """

    path: Path
    name: str
    architecture: Architecture
    pipeline: str
    prediction_type: str
    vae_class: str
    cross_attention_dim: int
    parts: Mapping[str, Part]
    licence: str
    source: str
    depth_conditioned: bool
    has_text_encoder: bool
    prompts: int

    @property
    def weights(self) -> tuple[Path, ...]:
        return tuple(path for part in self.parts.values() for path in part.files)

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts.values())

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts.values())

    @property
    def variant(self) -> str | None:
        """What diffusers' ``variant`` has to be, to load these files."""
        return HALF if any(part.half for part in self.parts.values()) else None


def models_folder() -> Path:
    """$VPENGINE_MODELS, or ``models`` in the state folder. It need not exist."""
    named = os.environ.get(OVERRIDE)
    return Path(named) if named else state_folder() / "models"


def models_there() -> list[Path]:
    """Whatever lies in the models folder and could be a model or a part of one, by name."""
    folder = models_folder()
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in found if path.is_dir() or path.suffix == ".safetensors")


def find_model(name_or_path: str, beside: Path | None = None) -> Path:
    """A path, relative to ``beside`` (the stage file's folder), or the name of what is in the models folder.

    Raises UserError where there is neither.
    """
    there = {path.name: path for path in models_there()}
    if name_or_path in there:
        return there[name_or_path]
    path = (beside or Path()) / Path(name_or_path).expanduser()
    if name_or_path.strip() and path.exists():
        return path
    if not there:
        hint = f" ({models_folder()} has none; vpengine models fetch brings one)"
    else:
        hint = f"{did_you_mean(name_or_path, there)} (vpengine models lists them, vpengine models fetch brings one)"
    raise UserError(f"no model {name_or_path!r}{hint}")


def read_model(path: Path, *, check_digests: bool = True) -> ModelFolder:
    """What the model in ``path`` is. Raises UserError, one sentence, for what could not be loaded or should not be.

    check_digests: compare its files with what was fetched; seconds for the first time, then they are remembered.
    """
    if not path.is_dir():
        raise UserError(f"{path}: no such folder; vpengine models lists the models that are there")
    pipeline, classes = read_index(path)
    unet, vae = (_read_part(path, name, classes) for name in ("unet", "vae"))
    config = read_json(path / "unet" / "config.json")
    encoders = {name: read_weights(path / name, name, classes[name]) for name in _ENCODERS if name in classes}
    parts = {"unet": unet, "vae": vae} | {name: part for name, part in encoders.items() if part}
    _check_tokenizers(path, parts)
    width = _width(path, config, pipeline)
    return ModelFolder(
        path=path,
        name=path.absolute().name,
        architecture="sdxl" if pipeline in SDXL_PIPELINES else _SD_OF_WIDTH.get(width, "sd"),
        pipeline=pipeline,
        prediction_type=str(read_json(path / "scheduler" / "scheduler_config.json").get("prediction_type", "epsilon")),
        vae_class=str(read_json(path / "vae" / "config.json").get("_class_name", vae.class_name)),
        cross_attention_dim=width,
        parts=parts,
        licence=read_licence(path),
        source=_check_source(path, check_digests),
        depth_conditioned=config.get("in_channels") == DEPTH_CHANNELS,
        has_text_encoder=bool(encoders) and all(encoders.values()),
        prompts=len(list((path / "prompts").glob("*.safetensors"))),
    )


def read_licence(path: Path) -> str:
    """As the model's card names it, else the first line of its licence, else "unknown"."""
    card = re.match(r"---\r?\n(.*?)\r?\n---", _text(path / "README.md"), re.DOTALL)
    named = dict(re.findall(r"^(license|license_name):\s*[\"']?([^\"'\r\n]+)", card[1], re.MULTILINE)) if card else {}
    if licence := named.get("license_name") or named.get("license"):
        return str(licence).strip()
    lines = (line.strip("# \t") for name in _LICENCES for line in _text(path / name).splitlines())
    return next((line[:80] for line in lines if line), "unknown")


def _text(path: Path) -> str:
    """The beginning of a text file, "" without one."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return "".join(islice(file, 200))
    except OSError:
        return ""


def read_index(path: Path) -> tuple[str, dict[str, str]]:
    """The pipeline's class, and the class of each part that it has. Raises UserError for what is not supported."""
    if not (path / INDEX).is_file():
        if pickles := [file for file in sorted(path.glob("*")) if pickled(file)]:
            raise only_pickles(path, pickles)
        raise UserError(f"{path}: no {INDEX}: not a model in diffusers layout, which is what vpengine loads")
    index = read_json(path / INDEX)
    pipeline = index.get("_class_name")
    if pipeline not in PIPELINES:
        raise UserError(f"{path / INDEX}: _class_name: found {pipeline!r} (supported: {', '.join(PIPELINES)})")
    pairs = {name: value for name, value in index.items() if isinstance(value, list) and len(value) == 2}
    return str(pipeline), {name: str(kind) for name, (_, kind) in pairs.items() if kind}


def _read_part(path: Path, name: str, classes: Mapping[str, str]) -> Part:
    part = read_weights(path / name, name, classes[name]) if name in classes else None
    if part is None:
        raise UserError(f"{path / name}: no weights there; the model's folder is incomplete: fetch or copy it again")
    return part


def _check_tokenizers(path: Path, parts: Mapping[str, Part]) -> None:
    for name in _ENCODERS:
        folder = path / name.replace("text_encoder", "tokenizer")
        if name in parts and not any((folder / file).is_file() for file in ("tokenizer.json", "vocab.json")):
            raise UserError(f"{folder}: no vocabulary there, which {name} needs: fetch or copy the model again")


def _width(path: Path, config: dict[str, Any], pipeline: str) -> int:
    """Of the embeddings that the U-Net takes. It and the pipeline have to be of the same family."""
    width, file = config.get("cross_attention_dim"), path / "unet" / "config.json"
    if not isinstance(width, int):
        raise UserError(f"{file}: cross_attention_dim: found {width!r}; a number is needed")
    added = config.get("addition_embed_type")
    if (added == "text_time") != (pipeline in SDXL_PIPELINES):
        raise UserError(f"{file}: addition_embed_type: found {added!r}, which is not a {pipeline}'s U-Net")
    return width


def _check_source(path: Path, check_digests: bool) -> str:
    """Where it was fetched from. Raises UserError for files that are not what was fetched."""
    file = path / SOURCE
    if not file.is_file():
        return ""
    source = read_json(file)
    files = source.get("files")
    if not isinstance(files, dict) or not all(isinstance(entry, dict) for entry in files.values()):
        raise UserError(f"{file}: files: a table of names is needed; fetch the model again")
    for name, entry in files.items():
        fetched = path / name
        if not fetched.is_file():
            # A show machine is often given a model without its text encoder, on purpose.
            if name.startswith(("text_encoder", "tokenizer")):
                continue
            raise UserError(f"{fetched}: missing, but was fetched; fetch or copy the model again")
        if fetched.stat().st_size != entry.get("bytes"):
            raise cut_short(fetched, fetched.stat().st_size, entry.get("bytes"))
    if check_digests:
        _check_digests(path, {path / name: entry.get("sha256") for name, entry in files.items()})
    return f"{source.get('source', 'unknown')}@{source.get('revision', 'unknown')}"


def _check_digests(path: Path, expected: Mapping[Path, str | None]) -> None:
    for file, digest in digests_of(file for file in expected if file.is_file()).items():
        if digest != expected[file]:
            raise UserError(f"{file}: not what was fetched: its sha256 is {digest}, in {SOURCE} {expected[file]}")
