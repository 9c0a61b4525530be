"""The tiny models that stand in for real ones: they load as those do, and their random numbers make pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra `diffusion` is not installed")
diffusers = pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
# diffusers gives torch's tensors to numpy as older numpy took them.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The decode_latents method:FutureWarning"),
]
MOST_BYTES = 8_000_000


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def loaded(folder: Path) -> Any:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def picture_of(pipeline: Any, prompt: str = "a street in snow", **more: Any) -> Any:
    """One step of text to image, (64, 64, 3) float, 0..1."""
    with torch.no_grad():
        return pipeline(
            prompt,
            num_inference_steps=1,
            guidance_scale=0.0,
            height=64,
            width=64,
            generator=torch.Generator().manual_seed(0),
            output_type="np",
            **more,
        ).images[0]


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@pytest.mark.parametrize("model", ["tiny_sd", "tiny_sdxl"])
def test_a_model_loads_and_its_pictures_follow_the_prompt(model: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(model)
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < MOST_BYTES
    assert not [path for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".ckpt")]
    pipeline = loaded(folder)
    first = picture_of(pipeline)
    assert first.shape == (64, 64, 3)
    assert np.isfinite(first).all()
    assert first.std() > 0.05
    assert ((first > 0.02) & (first < 0.98)).mean() > 0.5
    assert np.abs(first - picture_of(pipeline, "fire, Ελλάδα, 24 fps!")).mean() > 0.002


def test_the_unet_and_the_vae_answer_with_sensible_spread(tiny_sd: Path) -> None:
    pipeline = loaded(tiny_sd)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        embeddings, _ = pipeline.encode_prompt("rain at night", "cpu", 1, False)
        latent = torch.randn(1, 4, 64, 64, generator=generator)
        noise = pipeline.unet(latent, torch.tensor(999), encoder_hidden_states=embeddings).sample
        encoded = pipeline.vae.encode(torch.rand(1, 3, 64, 64, generator=generator) * 2 - 1).latents
    assert embeddings.shape == (1, 77, 32)
    assert 0.2 < float(noise.std()) < 3.0
    assert encoded.shape == (1, 4, 8, 8)
    assert 0.1 < float(encoded.std()) < 3.0


def test_a_seed_makes_the_same_bytes(tiny: Any, tiny_sd: Path, tmp_path: Path) -> None:
    tiny.make_tiny_model(tmp_path / "again")
    assert digest(tmp_path / "again") == digest(tiny_sd)
    tiny.make_tiny_model(tmp_path / "other", seed=1)
    assert digest(tmp_path / "other") != digest(tiny_sd)


def test_a_depth_model_takes_a_fifth_channel(tiny: Any, tmp_path: Path) -> None:
    tiny.make_tiny_model(tmp_path, depth=True)
    assert loaded(tmp_path).unet.config.in_channels == 5


@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_controlnet_adapter_and_lora_fit_and_change_the_picture(
    kind: str, tiny: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pipeline = loaded(request.getfixturevalue(f"tiny_{kind}"))
    plain = picture_of(pipeline)
    components = {name: part for name, part in pipeline.components.items() if name != "image_encoder"}
    depth = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    tiny.make_tiny_controlnet(tmp_path / "controlnet", kind)
    net = diffusers.ControlNetModel.from_pretrained(str(tmp_path / "controlnet"), use_safetensors=True)
    names = {"sd": "StableDiffusion", "sdxl": "StableDiffusionXL"}
    steered = getattr(diffusers, f"{names[kind]}ControlNetPipeline")(**components, controlnet=net)
    assert np.abs(picture_of(steered, image=depth) - plain).mean() > 0.002

    tiny.make_tiny_adapter(tmp_path / "adapter", kind)
    adapter = diffusers.T2IAdapter.from_pretrained(str(tmp_path / "adapter"), use_safetensors=True)
    adapted = getattr(diffusers, f"{names[kind]}AdapterPipeline")(**components, adapter=adapter)
    assert np.abs(picture_of(adapted, image=depth) - plain).mean() > 0.002

    tiny.make_tiny_lora(tmp_path / "lora.safetensors", kind)
    pipeline.load_lora_weights(str(tmp_path), weight_name="lora.safetensors")
    assert np.abs(picture_of(pipeline) - plain).mean() > 0.0005
