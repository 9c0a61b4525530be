"""A network on an NVIDIA card, by engines: one for each shape that it is called with.

None is built here: that takes a minute and gigabytes, and a show goes on meanwhile. `vpengine engines build` does it
before. An engine answers the golden probe before it is used; one that drifts is set aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural.cuda_driver import card_in_words
from vpengine.neural.engine_cache import Engine, EngineCache, EngineSpec, NotBuiltError, Shapes
from vpengine.neural.engine_jit import JitFile, JitSpec
from vpengine.neural.engine_probe import probe_inputs, problem_of
from vpengine.neural.engine_recipe import Recipe, usual_targets
from vpengine.neural.onnx_file import fixed_shapes
from vpengine.neural.tensorrt_engine import TensorRtEngine
from vpengine.neural.tensorrt_flavours import FLAVOURS, own_target

MOST_ENGINES = 6  # that stay on the card; a governor and a surround ask for a few shapes, over and over


class TensorRtNetwork:
    def __init__(self, path: Path, flavour: str, precision: str, cache: EngineCache, trt: Any, device: Any) -> None:
        library = f"{FLAVOURS[flavour].runtime} {FLAVOURS[flavour].version}"
        self.name = f"{library} {precision}, {card_in_words(device.card.name, device.card.driver)}"
        self._path, self._flavour, self._precision = path, flavour, precision
        self._cache, self._trt, self._device = cache, trt, device
        self._engines: dict[Shapes, Any] = {}

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """The first call with a shape opens its engine. Raises UserError where it drifts or cannot be opened, and
        NotBuiltError where there is none.
        """
        shapes = tuple(sorted((name, array.shape) for name, array in inputs.items()))
        if shapes not in self._engines:
            if len(self._engines) >= MOST_ENGINES:
                del self._engines[next(iter(self._engines))]
            self._engines[shapes] = self._proven(fixed_shapes(self._path, dict(shapes)))
        running = self._engines[shapes] = self._engines.pop(shapes)  # the newest: the one used longest ago goes first
        answer: Mapping[str, NDArray[Any]] = running(inputs)
        return answer

    def _proven(self, shapes: Shapes) -> Any:
        """An engine that gave the golden answer."""
        kept = self._engine(shapes)
        what = f"{self._path}: its engine"
        running = TensorRtEngine(self._trt, kept.data, shapes, self._device, what, self._jit(kept, what))
        probe = kept.manifest["probe"]
        question = probe_inputs((name, shape, probe["dtypes"][name]) for name, shape in shapes)
        problem = problem_of(running(question), probe["answer"], self._precision)
        if problem:
            self._cache.set_aside(kept.key, problem)
            raise UserError(
                f"{self._path}: its engine is set aside, for {problem}; build it anew ({self._order}), or choose "
                'runtime = "onnxruntime"'
            )
        running.keep_compiled()
        return running

    def _jit(self, kept: Engine, what: str) -> JitFile:
        card, flavour = self._device.card, FLAVOURS[self._flavour]
        spec = JitSpec(
            kept.manifest["engine"]["sha256"], card.name, card.driver, f"{flavour.runtime} {flavour.version}"
        )
        return JitFile(self._cache.folder, kept.key, spec, what)

    def _engine(self, shapes: Shapes) -> Engine:
        """One that was built for this card, alone or among others. Raises NotBuiltError."""
        for spec in self._specs(shapes):
            found = self._cache.find(spec)
            if found is not None:
                return found
        sizes = " ".join(f"{name}={'x'.join(map(str, sides))}" for name, sides in shapes)
        raise NotBuiltError(
            f"{self._path}: no engine is there for {sizes} on {self._device.card.name}, and none is built during a "
            f"show; build it before: {self._order}"
        )

    def _specs(self, shapes: Shapes) -> Iterator[EngineSpec]:
        """All that would do: for every card as it is usual, for this one, and for the sets that somebody built for."""
        target, device = self._own
        usual = usual_targets(self._flavour, self._precision)
        sets = [usual] if target in usual else []
        alone = Recipe(self._path, shapes, self._flavour, self._precision, (target,) if target else (), device).spec()
        for entry in self._cache.entries() if not device else ():
            if target in entry.targets and entry.targets not in sets:
                sets.append(entry.targets)
        yield from (replace(alone, targets=targets) for targets in sets)
        yield alone

    @property
    def _own(self) -> tuple[str, str]:
        return own_target(FLAVOURS[self._flavour], self._trt, self._device.card)

    @property
    def _order(self) -> str:
        """The command that builds it."""
        current = " --target CURRENT" if self._own[0] == "CURRENT" else ""
        return f"vpengine engines build --stage STAGE --runtime {FLAVOURS[self._flavour].runtime}{current}"
