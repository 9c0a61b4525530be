"""What operators add to a show while it runs: its cue list and its approved looks, each a TOML file beside the show's.

SHOW.cues.toml and SHOW.looks.toml may be written by hand too; what the engine writes has no comments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from vpengine.control.approvals import Approval, Approvals
from vpengine.control.controls import Control, Value
from vpengine.control.cues import Cue, CueList, cue_number
from vpengine.control.transitions import EASINGS, TRANSITIONS, Transition
from vpengine.errors import Problem, UserError
from vpengine.stage.control_names import PREFIX, by_address, control_values, flat
from vpengine.stage.sections import Table
from vpengine.stage.settings import Settings, refusal, shown
from vpengine.stage.toml_file import VERSION, TomlFile
from vpengine.stage.whole_file import write_whole

LONGEST_S = 3600.0
MOST_BYTES = 32_000_000  # as many cues as there may be, each with every control


def cues_file(show: Path) -> Path:
    return show.with_name(f"{show.stem}.cues.toml")


def looks_file(show: Path) -> Path:
    return show.with_name(f"{show.stem}.looks.toml")


def _number(value: str) -> str:
    try:
        return cue_number(value)
    except UserError as error:
        raise refusal(str(error)) from None


def _one_of(names: Iterable[str]) -> AfterValidator:
    allowed = list(names)

    def known(value: str) -> str:
        if value not in allowed:
            raise refusal(f"found {shown(value)}, allowed are {', '.join(allowed)}")
        return value

    return AfterValidator(known)


Seconds = Annotated[float, Field(ge=0.0, le=LONGEST_S)]


class CueSettings(Settings):
    """One cue. The controls it sets are in [cue.controls]; times of single ones in [cue.fades]."""

    number: Annotated[str, AfterValidator(_number)] = Field(description='Its number, such as "1" or "1.5".')
    name: str = Field(default="", max_length=100, description="What the crew calls it.")
    scene: str | None = Field(default=None, description="The slug of the scene it shows; left out, the scene stays.")
    transition: Annotated[str, _one_of(TRANSITIONS)] | None = Field(
        default=None, description="cut, dissolve or dip; left out, as the scene has it."
    )
    time_s: Seconds = Field(default=0.0, description="How long the transition takes.")
    color: tuple[float, float, float] = Field(default=(0.0, 0.0, 0.0), description="Of a dip: linear ACEScg.")
    fade_s: Seconds | None = Field(default=None, description="How long controls take; left out, as the transition.")
    easing: Annotated[str, _one_of(EASINGS)] = Field(default="smooth", description="Of fades: smooth, linear, in, out.")
    wait_s: Seconds = Field(default=0.0, description="After GO, before it begins.")
    follow_s: Seconds | None = Field(default=None, description="After it has begun: the next cue goes by itself.")
    notes: str = Field(default="", max_length=1000, description="For the operator.")


class LookSettings(Settings):
    """A look that a person let through, or put up for it. Ranges are in [look.ranges], texts in [look.texts]."""

    name: str = Field(min_length=1, max_length=100, description="What the crew calls it.")
    generator: str = Field(min_length=1, description="What makes it.")
    model_sha256: str = Field(default="", description="Of the model; left out, any.")
    seed: int | None = Field(default=None, ge=0, le=65535, description="Left out, any.")
    status: Literal["candidate", "approved", "temporary"] = Field(description="approved looks may be on the program.")
    by: str = Field(default="", max_length=100, description="Who decided.")
    at: str = Field(default="", max_length=40, description="When.")


def read_cues(
    path: Path, declared: Iterable[Control], scenes: Iterable[str], *, allow_outside: bool = False
) -> tuple[CueList, list[Problem]]:
    """The cue list in ``path``, empty where there is no such file; and everything that is wrong with it."""
    if not path.is_file():
        return CueList(), []
    file = TomlFile(path, ("cue",), allow_outside=allow_outside, most_bytes=MOST_BYTES)
    controls, slugs = by_address(declared), list(scenes)
    found = [(key, _cue(file, key, table, controls)) for key, table in file.many("cue")] if file.readable else []
    cues = [(key, cue) for key, cue in found if cue is not None]
    file.unique("number", [(key, cue.number) for key, cue in cues])
    for key, cue in cues:
        if cue.scene is not None:
            file.refers(f"{key}.scene", cue.scene, "scene", slugs)
    return CueList.of(cue for _, cue in cues), file.problems


def _cue(file: TomlFile, key: str, table: Table, declared: dict[str, Control]) -> Cue | None:
    own = {name: value for name, value in table.items() if name not in ("controls", "fades")}
    settings = file.parse(own, CueSettings, key, ("controls", "fades"))
    values = control_values(file, table.get("controls", {}), f"{key}.controls", declared)
    fades = _fades(file, table.get("fades", {}), f"{key}.fades", declared)
    if settings is None:
        return None
    kind = settings.transition
    transition = None if kind is None else Transition(kind, 0.0 if kind == "cut" else settings.time_s, settings.color)
    own_keys = ("number", "name", "scene", "fade_s", "easing", "wait_s", "follow_s", "notes")
    return Cue(
        controls=values, transition=transition, fades=fades, **{name: getattr(settings, name) for name in own_keys}
    )


def _fades(file: TomlFile, table: Any, key: str, declared: Mapping[str, Control]) -> tuple[tuple[str, float], ...]:
    """Seconds by control, named as in ``controls``."""
    if not isinstance(table, Mapping):
        file.refuse(key, f"found {shown(table)}, expected a table of seconds, such as look.snow = 2.0")
        return ()
    fades = []
    for name, value in flat(table):
        address = PREFIX + name.replace(".", "/")
        if address not in declared:
            file.refuse(f"{key}.{name}", "no such control")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= LONGEST_S:
            file.refuse(f"{key}.{name}", f"found {shown(value)}, expected seconds, 0 to {LONGEST_S:g}")
        else:
            fades.append((address, float(value)))
    return tuple(fades)


def read_looks(path: Path, *, allow_outside: bool = False) -> tuple[Approvals, list[Problem]]:
    """The looks in ``path``, none where there is no such file; and everything that is wrong with it."""
    if not path.is_file():
        return Approvals(), []
    file = TomlFile(path, ("look",), allow_outside=allow_outside, most_bytes=MOST_BYTES)
    found = [(key, _look(file, key, table)) for key, table in file.many("look")] if file.readable else []
    looks = [(key, look) for key, look in found if look is not None]
    file.unique("name", [(key, look.name) for key, look in looks])
    return Approvals(tuple(look for _, look in looks)).lasting(), file.problems


def _look(file: TomlFile, key: str, table: Table) -> Approval | None:
    own = {name: value for name, value in table.items() if name not in ("ranges", "texts")}
    settings = file.parse(own, LookSettings, key, ("ranges", "texts"))
    ranges, texts = table.get("ranges", {}), table.get("texts", {})
    if not isinstance(ranges, Mapping) or not all(map(_is_range, ranges.values())):
        file.refuse(f"{key}.ranges", "expected a table of two numbers each, such as snow = [0.0, 0.8]")
    if not isinstance(texts, Mapping) or not all(isinstance(text, str) for text in texts.values()):
        file.refuse(f"{key}.texts", 'expected a table of texts, such as prompt = "a harbour"')
    if settings is None or file.problems:
        return None
    return Approval(
        settings.name,
        settings.generator,
        tuple(texts.items()),
        tuple((name, (float(low), float(high))) for name, (low, high) in ranges.items()),
        settings.seed,
        settings.model_sha256,
        settings.status,
        settings.by,
        settings.at,
    )


def _is_range(value: Any) -> bool:
    numbers = (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
    )
    return numbers and value[0] <= value[1]


def write_cues(path: Path, cues: CueList) -> None:
    """Whole, or not at all. Raises OSError."""
    write_whole(path, _toml("cue", map(_cue_table, cues.cues)).encode())


def write_looks(path: Path, approvals: Approvals) -> None:
    """Whole, or not at all. Raises OSError."""
    write_whole(path, _toml("look", map(_look_table, approvals.lasting().each)).encode())


def _cue_table(cue: Cue) -> dict[str, Any]:
    transition = cue.transition
    timed = transition is not None and transition.kind != "cut"
    return {
        "number": cue.number,
        "name": cue.name or None,
        "scene": cue.scene,
        "transition": transition.kind if transition else None,
        "time_s": transition.seconds if transition and timed else None,
        "color": list(transition.color) if transition and transition.kind == "dip" else None,
        "fade_s": cue.fade_s,
        "easing": cue.easing if cue.easing != "smooth" else None,
        "wait_s": cue.wait_s or None,
        "follow_s": cue.follow_s,
        "notes": cue.notes or None,
        **{f"controls.{_name(address)}": value for address, value in cue.controls},
        **{f"fades.{_name(address)}": seconds for address, seconds in cue.fades},
    }


def _name(address: str) -> str:
    return address.removeprefix(PREFIX).replace("/", ".")


def _look_table(look: Approval) -> dict[str, Any]:
    return {
        "name": look.name,
        "generator": look.generator,
        "model_sha256": look.model_sha256 or None,
        "seed": look.seed,
        "status": look.status,
        "by": look.by or None,
        "at": look.at or None,
        **{f"texts.{name}": text for name, text in look.texts},
        **{f"ranges.{name}": list(ends) for name, ends in look.ranges},
    }


def _toml(key: str, tables: Iterable[Mapping[str, Any]]) -> str:
    """Keys are bare or dotted; values are numbers, switches, texts, lists of these: JSON writes them as TOML does."""
    lines = [f"version = {VERSION}"]
    for table in tables:
        lines += ["", f"[[{key}]]"]
        lines += [f"{name} = {_value(value)}" for name, value in table.items() if value is not None]
    return "\n".join(lines) + "\n"


def _value(value: Value | list[float]) -> str:
    """A JSON text is a TOML one, but for DEL, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
