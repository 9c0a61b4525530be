"""A glTF scene's textures: decoded by Pillow, as linear light of Rec.709 in half float, with their samplers' ways.

glTF has colours in sRGB whatever a picture's own tags say (glTF 2.0, 3.8.2): no colour profile is read.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vpengine.errors import UserError
from vpengine.plates.gltf.buffers import Buffers
from vpengine.plates.gltf.document import GltfFile, Picture, Sampler

MOST_SIDE = 8192
_FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow's readers raise for damaged files.
_DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_CLAMP, _MIRROR, _NEAREST = 33071, 33648, 9728
_CODE = np.arange(256) / 255.0
# IEC 61966-2-1, by table: a texture has but 256 values.
_LINEAR = np.where(_CODE <= 0.04045, _CODE / 12.92, ((_CODE + 0.055) / 1.055) ** 2.4).astype(np.float16)
_PLAIN = _CODE.astype(np.float16)


@dataclass(frozen=True, eq=False)
class TextureImage:
    """pixels: (height, width, 4) half, row 0 at the top, alpha not multiplied in. repeats: in x and y."""

    pixels: NDArray[np.float16]
    repeats: tuple[bool, bool]
    nearest: bool


def read_texture(file: GltfFile, buffers: Buffers, number: int, is_color: bool) -> TextureImage:
    """Texture ``number``; is_color: sRGB, to be made linear. Raises UserError for what cannot be read."""
    document = file.document
    texture = buffers.part(document.textures, number, "texture")
    webp = texture.extensions.get("EXT_texture_webp")
    source = webp.get("source") if isinstance(webp, dict) else texture.source
    if not isinstance(source, int) or source < 0:
        raise UserError(f"{file.path}: texture {number} has no image")
    image: Picture = buffers.part(document.images, source, "image")
    sampler: Sampler = (
        Sampler() if texture.sampler is None else buffers.part(document.samplers, texture.sampler, "sampler")
    )
    code = _decoded(file, _content(file, buffers, image, source), source)
    mirrored = sampler.wrap_s == _MIRROR, sampler.wrap_t == _MIRROR
    pixels = _with_mirrors(code, mirrored)
    out = (_LINEAR if is_color else _PLAIN)[pixels]
    out[..., 3] = _PLAIN[pixels[..., 3]]
    return TextureImage(out, (sampler.wrap_s != _CLAMP, sampler.wrap_t != _CLAMP), sampler.mag_filter == _NEAREST)


def mirrors(sampler: Sampler) -> tuple[float, float]:
    """What texture coordinates are multiplied by: a texture that repeats mirrored holds itself twice."""
    return 0.5 if sampler.wrap_s == _MIRROR else 1.0, 0.5 if sampler.wrap_t == _MIRROR else 1.0


def _with_mirrors(code: NDArray[np.uint8], mirrored: tuple[bool, bool]) -> NDArray[np.uint8]:
    if mirrored[0]:
        code = np.concatenate([code, code[:, ::-1]], axis=1)
    return np.concatenate([code, code[::-1]], axis=0) if mirrored[1] else code


def _content(file: GltfFile, buffers: Buffers, image: Picture, number: int) -> bytes:
    if image.uri is not None:
        return buffers.from_uri(image.uri, f"image {number}")
    if image.buffer_view is None:
        raise UserError(f"{file.path}: image {number} has no content")
    return bytes(buffers.view(image.buffer_view))


def _decoded(file: GltfFile, content: bytes, number: int) -> NDArray[np.uint8]:
    """(height, width, 4)."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            if max(image.size) > MOST_SIDE:
                raise UserError(
                    f"{file.path}: image {number} is {image.width} x {image.height}; save it smaller (up to "
                    f"{MOST_SIDE} on a side)"
                )
            return _wide_grey(image) if image.mode.startswith("I") else np.asarray(image.convert("RGBA"))
    except _DAMAGED:
        raise UserError(
            f"{file.path}: image {number} cannot be read: it is damaged or none of {', '.join(_FORMATS)}"
        ) from None
    except MemoryError:
        raise UserError(f"{file.path}: image {number} is too large for this machine's memory") from None


def _wide_grey(image: Image.Image) -> NDArray[np.uint8]:
    """(height, width, 4) of 16 bits of grey: Pillow's own conversion clips them, which makes nearly all of it white."""
    grey = (np.clip(np.asarray(image), 0, 0xFFFF) >> 8).astype(np.uint8)
    return np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=-1)
