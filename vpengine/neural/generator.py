"""The contracts of generators and runtimes, and the arrays they exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.look import Look

Planes = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Plate:
    """What a generator is given, row 0 at the top: color_cct (height, width, 3) ACEScct; depth_m (height, width),
    +inf for sky; noise (height, width), world-anchored, 0..1."""

    color_cct: Planes
    depth_m: Planes
    noise: Planes


@dataclass(frozen=True, eq=False)
class Generated:
    """The changed picture as gain * color_cct + bias, each (height, width, 3). One that paints all of it: gain 0."""

    gain: Planes
    bias: Planes


class Network(Protocol):
    """Arrays by name in, arrays by name out. name: what runs it, as provenance and reports have it."""

    @property
    def name(self) -> str: ...

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]: ...


class Runtime(Protocol):
    def load(self, path: Path) -> Network:
        """Raises UserError with the cure when the file or the library cannot be used."""


class Generator(Protocol):
    """Makes pictures. Lives in the worker process; the constructor is given the runtime it may use."""

    def generate(self, plate: Plate, look: Look) -> Generated: ...

    @property
    def model_sha256(self) -> str: ...

    @property
    def runtime(self) -> str:
        """What runs its network; empty where it has none."""
