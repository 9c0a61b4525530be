"""OpenTrackIO's samples: from a payload in JSON or CBOR to a pose, a time, and what is said of lens and camera.

SMPTE RIS OSVP, schema of OpenTrackIO 1.0.1; PROTOCOLS 1.3 and 1.4. Every field is optional.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

import cbor2
import numpy as np
from scipy.spatial.transform import Rotation

from vpengine.tracking.opentrackio_packet import JSON, OpenTrackIOError
from vpengine.view.pose import Pose, pose_from, rotation_from_pan_tilt_roll

Table = Mapping[str, Any]

PROTOCOL, VERSION = "OpenTrackIO", (1, 0, 1)
MAX_DEPTH = 16  # a sample of the schema has 6 levels, and ``custom`` is free
MAX_CONTAINERS = 512  # objects and lists in JSON; below the depth that Python's own parser can go to
MAX_TRANSFORMS = 16
MAX_TEXT = 256

FARTHEST_M = 10_000.0
SHORTEST_LENS_MM, LONGEST_LENS_MM = 0.1, 10_000.0
FARTHEST_FOCUS_M = 1e9
FARTHEST_PUPIL_M = 2.0
LARGEST_SENSOR_MM = 2000.0
LARGEST_ANGLE_DEG = 1e9  # trackers count turns, but no number of turns has more digits than a double

_SELF_DESCRIBED = b"\xd9\xd9\xf7"  # RFC 8949, 3.4.6: a tag that says "this is CBOR" and no more


@dataclass(frozen=True, slots=True)
class Static:
    """What a source says about its camera every two seconds or so; None where it did not."""

    label: str | None = None
    sensor_mm: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class LensFields:
    """What a sample says about the lens; None where it says nothing."""

    pinhole_focal_length_mm: float | None = None
    focus_distance_m: float | None = None
    t_stop: float | None = None
    entrance_pupil_offset_m: float | None = None


def read_payload(payload: bytes, encoding: int) -> Table:
    """The sample as a table of OpenTrackIO, version 1. Raises OpenTrackIOError, and nothing else."""
    sample = _from_json(payload) if encoding == JSON else _from_cbor(payload)
    if not isinstance(sample, Mapping):
        raise OpenTrackIOError("bad-sample")
    protocol = _table(sample, "protocol")
    if protocol.get("name", PROTOCOL) != PROTOCOL:
        raise OpenTrackIOError("other-protocol")
    version = protocol.get("version", VERSION)
    if not isinstance(version, list | tuple) or list(version[:1]) != [VERSION[0]]:
        raise OpenTrackIOError("unsupported-version")
    return sample


def _from_json(payload: bytes) -> Any:
    if payload.count(b"{") + payload.count(b"[") > MAX_CONTAINERS:
        raise OpenTrackIOError("too-deep")
    try:
        return json.loads(payload, parse_constant=_refuse_constant)
    except OpenTrackIOError:
        raise
    except ValueError:  # a number of thousands of digits, and text that is not UTF-8, among them
        raise OpenTrackIOError("bad-json") from None


def _refuse_constant(name: str) -> NoReturn:
    """NaN, Infinity and -Infinity are no JSON (RFC 8259), but Python reads them."""
    raise OpenTrackIOError("not-finite")


class _NoTags(Mapping[int, Callable[..., Any]]):
    """Tags are not of OpenTrackIO, and cbor2 would build regular expressions, huge numbers and cycles from them."""

    def __getitem__(self, tag: int) -> Callable[..., Any]:
        return _refuse_tag

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("tag")


def _from_cbor(payload: bytes) -> Any:
    rest = io.BytesIO(payload.removeprefix(_SELF_DESCRIBED))
    decoder = cbor2.CBORDecoder(
        rest, tag_hook=_refuse_tag, semantic_decoders=_NoTags(), max_depth=MAX_DEPTH, strict_hashable_types=True
    )
    try:
        sample = decoder.decode()
    except (cbor2.CBORDecodeError, ValueError, OverflowError):
        raise OpenTrackIOError("bad-cbor") from None
    if rest.read(1):
        raise OpenTrackIOError("bad-cbor")
    return sample


def read_source(sample: Table) -> tuple[str | None, int | None]:
    """sourceId and sourceNumber. The specification has consumers discard numbers but 1 to 200."""
    number = sample.get("sourceNumber")
    if number is not None and (not _is_whole(number) or not 1 <= number <= 200):
        raise OpenTrackIOError("bad-source-number")
    return _text(sample, "sourceId"), number


def read_static(sample: Table) -> Static | None:
    """None when the sample has no static block for its camera."""
    camera = _table(_table(sample, "static"), "camera")
    if not camera:
        return None
    sensor, sensor_mm = _table(camera, "activeSensorPhysicalDimensions"), None
    if sensor:
        width, height = (_number(sensor, key, "bad-static", 0.0, LARGEST_SENSOR_MM) for key in ("width", "height"))
        sensor_mm = (width, height)
    return Static(_text(camera, "label"), sensor_mm)


def read_pose(sample: Table) -> Pose | None:
    """The sensor in the tracker's space; None when the sample has no transforms.

    They compose in their order, the first being the parent: T = T0 T1 ... Tn. A camera is rigid, and the
    specification takes position and orientation from the compound: ``scale`` is not applied.
    """
    transforms = sample.get("transforms")
    if transforms is None:
        return None
    if not isinstance(transforms, list | tuple) or not transforms:
        raise OpenTrackIOError("bad-transform")
    if len(transforms) > MAX_TRANSFORMS:
        raise OpenTrackIOError("too-many-transforms")
    position_m, turn = np.zeros(3), Rotation.identity()
    for transform in transforms:
        offset_m, rotation = _transform(transform)
        position_m, turn = position_m + turn.apply(offset_m), turn * rotation
    if np.abs(position_m).max() > FARTHEST_M:
        raise OpenTrackIOError("too-far")
    return pose_from(position_m, turn)


def _transform(transform: object) -> tuple[tuple[float, ...], Rotation]:
    if not isinstance(transform, Mapping):
        raise OpenTrackIOError("bad-transform")
    translation, rotation = (_table(transform, key, "bad-transform") for key in ("translation", "rotation"))
    offset_m = tuple(_number(translation, axis, "bad-transform") for axis in ("x", "y", "z"))
    if max(map(abs, offset_m)) > FARTHEST_M:
        raise OpenTrackIOError("too-far")
    pan, tilt, roll = (
        _number(rotation, turn, "bad-transform", -LARGEST_ANGLE_DEG, LARGEST_ANGLE_DEG)
        for turn in ("pan", "tilt", "roll")
    )
    return offset_m, rotation_from_pan_tilt_roll(pan, tilt, roll)


def read_time_s(sample: Table) -> float | None:
    """``sampleTimestamp`` in seconds of the sender's own clock: PTP time if it has it, but many send other times."""
    stamp = _table(_table(sample, "timing"), "sampleTimestamp")
    if not stamp:
        return None
    seconds, nanoseconds = stamp.get("seconds"), stamp.get("nanoseconds")
    if not (_is_whole(seconds) and 0 <= seconds < 1 << 48 and _is_whole(nanoseconds) and 0 <= nanoseconds < 1 << 32):
        raise OpenTrackIOError("bad-time")
    return float(seconds + nanoseconds * 1e-9)


def read_lens(sample: Table) -> LensFields:
    lens = _table(sample, "lens", "bad-lens")

    def optional(key: str, least: float, most: float) -> float | None:
        return None if lens.get(key) is None else _number(lens, key, "bad-lens", least, most)

    return LensFields(
        optional("pinholeFocalLength", SHORTEST_LENS_MM, LONGEST_LENS_MM),
        optional("focusDistance", 0.0, FARTHEST_FOCUS_M),  # metres, though some parsers of 0.9 took millimetres
        optional("tStop", 0.0, 1000.0),
        optional("entrancePupilOffset", -FARTHEST_PUPIL_M, FARTHEST_PUPIL_M),
    )


def _table(parent: Table, key: str, reason: str = "bad-sample") -> Table:
    """A table within another, empty when it is missing."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise OpenTrackIOError(reason)
    return value


def _text(parent: Table, key: str) -> str | None:
    value = parent.get(key)
    if value is not None and (not isinstance(value, str) or len(value) > MAX_TEXT):
        raise OpenTrackIOError("bad-text")
    return value


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(table: Table, key: str, reason: str, least: float = -1e300, most: float = 1e300) -> float:
    """A finite number between two limits. Booleans are no numbers; NaN is within no limits."""
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OpenTrackIOError(reason)
    if value != value or value in (float("inf"), float("-inf")):
        raise OpenTrackIOError("not-finite")
    if not least <= value <= most:
        raise OpenTrackIOError(reason)
    return float(value)
