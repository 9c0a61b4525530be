"""The closed list of what the engine and the neural process may say to each other; pictures travel in slots."""

from __future__ import annotations

from dataclasses import dataclass

from vpengine.frames.look import Look
from vpengine.view.view import View


@dataclass(frozen=True)
class WorkerSetup:
    """generator, runtime: ``module:Class``. slots: shared memory names."""

    generator: str
    runtime: str
    resolution: tuple[int, int]
    slots: tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """The generator's model is in memory; it makes its first pictures now."""


@dataclass(frozen=True)
class Ready:
    """The generator is warmed. runtime: what runs its network. work_s: what a picture takes it, after its first."""

    model_sha256: str
    runtime: str
    work_s: float


@dataclass(frozen=True, eq=False)
class Ask:
    slot: int
    number: int
    look: Look
    view: View


@dataclass(frozen=True)
class Answer:
    """resolution: of its pictures, the request's."""

    slot: int
    number: int
    work_s: float
    resolution: tuple[int, int]


@dataclass(frozen=True)
class Failed:
    """The generator cannot go on: one sentence why. The worker ends after saying it."""

    reason: str
