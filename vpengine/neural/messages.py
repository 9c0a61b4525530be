"""The closed list of what the engine and the neural process may say to each other; pictures travel in slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vpengine.frames.look import Look
from vpengine.view.view import View


@dataclass(frozen=True)
class WorkerSetup:
    """generator, runtime: ``module:Class``. resolutions: that will be asked for. slots: shared memory names.

    settings: what the stage file says for the generator, None for one that has no settings. card: it may use one of
    NVIDIA's; without, a process of its own sees none.
    """

    generator: str
    runtime: str
    resolutions: tuple[tuple[int, int], ...]
    slots: tuple[str, ...]
    settings: Any = None
    card: bool = True


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
    """continues: how far what is on the walls already is of this look, 0 to 1 (Request.continues). flat: as ImageSet
    has it.
    """

    slot: int
    number: int
    look: Look
    view: View
    continues: float = 0.0
    flat: bool = False


@dataclass(frozen=True)
class Answer:
    """resolution: of its pictures, the request's. started_from: sha256 of the current picture, empty without one.

    told: as ``Generated`` has it.
    """

    slot: int
    number: int
    work_s: float
    resolution: tuple[int, int]
    started_from: str = ""
    told: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Refused:
    """The generator cannot do the look that was asked for: one sentence why. It goes on with the next."""

    slot: int
    number: int
    reason: str


@dataclass(frozen=True)
class Failed:
    """The generator cannot go on: one sentence why. The worker ends after saying it.

    hopeless: another try would end the same, as with a full memory or a file that is missing. full_memory: less memory
    would do. lost: the card has gone from under whatever runs in this process, and does not come back to it.
    """

    reason: str
    hopeless: bool = False
    full_memory: bool = False
    lost: bool = False
