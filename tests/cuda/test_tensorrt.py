"""Engines on a card: onnxruntime's picture, from engines that are kept, proven, and set aside when they drift."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.networks import small_network
from vpengine.errors import UserError
from vpengine.neural import RUNTIMES
from vpengine.neural.auto import AutoRuntime, probe_plate, psnr_db
from vpengine.neural.engine_build import ready_engine
from vpengine.neural.engine_cache import EngineCache
from vpengine.neural.engine_jit import jit_files
from vpengine.neural.engine_recipe import Recipe
from vpengine.neural.generator import Runtime, part_way
from vpengine.neural.onnx_file import fixed_shapes
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.tensorrt_flavours import FLAVOURS, own_target
from vpengine.neural.tensorrt_runtime import DEVICE
from vpengine.neural.weather import WEIGHTS, Weather, input_shapes
from vpengine.plugins import load_plugin
from vpengine.stage.state_folder import OVERRIDE

SIZES = ((160, 96), (96, 56), (160, 96))
MODULES = {"tensorrt-rtx": "tensorrt_rtx", "tensorrt": "tensorrt"}


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines")


@pytest.fixture(params=MODULES)
def runtime(request: pytest.FixtureRequest, cache: EngineCache, device: Any) -> Runtime:
    del device
    pytest.importorskip(MODULES[request.param], reason=f"{request.param} is not installed")
    made: Runtime = load_plugin(RUNTIMES[request.param])("float16", cache)
    try:
        build(made, small_network(cache.folder.parent / "try.onnx"), {"x": (1, 3, 8, 8)})
    except UserError as error:  # a card that this flavour does not build for
        pytest.skip(str(error))
    cache.prune(everything=True)
    return made


def build(runtime: Any, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """As `vpengine engines build` does, for the card that is here."""
    flavour = FLAVOURS[runtime.flavour]
    target, device = own_target(flavour, importlib.import_module(flavour.module), load_plugin(DEVICE)().card)
    targets = (target,) if target else ()
    recipe = Recipe(path, fixed_shapes(path, shapes), runtime.flavour, "float16", targets, device)
    ready_engine(recipe, runtime._cache)


def build_weather(runtime: Any) -> None:
    for size in dict.fromkeys(SIZES):
        build(runtime, WEIGHTS, input_shapes(size))


def pictures(runtime: Runtime) -> list[np.ndarray]:
    generator, made = Weather(runtime), []
    for size in SIZES:
        plate = probe_plate(size)
        generated = generator.generate(plate, part_way(generator, 0.4))
        made.append(generated.gain * plate.color_cct + generated.bias)
    return made


def test_the_picture_is_onnxruntime_s(runtime: Runtime, cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """In sizes that change, and nothing is built meanwhile."""
    build_weather(runtime)

    def forbidden(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr("vpengine.neural.engine_build._Build", forbidden)
    found = pictures(runtime)
    for picture, truth in zip(found, pictures(OnnxRuntime()), strict=True):
        assert psnr_db(picture, truth) > Weather.same_db
    np.testing.assert_array_equal(found[0], found[2])
    assert len(cache.entries()) == 2


def test_an_engine_that_drifts_is_set_aside(
    runtime: Runtime, cache: EngineCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is kept under a name that is not its own, with a manifest that says it is: only its answer tells."""
    ones = {"x": np.ones((1, 3, 8, 8), np.float32)}
    shapes = {"x": (1, 3, 8, 8)}
    build(runtime, small_network(tmp_path / "small.onnx"), shapes)
    (right,) = cache.entries()
    (tmp_path / "small.onnx").unlink()
    other = small_network(tmp_path / "small.onnx", gain=2.2)
    build(runtime, other, shapes)
    (wrong,) = [entry for entry in cache.entries() if entry.key != right.key]
    data = (cache.folder / f"{right.key}.engine").read_bytes()
    stored = json.loads((cache.folder / f"{wrong.key}.json").read_text())
    monkeypatch.setattr("vpengine.neural.engine_cache._manifest_problem", lambda manifest, key: "")
    stored["engine"] = json.loads((cache.folder / f"{right.key}.json").read_text())["engine"]
    (cache.folder / f"{wrong.key}.json").write_text(json.dumps(stored))
    (cache.folder / f"{wrong.key}.engine").write_bytes(data)
    with pytest.raises(UserError, match="its engine is set aside"):
        runtime.load(other)(ones)
    build(runtime, other, shapes)
    (found,) = runtime.load(other)(ones).values()
    np.testing.assert_allclose(found, 2.2, rtol=0.01)
    assert "differs from onnxruntime's" in (cache.folder / "set-aside" / f"{wrong.key}.reason").read_text()


def test_what_the_card_compiled_is_taken_at_the_next_start(
    runtime: Any, cache: EngineCache, caplog: pytest.LogCaptureFixture
) -> None:
    """TensorRT for RTX compiles for the card at hand: a second start takes that, and gives the same picture."""
    if runtime.flavour != "rtx":
        pytest.skip("tensorrt compiles when it builds")
    build_weather(runtime)
    first = pictures(runtime)
    files = {path: path.read_bytes() for path in jit_files(cache.folder)}
    assert len(files) == len(set(SIZES))
    for ours, theirs in zip(first, pictures(runtime), strict=True):
        assert psnr_db(ours, theirs) > 60.0
    assert {path: path.read_bytes() for path in jit_files(cache.folder)} == files
    assert caplog.messages == []
    for path in files:
        path.write_bytes(b"damaged")
    pictures(runtime)
    assert len(caplog.messages) == len(files)
    assert all(path.stat().st_size > 100 for path in files)


def test_auto_takes_it_where_every_size_is_built(
    runtime: Any, cache: EngineCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A card is faster than a thread of a processor; one size without an engine, and auto says how to build it."""
    monkeypatch.setenv(OVERRIDE, str(cache.folder.parent))
    name = FLAVOURS[runtime.flavour].runtime
    build_weather(runtime)
    chosen = AutoRuntime().choose(Weather, ("onnxruntime", name), tuple(dict.fromkeys(SIZES)))
    assert chosen.runtime == f"{name} float16"
    assert caplog.messages == []
    chosen = AutoRuntime().choose(Weather, ("onnxruntime", name), (SIZES[0], (64, 64)))
    assert chosen.runtime == "onnxruntime"
    assert "build it before: vpengine engines build" in caplog.text


def test_the_driver_has_a_version(device: Any) -> None:
    assert re.fullmatch(r"\d+(\.\d+)+", device.card.driver)


def test_weather_names_what_runs_it(runtime: Runtime) -> None:
    assert Weather(runtime, WEIGHTS).runtime.endswith("float16")
