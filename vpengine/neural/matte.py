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

RUNS_ON = ("onnxruntime", "openvino")  # the others build for one size first, or run no files
FACTS, MULTIPLE = 8, 4
SURE = (0.05, 0.9)  # alpha of screen and of foreground that need no correction
MARGIN, STEP = 20, 16  # pixels: what the network sees around one, and what its picture grows by
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
        correction = np.zeros(chroma.shape[:2], np.float32)
        box = _unsure(chroma[..., 0])
        if box is not None:
            correction[box] = self._answer(chroma[box], luma[box])
        return correction

    def _answer(self, chroma: Half, luma: Half) -> NDArray[np.float32]:
        height, width = chroma.shape[:2]
        padded = (height + -height % MULTIPLE, width + -width % MULTIPLE)
        facts = np.empty((1, FACTS, *padded), np.float32)
        facts[0, :4, :height, :width] = chroma.transpose(2, 0, 1)
        facts[0, 4:, :height, :width] = luma.transpose(2, 0, 1)
        facts[..., height:, :] = facts[..., height - 1 : height, :]
        facts[..., width:] = facts[..., width - 1 : width]
        with in_a_sentence("its network failed"):
            answer = self._network({INPUT: facts})[OUTPUT]
        if answer.shape != (1, 1, *padded):
            raise UserError(f"its correction of {padded} pixels is {answer.shape[2:]}")
        corrected: NDArray[np.float32] = answer[0, 0, :height, :width]
        return corrected


def _unsure(alpha: Half) -> tuple[slice, slice] | None:
    """The rows and columns within which alpha is neither one nor the other; None where it is sure everywhere.

    Half of the picture is mostly empty screen, and a network that is not asked there takes half as long.
    """
    some = alpha[::2, ::2]
    unsure = (some > SURE[0]) & (some < SURE[1])
    spans = []
    for axis, length in ((1, alpha.shape[0]), (0, alpha.shape[1])):
        found = 2 * np.flatnonzero(unsure.any(axis))
        if not found.size:
            return None
        first, last = max(int(found[0]) - MARGIN, 0), min(int(found[-1]) + MARGIN, length)
        spans.append(slice(first - first % STEP, min(last + -last % STEP, length)))
    return spans[0], spans[1]


def load_matte(path: Path, runtime: str = "auto") -> NeuralMatte:
    """A network from an ONNX file with the input ``facts`` (1, 8, height, width) and the output ``correction`` (1, 1,
    height, width). runtime: the stage's, where it is one of RUNS_ON; else the first. Raises UserError for what is none.
    """
    name = runtime if runtime in RUNS_ON else RUNS_ON[0]
    matte = NeuralMatte(load_plugin(RUNTIMES[name])().load(path))
    probe = np.full((*PROBE, 4), 0.5, np.float16)
    try:
        matte(probe, probe)
    except UserError as error:
        expected = f"expected facts (1, {FACTS}, height, width) to correction"
        raise UserError(f"{path}: no matte refiner: {error}; {expected}") from error
    return matte
