"""Mutated stage and show files: whatever a person may write, they are answered in sentences, never by a traceback."""

from __future__ import annotations

import tempfile
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.files import load_show
from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.stage.stage_file import load_stage
from vpengine.stage.walls import wall_geometry

CONTROLS = controls_of("weather")
STAGES = Path(__file__).parents[2] / "stage_configs"
LED = (STAGES / "led_volume.toml").read_text()
SHOW = (STAGES / "shows" / "street.toml").read_text()

SNIPPETS = st.sampled_from(
    [
        *(
            "[",
            "]",
            "[[",
            '"',
            '"""',
            "=",
            ".",
            "\n",
            "nan",
            "-inf",
            "true",
            "1e400",
            "0x7f",
            "{}",
            "[]",
            "[[1]]",
            "\0",
        ),
        *("é", "1979-05-27", "'../../etc'", "-1", "99999999999999999999", "wall", "id", "kind", "#", "version = 3\n"),
        *("\\u0000", "{a={a={a=1}}}", "[controls]\n", "[wall.x]\n", "9" * 400, "%s{message}"),
    ]
)
# Where (as a fraction of the text), how many characters go, and what comes in their place.
EDITS = st.lists(
    st.tuples(st.floats(0.0, 1.0), st.integers(0, 12), st.one_of(SNIPPETS, st.text(max_size=5))), max_size=4
)
FUZZ = settings(max_examples=250)


def mutated(text: str, edits: list[tuple[float, int, str]]) -> str:
    for place, removed, inserted in edits:
        at = int(place * len(text))
        text = text[:at] + inserted + text[at + removed :]
    return text


def load_or_complain(load: Callable[[Path], Any], text: str, show: bool) -> Any:
    """What was loaded; or None, after looking at the complaint."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.toml")
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        if show:
            Path(folder, "shows").mkdir()
            Path(folder, "shows", "street.toml").write_text(SHOW)
        try:
            return load(path)
        except ProblemsError as error:
            problems = error.problems
    assert problems
    assert all(problem.file.endswith(".toml") and problem.message for problem in problems)
    assert len(set(problems)) == len(problems)
    return None


@FUZZ
@given(EDITS)
def test_mutated_stages(edits: list[tuple[float, int, str]]) -> None:
    stage = load_or_complain(partial(load_stage, declared=controls_of), mutated(LED, edits), show=True)
    for wall in stage.walls if stage else ():
        wall_geometry(wall)


@FUZZ
@given(EDITS)
def test_mutated_shows(edits: list[tuple[float, int, str]]) -> None:
    load_or_complain(partial(load_show, declared=CONTROLS), mutated(SHOW, edits), show=False)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(10**400)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@FUZZ
@given(st.data())
def test_any_value_at_any_key(data: st.DataObject) -> None:
    """One value of a good stage is replaced by one of any type: loaded with it, or refused by its key."""
    table = tomllib.loads(LED)
    where: list[str | int] = []
    node: Any = table
    while isinstance(node, dict | list) and node:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        where.append(key)
        parent, node = node, node[key]
        if data.draw(st.booleans()):
            break
    parent[where[-1]] = data.draw(VALUES)
    load_or_complain(partial(load_stage, declared=controls_of), _toml(table), show=True)


def _toml(table: dict[str, Any]) -> str:
    return "\n".join(f"{key} = {_inline(value)}" for key, value in table.items()) + "\n"


def _inline(value: Any) -> str:
    """A value in TOML's inline form; None becomes a date, which Python's tables do not have and TOML's do."""
    if value is None:
        return "1979-05-27T07:32:00Z"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(key)} = {_inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(inner) for inner in value) + "]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    return '"' + "".join(f"\\U{ord(letter):08X}" for letter in value) + '"'
