"""A diffusion model's networks as ONNX files in float32: exported once, then kept; whoever runs them picks precision.

Height, width and batch are free in them. What is written is what torch runs, module by module (diffusion_networks.py).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import torch

from vpengine.neural.diffusion import DiffusionSettings
from vpengine.neural.diffusion_networks import FACTOR, Tensors, TorchNetwork, examples, torch_networks
from vpengine.neural.diffusion_parts import Modules, hollow_modules, load_parts
from vpengine.neural.diffusion_sources import OPSET, Sources, sources_of
from vpengine.neural.export_cache import NETWORK, ExportCache
from vpengine.neural.onnx_file import Shape

log = logging.getLogger(__name__)

# In latent pixels, odd, so that the U-Net asks its skips for their sizes and does not double its own. A batch of two.
EXAMPLE = (11, 9)
EVEN_EXAMPLE = (14, 10)  # SDXL's adapters halve once more
BATCH = 2
Tell = Callable[[str], None]


def exports_of(sources: Sources, tell: Tell = log.warning, kept: ExportCache | None = None) -> dict[str, Path]:
    """The file of each network, by name; those that are missing are made, and ``tell`` is told so in a sentence.

    Raises UserError where the model cannot be loaded, or the files cannot be kept.
    """
    kept = kept or ExportCache()
    missing = [name for name, spec in sources.specs.items() if kept.find(spec) is None]
    if missing:
        tell(
            f"{sources.model}: its {', '.join(missing)} must be exported first, minutes for a large model "
            "(`vpengine engines build --stage STAGE` does that before a show)"
        )
    opened = cache(lambda: _opened(sources))

    def made(name: str) -> Path:
        label = f"{name} of {sources.model.absolute().name}"
        return kept.ready(sources.specs[name], label, lambda folder: _write(opened(), name, folder))

    return {name: made(name) for name in sources.specs}


def exports_there(settings: DiffusionSettings) -> bool:
    """Whether all networks were exported before. Raises UserError where the model cannot be used."""
    kept = ExportCache()
    return all(kept.find(spec) for spec in sources_of(settings).specs.values())


def stage_networks(
    settings: DiffusionSettings, sizes: Iterable[tuple[int, int]], tell: Tell
) -> list[tuple[Path, dict[str, Shape], bool]]:
    """Each network's file with the shapes for each size, and whether float16 is too little for it; exported if need be.

    Guidance is a fader: a model that is called for two prompts where it is above 1 needs both batches in every show.
    Raises UserError where the model cannot be used.
    """
    sources = sources_of(settings)
    exports, found = exports_of(sources, tell), {}
    modules = hollow_modules(sources.model, sources.control, sources.vae)
    batches = (1, 2) if modules.unet.config.time_cond_proj_dim is None else (1,)
    for size in sizes:
        for batch in batches:
            for name, inputs in examples(modules, size, batch).items():
                shapes = {key: tuple(tensor.shape) for key, tensor in inputs.items()}
                exact = settings.precision == "float32" or torch_networks(modules)[name].exact
                found[name, *shapes.items()] = (exports[name], shapes, exact)
    return list(found.values())


def _opened(sources: Sources) -> Modules:
    here = torch.device("cpu")
    return load_parts(sources.model, sources.control, sources.vae, sources.loras, here, torch.float32)


@torch.no_grad()
def _write(modules: Modules, name: str, folder: Path) -> None:
    """To network.onnx in ``folder``; weights of 2 GiB and more lie in files beside it."""
    halves_again = modules.adapts and modules.sdxl
    height, width = EVEN_EXAMPLE if halves_again else EXAMPLE
    given = examples(modules, (FACTOR * width, FACTOR * height), BATCH)[name]
    network = torch_networks(modules)[name]
    outputs = network(given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it traces, and what it takes for fixed: tests have sizes of all kinds
        torch.onnx.export(
            _Positional(network, list(given), list(outputs)),
            tuple(given.values()),
            str(folder / NETWORK),
            input_names=list(given),
            output_names=list(outputs),
            dynamic_axes=_free(given) | _free(outputs),
            opset_version=OPSET,
            dynamo=False,
        )


class _Positional(torch.nn.Module):
    """What takes and gives tensors by name, as an exporter wants it: in their order."""

    def __init__(self, network: TorchNetwork, inputs: list[str], outputs: list[str]) -> None:
        super().__init__()
        self.module = network.module
        self._network, self._inputs, self._outputs = network, inputs, outputs

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = self._network.function(self.module, dict(zip(self._inputs, tensors, strict=True)))
        return tuple(found[name] for name in self._outputs)


def _free(tensors: Tensors) -> dict[str, dict[int, str]]:
    """Sides that may differ from call to call, by tensor: each has a name of its own, for sizes halve on the way."""
    free: dict[str, dict[int, str]] = {}
    for name, tensor in tensors.items():
        sides = {2: f"{name}_height", 3: f"{name}_width"} if tensor.dim() == 4 else {}
        batch = {0: "batch"} if tensor.shape[0] == BATCH else {}
        free[name] = batch | sides
    return free
