"""What is shown where a plate cannot be: its name and the reason in words, all round, so that every wall says it."""

from __future__ import annotations

import textwrap

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.sliced import SlicedTexture
from vpengine.gpu.target import Target
from vpengine.plates.dome import BLOCK
from vpengine.plates.mipmaps import mip_levels
from vpengine.plates.plate import warm
from vpengine.view.view import View, stage_ray_from_ndc

TILES = 5  # round and from zenith to nadir; odd, so that words stand straight ahead
_SIZE = (1024, 512)
_FIELD, _WORDS, _FRAME = 0.02, 0.5, 0.08  # scene-linear grey: dark enough not to dazzle, a sign that it is no fault
_TITLE_PX, _TEXT_PX, _MARGIN_PX, _LEADING = 60, 36, 40, 1.3


class Placeholder:
    """A dark field with words on it, at infinity."""

    def __init__(self, name: str, sentence: str) -> None:
        self._texture = SlicedTexture(mip_levels(_picture(name, sentence)), f"the placeholder of {name}")

    def upload(self, gpu: Gpu) -> bool:
        if self._texture.upload(gpu):
            return True
        self._texture.texture.repeat_x = self._texture.texture.repeat_y = True
        self._pass = gpu.pass_("dome", BLOCK, {"TILES": f"{TILES}.0"})
        warm(self, gpu)
        return False

    def draw(self, target: Target, view: View) -> None:
        self._pass.draw(
            target,
            {"panorama": self._texture.texture},
            stage_ray_from_ndc=stage_ray_from_ndc(view),
            dome_from_stage=np.eye(3),
            gain=1.0,
            texels_a_radian=TILES * _SIZE[1] / np.pi,
        )

    def release(self) -> None:
        self._texture.release()


def _picture(name: str, sentence: str) -> NDArray[np.float16]:
    """(height, width, 4), scene-linear ACEScg: grey is the same in any space."""
    mask = np.asarray(_lettering(name, sentence), np.float32)[..., None] / 255.0
    light = _FIELD + (_WORDS - _FIELD) * mask
    light[[0, -1]] = light[:, [0, -1]] = _FRAME
    return np.repeat(light, 4, axis=-1).astype(np.float16)


def _lettering(name: str, sentence: str) -> Image.Image:
    """White on black, in the middle."""
    image = Image.new("L", _SIZE, 0)
    draw = ImageDraw.Draw(image)
    rows: list[tuple[str, int]] = []
    for text, size_px, most in ((f"No plate: {name}", _TITLE_PX, 2), (sentence, _TEXT_PX, 6)):
        lines = _lines(_printable(text), draw, ImageFont.load_default(size_px))
        rows += [(line, size_px) for line in lines[:most]]
    y = (_SIZE[1] - sum(_LEADING * size_px for _, size_px in rows)) / 2.0
    for line, size_px in rows:
        draw.text((_SIZE[0] / 2, y), line, fill=255, font=ImageFont.load_default(size_px), anchor="ma")
        y += _LEADING * size_px
    return image


def _lines(text: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """Wrapped to the width; a path without spaces is cut."""
    widest = (_SIZE[0] - 2 * _MARGIN_PX) / (draw.textlength("abcdefghijklmnopqrstuvwxyz/.0", font=font) / 29.0)
    return textwrap.wrap(text, int(widest))


def _printable(text: str) -> str:
    """What Pillow's own font can draw."""
    return text.encode("latin-1", "replace").decode("latin-1")
