"""``vpengine doctor``: what this machine can do, and what to fix."""

from __future__ import annotations

import importlib.util
import os
import platform
from dataclasses import dataclass

import psutil
import typer
from rich.console import Console
from rich.table import Table

from vpengine import __version__
from vpengine.cli.demo import has_display
from vpengine.errors import UserError
from vpengine.gpu.context import create_headless, describe, is_software
from vpengine.neural.weather import WEIGHTS


@dataclass(frozen=True)
class Finding:
    what: str
    found: str
    good: bool = True
    cure: str = ""


def doctor() -> None:
    """Look at this machine: OpenGL, display, cores, memory, runtimes. Exit code 1 when something must be mended."""
    findings = [system(), memory(), opengl(), display(), weights(), *extras()]
    table = Table("what", "found", "to do")
    for finding in findings:
        table.add_row(finding.what, finding.found, finding.cure)
    Console().print(table)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


def system() -> Finding:
    found = f"vpengine {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Finding("system", found)


def memory() -> Finding:
    gigabytes = psutil.virtual_memory().total / 1e9
    found = f"{os.cpu_count()} cores, {gigabytes:.0f} GB"
    return Finding("cores, memory", found, gigabytes >= 2.0, "" if gigabytes >= 2.0 else "2 GB are needed")


def opengl() -> Finding:
    try:
        context = create_headless()
    except UserError as error:
        return Finding("OpenGL", "none that can be used", False, str(error))
    slow = "software: small stages run live; a graphics card runs real ones" if is_software(context) else ""
    found = Finding("OpenGL", describe(context), True, slow)
    context.release()
    return found


def display() -> Finding:
    there = has_display()
    return Finding(
        "display", "there" if there else "none", True, "" if there else "runs headless; windows need a display"
    )


def weights() -> Finding:
    there = WEIGHTS.is_file()
    return Finding(
        "weather",
        "its network is there" if there else "its network is missing",
        there,
        "" if there else "reinstall vpengine",
    )


def extras() -> list[Finding]:
    """What is optional; its absence is no fault."""
    found = []
    for module, use in (("onnxruntime", "networks on the CPU"), ("torch", "training")):
        there = importlib.util.find_spec(module) is not None
        found.append(Finding(module, "installed" if there else "not installed", True, use))
    return found
