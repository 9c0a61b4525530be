"""Other programs' OSC for tests: messages, rows of a table, and who decodes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from tests.waiting import Clock
from vpengine.tracking.osc_preset import OscAppTracking
from vpengine.tracking.protocol import PoseUpdate, Update
from vpengine.view.pose import Pose

S = math.sqrt(0.5)
PEER = "127.0.0.1:5000"

# PROTOCOLS 3.5: packets as these programs send them.
VMC_CAMERA = bytes.fromhex(
    "2f564d432f4578742f43616d000000002c736666666666666666000043616d65726100003f0000003fcccccdc04000000000"
    "00003e8483ee000000003f7746ea42340000"
)

ZIGSIM = bytes.fromhex("2f6131623263332f61726b6974706f736974696f6e0000002c666666000000003dcccccd3fb33333be4ccccd")


def message(address: str, *arguments: Any) -> bytes:
    return built(address, *arguments).dgram


def built(address: str, *arguments: Any) -> Any:
    builder = OscMessageBuilder(address)
    for value in arguments:
        builder.add_arg(value)
    return builder.build()


def bundle(*messages: tuple[Any, ...]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for one in messages:
        builder.add_content(built(*one))
    return builder.build().dgram


def tracking(clock: Callable[[], float] | None = None, **settings: Any) -> OscAppTracking:
    return OscAppTracking(OscAppTracking.Settings.model_validate(settings), clock or Clock())


def updates(protocol: OscAppTracking, *packets: bytes, peer: str = PEER) -> list[Update]:
    return [update for packet in packets for update in protocol.decode(packet, peer)]


def one_pose(found: list[Update], camera: str | None) -> Pose:
    (update,) = found
    assert isinstance(update, PoseUpdate)
    assert (update.camera, update.sender_time_s) == (camera, None)
    return update.pose


def seen(pose: Pose) -> NDArray[np.float64]:
    """(4, 3): where a camera is, and where its right, its forward and its up point, in stage space."""
    return np.vstack([pose.position_m, pose.matrix()[:3, :3].T])


def stands(position_m: tuple, right: tuple, forward: tuple, up: tuple) -> Any:
    """What ``seen`` finds of a camera that stands so, but for rounding."""
    return pytest.approx(np.array([position_m, right, forward, up], float), abs=1e-6)


LOOKS_LEFT = {"right": (0, 1, 0), "forward": (-1, 0, 0), "up": (0, 0, 1)}


def row(address: str, *arguments: str) -> dict[str, Any]:
    return {"address": address, "arguments": arguments}


def place(x: float, camera: str = "1") -> bytes:
    return message(f"/tracking/trackers/{camera}/position", x, 0.0, 0.0)


def turned(camera: str = "1") -> bytes:
    return message(f"/tracking/trackers/{camera}/rotation", 0.0, 0.0, 0.0)


CHANNELS = tuple(row(f"/{name}", name.replace("t", "")) for name in ("tx", "ty", "tz", "rx", "ry", "rz"))


def channels(**values: float) -> bytes:
    return bundle(*((f"/{name}", value) for name, value in values.items()))


ZEROS = {"tz": 0.0, "rx": 0.0, "ry": 0.0, "rz": 0.0}
