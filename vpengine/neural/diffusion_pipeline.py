"""Few-step image-to-image diffusion on a plate: encode, add the world's noise, a few steps, decode.

Its arithmetic is torch's. What runs its networks is the runtime's: torch's modules, or exports of them, called alike.

After M. Sauer et al., Adversarial Diffusion Distillation (2023) and S. Luo et al., Latent Consistency Models (2023),
whose models need one to four steps; the noise and the start are this project's: both belong to the world and not to the
picture, so that a moving camera does not make it boil.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from vpengine.frames.look import Blend, Look
from vpengine.neural.diffusion import DiffusionSettings
from vpengine.neural.diffusion_loading import loaded
from vpengine.neural.diffusion_networks import FACTOR, Tensors
from vpengine.neural.diffusion_parts import Parts
from vpengine.neural.diffusion_references import References
from vpengine.neural.display_color import acescct_from_display, display_from_acescct
from vpengine.neural.generator import Generated, Plate, Runtime
from vpengine.neural.prompts import Embedding
from vpengine.neural.world_noise import world_noise
from vpengine.view.view import View

NEAREST = 0.995  # the share of a plate's pixels that are farther than what a depth model is told is nearest
APPEARED = 0.25  # the share of words at which a world that comes from the plate covers it: no autoencoder is exact
Values = dict[str, Any]
Noise = Callable[[Plate, int, int, torch.device], torch.Tensor]  # plate, seed, channels, device


@dataclass(frozen=True, eq=False)
class _Conditions:
    """heard: what the U-Net is told in every step, by name, each of ``batch``. near: (1, 1, height, width), the plate's
    depth as depth models are told it. guided: the batch is of two, first what is not wanted.
    """

    heard: Tensors
    near: torch.Tensor
    batch: int
    guided: bool


def of_the_world(plate: Plate, seed: int, channels: int, device: torch.device) -> torch.Tensor:
    """(1, channels, height / FACTOR, width / FACTOR), standard normal: of the places that the plate shows."""
    return world_noise(plate.depth_m, plate.view, seed, channels, FACTOR, device)


def of_the_picture(plate: Plate, seed: int, channels: int, device: torch.device) -> torch.Tensor:
    """The same of the picture's pixels, wherever the camera is: as image-to-image has it elsewhere."""
    height, width = (side // FACTOR for side in plate.depth_m.shape)
    chance = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=chance).to(device)


class ImageToImage:
    """Owns the model. runtime: what runs it, in words. sha256: of all of its weights."""

    def __init__(self, runtime: Runtime, settings: DiffusionSettings, noise: Noise = of_the_world) -> None:
        """noise: what pictures are made from; others than the world's are for comparison.

        Raises UserError where the model cannot be used.
        """
        model = loaded(runtime, settings)
        self._parts, self._networks, self._device = model.parts, model.networks, model.device
        self._references = References(settings.references, model.parts.adapter)
        self._steps, self._noise = settings.steps, noise
        self.runtime, self.sha256 = model.runtime, model.parts.sha256

    @property
    def parts(self) -> Parts:
        """What it paints with; its modules have weights where torch runs them."""
        return self._parts

    @torch.inference_mode()
    def generate(self, plate: Plate, look: Look) -> Generated:
        """Raises RefusedLookError for prompts and references that the model cannot be told."""
        values, padded = dict(look.values), _padded(plate)
        wanted, share = _wanted(look)
        values["strength"] = float(values["strength"]) * share
        asked = [self._parts.prompts.mixed(blend) for blend in (wanted, look.shares("negative_prompt"))]
        seen = self._references.heard(look.shares("reference"), float(values["reference_weight"]))
        start, kept = _start(padded, float(values["persistence"]))
        conditions = self._conditions(padded, asked, seen.given, values)
        noise = self._noise(padded, look.seed, self._parts.unet.config.out_channels, self._device)
        latents = self._painted(self._encoded(start), noise, conditions, values)
        color_cct = acescct_from_display(self._decoded(latents))
        color_cct = padded.color_cct + min(share / APPEARED, 1.0) * (color_cct - padded.color_cct)
        if padded.current is not None:
            color_cct += kept[..., None] * (padded.current.color_cct - color_cct)
        height, width = plate.depth_m.shape
        picture = np.ascontiguousarray(color_cct[:height, :width])
        heard = (*wanted, *(look.shares("negative_prompt") if conditions.guided else ()))
        told = (*seen.files, *self._parts.prompts.told(heard))
        return Generated(np.zeros_like(plate.color_cct), picture, told)

    def _encoded(self, picture: np.ndarray) -> torch.Tensor:
        """(height, width, 3) sRGB to latents, in single precision: sums of them are taken."""
        encoded = self._networks.encode({"pixels": self._tensor(picture) * 2.0 - 1.0})["latents"]
        return encoded.float() * self._parts.vae.config.scaling_factor

    def _decoded(self, latents: torch.Tensor) -> np.ndarray:
        pixels = self._networks.decode({"latents": latents / self._parts.vae.config.scaling_factor})["pixels"]
        picture: np.ndarray = (pixels[0].float() * 0.5 + 0.5).permute(1, 2, 0).cpu().numpy()
        return picture

    def _tensor(self, image: np.ndarray) -> torch.Tensor:
        """(height, width, channels) to (1, channels, height, width)."""
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)).to(self._device)

    def _conditions(self, plate: Plate, asked: Sequence[Embedding], seen: Tensors, values: Values) -> _Conditions:
        parts, guided = self._parts, float(values["guidance"]) > 1.0 and not self._tells_guidance
        heard = [asked[1], asked[0]] if guided else [asked[0]]
        told = {"hidden": torch.cat([each.hidden for each in heard])}
        for name, image in seen.items():  # none of it is what is not wanted
            told[name] = torch.cat([torch.zeros_like(image), image]) if guided else image
        if parts.sdxl:
            height, width = plate.depth_m.shape
            sizes = torch.tensor([[height, width, 0, 0, height, width]], device=self._device, dtype=torch.float32)
            told["text_embeds"] = torch.cat([each.pooled for each in heard if each.pooled is not None])
            told["time_ids"] = sizes.expand(len(heard), -1)
        near = self._tensor(_near(plate.depth_m)[..., None])
        return _Conditions(told, near, len(heard), guided)

    @property
    def _tells_guidance(self) -> bool:
        """A model distilled with guidance takes it as a number, at no cost."""
        return self._parts.unet.config.time_cond_proj_dim is not None

    def _painted(
        self, latents: torch.Tensor, noise: torch.Tensor, conditions: _Conditions, values: Values
    ) -> torch.Tensor:
        """The clean latents after all steps, from clean ones."""
        schedule, strength = self._parts.schedule, float(values["strength"])
        first = max(round(strength * (len(schedule.alphas) - 1)), 1)
        times = [max(first * (self._steps - i) // self._steps, 1) for i in range(self._steps)]
        for number, time in enumerate(times):
            noisy = schedule.noisy(latents, noise, time)
            latents = schedule.clean(noisy, self._answer(noisy, time, conditions, values), time)
            if not schedule.renoising and number + 1 < len(times):
                noise = schedule.noise_in(noisy, latents, time)
        return latents

    def _answer(self, noisy: torch.Tensor, time: int, conditions: _Conditions, values: Values) -> torch.Tensor:
        config, batch = self._parts.unet.config, conditions.batch
        heard = {"time": torch.tensor([time], device=self._device), **conditions.heard}
        added = self._controlled(noisy, heard, conditions, float(values["depth"]))
        given = noisy.expand(batch, -1, -1, -1)
        if config.in_channels == given.shape[1] + 1:  # Stable Diffusion 2's depth model
            small = interpolate(conditions.near, given.shape[-2:], mode="area") * 2.0 - 1.0
            given = torch.cat([given, small.expand(batch, -1, -1, -1)], 1)
        guidance = float(values["guidance"])
        if self._tells_guidance:
            heard["guidance"] = _guidance_embedding(guidance - 1.0, config.time_cond_proj_dim)
        answer = self._networks.unet({"sample": given, **heard, **added})["answer"].float()
        return answer[:1] + guidance * (answer[1:] - answer[:1]) if conditions.guided else answer

    def _controlled(self, noisy: torch.Tensor, heard: Tensors, conditions: _Conditions, weight: float) -> Tensors:
        """What a ControlNet or an adapter adds to the U-Net's features, ``weight`` times."""
        control, batch = self._networks.control, conditions.batch
        if control is None or (weight <= 0.0 and not self._networks.steady):
            return {}
        near = conditions.near.expand(batch, 3, -1, -1)
        noise = {} if self._parts.adapts else {"sample": noisy.expand(batch, -1, -1, -1), **heard}
        return {name: feature * weight for name, feature in control({"near": near, **noise}).items()}


def _wanted(look: Look) -> tuple[Blend, float]:
    """What of the prompts is painted, its shares adding up to 1, and how much of all that is: the rest is the plate.

    A share without words is painted where there is a reference picture for it.
    """
    painted: dict[str, float] = {}
    for text, reference, share in _told(look):
        if share > 0.0 and (text.strip() or reference.strip()):
            painted[text] = painted.get(text, 0.0) + share
    total = sum(painted.values())
    if total <= 0.0:
        return look.shares("prompt"), 1.0  # asked to paint nothing in particular: a trial does that
    return tuple((text, share / total) for text, share in painted.items()), total


def _told(look: Look) -> list[tuple[str, str, float]]:
    """Prompts with the reference pictures beside them, and their shares of 1."""
    prompts, references = look.shares("prompt"), look.shares("reference")
    if float(dict(look.values)["reference_weight"]) <= 0.0:
        references = (("", 1.0),)
    if [share for _, share in prompts] == [share for _, share in references]:  # one dissolve changes both
        return [(text, name, share) for (text, share), (name, _) in zip(prompts, references, strict=True)]
    return [(text, name, share * part) for text, share in prompts for name, part in references]


def _padded(plate: Plate) -> Plate:
    """To whole latent pixels, to the right and below, where the picture goes on as it ends."""
    height, width = plate.depth_m.shape
    below, right = -height % FACTOR, -width % FACTOR
    if not below and not right:
        return plate

    def pad(image: np.ndarray) -> np.ndarray:
        return np.pad(image, ((0, below), (0, right), (0, 0))[: image.ndim], mode="edge")

    current = plate.current
    if current is not None:
        current = replace(current, color_cct=pad(current.color_cct), known=pad(current.known))
    view = _wider(plate.view, (width + right, height + below))
    return Plate(pad(plate.color_cct), pad(plate.depth_m), pad(plate.noise), view, current)


def _wider(view: View, resolution: tuple[int, int]) -> View:
    """With more pixels to the right and below, each of those that there are where it was."""
    x, y = (old / new for old, new in zip(view.resolution, resolution, strict=True))
    # ndc x' + 1 = (x + 1) old / new, since a picture's left side stays at -1; its upper side stays at +1.
    wider = np.array([[x, 0.0, 0.0, x - 1.0], [0.0, y, 0.0, 1.0 - y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    return replace(view, clip_from_view=wider @ view.clip_from_view, resolution=resolution)


def _start(plate: Plate, persistence: float) -> tuple[np.ndarray, np.ndarray]:
    """What the model starts from (height, width, 3), sRGB, and how far each pixel (height, width) is kept."""
    start = display_from_acescct(plate.color_cct)
    if plate.current is None:
        return start, np.zeros_like(plate.depth_m)
    kept = persistence * plate.current.known
    return start + kept[..., None] * (display_from_acescct(plate.current.color_cct) - start), kept


def _near(depth_m: np.ndarray) -> np.ndarray:
    """(height, width) to 0 for sky, 1 for what is nearest, linear in inverse depth: as MiDaS gives it, which depth
    models are trained with.
    """
    inverse = 1.0 / np.maximum(depth_m, 1e-3)
    return np.clip(inverse / max(float(np.quantile(inverse, NEAREST)), 1e-9), 0.0, 1.0).astype(np.float32)


def _guidance_embedding(scale: float, width: int) -> torch.Tensor:
    """Sinusoids of a guidance scale, (1, width), as LCM's models take it (https://arxiv.org/abs/2310.04378, 4.3)."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -(np.log(10000.0) / (half - 1)))
    angles = 1000.0 * scale * frequencies
    return torch.cat([torch.sin(angles), torch.cos(angles)])[None, :]
