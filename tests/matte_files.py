"""Small networks as ONNX files, that tests of the matte refiner know the answers of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FACTS = 8


def save_matte(
    file: Path, weights: Sequence[float] = (0.0,) * FACTS, bias: float = 0.0, output: str = "correction"
) -> Path:
    """A network that answers a pixel's facts times ``weights``, plus ``bias``."""
    kernel = numpy_helper.from_array(np.array(weights, np.float32).reshape(1, -1, 1, 1), "kernel")
    offset = numpy_helper.from_array(np.array([bias], np.float32), "offset")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["facts", "kernel", "offset"], [output])],
        "matte",
        [helper.make_tensor_value_info("facts", TensorProto.FLOAT, [1, len(weights), "height", "width"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 1, "height", "width"])],
        [kernel, offset],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(file))
    return file
