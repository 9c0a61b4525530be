"""``vpengine engines``: built once, listed, looked into, taken away; every mistake one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.networks import small_network
from vpengine.cli.main import app
from vpengine.compose.request import asked_sizes
from vpengine.errors import UserError
from vpengine.files import read_files
from vpengine.neural.auto import probe_plate
from vpengine.neural.engine_cache import EngineCache, EngineSpec
from vpengine.neural.engine_jit import JitFile, JitSpec
from vpengine.neural.generator import part_way
from vpengine.neural.ladder import SMALLER
from vpengine.neural.weather import WEIGHTS, Weather, input_shapes
from vpengine.stage.state_folder import OVERRIDE


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(OVERRIDE, str(tmp_path / "state"))
    return tmp_path / "state" / "engines"


@pytest.fixture
def rtx() -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install vpengine[rtx]")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["engines", *map(str, arguments)])


def said(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("rtx")
def test_the_shipped_network_is_built_once(folder: Path) -> None:
    order = ("build", "weather", "--resolution", "60x40", "--target", "sm89", "--target", "SM86")
    assert "color=1x3x40x64" in said(*order)
    assert "for SM86 SM89" in said("list")
    assert "there already" in said(*order)
    (entry,) = EngineCache(folder).entries()
    assert f"{entry.key[:12]} " in said("list")
    assert "1 engines, none broken" in said("verify")


@pytest.mark.usefixtures("rtx")
def test_a_file_s_sizes_are_said_by_input(tmp_path: Path) -> None:
    path = small_network(tmp_path / "small.onnx")
    out = said("build", path, "--shape", "x=1x3x8x16", "--precision", "stored")
    assert "small.onnx stored x=1x3x8x16 for SM80 SM86 SM89 SM120" in out


@pytest.mark.slow
@pytest.mark.usefixtures("rtx")
def test_every_size_that_a_stage_may_ask_for_is_built(small_stage: Path, folder: Path) -> None:
    """The governor's and the ladder's smaller pictures and the surround's too: during a show nothing is built."""
    text = small_stage.read_text(encoding="utf-8")
    small_stage.write_text(
        text.replace('generator = "none"', 'generator = "weather"\nsurround_resolution = 48'), "utf-8"
    )
    said("build", "--stage", small_stage, "--runtime", "tensorrt-rtx", "--target", "SM89")
    neural = read_files(small_stage, None, False, surrounds=False).stage.neural
    sizes = {*asked_sizes(neural), *asked_sizes(neural, SMALLER)}
    assert len(sizes) == 4
    built = {tuple(entry.manifest["spec"]["shapes"][0][1]) for entry in EngineCache(folder).entries()}
    assert built == {input_shapes(size)["color"] for size in sizes}


def test_what_was_compiled_is_listed_and_counted(tmp_path: Path, folder: Path) -> None:
    shapes = (("x", (1, 3, 8, 8)),)
    spec = EngineSpec("rtx", "1", "Linux", ("SM89",), "", "a" * 64, "stored", shapes)
    kept = EngineCache(folder).put(spec, b"engine" * 100_000, {"network": "small.onnx"})
    JitFile(folder, kept.key, JitSpec("b" * 64, "NVIDIA L4", "580", "1"), "it").write(b"x" * 2_000_000)
    out = said("list")
    assert "small.onnx stored x=1x3x8x8 for SM89, 1, 2.0 MB compiled here" in out
    assert "1 engines, 2.6 MB" in out
    assert said("prune", "--all").count("gone: ") == 1
    assert list(folder.glob("*.jit")) == []


@pytest.mark.usefixtures("rtx")
def test_what_is_broken_is_told_and_taken_away(tmp_path: Path, folder: Path) -> None:
    path = small_network(tmp_path / "small.onnx")
    said("build", path, "--shape", "x=1x3x8x8", "--target", "SM89")
    (engine,) = folder.glob("*.engine")
    os.truncate(engine, 100)
    result = run("verify")
    assert result.exit_code == 1
    assert f"{engine.stem[:12]}: its bytes are not those that were built; it is set aside" in result.output
    assert "0 engines" in said("list")
    assert "3 taken away" in said("prune")
    said("build", path, "--shape", "x=1x3x8x8", "--target", "SM89")
    assert f"gone: {engine.stem}" in said("prune", "--all")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["weather"], "say for which pictures with --resolution"),
        (["weather", "--shape", "look=1x6"], "say for which pictures with --resolution"),
        (["weather", "--resolution", "64"], "expected width and height, as 640x360"),
        (["weather", "--resolution", "64x-1"], "expected whole numbers above 0"),
        (["weather", "--resolution", "64x64", "--precision", "float17"], "did you mean 'float16'"),
        (["weather", "--resolution", "64x64", "--target", "CURRENT", "--target", "SM89"], "it goes with no other"),
        (["weather", "--resolution", "64x64", "--target", "SM90"], "did you mean 'SM89'"),
        (["weather", "--resolution", "64x64", "--runtime", "tensort"], "did you mean 'tensorrt'"),
        ([str(WEIGHTS), "--resolution", "64x64"], "--resolution is for weather"),
        ([str(WEIGHTS), "--shape", "1x3x8x8"], "expected an input's name and its sides"),
        ([str(WEIGHTS)], "say its size with --shape color=1x3x"),
        (["gone.onnx", "--shape", "x=1"], "gone.onnx: no such network"),
    ],
)
@pytest.mark.usefixtures("rtx")
def test_a_mistake_is_one_sentence(arguments: list[str], sentence: str) -> None:
    error = run("build", *arguments).exception
    assert isinstance(error, UserError)
    assert sentence in str(error)
    assert len(str(error).splitlines()) == 1


def test_without_onnx_there_is_a_sentence_and_everything_else_works() -> None:
    """onnx is no part of the core."""
    program = (
        "import sys; sys.modules['onnx'] = None;"
        "from vpengine.cli.main import main; from vpengine.neural.tensorrt_runtime import TensorRtRuntime;"
        "sys.argv = ['vpengine', 'engines', 'build', 'weather', '--resolution', '64x64']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == 'to build engines, onnx is missing; pip install "vpengine[rtx]"\n'


def test_weather_is_given_what_its_engines_are_built_for() -> None:
    class Noting:
        name = "noting"

        def load(self, path: Path) -> Noting:
            return self

        def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            self.shapes = {name: array.shape for name, array in inputs.items()}
            return {"gain": inputs["color"], "bias": inputs["color"]}

    noting = Noting()
    generator = Weather(noting)
    for size in ((60, 40), (64, 40), (65, 33)):
        generator.generate(probe_plate(size), part_way(generator, 0.5))
        assert noting.shapes == input_shapes(size)
