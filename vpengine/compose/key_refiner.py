"""What a network adds to the measured alpha: the key's facts of a picture down, its answer up, within the frame."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.mixer import Lend
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Pass
from vpengine.gpu.pool import TargetSpec
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import download, write

log = logging.getLogger(__name__)

Facts = NDArray[np.float16]


class MatteRefiner(Protocol):
    """chroma, luma: (height, width, 4) each, as shaders/key_facts.frag has them, row 0 at the top. What is to be added
    to alpha, before its clips: (height, width).
    """

    def __call__(self, chroma: Facts, luma: Facts) -> NDArray[np.floating]: ...


class AlphaCorrection:
    """Owns the texture that a network's answer lies in. It waits for both: the correction is of the same picture.

    A network that fails is told once, and not asked again: the measured alpha stays as it is.
    """

    def __init__(self, gpu: Gpu, refiner: MatteRefiner) -> None:
        self._gpu = gpu
        self._refiner: MatteRefiner | None = refiner
        self._target: Target | None = None

    def draw(
        self, facts_pass: Pass, found: Mapping[str, Texture], values: Mapping[str, Any], lend: Lend
    ) -> Texture | None:
        """A texture (r) of the picture's size; None where there is no correction."""
        if self._refiner is None:
            return None
        size = (found["picture"].size[0], found["picture"].size[1])
        facts = lend(TargetSpec(size, colors=2))
        facts_pass.draw(facts, dict(found), **values)
        chroma, luma = (download(layer.color).astype(np.float16, copy=False) for layer in facts.layers)
        answer = self._asked(self._refiner, chroma, luma)
        return None if answer is None else self._sent(answer, size)

    def _asked(self, refiner: MatteRefiner, chroma: Facts, luma: Facts) -> NDArray[np.floating] | None:
        try:
            answer = refiner(chroma, luma)
            if answer.shape != chroma.shape[:2]:
                raise ValueError(f"its answer is {answer.shape}, the picture {chroma.shape[:2]}")
            if not np.isfinite(answer.sum()):
                raise ValueError("its answer is not finite")
        except Exception as error:  # noqa: BLE001  whatever a network raises, the picture goes on
            log.warning("matte refiner: %s: %s. The key goes on without it.", type(error).__name__, error)
            self._refiner = None
            return None
        return answer

    def _sent(self, answer: NDArray[np.floating], size: tuple[int, int]) -> Texture:
        if self._target is None or self._target.size != size:
            self.release()
            self._target = TargetSpec(size, components=1).make(self._gpu)
        write(self._target.color, answer[..., None].astype(np.float16))
        return self._target.color

    def release(self) -> None:
        if self._target is not None:
            self._target.release()
            self._target = None
