"""ONNX files: their hash sees every weight, and what they take is what is asked for."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from tests.networks import small_network
from vpengine.errors import UserError
from vpengine.neural.onnx_file import Taken, fixed_shapes, inputs_of, onnx_sha256
from vpengine.neural.weather import WEIGHTS


def test_weights_change_the_hash_wherever_they_lie(tmp_path: Path) -> None:
    small_network(tmp_path / "a.onnx", beside=True)
    before = onnx_sha256(tmp_path / "a.onnx")
    small_network(tmp_path / "a.onnx", beside=True)
    assert onnx_sha256(tmp_path / "a.onnx") == before
    data = bytearray((tmp_path / "a.onnx.weights").read_bytes())
    data[1] ^= 1
    (tmp_path / "a.onnx.weights").write_bytes(data)
    assert onnx_sha256(tmp_path / "a.onnx") != before
    assert onnx_sha256(small_network(tmp_path / "b.onnx")) != onnx_sha256(small_network(tmp_path / "b.onnx", gain=2.1))


def test_weights_that_are_missing_or_elsewhere_are_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = small_network(folder / "a.onnx", beside=True)
    (folder / "a.onnx.weights").rename(tmp_path / "a.onnx.weights")
    with pytest.raises(UserError, match=r"a\.onnx\.weights.*missing"):
        onnx_sha256(path)
    model = onnx.load(str(path), load_external_data=False)
    model.graph.initializer[0].external_data[0].value = "../a.onnx.weights"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="outside its folder"):
        onnx_sha256(path)


@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_what_is_no_network_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"x\.onnx: (not an ONNX file|no such network)"):
        inputs_of(path)


def test_what_it_takes() -> None:
    assert inputs_of(WEIGHTS)[0] == Taken("color", (1, 3, None, None), "float32")
    given = {"color": (1, 3, 48, 64), "inverse_depth": (1, 1, 48, 64), "noise": (1, 1, 48, 64)}
    assert dict(fixed_shapes(WEIGHTS, given)) == {**given, "look": (1, 6)}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "--shape x=1x3x.x."),
        ({"x": (1, 4, 8, 8)}, "1x3x.x., which 1x4x8x8 does not fit"),
        ({"x": (1, 3, 8)}, "which 1x3x8 does not fit"),
        ({"x": (1, 3, 0, 8)}, "which 1x3x0x8 does not fit"),
        ({"x": (1, 3, 8, 8), "xx": (1,)}, "no input 'xx'; did you mean 'x'"),
    ],
)
def test_shapes_that_do_not_fit_are_one_sentence(tmp_path: Path, given: dict[str, tuple[int]], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        fixed_shapes(small_network(tmp_path / "small.onnx"), given)
