"""``vpengine engines``: TensorRT's engines and exported networks, made before a show, and the caches that keep them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vpengine.cli.bar import progress_bar
from vpengine.compose.request import asked_sizes
from vpengine.errors import UserError
from vpengine.files import Files, read_files
from vpengine.neural.engine_cache import EngineCache
from vpengine.neural.export_cache import ExportCache
from vpengine.neural.ladder import SMALLER
from vpengine.plugins import load_plugin

# Imported when something is built: they need onnx, which is no part of the core.
RECIPES = "vpengine.neural.engine_orders:recipes"
STAGE_RECIPES = "vpengine.neural.engine_orders:stage_recipes"
READY_ENGINE = "vpengine.neural.engine_build:ready_engine"


def build(
    networks: Annotated[list[str] | None, typer.Argument(help="ONNX files; or weather, the shipped network.")] = None,
    stage: Annotated[Path | None, typer.Option(help="A stage file: all that its generator runs, exported too.")] = None,
    show: Annotated[Path | None, typer.Option(help="A show file, instead of the stage's own.")] = None,
    shape: Annotated[list[str] | None, typer.Option(help="An input's size: color=1x3x360x640.")] = None,
    resolution: Annotated[list[str] | None, typer.Option(help="Of weather's pictures: 640x360.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="A compute capability, SM89; by default all.")] = None,
    precision: Annotated[str, typer.Option(help="float16, or stored: as the file has it.")] = "float16",
    runtime: Annotated[str | None, typer.Option(help="tensorrt-rtx or tensorrt; by default the stage's.")] = None,
    allow_outside: Annotated[bool, typer.Option(help="Files may name paths outside their folder.")] = False,
) -> None:
    """Build engines before a show, on any machine: no card is needed for tensorrt-rtx."""
    sizes = dict(_shape(text) for text in shape or ())
    pictures = [_resolution(text) for text in resolution or ()]
    if bool(networks) == (stage is not None):
        raise UserError("engines build: name networks, or a stage with --stage FILE")
    if stage is not None:
        if sizes or pictures:
            raise UserError("--stage: the sizes are the stage's; leave --shape and --resolution out")
        files = read_files(stage, show, allow_outside, surrounds=False)
        orders = _stage_orders(files, runtime, target or (), precision)
    else:
        make, chosen = _needs_onnx(RECIPES), runtime or "tensorrt-rtx"
        orders = [
            order for name in networks or () for order in make(name, sizes, pictures, chosen, target or (), precision)
        ]
    for order in orders:
        typer.echo(_built(order))


def _stage_orders(files: Files, runtime: str | None, targets: Sequence[str], precision: str) -> list[Any]:
    neural = files.stage.neural
    chosen = runtime or neural.runtime
    if chosen in ("torch", "none"):
        raise UserError(f'runtime = "{chosen}": it needs nothing built; choose another one here with --runtime')
    make = _needs_onnx(STAGE_RECIPES)
    sizes = tuple(dict.fromkeys((*asked_sizes(neural), *asked_sizes(neural, SMALLER))))  # the ladder's smaller pictures
    asked = (neural.generator, files.generator_settings, sizes, chosen, targets, precision, typer.echo)
    try:
        orders: list[Any] = make(*asked)
    except ImportError as error:
        raise UserError(
            f'to export networks, {error.name or error} is missing; pip install "vpengine[diffusion]"'
        ) from error
    if not orders:
        typer.echo(f'all that the generator "{neural.generator}" needs for runtime = "{chosen}" is there')
    return orders


def list_engines() -> None:
    """What is kept, most recently used first."""
    cache = EngineCache()
    entries = cache.entries()
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used_s))
        compiled = f", {entry.compiled / 1e6:.1f} MB compiled here" if entry.compiled else ""
        typer.echo(f"{_short(entry.key)}  {entry.size / 1e6:8.1f} MB  {used}  {_words(entry.manifest)}{compiled}")
    total_mb = sum(entry.size + entry.compiled for entry in entries) / 1e6
    typer.echo(f"{len(entries)} engines, {total_mb:.1f} MB, in {cache.folder}")
    exports = ExportCache()
    for export in exports.entries():
        typer.echo(f"{_short(export.key)}  {export.bytes / 1e6:8.1f} MB  exported: {export.label}")


def verify() -> None:
    """Look into every engine; what is broken is set aside. Exit code 1 where something was."""
    cache = EngineCache()
    count, problems = len(cache.entries()), cache.verify()
    for key, problem in problems.items():
        typer.echo(f"{_short(key)}: {problem}; it is set aside: build it again before the show")
    typer.echo(f"{count} engines, {len(problems) or 'none'} broken")
    raise typer.Exit(1 if problems else 0)


def prune(
    everything: Annotated[bool, typer.Option("--all", help="All engines and exported networks.")] = False,
) -> None:
    """Take away what was set aside, and the least recently used above the cache's size."""
    gone = [*EngineCache().prune(everything), *ExportCache().prune(everything)]
    for name in gone:
        typer.echo(f"gone: {name}")
    typer.echo(f"{len(gone)} taken away")


COMMANDS: dict[str, Callable[..., None]] = {"build": build, "list": list_engines, "verify": verify, "prune": prune}


def _built(recipe: Any) -> str:
    """What became of it, in a line."""
    ready_engine, reported = _needs_onnx(READY_ENGINE), False
    with progress_bar() as bar:
        task = bar.add_task(recipe.onnx.name, total=None)

        def report(progress: Any) -> None:
            nonlocal reported
            reported = True
            told = f"{recipe.onnx.name}: {progress.phase}, {progress.elapsed_s:.0f} s, {progress.memory_mb:.0f} MB"
            bar.update(task, description=told, total=1.0 if progress.part else None, completed=progress.part or 0.0)

        engine = ready_engine(recipe, EngineCache(), report)
    took = engine.manifest["build"]
    how = f"built in {took['seconds']:.1f} s with {took['memory_mb']:.0f} MB of memory" if reported else "there already"
    return f"{_short(engine.key)}  {len(engine.data) / 1e6:.1f} MB  {_words(engine.manifest)}: {how}"


def _words(manifest: Mapping[str, Any]) -> str:
    """What an engine is, from its manifest, which may be broken."""
    try:
        spec = manifest["spec"]
        shapes = " ".join(f"{name}={'x'.join(map(str, sizes))}" for name, sizes in spec["shapes"])
        where = " ".join(spec["targets"]) if spec["targets"] and not spec["device"] else spec["device"]
        return f"{manifest['network']} {spec['precision'].split()[0]} {shapes} for {where}, {spec['library']}"
    except (KeyError, TypeError, ValueError, AttributeError):
        return "its manifest cannot be read: vpengine engines verify"


def _needs_onnx(name: str) -> Any:
    try:
        return load_plugin(name)
    except ImportError as error:
        raise UserError(f'to build engines, {error.name or error} is missing; pip install "vpengine[rtx]"') from error


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sides = text.rpartition("=")
    if not name:
        raise UserError(f"--shape {text}: expected an input's name and its sides, as color=1x3x360x640")
    return name, _sides(f"--shape {text}", sides)


def _resolution(text: str) -> tuple[int, int]:
    sides = _sides(f"--resolution {text}", text)
    if len(sides) != 2:
        raise UserError(f"--resolution {text}: expected width and height, as 640x360")
    return sides[0], sides[1]


def _sides(option: str, text: str) -> tuple[int, ...]:
    sides = text.lower().split("x")
    if not all(side.isascii() and side.isdigit() and int(side) > 0 for side in sides):
        raise UserError(f"{option}: expected whole numbers above 0 with an x between them, as 640x360")
    return tuple(map(int, sides))


def _short(key: str) -> str:
    return key[:12]
