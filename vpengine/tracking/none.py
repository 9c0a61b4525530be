"""The null twin of a tracking protocol: no socket, no packets."""

from __future__ import annotations

from collections.abc import Iterable

from vpengine.stage.settings import Settings as Section
from vpengine.tracking.protocol import Update


class NoTracking:
    """A camera that is not tracked stays where the stage file puts it."""

    class Settings(Section):
        """The camera stays where the stage file puts it."""

    title = "no tracking"
    multicast_groups: tuple[str, ...] = ()

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def endpoint(self) -> None:
        return None

    def decode(self, packet: bytes, peer: str) -> Iterable[Update]:
        return ()

    def cure(self, name: str, camera: str) -> str:
        return "choose another kind"
