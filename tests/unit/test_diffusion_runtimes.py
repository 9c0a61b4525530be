"""A diffusion model's networks on other runtimes than torch: the same pictures, from exports that are made once."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.cases import slow_but
from vpengine.cli.main import app
from vpengine.control.looks import Looks
from vpengine.errors import UserError
from vpengine.frames.look import Look
from vpengine.neural import auto, worker
from vpengine.neural.auto import probe_plate, psnr_db
from vpengine.neural.diffusion import Diffusion, DiffusionSettings
from vpengine.neural.export_cache import ExportCache, ExportSpec
from vpengine.neural.model_folder import OVERRIDE as MODELS
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.plugins import load_plugin
from vpengine.stage.state_folder import OVERRIDE

SIZES = ((96, 64), (100, 61))  # the second has no whole latent pixels, and an odd number of them


@pytest.fixture(scope="module", autouse=True)
def folder(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Models of this module's own, and a state folder that its exports stay in from test to test."""
    folder = Path(tmp_path_factory.mktemp("diffusion"))
    tiny.make_tiny_model(folder / "sd")
    tiny.make_tiny_model(folder / "xl", "sdxl")
    tiny.make_tiny_controlnet(folder / "edges")
    tiny.make_tiny_adapter(folder / "adapter-xl", "sdxl")
    tiny.make_tiny_lora(folder / "style.safetensors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS, str(folder))
        patch.setenv(OVERRIDE, str(folder / "state"))
        yield folder


def settings(**values: Any) -> DiffusionSettings:
    return DiffusionSettings(**{"model": "sd", "precision": "float32", **values})


def look(**values: float) -> Look:
    said: dict[str, Any] = {"prompt": "A harbour after the flood", "strength": 0.7, **values}
    return Looks("", Diffusion.controls, lambda values: False).of(said)


def picture(generator: Diffusion, size: tuple[int, int], **values: float) -> np.ndarray:
    made = generator.generate(probe_plate(size), look(**values))
    return np.asarray(made.bias)


def torch_runtime() -> Any:
    return load_plugin("vpengine.neural.torch_runtime:TorchRuntime")()


def open_vino() -> Any:
    pytest.importorskip("openvino")
    try:
        return load_plugin("vpengine.neural.openvino_runtime:OpenVinoRuntime")()
    except UserError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    "parts",
    slow_but(
        "lora",
        {
            "controlnet": {"control_model": "edges"},
            "lora": {"lora": ("style.safetensors",)},
            "sdxl": {"model": "xl", "control_model": "adapter-xl"},
        },
    ),
)
def test_onnxruntime_paints_torch_s_picture(parts: dict[str, Any]) -> None:
    """In single precision, to what rounding does; with guidance and without, and with what is added faded out."""
    truth, other = (Diffusion(runtime, settings(**parts)) for runtime in (torch_runtime(), OnnxRuntime()))
    runtime = f"onnxruntime {metadata.version('onnxruntime')}"
    assert (other.runtime, other.model_sha256) == (runtime, truth.model_sha256)
    sizes = SIZES[:1] if parts.get("model") == "xl" else SIZES  # SDXL's adapters take whole 16 pixels
    for size, values in zip(sizes, ({"guidance": 2.0}, {"depth": 0.0}), strict=False):
        expected = picture(truth, size, **values)
        assert expected.std() > 0.03
        assert psnr_db(picture(other, size, **values), expected) > 60.0


def test_openvino_paints_it_in_single_precision_and_nearly_in_bfloat16() -> None:
    truth = picture(Diffusion(torch_runtime(), settings()), SIZES[0])
    exact = Diffusion(open_vino(), settings())
    rounded = Diffusion(open_vino(), settings(precision="auto"))
    library = f"openvino {metadata.version('openvino')}"
    assert (exact.runtime, rounded.runtime) == (f"{library} f32", f"{library} bf16")
    assert psnr_db(picture(exact, SIZES[0]), truth) > 60.0
    assert 60.0 > psnr_db(picture(rounded, SIZES[0]), truth) > Diffusion.same_db


def test_in_a_thread_of_the_engine_torch_leaves_the_frame_its_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number of threads is a thread's own: asked where the generator was made."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    before, found = torch.get_num_threads(), list[int]()

    def make() -> None:
        Diffusion(OnnxRuntime(), settings())
        found.append(torch.get_num_threads())

    try:
        worker_thread = threading.Thread(target=make)
        worker_thread.start()
        worker_thread.join()
        make()
    finally:
        torch.set_num_threads(before)
    assert found == [1, 3]


@pytest.mark.slow
def test_another_autoencoder_may_paint(folder: Path, tiny: Any) -> None:
    tiny.make_tiny_model(folder / "third", seed=2)
    shutil.copytree(folder / "third" / "vae", folder / "third-coder")
    own, other = (
        picture(Diffusion(torch_runtime(), settings(**more)), SIZES[0]) for more in ({}, {"vae": "third-coder"})
    )
    assert psnr_db(own, other) < 40.0


def test_another_precision_is_refused_with_the_cure() -> None:
    with pytest.raises(UserError, match=r'precision = "float16": it is for runtime = "torch".*"auto"'):
        Diffusion(OnnxRuntime(), settings(precision="float16"))


def test_exports_are_made_once_and_anew_where_they_are_damaged(caplog: pytest.LogCaptureFixture) -> None:
    first = picture(Diffusion(OnnxRuntime(), settings()), SIZES[0])
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        Diffusion(OnnxRuntime(), settings())
        assert caplog.text == ""
        decode = _sources(settings()).specs["decode"]
        path = ExportCache().find(decode)
        assert path is not None
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
        assert ExportCache().find(decode) is None
        again = picture(Diffusion(OnnxRuntime(), settings()), SIZES[0])
    assert "its decode must be exported first" in caplog.text
    assert "network.onnx is not what was exported" in caplog.text
    assert "unet" not in caplog.text
    np.testing.assert_array_equal(first, again)


def test_what_changes_a_network_changes_its_name(folder: Path, tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.make_tiny_model(folder / "other", seed=1)
    shutil.copytree(folder / "other" / "vae", folder / "coder")
    plain = keys(settings())
    same = {
        "lora": keys(settings(lora=("style.safetensors",))),
        "control": keys(settings(control_model="edges")),
        "vae": keys(settings(vae="coder")),
        "weights": keys(settings(model="other")),
    }
    changed = {name: {part for part in plain if found[part] != plain[part]} for name, found in same.items()}
    coder = {"encode", "decode"}
    assert changed == {"lora": {"unet"}, "control": {"unet"}, "vae": coder, "weights": coder | {"unet"}}
    assert same["vae"]["encode"] == same["weights"]["encode"], "one of another model's is exported once for both"
    metadata = load_plugin("vpengine.neural.diffusion_sources:metadata")
    monkeypatch.setattr(metadata, "version", lambda name: "99.0")
    assert not set(keys(settings()).values()) & set(plain.values())


def test_an_export_that_failed_leaves_nothing(tmp_path: Path) -> None:
    cache, spec = ExportCache(tmp_path), ExportSpec("unet", ("00",), "", "", (), 17)

    def fails(folder: Path) -> None:
        (folder / "network.onnx").write_text("half")
        raise UserError("no")

    with pytest.raises(UserError):
        cache.ready(spec, "unet", fails)
    assert cache.find(spec) is None
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]
    path = cache.ready(spec, "unet of x", lambda folder: (folder / "network.onnx").write_text("whole") and None)
    assert cache.find(spec) == path
    assert cache.find(replace(spec, opset=18)) is None
    assert [(entry.key, entry.label) for entry in cache.entries()] == [(spec.key, "unet of x")]
    assert (cache.prune(), cache.prune(everything=True)) == ([], [spec.key])


def test_auto_tries_only_what_was_exported_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And says how that is done where there is a card for it."""
    Diffusion(OnnxRuntime(), settings())
    assert Diffusion.ready_for("openvino", settings())
    monkeypatch.setenv(OVERRIDE, str(tmp_path))
    assert not Diffusion.ready_for("openvino", settings())
    assert Diffusion.ready_for("torch", settings())
    assert caplog.messages == []
    monkeypatch.setattr("vpengine.neural.diffusion.could_run", lambda runtime: True)
    assert not Diffusion.ready_for("tensorrt-rtx", settings())
    (said,) = caplog.messages
    assert "vpengine engines build --stage STAGE --runtime tensorrt-rtx does that" in said


@pytest.fixture
def stage(small_stage: Path, folder: Path) -> Path:
    text = small_stage.read_text(encoding="utf-8")
    own = 'generator = "diffusion"\nmodel = "sd"\nsurround_resolution = 48'
    small_stage.write_text(text.replace('generator = "none"', own), encoding="utf-8")
    show = small_stage.parent / "show.toml"
    show.write_text(show.read_text(encoding="utf-8").replace("look.fog", "look.strength"), encoding="utf-8")
    return small_stage


def build(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["engines", "build", *map(str, arguments)])


@pytest.mark.slow
def test_a_stage_s_networks_are_exported_before_a_show(
    stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OVERRIDE, str(tmp_path / "state"))
    result = build("--stage", stage)
    assert result.exit_code == 0, result.output
    assert "its encode, decode, unet must be exported first" in result.output
    assert Diffusion.ready_for("openvino", settings())
    assert (
        'all that the generator "diffusion" needs for runtime = "onnxruntime" is there'
        in build("--stage", stage).output
    )
    listed = CliRunner().invoke(app, ["engines", "list"]).output
    assert [line.rpartition("exported: ")[2] for line in listed.splitlines() if "exported" in line].count(
        "unet of sd"
    ) == 1


def test_a_mistake_is_one_sentence(stage: Path) -> None:
    for arguments, sentence in (
        ([], "name networks, or a stage"),
        (["--stage", stage, "--resolution", "64x64"], "the sizes are the stage's"),
        (["--stage", stage, "--runtime", "torch"], "it needs nothing built"),
    ):
        error = build(*arguments).exception
        assert isinstance(error, UserError)
        assert sentence in str(error)


@pytest.mark.parametrize("parts", slow_but("alone", {"alone": {}, "controlnet": {"control_model": "edges"}}))
def test_all_that_a_show_may_ask_of_tensorrt_is_built(parts: dict[str, Any]) -> None:
    """What a start tries and what a fader may ask for, guidance among it; the autoencoder knows of no batch."""
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install vpengine[rtx]")
    recipes = load_plugin("vpengine.neural.engine_orders:stage_recipes")
    sizes, chosen = ((96, 56), (48, 48), (67, 39)), settings(precision="auto", **parts)
    orders = recipes("diffusion", chosen, sizes, "tensorrt-rtx", ("SM89",), "float16", print)
    shapes = [(order.onnx.parent.name, *order.shapes) for order in orders]
    networks = 1 + len(parts)  # that are called in batches
    assert len(set(shapes)) == len(shapes) == len(sizes) * (1 + 1 + 2 * networks)
    asked = Asked()
    generator = Diffusion(asked, chosen)
    worker._warm(generator, None, sizes)
    assert asked.shapes == set(shapes)
    auto._ask_for_all(generator, sizes)
    for guidance in (1.0, 2.0):
        generator.generate(probe_plate(sizes[0]), look(guidance=guidance))
    assert asked.shapes == set(shapes)


class Asked:
    """onnxruntime, and the shapes of all that it was asked."""

    def __init__(self) -> None:
        self.shapes: set[Any] = set()

    def load(self, path: Path, large: bool = False, exact: bool = False) -> Any:
        network = OnnxRuntime().load(path, large, exact)

        def noting(inputs: Any) -> Any:
            self.shapes.add((path.parent.name, *sorted((name, array.shape) for name, array in inputs.items())))
            return network(inputs)

        noting.name = "noting"  # type: ignore[attr-defined]
        return noting


@pytest.mark.parametrize(
    ("name", "parts", "size"),
    slow_but(
        "unet",
        {
            **{name: (name, {}, SIZES[1]) for name in ("unet", "encode", "decode")},
            "controlnet": ("control", {"control_model": "edges"}, SIZES[1]),
            "unet-with-controlnet": ("unet", {"control_model": "edges"}, SIZES[1]),
            "adapter": ("control", {"model": "xl", "control_model": "adapter-xl"}, SIZES[0]),
        },
    ),
)
def test_tensorrt_builds_them_strongly_typed(
    name: str, parts: dict[str, Any], size: tuple[int, int], tmp_path: Path
) -> None:
    """For real, with no card: in float16, proven against onnxruntime's answer."""
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install vpengine[rtx]")
    recipes = load_plugin("vpengine.neural.engine_orders:stage_recipes")
    made, chosen = load_plugin("vpengine.neural.engine_builder:made"), settings(**{"precision": "auto", **parts})
    every = recipes("diffusion", chosen, (size,), "tensorrt-rtx", ("SM89",), "float16", print)
    order = next(order for order in every if order.onnx == ExportCache().find(_sources(chosen).specs[name]))
    noted = made(order, tmp_path, lambda message: None)
    assert 0.0 < noted["probe"]["typed_drift"] < 0.02
    assert (tmp_path / "built.engine").stat().st_size > 10_000
    assert os.path.exists(tmp_path / "typed.onnx")


def keys(chosen: DiffusionSettings) -> dict[str, str]:
    return {name: spec.key for name, spec in _sources(chosen).specs.items() if name != "control"}


def _sources(chosen: DiffusionSettings) -> Any:
    return load_plugin("vpengine.neural.diffusion_sources:sources_of")(chosen)
