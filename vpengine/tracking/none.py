"""The null twin of a tracking protocol: no socket, no packets."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from vpengine.tracking.protocol import Update


class NoTracking:
    """A camera that is not tracked stays where the stage file puts it."""

    class Settings(BaseModel):
        model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def endpoint(self) -> None:
        return None

    def decode(self, packet: bytes, peer: str) -> Iterable[Update]:
        return ()
