"""What a model's folder says of itself; and every kind of folder that could not be loaded is one sentence."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny_folders import refused, write_json, write_model, write_weights
from vpengine.errors import UserError
from vpengine.neural.diffusion import Diffusion
from vpengine.neural.digests import digests_of, sha256_of
from vpengine.neural.model_folder import find_model, models_folder, read_model
from vpengine.neural.model_part import check_fits, read_part
from vpengine.neural.safetensors_header import read_header

UNET = "unet/diffusion_pytorch_model.safetensors"
XL = {"pipeline": "StableDiffusionXLPipeline", "cross_attention_dim": 2048, "addition_embed_type": "text_time"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


def fetched(model: Path) -> Path:
    """As ``models fetch`` leaves it."""
    files = {
        path.relative_to(model).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(model.rglob("*"))
        if path.is_file()
    }
    write_json(model / "vpengine-model.json", source="someone/model", revision="abc", files=files)
    return model


def test_a_model_is_read_without_an_inference_library(model: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from vpengine.neural.model_folder import read_model;"
        "import vpengine.neural.model_part; read_model(Path(sys.argv[1]));"
        "assert not {'torch', 'diffusers', 'transformers', 'safetensors', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(model)], check=True)


def test_what_a_model_is(model: Path) -> None:
    found = read_model(model)
    assert (found.name, found.architecture, found.pipeline) == ("model", "sd1", "StableDiffusionPipeline")
    assert (found.prediction_type, found.vae_class, found.licence) == ("epsilon", "AutoencoderKL", "openrail")
    assert found.has_text_encoder
    assert not found.depth_conditioned
    assert {name: part.parameters for name, part in found.parts.items()} == dict.fromkeys(
        ("unet", "vae", "text_encoder"), 32
    )
    assert found.parameters == 96
    assert found.weights[0] == model / UNET
    assert found.bytes == sum(path.stat().st_size for path in found.weights)
    assert (found.variant, found.source, found.prompts) == (None, "", 0)


@pytest.mark.parametrize(
    ("made", "architecture", "depth"),
    [
        ({"cross_attention_dim": 1024}, "sd2", False),
        ({"cross_attention_dim": 1024, "in_channels": 5}, "sd2", True),
        ({"cross_attention_dim": 32}, "sd", False),
        (XL, "sdxl", False),
        (XL | {"cross_attention_dim": 64}, "sdxl", False),
    ],
)
def test_architectures(made: dict[str, Any], architecture: str, depth: bool, tmp_path: Path) -> None:
    found = read_model(write_model(tmp_path, **made))
    assert (found.architecture, found.depth_conditioned) == (architecture, depth)
    assert len(found.parts) == (4 if architecture == "sdxl" else 3)


def test_half_precision_files_are_preferred_and_others_ignored(model: Path) -> None:
    half = write_weights(model / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    write_weights(model / "unet" / "diffusion_pytorch_model.non_ema.safetensors")
    found = read_model(model)
    assert found.parts["unet"].files == (half,)
    assert found.variant == "fp16"


def test_numbered_files_are_one_part_and_none_may_be_missing(model: Path) -> None:
    (model / UNET).unlink()
    first, second = (
        write_weights(model / "unet" / f"diffusion_pytorch_model-0000{number}-of-00002.safetensors")
        for number in (1, 2)
    )
    assert read_model(model).parts["unet"].files == (first, second)
    assert read_model(model).parts["unet"].parameters == 64
    second.unlink()
    assert "1 of 2 numbered files" in refused(lambda: read_model(model))


def test_a_show_machine_needs_no_text_encoder(model: Path) -> None:
    fetched(model)
    for path in sorted((model / "text_encoder").iterdir()):
        path.unlink()
    write_weights(model / "prompts" / "snow.safetensors")
    found = read_model(model)
    assert not found.has_text_encoder
    assert found.prompts == 1
    assert found.source == "someone/model@abc"


def test_licences(model: Path) -> None:
    card = model / "README.md"
    card.write_text(
        "---\ntags:\n- license: no\nlicense: other\nlicense_name: sai-nc-community\n---\n", encoding="utf-8"
    )
    assert read_model(model).licence == "sai-nc-community"
    card.write_text("license: not in front matter", encoding="utf-8")
    assert read_model(model).licence == "unknown"
    (model / "LICENSE.md").write_text("\n# STABILITY AI COMMUNITY LICENSE\nmore", encoding="utf-8")
    assert read_model(model).licence == "STABILITY AI COMMUNITY LICENSE"


def no_folder(model: Path) -> None:
    model.rename(model.with_name("other"))


def no_index(model: Path) -> None:
    (model / "model_index.json").unlink()


def only_a_checkpoint(model: Path) -> None:
    no_index(model)
    (model / "v1-5.ckpt").write_bytes(b"\x80")


def other_pipeline(model: Path) -> None:
    write_json(model / "model_index.json", _class_name="FluxPipeline")


def no_weights(model: Path) -> None:
    (model / UNET).unlink()


def pickles(model: Path) -> None:
    (model / UNET).rename(model / "unet" / "diffusion_pytorch_model.bin")


def pickled_text_encoder(model: Path) -> None:
    (model / "text_encoder" / "model.safetensors").rename(model / "text_encoder" / "pytorch_model.bin")


def cut(model: Path) -> None:
    (model / UNET).write_bytes((model / UNET).read_bytes()[:-1])


def cut_in_the_header(model: Path) -> None:
    (model / UNET).write_bytes((model / UNET).read_bytes()[:20])


def empty(model: Path) -> None:
    (model / UNET).write_bytes(b"")


def too_long(model: Path) -> None:
    (model / UNET).write_bytes((model / UNET).read_bytes() + b"12")


def a_web_page(model: Path) -> None:
    (model / UNET).write_bytes(b"<!doctype html><html>Sign in to see this model</html>" * 20)


def a_pointer(model: Path) -> None:
    (model / UNET).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 3\n", encoding="utf-8")


def header_that_cannot_be(model: Path) -> None:
    header = json.dumps({"weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}).encode()
    (model / UNET).write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))


def no_vocabulary(model: Path) -> None:
    (model / "tokenizer" / "vocab.json").unlink()


def a_shape_that_is_none(model: Path) -> None:
    header = json.dumps({"weight": {"dtype": "F4", "shape": 5, "data_offsets": [0, 4]}}).encode()
    (model / UNET).write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))


def no_json(model: Path) -> None:
    (model / "unet" / "config.json").write_text('{"in_chan', encoding="utf-8")


def a_list(model: Path) -> None:
    (model / "model_index.json").write_text("[]", encoding="utf-8")


def no_scheduler(model: Path) -> None:
    (model / "scheduler" / "scheduler_config.json").unlink()


def other_family(model: Path) -> None:
    write_json(model / "unet" / "config.json", cross_attention_dim=2048, addition_embed_type="text_time")


def no_width(model: Path) -> None:
    write_json(model / "unet" / "config.json", cross_attention_dim=None)


def changed_since(model: Path) -> None:
    fetched(model)
    file = bytearray((model / UNET).read_bytes())
    file[-1] ^= 1
    (model / UNET).write_bytes(bytes(file))


def shorter_than_fetched(model: Path) -> None:
    fetched(model)
    (model / "README.md").write_text("", encoding="utf-8")


def gone_since(model: Path) -> None:
    fetched(model)
    (model / "README.md").unlink()


def damaged_source(model: Path) -> None:
    write_json(model / "vpengine-model.json", files=["a"])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (no_folder, "no such folder"),
        (no_index, "no model_index.json"),
        (only_a_checkpoint, "v1-5.ckpt, which can run programs; safetensors are needed"),
        (other_pipeline, "found 'FluxPipeline' (supported: StableDiffusionPipeline, "),
        (no_weights, "no weights there"),
        (pickles, "diffusion_pytorch_model.bin, which can run programs; safetensors are needed"),
        (pickled_text_encoder, "pytorch_model.bin, which can run programs"),
        (cut, "cut short"),
        (cut_in_the_header, "cut short"),
        (empty, "cut short"),
        (too_long, "2 bytes more than its header says"),
        (a_web_page, "no safetensors file"),
        (a_pointer, "a Git LFS pointer"),
        (header_that_cannot_be, "'weight' what cannot be"),
        (a_shape_that_is_none, "'weight' what cannot be"),
        (no_vocabulary, "no vocabulary there, which text_encoder needs"),
        (no_json, "config.json: not JSON"),
        (a_list, "found list, not a JSON object"),
        (no_scheduler, "scheduler_config.json: No such file"),
        (other_family, "'text_time', which is not a StableDiffusionPipeline's U-Net"),
        (no_width, "cross_attention_dim: found None"),
        (changed_since, "not what was fetched: its sha256 is"),
        (shorter_than_fetched, "README.md: cut short, 0 of"),
        (gone_since, "README.md: missing, but was fetched"),
        (damaged_source, "vpengine-model.json: files: a table"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(damage: Callable[[Path], None], sentence: str, model: Path) -> None:
    damage(model)
    said = refused(lambda: read_model(model))
    assert sentence in said
    assert said.startswith(str(model))


def test_no_damage_to_weights_is_a_traceback(tmp_path: Path) -> None:
    """Cut anywhere it is refused; with any byte changed it is read or refused."""
    whole = write_weights(tmp_path / "whole.safetensors", a=(2, 3), b=(4,)).read_bytes()
    file, rng = tmp_path / "file.safetensors", np.random.default_rng(0)
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        refused(lambda: read_header(file))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        file.write_bytes(bytes(damaged))
        with suppress(UserError):
            read_header(file)


def test_models_are_found_by_name_or_path(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPENGINE_MODELS", str(tmp_path / "models"))
    assert models_folder() == tmp_path / "models"
    assert "vpengine models fetch brings one" in refused(lambda: find_model("sd-turbo"))
    write_model(tmp_path / "models" / "sd-turbo")
    assert find_model("sd-turbo") == tmp_path / "models" / "sd-turbo"
    assert find_model("model", beside=tmp_path) == model
    assert find_model(str(model)) == model
    said = refused(lambda: find_model("sd-turbos", beside=tmp_path))
    assert "did you mean 'sd-turbo'?" in said
    assert "vpengine models lists them" in said
    refused(lambda: find_model("", beside=tmp_path))


def test_check_tells_of_models_that_are_not_there(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPENGINE_MODELS", str(tmp_path))
    good = Diffusion.Settings(model=model.name)
    assert Diffusion.check(good) == []
    faults = Diffusion.check(good.model_copy(update={"model": "modle", "vae": "taesd", "lora": (model.name, "lcm")}))
    assert [key for key, _ in faults] == ["model", "vae", "lora"]
    assert faults[0][1].startswith("no model 'modle'; did you mean 'model'?")


def test_the_models_folder_is_in_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VPENGINE_MODELS", raising=False)
    monkeypatch.setenv("VPENGINE_STATE", str(tmp_path))
    assert models_folder() == tmp_path / "models"


def test_digests_are_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, one, two = tmp_path / "state" / "digests.json", tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    expected = [hashlib.sha256(text).hexdigest() for text in (b"1", b"2")]
    assert list(digests_of([two, one], cache).values()) == expected
    assert sha256_of([one], cache) == expected[0]
    assert sha256_of([two, one], cache) == hashlib.sha256("".join(f"{d}\n" for d in expected).encode()).hexdigest()
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", None)  # must not be asked
        assert list(digests_of([one, two], cache).values()) == expected
    one.write_bytes(b"11")
    assert sha256_of([one], cache) == hashlib.sha256(b"11").hexdigest()
    cache.write_text("{", encoding="utf-8")
    assert sha256_of([two], cache) == expected[1]


def test_digests_need_no_place_to_be_remembered_in(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"1")
    assert sha256_of([file], file / "digests.json") == hashlib.sha256(b"1").hexdigest()


def test_diffusers_loads_the_files_that_are_counted(tiny_sd: Path, tmp_path: Path) -> None:
    """A half-precision U-Net beside parts of which there is one precision only, as several published models have."""
    diffusers = pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
    mixed = tmp_path / "mixed"
    shutil.copytree(tiny_sd, mixed)
    diffusers.UNet2DConditionModel.from_pretrained(str(mixed / "unet")).half().save_pretrained(
        str(mixed / "unet"), variant="fp16"
    )
    (mixed / UNET).unlink()
    found = read_model(mixed)
    assert found.parts["unet"].half
    pipeline = diffusers.DiffusionPipeline.from_pretrained(
        str(mixed), variant=found.variant, use_safetensors=True, local_files_only=True
    )
    assert sum(weight.numel() for weight in pipeline.unet.parameters()) == found.parts["unet"].parameters


def test_tiny_models_are_what_they_say(tiny: Any, tiny_sd: Path, tiny_sdxl: Path, tmp_path: Path) -> None:
    """Against files that diffusers itself wrote."""
    sd, sdxl = read_model(tiny_sd), read_model(tiny_sdxl)
    assert (sd.architecture, sdxl.architecture) == ("sd", "sdxl")
    assert (sd.vae_class, sd.licence, sd.has_text_encoder) == ("AutoencoderTiny", "apache-2.0", True)
    for kind, own, other in (("sd", sd, sdxl), ("sdxl", sdxl, sd)):
        tiny.make_tiny_controlnet(tmp_path / kind / "net", kind)
        tiny.make_tiny_adapter(tmp_path / kind / "adapter", kind)
        tiny.make_tiny_lora(tmp_path / kind / "lora.safetensors", kind)
        for name in ("net", "adapter", "lora.safetensors"):
            part = read_part(tmp_path / kind / name)
            check_fits(part, own)
            with pytest.raises(UserError):
                check_fits(part, other)
