"""Networks on the CPU through onnxruntime: one thread, or all for large ones; no spinning: the loop keeps its core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural.generator import Network
from vpengine.neural.library_errors import in_a_sentence


class OnnxRuntime:
    def __init__(self, threads: int = 1) -> None:
        self._threads = threads

    def load(self, path: Path, large: bool = False, exact: bool = False) -> Network:
        del exact  # it always is
        if not path.is_file():
            raise UserError(f"{path}: no such network; reinstall vpengine, or name one that exists")
        threads = os.cpu_count() or 1 if large else self._threads
        with in_a_sentence(f"{path}: not a network that onnxruntime can load"):
            session = onnxruntime.InferenceSession(str(path), _options(threads), providers=["CPUExecutionProvider"])
        return OnnxNetwork(session)


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The default spins a core while it waits, which the render loop needs (NEURAL 4c).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


class OnnxNetwork:
    name = f"onnxruntime {onnxruntime.__version__}"

    def __init__(self, session: Any) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]

    @property
    def inputs(self) -> dict[str, tuple[int | None, ...]]:
        """What it takes, by name; None for a side that is free."""
        return {
            taken.name: tuple(side if isinstance(side, int) else None for side in taken.shape)
            for taken in self._session.get_inputs()
        }

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return dict(zip(self._outputs, self._session.run(self._outputs, dict(inputs)), strict=True))
