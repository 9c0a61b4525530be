"""Reading one TOML file of ours: its table of sections, its version, and all that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from vpengine.errors import Problem, did_you_mean
from vpengine.stage.sections import PluginSection, Table, parse_settings
from vpengine.stage.settings import shown

M = TypeVar("M", bound=BaseModel)
Kinds = Mapping[str, Iterable[str]]  # the names of plug-ins, by slot

VERSION = 1
KINDS = {"stage": "a show is named inside it, or with --show", "show": "check and run take the stage that runs it"}
MAX_BYTES = 1_000_000
MAX_DEPTH = 12  # tables within tables; our own need five
_TOO_DEEP = "tables or lists are nested too deeply"
_LINE_AND_COLUMN = re.compile(r"^(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


class TomlFile:
    """One file's sections, taken one after the other, and the problems found on the way.

    After the constructor ``tables`` is empty when the file cannot be read at all; ``problems`` says why.
    """

    def __init__(
        self,
        path: Path,
        sections: Iterable[str],
        kind: str = "",
        *,
        kinds: Kinds | None = None,
        allow_outside: bool = False,
        most_bytes: int = MAX_BYTES,
    ) -> None:
        """kind: what file it must be, ``stage`` or ``show``, named by a section that only such files have.

        kinds: of plug-ins, to say which there are where a section names none.
        """
        self.path = path
        self._kinds = kinds or {}
        self._kind = kind
        self._most_bytes = most_bytes
        self.allow_outside = allow_outside
        self.problems: list[Problem] = []
        self.tables = self._checked(self._read(), ("version", *sections))

    def refuse(self, key: str, message: str) -> None:
        self.problems.append(Problem(str(self.path), key, message))

    def one(self, key: str, model: type[M], *, required: bool = False) -> M | None:
        """The section ``[key]``, or the model's defaults where it may be left out; None when it is wrong."""
        table = self.tables.get(key)
        if table is None and required:
            self.refuse(key, f"missing, a [{key}] section is needed")
            return None
        table = {} if table is None else table
        if not isinstance(table, Mapping):
            self.refuse(key, f"found {shown(table)}, expected a section: [{key}]")
            return None
        return self.parse(table, model, key)

    def many(self, key: str, *, required: bool = False) -> list[tuple[str, Table]]:
        """Every ``[[key]]`` as (its full key, its table), in order."""
        found = self.tables.get(key, [])
        if not isinstance(found, list) or not all(isinstance(table, Mapping) for table in found):
            self.refuse(key, f"expected a list of sections: [[{key}]] with two brackets")
            return []
        if required and not found:
            self.refuse(key, f"missing, at least one [[{key}]] section is needed")
        return [(f"{key}[{index}]", table) for index, table in enumerate(found, 1)]

    def parse(self, table: Table, model: type[M], key: str, other_keys: Iterable[str] = ()) -> M | None:
        """``table`` as ``model``; None, and problems noted, when it is wrong."""
        found = parse_settings(table, model, self.path, key, other_keys, allow_outside=self.allow_outside)
        if isinstance(found, list):
            self.problems += found
            return None
        return found

    def kind(self, table: Table, key: str, allowed: Iterable[str] = ()) -> str | None:
        """A section's kind; None, and a problem noted, when it has none. allowed: told then."""
        found = table.get("kind")
        if isinstance(found, str) and found:
            return found
        what = "missing" if found is None else f"found {shown(found)}, expected text in quotes"
        names = ", ".join(sorted(allowed))
        self.refuse(f"{key}.kind", f"{what} (allowed: {names})" if names else what)
        return None

    def plugin(self, table: Table, slot: str, key: str, core: type[M]) -> tuple[M | None, PluginSection | None]:
        """A section that ``stage`` and a plug-in share: the fields of ``core``, and the plug-in's part.

        Each is None when it is wrong; one can be wrong and the other right.
        """
        core_keys = ("kind", *core.model_fields)
        kind = self.kind(table, key, self._kinds.get(slot, ()))
        settings = self.parse({name: table[name] for name in core.model_fields if name in table}, core, key)
        rest = {name: value for name, value in table.items() if name not in core_keys}
        section = kind and PluginSection(
            slot, kind, rest, self.path, key, f"{key}.kind", core_keys, allow_outside=self.allow_outside
        )
        return settings, section or None

    def unique(self, what: str, ids: Iterable[tuple[str, str]]) -> None:
        """Note every id that stands in two sections; ids: (full key of the section, its id)."""
        seen: dict[str, str] = {}
        for key, name in ids:
            if name in seen:
                self.refuse(f"{key}.{what}", f"found {shown(name)}, which {seen[name]} has already; each needs its own")
            seen.setdefault(name, key)

    def refers(self, key: str, name: str, what: str, names: Iterable[str]) -> None:
        """Note a reference to a section that is not there; where there is none at all, that has been noted already."""
        allowed = list(names)
        if allowed and name not in allowed:
            self.refuse(key, f"found {shown(name)}, no such {what}{did_you_mean(name, allowed)}")

    def _read(self) -> dict[str, Any] | None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            self.refuse("", "no such file")
        except (OSError, ValueError) as error:
            self.refuse("", f"cannot be read ({getattr(error, 'strerror', None) or error})")
        else:
            return self._parsed(data)
        return None

    def _parsed(self, data: bytes) -> dict[str, Any] | None:
        if len(data) > self._most_bytes:
            self.refuse("", f"found {len(data)} bytes, allowed up to {self._most_bytes}")
            return None
        try:
            tables = tomllib.loads(data.decode("utf-8-sig"))  # some editors begin a file with an invisible mark
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.refuse("", f"line {line}: not UTF-8 text; save the file as UTF-8")
        except RecursionError:
            self.refuse("", _TOO_DEEP)
        except ValueError as error:  # TOMLDecodeError, or a number too long for Python
            self.refuse("", _syntax(str(error), data.decode("utf-8-sig")))
        else:
            if _within(tables, MAX_DEPTH):
                return tables
            self.refuse("", _TOO_DEEP)
        return None

    def _checked(self, tables: dict[str, Any] | None, allowed: tuple[str, ...]) -> dict[str, Any]:
        if tables is None:
            return {}
        version = tables.get("version")
        if type(version) is not int or version != VERSION:  # nor true, nor 1.0
            found = "missing" if version is None else f"found {shown(version)}"
            self.refuse("version", f"{found}, this vpengine reads version = {VERSION}")
            return {}
        other = next((kind for kind in KINDS if kind != self._kind and kind in tables), None)
        if self._kind and self._kind not in tables and other:
            self.refuse("", f"is a {other} file, expected a {self._kind} file; {KINDS[other]}")
            return {}
        for key in (key for key in tables if key not in allowed):
            self.refuse(key, f"unknown section or key{did_you_mean(key, allowed)}")
        return tables

    @property
    def readable(self) -> bool:
        """The file is TOML of a version that is understood, so that its sections can be looked at."""
        return bool(self.tables)


def _syntax(message: str, text: str) -> str:
    match = _LINE_AND_COLUMN.match(message)
    if not match:
        return "a number has too many digits" if "digits" in message else f"not valid TOML: {message}"
    lines = text.split("\n")
    line = match["line"] or len(lines)
    column = match["column"] or len(lines[-1]) + 1
    return f"line {line}, column {column}: not valid TOML: {match['what']}"


def _within(value: Any, depth: int) -> bool:
    """Whether tables and lists are nested at most so deep. Level by level, since dotted keys can nest without end."""
    level = [value]
    for _ in range(depth):
        level = [child for item in level for child in _children(item)]
    return not level


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()
