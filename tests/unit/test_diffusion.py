"""The diffusion generator on a tiny model of random numbers: what it is told changes its picture, and nothing else."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cases import slow_but
from vpengine.control.controls import Value
from vpengine.errors import UserError
from vpengine.neural.auto import probe_plate
from vpengine.neural.declared import looks_of
from vpengine.neural.diffusion import Diffusion, DiffusionSettings
from vpengine.neural.generator import Current, Plate, RefusedLookError, Runtime
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear
from vpengine.view.view import pixel_centres, rays

torch_runtime = pytest.importorskip("vpengine.neural.torch_runtime", reason="the extra `diffusion` is not installed")
pipeline = pytest.importorskip("vpengine.neural.diffusion_pipeline", reason="the extra `diffusion` is not installed")
torch = pytest.importorskip("torch")
save_file = pytest.importorskip("safetensors.torch").save_file
pipeline_networks = pytest.importorskip("vpengine.neural.diffusion_networks")
pipeline_parts = pytest.importorskip("vpengine.neural.diffusion_parts")
SIZE = (96, 56)
OLDER = {"format": "vpengine-prompt-1", "prompt": "A harbour after the flood"}
FLOOD = "A harbour after the flood"
Picture = NDArray[np.float32]
Paint = Callable[..., Picture]


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    made: Runtime = torch_runtime.TorchRuntime()
    return made


def generator_of(runtime: Runtime, model: Path, **settings: Any) -> Diffusion:
    return Diffusion(runtime, DiffusionSettings(model=str(model), **{"precision": "float32", **settings}))


@pytest.fixture(scope="module")
def generator(runtime: Runtime, tiny_models: Path) -> Diffusion:
    return generator_of(runtime, tiny_models / "tiny-sd")


def painted(
    generator: Diffusion, plate: Plate | None = None, seed: int = 0, blends: Any = None, **values: Value
) -> Picture:
    look = looks_of("diffusion").of({"prompt": FLOOD, **values}, seed, blends)
    made = generator.generate(plate or probe_plate(SIZE), look)
    assert not made.gain.any()
    return made.bias


def off(first: Picture, second: Picture) -> float:
    return float(np.abs(first - second).mean())


def test_the_same_request_gives_the_same_picture(generator: Diffusion, runtime: Runtime, tiny_models: Path) -> None:
    """Also after others, and by another process that has loaded the same model."""
    first = painted(generator)
    painted(generator, seed=1)
    np.testing.assert_array_equal(painted(generator), first)
    again = generator_of(runtime, tiny_models / "tiny-sd")
    np.testing.assert_array_equal(painted(again), first)
    assert again.model_sha256 == generator.model_sha256
    assert first.shape == (SIZE[1], SIZE[0], 3)
    assert first.std() > 0.02


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "A desert"},
        {"strength": 0.9},
        {"seed": 5},
        {"guidance": 4.0},
        {"guidance": 4.0, "negative_prompt": "people"},
    ],
    ids=str,
)
def test_what_it_is_told_changes_the_picture(generator: Diffusion, change: Mapping[str, Any]) -> None:
    assert off(painted(generator, **change), painted(generator)) > 1e-4
    if "negative_prompt" in change:
        assert off(painted(generator, **change), painted(generator, guidance=4.0)) > 1e-4


def test_a_blend_of_prompts_lies_between_them(generator: Diffusion) -> None:
    """It begins as the one and ends as the other; from no words at all it begins as the plate."""
    ends = [painted(generator, prompt=text) for text in ("A desert", FLOOD)]
    for share, end in ((0.0, ends[0]), (1.0, ends[1])):
        blend = {"prompt": (("A desert", 1.0 - share), (FLOOD, share))}
        np.testing.assert_allclose(painted(generator, blends=blend), end, atol=1e-5)
    half = painted(generator, blends={"prompt": (("A desert", 0.5), (FLOOD, 0.5))})
    assert 0.0 < off(half, ends[0]) < off(ends[0], ends[1])
    plate = probe_plate(SIZE).color_cct
    away = [
        off(painted(generator, blends={"prompt": (("", 1.0 - share), (FLOOD, share))}), plate)
        for share in (0.001, 0.1, 0.25)
    ]
    assert away[0] < 0.01 * away[2]
    assert away == sorted(away)


def test_what_is_there_is_kept_where_it_is_known(generator: Diffusion) -> None:
    """Persistence says how much of it; what was not seen is painted anew."""
    plate = probe_plate(SIZE)
    there = np.full_like(plate.color_cct, 0.3)
    known = np.zeros_like(plate.depth_m)
    known[:, : SIZE[0] // 2] = 1.0
    going_on = replace(plate, current=Current(there, known))
    kept = painted(generator, going_on, persistence=1.0)
    np.testing.assert_allclose(kept[:, : SIZE[0] // 2], 0.3, atol=1e-6)
    assert off(kept[:, SIZE[0] // 2 + 8 :], there[:, SIZE[0] // 2 + 8 :]) > 0.02
    np.testing.assert_array_equal(painted(generator, going_on, persistence=0.0), painted(generator, plate))
    half = painted(generator, going_on, persistence=0.5)
    assert off(half[:, :40], there[:, :40]) < off(painted(generator, plate)[:, :40], there[:, :40])


@pytest.mark.parametrize("part", slow_but("controlnet", ["controlnet", "adapter", "lora", "vae"]))
def test_a_part_that_is_added_changes_picture_and_provenance(
    generator: Diffusion, runtime: Runtime, tiny: Any, tiny_models: Path, tmp_path: Path, part: str
) -> None:
    settings: dict[str, Any] = {}
    if part == "controlnet":
        tiny.make_tiny_controlnet(tmp_path / "added")
        settings = {"control_model": str(tmp_path / "added")}
    elif part == "adapter":
        tiny.make_tiny_adapter(tmp_path / "added")
        settings = {"control_model": str(tmp_path / "added")}
    elif part == "lora":
        tiny.make_tiny_lora(tmp_path / "added.safetensors")
        settings = {"lora": (str(tmp_path / "added.safetensors"),)}
    else:
        tiny.make_tiny_model(tmp_path / "other", seed=9)
        settings = {"vae": str(tmp_path / "other" / "vae")}
    added = generator_of(runtime, tiny_models / "tiny-sd", **settings)
    assert off(painted(added), painted(generator)) > 1e-5
    assert added.model_sha256 != generator.model_sha256
    if "control_model" in settings:
        assert off(painted(added, depth=0.0), painted(generator)) < 1e-6
        near = replace(probe_plate(SIZE), depth_m=np.full((SIZE[1], SIZE[0]), 2.0, np.float32))
        assert off(painted(added, near), painted(generator, near)) > 1e-5


@pytest.mark.parametrize(("kind", "settings"), [("sdxl", {}), ("sdxl", {"steps": 3}), ("depth", {"steps": 2})])
def test_other_architectures(
    runtime: Runtime, tiny: Any, tiny_sdxl: Path, tmp_path: Path, kind: str, settings: Mapping[str, Any]
) -> None:
    """SDXL class models, and Stable Diffusion 2's depth model; the prompts are not kept where nobody may write."""
    if kind == "depth":
        tiny.make_tiny_model(tmp_path / "model", depth=True)
    model = tmp_path / "model" if kind == "depth" else tiny_sdxl
    made = generator_of(runtime, model, **settings)
    first = painted(made)
    assert first.std() > 0.02
    assert off(painted(made, prompt="A desert"), first) > 1e-5


@pytest.mark.parametrize(
    ("kind", "config", "half"),
    [("sd", {}, True), ("sdxl", {}, False), ("sdxl", {"force_upcast": False}, True)],
)
def test_sdxl_s_autoencoder_alone_is_too_loud_for_half_floats(
    tiny: Any, tmp_path: Path, kind: str, config: Mapping[str, bool], half: bool
) -> None:
    """diffusers writes force_upcast = true into the config of every autoencoder that does not say otherwise."""
    tiny.make_tiny_model(tmp_path / "model", kind)
    blocks = {"down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
    widths = {"block_out_channels": (8, 8, 8, 8), "norm_num_groups": 4, "latent_channels": 4}
    coder = pytest.importorskip("diffusers").AutoencoderKL(**blocks, **widths, **config)
    coder.save_pretrained(tmp_path / "coder")
    parts = pipeline_parts.load_parts(
        tmp_path / "model", None, tmp_path / "coder", (), torch.device("cpu"), torch.float16
    )
    networks = pipeline_networks.torch_networks(parts)
    assert (parts.vae.dtype == torch.float16) == half
    assert (not networks["encode"].exact) == (not networks["decode"].exact) == half
    assert parts.unet.dtype == torch.float16


def test_a_prompt_of_too_many_tokens_is_refused(generator: Diffusion) -> None:
    with pytest.raises(RefusedLookError, match=r"a prompt of \d+ tokens, and this model hears 75"):
        painted(generator, prompt="word " * 60)
    painted(generator)


def test_a_show_machine_needs_no_text_encoder(runtime: Runtime, tiny_models: Path, tmp_path: Path, tiny: Any) -> None:
    """What was prepared is painted bit for bit; what was not is refused with the cure, and a blank is no words."""
    tiny.make_tiny_model(tmp_path / "full")
    full = tmp_path / "full"
    expected = painted(generator_of(runtime, full))
    for name in ("text_encoder", "tokenizer"):
        (full / name).rename(tmp_path / name)
    bare = generator_of(runtime, full)
    np.testing.assert_array_equal(painted(bare), expected)
    with pytest.raises(RefusedLookError, match="vpengine models prepare"):
        painted(bare, prompt="A desert")
    (kept,) = [path for path in (full / "prompts").iterdir() if FLOOD.encode() in path.read_bytes()]
    kept.write_bytes(kept.read_bytes()[:-7])
    with pytest.raises(RefusedLookError, match="not among those that were prepared"):
        painted(generator_of(runtime, full))
    (tmp_path / "text_encoder").rename(full / "text_encoder")
    (tmp_path / "tokenizer").rename(full / "tokenizer")
    np.testing.assert_array_equal(painted(generator_of(runtime, full)), expected)  # and it is kept anew
    assert FLOOD.encode() in kept.read_bytes()


def embedding(generator: Diffusion, text: str = FLOOD) -> Picture:
    hidden: Picture = generator._pipeline.parts.prompts(text).hidden.float().numpy()
    return hidden


def test_a_picture_says_which_embeddings_it_was_told(generator: Diffusion) -> None:
    """Of what is heard: without guidance nobody hears what is not wanted."""

    def told(blends: Any = None, **values: Value) -> dict[str, str]:
        look = looks_of("diffusion").of({"prompt": FLOOD, "negative_prompt": "people", **values}, 0, blends)
        return dict(generator.generate(probe_plate(SIZE), look).told)

    by_name = {
        f"prompt {text!r}": hashlib.sha256(embedding(generator, text).tobytes()).hexdigest()
        for text in (FLOOD, "A desert", "people")
    }
    flood, desert, people = by_name
    assert told() == {flood: by_name[flood]}
    assert told(guidance=2.0) == {flood: by_name[flood], people: by_name[people]}
    half = {"prompt": ((FLOOD, 0.5), ("A desert", 0.5))}
    assert told(half) == {flood: by_name[flood], desert: by_name[desert]}
    assert len(set(by_name.values())) == 3


def without_encoder(model: Path, folder: Path) -> Path:
    """A copy of a model as a show machine is given it."""
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("text_encoder*", "tokenizer*"))
    return folder


def test_an_embedding_of_another_text_encoder_is_never_used(runtime: Runtime, tiny: Any, tmp_path: Path) -> None:
    """Neither where there is one, nor where there is none and the folder has embeddings of two."""
    model, other = tmp_path / "model", tmp_path / "other"
    tiny.make_tiny_model(model)
    tiny.make_tiny_model(other, seed=5)
    first = embedding(generator_of(runtime, model))
    shutil.rmtree(model / "text_encoder")
    shutil.copytree(other / "text_encoder", model / "text_encoder")
    second = embedding(generator_of(runtime, model))
    assert off(first, second) > 0.1
    shutil.rmtree(other / "text_encoder")
    shutil.copytree(model / "text_encoder", other / "text_encoder")
    np.testing.assert_array_equal(embedding(generator_of(runtime, other)), second)
    with pytest.raises(RefusedLookError, match=r"has prompts of 2 text encoders, .* bring it prompts"):
        embedding(generator_of(runtime, without_encoder(model, tmp_path / "bare")))


@pytest.mark.parametrize("older", [False, True])
def test_embeddings_that_were_made_for_another_model_are_refused(
    runtime: Runtime, tiny: Any, tmp_path: Path, older: bool
) -> None:
    """And so are those of an older vpengine, which do not say what they were made by; where they can, they are made."""
    model = tmp_path / "model"
    tiny.make_tiny_model(model)
    expected = embedding(generator_of(runtime, model))
    bare = without_encoder(model, tmp_path / "bare")
    np.testing.assert_array_equal(embedding(generator_of(runtime, bare)), expected)
    (kept,) = (model / "prompts").iterdir()
    if older:
        name = hashlib.sha256(FLOOD.encode()).hexdigest()[:32]
        for folder in (model, bare):
            (folder / "prompts" / kept.name).unlink()
            save_file({"hidden": torch.zeros(1, 77, 32)}, folder / "prompts" / f"{name}.safetensors", OLDER)
        np.testing.assert_array_equal(embedding(generator_of(runtime, model)), expected)
    else:
        tiny.make_tiny_model(tmp_path / "other", seed=5)
        shutil.rmtree(bare / "unet")
        shutil.copytree(tmp_path / "other" / "unet", bare / "unet")
    with pytest.raises(RefusedLookError, match=r"prepared \(1 there are of other weights .* models prepare"):
        embedding(generator_of(runtime, bare))


@pytest.mark.parametrize("kind", slow_but("sdxl", ["sd", "sdxl"]))
def test_a_lora_s_part_for_the_text_encoder_is_heard_and_stays_its_own(
    runtime: Runtime, tiny: Any, tmp_path: Path, kind: str
) -> None:
    """Whatever was kept before. One for the U-Net alone shares the model's prompts, which a show machine then has."""
    model = tmp_path / "model"
    tiny.make_tiny_model(model, kind)
    tiny.make_tiny_lora(tmp_path / "unet.safetensors", kind)
    tiny.make_tiny_lora(tmp_path / "text.safetensors", kind, text=True)
    loras = {name: {"lora": (str(tmp_path / f"{name}.safetensors"),)} for name in ("unet", "text")}
    plain = embedding(generator_of(runtime, model))
    told = embedding(generator_of(runtime, model, **loras["text"]))
    assert off(told, plain) > 1e-3
    for settings, expected in (({}, plain), (loras["unet"], plain), (loras["text"], told)):
        bare = without_encoder(model, tmp_path / f"bare-{len(list(tmp_path.iterdir()))}")
        pictures = []
        for folder in (model, bare):
            made = generator_of(runtime, folder, **settings)
            np.testing.assert_array_equal(embedding(made), expected)
            pictures.append(painted(made))
        np.testing.assert_array_equal(*pictures)


def test_prompts_are_encoded_in_single_precision_whatever_paints(runtime: Runtime, tiny: Any, tmp_path: Path) -> None:
    """What a rounded run kept serves an exact one."""
    for name in ("rounded", "exact"):
        tiny.make_tiny_model(tmp_path / name)
    embedding(generator_of(runtime, tmp_path / "rounded", precision="bfloat16"))
    found = [embedding(generator_of(runtime, tmp_path / name)) for name in ("rounded", "exact")]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model": "nothing-of-that-name"}, "nothing-of-that-name"),
        ({"model": "tiny-sd", "control_model": "tiny-sd"}, "tiny-sd"),
        ({"model": "tiny-sd", "lora": ("tiny-sd",)}, "tiny-sd"),
    ],
)
def test_a_model_that_cannot_be_used_is_one_sentence(
    runtime: Runtime, tiny_models: Path, settings: dict[str, Any], sentence: str
) -> None:
    assert tiny_models.is_dir()
    with pytest.raises(UserError, match=sentence) as caught:
        Diffusion(runtime, DiffusionSettings(**settings))
    assert "\n" not in str(caught.value)


def test_padding_moves_no_pixel() -> None:
    """A picture that is no whole number of latent pixels is given more to the right and below, and keeps its rays."""
    plate = probe_plate((45, 31))
    wider = pipeline._padded(plate)
    assert wider.depth_m.shape == (32, 48)
    ours, theirs = (rays(each.view, pixel_centres(each.view.resolution)) for each in (plate, wider))
    np.testing.assert_allclose(theirs[:31, :45], ours, atol=1e-12)
    np.testing.assert_array_equal(wider.color_cct[:31, :45], plate.color_cct)


def test_display_colours_come_back() -> None:
    """Any light in sRGB's gamut up to four stops above white; below the knee the curve is sRGB's own."""
    module = pytest.importorskip("vpengine.neural.display_color")
    light = np.exp2(np.random.default_rng(0).uniform(-9.0, 4.0, (500, 3)))
    cct = acescct_from_linear(light @ np.linalg.inv(REC709_FROM_ACESCG).T)
    shown = module.display_from_acescct(cct)
    np.testing.assert_allclose(module.acescct_from_display(shown), cct, atol=1e-5)
    assert shown.min() >= 0.0
    assert shown.max() <= 1.0
    grays = np.linspace(0.0, 16.0, 400)[:, None].repeat(3, axis=1)
    ramp = module.display_from_acescct(acescct_from_linear(grays))[:, 0]
    assert (np.diff(ramp) > 0.0).all()
    middle = module.display_from_acescct(acescct_from_linear(np.full(3, 0.18)))
    np.testing.assert_allclose(middle, 0.4614, atol=2e-3)
