"""What an engine is to be made from, and how: the order for a build, and the name of what comes of it."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from vpengine.neural.engine_cache import EngineSpec, Shapes
from vpengine.neural.onnx_file import onnx_sha256
from vpengine.neural.tensorrt_flavours import FLAVOURS

PRECISIONS = ("float16", "stored")  # stored: as the file has it
AMPERE_ON = ("SM80", "SM86", "SM89", "SM120")
TURING = "SM75"  # TensorRT for RTX has no float32 matrices there: "FP32 GEMM is not supported"


def usual_targets(flavour: str, precision: str) -> tuple[str, ...]:
    """One engine for every card there is, where that can be; empty: for the card at hand."""
    if not FLAVOURS[flavour].portable:
        return ()
    return (TURING, *AMPERE_ON) if precision == "float16" else AMPERE_ON


@dataclass(frozen=True)
class Recipe:
    """An order for an engine.

    shapes: of every input. targets: compute capabilities as ``SM89``; with none, or ``CURRENT``, it is for the card at
    hand, and ``device`` says which that is. flags: the builder's, and no others. limits: of its memory pools, in bytes.
    """

    onnx: Path
    shapes: Shapes
    flavour: str = "rtx"
    precision: str = "float16"
    targets: tuple[str, ...] = (TURING, *AMPERE_ON)
    device: str = ""
    flags: tuple[str, ...] = ("TF32",)
    limits: tuple[tuple[str, int], ...] = ()

    def spec(self) -> EngineSpec:
        """Reads the whole network. Raises UserError where it, or the library, is missing."""
        return EngineSpec(
            flavour=self.flavour,
            library=FLAVOURS[self.flavour].version,
            system=f"{platform.system()} {platform.machine()}",
            targets=self.targets,
            device=self.device,
            onnx_sha256=onnx_sha256(self.onnx),
            precision=self.precision if self.precision == "stored" else f"{self.precision} by {_converter()}",
            shapes=self.shapes,
            flags=self.flags,
            limits=self.limits,
        )

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "onnx": str(self.onnx.resolve())})

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        read = json.loads(text)
        pairs = {name: tuple((key, _tuple(value)) for key, value in read[name]) for name in ("shapes", "limits")}
        tuples = {name: tuple(read[name]) for name in ("targets", "flags")}
        return cls(**{**read, **pairs, **tuples, "onnx": Path(read["onnx"])})


def _tuple(value: list[int] | int) -> tuple[int, ...] | int:
    return tuple(value) if isinstance(value, list) else value


def _converter() -> str:
    """What writes the float16 network (typed_onnx.py): another one may round otherwise."""
    return f"onnxruntime {metadata.version('onnxruntime')}, angles in float32"
