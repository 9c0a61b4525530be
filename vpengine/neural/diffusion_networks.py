"""The networks of a diffusion model, each a call of tensors by name: torch's modules, or what stands in for them.

encode    pixels (1, 3, height, width), -1..1 > latents (1, 4, height/8, width/8)
decode    latents > pixels
control   near (batch, 3, height, width), a ControlNet also what the U-Net is given > what it adds to its features
unet      sample (batch, channels, height/8, width/8), time (1,) int64, hidden (batch, tokens, width); SDXL's
          text_embeds and time_ids; guidance (1, width), where it was distilled with it; image (batch, 1, width),
          where it has an adapter for pictures; what ``control`` gave
          > answer (batch, 4, height/8, width/8)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from vpengine.neural.diffusion_parts import TIME_IDS, TOKENS, Modules, pooled_width
from vpengine.neural.generator import Network

FACTOR = 8  # a latent pixel's side, in pixels
Tensors = Mapping[str, torch.Tensor]
Call = Callable[[Tensors], dict[str, torch.Tensor]]
Function = Callable[[Any, Tensors], dict[str, torch.Tensor]]


@dataclass(frozen=True, eq=False)
class TorchNetwork:
    """A module, and how it is called. exact: half floats overflow in it."""

    module: Any
    function: Function
    exact: bool = False

    def __call__(self, given: Tensors) -> dict[str, torch.Tensor]:
        """Tensors of any precision, anywhere."""
        return self.function(self.module, self.placed(given))

    def placed(self, given: Tensors) -> dict[str, torch.Tensor]:
        """As the module takes them: where it is, in its precision."""
        return {name: self._placed(tensor) for name, tensor in given.items()}

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        dtype = self.module.dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(self.module.device, dtype)


@dataclass(frozen=True, eq=False)
class Networks:
    """control: None for a model without. steady: its calls take all of their inputs every time."""

    encode: Call
    decode: Call
    unet: Call
    control: Call | None
    steady: bool = False


def torch_networks(modules: Modules) -> dict[str, TorchNetwork]:
    """By name, as above."""
    networks = {
        "encode": TorchNetwork(modules.vae, _encoded, modules.vae_overflows),
        "decode": TorchNetwork(modules.vae, _decoded, modules.vae_overflows),
        "unet": TorchNetwork(modules.unet, _answered),
    }
    if modules.control is not None:
        networks["control"] = TorchNetwork(modules.control, _adapted if modules.adapts else _controlled)
    return networks


def stand_in(network: Network) -> Call:
    """A network of a runtime that takes arrays, called as the module that it replaces."""

    def call(given: Tensors) -> dict[str, torch.Tensor]:
        found = network({name: _array(tensor) for name, tensor in given.items()})
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in found.items()}

    return call


def _array(tensor: torch.Tensor) -> Any:
    return (tensor.float() if tensor.is_floating_point() else tensor).cpu().contiguous().numpy()


def examples(modules: Modules, resolution: tuple[int, int], batch: int) -> dict[str, Tensors]:
    """What each network is given for a picture of ``resolution`` (width, height), by its name; noise.

    For modules without weights, on torch's device "meta", they are shapes and no more.
    """
    width, height = (-(-side // FACTOR) for side in resolution)
    networks, config, device = torch_networks(modules), modules.unet.config, modules.unet.device
    pixels = torch.randn(1, 3, height * FACTOR, width * FACTOR, device=device)
    latents = torch.randn(1, modules.vae.config.latent_channels, height, width, device=device)
    heard = {
        "time": torch.full((1,), 500, device=device),
        "hidden": torch.randn(batch, TOKENS, config.cross_attention_dim, device=device),
        **_added(modules, batch),
    }
    given: dict[str, Tensors] = {"encode": {"pixels": pixels}, "decode": {"latents": latents}}
    added: Tensors = {}
    if "control" in networks:
        near = pixels.expand(batch, -1, -1, -1)
        noisy = latents.expand(batch, -1, -1, -1)
        given["control"] = {"near": near} if modules.adapts else {"near": near, "sample": noisy, **heard}
        added = networks["control"](given["control"])
    sample = torch.randn(batch, config.in_channels, height, width, device=device)
    guidance = config.time_cond_proj_dim
    told = {"guidance": torch.randn(1, guidance, device=device)} if guidance else {}
    given["unet"] = {"sample": sample, **heard, **told, **added}
    return given


def _added(modules: Modules, batch: int) -> Tensors:
    """What SDXL is told besides."""
    if not modules.sdxl:
        return {}
    width, device = pooled_width(modules.unet), modules.unet.device
    return {
        "text_embeds": torch.randn(batch, width, device=device),
        "time_ids": torch.full((batch, TIME_IDS), 64.0, device=device),
    }


def _encoded(vae: Any, given: Tensors) -> dict[str, torch.Tensor]:
    found = vae.encode(given["pixels"])
    return {"latents": found.latents if hasattr(found, "latents") else found.latent_dist.mode()}


def _decoded(vae: Any, given: Tensors) -> dict[str, torch.Tensor]:
    return {"pixels": vae.decode(given["latents"]).sample}


def _answered(unet: Any, given: Tensors) -> dict[str, torch.Tensor]:
    extra: dict[str, Any] = {}
    if "middle" in given:
        extra["down_block_additional_residuals"] = _numbered(given, "down")
        extra["mid_block_additional_residual"] = given["middle"]
    elif "feature_0" in given:
        extra["down_intrablock_additional_residuals"] = _numbered(given, "feature")
    if "guidance" in given:
        extra["timestep_cond"] = given["guidance"]
    told: dict[str, Any] = dict(_told(given))
    if "image" in given:
        told["image_embeds"] = [given["image"]]  # an adapter's, of which there may be several
    (answer,) = unet(
        given["sample"],
        given["time"],
        encoder_hidden_states=given["hidden"],
        added_cond_kwargs=told,
        return_dict=False,
        **extra,
    )
    return {"answer": answer}


def _controlled(control: Any, given: Tensors) -> dict[str, torch.Tensor]:
    down, middle = control(
        given["sample"],
        given["time"],
        encoder_hidden_states=given["hidden"],
        controlnet_cond=given["near"],
        added_cond_kwargs=_told(given),
        return_dict=False,
    )
    return {**{f"down_{number}": residual for number, residual in enumerate(down)}, "middle": middle}


def _adapted(adapter: Any, given: Tensors) -> dict[str, torch.Tensor]:
    return {f"feature_{number}": feature for number, feature in enumerate(adapter(given["near"]))}


def _told(given: Tensors) -> dict[str, torch.Tensor]:
    return {name: given[name] for name in ("text_embeds", "time_ids") if name in given}


def _numbered(given: Tensors, name: str) -> list[torch.Tensor]:
    return [given[f"{name}_{number}"] for number in range(len(given)) if f"{name}_{number}" in given]
