"""TensorRT with no card there: what it says then, and that no engine is used before it gave the golden answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.networks import small_network
from vpengine.errors import UserError
from vpengine.neural import RUNTIMES, engine_builder, tensorrt_runtime
from vpengine.neural.engine_cache import Engine, EngineCache, NotBuiltError
from vpengine.neural.engine_jit import JitFile, JitSpec, jit_files
from vpengine.neural.engine_probe import answer_of, probe_inputs
from vpengine.neural.engine_recipe import Recipe, usual_targets
from vpengine.neural.library_errors import FullMemoryError
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.tensorrt_flavours import FLAVOURS, own_target
from vpengine.neural.tensorrt_log import logger_of
from vpengine.neural.tensorrt_runtime import TensorRtRtxRuntime
from vpengine.plugins import load_plugin

Arrays = Mapping[str, np.ndarray]
ADA = SimpleNamespace(name="NVIDIA L4", capability=(8, 9), driver="580.65.06")
HOPPER = SimpleNamespace(name="NVIDIA H100", capability=(9, 0), driver="580.65.06")
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


def test_a_card_that_is_full_is_told_from_other_reasons(rtx: Any, engines: Any) -> None:
    """By TensorRT for RTX's diagnostic, and by the words of TensorRT, which has none."""
    members = rtx.EngineInvalidityDiagnostics
    full, other = (int(member) for member in (members.INSUFFICIENT_GPU_MEMORY, members.UNSUPPORTED_CC))
    for bits, words, kind in (
        (full | other, "", FullMemoryError),
        (other, "", UserError),
        (None, "[defaultAllocator.cpp::allocate::57] Error Code 1: Cuda Runtime (out of memory)", FullMemoryError),
        (None, "Cuda Runtime (unspecified launch failure)", UserError),
    ):
        says = SimpleNamespace(deserialize_cuda_engine=lambda data: None, logger=SimpleNamespace(worst=words))
        if bits is not None:
            says.get_engine_validity = lambda data, bits=bits: (0, bits)
        with pytest.raises(UserError) as found:
            engines.opened(rtx, says, b"", "small.onnx")
        assert type(found.value) is kind, (bits, words)


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
        rtx.IRuntimeConfig: ("cuda_graph_strategy", "create_runtime_cache", "set_runtime_cache"),
        rtx.IRuntimeCache: ("serialize", "deserialize"),
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


class CompilingLibrary(DoublingLibrary):
    """One that compiles when a context is made, as TensorRT for RTX does, unless its runtime cache has that."""

    CudaGraphStrategy = SimpleNamespace(WHOLE_GRAPH_CAPTURE=1)

    def __init__(self, card: Card, shape: tuple[int, ...]) -> None:
        super().__init__(card, shape)
        self.compiled, self.cache, self.takes = 0, b"", True

    def create_runtime_config(self) -> Any:
        return SimpleNamespace(create_runtime_cache=lambda: self, set_runtime_cache=lambda cache: self.takes)

    def deserialize(self, data: bytes) -> bool:
        self.cache = data if data == b"compiled" else b""
        return bool(self.cache)

    def serialize(self) -> bytes:
        return self.cache

    def create_execution_context(self, runtime_config: Any = None) -> Any:
        assert runtime_config.cuda_graph_strategy == 1
        if not self.cache:
            self.compiled, self.cache = self.compiled + 1, b"compiled"
        return self


def test_what_was_compiled_is_taken_at_the_next_start(
    engines: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is written once it has run; one that the library refuses is compiled anew, said, and written over."""
    jit = JitFile(tmp_path, "a" * 64, JitSpec("b" * 64, "NVIDIA L4", "580.65.06", "rtx 1.7"), "small.onnx: its engine")

    def compiled() -> int:
        card = Card()
        library = CompilingLibrary(card, (1, 3, 8, 8))
        engine = engines.TensorRtEngine(library, b"", (("x", (1, 3, 8, 8)),), card, "it", jit)
        assert (engine(ones())["y"] == 2.0).all()
        engine.keep_compiled()
        return library.compiled

    assert [compiled(), compiled()] == [1, 0]
    assert jit.read() == b"compiled"
    assert caplog.messages == []
    jit.write(b"of another driver")
    assert [compiled(), compiled()] == [1, 0]
    assert caplog.messages == [
        "small.onnx: its engine: what was compiled of it before is not for this card and driver; it is compiled anew."
    ]


class Bench:
    """A network of pretended engines. wrong: how many of them give another answer, from the first built on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wrong, self.built, self.opened = 0, list[Recipe](), 0
        self.cache = EngineCache(folder / "engines")
        self.path = small_network(folder / "small.onnx")
        self._truth = OnnxRuntime().load(self.path)
        self._module: Any = pytest.importorskip("vpengine.neural.tensorrt_network", reason="torch is not installed")
        monkeypatch.setattr(self._module, "TensorRtEngine", self.open)

    def network(self, card: Any = ADA) -> Any:
        return self._module.TensorRtNetwork(self.path, "rtx", "float16", self.cache, TRT, SimpleNamespace(card=card))

    def put(self, side: int = 8, targets: tuple[str, ...] = ("SM89",), device: str = "") -> Engine:
        recipe = Recipe(self.path, (("x", (1, 3, side, side)),), targets=targets, device=device)
        self.built.append(recipe)
        answer = answer_of(self._truth(probe_inputs([("x", dict(recipe.shapes)["x"], "float32")])))
        data = b"wrong" if len(self.built) <= self.wrong else b"right"
        return self.cache.put(recipe.spec(), data, {"probe": {"dtypes": {"x": "float32"}, "answer": answer}})

    def open(
        self, trt: Any, data: bytes, shapes: Any, device: Any, what: str, jit: JitFile
    ) -> Callable[[Arrays], Arrays]:
        self.opened += 1
        gain = 1.0 if data == b"right" else 1.05

        def running(inputs: Arrays) -> Arrays:
            return {name: gain * array for name, array in self._truth(inputs).items()}

        running.keep_compiled = lambda: jit.write(b"compiled")  # type: ignore[attr-defined]
        return running


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rtx: Any) -> Bench:
    del rtx  # whose version is in every key
    return Bench(tmp_path, monkeypatch)


def ones(side: int = 8) -> dict[str, np.ndarray]:
    return {"x": np.ones((1, 3, side, side), np.float32)}


def test_an_engine_is_opened_once_for_a_shape(bench: Bench) -> None:
    network = bench.network()
    for side in (8, 16):
        bench.put(side)
    for _ in range(2):
        for side in (8, 16):
            assert network(ones(side))["y"].shape == (1, 3, side, side)
    assert bench.opened == 2
    version = metadata.version("tensorrt-rtx")
    assert network.name == f"tensorrt-rtx {version} float16, {ADA.name}, driver {ADA.driver}"


def test_what_is_not_built_is_refused_and_not_built(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A show cannot wait for it; the other sizes go on."""

    def forbidden(*_: object) -> None:
        raise AssertionError("built")

    monkeypatch.setattr("vpengine.neural.engine_build._Build", forbidden)
    bench.put(8)
    network = bench.network()
    network(ones(8))
    with pytest.raises(
        NotBuiltError,
        match=r"small\.onnx: no engine is there for x=1x3x6x6 on NVIDIA L4, and none is built during a show; build it "
        r"before: vpengine engines build --stage STAGE --runtime tensorrt-rtx$",
    ):
        network(ones(6))
    assert network(ones(8))["y"].shape == (1, 3, 8, 8)
    with pytest.raises(NotBuiltError, match=r"--target CURRENT$"):
        bench.network(HOPPER)(ones(8))


def test_only_so_many_stay_on_the_card(bench: Bench) -> None:
    network = bench.network()
    most = load_plugin("vpengine.neural.tensorrt_network:MOST_ENGINES")
    for side in range(1, most + 2):
        bench.put(side)
    for side in (*range(1, most + 2), 1):
        network(ones(side))
    assert bench.opened == most + 2


def test_the_one_used_longest_ago_gives_way(bench: Bench) -> None:
    network = bench.network()
    most = load_plugin("vpengine.neural.tensorrt_network:MOST_ENGINES")
    for side in range(1, most + 2):
        bench.put(side)
    for side in (*range(1, most + 1), 1, most + 1, 1):  # the camera's own size comes between all others
        network(ones(side))
    assert bench.opened == most + 1


def test_one_that_drifts_is_set_aside(bench: Bench) -> None:
    bench.wrong = 1
    bench.put()
    with pytest.raises(
        UserError,
        match=r"small\.onnx: its engine is set aside, for its answer differs from onnxruntime's by 5.0%.*; build it "
        r'anew \(vpengine engines build .*\), or choose runtime = "onnxruntime"',
    ):
        bench.network()(ones())
    (reason,) = bench.cache.folder.glob("set-aside/*.reason")
    assert "differs from onnxruntime's by 5.0%" in reason.read_text()
    bench.put()
    np.testing.assert_array_equal(bench.network()(ones())["y"], 2.0)


def test_what_cards_compiled_lies_beside_the_engine(bench: Bench) -> None:
    """A file for each card; another driver's gives way to this one's. It counts, and goes with its engine."""
    kept = bench.put(targets=usual_targets("rtx", "float16"))
    newer = SimpleNamespace(name=ADA.name, capability=ADA.capability, driver="590.1")
    other = SimpleNamespace(name="NVIDIA A100", capability=(8, 0), driver=ADA.driver)
    for card, count in ((ADA, 1), (ADA, 1), (newer, 1), (other, 2)):
        bench.network(card)(ones())
        assert len(jit_files(bench.cache.folder, kept.key)) == count
    (entry,) = bench.cache.entries()
    assert entry.compiled == sum(path.stat().st_size for path in jit_files(bench.cache.folder)) > 0
    bench.cache.prune(everything=True)
    assert jit_files(bench.cache.folder) == []


@pytest.mark.parametrize(
    ("targets", "device", "card", "taken"),
    [
        (usual_targets("rtx", "float16"), "", ADA, True),
        (("SM89",), "", ADA, True),
        (("SM86", "SM89"), "", ADA, True),
        (("SM80", "SM86"), "", ADA, False),
        (("SM86", "SM89"), "", HOPPER, False),
        (("CURRENT",), "9.0 NVIDIA H100", HOPPER, True),
        (("CURRENT",), "9.0 NVIDIA H200", HOPPER, False),
    ],
)
def test_what_was_built_for_this_card_is_taken(
    bench: Bench, targets: tuple[str, ...], device: str, card: Any, taken: bool
) -> None:
    bench.put(targets=targets, device=device)
    if taken:
        bench.network(card)(ones())
    else:
        with pytest.raises(NotBuiltError):
            bench.network(card)(ones())
