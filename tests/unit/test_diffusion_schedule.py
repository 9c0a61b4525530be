"""A few-step LoRA on a plain model: its strength, and steps as diffusers' LCMScheduler has them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from vpengine.neural.diffusion import Diffusion, DiffusionSettings
from vpengine.neural.diffusion_sources import sources_of

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
lcm = pytest.importorskip("diffusers.schedulers.scheduling_lcm")
torch_runtime = pytest.importorskip("vpengine.neural.torch_runtime", reason="the extra `diffusion` is not installed")
LATENTS = (1, 4, 6, 8)


@pytest.fixture(scope="module")
def plain(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model as Stable Diffusion 1.5 is published, with a scheduler that adds no noise; beside it a LoRA."""
    model = Path(tmp_path_factory.mktemp("plain")) / "sd"
    tiny.make_tiny_model(model)
    tiny.make_tiny_lora(model.parent / "few.safetensors", text=True)
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    diffusers.PNDMScheduler(**betas, skip_prk_steps=True, steps_offset=1).save_pretrained(model / "scheduler")
    index = json.loads((model / "model_index.json").read_text(encoding="utf-8"))
    index["scheduler"] = ["diffusers", "PNDMScheduler"]
    (model / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return model


def settings(plain: Path, **values: Any) -> DiffusionSettings:
    return DiffusionSettings(model=str(plain), precision="float32", **values)


def generator(plain: Path, **values: Any) -> Diffusion:
    return Diffusion(torch_runtime.TorchRuntime(), settings(plain, **values))


def answer(noisy: Any, time: int, *_: Any) -> Any:
    """As a U-Net's, of how noisy it is and when."""
    return torch.tanh(noisy) * (0.4 + time / 1000.0)


def noise(seed: int) -> Any:
    return torch.randn(LATENTS, generator=torch.Generator().manual_seed(seed))


def painted(plain: Path, strength: float, monkeypatch: pytest.MonkeyPatch, **values: Any) -> Any:
    """Latents after all steps, of a U-Net that answers as above."""
    made = generator(plain, **values)._pipeline
    monkeypatch.setattr(made, "_answer", answer)
    return made._painted(noise(1), noise(2), None, {"strength": strength})


def by_diffusers(plain: Path, times: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same by its own LCMScheduler, which is given the same noise in every step."""
    monkeypatch.setattr(lcm, "randn_tensor", lambda *arguments, **named: noise(2))
    scheduler = diffusers.LCMScheduler.from_config(diffusers.PNDMScheduler.from_pretrained(plain / "scheduler").config)
    scheduler.set_timesteps(timesteps=list(times))
    latents = scheduler.add_noise(noise(1), noise(2), torch.tensor([times[0]]))
    for time in scheduler.timesteps:
        latents = scheduler.step(answer(latents, int(time)), time, latents).prev_sample
    return latents


@pytest.mark.parametrize(
    ("steps", "strength", "times"),
    [(1, 0.5, [500]), (1, 0.001, [1]), (2, 0.7, [699, 349]), (4, 1.0, [999, 749, 499, 249])],
)
def test_an_lcm_lora_s_steps_are_diffusers(
    plain: Path, steps: int, strength: float, times: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = painted(plain, strength, monkeypatch, steps=steps, scheduler="lcm")
    truth = by_diffusers(plain, times, monkeypatch)
    torch.testing.assert_close(found, truth, rtol=1e-4, atol=1e-4)
    own = painted(plain, strength, monkeypatch, steps=steps)
    other = float((own - truth).abs().max())
    assert other > 1e-3 if steps > 1 or strength < 0.01 else other < 1e-4  # one step of much noise is the same


def test_a_model_s_own_lcm_scheduler_is_known(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "lcm"
    diffusers.StableDiffusionPipeline.from_pretrained(
        plain, scheduler=diffusers.LCMScheduler.from_pretrained(plain / "scheduler"), local_files_only=True
    ).save_pretrained(model)
    kinds = ({}, {"scheduler": "lcm"}, {"scheduler": "ddim"})
    own, said, ddim = (painted(model, 0.7, monkeypatch, steps=2, **kind) for kind in kinds)
    torch.testing.assert_close(own, said)
    assert float((own - ddim).abs().max()) > 1e-3


def test_a_lora_counts_as_much_as_the_stage_says(plain: Path) -> None:
    """In weights, embeddings and whatever is named after them."""
    lora = (str(plain.parent / "few.safetensors"),)

    def first(scale: float | None) -> tuple[Any, Any, str, str]:
        scaled = {} if scale is None else {"lora": lora, "lora_scales": (scale,)}
        made = generator(plain, **scaled)
        parts = made._pipeline.parts
        weight = next(tensor for name, tensor in parts.unet.named_parameters() if name.endswith("attn2.to_k.weight"))
        unet = sources_of(settings(plain, **scaled)).specs["unet"].key
        return weight.detach(), parts.prompts("A desert").hidden, made.model_sha256, unet

    none, half, whole = (first(scale) for scale in (None, 0.5, 1.0))
    torch.testing.assert_close(half[0] - none[0], 0.5 * (whole[0] - none[0]), rtol=1e-4, atol=1e-6)
    assert float((whole[0] - none[0]).abs().max()) > 0.01
    assert not torch.equal(half[1], whole[1])
    assert len({each[2] for each in (none, half, whole)}) == len({each[3] for each in (none, half, whole)}) == 3
    assert generator(plain, lora=lora).model_sha256 == whole[2], "1 is what is meant without a number"


def test_each_lora_has_its_number(plain: Path) -> None:
    with pytest.raises(ValidationError, match="found 1 numbers for 2 files in lora; give each one"):
        settings(plain, lora=("a", "b"), lora_scales=(0.5,))
