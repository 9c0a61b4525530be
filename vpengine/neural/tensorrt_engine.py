"""An engine that runs: deserialised, with its memory on the card. The library comes as a module: both have this API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural.cuda_tensors import CudaBuffer, CudaTensors
from vpengine.neural.engine_cache import Shapes
from vpengine.neural.engine_jit import JitFile
from vpengine.neural.library_errors import FullMemoryError, says_full_memory
from vpengine.neural.tensorrt_log import logger_of

FULL_MEMORY = "INSUFFICIENT_GPU_MEMORY"
WORDS = {
    "VERSION_MISMATCH": "it was built by another version of TensorRT: build it again",
    "UNSUPPORTED_CC": "it was not built for this card: build it again with --target for this one",
    "OLD_CUDA_DRIVER": "NVIDIA's driver is too old for it: install a newer one",
    "OLD_CUDA_RUNTIME": "the CUDA runtime is too old for it: install a newer tensorrt",
    FULL_MEMORY: "the card's free memory is too small for it: close other programs, or build it smaller",
    "MALFORMED_ENGINE": "it is no engine, or a broken one: vpengine engines verify, then build it again",
    "CUDA_ERROR": "CUDA does not work here: install NVIDIA's driver again",
}
NO_DRIVER = "NVIDIA's driver is missing or cannot be used: install it (nvidia-smi then lists the card)"


class TensorRtEngine:
    """Arrays by name in, arrays by name out, of the shapes that it was built for."""

    def __init__(
        self, trt: Any, data: bytes, shapes: Shapes, device: CudaTensors, what: str, jit: JitFile | None = None
    ) -> None:
        """jit: where what is compiled of it on this card lies, or is to. ``what`` names it.

        Raises UserError where the engine cannot run here, with the reason.
        """
        self._device, self._what = device, what
        self._logger = logger_of(trt)
        self._runtime = trt.Runtime(self._logger)  # must outlive the engine
        self._engine = opened(trt, self._runtime, data, what)
        self._jit, self._compiled = jit, None
        self._in_use: tuple[Any, ...] = ()  # what the context may go on using: nobody says that it holds it
        self._context = self._opened_context(trt)
        if self._context is None:
            why = self._logger.worst or "TensorRT does not say why"
            kind = FullMemoryError if says_full_memory(why) else UserError
            raise kind(f"{what}: it cannot run on this card: {why}")
        self._inputs, self._outputs = self._placed(trt, shapes)

    def _opened_context(self, trt: Any) -> Any:
        if not hasattr(trt, "CudaGraphStrategy"):  # TensorRT, which compiled all when it built
            return self._engine.create_execution_context()
        config = self._engine.create_runtime_config()
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        if self._jit is not None:
            compiled, known = config.create_runtime_cache(), self._jit.read()
            if known is not None and not compiled.deserialize(known):
                self._jit.refuse()
                known = None
            self._in_use = (config, compiled)
            if config.set_runtime_cache(compiled) and known is None:
                self._compiled = compiled
        return self._engine.create_execution_context(runtime_config=config)

    def keep_compiled(self) -> None:
        """Write down what was compiled here; once it has run, and where that was not known before."""
        data = self._compiled.serialize() if self._compiled is not None else None
        if self._jit is not None and data is not None:
            self._jit.write(bytes(data))
        self._compiled = None

    def _placed(self, trt: Any, shapes: Shapes) -> tuple[dict[str, CudaBuffer], dict[str, CudaBuffer]]:
        """A buffer for every input and output, at an address that stays: a CUDA graph keeps it."""
        engine, context = self._engine, self._context
        inputs, outputs = dict[str, CudaBuffer](), dict[str, CudaBuffer]()
        for name, shape in shapes:
            if not context.set_input_shape(name, shape):
                raise UserError(f"{self._what}: it was built for another shape of {name!r} than {shape}")
        for name in (engine.get_tensor_name(index) for index in range(engine.num_io_tensors)):
            dtype = np.dtype(trt.nptype(engine.get_tensor_dtype(name)))
            buffer = self._device.buffer(tuple(context.get_tensor_shape(name)), dtype)
            context.set_tensor_address(name, buffer.address)
            (inputs if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT else outputs)[name] = buffer
        return inputs, outputs

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        for name, buffer in self._inputs.items():
            buffer.put(inputs[name])
        if not self._context.execute_async_v3(self._device.stream):
            kind = FullMemoryError if says_full_memory(self._logger.worst) else RuntimeError
            raise kind(f"{self._what}: TensorRT could not run it: {self._logger.worst}")
        views = {name: buffer.fetch() for name, buffer in self._outputs.items()}
        self._device.wait()
        return {name: view.copy() for name, view in views.items()}  # the next call writes there again


def opened(trt: Any, runtime: Any, data: bytes, what: str) -> Any:
    """The engine of ``data``. Raises UserError with why it is none here: library, driver or card."""
    engine = runtime.deserialize_cuda_engine(data)
    if engine is not None:
        return engine
    reasons = [runtime.logger.worst or "TensorRT does not say why"]
    full = says_full_memory(reasons[0])
    if hasattr(runtime, "get_engine_validity"):  # TensorRT for RTX alone has it
        bits = int(runtime.get_engine_validity(data)[1])
        members = trt.EngineInvalidityDiagnostics.__members__.items()
        names = [name for name, value in members if bits & int(value)]
        reasons, full = words_of(names), FULL_MEMORY in names
    raise (FullMemoryError if full else UserError)(f"{what}: {'; '.join(reasons)}")


def words_of(diagnostics: Iterable[str]) -> list[str]:
    """Why an engine is invalid and what to do, for TensorRT's names. With none: so it says where no driver is."""
    return [WORDS.get(name, name.lower().replace("_", " ")) for name in diagnostics] or [NO_DRIVER]
