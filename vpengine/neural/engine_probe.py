"""The golden probe: a fixed question whose right answer came with the engine, asked before its pictures count.

The answer is onnxruntime's on the CPU, from the network as its file has it, made when the engine was built. An engine
that was mistaken for another, or that a driver runs wrongly, gives pictures and no error: this is what finds it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.neural.onnx_file import Shape

SEED = 7
SAMPLES = 8192  # of each output, evenly spread: a manifest stays small and every part of a picture is looked at
LIMITS = {"float16": 0.03, "stored": 0.03}  # NVIDIA's float32 has float16's mantissa (TF32) in convolutions
_SILENT = 1e-3  # an output below this is compared with it instead: a relative error of nothing is noise

Arrays = Mapping[str, NDArray[Any]]


def probe_inputs(inputs: Iterable[tuple[str, Shape, str]]) -> dict[str, NDArray[Any]]:
    """The question, for inputs (name, shape, dtype): numbers of 0 to 1; whole numbers are 0, good for every index."""
    rng = np.random.default_rng(SEED)
    question: dict[str, NDArray[Any]] = {}
    for name, shape, dtype in sorted(inputs):
        floats = np.issubdtype(np.dtype(dtype), np.floating)
        question[name] = (rng.random(shape, np.float32) if floats else np.zeros(shape)).astype(dtype)
    return question


def answer_of(outputs: Arrays) -> dict[str, Any]:
    """A sample of each output, for a manifest: its shape, and little-endian float32 in base 64."""
    return {
        name: {"shape": list(array.shape), "samples": base64.b64encode(_samples(array).tobytes()).decode("ascii")}
        for name, array in outputs.items()
    }


def drift(outputs: Arrays, answer: Mapping[str, Any]) -> float:
    """How far ``outputs`` are from what ``answer_of`` noted: the worst output's RMS error over its RMS.

    Infinite where one is missing, has another shape, or is not finite.
    """
    if set(outputs) != set(answer):
        return float("inf")
    return max(_drift(outputs[name], noted) for name, noted in answer.items())


def problem_of(outputs: Arrays, answer: Mapping[str, Any], precision: str) -> str:
    """What is wrong with an engine that answered this; empty where it is right."""
    off, limit = drift(outputs, answer), LIMITS[precision]
    if off <= limit:
        return ""
    if not np.isfinite(off):
        return "its answer has another shape than onnxruntime's, or numbers that are not finite"
    return f"its answer differs from onnxruntime's by {off:.1%}, and {limit:.0%} may"


def _drift(array: NDArray[Any], noted: Mapping[str, Any]) -> float:
    if list(array.shape) != noted["shape"]:
        return float("inf")
    expected = np.frombuffer(base64.b64decode(noted["samples"]), "<f4").astype(np.float64)
    found = _samples(array).astype(np.float64)
    if not np.isfinite(found).all():
        return float("inf")
    return _rms(found - expected) / max(_rms(expected), _SILENT)


def _samples(array: NDArray[Any]) -> NDArray[np.float32]:
    flat = array.reshape(-1)
    picked = np.linspace(0, flat.size - 1, min(SAMPLES, flat.size)).astype(int)
    return flat[picked].astype("<f4")


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
