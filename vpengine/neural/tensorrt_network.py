"""A network on an NVIDIA card, by engines: one for each shape that it is called with.

An engine is found in the cache or built when a shape is first asked for; `vpengine engines build` does that before a
show. It answers the golden probe before it is used: one that drifts is set aside, and built anew once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural.engine_build import ready_engine
from vpengine.neural.engine_cache import Engine, EngineCache, Shapes
from vpengine.neural.engine_probe import probe_inputs, problem_of
from vpengine.neural.engine_recipe import Recipe, usual_targets
from vpengine.neural.onnx_file import fixed_shapes
from vpengine.neural.tensorrt_engine import TensorRtEngine
from vpengine.neural.tensorrt_flavours import FLAVOURS, own_target

log = logging.getLogger(__name__)

MOST_ENGINES = 6  # that stay on the card; a governor and a surround ask for a few shapes, over and over


class TensorRtNetwork:
    def __init__(self, path: Path, flavour: str, precision: str, cache: EngineCache, trt: Any, device: Any) -> None:
        self.name = f"{FLAVOURS[flavour].runtime} {precision}"
        self._path, self._flavour, self._precision = path, flavour, precision
        self._cache, self._trt, self._device = cache, trt, device
        self._engines: dict[Shapes, Any] = {}

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """The first call with a shape may build its engine. Raises UserError where that cannot be, or it drifts."""
        shapes = tuple(sorted((name, array.shape) for name, array in inputs.items()))
        if shapes not in self._engines:
            if len(self._engines) >= MOST_ENGINES:
                del self._engines[next(iter(self._engines))]
            self._engines[shapes] = self._proven(fixed_shapes(self._path, dict(shapes)))
        answer: Mapping[str, NDArray[Any]] = self._engines[shapes](inputs)
        return answer

    def _proven(self, shapes: Shapes) -> Any:
        """An engine that gave the golden answer, made anew once where one that was kept does not."""
        problem = ""
        for _ in range(2):
            kept = self._engine(shapes)
            running = TensorRtEngine(self._trt, kept.data, shapes, self._device, f"{self._path}: its engine")
            probe = kept.manifest["probe"]
            question = probe_inputs((name, shape, probe["dtypes"][name]) for name, shape in shapes)
            problem = problem_of(running(question), probe["answer"], self._precision)
            if not problem:
                return running
            self._cache.set_aside(kept.key, problem)
            log.warning("%s: its engine is set aside, and built anew: %s", self._path, problem)
        raise UserError(f'{self._path}: its engine was built anew, and {problem}; choose runtime = "onnxruntime"')

    def _engine(self, shapes: Shapes) -> Engine:
        """One that was built for all cards before, or one for this card."""
        order = partial(Recipe, self._path, shapes, self._flavour, self._precision)
        everywhere = usual_targets(self._flavour, self._precision)
        target, device = own_target(FLAVOURS[self._flavour], self._trt, self._device.card)
        if target in everywhere:
            found = self._cache.find(order(everywhere).spec())
            if found is not None:
                return found
        return ready_engine(order((target,) if target else (), device), self._cache)
