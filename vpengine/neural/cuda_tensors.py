"""Memory on an NVIDIA card, and a stream, through torch: TensorRT has neither of its own.

torch rather than cuda-bindings: its tensors free themselves, and generators that compute around their network on the
card have their numbers there already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural.cuda_driver import driver_version

INSTEAD = 'or choose runtime = "onnxruntime"'


@dataclass(frozen=True)
class Card:
    """name: NVIDIA's. capability: the compute capability, (8, 9). driver: its version, empty where it does not say."""

    name: str
    capability: tuple[int, int]
    driver: str = ""


class CudaTensors:
    """One card and one stream of this process. Raises UserError, with the cure, where there is no card to be had."""

    def __init__(self) -> None:
        if torch.version.cuda is None:
            raise UserError(
                f"no NVIDIA card can be used: the torch that is installed has no CUDA; install one that has, {INSTEAD}"
            )
        if not torch.cuda.is_available():
            raise UserError(
                "no NVIDIA card can be used: install NVIDIA's driver (nvidia-smi then lists the card; in a container "
                f"the card must be handed in), {INSTEAD}"
            )
        self.card = Card(torch.cuda.get_device_name(), torch.cuda.get_device_capability(), driver_version())
        self._stream = torch.cuda.Stream()

    @property
    def stream(self) -> int:
        """CUDA's handle of it."""
        return int(self._stream.cuda_stream)

    def buffer(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> CudaBuffer:
        return CudaBuffer(shape, dtype, self._stream)

    def wait(self) -> None:
        """Until the stream has done all that it was given."""
        self._stream.synchronize()


class CudaBuffer:
    """An array on the card, and pinned memory of its size here, so that copies are in the stream's order."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], stream: Any) -> None:
        kind = torch.from_numpy(np.empty(0, dtype)).dtype
        self._here = torch.empty(shape, dtype=kind, pin_memory=True)
        self._there = torch.empty(shape, dtype=kind, device="cuda")
        self._stream = stream

    @property
    def address(self) -> int:
        """On the card; it stays while this lives."""
        return int(self._there.data_ptr())

    def put(self, array: NDArray[Any]) -> None:
        """Not before the stream has done what it was given: the pinned memory is written at once."""
        self._here.numpy()[...] = array
        with torch.cuda.stream(self._stream):
            self._there.copy_(self._here, non_blocking=True)

    def fetch(self) -> NDArray[Any]:
        """What is there when the stream gets to it: a view, to be read after ``CudaTensors.wait``."""
        with torch.cuda.stream(self._stream):
            self._here.copy_(self._there, non_blocking=True)
        view: NDArray[Any] = self._here.numpy()
        return view
