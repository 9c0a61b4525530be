"""Lens files: what a calibration found at some positions of zoom and focus, and what that means at any other.

    version = 1
    [lens]
    name = "24-70 mm no. 3"
    sensor_mm = [36.0, 20.25]            # of the pictures that it was calibrated with
    [[entry]]
    focal_length_mm = 35.0               # as the lens ring, or the tracker, has it
    focus_distance_m = 2.5               # inf by default
    pinhole_focal_length_mm = 35.6       # as it is
    projection_offset_mm = [0.02, -0.1]
    entrance_pupil_offset_m = 0.09
    [entry.distortion]                   # as [camera.distortion] of a stage file
    model = "Brown-Conrady U-D"
    radial = [-1.2e-4, 0.0, 3.1e-8, 0.0, 0.0, 0.0]

Between entries all is interpolated linearly, over focal length and over 1 / focus distance, in which a lens's rings are
nearly even; beyond them the nearest counts. Coefficients are interpolated as of r over the focal length, for of r in mm
they fall with its square.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from vpengine.errors import ProblemsError
from vpengine.stage.lens_settings import CoefficientSettings, Shift
from vpengine.stage.settings import Settings, existing_file, refusal
from vpengine.stage.toml_file import TomlFile
from vpengine.stage.whole_file import write_whole
from vpengine.view.distortion import Distortion, fault, padded
from vpengine.view.lens import Lens

SAME_WIDTH, SAME_HEIGHT = 0.005, 0.02  # by how much of them a stage's sensor may differ from the file's
_POWERS = np.array([2, 2, 4, 4, 6, 6, 1, 1])  # of the focal length, in k1 to k6, p1 and p2
Millimetres = Annotated[float, Field(gt=0.0, le=2000.0)]


@dataclass(frozen=True)
class LensEntry:
    """What the lens is at one position of zoom and focus; focus_distance_m may be infinite."""

    focal_length_mm: float
    focus_distance_m: float
    pinhole_focal_length_mm: float
    projection_offset_mm: tuple[float, float] = (0.0, 0.0)
    entrance_pupil_offset_m: float = 0.0
    distortion: Distortion = field(default_factory=Distortion)

    @property
    def numbers(self) -> NDArray[np.floating]:
        """All that is interpolated, (14,); coefficients as of r over the focal length."""
        scaled = (
            np.array([*self.distortion.radial, *self.distortion.tangential]) * self.pinhole_focal_length_mm**_POWERS
        )
        straight = (*self.projection_offset_mm, self.entrance_pupil_offset_m, *self.distortion.offset_mm)
        return np.array([self.pinhole_focal_length_mm, *straight, *scaled])

    def of(self, numbers: NDArray[np.floating]) -> LensEntry:
        """An entry with other ``numbers``."""
        pinhole, right, down, pupil, offset_right, offset_down, *scaled = map(float, numbers)
        *radial, p1, p2 = map(float, np.array(scaled) / pinhole**_POWERS)
        distortion = replace(
            self.distortion, radial=padded(tuple(radial)), tangential=(p1, p2), offset_mm=(offset_right, offset_down)
        )
        return replace(
            self,
            pinhole_focal_length_mm=pinhole,
            projection_offset_mm=(right, down),
            entrance_pupil_offset_m=pupil,
            distortion=distortion,
        )


@dataclass(frozen=True)
class LensFile:
    """A lens's entries; at least one."""

    name: str
    sensor_mm: tuple[float, float]
    entries: tuple[LensEntry, ...]
    path: Path = Path()

    def at(self, focal_length_mm: float, focus_distance_m: float) -> LensEntry:
        """The lens where its rings stand so; a focus distance of 0 is not known, and taken for infinity."""
        by_focal: dict[float, list[LensEntry]] = {}
        for entry in self.entries:
            by_focal.setdefault(entry.focal_length_mm, []).append(entry)
        shares = [
            (across * along, entry)
            for focal, across in _shares(sorted(by_focal), focal_length_mm)
            for entry, along in _by_focus(by_focal[focal], focus_distance_m)
            if across * along > 0.0
        ]
        first = shares[0][1]
        if len(shares) > 1:
            first = first.of(np.sum([share * entry.numbers for share, entry in shares], axis=0))
        return replace(first, focal_length_mm=focal_length_mm, focus_distance_m=focus_distance_m)

    def applied(self, lens: Lens) -> Lens:
        """``lens``, whose focal length and focus are as its rings have them, as it truly is.

        Its sensor's height too, unless that is cropped: with it pixels are as high as they were found to be.
        """
        entry = self.at(lens.pinhole_focal_length_mm, lens.focus_distance_m)
        whole = abs(lens.sensor_mm[1] - self.sensor_mm[1]) <= SAME_HEIGHT * self.sensor_mm[1]
        return replace(
            lens,
            sensor_mm=self.sensor_mm if whole else lens.sensor_mm,
            pinhole_focal_length_mm=entry.pinhole_focal_length_mm,
            projection_offset_mm=entry.projection_offset_mm,
            entrance_pupil_offset_m=entry.entrance_pupil_offset_m,
            distortion=entry.distortion,
        )

    def with_entry(self, entry: LensEntry) -> LensFile:
        """With another entry, which replaces one at the same position."""
        key = (entry.focal_length_mm, entry.focus_distance_m)
        others = [each for each in self.entries if (each.focal_length_mm, each.focus_distance_m) != key]
        return replace(self, entries=(*others, entry))


def _shares(known: list[float], value: float) -> list[tuple[float, float]]:
    """Of the two of ``known`` (sorted) around ``value`` how much each counts; beyond them the nearest alone."""
    index = bisect_left(known, value)
    if index == len(known) or index == 0 or known[index] == value:
        return [(known[min(index, len(known) - 1)], 1.0)]
    before, after = known[index - 1], known[index]
    share = (value - before) / (after - before)
    return [(before, 1.0 - share), (after, share)]


def _by_focus(entries: Iterable[LensEntry], focus_distance_m: float) -> list[tuple[LensEntry, float]]:
    known = {_inverse(entry.focus_distance_m): entry for entry in entries}
    return [(known[key], share) for key, share in _shares(sorted(known), _inverse(focus_distance_m))]


def _inverse(distance_m: float) -> float:
    return 1.0 / distance_m if distance_m > 0.0 else 0.0


class LensSection(Settings):
    """[lens] of a lens file."""

    name: str = Field(default="", max_length=100, description="What the crew calls the lens.")
    sensor_mm: tuple[Millimetres, Millimetres] = Field(
        description="Width and height of the sensor's part in the pictures of the calibration, in millimetres."
    )


class EntrySection(Settings):
    """[[entry]] of a lens file."""

    focal_length_mm: Millimetres = Field(description="As the lens's ring or the tracker has it, in millimetres.")
    focus_distance_m: Annotated[float, Field(gt=0.0, allow_inf_nan=True)] = Field(
        default=math.inf, description="As the lens's ring or the tracker has it, in metres; inf by default."
    )
    pinhole_focal_length_mm: Millimetres = Field(description="As it was found, in millimetres.")
    projection_offset_mm: tuple[Shift, Shift] = (0.0, 0.0)
    entrance_pupil_offset_m: float = Field(default=0.0, ge=-2.0, le=2.0)
    distortion: CoefficientSettings = CoefficientSettings()

    def entry(self) -> LensEntry:
        return LensEntry(
            self.focal_length_mm,
            self.focus_distance_m,
            self.pinhole_focal_length_mm,
            self.projection_offset_mm,
            self.entrance_pupil_offset_m,
            self.distortion.coefficients(),
        )


def read_lens_file(path: Path) -> LensFile:
    """Raises ProblemsError with everything that is wrong."""
    file = TomlFile(path, ("lens", "entry"))
    head = file.one("lens", LensSection, required=True) if file.readable else None
    found = [(key, file.parse(table, EntrySection, key)) for key, table in file.many("entry", required=file.readable)]
    sections = [(key, section) for key, section in found if section]
    if head:
        for key, section in sections:
            _check(file, key, section.entry(), head.sensor_mm)
    if len({section.distortion.model for _, section in sections}) > 1:
        file.refuse("entry", "found distortion of both models, D-U and U-D, which cannot be interpolated; use one")
    positions: dict[tuple[float, float], str] = {}
    for key, section in sections:
        before = positions.setdefault((section.focal_length_mm, section.focus_distance_m), key)
        if before != key:
            file.refuse(key, f"is at the focal length and focus of {before}; leave one of the two out")
    if file.problems or not head:
        raise ProblemsError(file.problems)
    return LensFile(head.name, head.sensor_mm, tuple(section.entry() for _, section in sections), path)


def _check(file: TomlFile, key: str, entry: LensEntry, sensor_mm: tuple[float, float]) -> None:
    if math.isnan(entry.focus_distance_m):
        file.refuse(f"{key}.focus_distance_m", "found nan, expected metres, or inf")
    lens = Lens(sensor_mm, entry.pinhole_focal_length_mm, entry.projection_offset_mm)
    why = fault(entry.distortion, lens)
    if why:
        file.refuse(f"{key}.distortion", why)


def write_lens_file(path: Path, lens: LensFile) -> None:
    """Raises OSError."""
    head = {"name": lens.name, "sensor_mm": lens.sensor_mm}
    lines = [
        "# Written by vpengine; read by lens = in a [[camera]] of a stage file. docs/lens.md",
        "version = 1",
    ]
    lines += ["", "[lens]", *_lines(head)]
    for entry in sorted(lens.entries, key=lambda each: (each.focal_length_mm, each.focus_distance_m)):
        values = {name: value for name, value in vars(entry).items() if name != "distortion"}
        lines += ["", "[[entry]]", *_lines(values), "", "[entry.distortion]", *_lines(vars(entry.distortion))]
    write_whole(path, ("\n".join(lines) + "\n").encode())


def _lines(values: dict[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items()]


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(float(value))


def refuse_sensor(lens: LensFile, sensor_mm: tuple[float, float]) -> None:
    """Raises what a validator may where a camera's sensor is not the file's; a lower part of it is."""
    (width, height), (own_width, own_height) = sensor_mm, lens.sensor_mm
    if abs(width - own_width) > SAME_WIDTH * own_width or height > (1.0 + SAME_HEIGHT) * own_height:
        raise refusal(
            f"{lens.path} was calibrated with a sensor of {own_width:g} x {own_height:g} mm, and sensor_mm is "
            f"[{width:g}, {height:g}]; write the one that is true in both (vpengine calibrate lens --sensor-width)",
            "lens",
        )


def _named(value: Any, info: ValidationInfo) -> LensFile:
    if isinstance(value, LensFile):
        return value
    path = existing_file(value, info)
    try:
        return read_lens_file(path)
    except ProblemsError as error:
        first, more = error.problems[0], len(error.problems) - 1
        raise refusal(f"{first}{f'; and {more} more' if more else ''}") from None


NamedLensFile = Annotated[LensFile, PlainValidator(_named), WithJsonSchema({"type": "string"})]
