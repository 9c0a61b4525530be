"""The null plate: black, at infinity."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from vpengine.gpu.target import Target
from vpengine.view.view import View


class NoPlateSettings(BaseModel):
    """There is nothing to choose."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoPlate:
    """Black for every View."""

    Settings = NoPlateSettings

    def __init__(self, settings: NoPlateSettings | None = None) -> None:
        """``settings``: there are none; the engine's own black asks for none either."""

    def upload(self, context: Any) -> None:
        """Nothing to put there."""

    def draw(self, target: Target, view: View) -> None:
        target.clear()

    def release(self) -> None:
        """Nothing was taken."""
