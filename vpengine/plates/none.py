"""The null plate: black, at infinity."""

from __future__ import annotations

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.stage.settings import Settings
from vpengine.view.view import View


class NoPlateSettings(Settings):
    """There is nothing to choose."""


class NoPlate:
    """Black for every View."""

    Settings = NoPlateSettings

    def __init__(self, settings: NoPlateSettings | None = None) -> None:
        """``settings``: there are none; the engine's own black asks for none either."""

    def upload(self, gpu: Gpu) -> bool:
        """There is nothing to put there."""
        return False

    def draw(self, target: Target, view: View) -> None:
        target.clear()

    def release(self) -> None:
        """Nothing was taken."""
