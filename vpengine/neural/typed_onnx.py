"""A float32 network as a strongly typed float16 one: TensorRT 11 and TensorRT for RTX take precision from the file.

Weights and what flows between them become float16; what goes in and comes out stays float32, with a cast at each
border, so that whoever calls the network sees no difference.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxruntime
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from vpengine.errors import UserError
from vpengine.neural.onnx_file import files_of

CONVERTER = f"onnxruntime {onnxruntime.__version__}"
LARGE_BYTES = 1_900_000_000  # a message of protobuf ends at 2 GiB; above, shapes are inferred and weights kept in files


def write_float16(source: Path, target: Path) -> None:
    """Write ``source`` to ``target`` in float16. Raises UserError where it cannot be converted."""
    large = sum(file.stat().st_size for file in files_of(source)) > LARGE_BYTES
    try:
        model = convert_float_to_float16(str(source) if large else onnx.load(str(source)), keep_io_types=True)
    except Exception as error:  # the converter's errors share no base
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{source}: it cannot be turned into float16 ({reason[:200]}); build it with --precision stored"
        ) from error
    OnnxModel.graph_topological_sort(model.graph)  # the converter appends its casts, and ONNX wants them before use
    onnx.save(model, str(target), save_as_external_data=large, location=f"{target.name}.data" if large else None)
