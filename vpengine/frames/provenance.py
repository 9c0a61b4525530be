"""Where a picture came from: enough to say who, what model, what look, what seed, and to make it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """source: ``plate:street``, ``weather``, ``test``. The rest is empty where it does not apply."""

    source: str
    model_sha256: str = ""
    runtime: str = ""
    look: tuple[tuple[str, float | bool | str], ...] = ()
    seed: int = 0
    request_number: int = -1
    engine_version: str = ""
