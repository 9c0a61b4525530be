"""Tracking by OSC as other programs send it: addresses, arguments, axes, units and commit rule are data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator
from scipy.spatial.transform import Rotation

from vpengine.osc import Argument, Message, OscError, decode
from vpengine.peers import machine_of
from vpengine.stage.settings import Id, NetworkAddress, Port, refusal, shown
from vpengine.stage.settings import Settings as Section
from vpengine.tracking.heard import Heard
from vpengine.tracking.osc import FARTHEST_M, bad_quaternion, too_far
from vpengine.tracking.osc_parts import MOST_WAITING, Assembly, Commit, Part, Rule, Values, Whole
from vpengine.tracking.osc_programs import (
    CAMERA,
    EULER,
    METRES,
    NUMBERS,
    POSITION,
    PRESETS,
    QUATERNION,
    AngleUnit,
    EulerOrder,
    FrameName,
    LengthUnit,
    Meaning,
    Preset,
    PresetName,
    Row,
)
from vpengine.tracking.ownership import Ownership, rival
from vpengine.tracking.placement import Mount, Origin, Placement
from vpengine.tracking.protocol import PoseUpdate, Rejected, Update
from vpengine.tracking.words import not_mapped, not_osc, shortened, toml_key
from vpengine.view.pose import FRAMES, Pose, from_frame

LONGEST_NAME = 64


def _template(address: str) -> str:
    if not address.startswith("/") or address.count(CAMERA) > 1 or set(address.replace(CAMERA, "")) & set("*?[]{}# "):
        raise refusal(f"found {shown(address)}, allowed an OSC address such as /tracker/{CAMERA}/position")
    return address


class MessageRow(Section):
    """One kind of message that the program sends."""

    address: Annotated[str, Field(max_length=255), AfterValidator(_template)] = Field(
        description="The OSC address; {camera} stands where the sender puts the camera's id or name."
    )
    arguments: Annotated[tuple[Meaning, ...], Field(min_length=1, max_length=32)] = Field(
        description="What each argument is: x y z; qx qy qz qw of a quaternion, or rx ry rz, the turns about those "
        "axes, each with - before it where its sign is the other way; camera, the id as text or whole number; tracked, "
        "false while the tracker is lost; skip for what is not needed."
    )


class OscAppTracking:
    """One UDP port for any number of cameras of one kind of sender."""

    class Settings(Section):
        """Other programs' OSC: a preset, or the file's own table of messages under [[tracking.message]].

        Keys that are given replace the preset's. A sender of rotations only stands where `stage_from_tracker` says.
        """

        preset: PresetName = Field(
            default="vpengine", description="Whose messages are meant; vpengine is /vp/camera/{camera}/pose."
        )
        port: Port | None = Field(
            default=None,
            description="The UDP port to receive on; 0 is off. By default 9000, or the preset's: vivetracker 8000, "
            "vmc-camera and vmc-tracker 39539.",
        )
        address: NetworkAddress = Field(
            default="127.0.0.1", description="The network address to receive on; 0.0.0.0 is every network."
        )
        message: Annotated[tuple[MessageRow, ...], Field(max_length=16)] = Field(
            default=(),
            description="The messages that make a pose, such as "
            '{address = "/cam/{camera}/turn", arguments = ["qw", "qx", "qy", "qz"]}: x y z; qx qy qz qw or rx ry rz, '
            "with - for the other sign; camera, tracked, skip.",
        )
        frame: FrameName | None = Field(
            default=None,
            description="The sender's axes: the stage's; OpenGL's, which OpenVR and ARKit have; Unity's, Unreal's, "
            "Blender's.",
        )
        length_unit: LengthUnit | None = Field(default=None, description="The unit of x, y and z; else the preset's.")
        angle_unit: AngleUnit | None = Field(default=None, description="The unit of rx, ry and rz; else the preset's.")
        euler_order: EulerOrder | None = Field(
            default=None,
            description="The order of rx, ry and rz, each about its axis as turned by those before it (intrinsic).",
        )
        commit: Commit | None = Field(
            default=None,
            description="When a pose of several messages is whole: when all have come, on the last of the table, or "
            "with the bundle they came in.",
        )
        keep: bool | None = Field(
            default=None,
            description="Whether values stay until they are sent again, for programs that send only what changes; "
            "with commit last or bundle.",
        )
        merge_ms: Annotated[float, Field(gt=0.0, le=1000.0)] = Field(
            default=10.0, description="How long, in ms, a pose's first message waits for its others."
        )
        ignore: tuple[str, ...] | None = Field(
            default=None,
            description="How addresses begin that are passed over without counting them as refused; {camera} is any "
            "name.",
        )
        cameras: dict[str, Id] = Field(
            default={},
            description='Ids of the stage\'s cameras by the sender\'s names, such as {"LHR-12345678" = "A"}; other '
            "names are refused. Without any, the sender's name is the id; where the stage has none of it, "
            "`camera` moves.",
        )
        only_camera: Id | None = Field(
            default=None,
            description="The id of the stage's camera, where the messages name none; by default `camera`.",
        )
        stage_from_tracker: Origin = Field(default=Origin(), description="Where the tracker's origin is on the stage.")
        tracker_from_sensor: Mount = Field(default=Mount(), description="Where the sensor sits on the tracker.")

        @model_validator(mode="after")
        def _makes_a_pose(self) -> Self:
            plan = plan_of(self)
            problem = _problem(plan.rows)
            if problem:
                raise refusal(problem, "message")
            if plan.keep and plan.commit == "all":
                raise refusal('it is for commit = "last" or "bundle": what does not change is not sent', "keep")
            return self

    title = "OSC"
    multicast_groups: tuple[str, ...] = ()

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._plan = plan_of(settings)
        self._clock = clock
        self._parts = Assembly(_rule(self._plan, settings.merge_ms / 1000.0))
        self._owners: Heard[tuple[str, str | None, int], Ownership] = Heard(Ownership, 2 * MOST_WAITING)
        self._placement = Placement(settings.stage_from_tracker, settings.tracker_from_sensor)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        return (self.settings.address, self._plan.port) if self._plan.port else None

    def cure(self, name: str, camera: str) -> str:
        return f'write cameras = {{{toml_key(name)} = "{camera}"}} under its [[tracking]]'

    def decode(self, packet: bytes, peer: str) -> Iterator[Update]:
        """A bundle's good messages are taken even where others in it are refused."""
        try:
            messages = decode(packet)
        except OscError as error:
            yield not_osc(packet, error)
            return
        now_s = self._clock()
        for message in messages:
            for found in self._hear(message, peer, now_s):
                yield self._update(found)
        for found in self._parts.end_of_packet():
            yield self._update(found)

    def _hear(self, message: Message, peer: str, now_s: float) -> Iterator[Whole | Rejected]:
        """Parts are put together by machine, as some programs send each packet from a new port."""
        heard = read(self._plan, message)
        if heard is None:
            return
        camera = heard if isinstance(heard, Rejected) else self._camera(heard.name)
        if isinstance(heard, Rejected):
            yield heard
        elif isinstance(camera, Rejected):
            yield camera
        else:
            yield from heard.left_out
            key = (machine_of(peer), camera)
            owner = self._owners.of((*key, heard.row))
            before = owner.owner
            if owner.takes(peer, now_s):
                yield from self._parts.add(key, heard, now_s)
            else:  # two programs of one machine would make poses half of the one and half of the other
                yield rival(camera or "", "messages", peer, before)

    def _camera(self, name: str | None) -> str | Rejected | None:
        if name is None:
            return self.settings.only_camera
        if not self.settings.cameras:
            return name
        return self.settings.cameras.get(name) or not_mapped("camera", name, self.settings.cameras)

    def _update(self, found: Whole | Rejected) -> Update:
        if isinstance(found, Rejected):
            return found
        pose, mapped = pose_of(self._plan, found.values), bool(self.settings.cameras or self.settings.only_camera)
        if isinstance(pose, Rejected):
            return pose
        return PoseUpdate(found.camera, self._placement.place(pose), mapped=mapped and found.camera is not None)


def plan_of(settings: OscAppTracking.Settings) -> Preset:
    """The preset, with what the stage file says instead."""
    keys = ("port", "frame", "length_unit", "angle_unit", "euler_order", "commit", "keep", "ignore")
    given = {key: getattr(settings, key) for key in keys if getattr(settings, key) is not None}
    if settings.message:
        given["rows"] = tuple(Row(row.address, row.arguments) for row in settings.message)
    return replace(PRESETS[settings.preset], **given)


def _rule(plan: Preset, merge_s: float) -> Rule:
    return Rule(len(plan.rows), frozenset(_numbers_of(plan.rows)), plan.commit, plan.keep, merge_s)


def _numbers_of(rows: tuple[Row, ...]) -> list[str]:
    return [name for row in rows for name in map(_bare, row.arguments) if name in NUMBERS]


def _problem(rows: tuple[Row, ...]) -> str | None:
    """Why ``rows`` do not make one pose; None when they do."""
    addresses = [row.address for row in rows]
    if len(set(addresses)) < len(addresses):
        return "an address stands in it twice, allowed each of them once"
    names = [(CAMERA in row.address) + row.arguments.count("camera") for row in rows]
    if set(names) not in ({0}, {1}):
        return "allowed are messages that all name the camera once, in the address or an argument, or that none does"
    taken = _numbers_of(rows)
    if len(set(taken)) < len(taken):
        return f"found {' '.join(taken)}, allowed each of them once"
    if not _is_pose(set(taken)):
        return f"found {' '.join(taken) or 'no numbers'}, expected qx qy qz qw or rx ry rz, and x y z or none of them"
    return None


def _is_pose(taken: set[str]) -> bool:
    position, turns = taken & set(POSITION), taken & {*QUATERNION, *EULER}
    return len(position) in (0, 3) and turns in (set(QUATERNION), set(EULER))


def _bare(meaning: str) -> str:
    return meaning.lstrip("-")


# --- one message ----------------------------------------------------------------------------------------------------


def read(plan: Preset, message: Message) -> Part | Rejected | None:
    """None for a message that is to be passed over."""
    for index, row in enumerate(plan.rows):
        name = _name_in(row.address, message.address)
        if name is not None:
            return _heard(index, row, name, message.arguments)
    return None if any(_begins(start, message.address) for start in plan.ignore) else _unknown(plan, message.address)


def _begins(start: str, address: str) -> bool:
    before, marker, after = start.partition(CAMERA)
    if not marker:
        return address.startswith(start)
    name, slash, rest = address.removeprefix(before).partition("/")
    return address.startswith(before) and bool(name) and (slash + rest).startswith(after)


def _unknown(plan: Preset, address: str) -> Rejected:
    expected = " or ".join(row.address for row in plan.rows)
    cure = "for other messages choose another preset, or write [[tracking.message]]"
    return Rejected(
        "unknown-address", f"the address {shortened(address)} is not known: expected {expected}; {cure}", address
    )


def _name_in(template: str, address: str) -> str | None:
    """The camera's name at its place in the address, "" where the template has none; None if they do not match."""
    before, marker, after = template.partition(CAMERA)
    if not marker:
        return "" if address == template else None
    name = address[len(before) : len(address) - len(after)]
    fits = address.startswith(before) and address.endswith(after) and len(before) + len(after) < len(address)
    return name if fits and "/" not in name else None


def _heard(index: int, row: Row, name: str, arguments: tuple[Argument, ...]) -> Part | Rejected:
    """What is not needed may be missing at the end, or be more than was expected."""
    expected = f"expected {row.address} with {' '.join(row.arguments)}"
    needed = max((n for n, meaning in enumerate(row.arguments, start=1) if meaning != "skip"), default=0)
    if len(arguments) < needed:
        return Rejected("bad-arguments", f"{len(arguments)} arguments came, {expected}", row.address)
    values: dict[str, float] = {}
    left_out = []
    for meaning, argument in zip(row.arguments, arguments, strict=False):
        if meaning == "camera":
            if isinstance(argument, bool) or not isinstance(argument, str | int):
                return Rejected("bad-types", f"a camera's name is {_shown(argument)}, {expected}", row.address)
            name = str(argument)
        elif meaning != "skip":
            value = _value(meaning, argument, expected)
            if isinstance(value, Rejected) and meaning == "tracked":  # not knowing whether it is tracked, it is taken
                left_out.append(value)
                value = 1.0
            if isinstance(value, Rejected):
                return value
            values[_bare(meaning)] = value
    if len(arguments) > len(row.arguments):
        sentence = f"{len(arguments)} arguments came, of which only the first were taken: {expected}"
        left_out.append(Rejected("extra-arguments", sentence, row.address))
    return _named(index, row, name, values, tuple(left_out))


def _named(index: int, row: Row, name: str, values: Values, left_out: tuple[Rejected, ...]) -> Part | Rejected:
    if CAMERA not in row.address and "camera" not in row.arguments:
        return Part(index, None, values, left_out)
    if not 0 < len(name) <= LONGEST_NAME:
        sentence = f"a camera's name of {len(name)} characters came in {row.address}, expected 1 to {LONGEST_NAME}"
        return Rejected("bad-camera-name", sentence)
    return Part(index, name, values, left_out)


def _value(meaning: str, argument: Argument, expected: str) -> float | Rejected:
    """A finite number with its sign put right. Whole numbers are taken too; true and false only for ``tracked``."""
    if not isinstance(argument, int | float) or (isinstance(argument, bool) and meaning != "tracked"):
        return Rejected("bad-types", f"{meaning} is {_shown(argument)}, which is no number, {expected}")
    if not math.isfinite(argument):
        return Rejected("not-finite", f"{meaning} is {argument}, {expected} and finite numbers")
    return -float(argument) if meaning.startswith("-") else float(argument)


def _shown(argument: Argument) -> str:
    return shortened(repr(argument)[:100])


# --- numbers to poses -----------------------------------------------------------------------------------------------


def pose_of(plan: Preset, values: Values) -> Pose | Rejected:
    """The pose in stage space. Without x, y and z it is at the origin."""
    if not values.get("tracked", 1.0):
        return Rejected("not-tracked", "its tracker says that it is lost; its poses are not taken until it is found")
    position_m = np.array([values.get(name, 0.0) for name in POSITION]) * METRES[plan.length_unit]
    if max(map(abs, position_m)) > FARTHEST_M:
        return too_far(tuple(position_m.tolist()))
    rotation = _rotation(plan, values)
    return rotation if isinstance(rotation, Rejected) else from_frame(FRAMES[plan.frame], position_m, rotation)


def _rotation(plan: Preset, values: Values) -> Rotation | Rejected:
    if "qw" in values:
        quaternion = [values[name] for name in QUATERNION]
        length = math.hypot(*quaternion)
        return Rotation.from_quat(quaternion) if 0.5 <= length * length <= 2.0 else bad_quaternion(length)
    turns = [values["r" + axis] for axis in plan.euler_order.lower()]
    if max(map(abs, turns)) > 1e6:  # a sine of more has no digits left
        return Rejected("bad-angle", f"an angle of {max(turns, key=abs):g} came, expected {plan.angle_unit}")
    return Rotation.from_euler(plan.euler_order, turns, degrees=plan.angle_unit == "deg")
