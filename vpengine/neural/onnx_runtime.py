"""Networks on the CPU through onnxruntime: one thread, no spinning, so that the loop keeps its core."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural.generator import Network


class OnnxRuntime:
    def __init__(self, threads: int = 1) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        # The default spins a core while it waits, which the render loop needs (NEURAL 4c).
        self._options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._options.log_severity_level = 3

    def load(self, path: Path) -> Network:
        if not path.is_file():
            raise UserError(f"{path}: no such network; reinstall vpengine, or name one that exists")
        try:
            session = onnxruntime.InferenceSession(str(path), self._options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no public base
            raise UserError(f"{path}: not a network that onnxruntime can load: {str(error)[:200]}") from error
        return OnnxNetwork(session)


class OnnxNetwork:
    name = "onnxruntime"

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
