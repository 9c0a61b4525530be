"""How fast the diffusion generator is: beside a plain pipeline of its networks, and beside what the device can do.

The plain pipeline is diffusers' own image-to-image, asked for every picture, as one writes it without an engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from statistics import median
from typing import Any

import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline
from torch.utils.flop_counter import FlopCounterMode

from vpengine.neural.auto import probe_plate
from vpengine.neural.declared import looks_of
from vpengine.neural.diffusion import DiffusionSettings
from vpengine.neural.diffusion_networks import examples, torch_networks
from vpengine.neural.diffusion_parts import Modules, Parts, hollow_modules
from vpengine.neural.diffusion_pipeline import ImageToImage
from vpengine.neural.diffusion_sources import Sources, sources_of
from vpengine.neural.display_color import display_from_acescct
from vpengine.neural.generator import Plate
from vpengine.neural.torch_runtime import TorchRuntime

Size = tuple[int, int]  # width, height
Call = Callable[[], Any]

SIZES: tuple[Size, ...] = ((512, 288), (640, 360), (768, 432), (1024, 576))
STRENGTH = 0.5
SECONDS, LEAST = 3.0, 3  # of measuring a kind of picture, and of its pictures
MATRIX_SIDE = {"cuda": 8192, "cpu": 2048}  # large enough that a device is at its best, for a tenth of a second
PRODUCTS = 10
_LEFT_OUT = ("text_encoder", "tokenizer", "safety_checker", "feature_extractor", "image_encoder")
_LEFT_OUT_XL = ("text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "feature_extractor", "image_encoder")


def measure_speed(
    model: str, sizes: Sequence[Size] | None = None, seconds: float | None = None, **settings: Any
) -> list[dict[str, Any]]:
    """Rows by size: medians over ``seconds`` (SECONDS) for each kind of picture, in turn; of an empty prompt.

    sizes: without, all of SIZES on a graphics card, and on a processor the first. tflops: what the networks' matrix
    products and convolutions come to, in the time of a whole picture. Raises UserError for a model that cannot be used.
    """
    runtime, chosen = TorchRuntime(), DiffusionSettings(model=model, **settings)
    sources, generator = sources_of(chosen), ImageToImage(runtime, chosen)
    if sizes is None:
        sizes = SIZES if runtime.device.type == "cuda" else SIZES[:1]
    ceiling_tflops = matrix_product_tflops(runtime.device, generator.parts.unet.dtype)
    plain, hollow = _plain(sources, generator.parts), hollow_modules(sources.model, sources.control, sources.vae)
    rows = []
    for size in sizes:
        plate = probe_plate(size)
        calls = [_engine_call(generator, plate)]
        if plain is not None:
            calls.append(_plain_call(plain, generator.parts, plate, chosen.steps))
        times_s = _medians_s(calls, runtime.device, SECONDS if seconds is None else seconds)
        tflops = picture_flops(hollow, size, chosen.steps) / times_s[0] * 1e-12
        named = {"name": sources.model.name, "runtime": generator.runtime, "device": _device(runtime)}
        rows.append({**named, **_figures(size, times_s, tflops, ceiling_tflops)})
    return rows


def _figures(size: Size, times_s: Sequence[float], tflops: float, ceiling_tflops: float) -> dict[str, Any]:
    """times_s: of the engine's picture, and of the plain pipeline's where there is one."""
    plain_s = times_s[1] if len(times_s) > 1 else None
    return {
        "size": f"{size[0]}x{size[1]}",
        "images_per_s": round(1.0 / times_s[0], 2),
        "latency_ms_p50": round(1e3 * times_s[0], 2),
        "plain_images_per_s": round(1.0 / plain_s, 2) if plain_s else None,
        "ratio": round(plain_s / times_s[0], 2) if plain_s else None,
        "tflops": round(tflops, 4),
        "ceiling_tflops": round(ceiling_tflops, 4),
        "percent_of_ceiling": round(100.0 * tflops / ceiling_tflops, 1),
    }


def picture_flops(modules: Modules, size: Size, steps: int) -> int:
    """Of a picture's networks, an addition and a multiplication each one.

    modules: without weights, since attention is products there; on a device it may be a call that the counter does not
    know.
    """
    networks, total = torch_networks(modules), 0
    for name, given in examples(modules, size, batch=1).items():
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            networks[name](given)
        total += int(counter.get_total_flops()) * (1 if name in ("encode", "decode") else steps)
    return total


def matrix_product_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """The best that the device does in a product of two large square matrices."""
    side = MATRIX_SIDE[device.type]
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    best_s = min(_seconds(lambda: left @ right, device) for _ in range(PRODUCTS))
    return 2.0 * side**3 / best_s * 1e-12


def _engine_call(generator: ImageToImage, plate: Plate) -> Call:
    look = looks_of("diffusion").of({"prompt": "", "strength": STRENGTH})
    return lambda: generator.generate(plate, look)


def _plain(sources: Sources, parts: Parts) -> Any | None:
    """diffusers' pipeline of the same modules; None where it has none that takes the same: with depth.

    The autoencoder is a copy in the U-Net's precision, since those pipelines change it in place.
    """
    if parts.control is not None or parts.unet.config.in_channels != parts.vae.config.latent_channels:
        return None
    kind = StableDiffusionXLImg2ImgPipeline if parts.sdxl else StableDiffusionImg2ImgPipeline
    pipeline = kind.from_pretrained(
        str(sources.model),
        unet=parts.unet,
        vae=deepcopy(parts.vae).to(parts.unet.dtype),
        local_files_only=True,
        **dict.fromkeys(_LEFT_OUT_XL if parts.sdxl else _LEFT_OUT),
        **({"add_watermarker": False} if parts.sdxl else {"requires_safety_checker": False}),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _plain_call(pipeline: Any, parts: Parts, plate: Plate, steps: int) -> Call:
    """A picture from the plate's, as arrays are given and taken by the engine's generator."""
    display, heard = display_from_acescct(plate.color_cct), parts.prompts("")
    given = {"prompt_embeds": heard.hidden}
    if heard.pooled is not None:
        given["pooled_prompt_embeds"] = heard.pooled

    def call() -> Any:
        return pipeline(
            image=torch.from_numpy(display.transpose(2, 0, 1)[None].copy()),
            strength=STRENGTH,
            num_inference_steps=round(steps / STRENGTH),  # it leaves out those above the strength
            guidance_scale=1.0,
            output_type="np",
            **given,
        ).images

    return call


def _medians_s(calls: Sequence[Call], device: torch.device, seconds: float) -> list[float]:
    """Of each call, ``seconds`` of them, in turn: what else the machine does then falls on all of them."""
    for call in calls:
        call()  # what is made at first use is no part of a picture
        call()
    times_s: list[list[float]] = [[] for _ in calls]
    end_s = time.perf_counter() + seconds * len(calls)
    while time.perf_counter() < end_s or len(times_s[0]) < LEAST:
        for kept, call in zip(times_s, calls, strict=True):
            kept.append(_seconds(call, device))
    return [median(kept) for kept in times_s]


def _seconds(call: Call, device: torch.device) -> float:
    """On a graphics card by its own clock, from an idle card until all of the call's work is done."""
    if device.type != "cuda":
        begin_s = time.perf_counter()
        call()
        return time.perf_counter() - begin_s
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    begin.record()
    call()
    end.record()
    torch.cuda.synchronize(device)
    return float(begin.elapsed_time(end)) * 1e-3


def _device(runtime: TorchRuntime) -> str:
    if runtime.device.type == "cuda":
        return str(torch.cuda.get_device_name(runtime.device))
    return f"CPU (no CUDA device), {runtime.threads} threads"
