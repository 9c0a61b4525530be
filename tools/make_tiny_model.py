"""Make a tiny, randomly initialised diffusion model in diffusers layout, for tests and for a first run without weights.

    python tools/make_tiny_model.py FOLDER [--kind sdxl] [--seed N] [--depth] [--controlnet FOLDER] [--lora FILE] ...

It has the parts, file names and shapes of interfaces of Stable Diffusion 1.5 / SD-Turbo ("sd") or SDXL-Turbo ("sdxl"),
and a few megabytes. Its pictures mean nothing, but they are pictures: finite, not constant, steered by prompt and seed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import (
    AutoencoderTiny,
    ControlNetModel,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    T2IAdapter,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

KINDS = ("sd", "sdxl")
TEXT_WIDTH = 32  # of each text encoder
TOKENS = 77
IMAGE_TOKENS = 4  # that an IP-Adapter makes of a picture
TIME_IDS = 6  # SDXL: original size, crop, target size, two numbers each
TIME_WIDTH = 8  # of each of them, embedded
CHANNELS = (32, 64)
NOVELTY = 0.5  # how much of the U-Net's answer is random
HEED = 8.0  # to the prompt: random attention takes the mean of all tokens, which are much the same for any prompt
START, END = "<|startoftext|>", "<|endoftext|>"


def make_tiny_model(folder: Path, kind: str = "sd", seed: int = 0, *, depth: bool = False) -> None:
    """Write a whole model of ``kind`` "sd" or "sdxl" to ``folder``: the same bytes for the same seed.

    depth: the U-Net takes a fifth channel, the depth, as Stable Diffusion 2's depth model does.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    torch.manual_seed(seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order are other bytes
    try:
        pipeline = _sdxl(folder) if kind == "sdxl" else _sd(folder, depth)
    finally:
        torch.set_num_threads(threads)
    pipeline.save_pretrained(str(folder), safe_serialization=True)
    # transformers writes one tokenizer.json; the models that are published have what it was made of.
    for name in ("tokenizer", "tokenizer_2") if kind == "sdxl" else ("tokenizer",):
        _write_vocabulary(folder / name)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nRandom numbers in the shape of a model.\n")


def make_tiny_controlnet(folder: Path, kind: str = "sd", seed: int = 0) -> None:
    """Write a ControlNet for the U-Net of ``kind``. Training begins at no effect; this one has one."""
    torch.manual_seed(seed)
    net = ControlNetModel(
        in_channels=4,
        conditioning_embedding_out_channels=(8, 8, 16, 16),
        norm_num_groups=8,
        **_common(kind),
        **_down_blocks(kind),
    )
    with torch.no_grad():
        for layer in (*net.controlnet_down_blocks, net.controlnet_mid_block, net.controlnet_cond_embedding.conv_out):
            nn.init.normal_(layer.weight, std=0.1)
    net.save_pretrained(str(folder), safe_serialization=True)


def make_tiny_adapter(folder: Path, kind: str = "sd", seed: int = 0) -> None:
    """Write a T2I adapter for the U-Net of ``kind``: 3 planes in, features of the U-Net's two sizes out."""
    torch.manual_seed(seed)
    adapter = T2IAdapter(
        in_channels=3,
        channels=list(CHANNELS),
        num_res_blocks=1,
        downscale_factor=16 if kind == "sdxl" else 8,
        adapter_type="full_adapter_xl" if kind == "sdxl" else "full_adapter",
    )
    adapter.save_pretrained(str(folder), safe_serialization=True)


def make_tiny_lora(file: Path, kind: str = "sd", seed: int = 0, rank: int = 4, *, text: bool = False) -> None:
    """Write a LoRA of the U-Net's attention in kohya's naming, as LCM-LoRA has it, as safetensors.

    text: it changes the first text encoder's too. Both halves are random: an untrained LoRA's second half is zero, and
    a test could not see that it was loaded.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    layers = [(f"unet.{name}", layer) for name, layer in _unet(kind, in_channels=4).named_modules() if ".attn" in name]
    if text:
        prefix = "te1" if kind == "sdxl" else "te"
        encoder = CLIPTextModel(_text_config()).named_modules()
        layers += [(f"{prefix}.text_model.{name.removeprefix('text_model.')}", layer) for name, layer in encoder]
    for name, layer in layers:
        if not isinstance(layer, nn.Linear):
            continue
        key = f"lora_{name.replace('.', '_')}"
        tensors[f"{key}.lora_down.weight"] = torch.randn(rank, layer.in_features, generator=generator) * 0.2
        tensors[f"{key}.lora_up.weight"] = torch.randn(layer.out_features, rank, generator=generator) * 0.2
        tensors[f"{key}.alpha"] = torch.tensor(float(rank))
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, str(file), metadata={"format": "pt"})


def make_tiny_ip_adapter(folder: Path, kind: str = "sd", seed: int = 0) -> None:
    """Write an IP-Adapter for the U-Net of ``kind``, with the CLIP vision model that it sees with."""
    torch.manual_seed(seed)
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=TEXT_WIDTH,
            intermediate_size=2 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
        )
    )
    encoder.save_pretrained(str(folder / "image_encoder"))
    unet = _unet(kind, in_channels=4)
    width = unet.config.cross_attention_dim
    tensors = {
        "image_proj.proj.weight": torch.randn(IMAGE_TOKENS * width, TEXT_WIDTH),
        "image_proj.proj.bias": torch.randn(IMAGE_TOKENS * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    text_layers = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(text_layers):
        layer = unet.get_submodule(name.removesuffix(".processor"))
        for half in ("k", "v"):  # every second is numbered: between them are those that hear no text
            key = f"ip_adapter.{2 * number + 1}.to_{half}_ip.weight"
            tensors[key] = torch.randn(layer.to_k.out_features, width) * 0.2
    save_file(tensors, str(folder / "ip-adapter.safetensors"), metadata={"format": "pt"})


def _sd(folder: Path, depth: bool) -> DiffusionPipeline:
    return StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text_config()).eval(),
        tokenizer=_tokenizer(folder / "tokenizer"),
        unet=_unet("sd", in_channels=5 if depth else 4),
        scheduler=_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl(folder: Path) -> DiffusionPipeline:
    return StableDiffusionXLPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(_text_config()).eval(),
        text_encoder_2=CLIPTextModelWithProjection(_text_config()).eval(),
        tokenizer=_tokenizer(folder / "tokenizer"),
        tokenizer_2=_tokenizer(folder / "tokenizer_2"),
        unet=_unet("sdxl", in_channels=4),
        scheduler=_scheduler(),
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def _unet(kind: str, in_channels: int) -> UNet2DConditionModel:
    unet = UNet2DConditionModel(
        sample_size=64,
        in_channels=in_channels,
        out_channels=4,
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D") if kind == "sdxl" else ("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=8,
        **_common(kind),
        **_down_blocks(kind),
    ).eval()
    _give_back(unet)
    return unet


@torch.no_grad()
def _give_back(unet: UNet2DConditionModel) -> None:
    """Let the U-Net answer with its input, which is nearly the noise, and a tenth and more of what is random.

    Random alone, it would leave all the noise in: the decoder would be given what no latent is, and answer white. The
    input goes round by the outermost skip, up to the last norm as x and as -x: silu(x) - silu(-x) is x again.
    """
    last, width = unet.up_blocks[-1], CHANNELS[0]
    shortcut = last.resnets[-1].conv_shortcut
    after = [last.resnets[-1].conv2, *(attention.proj_out for attention in getattr(last, "attentions", ())[-1:])]
    for layer in (*after, shortcut):
        layer.weight[:8] = 0.0
        layer.bias[:8] = 0.0
    for name, layer in unet.named_modules():
        if name.endswith("attn2.to_out.0"):
            layer.weight.mul_(HEED)
    unet.conv_in.weight[:4] = 0.0
    unet.conv_in.bias[:4] = 0.0
    unet.conv_out.weight.mul_(NOVELTY)
    unet.conv_out.weight[:, :8] = 0.0
    for channel in range(4):
        unet.conv_in.weight[channel, channel, 1, 1] = 1.0
        for place, sign in ((channel, 1.0), (channel + 4, -1.0)):
            shortcut.weight[place, width + channel] = sign
            unet.conv_out.weight[channel, place, 1, 1] = sign


def _down_blocks(kind: str) -> dict[str, object]:
    """Stable Diffusion attends at every size but the smallest, SDXL at every size but the largest."""
    blocks = ("DownBlock2D", "CrossAttnDownBlock2D") if kind == "sdxl" else ("CrossAttnDownBlock2D", "DownBlock2D")
    return {"down_block_types": blocks, "block_out_channels": CHANNELS}


def _common(kind: str) -> dict[str, object]:
    """What U-Net and ControlNet must agree in."""
    shape: dict[str, object] = {
        "layers_per_block": 1,
        "attention_head_dim": 8,
        "cross_attention_dim": TEXT_WIDTH,
        "use_linear_projection": True,
    }
    if kind != "sdxl":
        return shape
    return shape | {
        "cross_attention_dim": 2 * TEXT_WIDTH,  # both encoders' states beside each other
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": TIME_WIDTH,
        "projection_class_embeddings_input_dim": TIME_IDS * TIME_WIDTH + TEXT_WIDTH,
    }


def _vae() -> AutoencoderTiny:
    """As TAESD: four stages, so 8 pixels to a latent. Its last layers are scaled until pictures fill -1..1."""
    vae = AutoencoderTiny(
        encoder_block_out_channels=(16, 16, 16, 16),
        decoder_block_out_channels=(16, 16, 16, 16),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    ).eval()
    picture = functional.interpolate(torch.rand(1, 3, 16, 16) * 2 - 1, scale_factor=8, mode="bilinear")
    latent = torch.randn(1, 4, 16, 16)
    _spread(vae.encoder.layers[-1], lambda: vae.encode(picture).latents, 1.0)
    # The decoder ends in 2 x - 1.
    _spread(vae.decoder.layers[-1], lambda: vae.decode(latent).sample, 0.4, slope=2.0)
    return vae


@torch.no_grad()
def _spread(last: nn.Conv2d, answer: Callable[[], Tensor], wanted: float, slope: float = 1.0) -> None:
    """Scale and shift a last convolution until ``answer()`` has mean 0 and deviation ``wanted``, channel by channel.

    Random layers give each channel its own grey, and little beside it. slope: of the answer over that layer's output.
    """
    last.weight.mul_((wanted / answer().std(dim=(0, 2, 3)))[:, None, None, None])
    last.bias.sub_(answer().mean(dim=(0, 2, 3)) / slope)


def _scheduler() -> EulerDiscreteScheduler:
    """As SD-Turbo and SDXL-Turbo have it."""
    return EulerDiscreteScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="epsilon",
        timestep_spacing="trailing",
        steps_offset=1,
    )


def _vocabulary() -> dict[str, int]:
    """Every byte, within a word and at its end: any text is tokens, a letter each."""
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), START, END]
    return {token: number for number, token in enumerate(tokens)}


def _write_vocabulary(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(_vocabulary(), ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")


def _tokenizer(folder: Path) -> CLIPTokenizer:
    _write_vocabulary(folder)
    settings = {"model_max_length": TOKENS, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _text_config() -> CLIPTextConfig:
    vocabulary = _vocabulary()
    return CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        bos_token_id=vocabulary[START],
        eos_token_id=vocabulary[END],
        pad_token_id=vocabulary[END],
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--kind", choices=KINDS, default="sd")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--depth", action="store_true", help="the U-Net takes depth as a fifth channel")
    for part in ("controlnet", "adapter", "lora", "ip-adapter"):
        arguments.add_argument(f"--{part}", type=Path, help="also write one that fits, here")
    given = arguments.parse_args()
    make_tiny_model(given.folder, given.kind, given.seed, depth=given.depth)
    if given.controlnet:
        make_tiny_controlnet(given.controlnet, given.kind, given.seed)
    if given.adapter:
        make_tiny_adapter(given.adapter, given.kind, given.seed)
    if given.ip_adapter:
        make_tiny_ip_adapter(given.ip_adapter, given.kind, given.seed)
    if given.lora:
        make_tiny_lora(given.lora, given.kind, given.seed)


if __name__ == "__main__":
    main()
