"""What `vpengine engines build` asks for, as recipes: a network by its file or a generator's name, or a stage's all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vpengine.errors import UserError, did_you_mean
from vpengine.neural.engine_recipe import PRECISIONS, Recipe, usual_targets
from vpengine.neural.onnx_file import Shape, fixed_shapes
from vpengine.neural.tensorrt_flavours import FLAVOURS, own_target
from vpengine.neural.tensorrt_runtime import DEVICE
from vpengine.neural.weather import WEIGHTS, input_shapes
from vpengine.plugins import load_plugin

SHIPPED = {"weather": (WEIGHTS, input_shapes)}
STAGED = {
    "weather": "vpengine.neural.weather:stage_networks",
    "diffusion": "vpengine.neural.diffusion_export:stage_networks",
}


def recipes(
    network: str,
    shapes: Mapping[str, Shape],
    resolutions: Sequence[tuple[int, int]],
    runtime: str,
    targets: Sequence[str],
    precision: str,
) -> list[Recipe]:
    """One for each of ``resolutions`` of a shipped network, or one for the ``shapes`` of a file's inputs.

    Without ``targets``: for every card that this runtime builds for without having it, else for the card that is here.
    Raises UserError for what does not fit the network, and where a card is needed and there is none.
    """
    flavour = _flavour(runtime)
    if precision not in PRECISIONS:
        raise UserError(f"--precision {precision}: not one of them{did_you_mean(precision, PRECISIONS)}")
    path, sizes = _sizes(network, shapes, resolutions)
    return [_recipe(path, size, flavour, targets, precision) for size in sizes]


def stage_recipes(
    generator: str,
    settings: Any,
    sizes: Sequence[tuple[int, int]],
    runtime: str,
    targets: Sequence[str],
    precision: str,
    tell: Callable[[str], None],
) -> list[Recipe]:
    """All that a stage's generator runs, exported where that has to be; recipes where ``runtime`` has engines.

    sizes: (width, height) of pictures. tell: of exports, a sentence each.
    Raises UserError as ``recipes``, and for a generator that has no networks.
    """
    if generator not in STAGED:
        raise UserError(f'generator = "{generator}": it has no networks that could be built')
    has_engines = runtime in {flavour.runtime for flavour in FLAVOURS.values()}
    flavour = _flavour(runtime) if has_engines else ""  # before anything that takes minutes
    made: Iterable[tuple[Path, Mapping[str, Shape], bool]]
    made = load_plugin(STAGED[generator])(settings, sizes, tell)
    if not has_engines:
        return []
    return [_recipe(path, shapes, flavour, targets, "stored" if exact else precision) for path, shapes, exact in made]


def _recipe(path: Path, shapes: Mapping[str, Shape], flavour: str, targets: Sequence[str], precision: str) -> Recipe:
    wanted, device = _targets(flavour, targets, precision)
    return Recipe(path, fixed_shapes(path, shapes), flavour, precision, wanted, device)


def _flavour(runtime: str) -> str:
    names = {flavour.runtime: name for name, flavour in FLAVOURS.items()}
    if runtime not in names:
        raise UserError(f"--runtime {runtime}: it has no engines{did_you_mean(runtime, names)}")
    _ = FLAVOURS[names[runtime]].version  # says so where it is not installed, before anything about cards
    return names[runtime]


def _targets(flavour: str, targets: Sequence[str], precision: str) -> tuple[tuple[str, ...], str]:
    """Targets, and the card where an engine is for that one alone."""
    portable = FLAVOURS[flavour].portable
    if targets and not portable:
        raise UserError("--target: tensorrt builds for the card that is here alone; leave it out")
    wanted = tuple(sorted({target.upper() for target in targets})) or usual_targets(flavour, precision)
    if wanted and "CURRENT" not in wanted:
        return wanted, ""
    if len(wanted) > 1:
        raise UserError("--target CURRENT: it goes with no other; build for the others in a command of their own")
    try:
        card = load_plugin(DEVICE)().card
    except UserError as error:
        raise UserError(f"an engine for the card that is here: {error}") from error
    return wanted, own_target(FLAVOURS["enterprise"], None, card)[1]


def _sizes(
    network: str, shapes: Mapping[str, Shape], resolutions: Sequence[tuple[int, int]]
) -> tuple[Path, list[Mapping[str, Shape]]]:
    if network in SHIPPED:
        if shapes or not resolutions:
            raise UserError(f"{network}: say for which pictures with --resolution WIDTHxHEIGHT, once for each size")
        path, inputs_at = SHIPPED[network]
        return path, [inputs_at(resolution) for resolution in resolutions]
    if resolutions:
        raise UserError(f"{network}: --resolution is for {', '.join(SHIPPED)}; a file's sizes are said with --shape")
    return Path(network), [shapes]
