"""Shows as text, for commands that write one: TOML that a person goes on with."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from vpengine.stage.show_file import RESERVED_SLUGS


def show_head(name: str) -> str:
    gate = '# gate = "off"   # shows what nobody approved, too\n'
    return f"version = 1\n\n[show]\nname = {value_text(name[:100])}\n{gate}"


def scene_text(slug: str, kind: str, settings: Mapping[str, Any], notes: Collection[str] = ()) -> str:
    """A scene and its plate. settings: as TOML has them, texts and numbers. notes: lines for people, as comments."""
    head = f"\n[[scene]]\nslug = {value_text(slug)}\n\n" + "".join(f"# {note}\n" for note in notes)
    return head + f'[scene.plate]\nkind = "{kind}"\n' + "".join(f"{k} = {value_text(v)}\n" for k, v in settings.items())


def slug_of(file: Path, taken: Collection[str] = ()) -> str:
    """A scene's, after the file's name; numbered where another has it."""
    name = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")[:28].strip("-")
    slug = name if name and name not in RESERVED_SLUGS else f"plate-{name}".strip("-")
    return next(tried for n in range(1, 10000) if (tried := slug if n == 1 else f"{slug}-{n}") not in taken)


def value_text(value: Any) -> str:
    """A text, number, truth, or list or table of these, as TOML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {value_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, float):
        return f"{value:.4f}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML has it in no text, JSON has
