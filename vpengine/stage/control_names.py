"""Control values in stage and show files: ``look.snow = 0.85`` stands for the control ``/vp/look/snow``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vpengine.control.controls import Control, Value, parse
from vpengine.errors import UserError, did_you_mean
from vpengine.stage.settings import shown
from vpengine.stage.toml_file import TomlFile

PREFIX = "/vp/"


def control_address(name: str) -> str:
    """``look.snow`` to ``/vp/look/snow``."""
    return PREFIX + name.replace(".", "/")


def control_values(
    file: TomlFile, table: Any, key: str, declared: Mapping[str, Control]
) -> tuple[tuple[str, Value], ...]:
    """The (address, value) pairs of a ``controls`` table; whatever is wrong is noted in ``file``."""
    if not isinstance(table, Mapping):
        file.refuse(key, f"found {shown(table)}, expected a table of controls such as look.snow = 0.5")
        return ()
    names = {address.removeprefix(PREFIX).replace("/", "."): control for address, control in declared.items()}
    values = []
    for name, value in flat(table):
        if name not in names:
            file.refuse(f"{key}.{name}", f"no such control{did_you_mean(name, names)}")
            continue
        fault = _fault(names[name], value)
        if fault:
            file.refuse(f"{key}.{name}", fault)
        else:
            values.append((names[name].address, parse(names[name], value)))
    return tuple(values)


def by_address(controls: Iterable[Control]) -> dict[str, Control]:
    return {control.address: control for control in controls}


def flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """TOML's nested tables as dotted names."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _fault(control: Control, value: Any) -> str:
    """What is wrong with a value in a file, where, unlike on a fader, nothing is clamped; empty when it is right."""
    try:
        parse(control, value)
    except UserError as error:
        return f"found {str(error).removeprefix(f'{control.address}: ')}"
    except OverflowError:
        value = math.inf
    if control.kind in ("float", "int") and (isinstance(value, bool) or not control.low <= value <= control.high):
        return (
            f"found {shown(value)}, expected a number from {control.low:g} to {control.high:g} {control.unit}".rstrip()
        )
    if control.kind == "bool" and not isinstance(value, bool):
        return f"found {shown(value)}, expected true or false"
    return ""
