"""The matte refiner's network: what it is told, what it answers, and what is no such network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.matte_files import save_matte
from vpengine.errors import UserError
from vpengine.neural.matte import load_matte

WEIGHTS = (1.0, 0.0, 0.5, 0.0, 0.0, 2.0, 0.0, 0.0)


def test_its_facts_are_the_keys_and_a_size_that_does_not_divide_is_padded(tmp_path: Path) -> None:
    matte = load_matte(save_matte(tmp_path / "m.onnx", WEIGHTS, 0.25))
    rng = np.random.default_rng(1)
    chroma, luma = (rng.uniform(0.0, 1.0, (31, 45, 4)).astype(np.float16) for _ in range(2))
    expected = np.concatenate([chroma, luma], axis=-1).astype(np.float32) @ np.array(WEIGHTS, np.float32) + 0.25
    np.testing.assert_allclose(matte(chroma, luma), expected, atol=1e-5)
    assert matte.runtime.partition(" ")[0] == "onnxruntime"


def test_where_alpha_is_sure_the_network_is_not_asked(tmp_path: Path) -> None:
    matte = load_matte(save_matte(tmp_path / "m.onnx", bias=0.25))
    chroma = np.zeros((100, 140, 4), np.float16)
    chroma[:, 70:, 0] = 1.0
    assert not matte(chroma, chroma).any()
    chroma[60, 80, 0] = 0.5
    found = matte(chroma, chroma)
    assert set(np.unique(found)) == {0.0, 0.25}
    np.testing.assert_array_equal(found[40:80, 60:100], 0.25)  # all that the network sees around it
    assert not found[:30].any()
    assert not found[:, :40].any()


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"m\.onnx: no such network"):
        load_matte(tmp_path / "m.onnx")


def test_a_file_that_is_no_network_is_told(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"m\.onnx: not a network that onnxruntime can load"):
        load_matte(tmp_path / "m.onnx")


@pytest.mark.parametrize(("weights", "output"), [((0.0,) * 3, "correction"), ((0.0,) * 8, "alpha")])
def test_a_network_of_another_kind_is_told(tmp_path: Path, weights: tuple[float, ...], output: str) -> None:
    file = save_matte(tmp_path / "m.onnx", weights, output=output)
    with pytest.raises(UserError, match=r"m\.onnx: no matte refiner: its network failed .* expected facts"):
        load_matte(file)


def test_it_runs_on_openvino_too_and_on_the_processor_where_a_stage_has_another(tmp_path: Path) -> None:
    file = save_matte(tmp_path / "m.onnx", WEIGHTS)
    assert load_matte(file, "tensorrt").runtime.partition(" ")[0] == "onnxruntime"
    pytest.importorskip("openvino", reason="openvino is not installed")
    other, chroma = load_matte(file, "openvino"), np.full((16, 24, 4), 0.5, np.float16)
    assert other.runtime.partition(" ")[0] == "openvino"
    np.testing.assert_allclose(other(chroma, chroma), load_matte(file)(chroma, chroma), atol=1e-2)
