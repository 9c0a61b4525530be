"""What every training run has: a network, its moving average, an optimiser and its schedule, and checkpoints of all."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

STATES = ("network", "average", "optimizer")


@dataclass(frozen=True)
class Options:
    """What a training run is: the same options give the same network."""

    seed: int
    steps: int
    batch: int
    learning_rate: float
    minutes: float


class Training:
    """Owns the network, its moving average and the optimiser; everything a checkpoint holds.

    warm_steps: in which the learning rate rises. ema_decay: of the average, once it has seen enough.
    """

    warm_steps: ClassVar[int]
    ema_decay: ClassVar[float]
    weight_decay: ClassVar[float]

    def __init__(self, options: Options, make: Callable[[], nn.Module], device: str = "cpu") -> None:
        """make: draws the network's first weights, from the options' seed."""
        torch.manual_seed(options.seed)
        self.options = options
        self.network = make().to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        decay = self.weight_decay
        self.optimizer = torch.optim.AdamW(self.network.parameters(), options.learning_rate, weight_decay=decay)
        self.step, self.seconds = 0, 0.0

    def save(self, path: Path, **more: Any) -> None:
        """A checkpoint, whole or not at all. more: what else has to come back with it."""
        state = {name: getattr(self, name).state_dict() for name in STATES}
        part = path.with_suffix(".part")
        torch.save({**state, **more, "step": self.step, "seconds": self.seconds}, part)
        part.replace(path)

    def resume(self, path: Path) -> dict[str, Any]:
        """Go on from a checkpoint; all that it holds."""
        state: dict[str, Any] = torch.load(path, weights_only=True)
        for name in STATES:
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds = state["step"], state["seconds"]
        return state

    def begin_with(self, network: nn.Module) -> None:
        """Weights to go on from, before the first step."""
        for ours in (self.network, self.average):
            ours.load_state_dict(network.state_dict())

    @property
    def progress(self) -> float:
        """How much of the steps or of the minutes is spent, 0 to 1."""
        return max(self.step / self.options.steps, self.seconds / (60.0 * self.options.minutes))

    def learn(self, loss: Tensor) -> float:
        """One optimiser step down ``loss``; its value."""
        warm = min(1.0, (self.step + 1) / self.warm_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.learning_rate * warm * (0.5 + 0.5 * math.cos(math.pi * min(self.progress, 1.0)))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        decay = min(self.ema_decay, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(new, 1.0 - decay)
        self.step += 1
        return float(loss.detach())
