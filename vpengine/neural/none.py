"""The null twins: a generator that changes nothing, and a runtime that has no networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vpengine.control.controls import Value
from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural.generator import Generated, Generator, Network, Plate, Runtime


class NoGenerator(Generator):
    model_sha256 = runtime = ""

    def __init__(self, runtime: Runtime) -> None:
        del runtime

    def generate(self, plate: Plate, look: Look) -> Generated:
        return Generated(np.ones_like(plate.color_cct), np.zeros_like(plate.color_cct))

    @staticmethod
    def plain(values: Mapping[str, Value]) -> bool:
        del values
        return True


class NoRuntime:
    def load(self, path: Path, large: bool = False, exact: bool = False) -> Network:
        del large, exact
        raise UserError(f"{path}: the runtime 'none' runs no networks; choose runtime = \"onnxruntime\"")
