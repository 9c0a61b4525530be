"""Networks on NVIDIA cards, through TensorRT for RTX (GeForce and RTX cards) or TensorRT (data centres' cards too).

What it needs is imported when a network is loaded: where that is missing, it says so in a sentence.
"""

from __future__ import annotations

import importlib
import logging
from pathlib import Path

from vpengine.errors import UserError
from vpengine.neural.engine_cache import EngineCache
from vpengine.neural.generator import Network
from vpengine.neural.tensorrt_flavours import FLAVOURS
from vpengine.plugins import load_plugin

log = logging.getLogger(__name__)

DEVICE = "vpengine.neural.cuda_tensors:CudaTensors"
NETWORK = "vpengine.neural.tensorrt_network:TensorRtNetwork"
INSTEAD = 'choose runtime = "onnxruntime"'


class TensorRtRuntime:
    """NVIDIA's TensorRT; its engines are for the very card that is there, and were built before."""

    flavour = "enterprise"

    def __init__(self, precision: str = "float16", cache: EngineCache | None = None) -> None:
        self._precision = precision
        self._cache = cache or EngineCache()

    def load(self, path: Path, large: bool = False, exact: bool = False) -> Network:
        """Raises UserError, with the cure, without the library, the driver or a card."""
        del large  # a card has one size
        flavour, precision = FLAVOURS[self.flavour], "stored" if exact else self._precision
        version = flavour.version
        if not path.is_file():
            raise UserError(f"{path}: no such network; reinstall vpengine, or name one that exists")
        try:
            trt, make_network = importlib.import_module(flavour.module), load_plugin(NETWORK)
            device = load_plugin(DEVICE)()
        except ImportError as error:
            raise UserError(
                f'runtime "{flavour.runtime}": it cannot be loaded ({error}); '
                f'pip install "vpengine[{flavour.extra}]", or {INSTEAD}'
            ) from error
        except UserError as error:
            raise UserError(f'runtime "{flavour.runtime}": {error}') from error
        log.info("%s %s on %s", flavour.runtime, version, device.card.name)
        network: Network = make_network(path, self.flavour, precision, self._cache, trt, device)
        return network


class TensorRtRtxRuntime(TensorRtRuntime):
    """NVIDIA's TensorRT for RTX; one engine is for many cards."""

    flavour = "rtx"
