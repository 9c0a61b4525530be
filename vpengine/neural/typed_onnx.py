"""A float32 network as a strongly typed float16 one: TensorRT 11 and TensorRT for RTX take precision from the file.

Weights and what flows between them become float16; what goes in and comes out stays float32, with a cast at each
border, so that whoever calls the network sees no difference. What sines and cosines are taken of stays float32: it may
be a diffusion model's time, of up to 1000, where float16 has steps of a half.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import onnx
import onnxruntime
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from vpengine.neural.library_errors import in_a_sentence
from vpengine.neural.onnx_file import files_of

CONVERTER = f"onnxruntime {onnxruntime.__version__}"
LARGE_BYTES = 1_900_000_000  # a message of protobuf ends at 2 GiB; above, shapes are inferred and weights kept in files


def write_float16(source: Path, target: Path) -> None:
    """Write ``source`` to ``target`` in float16. Raises UserError where it cannot be converted."""
    large = sum(file.stat().st_size for file in files_of(source)) > LARGE_BYTES
    with in_a_sentence(f"{source}: it cannot be turned into float16", "; build it with --precision stored"):
        angles = _angles(onnx.load(str(source), load_external_data=False).graph.node)
        whole = str(source) if large else onnx.load(str(source))
        model = convert_float_to_float16(whole, keep_io_types=True, node_block_list=angles)
    _unround(model.graph)
    OnnxModel.graph_topological_sort(model.graph)  # the converter appends its casts, and ONNX wants them before use
    onnx.save(model, str(target), save_as_external_data=large, location=f"{target.name}.data" if large else None)


def _angles(nodes: Iterable[onnx.NodeProto]) -> list[str]:
    """The names of all that sines and cosines are made from, and of themselves."""
    maker = {output: node for node in nodes for output in node.output}
    waiting = [node for node in maker.values() if node.op_type in ("Sin", "Cos")]
    found: dict[str, None] = {}
    while waiting:
        node = waiting.pop()
        if node.name not in found:
            found[node.name] = None
            waiting += [maker[name] for name in node.input if name in maker]
    return list(found)


def _unround(graph: onnx.GraphProto) -> None:
    """The converter has what goes from one float32 node to another rounded to float16 on the way, and gives one that
    goes to two of them two casts of the same name: neither is left.
    """
    maker = {output: node for node in graph.node for output in node.output}
    wide = {value.name for value in graph.input if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    for node in graph.node:
        for index, name in enumerate(node.input):
            rounded = _cast_from(maker.get(name), onnx.TensorProto.FLOAT)
            whole = _cast_from(maker.get(rounded), onnx.TensorProto.FLOAT16)
            if whole in wide or (whole and whole == f"{rounded}_cast_to_fp16"):
                node.input[index] = whole
    once = {node.output[0]: node for node in graph.node}.values()
    used = {name for node in once for name in node.input} | {value.name for value in graph.output}
    kept = [node for node in once if node.op_type != "Cast" or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(kept)


def _cast_from(node: onnx.NodeProto | None, to: int) -> str:
    """What a node casts to a type; empty where it does not."""
    if node is None or node.op_type != "Cast":
        return ""
    kind = next(attribute.i for attribute in node.attribute if attribute.name == "to")
    return str(node.input[0]) if kind == to else ""
