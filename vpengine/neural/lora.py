"""A LoRA as a stage has it: its file, and how strongly it is fused. Imports no inference library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vpengine.neural.digests import sha256_of
from vpengine.neural.safetensors_header import read_header

_TEXT_LAYERS = ("lora_te", "text_encoder")  # how names of layers begin in kohya's naming, and in diffusers'


@dataclass(frozen=True)
class Lora:
    """scale: what its change to the weights is multiplied by."""

    file: Path
    scale: float = 1.0

    @property
    def digest(self) -> str:
        """The sha256 of its file, with its scale where that is not 1: other weights come of another one."""
        digest = sha256_of([self.file])
        return digest if self.scale == 1.0 else f"{digest} x {self.scale:g}"

    @property
    def changes_text(self) -> bool:
        """Whether it has layers of a text encoder."""
        return any(name.startswith(_TEXT_LAYERS) for name in read_header(self.file).shapes)
