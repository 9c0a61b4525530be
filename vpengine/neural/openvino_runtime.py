"""Networks on the CPU through OpenVINO in bfloat16, for processors that have it (AMX or AVX-512): twice as fast."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural.generator import Network

VERSION = metadata.version("openvino")
os.environ.setdefault("HWLOC_HIDE_ERRORS", "2")  # it prints a line of its own where a container has no /sys


class OpenVinoRuntime:
    """Raises UserError on a processor without bfloat16: there it has nothing over onnxruntime."""

    def __init__(self, threads: int = 1) -> None:
        self._core = openvino.Core()
        if "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise UserError('runtime "openvino": this processor has no bfloat16; choose runtime = "onnxruntime"')
        self._threads = threads
        self._options = {
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # a pinned thread would keep its core from the render loop
        }

    def load(self, path: Path, large: bool = False, exact: bool = False) -> Network:
        if not path.is_file():
            raise UserError(f"{path}: no such network; reinstall vpengine, or name one that exists")
        try:
            model = self._core.read_model(str(path))
        except RuntimeError as error:
            raise UserError(f"{path}: not a network that OpenVINO can load: {str(error)[:200]}") from error
        precision = "f32" if exact else "bf16"
        chosen = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": os.cpu_count() or 1 if large else self._threads,
        }
        return OpenVinoNetwork(self._core, model, self._options | chosen, f"openvino {VERSION} {precision}", large)


Shapes = tuple[tuple[str, tuple[int, ...]], ...]
MOST_SHAPES = 6  # that stay compiled; a governor and a surround ask for a few, over and over


class OpenVinoNetwork:
    """Compiled for the shapes of its first call, and once for any others: fixed shapes are what makes it fast.

    A large one is compiled once for all shapes: as fast, and each would take gigabytes and many seconds of its own.
    """

    def __init__(self, core: Any, model: Any, options: Mapping[str, Any], name: str, large: bool) -> None:
        self.name, self._large = name, large
        self._core, self._model, self._options = core, model, dict(options)
        self._outputs = [output.get_any_name() for output in model.outputs]
        self._requests: dict[Shapes, Any] = {}

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        found = self._request({name: array.shape for name, array in inputs.items()}).infer(
            dict(inputs), share_inputs=True
        )
        return {name: np.array(found[name]) for name in self._outputs}  # its own memory is written again by the next

    def _request(self, shapes: dict[str, tuple[int, ...]]) -> Any:
        key: Shapes = () if self._large else tuple(shapes.items())
        if key not in self._requests:
            if len(self._requests) >= MOST_SHAPES:
                del self._requests[next(iter(self._requests))]
            if not self._large:
                self._model.reshape(shapes)
            compiled = self._core.compile_model(self._model, "CPU", self._options)
            self._requests[key] = compiled.create_infer_request()
        return self._requests[key]
