"""Building: engines of the shipped network with no GPU there, in a process of their own; the golden probe."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from tests.networks import small_network, weather_shapes
from vpengine.errors import UserError
from vpengine.neural import depth, engine_build, engine_builder
from vpengine.neural.engine_build import Progress, ready_engine
from vpengine.neural.engine_cache import EngineCache
from vpengine.neural.engine_probe import answer_of, drift, probe_inputs, problem_of
from vpengine.neural.engine_recipe import Recipe, usual_targets
from vpengine.neural.onnx_file import fixed_shapes
from vpengine.neural.tensorrt_log import logger_of
from vpengine.neural.weather import WEIGHTS

SMALL = (("x", (1, 3, 8, 8)),)


@pytest.fixture
def rtx() -> object:
    return pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install vpengine[rtx]")


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


def nothing(message: dict[str, object]) -> None:
    del message


@pytest.mark.usefixtures("rtx")
def test_the_shipped_network_is_built_and_kept(cache: EngineCache) -> None:
    recipe, seen = Recipe(WEIGHTS, weather_shapes()), list[Progress]()
    engine = ready_engine(recipe, cache, seen.append)
    assert len(engine.data) > 1_000_000
    assert {"float16", "golden answer", "engine"} <= {progress.phase for progress in seen}
    assert seen[-1].elapsed_s > 0.0
    assert seen[-1].memory_mb > 50.0
    assert any(progress.part for progress in seen)
    assert set(engine.manifest["probe"]["answer"]) == {"gain", "bias"}
    assert engine.manifest["probe"]["typed_drift"] < 0.005
    seen.clear()
    again = ready_engine(recipe, cache, seen.append)
    assert (again.data, again.manifest, seen) == (engine.data, engine.manifest, [])


@pytest.mark.usefixtures("rtx")
def test_the_shipped_depth_network_is_built_too(cache: EngineCache) -> None:
    width, height = depth.LONGER_SIDE, 6 * depth.MULTIPLE
    shapes = {"color": (1, 3, height, width), "plane": (1, 1, height, width)}
    engine = ready_engine(Recipe(depth.WEIGHTS, fixed_shapes(depth.WEIGHTS, shapes)), cache)
    assert len(engine.data) > 100_000
    assert 0.0 < engine.manifest["probe"]["typed_drift"] < 0.005


def test_whoever_orders_imports_no_builder() -> None:
    assert not hasattr(engine_build, "importlib")
    assert "tensorrt" not in Path(engine_build.__file__).read_text().replace("TensorRT", "")


def test_the_network_is_strongly_typed_and_computes_in_float16(rtx: object, tmp_path: Path) -> None:
    trt: object = rtx
    network = tmp_path / "typed.onnx"
    engine_builder.write_float16(WEIGHTS, network)
    logger = logger_of(trt)
    builder = trt.Builder(logger)  # type: ignore[attr-defined]
    recipe = Recipe(WEIGHTS, weather_shapes())
    parsed, _ = engine_builder._parsed(trt, builder, logger, recipe, network)
    assert parsed.get_flag(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)  # type: ignore[attr-defined]
    half, full = (getattr(trt, name) for name in ("float16", "float32"))
    layers = [parsed.get_layer(index) for index in range(parsed.num_layers)]
    convolutions = [layer for layer in layers if layer.type == trt.LayerType.CONVOLUTION]  # type: ignore[attr-defined]
    assert {layer.get_output(0).dtype for layer in convolutions} == {half}
    assert {parsed.get_input(index).dtype for index in range(4)} == {full}
    assert {parsed.get_output(index).dtype for index in range(2)} == {full}


@pytest.mark.usefixtures("rtx")
def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    recipe = Recipe(small_network(tmp_path / "small.onnx"), SMALL, precision="stored", targets=("SM89",))
    first, second = (engine_builder.built(recipe, recipe.onnx, nothing) for _ in range(2))
    assert first == second


@pytest.mark.usefixtures("rtx")
def test_a_node_that_is_not_taken_is_named(cache: EngineCache, tmp_path: Path) -> None:
    path = small_network(tmp_path / "small.onnx", operator="Mish")
    strange = path.read_bytes().replace(b"Mish", b"Hish")
    (tmp_path / "strange.onnx").write_bytes(strange)
    recipe = Recipe(tmp_path / "strange.onnx", SMALL, precision="stored")
    with pytest.raises(UserError, match=r"strange\.onnx: TensorRT does not take its node 'the_node', a Hish"):
        engine_builder.built(recipe, recipe.onnx, nothing)
    with pytest.raises(UserError, match=r"strange\.onnx: not a network that onnxruntime can load"):
        ready_engine(recipe, cache)
    assert cache.entries() == []


@pytest.mark.usefixtures("rtx")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"targets": ("SM88",)}, "the target 'SM88' is not one of TensorRT's; did you mean 'SM8"),
        ({"flags": ("TF31",)}, "did you mean 'TF32'"),
        ({"limits": (("WORKSPAC", 1),)}, "did you mean 'WORKSPACE'"),
    ],
)
def test_what_the_builder_does_not_know_is_one_sentence(
    tmp_path: Path, change: dict[str, tuple[str, ...]], sentence: str
) -> None:
    recipe = replace(Recipe(small_network(tmp_path / "small.onnx"), SMALL, precision="stored"), **change)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=sentence):
        engine_builder.built(recipe, recipe.onnx, nothing)


@pytest.mark.usefixtures("rtx")
def test_a_network_that_bears_no_float16_is_refused(tmp_path: Path) -> None:
    """A weight that is more than float16 has."""
    path = small_network(tmp_path / "loud.onnx", gain=1e6)
    with pytest.raises(UserError, match=r"loud\.onnx: it bears no float16.*--precision stored"):
        engine_builder.made(Recipe(path, SMALL, targets=("SM89",)), tmp_path, nothing)


@pytest.mark.usefixtures("rtx")
def test_two_that_order_the_same_build_it_once(cache: EngineCache, tmp_path: Path) -> None:
    recipe, seen = Recipe(small_network(tmp_path / "small.onnx"), SMALL, targets=("SM89",)), list[Progress]()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: ready_engine(recipe, cache, seen.append), range(2))
    assert first.data == second.data
    assert [progress.phase for progress in seen].count("done") == 1


@pytest.mark.usefixtures("rtx")
def test_a_build_is_cancelled(cache: EngineCache) -> None:
    cancelled = threading.Event()

    def cancel(progress: Progress) -> None:
        cancelled.set()

    with pytest.raises(UserError, match="cancelled; nothing was kept"):
        ready_engine(Recipe(WEIGHTS, weather_shapes()), cache, cancel, cancelled)
    assert cache.entries() == []


@pytest.mark.usefixtures("rtx")
def test_a_builder_that_dies_is_one_sentence(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_build, "BUILDER", "vpengine.neural.no_such_builder")
    with pytest.raises(UserError, match=r"weather\.onnx: the build ended with code 1 \(.*No module named"):
        ready_engine(Recipe(WEIGHTS, weather_shapes()), cache)


@pytest.mark.usefixtures("rtx")
def test_a_network_that_changes_meanwhile_is_not_kept(cache: EngineCache, tmp_path: Path) -> None:
    path = small_network(tmp_path / "small.onnx")

    def change(progress: Progress) -> None:
        if progress.phase == "done":
            small_network(path, gain=3.0)

    with pytest.raises(UserError, match="it changed while it was built"):
        ready_engine(Recipe(path, SMALL, targets=("SM89",)), cache, change)
    assert cache.entries() == []


@pytest.mark.usefixtures("rtx")
def test_a_builder_ends_with_its_asker(tmp_path: Path) -> None:
    """One that was killed closes its pipe; a build may take a minute more."""
    command = [sys.executable, "-c", "import time; from vpengine.neural import engine_builder as it; "]
    command[2] += "it.made = lambda *_: time.sleep(60.0); it.main()"
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(f"{Recipe(WEIGHTS, weather_shapes()).to_json()}\n{json.dumps(str(tmp_path))}\n")
        process.stdin.close()
        assert process.wait(timeout=20.0) == 1


@pytest.mark.usefixtures("rtx")
def test_other_weights_are_another_engine(tmp_path: Path) -> None:
    """Also where they are nearly the same, as with a LoRA that was fused at another strength."""
    keys = {Recipe(small_network(tmp_path / "small.onnx", gain=gain), SMALL).spec().key for gain in (2.0, 2.001, 2.0)}
    assert len(keys) == 2


def test_a_library_that_is_missing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(UserError, match=r'runtime "tensorrt": tensorrt is not installed; pip install "vpengine\[tenso'):
        Recipe(WEIGHTS, weather_shapes(), flavour="enterprise", targets=()).spec()


def test_a_recipe_survives_its_way_to_the_builder() -> None:
    recipe = Recipe(WEIGHTS, weather_shapes(), limits=(("WORKSPACE", 2**30),), device="8.9 NVIDIA L4")
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert usual_targets("enterprise", "float16") == ()


def test_turing_is_left_out_where_it_cannot_be() -> None:
    """Its float32 matrices; a network may have some."""
    assert set(usual_targets("rtx", "float16")) - set(usual_targets("rtx", "stored")) == {"SM75"}


OUTPUTS = {"gain": np.random.default_rng(1).normal(size=(1, 3, 50, 70)).astype(np.float32), "bias": np.zeros((1, 3))}


def test_the_probe_takes_what_rounding_does() -> None:
    answer = json.loads(json.dumps(answer_of(OUTPUTS)))
    assert drift(OUTPUTS, answer) == 0.0
    half = {name: array.astype(np.float16) for name, array in OUTPUTS.items()}
    assert 0.0 < drift(half, answer) < 0.001
    assert problem_of(half, answer, "float16") == ""


def nan(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed[..., -1] = np.nan
    return changed


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({**OUTPUTS, "gain": OUTPUTS["gain"] * 1.05}, "differs from onnxruntime's by 5.0%, and 3% may"),
        ({**OUTPUTS, "gain": OUTPUTS["gain"][..., ::-1]}, "differs"),
        ({**OUTPUTS, "bias": OUTPUTS["bias"] + 0.001}, "differs"),
        ({**OUTPUTS, "gain": nan(OUTPUTS["gain"])}, "not finite"),
        ({**OUTPUTS, "gain": OUTPUTS["gain"][..., :-1]}, "another shape"),
        ({"gain": OUTPUTS["gain"]}, "another shape"),
    ],
)
def test_the_probe_finds_what_drifts(outputs: dict[str, np.ndarray], words: str) -> None:
    assert words in problem_of(outputs, answer_of(OUTPUTS), "float16")


def test_the_probe_s_question_is_the_same_every_time() -> None:
    inputs = [("look", (1, 6), "float32"), ("color", (1, 3, 4, 4), "float16"), ("token", (1, 77), "int64")]
    first, second = probe_inputs(inputs), probe_inputs(reversed(inputs))
    for name, _, dtype in inputs:
        np.testing.assert_array_equal(first[name], second[name])
        assert first[name].dtype == dtype
    assert not first["token"].any()
