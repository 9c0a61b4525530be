"""Where a stage's tracker sends: read from its file, so that a simulated one needs no second telling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpengine.errors import ProblemsError, UserError
from vpengine.files import controls_of, settings_of
from vpengine.plugins import load_plugin
from vpengine.stage.conflicts import EVERY
from vpengine.stage.stage_file import Stage, TrackingSection, load_stage
from vpengine.tracking import KINDS
from vpengine.tracking.moves import EYE
from vpengine.tracking.sender import SENDERS
from vpengine.view.pose import Pose


@dataclass(frozen=True)
class Target:
    """URLs for the tracker and the operator, and what the sender calls the camera. rest: where that is by its stage."""

    to: str
    camera: str
    control: str
    rest: Pose = EYE


def target_of(path: Path, camera: str | None) -> Target:
    """The source of ``camera``, or of the stage's first that can be simulated. Raises UserError."""
    stage = load_stage(path, controls_of)
    settings, problems = settings_of(item.source for item in stage.tracking)
    if problems:
        raise ProblemsError(problems)
    for item in stage.tracking:
        own = settings[item.source.slot, f"{item.source.file}:{item.source.key}"]
        endpoint = load_plugin(KINDS[item.source.kind])(own).endpoint
        if item.source.kind in SENDERS and camera in (None, item.camera) and endpoint:
            return _target(stage, item, own, endpoint)
    which = f"camera {camera!r}" if camera else "a camera"
    raise UserError(f"{path}: no [[tracking]] source of {which} that can be simulated (kind = {' or '.join(SENDERS)})")


def _target(stage: Stage, item: TrackingSection, own: Any, endpoint: tuple[str, int]) -> Target:
    names: Mapping[Any, str] = getattr(own, "cameras", {})
    called = next((str(name) for name, camera in names.items() if camera == item.camera), item.camera)
    if item.source.kind == "freed" and not called.isdecimal():
        called = "1"  # FreeD's cameras are numbers; where the file has no map, any number moves the source's camera
    (address, port), control = endpoint, stage.control
    return Target(
        f"{item.source.kind}://{_reached(address)}:{port}",
        called,
        f"osc://{_reached(control.address)}:{control.osc_port or 9001}",
        next((camera.pose.pose() for camera in stage.cameras if camera.id == item.camera), EYE),
    )


def _reached(address: str) -> str:
    """This machine, where a source listens on every network; IPv6 in brackets, as URLs want it."""
    host = "127.0.0.1" if address in EVERY else address
    return f"[{host}]" if ":" in host else host
