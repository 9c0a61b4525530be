"""A diffusion model in memory, and what runs its networks: torch's modules, or a runtime that loads exports of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from vpengine.errors import UserError
from vpengine.neural.cuda_graphs import CudaGraphs, graphed
from vpengine.neural.diffusion import DiffusionSettings
from vpengine.neural.diffusion_export import exports_of
from vpengine.neural.diffusion_networks import Call, Networks, stand_in, torch_networks
from vpengine.neural.diffusion_parts import Parts, load_parts
from vpengine.neural.diffusion_sources import Sources, sources_of
from vpengine.neural.generator import Network, Runtime
from vpengine.neural.torch_runtime import TorchRuntime


@dataclass(frozen=True, eq=False)
class Model:
    """device: where what surrounds the networks is computed. runtime: what runs them, in words."""

    parts: Parts
    networks: Networks
    device: torch.device
    runtime: str


def loaded(runtime: Runtime, settings: DiffusionSettings) -> Model:
    """Raises UserError where the model cannot be used, or this runtime does not run it."""
    if settings.reference_model is not None and not isinstance(runtime, TorchRuntime):
        raise UserError(
            f'reference_model = "{settings.reference_model}": it is for runtime = "torch", so choose that one'
        )
    sources = sources_of(settings)
    if isinstance(runtime, TorchRuntime):
        return _on_torch(runtime, settings, sources)
    if settings.precision not in ("auto", "float32"):
        raise UserError(
            f'precision = "{settings.precision}": it is for runtime = "torch"; other runtimes have one of their own, '
            'which "auto" takes, or "float32"'
        )
    return _exported(runtime, settings, sources)


def _on_torch(runtime: TorchRuntime, settings: DiffusionSettings, sources: Sources) -> Model:
    dtype = runtime.dtype(settings.precision)
    parts = load_parts(
        sources.model,
        sources.control,
        sources.vae,
        sources.loras,
        runtime.device,
        dtype,
        scheduler=settings.scheduler,
        reference=sources.reference,
    )
    calls: Mapping[str, Call] = torch_networks(parts)
    if runtime.device.type == "cuda":
        calls = graphed(torch_networks(parts), str(sources.model), CudaGraphs(), _numbers(parts))
    networks = Networks(calls["encode"], calls["decode"], calls["unet"], calls.get("control"))
    return Model(parts, networks, runtime.device, runtime.name(dtype))


def _numbers(parts: Parts) -> Callable[[], Hashable]:
    """What the U-Net's calls depend on beside tensors and weights."""
    return parts.adapter.weight if parts.adapter is not None else lambda: None


def _exported(runtime: Runtime, settings: DiffusionSettings, sources: Sources) -> Model:
    here, exports = torch.device("cpu"), exports_of(sources)
    parts = load_parts(
        sources.model,
        sources.control,
        sources.vae,
        sources.loras,
        here,
        torch.float32,
        weights=False,
        scheduler=settings.scheduler,
    )
    torch.set_num_threads(_threads_around())
    running = _running(runtime, parts, exports, exact=settings.precision == "float32")
    calls = {name: stand_in(network) for name, network in running.items()}
    networks = Networks(calls["encode"], calls["decode"], calls["unet"], calls.get("control"), steady=True)
    return Model(parts, networks, here, running["unet"].name)


def _threads_around() -> int:
    """For what surrounds the networks: in a thread of the engine one, which leaves the frame its core."""
    own_process = threading.current_thread() is threading.main_thread()
    return (os.cpu_count() or 1) if own_process else 1


def _running(runtime: Runtime, parts: Parts, exports: Mapping[str, Path], exact: bool) -> dict[str, Network]:
    modules = torch_networks(parts)
    return {name: runtime.load(path, large=True, exact=exact or modules[name].exact) for name, path in exports.items()}
