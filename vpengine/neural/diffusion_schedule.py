"""A diffusion model's steps: how much noise a time has, and what a step makes of what the U-Net answered.

After J. Song et al., Denoising Diffusion Implicit Models (2021), and S. Luo et al., Latent Consistency Models (2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDPMScheduler

_RENOISING = ("LCMScheduler", "EulerAncestralDiscreteScheduler", "TCDScheduler")  # add noise again in every step
_LCM = "LCMScheduler"
_SIGMA_DATA = 0.5  # LCM's


@dataclass(frozen=True, eq=False)
class Schedule:
    """alphas: cumulative products, (times,) float64. prediction: what the U-Net answers. renoising: a step adds noise
    anew, where others go on with what is left of theirs. timestep_scaling: of a consistency model's boundary condition,
    by which a picture without noise stays what it is; None for a model of another kind.
    """

    alphas: torch.Tensor
    prediction: str
    renoising: bool
    timestep_scaling: float | None

    def noisy(self, latents: torch.Tensor, noise: torch.Tensor, time: int) -> torch.Tensor:
        """Clean latents as they are at ``time``."""
        alpha = float(self.alphas[time])
        return alpha**0.5 * latents + (1.0 - alpha) ** 0.5 * noise

    def noise_in(self, noisy: torch.Tensor, latents: torch.Tensor, time: int) -> torch.Tensor:
        """What makes ``noisy`` of clean ``latents`` at ``time``."""
        alpha = float(self.alphas[time])
        return (noisy - alpha**0.5 * latents) / (1.0 - alpha) ** 0.5

    def clean(self, noisy: torch.Tensor, answer: torch.Tensor, time: int) -> torch.Tensor:
        """What the U-Net takes the picture for without the noise."""
        found = self._predicted(noisy, answer, float(self.alphas[time]))
        if self.timestep_scaling is None:
            return found
        scaled = time * self.timestep_scaling
        length = scaled**2 + _SIGMA_DATA**2
        return scaled / length**0.5 * found + _SIGMA_DATA**2 / length * noisy

    def _predicted(self, noisy: torch.Tensor, answer: torch.Tensor, alpha: float) -> torch.Tensor:
        if self.prediction == "v_prediction":
            return alpha**0.5 * noisy - (1.0 - alpha) ** 0.5 * answer
        if self.prediction == "sample":
            return answer
        return (noisy - (1.0 - alpha) ** 0.5 * answer) / alpha**0.5


def schedule_of(scheduler: Any, chosen: str | None) -> Schedule:
    """scheduler: the model's own, from diffusers. chosen: "lcm" or "ddim" instead of its kind; its noise stays."""
    own, config = type(scheduler).__name__, scheduler.config
    lcm = chosen == "lcm" or (chosen is None and own == _LCM)
    return Schedule(
        alphas=DDPMScheduler.from_config(config).alphas_cumprod.double(),
        prediction=config.get("prediction_type", "epsilon"),
        renoising=lcm or (chosen is None and own in _RENOISING),
        timestep_scaling=float(config.get("timestep_scaling", 10.0)) if lcm else None,
    )
