"""Reference pictures as a diffusion model sees them: an IP-Adapter's embeddings, of files in a stage's folder.

After H. Ye et al., IP-Adapter: Text Compatible Image Prompt Adapter for Text-to-Image Diffusion Models (2023).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps

from vpengine.errors import UserError, did_you_mean
from vpengine.frames.look import Blend
from vpengine.neural.generator import RefusedLookError
from vpengine.neural.library_errors import in_a_sentence
from vpengine.neural.reference_model import ENCODER, ReferenceModel

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MOST_KEPT = 64  # in memory; one is a few kilobytes
MOST_NAMED = 12  # in a sentence


@dataclass(frozen=True)
class Adapter:
    """encode: a picture to its embedding (1, 1, width). weigh: how much the U-Net heeds it, from its next call on.
    weight: how much that is.
    """

    encode: Callable[[Image.Image], torch.Tensor]
    weigh: Callable[[float], None]
    width: int
    weight: Callable[[], float] = lambda: 1.0


@dataclass(frozen=True, eq=False)
class Seen:
    """given: what the U-Net is told besides. files: that this is of, as (name, sha256) pairs."""

    given: dict[str, torch.Tensor]
    files: tuple[tuple[str, str], ...] = ()


class References:
    """Embeddings of a folder's pictures, by their content. adapter: None for a model that takes none."""

    def __init__(self, folder: Path | None, adapter: Adapter | None) -> None:
        self._folder, self._adapter = folder, adapter
        self._kept: OrderedDict[str, torch.Tensor] = OrderedDict()  # by the sha256 of the file
        self._digests: dict[tuple[str, int, int], str] = {}  # by name, time of change and size

    def heard(self, blend: Blend, weight: float) -> Seen:
        """``image`` (1, 1, width), between the blend's pictures; nothing without an adapter.

        Raises RefusedLookError for a name that is none of the folder's, or a file that is no picture.
        """
        named: dict[str, float] = {}
        for name, share in ((name.strip(), share) for name, share in blend):
            if name and share > 0.0:
                named[name] = named.get(name, 0.0) + share
        found = {name: self._known(name) for name in named}
        if self._adapter is None:
            return Seen({})
        total = sum(named.values())
        self._adapter.weigh(weight * total)
        shares = ((self._kept[content], named[name] / total) for name, content in found.items())
        mixed = sum((each * share for each, share in shares), torch.zeros(1, 1, self._adapter.width))
        return Seen({"image": torch.as_tensor(mixed)}, tuple(found.items()) if weight > 0.0 else ())

    def _known(self, name: str) -> str:
        """The sha256 of a picture whose embedding is kept."""
        path = self._path(name)
        if self._adapter is None:
            raise RefusedLookError(
                f"reference {name!r}: this model takes no pictures; name an IP-Adapter for it in the stage file's "
                "[neural], as reference_model"
            )
        try:
            content = self._digest(path)
            if content not in self._kept:
                self._kept[content] = self._adapter.encode(_picture(path)).float().cpu()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise RefusedLookError(
                f"reference {name!r}: {path} cannot be read as a picture ({error}) {self._named()}"
            ) from error
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        self._kept.move_to_end(content)
        return content

    def _path(self, name: str) -> Path:
        """Of a picture that the folder lists: a name is no path, and leads nowhere else."""
        if self._folder is None:
            raise RefusedLookError(
                f"reference {name!r}: no folder of pictures; name one in the stage file's [neural], as references"
            )
        names = self._names()
        if name not in names:
            raise RefusedLookError(
                f"reference {name!r}: no such picture in {self._folder}{did_you_mean(name, names)} {self._named()}"
            )
        return self._folder / name

    def _digest(self, path: Path) -> str:
        """sha256 of a file; it is read again when it has changed, and not for every picture that is made."""
        now = path.stat()
        key = (path.name, now.st_mtime_ns, now.st_size)
        if key not in self._digests:
            self._digests[key] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._digests[key]

    def _names(self) -> list[str]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES)

    def _named(self) -> str:
        names = self._names()
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return f"(allowed: {', '.join(names[:MOST_NAMED])}{more})" if names else "(it has no pictures)"


def load_adapter(pipeline: Any, reference: ReferenceModel, device: torch.device) -> Adapter:
    """Put an IP-Adapter into a diffusers pipeline's U-Net. Raises UserError."""
    if not hasattr(pipeline, "load_ip_adapter"):
        raise UserError(f"{reference.weights}: a {type(pipeline).__name__} takes no IP-Adapter; take the key out")
    with in_a_sentence(f"{reference.weights}: is no IP-Adapter for this model"):
        pipeline.load_ip_adapter(
            str(reference.weights.parent),
            subfolder="",
            weight_name=reference.weights.name,
            image_encoder_folder=ENCODER,
            local_files_only=True,
        )
    encoder, processor = pipeline.image_encoder.to(device).eval(), pipeline.feature_extractor

    @torch.inference_mode()
    def encode(picture: Image.Image) -> torch.Tensor:
        pixels = processor(images=picture, return_tensors="pt").pixel_values
        embedding: torch.Tensor = encoder(pixels.to(device, encoder.dtype)).image_embeds[:, None]
        return embedding

    heeded = 1.0  # as diffusers puts it in

    def weigh(weight: float) -> None:
        nonlocal heeded
        pipeline.set_ip_adapter_scale(weight)
        heeded = weight

    return Adapter(encode, weigh, int(encoder.config.projection_dim), lambda: heeded)


def _picture(path: Path) -> Image.Image:
    with Image.open(BytesIO(path.read_bytes())) as image:
        return ImageOps.exif_transpose(image).convert("RGB")
