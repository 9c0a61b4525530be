"""The null twins: a generator that changes nothing, and a runtime that has no networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural.generator import Generated, Network, Plate, Runtime


class NoGenerator:
    model_sha256 = runtime = ""

    def __init__(self, runtime: Runtime) -> None:
        del runtime

    def generate(self, plate: Plate, look: Look) -> Generated:
        return Generated(np.ones_like(plate.color_cct), np.zeros_like(plate.color_cct))


class NoRuntime:
    def load(self, path: Path) -> Network:
        raise UserError(f"{path}: the runtime 'none' runs no networks; choose runtime = \"onnxruntime\"")
