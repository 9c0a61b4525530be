"""What there is to run a diffusion model on: torch or none, a CUDA card or the CPU, and whether a model fits."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass

import psutil

from vpengine.neural.model_folder import ModelFolder

GB = 1e9
NEEDED = ("torch", "diffusers", "transformers")
# Beside the weights, at 512 x 512: what a picture's layers take, and what CUDA itself does.
_WORKING_GB = {"sdxl": 2.0}
_WORKING_OTHER_GB = 1.2


@dataclass(frozen=True)
class Accelerator:
    """cuda: otherwise it is the CPU. free_gb: at this moment."""

    name: str
    cuda: bool
    total_gb: float
    free_gb: float


def missing_libraries() -> list[str]:
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def find_accelerator() -> Accelerator:
    """Takes seconds where torch is installed, for torch has to be imported."""
    if importlib.util.find_spec("torch") is not None:
        torch = importlib.import_module("torch")  # here, so that the engine can start without it
        if torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            return Accelerator(torch.cuda.get_device_name(), True, total / GB, free / GB)
    memory = psutil.virtual_memory()
    return Accelerator("this CPU", False, memory.total / GB, memory.available / GB)


def needed_gb(model: ModelFolder, *, cuda: bool) -> float:
    """Memory, estimated: a card runs it in half precision, a CPU in single."""
    return model.parameters * (2 if cuda else 4) / GB + _WORKING_GB.get(model.architecture, _WORKING_OTHER_GB)


def fitness(model: ModelFolder, accelerator: Accelerator) -> str:
    """In words, what this machine can do with a model."""
    if missing := missing_libraries():
        return f"cannot run here: no {' and no '.join(missing)} (the extra `diffusion` brings it)"
    if not (model.has_text_encoder or model.prompts):
        return "cannot run: it has neither a text encoder nor cached prompts"
    needed = needed_gb(model, cuda=accelerator.cuda)
    has = f"about {needed:.1f} GB needed, {accelerator.free_gb:.1f} of {accelerator.total_gb:.1f} GB free"
    if needed > accelerator.total_gb:
        return f"too large for {accelerator.name}: {has}"
    if needed > accelerator.free_gb:
        return f"runs on {accelerator.name} once other programs free memory: {has}"
    if accelerator.cuda:
        return f"runs on {accelerator.name} in half precision: {has}"
    return f"no CUDA card: runs on {accelerator.name}, seconds or minutes a picture: {has}"
