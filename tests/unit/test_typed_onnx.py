"""Networks in float16: the same picture, the same inputs and outputs, and every precision written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from tests.networks import small_network
from vpengine.errors import UserError
from vpengine.neural import typed_onnx
from vpengine.neural.auto import probe_plate, psnr_db
from vpengine.neural.generator import part_way
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.typed_onnx import write_float16
from vpengine.neural.weather import WEIGHTS, Weather

SAME_DB = 65.0  # in ACEScct with peak 1; 71 dB when rounded after every node, 81 dB in onnxruntime


class Rounding:
    """onnx's own evaluator: slow, and it rounds after every node, where onnxruntime keeps float32 between some."""

    name = "onnx reference"

    def load(self, path: Path) -> Rounding:
        self._evaluator = ReferenceEvaluator(str(path))
        return self

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(self._evaluator.output_names, self._evaluator.run(None, dict(inputs)), strict=True))


@pytest.fixture(scope="module")
def weather16(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("typed") / "weather.onnx"
    write_float16(WEIGHTS, path)
    return path


@pytest.mark.parametrize("runtime", [OnnxRuntime, Rounding])
def test_weather_s_picture_is_the_same_in_float16(weather16: Path, runtime: type[OnnxRuntime] | type[Rounding]) -> None:
    plate = probe_plate((96, 56))
    pictures = []
    for path, of_this in ((WEIGHTS, OnnxRuntime()), (weather16, runtime())):
        generator = Weather(of_this, path)
        made = generator.generate(plate, part_way(generator, 0.4))
        assert made.gain.dtype == np.float32
        pictures.append(made.gain * plate.color_cct + made.bias)
    assert not np.array_equal(*pictures)
    assert psnr_db(*pictures) > SAME_DB


def test_the_typed_network_is_right_by_onnx_s_own_checker(weather16: Path) -> None:
    model = onnx.load(str(weather16))
    onnx.checker.check_model(model, full_check=True)
    kinds = Counter(value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output))
    assert kinds == {onnx.TensorProto.FLOAT: 6}
    weights = [weight for weight in model.graph.initializer if len(weight.dims) == 4]
    assert weights
    assert {weight.data_type for weight in weights} == {onnx.TensorProto.FLOAT16}


def test_one_that_is_too_large_for_one_file_keeps_its_weights_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_onnx, "LARGE_BYTES", 0)
    write_float16(small_network(tmp_path / "small.onnx"), tmp_path / "out.onnx")
    (found,) = OnnxRuntime().load(tmp_path / "out.onnx")({"x": np.ones((1, 3, 2, 2), np.float32)}).values()
    np.testing.assert_array_equal(found, 2.0)


def test_what_cannot_be_converted_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"x\.onnx"):
        write_float16(tmp_path / "x.onnx", tmp_path / "y.onnx")


def test_what_sines_are_taken_of_stays_float32(tmp_path: Path) -> None:
    """A diffusion model's time: at 999, float16 has steps of a half, which are a twelfth of a turn."""
    rates = numpy_helper.from_array(np.geomspace(1.0, 1e-3, 16, dtype=np.float32)[None], "rates")
    nodes = [
        helper.make_node("Mul", ["time", "rates"], ["angle"], name="angle"),
        helper.make_node("Sin", ["angle"], ["sine"], name="sine"),
        helper.make_node("Cos", ["angle"], ["cosine"], name="cosine"),
        helper.make_node("Concat", ["sine", "cosine"], ["both"], name="both", axis=1),
    ]
    given, found = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, size])
        for name, size in (("time", 1), ("both", 32))
    )
    graph = helper.make_graph(nodes, "time", [given], [found], [rates])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, str(tmp_path / "time.onnx"))
    write_float16(tmp_path / "time.onnx", tmp_path / "typed.onnx")
    time = np.array([[999.4]], np.float32)
    angles = time * np.geomspace(1.0, 1e-3, 16, dtype=np.float32)[None]
    (both,) = Rounding().load(tmp_path / "typed.onnx")({"time": time}).values()
    np.testing.assert_allclose(both, np.concatenate([np.sin(angles), np.cos(angles)], 1), atol=1e-3)
