"""The side process of a build, ``python -m vpengine.neural.engine_builder``: the only place that imports a builder.

It takes a recipe and a folder, each a line of JSON, and writes messages as lines of JSON:
what it does, and last either ``done`` with what was noted of the engine, which is then in the folder, or ``error`` with
a sentence. It ends when its input does: whoever asked has gone.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vpengine.errors import UserError, did_you_mean
from vpengine.neural.engine_probe import answer_of, drift, probe_inputs, problem_of
from vpengine.neural.engine_recipe import Recipe
from vpengine.neural.onnx_file import inputs_of
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.tensorrt_flavours import FLAVOURS
from vpengine.neural.tensorrt_log import logger_of
from vpengine.neural.typed_onnx import write_float16

ENGINE = "built.engine"  # its name in the folder
Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asked to handle
    recipe, folder = Recipe.from_json(sys.stdin.readline()), Path(json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_asker, name="asker-watch", daemon=True).start()
    try:
        _tell({"done": made(recipe, folder, _tell)})
    except UserError as error:
        _tell({"error": str(error)})


def made(recipe: Recipe, folder: Path, tell: Tell) -> dict[str, Any]:
    """Build into ``folder``; what a manifest notes of it. Raises UserError with what the network's maker can mend."""
    network = recipe.onnx
    if recipe.precision == "float16":
        tell({"phase": "float16"})
        network = folder / "typed.onnx"
        write_float16(recipe.onnx, network)
    tell({"phase": "golden answer"})
    probe = _probe(recipe, network)
    tell({"phase": "engine"})
    (folder / ENGINE).write_bytes(built(recipe, network, tell))
    return {"probe": probe}


def _probe(recipe: Recipe, network: Path) -> dict[str, Any]:
    """onnxruntime's answer, from the network as its file has it. Raises UserError where its weights bear no float16.

    An overflow on the way is not seen here, since onnxruntime keeps float32 between nodes that it has no float16 for:
    that shows when a card answers the probe.
    """
    dtypes = {taken.name: taken.dtype for taken in inputs_of(recipe.onnx)}
    question = probe_inputs((name, shape, dtypes[name]) for name, shape in recipe.shapes)
    answer = answer_of(OnnxRuntime().load(recipe.onnx)(question))
    noted: dict[str, Any] = {"dtypes": dtypes, "answer": answer, "precision": recipe.precision, "typed_drift": 0.0}
    if network != recipe.onnx:
        typed = OnnxRuntime().load(network)(question)
        problem = problem_of(typed, answer, recipe.precision)
        if problem:
            raise UserError(f"{recipe.onnx}: it bears no float16, {problem}; build it with --precision stored")
        noted["typed_drift"] = drift(typed, answer)
    return noted


def built(recipe: Recipe, network: Path, tell: Tell) -> bytes:
    """The engine of a network whose file says every precision. Raises UserError with the parser's or builder's word."""
    trt = importlib.import_module(FLAVOURS[recipe.flavour].module)
    logger = logger_of(trt)
    builder = trt.Builder(logger)
    parsed, parser = _parsed(trt, builder, logger, recipe, network)
    config = _config(trt, builder, recipe)
    config.progress_monitor = _monitor(trt, tell)
    config.add_optimization_profile(_profile(builder, parsed, recipe))
    plan = builder.build_serialized_network(parsed, config)
    del parser  # not before: the network uses its weights
    if plan is None:
        raise UserError(f"{recipe.onnx}: no engine came of it: {logger.worst or 'the builder does not say why'}")
    return bytes(plan)


def _parsed(trt: Any, builder: Any, logger: Any, recipe: Recipe, network: Path) -> tuple[Any, Any]:
    # TensorRT 11 and TensorRT for RTX know nothing else any more; TensorRT 10 must be told.
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    parsed = builder.create_network(0 if flag is None else 1 << int(flag))
    parser = trt.OnnxParser(parsed, logger)
    if not parser.parse_from_file(str(network)):
        raise UserError(f"{recipe.onnx}: {_parser_s_word(parser)}")
    return parsed, parser


def _parser_s_word(parser: Any) -> str:
    """One sentence, with the node that it stopped at."""
    if parser.num_errors == 0:
        return "TensorRT cannot read it"
    error = parser.get_error(0)
    what = _first_reason(error.desc())
    if not error.node_operator():
        return f"TensorRT cannot read it ({what})"
    code = str(error.code()).rpartition(".")[2].lower().replace("_", " ")
    return f"TensorRT does not take its node {error.node_name()!r}, a {error.node_operator()} ({code}: {what})"


def _first_reason(words: str) -> str:
    """The parser's own, without the lines that other errors left in it, and short."""
    lines = [line for line in words.splitlines() if line and not line.startswith(("Invalid Node", "["))]
    return (lines[0] if lines else words)[:200]


def _config(trt: Any, builder: Any, recipe: Recipe) -> Any:
    config = builder.create_builder_config()
    config.flags = sum(1 << int(_member(trt.BuilderFlag, name, "flag")) for name in recipe.flags)
    for name, size in recipe.limits:
        config.set_memory_pool_limit(_member(trt.MemoryPoolType, name, "limit"), size)
    if recipe.targets:  # only TensorRT for RTX builds for cards that are not there
        config.num_compute_capabilities = len(recipe.targets)
        for index, name in enumerate(recipe.targets):
            config.set_compute_capability(_member(trt.ComputeCapability, name, "target"), index)
    return config


def _member(enum: Any, name: str, what: str) -> Any:
    known = {key: value for key, value in enum.__members__.items() if key != "NONE"}
    if name not in known:
        raise UserError(f"the {what} {name!r} is not one of TensorRT's{did_you_mean(name, known)}")
    return known[name]


def _profile(builder: Any, parsed: Any, recipe: Recipe) -> Any:
    """One shape and no other: fixed shapes are what makes engines fast, and a size that drifts is found."""
    profile, shapes = builder.create_optimization_profile(), dict(recipe.shapes)
    for index in range(parsed.num_inputs):
        name = parsed.get_input(index).name
        profile.set_shape(name, shapes[name], shapes[name], shapes[name])
    return profile


def _monitor(trt: Any, tell: Tell) -> Any:
    class Monitor(trt.IProgressMonitor):
        """Tells of the outermost phase only: the others are many, and as long as they please."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
            if not parent:
                self._steps[phase] = steps

        def step_complete(self, phase: str, step: int) -> bool:
            if phase in self._steps:
                tell({"phase": "engine", "part": (step + 1) / max(self._steps[phase], 1)})
            return True

        def phase_finish(self, phase: str) -> None:
            self._steps.pop(phase, None)

    return Monitor()


def _tell(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _end_with_asker() -> None:
    while os.read(sys.stdin.fileno(), 1):  # not sys.stdin.read: Python cannot end while a thread is in that
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
