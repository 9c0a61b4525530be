"""From a TOML table to validated settings, or to plain sentences that say what is wrong and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vpengine.errors import Problem, did_you_mean
from vpengine.stage.settings import PATTERN_SENTENCES, shown

M = TypeVar("M", bound=BaseModel)
Table = Mapping[str, Any]

# pydantic's type of error: what was expected, in words; {} is filled from the error's context.
_EXPECTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "tuple_type": "a list in brackets",
    "list_type": "a list in brackets",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dict_type": "a table",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "too_long": "{max_length} values",
    "too_short": "{min_length} values",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


@dataclass(frozen=True)
class PluginSection:
    """A section whose keys belong to a plug-in, which ``app`` resolves when it knows the plug-in's model.

    slot: ``tracking``, ``capture``, ``plate``, ``generator``, ``runtime`` or ``output``. table: the plug-in's own keys,
    without the ``core_keys`` (kind among them), which ``stage`` reads. key, kind_key: where the section and its kind
    are in ``file``.
    """

    slot: str
    kind: str
    table: Table
    file: Path
    key: str
    kind_key: str
    core_keys: tuple[str, ...] = ("kind",)
    allow_outside: bool = False


def resolve_kind(section: PluginSection, kinds: Iterable[str]) -> list[Problem]:
    """A problem when the section's kind is none of ``kinds``, which its slot's table of plug-ins has."""
    allowed = list(kinds)
    if section.kind in allowed:
        return []
    found = f"found {shown(section.kind)}, no such {section.slot}{did_you_mean(section.kind, allowed)}"
    return [Problem(str(section.file), section.kind_key, found)]


def resolve_settings(section: PluginSection, model: type[M]) -> M | list[Problem]:
    """The plug-in's validated settings, or everything that is wrong with its section."""
    return parse_settings(
        section.table, model, section.file, section.key, section.core_keys, allow_outside=section.allow_outside
    )


def parse_settings(
    table: Table,
    model: type[M],
    file: Path,
    key: str,
    other_keys: Iterable[str] = (),
    *,
    allow_outside: bool = False,
) -> M | list[Problem]:
    """``table`` as ``model``, or its problems. other_keys: more names to guess from when a key is unknown.

    ``ExistingFile`` fields are looked for beside ``file``. TOML's lists reach the model as tuples.
    """
    context = {"folder": file.parent, "allow_outside": allow_outside}
    try:
        return model.model_validate(_as_tuples(table), context=context)
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [Problem(str(file), *_sentence(detail, model, key, other_keys)) for detail in details]
    return list(dict.fromkeys(problems))


def _as_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_as_tuples(item) for item in value)
    if isinstance(value, Mapping):
        return {name: _as_tuples(item) for name, item in value.items()}
    return value


def _sentence(detail: ErrorDetails, model: type[BaseModel], key: str, other_keys: Iterable[str]) -> tuple[str, str]:
    """The full key that is at fault, and what is wrong with it."""
    location, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    where = full_key(key, location)
    if kind == "refused":
        return full_key(where, (context["key"],) if context["key"] else ()), context["message"]
    if kind == "extra_forbidden":
        at_top = len(location) == 1
        fields = _model_at(model, location[:-1]).model_fields
        names = {*(field.alias or name for name, field in fields.items()), *(other_keys if at_top else ())}
        return where, f"unknown key{did_you_mean(str(location[-1]), names)}"
    if kind == "missing":
        return _missing(detail, model, key)
    if kind == "value_error":
        return where, f"found {shown(detail['input'])}: {context['error']}"
    if kind == "string_pattern_mismatch":
        allowed = PATTERN_SENTENCES.get(context["pattern"], f"text that matches {context['pattern']}")
        return where, f"found {shown(detail['input'])}, allowed {allowed}"
    expected = _EXPECTED.get(kind)
    limits = {name: f"{limit:g}" if isinstance(limit, float) else limit for name, limit in context.items()}
    text = f"expected {expected.format(**limits)}" if expected else detail["msg"]
    return where, f"found {shown(detail['input'])}, {text}"


def _missing(detail: ErrorDetails, model: type[BaseModel], key: str) -> tuple[str, str]:
    location = detail["loc"]
    if isinstance(location[-1], int):  # a list that is too short
        field = _model_at(model, location[:-2]).model_fields.get(str(location[-2]))
        count = _tuple_length(field.annotation) if field else 0
        return full_key(key, location[:-1]), f"found {shown(detail['input'])}, expected {count or 'more'} values"
    field = _model_at(model, location[:-1]).model_fields.get(str(location[-1]))
    return full_key(key, location), f"missing. {(field and field.description) or 'It must be given.'}"


def full_key(key: str, location: Iterable[str | int]) -> str:
    """``wall[2]`` and ("tile_mm", 0) to ``wall[2].tile_mm[1]``; what is listed is counted from 1."""
    for part in location:
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if key else part
    return key


def _model_at(model: type[BaseModel], location: Iterable[str | int]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner_model(model.model_fields[part].annotation) or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner_model(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)


def _tuple_length(annotation: Any) -> int:
    """How many values a tuple's annotation asks for, also where it may be left out; 0 when it says nothing of it."""
    if get_origin(annotation) is tuple:
        return len(get_args(annotation))
    return max((_tuple_length(argument) for argument in get_args(annotation)), default=0)
