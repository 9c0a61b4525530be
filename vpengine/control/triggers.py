"""What operators press: events that are never merged and keep their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RESERVED = ("next", "previous", "go", "back", "safe")  # no scene may have such a slug


@dataclass(frozen=True)
class SceneTrigger:
    """Go to the scene ``name`` (its slug), or to a neighbour in the show's order."""

    action: Literal["goto", "next", "previous"]
    name: str = ""
