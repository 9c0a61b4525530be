"""OpenTrackIO's samples: from a payload in JSON or CBOR to a pose, a time, and what is said of lens and camera.

SMPTE RIS OSVP, schema of OpenTrackIO 1.0.1; PROTOCOLS 1.3 and 1.4. Every field is optional.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeGuard

import cbor2
import numpy as np
from scipy.spatial.transform import Rotation

from vpengine.stage.settings import shown
from vpengine.tracking.opentrackio_packet import JSON, OpenTrackIOError
from vpengine.tracking.words import shortened
from vpengine.view.pose import Pose, pose_from, rotation_from_pan_tilt_roll

Table = Mapping[str, Any]

PROTOCOL, VERSION = "OpenTrackIO", (1, 0, 1)
MAX_DEPTH = 16  # a sample of the schema has 6 levels, and ``custom`` is free
MAX_CONTAINERS = 512  # objects and lists in JSON; below the depth that Python's own parser can go to
MAX_TRANSFORMS = 16
MAX_TEXT = 256

FARTHEST_M = 10_000.0
LARGEST_SENSOR_MM = 2000.0
LARGEST_ANGLE_DEG = 1e9  # trackers count turns, but no number of turns has more digits than a double

NO_CBOR = "its payload is said to be CBOR and is not, or has tags"
_SELF_DESCRIBED = b"\xd9\xd9\xf7"  # RFC 8949, 3.4.6: a tag that says "this is CBOR" and no more


@dataclass(frozen=True, slots=True)
class Static:
    """What a source says about its camera every two seconds or so; None where it did not."""

    label: str | None = None
    sensor_mm: tuple[float, float] | None = None


def read_payload(payload: bytes, encoding: int) -> Table:
    """The sample as a table of OpenTrackIO, version 1. Raises OpenTrackIOError, and nothing else."""
    sample = _from_json(payload) if encoding == JSON else _from_cbor(payload)
    if not isinstance(sample, Mapping):
        raise OpenTrackIOError("bad-sample", "the sample is no object, expected {...} with transforms")
    protocol = sample.get("protocol")
    if isinstance(protocol, Mapping):  # a block that is not one says nothing against the sample
        _check_protocol(protocol)
    return sample


def _check_protocol(protocol: Table) -> None:
    name, version = protocol.get("name"), protocol.get("version")
    if isinstance(name, str) and name != PROTOCOL:
        raise OpenTrackIOError("other-protocol", f"it calls itself {shortened(name)}, expected {PROTOCOL}")
    major = version[0] if isinstance(version, list | tuple) and version else None
    if _is_whole(major) and major != VERSION[0]:
        found = shortened(".".join(map(str, version))) if version else ""
        raise OpenTrackIOError("unsupported-version", f"it is of version {found}, expected {VERSION[0]}.x")


def _from_json(payload: bytes) -> Any:
    if payload.count(b"{") + payload.count(b"[") > MAX_CONTAINERS:
        raise OpenTrackIOError("too-deep", f"more than {MAX_CONTAINERS} objects and lists")
    try:
        return json.loads(payload)  # Infinity and NaN are no JSON (RFC 8259), but are sent: they cost their member only
    except ValueError:  # a number of thousands of digits, and text that is not UTF-8, among them
        raise OpenTrackIOError("bad-json", "its payload is said to be JSON and is not") from None


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
        raise OpenTrackIOError("bad-cbor", NO_CBOR) from None
    if rest.read(1):
        raise OpenTrackIOError("bad-cbor", NO_CBOR)
    return sample


def read_source_number(sample: Table) -> int | None:
    """None when it is missing. The specification has consumers discard numbers but 1 to 200."""
    number = sample.get("sourceNumber")
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if number is not None and (not _is_whole(number) or not 1 <= number <= 200):
        raise OpenTrackIOError("bad-source-number", f"sourceNumber is {shown_value(number)}, expected 1 to 200")
    return number


def read_source_id(sample: Table) -> str | None:
    return _text(sample, "sourceId")


def read_label(sample: Table) -> str | None:
    return _text(_camera(sample), "label")


def read_sensor_mm(sample: Table) -> tuple[float, float] | None:
    """Width and height."""
    sensor = read_table(_camera(sample), "activeSensorPhysicalDimensions", "bad-static")
    if not sensor:
        return None
    width, height = (read_number(sensor, key, "bad-static", 0.0, LARGEST_SENSOR_MM) for key in ("width", "height"))
    return width, height


def _camera(sample: Table) -> Table:
    return read_table(read_table(sample, "static", "bad-static"), "camera", "bad-static")


def read_pose(sample: Table) -> Pose | None:
    """The sensor in the tracker's space; None when the sample has no transforms.

    They compose in their order, the first being the parent: T = T0 T1 ... Tn. A camera is rigid, and the
    specification takes position and orientation from the compound: ``scale`` is not applied.
    """
    transforms = sample.get("transforms")
    if transforms is None:
        return None
    if not isinstance(transforms, list | tuple) or not transforms:
        raise OpenTrackIOError("bad-transform", f"transforms is {shown_value(transforms)}, expected a list of them")
    if len(transforms) > MAX_TRANSFORMS:
        sentence = f"{len(transforms)} transforms are too many, expected {MAX_TRANSFORMS} at most"
        raise OpenTrackIOError("too-many-transforms", sentence)
    position_m, turn = np.zeros(3), Rotation.identity()
    for transform in transforms:
        offset_m, rotation = _transform(transform)
        position_m, turn = position_m + turn.apply(offset_m), turn * rotation
    if np.abs(position_m).max() > FARTHEST_M:
        raise _too_far(position_m)
    return pose_from(position_m, turn)


def _transform(transform: object) -> tuple[tuple[float, ...], Rotation]:
    """Every member is optional, and 0 where it is missing."""
    if not isinstance(transform, Mapping):
        raise OpenTrackIOError("bad-transform", f"a transform is {shown_value(transform)}, expected an object")
    translation, rotation = (read_table(transform, key, "bad-transform") for key in ("translation", "rotation"))
    offset_m = tuple(read_number(translation, axis, "bad-transform", missing=0.0) for axis in ("x", "y", "z"))
    if max(map(abs, offset_m)) > FARTHEST_M:
        raise _too_far(offset_m)
    pan, tilt, roll = (
        read_number(rotation, turn, "bad-transform", -LARGEST_ANGLE_DEG, LARGEST_ANGLE_DEG, missing=0.0)
        for turn in ("pan", "tilt", "roll")
    )
    return offset_m, rotation_from_pan_tilt_roll(pan, tilt, roll)


def _too_far(position_m: Iterable[float]) -> OpenTrackIOError:
    x, y, z = position_m
    sentence = f"a position of {x:.0f}, {y:.0f}, {z:.0f} m is refused: expected metres, within {FARTHEST_M:.0f} m"
    return OpenTrackIOError("too-far", sentence)


def read_time_s(sample: Table) -> float | None:
    """``sampleTimestamp`` in seconds of the sender's own clock: PTP time if it has it, but many send other times."""
    stamp = read_table(read_table(sample, "timing", "bad-time"), "sampleTimestamp", "bad-time")
    if not stamp:
        return None
    seconds, nanoseconds = stamp.get("seconds"), stamp.get("nanoseconds")
    if not (_is_whole(seconds) and 0 <= seconds < 1 << 48 and _is_whole(nanoseconds) and 0 <= nanoseconds < 1 << 32):
        sentence = f"sampleTimestamp is {shown_value(dict(stamp))}, expected whole seconds and nanoseconds"
        raise OpenTrackIOError("bad-time", f"{sentence}; the pose is taken as of when it came")
    return float(seconds + nanoseconds * 1e-9)


def read_recording(sample: Table) -> bool | None:
    """Whether the camera records, as its tracker says."""
    recording = read_table(sample, "tracker", "bad-tracker").get("recording")
    if recording is not None and not isinstance(recording, bool):
        raise OpenTrackIOError("bad-tracker", f"recording is {shown_value(recording)}, expected true or false")
    return recording


def read_slate(sample: Table) -> str | None:
    return _text(read_table(sample, "tracker", "bad-tracker"), "slate")


def read_table(parent: Table, key: str, reason: str = "bad-sample") -> Table:
    """A table within another, empty when it is missing."""
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise OpenTrackIOError(reason, f"{key} is {shown_value(value)}, expected an object")
    return value


def _text(parent: Table, key: str) -> str | None:
    value = parent.get(key)
    if value is not None and (not isinstance(value, str) or len(value) > MAX_TEXT):
        raise OpenTrackIOError(
            "bad-text", f"{key} is {shown_value(value)}, expected text of at most {MAX_TEXT} characters"
        )
    return value


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def read_number(
    table: Table, key: str, reason: str, least: float = -1e300, most: float = 1e300, missing: float | None = None
) -> float:
    """A finite number between two limits. Booleans are no numbers; NaN is within no limits.

    missing: what it is where the table does not have it, or has null; None where it must have it.
    """
    value = table.get(key)
    value = missing if value is None else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise OpenTrackIOError(reason, f"{key} is {shown_value(value)}, expected a number")
    if value != value or value in (float("inf"), float("-inf")):
        raise OpenTrackIOError("not-finite", f"{key} is {value}, expected a finite number")
    if not least <= value <= most:
        raise OpenTrackIOError(reason, f"{key} is {shown_value(value)}, expected {least:g} to {most:g}")
    return float(value)


def shown_value(value: object) -> str:
    """A value of the sample, shortened."""
    return shortened(shown(value))
