"""The green screen's matte refiner: a small network that corrects the alpha which the key measured.

It is told nothing of the screen's colour: every fact of a pixel is relative to the screen's light there
(shaders/key_facts.frag).
tools/train_matte.py trains one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.neural import RUNTIMES
from vpengine.neural.generator import Network
from vpengine.neural.library_errors import in_a_sentence
from vpengine.plugins import load_plugin

SHIPPED = Path(__file__).parent / "weights" / "matte.onnx"
RUNS_ON = ("onnxruntime", "openvino")  # the others build for one size first, or run no files
FACTS, MULTIPLE = 8, 4
INPUT, OUTPUT = "facts", "correction"
PROBE = (32, 48)  # height and width; not alike, so that a network which turns its picture is found out

Half = NDArray[np.float16]


class NeuralMatte:
    """Corrects a picture's alpha in the frame that asks for it, which waits for it some milliseconds."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.runtime = network.name

    def __call__(self, chroma: Half, luma: Half) -> NDArray[np.float32]:
        """(height, width, 4) each; what is to be added to alpha, (height, width). Raises UserError where it fails."""
        height, width = chroma.shape[:2]
        padded = (height + -height % MULTIPLE, width + -width % MULTIPLE)
        facts = np.empty((1, FACTS, *padded), np.float32)
        facts[0, :4, :height, :width] = chroma.transpose(2, 0, 1)
        facts[0, 4:, :height, :width] = luma.transpose(2, 0, 1)
        facts[..., height:, :] = facts[..., height - 1 : height, :]
        facts[..., width:] = facts[..., width - 1 : width]
        with in_a_sentence("its network failed"):
            answer = self._network({INPUT: facts})[OUTPUT]
        corrected: NDArray[np.float32] = answer[0, 0, :height, :width]
        return corrected


def load_matte(path: Path, runtime: str = "auto") -> NeuralMatte:
    """A network from an ONNX file with the input ``facts`` (1, 8, height, width) and the output ``correction`` (1, 1,
    height, width). runtime: the stage's, where it is one of RUNS_ON; else the first. Raises UserError for what is none.
    """
    name = runtime if runtime in RUNS_ON else RUNS_ON[0]
    matte = NeuralMatte(load_plugin(RUNTIMES[name])().load(path))
    probe = np.zeros((*PROBE, 4), np.float16)
    with in_a_sentence(f"{path}: no matte refiner: expected facts (1, {FACTS}, height, width) to correction"):
        shape = matte(probe, probe).shape
    if shape != PROBE:
        raise UserError(f"{path}: no matte refiner: its correction of {PROBE} pixels is {shape}")
    return matte
