"""Small ONNX networks for tests, and what the shipped one takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from vpengine.neural.onnx_file import Shape, fixed_shapes
from vpengine.neural.weather import WEIGHTS, input_shapes

SIDES = ["height", "width"]


def weather_shapes(height: int = 48, width: int = 64) -> tuple[tuple[str, Shape], ...]:
    return fixed_shapes(WEIGHTS, input_shapes((width, height)))


def small_network(path: Path, operator: str = "Relu", gain: float = 2.0, beside: bool = False) -> Path:
    """y = operator(gain * x), of float32 (1, 3, height, width). ``beside``: its weights lie in a file of their own."""
    value = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, *SIDES])
    found = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 3, *SIDES])
    weights = numpy_helper.from_array(np.full((1, 3, 1, 1), gain, np.float32), "gain")
    nodes = [
        helper.make_node("Mul", ["x", "gain"], ["scaled"], name="scale"),
        helper.make_node(operator, ["scaled"], ["y"], name="the_node"),
    ]
    graph = helper.make_graph(nodes, "small", [value], [found], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    place = f"{path.name}.weights" if beside else None
    (path.parent / f"{path.name}.weights").unlink(missing_ok=True)  # onnx appends
    onnx.save(model, str(path), save_as_external_data=beside, location=place, size_threshold=0)
    return path
