"""``vpengine doctor``: what this machine can do, and what to fix."""

from __future__ import annotations

import importlib.util
import os
import platform
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vpengine import __version__
from vpengine.capture.device import devices
from vpengine.cli.demo import has_display
from vpengine.errors import UserError
from vpengine.gpu.context import create_headless, describe, is_software
from vpengine.gpu.cuda import try_sharing
from vpengine.gpu.window import Windows
from vpengine.neural.placement import cards
from vpengine.neural.weather import WEIGHTS

SHARED = Path("/dev/shm")
LEAST_SHARED_MB = 32  # two requests at 640 x 360
PORTS = {9000: "OSC tracking", 9001: "OSC control", 40000: "FreeD", 55555: "OpenTrackIO"}


@dataclass(frozen=True)
class Finding:
    what: str
    found: str
    good: bool = True
    cure: str = ""


def doctor() -> None:
    """Look at this machine: OpenGL, display, cores, memory, runtimes. Exit code 1 when something must be mended."""
    screen = display()  # first: no window's context is made current where a headless one has been
    findings = [
        system(),
        memory(),
        shared_memory(),
        *opengl(),
        screen,
        cameras(),
        network(),
        *ports(),
        weights(),
        *extras(),
    ]
    table = Table("what", "found", "to do")
    for finding in findings:
        table.add_row(*(escape(words) for words in (finding.what, finding.found, finding.cure)))
    Console().print(table)
    raise typer.Exit(0 if all(finding.good for finding in findings) else 1)


def system() -> Finding:
    found = f"vpengine {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Finding("system", found)


def memory() -> Finding:
    gigabytes = psutil.virtual_memory().total / 1e9
    found = f"{os.cpu_count()} cores, {gigabytes:.0f} GB"
    return Finding("cores, memory", found, gigabytes >= 2.0, "" if gigabytes >= 2.0 else "2 GB are needed")


def opengl() -> list[Finding]:
    """With what CUDA shares of its memory, where there is an NVIDIA card."""
    try:
        context = create_headless()
    except UserError as error:
        return [Finding("OpenGL", "none that can be used", False, str(error))]
    slow = "software: small stages run live; a graphics card runs real ones" if is_software(context) else ""
    found = [Finding("OpenGL", describe(context), True, slow), *sharing(context)]
    context.release()
    return found


def sharing(context: Any) -> list[Finding]:
    """Nothing to say without a card."""
    count = cards()
    return [Finding("CUDA", f"{count} card{'s' if count > 1 else ''}; {try_sharing(context)}")] if count else []


def shared_memory() -> Finding:
    """What pictures go through to the generator: containers often have 64 MB."""
    if not SHARED.is_dir():
        return Finding("shared memory", "the system's own")
    free_mb = psutil.disk_usage(str(SHARED)).free / 1e6
    enough = free_mb >= LEAST_SHARED_MB
    cure = "" if enough else f"{LEAST_SHARED_MB} MB are needed for generated pictures; a container's --shm-size"
    return Finding("shared memory", f"{free_mb:.0f} MB free", enough, cure)


def display() -> Finding:
    """Opened, since a DISPLAY that names a dead server says nothing."""
    if not has_display():
        return Finding("display", "none", True, "runs headless; windows need a display")
    try:
        windows = Windows()
    except UserError as error:
        return Finding("display", "named, but cannot be opened", False, str(error))
    try:
        return Finding("display", "; ".join(windows.monitors()) or "no monitor", True)
    finally:
        windows.close()


def cameras() -> Finding:
    """Webcams and capture cards, as a stage file's ``kind = "device"`` names them."""
    found = [f"{opens} {called}" for opens, called in devices()]
    cure = "" if found else "none is needed; on Linux your user must be in the group video to see one"
    return Finding("capture devices", "; ".join(found) or "none", True, cure)


def network() -> Finding:
    """The addresses that trackers and controllers on other machines can send to."""
    found = [
        f"{card} {address.address}"
        for card, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    cure = 'senders on other machines need address = "0.0.0.0" in the stage file, and one of these'
    return Finding("network", ", ".join(found) or "this machine only", True, cure if found else "")


def ports() -> list[Finding]:
    """The ports of the defaults, and whether they can be had."""
    return [_port(number, use) for number, use in PORTS.items()]


def _port(number: int, use: str) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            return Finding(
                f"UDP {number}", f"in use: {error.strerror}", True, f"{use}: close what has it, or another port"
            )
    return Finding(f"UDP {number}", "free", True, use)


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
    for module, use, extra in (
        ("onnxruntime", "networks on the CPU", ""),
        ("openvino", "the same, faster where the CPU has bfloat16", ""),
        ("tensorrt_rtx", "networks on NVIDIA's RTX cards", "rtx"),
        ("torch", "diffusion models, training, and memory on NVIDIA's cards", "diffusion"),
        ("cuda.core", "memory that OpenGL and CUDA share", "rtx"),
    ):
        there = _is_installed(module)
        cure = f": pip install 'vpengine[{extra}]'" if extra and not there else ""
        found.append(Finding(module, "installed" if there else "not installed", True, use + cure))
    return found


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it is a part of
        return False
