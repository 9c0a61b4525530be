"""Make docs/schema/*.json and the tables of docs/stage-files.md and docs/desk.md from the models that read these files,
and the tables of docs/controllers.md from the buttons and displays that are declared.

Run it after changing one of these or adding a plug-in: .venv/bin/python tools/make_schema.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vpengine import capture, output, plates, tracking
from vpengine.control.buttons import BUTTONS
from vpengine.control.controls import LONGEST_TEXT
from vpengine.control.displays import DISPLAYS
from vpengine.control.keys import KEYS
from vpengine.files import controls_of
from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.declared import generator_class
from vpengine.plugins import load_plugin
from vpengine.stage.camera import CameraSettings, OuterSettings
from vpengine.stage.capture import CaptureSettings
from vpengine.stage.control_settings import ControlSettings
from vpengine.stage.desk_files import CueSettings, LookSettings
from vpengine.stage.midi import MidiSettings
from vpengine.stage.screens import HoldoutSettings, MarkSettings, ScreenSettings
from vpengine.stage.show_file import LightSettings, SceneSettings, ShowSettings
from vpengine.stage.sim import SimSettings
from vpengine.stage.stage_file import (
    NeuralSettings,
    OutputSettings,
    StageSettings,
    TrackingSettings,
)
from vpengine.stage.toml_file import VERSION
from vpengine.stage.walls import KINDS as WALLS

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- made by tools/make_schema.py: {} -->", "<!-- end: {} -->"

Schema = dict[str, Any]


def derived() -> dict[Path, str]:
    """Every file that is made here, and what it must hold."""
    stage, show = stage_schema(), show_schema()
    page = ROOT / "docs" / "stage-files.md"
    text = page.read_text(encoding="utf-8")
    for name, tables in {"stage": _tables(stage), "show": _tables(show), "controls": _controls()}.items():
        text = _between(text, name, tables)
    desk = ROOT / "docs" / "controllers.md"
    pressed = desk.read_text(encoding="utf-8")
    for name, table in {"buttons": _buttons(), "keys": _keyboard(), "displays": _displays()}.items():
        pressed = _between(pressed, name, table)
    cues = list_schema("A vpengine cue list", "cue", CueSettings, CUE_TABLES)
    looks = list_schema("A vpengine show's looks", "look", LookSettings, LOOK_TABLES)
    operating = ROOT / "docs" / "desk.md"
    kept = operating.read_text(encoding="utf-8")
    for name, tables in {"cues": _tables(cues), "looks": _tables(looks)}.items():
        kept = _between(kept, name, tables)
    schemas = {"stage": stage, "show": show, "cues": cues, "looks": looks}
    made = {
        ROOT / "docs" / "schema" / f"{name}.json": json.dumps(made, indent=2) + "\n" for name, made in schemas.items()
    }
    return {**made, page: text, desk: pressed, operating: kept}


def stage_schema() -> Schema:
    schema = _file_schema("A vpengine stage file", ("stage", "camera"))
    properties = schema["properties"]
    properties["stage"] = _define(schema, "stage", StageSettings)
    properties["camera"] = _list(_define(schema, "camera", CameraSettings))
    properties["wall"] = _list(_kinds(schema, "wall", WALLS))
    properties["outer"] = _define(schema, "outer", OuterSettings)
    properties["tracking"] = _list(_kinds(schema, "tracking", _settings(tracking.KINDS), TrackingSettings), at_least=0)
    properties["capture"] = _list(_kinds(schema, "capture", _settings(capture.KINDS), CaptureSettings), at_least=0)
    properties["screen"] = _list(_define(schema, "screen", ScreenSettings), at_least=0)
    properties["holdout"] = _list(_define(schema, "holdout", HoldoutSettings), at_least=0)
    properties["mark"] = _define(schema, "mark", MarkSettings)
    properties["output"] = _list(_kinds(schema, "output", _settings(output.KINDS), OutputSettings), at_least=0)
    properties["neural"] = _define(schema, "neural", NeuralSettings)
    properties["sim"] = _define(schema, "sim", SimSettings)
    properties["control"] = _define(schema, "control", ControlSettings)
    properties["controls"] = {"type": "object", "description": "Controls that start with another value than their own."}
    networks = schema["$defs"]["neural"]["properties"]
    for name, own in _generators(schema).items():
        for key, value in own.items():
            networks[key] = {**value, "description": f"Of the generator {name}: {value.get('description', '')}"}
    networks["generator"]["enum"], networks["runtime"]["enum"] = list(GENERATORS), list(RUNTIMES)
    return schema


def _generators(schema: Schema) -> dict[str, Schema]:
    """The keys of [neural] that are a generator's own, by its name."""
    found = {}
    for name in GENERATORS:
        model = getattr(generator_class(name), "Settings", None)
        if model is not None:
            _define(schema, f"neural.{name}", model)
            found[name] = schema["$defs"].pop(f"neural.{name}")["properties"]
    return found


def show_schema() -> Schema:
    schema = _file_schema("A vpengine show file", ("show", "scene"))
    schema["properties"]["show"] = _define(schema, "show", ShowSettings)
    base = {"type": "object", "description": "The base look: where scenes take what they do not set themselves."}
    schema["$defs"]["show"]["properties"]["controls"] = base
    schema["properties"]["scene"] = _list(_define(schema, "scene", SceneSettings))
    scene = schema["$defs"]["scene"]
    scene["properties"]["plate"] = _kinds(schema, "scene.plate", _settings(plates.KINDS))
    scene["properties"]["controls"] = {"type": "object", "description": "Controls that the scene sets when it comes."}
    scene["required"] = [*scene["required"], "plate"]
    schema["properties"]["midi"] = _list(_define(schema, "midi", MidiSettings), at_least=0)
    rows = _define(schema, "light", LightSettings)
    schema["properties"]["light"] = {"type": "object", "additionalProperties": rows}
    return schema


CUE_TABLES = {
    "controls": "Controls that it sets, beside those that its scene does.",
    "fades": "Seconds that single controls take, such as look.snow = 8.0.",
}
LOOK_TABLES = {
    "ranges": "Between which values its numbers may be: snow = [0.0, 0.8].",
    "texts": "Its texts, such as prompt.",
}


def list_schema(title: str, name: str, model: type[BaseModel], tables: Mapping[str, str]) -> Schema:
    """A file that is a list of ``[[name]]``, each a ``model`` with ``tables`` (name: description) of any keys."""
    schema = _file_schema(title, ())
    schema["properties"][name] = _list(_define(schema, name, model), at_least=0)
    own = schema["$defs"][name]["properties"]
    own.update({key: {"type": "object", "description": words} for key, words in tables.items()})
    return schema


def _file_schema(title: str, required: tuple[str, ...]) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": {"version": {"const": VERSION, "description": "The version of this file format."}},
        "required": ["version", *required],
        "additionalProperties": False,
        "$defs": {},
    }


def _define(schema: Schema, name: str, model: type[BaseModel]) -> Schema:
    """Put a model, and what it is made of, among the definitions; a reference to it."""
    own = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    schema["$defs"].update({f"{name}.{part}": inner for part, inner in own.pop("$defs", {}).items()})
    schema["$defs"][name] = own
    return {"$ref": f"#/$defs/{name}"}


def _kinds(
    schema: Schema, section: str, kinds: Mapping[str, type[BaseModel]], core: type[BaseModel] | None = None
) -> Schema:
    """A section that is one of several kinds, each with its own keys beside those that all have (``core``)."""
    shared = core.model_json_schema() if core else {"properties": {}}
    references = []
    for kind, model in kinds.items():
        references.append(_define(schema, f"{section}.{kind}", model))
        own = schema["$defs"][f"{section}.{kind}"]
        own["properties"] = {"kind": {"const": kind}, **shared["properties"], **_without_kind(own)}
        own["required"] = ["kind", *shared.get("required", ()), *own.get("required", ())]
    return {"oneOf": references}


def _without_kind(schema: Schema) -> Schema:
    return {key: value for key, value in schema.get("properties", {}).items() if key != "kind"}


def _list(items: Schema, at_least: int = 1) -> Schema:
    return {"type": "array", "items": items, "minItems": at_least}


def _settings(kinds: Mapping[str, str]) -> dict[str, type[BaseModel]]:
    """Each plug-in's own model, by kind."""
    return {kind: load_plugin(target).Settings for kind, target in kinds.items()}


def _tables(schema: Schema) -> str:
    """A heading and a table of keys for every section, in the file's order."""
    return "\n".join(
        line
        for name, section in schema["properties"].items()
        for line in _section(schema, _heading(name, section), section)
    )


def _heading(name: str, section: Schema) -> str:
    if "additionalProperties" in section:
        return f"[{name}.NAME]"
    return f"[[{name}]]" if section.get("type") == "array" else f"[{name}]"


def _section(schema: Schema, heading: str, section: Schema) -> Iterator[str]:
    section = section.get("items", section.get("additionalProperties", section))
    for choice in section.get("oneOf", [section]):
        if "$ref" not in choice:
            continue
        model = _resolve(schema, choice)
        kind = model["properties"].get("kind", {}).get("const")
        yield f"### `{heading}`" + (f', `kind = "{kind}"`' if kind else "") + "\n"
        if model.get("description"):
            yield " ".join(model["description"].split()) + "\n"
        yield from _rows(schema, model)
        if kind:  # its own lists of tables
            yield from _lists(schema, heading, model)
    if "$ref" in section:
        for key, value in _resolve(schema, section)["properties"].items():
            inside = f"{heading.strip('[]')}.{key}"
            if "oneOf" in value:
                yield from _section(schema, f"[{inside}]", value)
            elif "$ref" in value.get("items", {}):
                yield from _section(schema, f"[[{inside}]]", value["items"])


def _lists(schema: Schema, heading: str, model: Schema) -> Iterator[str]:
    for key, value in model["properties"].items():
        if "$ref" in value.get("items", {}):
            yield from _section(schema, f"[[{heading.strip('[]')}.{key}]]", value["items"])


def _rows(schema: Schema, model: Schema) -> Iterator[str]:
    rows = list(_keys(schema, model, ""))
    if rows:
        yield "| key | value | default | |\n|---|---|---|---|"
        yield from rows
    yield ""


def _keys(schema: Schema, model: Schema, prefix: str) -> Iterator[str]:
    required = model.get("required", ())
    for key, value in model["properties"].items():
        inner = _resolve(schema, value)
        if key == "kind" or "oneOf" in value or "$ref" in value.get("items", {}):
            continue
        if "properties" in inner:
            yield from _keys(schema, inner, f"{prefix}{key}.")
            continue
        needed = key in required or value.get("default", "") is None
        default = "" if needed or "default" not in value else f"`{_toml(value['default'])}`"
        must = "required" if key in required else default
        yield f"| `{prefix}{key}` | {_kind_of(value)} | {must} | {value.get('description', '')} |"


def _resolve(schema: Schema, value: Schema) -> Schema:
    """What a value refers to, also where it may be left out."""
    for choice in (value, *value.get("anyOf", ())):
        if "$ref" in choice:
            found: Schema = schema["$defs"][choice["$ref"].removeprefix("#/$defs/")]
            return found
    return value


def _toml(value: Any) -> str:
    return json.dumps(value)


_NAMES = {
    "number": "number",
    "integer": "whole number",
    "string": "text",
    "boolean": "true or false",
    "object": "table",
    "array": "list",
}


def _kind_of(value: Schema) -> str:
    """What may stand for a value, in words."""
    if "anyOf" in value:
        return " or ".join(_kind_of(choice) for choice in value["anyOf"] if choice.get("type") != "null")
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    if "prefixItems" in value:
        return f"list of {len(value['prefixItems'])}: {_kind_of(value['prefixItems'][0])}"
    return _NAMES.get(value.get("type", ""), "") + _limits(value)


def _limits(value: Schema) -> str:
    low = value.get("minimum", value.get("exclusiveMinimum"))
    high = value.get("maximum", value.get("exclusiveMaximum"))
    above = "above " if "exclusiveMinimum" in value else ""
    if low is None:
        return "" if high is None else f", up to {high:.10g}"
    return f", {above}{low:.10g}" + (" or more" if high is None else f" to {high:.10g}")


def _controls() -> str:
    lines = ["| name in files | OSC address | value | default | |\n|---|---|---|---|---|"]
    for control in controls_of("none"):  # those of every generator
        name = control.address.removeprefix("/vp/").replace("/", ".")
        values = (
            f"{control.low:g} to {control.high:g} {control.unit}"
            if control.kind in ("float", "int")
            else {"bool": "true or false", "text": f"text, up to {LONGEST_TEXT} characters"}[control.kind]
        )
        default = _toml(control.default)
        lines.append(f"| `{name}` | `{control.address}` | {values.strip()} | `{default}` | {control.sentence} |")
    return "\n".join(lines)


def _buttons() -> str:
    carried = {"press": "1, or nothing", "number": "a number", "text": "text"}
    lines = [f"| `{one.address}` | {carried[one.argument]} | {one.sentence} |" for one in BUTTONS]
    return "\n".join(["| address | carries | |\n|---|---|---|", *lines])


def _keyboard() -> str:
    does = {one.address: one.sentence for one in BUTTONS}
    rows = [f"| {name.replace('+', ' + ')} | `{address}` | {does[address]} |" for name, address in KEYS.items()]
    return "\n".join(["| key | presses | |\n|---|---|---|", *rows])


def _displays() -> str:
    kinds = {"text": "text", "float": "number", "bool": "1 or 0", "int": "whole number"}
    lines = [f"| `{one.address}` | {kinds[one.kind]} | {one.sentence} |" for one in DISPLAYS]
    return "\n".join(["| address | value | |\n|---|---|---|", *lines])


def _between(text: str, name: str, made: str) -> str:
    before, rest = text.split(BEGIN.format(name))
    _, after = rest.split(END.format(name))
    return f"{before}{BEGIN.format(name)}\n\n{made.strip()}\n\n{END.format(name)}{after}"


if __name__ == "__main__":
    for path, content in derived().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(path.relative_to(ROOT))
