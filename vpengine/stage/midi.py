"""[[midi]] of a show file: which knob, fader or pad of a MIDI controller is which button or control."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from vpengine.control.buttons import BUTTONS, Button
from vpengine.control.controls import Control
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import did_you_mean
from vpengine.stage.control_names import PREFIX
from vpengine.stage.settings import Settings, refusal, shown
from vpengine.stage.toml_file import TomlFile

MOST = 512  # sections of a show
FINE_FROM = 32  # the control change of the low seven bits, beyond that of the high ones
SCENE = "/vp/scene/"

Seven = Annotated[int, Field(ge=0, le=127)]
Kind = Literal["note", "control_change"]
Target = Button | Control | SceneTrigger
_BUTTONS = {button.address: button for button in BUTTONS}


class MidiSettings(Settings):
    """One key, pad, knob or fader of a MIDI controller, and the button or control that it is. A control change sweeps a
    control's range; a note switches a control on or off. Both press a button: a control change when it rises to 64.
    """

    device: str = Field(min_length=1, max_length=100, description="Part of the name of the controller's MIDI port.")
    message: Kind = Field(description="What it sends: a note, or a control change.")
    channel: int = Field(default=1, ge=1, le=16, description="Its MIDI channel, counted from 1.")
    number: Seven = Field(description="The number of its note or control change.")
    bits: Literal[7, 14] = Field(
        default=7,
        description="14 for a control change in two: `number`, 0 to 31, has the high seven bits, and the one 32 "
        "further the low seven.",
    )
    to: str = Field(
        description='The OSC address of a button or scene, such as "/vp/cue/go", or a control\'s name, as "look.snow".'
    )
    argument: str = Field(
        default="",
        max_length=64,
        description='What the button sends, where it needs a number or a text: "12.5" for "/vp/cue/goto".',
    )

    @model_validator(mode="after")
    def _fine(self) -> Self:
        if self.bits == 14 and self.message == "note":
            raise refusal("found 14, a note has 7", "bits")
        if self.bits == 14 and self.number >= FINE_FROM:
            raise refusal(f"found {self.number}, allowed 0 to {FINE_FROM - 1} with bits = 14", "number")
        return self


@dataclass(frozen=True)
class MidiMapping:
    """A valid [[midi]] section. channel: 0 to 15, as on the wire. argument: what a button sends."""

    device: str
    message: Kind
    channel: int
    number: int
    target: Target
    bits: Literal[7, 14] = 7
    argument: str = ""

    def is_on(self, port: str) -> bool:
        """Whether a port of this name is the controller's."""
        return self.device.casefold() in port.casefold()


def read_midi(file: TomlFile, declared: Mapping[str, Control], scenes: Iterable[str]) -> tuple[MidiMapping, ...]:
    """Every section that is right; what is wrong is noted in ``file``. scenes: slugs."""
    targets, sections = _targets(declared, scenes), file.many("midi")
    if len(sections) > MOST:
        file.refuse("midi", f"found {len(sections)} sections, allowed up to {MOST}")
        return ()
    parsed = [(key, file.parse(table, MidiSettings, key)) for key, table in sections]
    return tuple(_mappings(file, parsed, targets))


def _mappings(
    file: TomlFile, parsed: Iterable[tuple[str, MidiSettings | None]], targets: Mapping[str, Target]
) -> Iterator[MidiMapping]:
    for key, each in parsed:
        if each is None:
            continue
        target = targets.get(each.to)
        fault = _fault(each, target) if target else ("to", _no_such(each.to, targets))
        if fault:
            file.refuse(f"{key}.{fault[0]}", fault[1])
        elif target:
            channel = each.channel - 1
            yield MidiMapping(each.device, each.message, channel, each.number, target, each.bits, each.argument)


def _targets(declared: Mapping[str, Control], scenes: Iterable[str]) -> dict[str, Target]:
    """By what a file may write: addresses, and for controls also names."""
    controls: dict[str, Target] = {}
    for address, control in declared.items():
        controls[address] = controls[address.removeprefix(PREFIX).replace("/", ".")] = control
    slugs: dict[str, Target] = {SCENE + slug: SceneTrigger("goto", slug) for slug in scenes}
    steps: dict[str, Target] = {SCENE + "next": SceneTrigger("next"), SCENE + "previous": SceneTrigger("previous")}
    return {**_BUTTONS, **slugs, **steps, **controls}


def _no_such(name: str, targets: Mapping[str, Target]) -> str:
    """With near names alone: all that there are would be a page."""
    hint = did_you_mean(name, targets)
    hint = hint if hint.startswith(";") else "; `vpengine controls` lists all"
    return f"found {shown(name)}, no such button, scene or control{hint}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _fault(section: MidiSettings, target: Target) -> tuple[str, str] | None:
    """The key at fault, and why."""
    if isinstance(target, Button) and target.argument != "press":
        if not section.argument:
            return "argument", f"missing, {target.address} needs a {target.argument}: write it in quotes"
        if target.argument == "number" and not _is_number(section.argument):
            return "argument", f'found {shown(section.argument)}, {target.address} needs a number, such as "12.5"'
        return None
    if section.argument:
        return "argument", f"found {shown(section.argument)}, {section.to} takes none"
    if not isinstance(target, Control):
        return None
    if target.kind == "text":
        return "to", f"found {shown(section.to)}, a text: no knob can write it"
    if section.message == "note" and target.kind != "bool":
        return "message", f"found 'note', {section.to} is a fader: it needs 'control_change'"
    return None
