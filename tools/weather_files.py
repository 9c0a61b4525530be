"""The shipped weights: ONNX for the engine, safetensors to go on training from, checked against each other."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file, save_file
from weather_network import LOOKS, WeatherNet, export_onnx

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "vpengine" / "neural" / "weights"
ONNX_FILE, SAFETENSORS_FILE, CARD_FILE = (WEIGHTS / f"weather.{kind}" for kind in ("onnx", "safetensors", "md"))
LIMIT_BYTES = 8 * 1024 * 1024


def ship(network: WeatherNet, facts: dict[str, float | str]) -> None:
    """Write both files, each complete or not at all; raises AssertionError when ONNX and torch disagree."""
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    network = network.eval().to(memory_format=torch.contiguous_format)
    part = ONNX_FILE.with_suffix(".part")
    export_onnx(network, str(part))
    difference = disagreement(network, part)
    assert difference < 1e-4, f"onnxruntime differs from torch by {difference}"
    assert part.stat().st_size < LIMIT_BYTES, f"{part.stat().st_size} bytes"
    os.replace(part, ONNX_FILE)
    text = {key: json.dumps(value) for key, value in facts.items()}
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, SAFETENSORS_FILE, metadata=text)
    SAFETENSORS_FILE.chmod(0o644)


def load_network() -> WeatherNet:
    """The shipped network in torch."""
    network = WeatherNet()
    network.load_state_dict(load_file(SAFETENSORS_FILE))
    return network.eval()


def session(path: Path = ONNX_FILE, threads: int = 1) -> onnxruntime.InferenceSession:
    """As the engine runs it: one thread, no spinning."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def disagreement(network: WeatherNet, path: Path) -> float:
    """Largest difference between torch and onnxruntime over a few odd sizes."""
    worst, runtime = 0.0, session(path)
    generator = torch.Generator().manual_seed(7)
    for height, width in ((48, 80), (88, 136), (272, 480)):
        inputs = [torch.rand(1, planes, height, width, generator=generator) for planes in (3, 1, 1)]
        inputs.append(torch.rand(1, LOOKS, generator=generator))
        names = ("color", "inverse_depth", "noise", "look")
        answers = runtime.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})
        with torch.no_grad():
            expected = network(*inputs)
        worst = max(worst, *(float(np.abs(a - e.numpy()).max()) for a, e in zip(answers, expected, strict=True)))
    return worst


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
