"""Networks on torch: on the graphics card where there is one, else on the processor."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from vpengine.errors import UserError
from vpengine.neural.cuda_driver import card_in_words, driver_version
from vpengine.neural.generator import Network

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class TorchRuntime:
    """Where a generator's own modules run; there is no file format of its own to load."""

    def __init__(self) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # A sum in another order is another picture in the last bit, so the number of threads is part of what made it.
        self.threads = os.cpu_count() or 1
        if self.device.type == "cpu":
            torch.set_num_threads(self.threads)

    def load(self, path: Path, large: bool = False, exact: bool = False) -> Network:
        del large, exact
        raise UserError(f'{path}: the runtime "torch" runs no ONNX files; choose runtime = "auto"')

    def dtype(self, precision: str) -> torch.dtype:
        """Of ``precision``; for "auto" the one that this machine is fast with."""
        if precision != "auto":
            return DTYPES[precision]
        if self.device.type == "cuda":
            return torch.float16
        return torch.bfloat16 if torch.cpu.get_capabilities().get("avx512_bf16") else torch.float32

    def name(self, dtype: torch.dtype) -> str:
        if self.device.type == "cuda":
            where = card_in_words(torch.cuda.get_device_name(self.device), driver_version())
        else:
            where = f"{self.threads} threads"
        return f"torch {torch.__version__} {str(dtype).removeprefix('torch.')}, {where}"
