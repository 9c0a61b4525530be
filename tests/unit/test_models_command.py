"""`vpengine models`: what is there, all of one, and what the hub gives: here a small one, over a real socket."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.hub import COMMIT, SmallHub, serving
from tests.tiny_folders import write_json, write_model, write_weights
from vpengine.cli import models as command
from vpengine.cli.main import app
from vpengine.cli.models_fetch import OfferedFile, chosen
from vpengine.errors import UserError
from vpengine.neural import accelerator
from vpengine.neural.accelerator import Accelerator, fitness
from vpengine.neural.model_folder import read_model

RUNNER = CliRunner()
CARD = Accelerator("Some Card", True, 12.0, 10.0)
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder; no test looks for a card, or needs torch."""
    monkeypatch.setenv("VPENGINE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(command, "find_accelerator", lambda: CARD)
    monkeypatch.setattr(accelerator, "missing_libraries", list)
    return tmp_path / "models"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """With someone/turbo, which also has what is not wanted."""
    pytest.importorskip("huggingface_hub", reason="the extra `diffusion` is not installed")
    small = SmallHub()
    folder = small.repositories["someone/turbo"] = write_model(tmp_path / "hub" / "turbo", cross_attention_dim=1024)
    write_weights(folder / "turbo.safetensors")
    write_weights(folder / "safety_checker" / "model.safetensors")
    (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80")
    (folder / "unet" / "code.py").write_text("raise SystemExit")
    with serving(small) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield small


def asked(*arguments: str, answer: str = "") -> Result:
    return RUNNER.invoke(app, ["models", *arguments], input=answer, env={"COLUMNS": "200"})


def said(*arguments: str) -> str:
    result = asked(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str) -> str:
    result = asked(*arguments)
    assert isinstance(result.exception, UserError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_an_empty_folder_says_how_it_is_filled(models: Path) -> None:
    assert said() == f"no models in {models}; vpengine models fetch OWNER/NAME brings one\n"


def test_models_are_listed_and_broken_ones_do_not_hide_the_others(models: Path) -> None:
    write_model(models / "a-turbo", cross_attention_dim=1024)
    shutil.rmtree(write_model(models / "b-show") / "text_encoder")
    (write_model(models / "c-broken") / UNET).write_bytes(b"")
    write_weights(models / "d-lora.safetensors", **{"x.attn2.to_k.lora_A.weight": (4, 768)})
    lines = said().splitlines()
    assert lines[0].startswith("a-turbo  (sd2, ")
    assert lines[0].endswith("licence openrail)")
    assert lines[1].strip() == "text encoder: any prompt"
    assert "runs on Some Card in half precision: about 1.2 GB needed, 10.0 of 12.0 GB free" in lines[2]
    assert lines[3].startswith("b-show  (sd1")
    assert lines[4].strip() == "no text encoder: no cached prompts"
    assert "neither a text encoder nor cached prompts" in lines[5]
    assert lines[6] == "c-broken"
    assert "cannot be loaded" in lines[7]
    assert any(line.startswith("d-lora.safetensors  (LoRA, text 768 wide") for line in lines)


def test_what_a_machine_can_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = read_model(write_model(tmp_path / "model"))
    assert fitness(model, Accelerator("this CPU", False, 16.0, 8.0)).startswith("no CUDA card: runs on this CPU")
    assert fitness(model, Accelerator("Old Card", True, 1.0, 1.0)).startswith("too large for Old Card: about 1.2 GB")
    assert "once other programs free memory" in fitness(model, Accelerator("Card", True, 8.0, 0.5))
    monkeypatch.setattr(accelerator, "missing_libraries", lambda: ["torch"])
    assert fitness(model, CARD) == "cannot run here: no torch (the extra `diffusion` brings it)"


def test_without_torch_there_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator.importlib.util, "find_spec", lambda name: None)
    found = accelerator.find_accelerator()
    assert not found.cuda
    assert 0.0 < found.free_gb <= found.total_gb


def test_inspect_tells_all_and_refuses_what_cannot_be_loaded(models: Path) -> None:
    model = write_model(models / "turbo")
    told = said("inspect", "turbo")
    for expected in ("AutoencoderKL", "predicts epsilon", "not fetched by vpengine", "openrail", "32 parameters"):
        assert expected in told
    assert told.count("sha256") == 4
    assert said("inspect", str(model)) == told
    (model / UNET).write_bytes((model / UNET).read_bytes()[:-1])
    assert "cut short" in refused("inspect", "turbo")
    assert "did you mean 'turbo'?" in refused("inspect", "turba")


def test_a_model_is_fetched_checked_and_can_be_read(hub: SmallHub, models: Path) -> None:
    result = asked("fetch", "someone/turbo", answer="y\n")
    assert result.exit_code == 0, result.output
    assert result.output.index("licence: openrail++") < result.output.index("Is this licence accepted")
    assert result.output.splitlines()[-1] == str(models / "turbo")
    names = {path.relative_to(models).as_posix() for path in models.rglob("*") if path.is_file()}
    assert {f"turbo/{UNET}", "turbo/README.md", "turbo/vpengine-model.json", "turbo/model_index.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".py")) or ".cache" in name or "safety" in name]
    assert "turbo/turbo.safetensors" not in names
    found = read_model(models / "turbo")
    assert (found.architecture, found.source) == ("sd2", f"someone/turbo@{COMMIT}")
    noted = json.loads((models / "turbo" / "vpengine-model.json").read_text())
    assert set(noted["files"]) == {name.removeprefix("turbo/") for name in names} - {"vpengine-model.json"}
    assert "there already" in refused("fetch", "someone/turbo", "--yes")
    assert said().startswith("turbo  (sd2")


def test_nothing_is_fetched_without_consent(hub: SmallHub, models: Path) -> None:
    result = asked("fetch", "someone/turbo", answer="n\n")
    assert result.exit_code == 1
    assert "nothing was fetched" in result.output
    assert hub.gets == []
    assert not models.exists()


def test_a_fetch_goes_on_where_it_was_cut_off(hub: SmallHub, models: Path) -> None:
    """A file whose connection broke goes on by itself; one that came wrong stops the fetch, and the next goes on."""
    hub.cut.add(UNET)
    hub.swapped["vae/config.json"] = b"[" * (hub.repositories["someone/turbo"] / "vae/config.json").stat().st_size
    assert "vae/config.json: what came is not what the hub announced" in refused("fetch", "someone/turbo", "--yes")
    assert hub.gets.count(UNET) == 2
    assert not (models / "turbo").exists()
    assert said().startswith("no models")
    hub.swapped.clear()
    hub.gets.clear()
    said("fetch", "someone/turbo", "--revision", "main", "--yes")
    assert UNET not in hub.gets
    assert read_model(models / "turbo").name == "turbo"


def test_swapped_weights_are_found(hub: SmallHub, models: Path) -> None:
    content = bytearray((hub.repositories["someone/turbo"] / UNET).read_bytes())
    content[-1] ^= 1
    hub.swapped[UNET] = bytes(content)
    assert f"{UNET}: what came is not what the hub announced" in refused("fetch", "someone/turbo", "--yes")
    assert not (models / "turbo").exists()


def test_what_the_hub_refuses_is_one_sentence(hub: SmallHub, tmp_path: Path) -> None:
    assert "no such model" in refused("fetch", "someone/else", "--yes")
    assert "OWNER/NAME is needed" in refused("fetch", "a/b/c", "--yes")
    assert "no such revision" in refused("fetch", "someone/turbo", "--revision", "v9", "--yes")
    hub.gated.add("someone/turbo")
    assert "ask for an account" in refused("fetch", "someone/turbo", "--yes")
    hub.gated.clear()
    flux = hub.repositories["someone/flux"] = write_model(tmp_path / "hub" / "flux")
    write_json(flux / "model_index.json", _class_name="FluxPipeline")
    hub.gets.clear()
    assert "found 'FluxPipeline'" in refused("fetch", "someone/flux", "--yes")
    assert hub.gets == ["model_index.json"]
    (flux / "model_index.json").unlink()
    assert "no weights as safetensors" in refused("fetch", "someone/flux", "--yes")


def test_a_lora_is_fetched(hub: SmallHub, models: Path, tmp_path: Path) -> None:
    folder = hub.repositories["someone/lcm-lora"] = tmp_path / "hub" / "lora"
    write_weights(folder / "pytorch_lora_weights.safetensors", **{"x_attn2_to_k.lora_down.weight": (4, 768)})
    said("fetch", "someone/lcm-lora", "--yes")
    assert said().startswith("lcm-lora  (LoRA, text 768 wide")
    write_weights(folder / "another.safetensors")
    shutil.rmtree(models)
    assert "2 files of weights and no model_index.json" in refused("fetch", "someone/lcm-lora", "--yes")


def test_an_ip_adapter_is_listed_as_one(models: Path) -> None:
    write_weights(models / "seen" / "ip-adapter.safetensors", **{"ip_adapter.1.to_k_ip.weight": (32, 768)})
    assert said().startswith("seen  (IP-Adapter, text 768 wide")


def test_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub", reason="the extra `diffusion` is not installed")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached" in refused("fetch", "someone/turbo", "--yes")


def test_without_huggingface_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert refused("fetch", "someone/turbo") == "fetching needs huggingface_hub: pip install 'vpengine[diffusion]'"


def test_which_files_are_wanted() -> None:
    def names(*given: str) -> list[str]:
        return [file.name for file in chosen([OfferedFile(name, 1, "", "") for name in given])]

    weights = "unet/diffusion_pytorch_model"
    index = "model_index.json"
    assert names(index, f"{weights}.safetensors", f"{weights}.fp16.safetensors") == [
        index,
        f"{weights}.fp16.safetensors",
    ]
    assert names(
        index,
        f"{weights}-00001-of-00002.safetensors",
        f"{weights}-00002-of-00002.safetensors",
        f"{weights}.fp16.safetensors",
    ) == [index, f"{weights}.fp16.safetensors"]
    assert names(
        index, f"{weights}.non_ema.safetensors", "vae_1_0/model.safetensors", "../x.json", "all.safetensors"
    ) == [index]
    assert names("config.json", "LICENSE", "a.png", "model.onnx", "m.safetensors") == [
        "LICENSE",
        "config.json",
        "m.safetensors",
    ]


def test_prepared_prompts_are_kept_in_the_model(models: Path, tiny_sd: Path, tmp_path: Path) -> None:
    """Those that are named, and all of a show; one that is too long is told with the limit, the others are kept."""
    shutil.copytree(tiny_sd, models / "turbo")
    show = tmp_path / "show.toml"
    scene = '[[scene]]\nslug = "{0}"\nplate.kind = "street"\ncontrols.look.prompt = "{1}"\n'
    text = 'version = 1\n[show]\nname = "A"\n' + scene.format("a", "A desert") + scene.format("b", "A harbour")
    show.write_text(text, encoding="utf-8")
    assert "3 prompts are kept" in said("prepare", "turbo", "A street", "--show", str(show))
    assert read_model(models / "turbo").prompts == 4  # and no words at all
    told = refused("prepare", "turbo", "A wood", "word " * 60)
    assert "this model hears 75" in told
    assert read_model(models / "turbo").prompts == 5
    assert "no prompts" in refused("prepare", "turbo")


def test_prompts_are_prepared_for_a_stage_s_loras(models: Path, tiny: Any, tiny_sd: Path) -> None:
    shutil.copytree(tiny_sd, models / "turbo")
    for name, text in (("plain", False), ("words", True)):
        tiny.make_tiny_lora(models / f"{name}.safetensors", text=text)
    for lora, kept in ("", 2), ("plain.safetensors", 2), ("words.safetensors", 4), ("words.safetensors=0.5", 6):
        said("prepare", "turbo", "A street", *([f"--lora={lora}"] if lora else []))
        assert read_model(models / "turbo").prompts == kept
    assert "LoRA" in refused("prepare", "turbo", "A street", "--lora", "turbo")
