"""``vpengine controls``: every live control with address, type and range."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from vpengine.control.controls import Control
from vpengine.control.declared import ENGINE_CONTROLS


def controls(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """List every live control: its OSC address, type, range and what it does."""
    if as_json:
        typer.echo(json.dumps([asdict(control) for control in ENGINE_CONTROLS], indent=2))
        return
    table = Table("address", "type", "range", "default", "what it does")
    for control in ENGINE_CONTROLS:
        table.add_row(control.address, control.kind, range_text(control), str(control.default), control.sentence)
    Console().print(table)


def range_text(control: Control) -> str:
    return f"{control.low:g} to {control.high:g} {control.unit}".rstrip() if control.kind in ("float", "int") else ""
