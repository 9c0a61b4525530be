"""A stage's captures, each with its reader, made from their sections."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from vpengine.capture import KINDS
from vpengine.capture.health import CaptureHealth
from vpengine.capture.pace import Pace
from vpengine.capture.reader import JOIN_S, Reader
from vpengine.frames.captured import CapturedFrame
from vpengine.plugins import load_plugin
from vpengine.stage.capture import CaptureSection
from vpengine.stage.sections import PluginSection


def reader_of(
    section: CaptureSection,
    settings: Any,
    clock: Callable[[], float] = time.monotonic,
    say: Callable[[str], None] | None = None,
    most_px: int | None = None,
) -> Reader:
    """Not started yet. settings: the source's own, validated. clock: the engine's. say, most_px: as of ``Reader``."""
    pace, shared = Pace(clock), section.settings
    source = load_plugin(KINDS[section.source.kind])(settings, pace)
    told = {} if say is None else {"say": say}
    return Reader(
        shared.id,
        source,
        pace,
        latency_s=shared.latency_ms / 1e3,
        hold_s=shared.hold_s,
        tags=shared.tags,
        most_px=most_px,
        **told,
    )


class Captures:
    """The pictures that cameras send, each by its camera's id. ``start`` and ``stop`` as of ``Reader``.

    kept: those that a rolling take keeps as they came.
    """

    def __init__(self, readers: Mapping[str, Reader], kept: Collection[str] = ()) -> None:
        self.readers = dict(readers)
        self.kept = {camera: reader for camera, reader in readers.items() if camera in kept}

    def start(self) -> None:
        for reader in self.readers.values():
            reader.start()

    def shown(self, time_s: float) -> dict[str, CapturedFrame]:
        """What stands for each camera at ``time_s``; one that shows nothing is left out, and its world is alone."""
        found = {camera: reader.shown(time_s) for camera, reader in self.readers.items()}
        return {camera: frame for camera, frame in found.items() if frame is not None}

    def health(self) -> dict[str, CaptureHealth]:
        """By the capture's id."""
        return {reader.name: reader.health() for reader in self.readers.values()}

    def stop(self) -> None:
        stop_all(self.readers.values())


def captures_of(
    sections: Iterable[CaptureSection], of: Callable[[PluginSection], Any], most_px: int | None = None
) -> Captures:
    """Of a stage. of: a source's own settings, validated. most_px: as of ``Reader``."""
    listed = list(sections)
    readers = {one.settings.camera: reader_of(one, of(one.source), most_px=most_px) for one in listed}
    return Captures(readers, [one.settings.camera for one in listed if one.settings.record])


def stop_all(readers: Iterable[Reader]) -> None:
    """Within little more than a second, however many there are: all are asked before one is waited for."""
    listed = list(readers)
    for reader in listed:
        reader.stop(0.0)
    end_s = time.monotonic() + JOIN_S
    for reader in listed:
        reader.stop(max(end_s - time.monotonic(), 0.0))
