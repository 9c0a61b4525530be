"""Where a diffusion model's parts lie, and what each of its networks is made from. Imports no inference library."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from vpengine.neural.diffusion import DiffusionSettings
from vpengine.neural.digests import sha256_of
from vpengine.neural.export_cache import ExportSpec
from vpengine.neural.lora import Lora
from vpengine.neural.model_folder import find_model, read_model
from vpengine.neural.model_part import check_fits, check_kind, read_part
from vpengine.neural.reference_model import ReferenceModel, read_reference_model

OPSET = 17
MAKERS = ("torch", "diffusers", "peft")


@dataclass(frozen=True)
class Sources:
    """Folders, and LoRAs. specs: what each network's export depends on, by the network's name."""

    model: Path
    control: Path | None
    vae: Path | None
    loras: tuple[Lora, ...]
    reference: ReferenceModel | None
    specs: dict[str, ExportSpec]


def sources_of(settings: DiffusionSettings) -> Sources:
    """Raises UserError where a part is missing, broken, or not for this model. Gigabytes are hashed once."""
    model = read_model(find_model(settings.model))
    control, vae = (read_part(find_model(name)) if name else None for name in (settings.control_model, settings.vae))
    loras = [read_part(find_model(name)) for name in settings.lora]
    for key, part in (("control_model", control), ("vae", vae), *(("lora", lora) for lora in loras)):
        if part is not None:
            check_kind(part, key)
            check_fits(part, model)
    reference = settings.reference_model and read_reference_model(find_model(settings.reference_model), model)
    scales = settings.lora_scales or (1.0,) * len(loras)
    fused = tuple(Lora(lora.path, scale) for lora, scale in zip(loras, scales, strict=True))
    adds = sha256_of([control.path / "config.json"]) if control else ""  # how many features, and to what
    coder = _made_from(vae.path if vae else model.path / "vae", vae.weights if vae else model.parts["vae"].files)
    specs = {
        "encode": _spec("encode", coder),
        "decode": _spec("decode", coder),
        "unet": _spec("unet", _made_from(model.path / "unet", model.parts["unet"].files, fused), adds),
    }
    if control:
        specs["control"] = _spec("control", _made_from(control.path, control.weights))
    controlling, coding = (part.path if part else None for part in (control, vae))
    return Sources(model.path, controlling, coding, fused, reference or None, specs)


Made = tuple[str, tuple[str, ...]]


def _made_from(folder: Path, weights: Iterable[Path], fused: Iterable[Lora] = ()) -> Made:
    """The sha256 of its config, and of its weights with each LoRA's digest, in the order in which they are fused."""
    digests = (sha256_of(weights), *(lora.digest for lora in fused))
    return sha256_of([folder / "config.json"]), digests


def _spec(network: str, made: Made, adds: str = "") -> ExportSpec:
    config, weights = made
    libraries = tuple(f"{name} {metadata.version(name)}" for name in MAKERS)
    return ExportSpec(network, weights, config, adds, libraries, OPSET)
