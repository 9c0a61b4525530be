"""A camera's picture in the shader: every format, siting, range and space as numpy has it, averaged down in light."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vpengine.frames.captured import FORMATS, CapturedFrame, Tags, rgb_of
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.input_space import space_of
from vpengine.gpu.target import Target
from vpengine.gpu.video_picture import VideoPicture

SIZE = (34, 22)
CLOSE = 6e-3  # of a half float near 1, and a filter's 1/256 on the way
CLOSE_IN_8_BITS = 2.5e-2  # software OpenGL filters 8-bit textures to whole codes, and one of Cb is 0.008 of blue


def picture(name: str, siting: Any = "left", range_: Any = None, matrix: Any = None) -> CapturedFrame:
    """Smooth enough for a filter's coarse weights, with a place that is beyond white."""
    kind, rng = FORMATS[name], np.random.default_rng(7)
    top = 1 << kind.bits
    planes = []
    for number, shape in enumerate(kind.shapes(SIZE)):
        rows, columns = np.linspace(0.0, 1.0, shape[0])[:, None], np.linspace(0.0, 1.0, shape[1])[None, :]
        level = 0.35 + 0.3 * np.sin(2.0 * columns + number) * np.cos(3.0 * rows)
        level = level if len(shape) == 2 else np.stack([level + 0.04 * k for k in range(shape[2])], -1)
        noise = rng.uniform(-0.01, 0.01, shape)
        planes.append(((level + noise) * top).astype(kind.dtype) << kind.shift)
    return CapturedFrame(tuple(planes), kind, SIZE, Tags(matrix, range_), 0.0, siting=siting)


def seen(target: Target) -> np.ndarray[Any, Any]:
    width, height = target.size
    return np.frombuffer(target.color.read(), np.float16).reshape(height, width, 4)[::-1, :, :3].astype(np.float32)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("siting", ["left", "center"])
def test_every_format_is_as_numpy_has_it(engine: Gpu, name: str, siting: str) -> None:
    frame = picture(name, siting)
    drawn = VideoPicture(engine, SIZE)
    expected = space_of("tagged", None, frame.matrix).acescg(rgb_of(frame))
    close = CLOSE_IN_8_BITS if frame.format.bits == 8 else CLOSE
    np.testing.assert_allclose(seen(drawn.draw(frame)), expected, atol=CLOSE, rtol=close)
    drawn.release()


@pytest.mark.parametrize("range_", ["limited", "full"])
@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
def test_tags_are_honoured(engine: Gpu, range_: str, matrix: str) -> None:
    frame = picture("yuv444p10le", range_=range_, matrix=matrix)
    drawn = VideoPicture(engine, SIZE)
    expected = space_of("tagged", None, frame.matrix).acescg(rgb_of(frame))
    np.testing.assert_allclose(seen(drawn.draw(frame)), expected, atol=CLOSE, rtol=CLOSE)
    drawn.release()


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084", "gamma22", "gamma28"])
def test_tagged_curves_are_light(engine: Gpu, transfer: str) -> None:
    frame = picture("yuv444p10le", range_="full", matrix="bt2020")
    frame = replace(frame, tags=replace(frame.tags, transfer=transfer))
    drawn = VideoPicture(engine, SIZE)
    expected = space_of("tagged", transfer, "bt2020").acescg(rgb_of(frame))
    np.testing.assert_allclose(seen(drawn.draw(frame)), expected, atol=CLOSE, rtol=2e-2)
    drawn.release()


@pytest.mark.parametrize("name", ["S-Log3 S-Gamut3.Cine", "ARRI LogC4", "V-Log V-Gamut", "sRGB - Texture"])
def test_a_camera_s_log_becomes_light(engine: Gpu, name: str) -> None:
    frame = picture("yuv444p10le")
    drawn = VideoPicture(engine, SIZE, name)
    expected = space_of(name, None, "bt709").acescg(rgb_of(frame))
    np.testing.assert_allclose(seen(drawn.draw(frame)), expected, atol=CLOSE, rtol=2e-2)
    drawn.release()


def test_a_large_picture_is_averaged_in_light(engine: Gpu) -> None:
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[:, ::2] = 255  # half of the light, a quarter of it were codes averaged
    frame = CapturedFrame((lines,), FORMATS["rgb24"], (64, 64), Tags(), 0.0)
    drawn = VideoPicture(engine, (32, 32))
    assert seen(drawn.draw(frame))[..., 1] == pytest.approx(0.5, abs=0.005)
    drawn.release()


def test_a_quick_one_averages_pairs_in_code_values(engine: Gpu) -> None:
    """A clip behind an actor has no hair to lose, and a processor that draws it has no time."""
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[:, ::2] = 255
    frame = CapturedFrame((lines,), FORMATS["rgb24"], (64, 64), Tags(), 0.0)
    drawn = VideoPicture(engine, (32, 32), quick=True)
    half = space_of("tagged", None, frame.matrix).acescg(np.full((1, 1, 3), 0.5, np.float32))
    assert seen(drawn.draw(frame))[..., 1] == pytest.approx(float(half[0, 0, 1]), abs=0.005)
    drawn.release()


def test_a_picture_is_converted_once_and_a_changed_size_is_followed(engine: Gpu) -> None:
    drawn, first = VideoPicture(engine, SIZE), picture("yuv420p")
    before = seen(drawn.draw(first))
    drawn.target.clear()
    assert not seen(drawn.draw(first)).any(), "the same picture costs nothing"
    other = CapturedFrame(picture("nv12").planes, FORMATS["nv12"], SIZE, Tags(), 0.1)
    assert np.abs(seen(drawn.draw(other)) - before).mean() < 0.2
    small = CapturedFrame((np.full((8, 12, 3), 255, np.uint8),), FORMATS["rgb24"], (12, 8), Tags(), 0.2)
    assert seen(drawn.draw(small)) == pytest.approx(1.0, abs=0.01)
    drawn.release()
