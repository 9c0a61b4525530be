"""NVIDIA's two TensorRTs, as far as they are known without importing them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from vpengine.errors import UserError
from vpengine.neural.cuda_driver import driver_version


@dataclass(frozen=True)
class Flavour:
    """One of NVIDIA's two TensorRTs. They have the same Python API, but for where their engines run.

    runtime: its name in a stage file. extra: of vpengine's, that installs it. portable: whether it builds for cards
    that are not there.
    """

    module: str
    distribution: str
    runtime: str
    extra: str
    portable: bool

    @property
    def version(self) -> str:
        """Found without importing it. Raises UserError where it is not installed."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            raise UserError(
                f'runtime "{self.runtime}": {self.distribution} is not installed; '
                f'pip install "vpengine[{self.extra}]", or choose runtime = "onnxruntime"'
            ) from None


FLAVOURS = {
    "rtx": Flavour("tensorrt_rtx", "tensorrt-rtx", "tensorrt-rtx", "rtx", True),
    "enterprise": Flavour("tensorrt", "tensorrt", "tensorrt", "tensorrt", False),
}
FOR_CARDS = tuple(flavour.runtime for flavour in FLAVOURS.values())


def could_run(runtime: str) -> bool:
    """Whether that flavour is installed and NVIDIA's driver is there; nothing is imported that takes seconds."""
    flavour = next(flavour for flavour in FLAVOURS.values() if flavour.runtime == runtime)
    try:
        _ = flavour.version
    except UserError:
        return False
    return bool(driver_version())


def own_target(flavour: Flavour, trt: Any, card: Any) -> tuple[str, str]:
    """What to build for on ``card``: a compute capability, and the card itself where an engine is for it alone.

    A card that TensorRT for RTX has no name for is ``CURRENT``: the library takes it or says why not.
    """
    major, minor = card.capability
    name = f"SM{major}{minor}"
    if flavour.portable and name in trt.ComputeCapability.__members__:
        return name, ""
    return ("CURRENT" if flavour.portable else ""), f"{major}.{minor} {card.name}"
