"""A stage's tracking sources, made from their sections."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from vpengine.plugins import load_plugin
from vpengine.stage.sections import PluginSection
from vpengine.stage.stage_file import TrackingSection
from vpengine.tracking import KINDS
from vpengine.tracking.protocol import Source


def sources_of(sections: Iterable[TrackingSection], of: Callable[[PluginSection], Any]) -> list[Source]:
    """of: a source's own settings, validated."""
    return [
        Source(load_plugin(KINDS[item.source.kind])(of(item.source)), item.camera, item.latency_s) for item in sections
    ]
