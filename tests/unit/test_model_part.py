"""What a model's parts say of themselves: ControlNets, adapters, LoRAs, and which model each is made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiny_folders import refused, write_json, write_model, write_weights
from vpengine.neural.model_folder import read_model
from vpengine.neural.model_part import check_fits, check_kind, read_part

XL = {"pipeline": "StableDiffusionXLPipeline", "cross_attention_dim": 2048, "addition_embed_type": "text_time"}


def test_controlnets_and_adapters(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model")
    net = tmp_path / "net"
    write_weights(net / "diffusion_pytorch_model.safetensors")
    write_json(net / "config.json", _class_name="ControlNetModel", cross_attention_dim=768)
    found = read_part(net)
    assert (found.kind, found.name, found.parameters, found.cross_attention_dim) == ("controlnet", "net", 32, 768)
    check_fits(found, read_model(model))
    other = read_model(write_model(tmp_path / "sd2", cross_attention_dim=1024))
    assert "text is 768 wide; sd2 (sd2) has 1024" in refused(lambda: check_fits(found, other))

    write_json(net / "config.json", _class_name="T2IAdapter", adapter_type="full_adapter_xl")
    assert (read_part(net).kind, read_part(net).sdxl) == ("t2i", True)
    assert "made for SDXL; model is sd1" in refused(lambda: check_fits(read_part(net), read_model(model)))
    check_fits(read_part(net), read_model(write_model(tmp_path / "xl", **XL)))

    write_json(net / "config.json", _class_name="AutoencoderTiny")
    assert (read_part(net).kind, read_part(net).sdxl) == ("vae", None)
    check_fits(read_part(net), read_model(model))
    write_json(net / "config.json", _class_name="UNet2DModel")
    assert "found 'UNet2DModel' (allowed: ControlNetModel, T2IAdapter, Autoenc" in refused(lambda: read_part(net))


@pytest.mark.parametrize(
    ("down", "up"),
    [
        ("lora_unet_mid_block_attn2_to_k.lora_down.weight", "lora_unet_mid_block_attn2_to_k.lora_up.weight"),
        ("unet.mid_block.attn2.to_k.lora_A.weight", "unet.mid_block.attn2.to_k.lora_B.weight"),
        ("unet.mid_block.attn2.to_k.lora.down.weight", "unet.mid_block.attn2.to_k.lora.up.weight"),
    ],
)
def test_loras_in_every_naming(down: str, up: str, tmp_path: Path) -> None:
    file = write_weights(tmp_path / "lcm.safetensors", np.float32, **{down: (4, 768), up: (320, 4)})
    found = read_part(file)
    assert (found.kind, found.name, found.cross_attention_dim) == ("lora", "lcm", 768)
    assert read_part(tmp_path).path == file
    other = read_model(write_model(tmp_path / "sd2", cross_attention_dim=1024))
    assert "768 wide" in refused(lambda: check_fits(found, other))


@pytest.mark.parametrize("whole", [True, False])
def test_an_ip_adapter_is_named_for_what_it_is(tmp_path: Path, whole: bool) -> None:
    """A file of it, or its folder with the encoder that it sees with; it is no LoRA, and no key takes it for one."""
    write_json(tmp_path / "image_encoder" / "config.json")
    shapes = {"ip_adapter.1.to_k_ip.weight": (32, 768), "image_proj.proj.weight": (16, 8)}
    file = write_weights(tmp_path / "ip-adapter.safetensors", **shapes)
    found = read_part(tmp_path if whole else file)
    assert (found.kind, found.path, found.cross_attention_dim) == ("ip-adapter", file, 768)
    assert "IP-Adapter, which lora is not for; name it as reference_model" in refused(lambda: check_kind(found, "lora"))
    check_kind(found, "reference_model")


def test_parts_that_cannot_be_loaded(tmp_path: Path) -> None:
    assert "no such file" in refused(lambda: read_part(tmp_path / "none"))
    assert "neither a ControlNet" in refused(lambda: read_part(tmp_path))
    (tmp_path / "lora.pt").write_bytes(b"\x80")
    assert "lora.pt, which can run programs" in refused(lambda: read_part(tmp_path))
    assert "lora.pt, which can run programs" in refused(lambda: read_part(tmp_path / "lora.pt"))
    weights = write_weights(tmp_path / "weights.safetensors")
    assert "no LoRA" in refused(lambda: read_part(weights))
    write_json(tmp_path / "net" / "config.json", _class_name="ControlNetModel")
    assert "no weights there" in refused(lambda: read_part(tmp_path / "net"))
