"""The camera's track beside a recording: one sample a frame, in the forms that post reads.

    NAME.opentrackio.jsonl   OpenTrackIO 1.0.1, a sample a line: the sensor's pose, lens, timecode
    NAME.chan                frame tx ty tz rx ry rz fov: Nuke's, the entrance pupil's pose (view.pose.to_nuke)
    NAME.usda                a USD camera, the entrance pupil's pose; written when the recording ends

Frame 1 is the recording's first. Lines are written as they come, so that a crash costs none but the last.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from vpengine.frames.frame_input import CameraState, Tick
from vpengine.takes.usd_camera import write_usd
from vpengine.view.lens import Lens, vertical_fov_deg
from vpengine.view.pose import in_front, to_nuke, to_opentrackio

log = logging.getLogger(__name__)

PROTOCOL, VERSION = "OpenTrackIO", (1, 0, 1)
FORMATS = ("opentrackio", "chan", "usd")
TAI_FROM_UTC_S = 37  # leap seconds since 2017: OpenTrackIO's timestamps are PTP's, which are TAI
NO_USD = "the USD camera is not written: usd-core is not installed (pip install 'vpengine[usd]')"


@dataclass(frozen=True)
class TrackSample:
    """A camera in one frame. frame: of the recording, from 1."""

    frame: int
    tick: Tick
    state: CameraState


@dataclass(frozen=True)
class Slate:
    """Whose track it is. camera: the stage's id. take: what it is called; empty where none rolls."""

    camera: str
    rate: Fraction
    take: str = ""


class _Form(Protocol):
    def add(self, sample: TrackSample) -> None: ...

    def close(self) -> None: ...


class CameraTrack:
    """``add`` every frame, then ``close``. Raises OSError."""

    def __init__(self, path: Callable[[str], Path], slate: Slate, formats: Iterable[str] = FORMATS) -> None:
        """path: of the file with a suffix. formats: of FORMATS."""
        made: dict[str, Callable[[], _Form]] = {
            "opentrackio": lambda: _Lines(path(".opentrackio.jsonl"), _opentrackio_line(slate)),
            "chan": lambda: _Lines(path(".chan"), chan_line),
            "usd": lambda: _Usd(path(".usda"), slate),
        }
        self._forms: list[_Form] = []
        try:
            for name in formats:
                self._forms.append(made[name]())
        except OSError:
            self.close()
            raise

    def add(self, sample: TrackSample) -> None:
        for form in self._forms:
            form.add(sample)

    def close(self) -> None:
        forms, self._forms = self._forms, []
        for form in forms:
            form.close()


class _Lines:
    def __init__(self, path: Path, line: Callable[[TrackSample], str]) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._line = line

    def add(self, sample: TrackSample) -> None:
        self._file.write(self._line(sample) + "\n")

    def close(self) -> None:
        self._file.close()


class _Usd:
    """Its samples wait for the end: USD writes a layer as a whole."""

    def __init__(self, path: Path, slate: Slate) -> None:
        self._path, self._slate = path, slate
        self._samples: list[TrackSample] = []

    def add(self, sample: TrackSample) -> None:
        self._samples.append(sample)

    def close(self) -> None:
        if self._samples and has_usd():
            samples = [(each.frame, pupil(each.state), each.state.lens) for each in self._samples]
            write_usd(self._path, self._slate.camera, self._slate.rate, samples)


def has_usd() -> bool:
    return importlib.util.find_spec("pxr") is not None


def pupil(state: CameraState) -> Any:
    """The entrance pupil's pose, from where a picture is seen."""
    return in_front(state.pose, state.lens.entrance_pupil_offset_m)


def chan_line(sample: TrackSample) -> str:
    position_m, rx, ry, rz = to_nuke(pupil(sample.state))
    values = (*position_m, rx, ry, rz, vertical_fov_deg(sample.state.lens))
    return " ".join([str(sample.frame), *(f"{value:.9g}" for value in values)])


def _opentrackio_line(slate: Slate) -> Callable[[TrackSample], str]:
    ahead_s = time.time() - time.monotonic() + TAI_FROM_UTC_S  # of the engine's clock, once for all frames
    source = uuid.uuid5(uuid.NAMESPACE_OID, f"vpengine camera {slate.camera}").urn

    def line(sample: TrackSample) -> str:
        return json.dumps(opentrackio_sample(sample, slate, source, ahead_s), separators=(",", ":"))

    return line


def opentrackio_sample(sample: TrackSample, slate: Slate, source: str, ahead_s: float) -> dict[str, Any]:
    """As the schema of 1.0.1 has it. ahead_s: of PTP's time before the engine's monotonic clock."""
    tick, lens = sample.tick, sample.state.lens
    (x, y, z), pan, tilt, roll = to_opentrackio(sample.state.pose)
    number = {"sourceNumber": int(slate.camera)} if slate.camera in _SOURCE_NUMBERS else {}
    return {
        "static": {
            "camera": {
                "label": slate.camera,
                "captureFrameRate": _rational(slate.rate),
                "activeSensorPhysicalDimensions": {"width": lens.sensor_mm[0], "height": lens.sensor_mm[1]},
            }
        },
        "tracker": {"recording": True, **({"slate": slate.take} if slate.take else {})},
        "timing": _timing(sample.frame, tick, ahead_s),
        "lens": _lens(lens),
        "protocol": {"name": PROTOCOL, "version": VERSION},
        "sampleId": uuid.uuid4().urn,
        "sourceId": source,
        **number,
        "transforms": [
            {
                "translation": {"x": x, "y": y, "z": z},
                "rotation": {"pan": pan, "tilt": tilt, "roll": roll},
                "id": "Camera",
            }
        ],
    }


_SOURCE_NUMBERS = frozenset(str(number) for number in range(1, 201))


def _timing(frame: int, tick: Tick, ahead_s: float) -> dict[str, Any]:
    seconds, nanoseconds = divmod(round((tick.display_time_s + ahead_s) * 1e9), 1_000_000_000)
    label, nominal = tick.timecode, -(-tick.rate.numerator // tick.rate.denominator)
    timing: dict[str, Any] = {
        "mode": "internal",
        "sampleTimestamp": {"seconds": seconds, "nanoseconds": nanoseconds},
        "sampleRate": _rational(tick.rate),
        "sequenceNumber": frame - 1,
    }
    if nominal <= _MOST_FRAMES:  # a frame's number in a timecode goes to 119
        timing["timecode"] = {
            "hours": label.hours,
            "minutes": label.minutes,
            "seconds": label.seconds,
            "frames": label.frames,
            "frameRate": _rational(tick.rate),
            "dropFrame": label.drop,
        }
    return timing


_MOST_FRAMES = 120


def _lens(lens: Lens) -> dict[str, Any]:
    """What is not known is left out: a focus at 0 or beyond any number, a stop of 0."""
    known = {"focusDistance": lens.focus_distance_m, "tStop": lens.t_stop}
    return {
        "pinholeFocalLength": lens.pinhole_focal_length_mm,
        "entrancePupilOffset": lens.entrance_pupil_offset_m,
        "projectionOffset": {"x": lens.projection_offset_mm[0], "y": lens.projection_offset_mm[1]},
        **{name: value for name, value in known.items() if 0.0 < value < float("inf")},
    }


def _rational(rate: Fraction) -> dict[str, int]:
    return {"num": rate.numerator, "denom": rate.denominator}
