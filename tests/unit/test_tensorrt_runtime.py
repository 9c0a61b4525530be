"""TensorRT with no card there: what it says then, and that no engine is used before it gave the golden answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.networks import small_network
from vpengine.errors import UserError
from vpengine.neural import RUNTIMES, engine_builder, tensorrt_runtime
from vpengine.neural.engine_cache import Engine, EngineCache
from vpengine.neural.engine_probe import answer_of, probe_inputs
from vpengine.neural.engine_recipe import Recipe
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.tensorrt_flavours import FLAVOURS, own_target
from vpengine.neural.tensorrt_log import logger_of
from vpengine.neural.tensorrt_runtime import TensorRtRtxRuntime
from vpengine.plugins import load_plugin

Arrays = Mapping[str, np.ndarray]
ADA = SimpleNamespace(name="NVIDIA L4", capability=(8, 9))
HOPPER = SimpleNamespace(name="NVIDIA H100", capability=(9, 0))
TRT = SimpleNamespace(ComputeCapability=SimpleNamespace(__members__={"SM80": 80, "SM89": 89, "CURRENT": 1}))


@pytest.fixture
def rtx() -> Any:
    return pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install vpengine[rtx]")


@pytest.fixture
def engines() -> Any:
    """The module that runs engines."""
    pytest.importorskip("torch", reason="torch is not installed: pip install vpengine[rtx]")
    return pytest.importorskip("vpengine.neural.tensorrt_engine")


@pytest.mark.usefixtures("rtx", "engines")
def test_without_a_card_loading_says_so_and_what_to_do(tmp_path: Path) -> None:
    path = small_network(tmp_path / "small.onnx")
    try:
        load_plugin("vpengine.neural.cuda_tensors:CudaTensors")()
    except UserError:
        with pytest.raises(
            UserError, match=r'^runtime "tensorrt-rtx": no NVIDIA card can be used: .*install.*, or choo'
        ):
            TensorRtRtxRuntime().load(path)
    else:
        pytest.skip("there is a card")


@pytest.mark.usefixtures("rtx")
@pytest.mark.parametrize("missing", [tensorrt_runtime.NETWORK, "tensorrt_rtx"])
def test_without_a_library_loading_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def absent(name: str) -> Any:
        raise ImportError(f"No module named {name}")

    where = "load_plugin" if missing == tensorrt_runtime.NETWORK else "importlib"
    monkeypatch.setattr(
        tensorrt_runtime, where, absent if where == "load_plugin" else SimpleNamespace(import_module=absent)
    )
    with pytest.raises(UserError, match=rf'runtime "tensorrt-rtx": .*{missing}.*pip install "vpengine\[rtx\]"'):
        TensorRtRtxRuntime().load(small_network(tmp_path / "small.onnx"))


@pytest.mark.usefixtures("rtx")
def test_a_network_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"gone\.onnx: no such network"):
        TensorRtRtxRuntime().load(Path("gone.onnx"))


def test_both_flavours_are_runtimes() -> None:
    for flavour in FLAVOURS.values():
        assert FLAVOURS[load_plugin(RUNTIMES[flavour.runtime]).flavour] is flavour


def test_an_engine_that_cannot_be_opened_says_why(rtx: Any, engines: Any, tmp_path: Path) -> None:
    """For real: a good engine where there is no driver, and what is no engine at all."""
    recipe = Recipe(
        small_network(tmp_path / "small.onnx"), (("x", (1, 3, 8, 8)),), precision="stored", targets=("SM89",)
    )
    data = engine_builder.built(recipe, recipe.onnx, lambda message: None)
    runtime = rtx.Runtime(logger_of(rtx))
    if runtime.deserialize_cuda_engine(data) is None:
        with pytest.raises(UserError, match=r"small\.onnx: NVIDIA's driver is missing .*: install it"):
            engines.opened(rtx, runtime, data, "small.onnx")
    with pytest.raises(UserError, match=r"small\.onnx: it is no engine, or a broken one"):
        engines.opened(rtx, runtime, b"no engine" * 100, "small.onnx")


def test_every_diagnostic_has_words(rtx: Any, engines: Any) -> None:
    assert set(engines.WORDS) == set(rtx.EngineInvalidityDiagnostics.__members__)
    assert engines.words_of(["UNSUPPORTED_CC", "SOMETHING_NEW"])[1:] == ["something new"]


def test_the_bindings_have_what_is_used(rtx: Any) -> None:
    used = {
        rtx.Runtime: ("deserialize_cuda_engine", "get_engine_validity"),
        rtx.ICudaEngine: (
            *("create_runtime_config", "create_execution_context", "num_io_tensors", "get_tensor_name"),
            *("get_tensor_dtype", "get_tensor_mode"),
        ),
        rtx.IExecutionContext: ("set_input_shape", "get_tensor_shape", "set_tensor_address", "execute_async_v3"),
        rtx.IRuntimeConfig: ("cuda_graph_strategy",),
        rtx: ("nptype", "TensorIOMode", "CudaGraphStrategy"),
    }
    assert [(owner, name) for owner, names in used.items() for name in names if not hasattr(owner, name)] == []


def test_what_is_built_for_a_card() -> None:
    rtx, enterprise = FLAVOURS["rtx"], FLAVOURS["enterprise"]
    assert own_target(rtx, TRT, ADA) == ("SM89", "")
    assert own_target(rtx, TRT, HOPPER) == ("CURRENT", "9.0 NVIDIA H100")
    assert own_target(enterprise, TRT, ADA) == ("", "8.9 NVIDIA L4")


class Card:
    """Pretended memory: buffers that lie at numbers. What is asked of it is done at once, in order."""

    stream = 4711

    def __init__(self) -> None:
        self.arrays: dict[int, np.ndarray] = {}

    def buffer(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        address = 1000 + len(self.arrays)
        self.arrays[address] = np.zeros(shape, dtype)
        array = self.arrays[address]
        return SimpleNamespace(address=address, put=lambda given: np.copyto(array, given), fetch=lambda: array)

    def wait(self) -> None:
        pass


class DoublingLibrary:
    """Pretended bindings whose one engine has an input x and an output y = 2 x of its shape."""

    class ILogger:
        Severity = SimpleNamespace(ERROR=1, INTERNAL_ERROR=0)

    TensorIOMode = SimpleNamespace(INPUT="input", OUTPUT="output")
    nptype = staticmethod(lambda dtype: dtype)

    def __init__(self, card: Card, shape: tuple[int, ...]) -> None:
        self._card, self._shape, self.fails = card, shape, False
        self._addresses: dict[str, int] = {}
        self.num_io_tensors = 2

    def Runtime(self, logger: Any) -> Any:  # noqa: N802 - the library's name
        return SimpleNamespace(logger=logger, deserialize_cuda_engine=lambda data: self)

    def create_execution_context(self) -> Any:
        return self

    def get_tensor_name(self, index: int) -> str:
        return "xy"[index]

    def get_tensor_mode(self, name: str) -> str:
        return {"x": "input", "y": "output"}[name]

    def get_tensor_dtype(self, name: str) -> type:
        return np.float32

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shape

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        return shape == self._shape

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == self._card.stream
        x, y = (self._card.arrays[self._addresses[name]] for name in "xy")
        np.multiply(x, 2.0, out=y)
        return not self.fails


def test_an_engine_s_answers_stay_when_it_is_called_again(engines: Any) -> None:
    card = Card()
    library = DoublingLibrary(card, (1, 3, 8, 8))
    engine = engines.TensorRtEngine(library, b"", (("x", (1, 3, 8, 8)),), card, "it")
    first, second = engine(ones()), engine({"x": 3.0 * ones()["x"]})
    np.testing.assert_array_equal(first["y"], 2.0)
    np.testing.assert_array_equal(second["y"], 6.0)
    library.fails = True
    with pytest.raises(RuntimeError, match="it: TensorRT could not run it"):
        engine(ones())
    with pytest.raises(UserError, match="it was built for another shape of 'x'"):
        engines.TensorRtEngine(library, b"", (("x", (1, 3, 8, 9)),), card, "it")


class Bench:
    """A network of pretended engines. wrong: how many of them give another answer, from the first built on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wrong, self.built, self.opened = 0, list[Recipe](), 0
        self.cache = EngineCache(folder / "engines")
        self.path = small_network(folder / "small.onnx")
        self._truth = OnnxRuntime().load(self.path)
        self._module: Any = pytest.importorskip("vpengine.neural.tensorrt_network", reason="torch is not installed")
        monkeypatch.setattr(self._module, "ready_engine", self.ready)
        monkeypatch.setattr(self._module, "TensorRtEngine", self.open)

    def network(self, card: Any = ADA) -> Any:
        return self._module.TensorRtNetwork(self.path, "rtx", "float16", self.cache, TRT, SimpleNamespace(card=card))

    def ready(self, recipe: Recipe, cache: EngineCache) -> Engine:
        return cache.find(recipe.spec()) or self.put(recipe)

    def put(self, recipe: Recipe) -> Engine:
        self.built.append(recipe)
        answer = answer_of(self._truth(probe_inputs([("x", dict(recipe.shapes)["x"], "float32")])))
        data = b"wrong" if len(self.built) <= self.wrong else b"right"
        return self.cache.put(recipe.spec(), data, {"probe": {"dtypes": {"x": "float32"}, "answer": answer}})

    def open(self, trt: Any, data: bytes, shapes: Any, device: Any, what: str) -> Callable[[Arrays], Arrays]:
        self.opened += 1
        gain = 1.0 if data == b"right" else 1.05
        return lambda inputs: {name: gain * array for name, array in self._truth(inputs).items()}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rtx: Any) -> Bench:
    del rtx  # whose version is in every key
    return Bench(tmp_path, monkeypatch)


def ones(side: int = 8) -> dict[str, np.ndarray]:
    return {"x": np.ones((1, 3, side, side), np.float32)}


def test_an_engine_is_built_once_for_a_shape(bench: Bench) -> None:
    network = bench.network()
    for _ in range(2):
        for side in (8, 16):
            assert network(ones(side))["y"].shape == (1, 3, side, side)
    assert [(recipe.targets, dict(recipe.shapes)["x"][2]) for recipe in bench.built] == [
        (("SM89",), 8),
        (("SM89",), 16),
    ]
    bench.network()(ones())
    assert len(bench.built) == 2
    assert network.name == "tensorrt-rtx float16"


def test_only_so_many_stay_on_the_card(bench: Bench) -> None:
    network = bench.network()
    most = load_plugin("vpengine.neural.tensorrt_network:MOST_ENGINES")
    for side in (*range(1, most + 2), 1):
        network(ones(side))
    assert (len(bench.built), bench.opened) == (most + 1, most + 2)


def test_one_that_drifts_is_set_aside_and_built_anew(bench: Bench) -> None:
    bench.wrong = 1
    np.testing.assert_array_equal(bench.network()(ones())["y"], 2.0)
    assert len(bench.built) == 2
    (reason,) = bench.cache.folder.glob("set-aside/*.reason")
    assert "differs from onnxruntime's by 5.0%" in reason.read_text()


def test_one_that_drifts_again_is_given_up(bench: Bench) -> None:
    bench.wrong = 2
    with pytest.raises(
        UserError, match=r'small\.onnx: its engine was built anew, and .*differs.*runtime = "onnxruntime"'
    ):
        bench.network()(ones())
    assert bench.cache.entries() == []


def test_what_was_built_for_all_cards_is_taken(bench: Bench) -> None:
    bench.put(Recipe(bench.path, (("x", (1, 3, 8, 8)),)))
    bench.network()(ones())
    assert len(bench.built) == 1
    bench.network(HOPPER)(ones())
    assert [recipe.device for recipe in bench.built] == ["", "9.0 NVIDIA H100"]
