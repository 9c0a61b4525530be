"""What an embedding depends on beside its words: a kept one is used only where all of that is the same.

Imports no inference library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vpengine.neural.digests import sha256_of
from vpengine.neural.lora import Lora
from vpengine.neural.model_folder import ModelFolder

FORMAT = "vpengine-prompt-2"  # rises with what an embedding is kept with
_VOCABULARY = (".json", ".txt")


@dataclass(frozen=True)
class PromptOrigin:
    """encoder: sha256 of the text encoders with their configs and tokenizers; empty where the model has come without.

    unet: sha256 of the weights that it was made for: by these a model without text encoder knows its own prompts.
    loras: the digest of each that changes a text encoder, a line each, in the order in which they are fused.
    """

    encoder: str
    unet: str
    loras: str = ""

    def said(self, text: str) -> dict[str, str]:
        """What is kept with the embedding of ``text``."""
        made_by = {"encoder": self.encoder, "unet": self.unet, "loras": self.loras}
        return {"format": FORMAT, "prompt": text, **made_by}

    def file(self, text: str) -> str:
        """The name of the file of ``text``."""
        words = "\0".join(self.said(text).values())
        return f"{hashlib.sha256(words.encode()).hexdigest()[:32]}.safetensors"

    def encoder_in(self, said: Mapping[str, str]) -> str:
        """Which text encoder an embedding is of, by what it was kept with; empty where it is not for this model."""
        encoder = said.get("encoder", "")
        return encoder if replace(self, encoder=encoder).said(said.get("prompt", "")) == said else ""


def origin_of(model: ModelFolder, loras: Iterable[Lora]) -> PromptOrigin:
    """Gigabytes are hashed once."""
    encoder = sha256_of(_text_files(model)) if model.has_text_encoder else ""
    changing = (lora.digest for lora in loras if lora.changes_text)
    return PromptOrigin(encoder, sha256_of(model.parts["unet"].files), "\n".join(changing))


def _text_files(model: ModelFolder) -> Iterator[Path]:
    for name in (name for name in model.parts if name.startswith("text_encoder")):
        yield from model.parts[name].files
        yield model.path / name / "config.json"
        tokenizer = model.path / name.replace("text_encoder", "tokenizer")
        yield from (path for path in tokenizer.iterdir() if path.suffix in _VOCABULARY)
