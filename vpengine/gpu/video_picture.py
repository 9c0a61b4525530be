"""A picture of a video, a camera's own or a clip's: its planes go up as they came, and become scene-linear ACEScg."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from vpengine.frames.captured import FORMATS, CapturedFrame, PixelFormat, Tags
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.input_space import HIGH, LOW, STEPS, InputSpace, space_of
from vpengine.gpu.passes import Pass
from vpengine.gpu.target import Target, refuse_too_large
from vpengine.gpu.transfer import write
from vpengine.view.yuv import rgb_from_yuv_matrix, scales

MOST_TAPS = 4  # across and down, where the picture is larger than what is made of it
Gains = tuple[float, float, float]
STEPS_A_CODE = (STEPS - 1) / (HIGH - LOW)
UNCHANGED: Gains = (1.0, 1.0, 1.0)
BLOCK = UniformBlock(
    "Captured",
    rgb_from_codes="mat3",
    acescg_from_linear="mat3",
    rgb_offset="vec3",
    size="vec2",
    chroma_px="vec2",
    first_sample="vec2",
    step_uv="vec2",
    scale_low="vec2",
    taps="int",
)


class VideoPicture:
    """Owns the textures of one source's planes, and the picture made of them.

    color_space: of the pinned OpenColorIO configuration, or "tagged".
    """

    def __init__(self, gpu: Gpu, size: tuple[int, int], color_space: str = "tagged", *, quick: bool = False) -> None:
        """size: (width, height) of what is made, whatever size comes. quick: where it is smaller, pairs are averaged
        in code values, and not in light: a quarter of the taps.
        """
        self.target = Target(gpu.context, size)
        self._pairs = 2 if quick else 1
        self._gpu = gpu
        self._named = color_space
        self._planes: list[Any] = []  # textures
        self._shaped: tuple[PixelFormat, tuple[int, int]] | None = None
        self._space: InputSpace | None = None
        self._curve: Any = None  # a texture
        self._shown: tuple[CapturedFrame, Gains] | None = None

    def shows(self, frame: CapturedFrame) -> bool:
        """Whether ``target`` has it already."""
        return self._shown is not None and self._shown[0] is frame

    def draw(self, frame: CapturedFrame, gains: tuple[float, float, float] = UNCHANGED) -> Target:
        """``target``, with ``frame`` in it; one that is there already is not drawn again. gains: on its light.

        Raises UserError for a picture that is larger than the driver takes.
        """
        if self._shown is None or frame is not self._shown[0] or gains != self._shown[1]:
            self._shown = None
            self._upload(frame)
            self._convert(frame, gains)
            self._shown = frame, gains
        return self.target

    def _upload(self, frame: CapturedFrame) -> None:
        shaped = (frame.format, frame.size)
        if shaped != self._shaped:
            self._release_planes()
            refuse_too_large(self._gpu.context, frame.size)
            kind = "f1" if frame.format.bits == 8 else "nu2"
            for shape in frame.format.shapes(frame.size):
                channels = shape[2] if len(shape) == 3 else 1
                self._planes.append(self._gpu.texture((shape[1], shape[0]), channels, kind))
            self._shaped = shaped
        for texture, plane in zip(self._planes, frame.planes, strict=True):
            write(texture, plane if plane.ndim == 3 else plane[..., None])

    def _convert(self, frame: CapturedFrame, gains: Gains) -> None:
        space = space_of(self._named, frame.tags.transfer, frame.matrix)
        if self._space is None or space.name != self._space.name:
            self._space = space
            self._follow_curve(space)
        cb, cr = (self._planes[1], self._planes[-1]) if len(self._planes) > 1 else (None, None)
        chroma = {} if cb is None else {"cb": cb, "cr": cr}
        textures: dict[str, Any] = {"luma": self._planes[0], "curve": self._curve, **chroma}
        used = _pass(self._gpu, frame.format, frame.size != self.target.size)
        used.draw(self.target, textures, **_values(frame, space, self.target.size, gains, self._pairs))

    def _follow_curve(self, space: InputSpace) -> None:
        if self._curve is None:
            self._curve = self._gpu.texture((len(space.curve), 1), 1, "f4")
        write(self._curve, space.curve[None, :, None])

    def _release_planes(self) -> None:
        for texture in self._planes:
            texture.release()
        self._planes, self._shaped = [], None

    def release(self) -> None:
        self._release_planes()
        if self._curve is not None:
            self._curve.release()
        self.target.release()


def _pass(gpu: Gpu, format: PixelFormat, resized: bool) -> Pass:
    kind = {"RGB": "1"} if format.model == "rgb" else {"SEMI_PLANAR": "1"} if format.semi_planar else {}
    return gpu.pass_("captured", BLOCK, {**kind, **({"REDUCED": "1"} if resized else {})})


def warm_picture(gpu: Gpu) -> None:
    """A black picture of every kind of format, drawn once: a first draw may cost a tenth of a second."""
    for name in ("rgb24", "yuv422p", "nv12"):
        format, size = FORMATS[name], (8, 8)
        planes = tuple(np.zeros(shape, format.dtype) for shape in format.shapes(size))
        for made in (size, (4, 4)):
            picture = VideoPicture(gpu, made)
            picture.draw(CapturedFrame(planes, format, size, Tags(), 0.0))
            picture.release()


def _values(frame: CapturedFrame, space: InputSpace, made: tuple[int, int], gains: Gains, pairs: int) -> dict[str, Any]:
    kind, (width, height) = frame.format, frame.size
    to_rgb, offset = _rgb_from_codes(frame)
    code = (255.0 if kind.bits == 8 else 65535.0) / (1 << kind.shift)  # of what a texture gives 1.0 for
    smaller = max(width / made[0], height / made[1])
    return {
        "rgb_from_codes": to_rgb * code,
        "acescg_from_linear": np.array(gains)[:, None] * space.acescg_from_linear,
        "rgb_offset": offset,
        "size": (width, height),
        "chroma_px": (kind.across, kind.down),
        "first_sample": (0.0 if kind.across == 1 or frame.siting == "left" else 0.5, 0.0 if kind.down == 1 else 0.5),
        "step_uv": (1.0 / made[0], 1.0 / made[1]),
        "scale_low": (STEPS_A_CODE, 0.5 - LOW * STEPS_A_CODE),
        "taps": min(max(math.ceil(smaller / pairs - 1e-6), 1), MOST_TAPS),
    }


def _rgb_from_codes(frame: CapturedFrame) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(3, 3) and (3,): a plane's code values to non-linear R'G'B'."""
    luma_offset, luma_span, chroma_offset, chroma_span = scales(frame.format.bits, frame.range)
    if frame.format.model == "rgb":
        return np.eye(3) / luma_span, np.full(3, -luma_offset / luma_span)
    to_rgb = rgb_from_yuv_matrix(frame.matrix) / np.array([luma_span, chroma_span, chroma_span])
    return to_rgb, -to_rgb @ np.array([luma_offset, chroma_offset, chroma_offset])
