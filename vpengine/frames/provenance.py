"""Where a picture came from: enough to say who, what model, what look, what seed, and to make it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Provenance:
    """source: ``plate:street``, ``weather``, ``test``. The rest is empty where it does not apply.

    runtime: the library with its version, the precision, and the card with its driver where there is one. blends: of
    the look's texts that were changing. started_from: sha256 of what was on the walls already, where a generator went
    on from that. told: what it was told by beside the look's values, files and embeddings, as (name, sha256) pairs.
    settings: the generator's own in the stage file, such as its steps, as (key, text) pairs.
    """

    source: str
    model_sha256: str = ""
    runtime: str = ""
    look: tuple[tuple[str, float | bool | str], ...] = ()
    seed: int = 0
    request_number: int = -1
    engine_version: str = ""
    blends: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = ()
    started_from: str = ""
    told: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
