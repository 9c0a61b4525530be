"""Prompts as a diffusion model hears them: embeddings, kept on the disk: a show machine needs no text encoder."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vpengine.neural.generator import RefusedLookError
from vpengine.neural.prompt_origin import PromptOrigin

log = logging.getLogger(__name__)

FOLDER = "prompts"  # in a model's folder
MOST_KEPT = 64  # in memory; a show has a few, and a hand at a keyboard many


@dataclass(frozen=True, eq=False)
class Embedding:
    """hidden: (1, tokens, width), what the U-Net attends to. pooled: (1, width), the whole of it, for SDXL."""

    hidden: torch.Tensor
    pooled: torch.Tensor | None = None

    @property
    def sha256(self) -> str:
        """Of its numbers, as float32."""
        numbers = (each.float().cpu().numpy().tobytes() for each in (self.hidden, self.pooled) if each is not None)
        return hashlib.sha256(b"".join(numbers)).hexdigest()


@dataclass(frozen=True)
class Encoder:
    """A model's text encoders. tokens: how many a prompt takes, without the marks at its ends, and ``most`` may."""

    encode: Callable[[str], Embedding]
    tokens: Callable[[str], int]
    most: int


class Prompts:
    """Embeddings of a model's prompts: from memory, from its folder, or from its text encoder, in this order.

    encoder: None where the model has come without one. origin: what embeddings are made by; others are never used.
    empty: what stands for no words where nobody can say it.
    """

    def __init__(
        self,
        model: Path,
        encoder: Encoder | None,
        origin: PromptOrigin,
        empty: Embedding,
        place: Callable[[torch.Tensor], torch.Tensor],
    ) -> None:
        self._folder = model / FOLDER
        self._encoder, self._origin = encoder, origin
        self._empty = empty
        self._place = place  # to where the U-Net runs
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._digests: dict[str, str] = {}  # of those that are kept, before they were rounded

    def __call__(self, text: str) -> Embedding:
        """Raises RefusedLookError for a prompt that is too long, or that nobody here can encode."""
        if text not in self._kept:
            found = self._stored(text) or self._encoded(text)
            pooled = self._place(found.pooled) if found.pooled is not None else None
            self._kept[text], self._digests[text] = Embedding(self._place(found.hidden), pooled), found.sha256
            while len(self._kept) > MOST_KEPT:
                del self._digests[self._kept.popitem(last=False)[0]]
        self._kept.move_to_end(text)
        return self._kept[text]

    def prepare(self, texts: Iterable[str]) -> dict[str, str]:
        """Have each kept in the model's folder. By text, what is wrong with those that cannot be."""
        refused = {}
        for text in texts:
            try:
                self(text)
            except RefusedLookError as error:
                refused[text] = str(error)
            else:
                if not (self._folder / self._origin.file(text)).is_file():
                    refused[text] = f"{self._folder} cannot be written to"
        return refused

    def told(self, shares: Sequence[tuple[str, float]]) -> tuple[tuple[str, str], ...]:
        """The embeddings of several prompts for provenance, as (words, sha256) pairs. Raises as a call does."""
        named = {text: self(text) for text, share in shares if share > 0.0}
        return tuple((f"prompt {text!r}", self._digests[text]) for text in named)

    def mixed(self, shares: Sequence[tuple[str, float]]) -> Embedding:
        """Between several prompts, by their shares of 1."""
        found = [(self(text), share) for text, share in shares]
        if len(found) == 1:
            return found[0][0]
        hidden = sum((each.hidden * share for each, share in found), torch.zeros_like(found[0][0].hidden))
        pooled = [each.pooled * share for each, share in found if each.pooled is not None]
        return Embedding(hidden, torch.stack(pooled).sum(0) if pooled else None)

    def _stored(self, text: str) -> Embedding | None:
        origin = self._origin if self._encoder is not None else replace(self._origin, encoder=self._prepared_by())
        try:
            with safe_open(self._folder / origin.file(text), "pt") as file:
                if file.metadata() != origin.said(text):
                    return None
                names = set(file.keys())
                return Embedding(file.get_tensor("hidden"), file.get_tensor("pooled") if "pooled" in names else None)
        except (OSError, SafetensorError):  # none yet, or half of one
            return None

    def _prepared_by(self) -> str:
        """The text encoder that this model's prompts were prepared with elsewhere; empty where there are none.

        Raises RefusedLookError where there are several: their embeddings are not to be mixed.
        """
        there = {self._origin.encoder_in(_said(path)) for path in self._folder.glob("*.safetensors")} - {""}
        if len(there) > 1:
            raise RefusedLookError(
                f"{self._folder} has prompts of {len(there)} text encoders, and the model has come without its own, "
                "which would tell which ones are its; empty it, and bring it prompts that were prepared with one"
            )
        return there.pop() if there else ""

    def _strangers(self) -> str:
        """In brackets, with a blank before: how many lie there that are not this model's."""
        count = sum(not self._origin.encoder_in(_said(path)) for path in self._folder.glob("*.safetensors"))
        other = f" ({count} there are of other weights or LoRAs, or of an older vpengine, and are not used)"
        return other if count else ""

    def _encoded(self, text: str) -> Embedding:
        if self._encoder is None:
            if not text.strip():
                return self._empty
            raise RefusedLookError(
                f"the prompt {_shown(text)} is not among those that were prepared{self._strangers()}, and the model "
                "has come without its text encoder; prepare it where there is one (vpengine models prepare)"
            )
        count = self._encoder.tokens(text)
        if count > self._encoder.most:
            raise RefusedLookError(
                f"a prompt of {count} tokens, and this model hears {self._encoder.most}: shorten {_shown(text)}"
            )
        made = self._encoder.encode(text)
        self._store(text, made)
        return made

    def _store(self, text: str, made: Embedding) -> None:
        """A model's folder may be read-only: then it is encoded again next time."""
        path = self._folder / self._origin.file(text)
        tensors = {"hidden": made.hidden.float().cpu().contiguous()}
        if made.pooled is not None:
            tensors["pooled"] = made.pooled.float().cpu().contiguous()
        temporary = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(exist_ok=True)
            save_file(tensors, temporary, self._origin.said(text))
            temporary.replace(path)
        except (OSError, SafetensorError) as error:
            log.debug("prompt not kept: %s", error)


def _said(path: Path) -> dict[str, str]:
    """What is kept with an embedding; nothing for half of a file."""
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError):
        return {}


def _shown(text: str) -> str:
    return repr(text if len(text) <= 48 else text[:45] + "...")
