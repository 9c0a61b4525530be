"""A stage's captures, each with its reader, made from their sections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from vpengine.capture import KINDS
from vpengine.capture.pace import Pace
from vpengine.capture.reader import Reader
from vpengine.plugins import load_plugin
from vpengine.stage.capture import CaptureSection


def reader_of(
    section: CaptureSection,
    settings: Any,
    clock: Callable[[], float] = time.monotonic,
    say: Callable[[str], None] | None = None,
) -> Reader:
    """Not started yet. settings: the source's own, validated. clock: the engine's. say: as of ``Reader``."""
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
        **told,
    )


def stop_all(readers: Iterable[Reader]) -> None:
    """Within little more than a second, however many there are: all are asked before one is waited for."""
    listed = list(readers)
    for reader in listed:
        reader.stop(0.0)
    for reader in listed:
        reader.stop()
