"""Pixel formats, matrices and ranges: our conversion beside FFmpeg's, and planes as they came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from PIL import Image

from vpengine.frames.captured import FORMATS, CapturedFrame, Tags, rgb_of
from vpengine.media.images import image_frame
from vpengine.media.pictures import captured, timecode_in
from vpengine.view.timecode import Timecode
from vpengine.view.yuv import Matrix, Range, rgb_from_yuv, yuv_from_rgb

SIZE = (64, 36)  # even: FFmpeg stretches the chroma of 35 lines, 18, as if it were of 35 / 18
MATRICES: dict[Matrix, Colorspace] = {
    "bt601": Colorspace.ITU601,
    "bt709": Colorspace.ITU709,
    "bt2020": Colorspace.BT2020,
}
RANGES: dict[Range, ColorRange] = {"limited": ColorRange.MPEG, "full": ColorRange.JPEG}
# Full chroma interpolation: without it swscale doubles samples. It takes them to lie between their pixels.
EXACT = Interpolation(
    int(
        Interpolation.BILINEAR
        | Interpolation.ACCURATE_RND
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.FULL_CHR_H_INP
    )
)
YUV = [name for name, kind in FORMATS.items() if kind.model == "yuv"]


REPACKED = [
    ("yuyv422", "yuv422p"),
    ("uyvy422", "yuv422p"),
    ("yuvj420p", "yuv420p"),
    ("bgr24", "rgb24"),
    ("gbrp", "rgb24"),
    ("rgba", "rgb24"),
    ("yuv444p16le", "yuv444p12le"),
    ("yuva420p", "yuv444p"),
    ("gray", "yuv444p"),
]


def source_rgb() -> np.ndarray:
    across, down = np.meshgrid(np.linspace(0.02, 0.98, SIZE[0]), np.linspace(0.02, 0.98, SIZE[1]))
    wave = 0.5 + 0.45 * np.sin(4.0 * across + 3.0 * down)
    return np.stack([across, down, wave], axis=-1)


def encoded(name: str, matrix: Matrix, range_: Range) -> av.VideoFrame:
    rgb = av.VideoFrame.from_ndarray((source_rgb() * 65535).astype(np.uint16), format="rgb48le")
    frame = rgb.reformat(
        format=name, dst_colorspace=MATRICES[matrix], dst_color_range=RANGES[range_], interpolation=EXACT
    )
    frame.colorspace, frame.color_range = int(MATRICES[matrix]), int(RANGES[range_])
    return frame


def decoded(frame: av.VideoFrame, matrix: Matrix, range_: Range) -> np.ndarray:
    """FFmpeg's own R'G'B', in 8 bits: to 16 its conversion from 4:2:0 overflows."""
    made = frame.reformat(
        format="rgb24",
        src_colorspace=MATRICES[matrix],
        src_color_range=RANGES[range_],
        dst_color_range=ColorRange.JPEG,
        interpolation=EXACT,
    )
    return made.to_ndarray().astype(float)


@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", YUV)
def test_conversion_is_ffmpegs(name: str, matrix: Matrix, range_: Range) -> None:
    """Within the rounding of 8 bits, everywhere in a picture of gradients."""
    frame = encoded(name, matrix, range_)
    ours = replace(captured(frame, 0.0), siting="center")
    assert (ours.format.name, ours.matrix, ours.range) == (name, matrix, range_)
    off = np.abs(255.0 * np.clip(rgb_of(ours), 0.0, 1.0) - decoded(frame, matrix, range_))
    # H.273 has full white of 10 bits at 1023; FFmpeg's way to 8 bits takes it for 4 * 255.
    assert off.max() < (1.5 if range_ == "full" and ours.format.bits > 8 else 1.01)
    assert off.mean() < 0.8


@pytest.mark.parametrize(("matrix", "code"), [("bt709", (63, 102, 240)), ("bt601", (81, 90, 240))])
def test_red_has_its_published_code(matrix: Matrix, code: tuple[int, int, int]) -> None:
    """Known answers: 100 percent red in limited range, 8 bits (colour bars of both recommendations)."""
    red = np.array([[1.0, 0.0, 0.0]], np.float32)
    assert tuple(np.rint(yuv_from_rgb(red, 8, matrix, "limited"))[0]) == code


def test_left_siting_is_half_a_pixel_from_centre() -> None:
    """A gradient of chroma across: sited left, a sample is its left pixel's own."""
    kind = FORMATS["yuv422p"]
    ramp = np.tile(np.arange(40, 72, 2, dtype=np.uint8), (4, 1))
    planes = (np.full((4, 32), 128, np.uint8), ramp, np.full((4, 16), 128, np.uint8))
    left = CapturedFrame(planes, kind, (32, 4), Tags("bt709", "limited"), 0.0)
    blue = rgb_of(left)[0, :, 2]
    exact = rgb_from_yuv(np.array([[128.0, 40.0 + 5, 128.0], [128.0, 40.0 + 4, 128.0]]), 8, "bt709", "limited")[:, 2]
    np.testing.assert_allclose(blue[[5, 4]], exact, atol=1e-5)
    assert blue[5] > rgb_of(replace(left, siting="center"))[0, 5, 2]


def test_the_shader_gets_super_white() -> None:
    kind = FORMATS["yuv444p10le"]
    planes = tuple(np.full((2, 2), value, np.uint16) for value in (1019, 512, 512))
    frame = CapturedFrame(planes, kind, (2, 2), Tags("bt709", "limited"), 0.0)
    np.testing.assert_allclose(rgb_of(frame), (1019 - 64) / 876, atol=1e-6)


@pytest.mark.parametrize("name", ["rgb24", "rgb48le"])
def test_rgb_stays_rgb(name: str) -> None:
    rgb = av.VideoFrame.from_ndarray((source_rgb() * 65535).astype(np.uint16), format="rgb48le")
    frame = captured(rgb.reformat(format=name), 0.0)
    assert (frame.format.name, frame.range) == (name, "full")
    np.testing.assert_allclose(rgb_of(frame), source_rgb(), atol=2.0 / 255)


@pytest.mark.parametrize(
    ("name", "into"),
    REPACKED,
)
@pytest.mark.parametrize("range_", RANGES)
def test_other_layouts_keep_matrix_and_range(name: str, into: str, range_: Range) -> None:
    if name == "yuvj420p" and range_ == "limited":
        pytest.skip("the name itself says full range")
    if FORMATS[into].model == "rgb" and range_ == "limited":
        pytest.skip("FFmpeg converts it")
    frame = encoded(name, "bt709", range_)
    ours = replace(captured(frame, 0.0), siting="center")
    assert (ours.format.name, ours.range) == (into, range_)
    off = np.abs(255.0 * np.clip(rgb_of(ours), 0.0, 1.0) - decoded(frame, "bt709", range_))
    assert np.median(off) < 1.0
    assert off.mean() < 1.5


def test_packed_samples_are_the_same_samples() -> None:
    frame = encoded("yuv422p", "bt709", "limited")
    packed = frame.reformat(format="yuyv422", src_color_range=ColorRange.MPEG, dst_color_range=ColorRange.MPEG)
    packed.colorspace, packed.color_range = 1, 1
    for plane, same in zip(captured(packed, 0.0).planes, captured(frame, 0.0).planes, strict=True):
        np.testing.assert_array_equal(plane, same)


@pytest.mark.parametrize(("name", "white"), [("gray", 255), ("ya8", 255), ("monob", 255), ("gray16le", 4095)])
def test_untagged_grey_keeps_its_codes_and_is_full(name: str, white: int) -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (4, 1))
    grey = av.VideoFrame.from_ndarray(ramp, format="gray16le")
    frame = grey if name == "gray16le" else grey.reformat(format=name)
    frame.color_range = 0
    ours = captured(frame, 0.0)
    assert (ours.range, ours.planes[0].min(), ours.planes[0].max()) == ("full", 0, white)
    if name != "monob":
        np.testing.assert_allclose(rgb_of(ours)[..., 1], ramp / 65535, atol=1.5 / 255)


def test_a_grey_tiff_says_nothing_of_its_curve(tmp_path: Path) -> None:
    """FFmpeg says gamma 2.2 of every grey one; what it is then is for who shows it to say."""
    Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / "a_1.tif")
    assert captured(image_frame(tmp_path / "a_1.tif"), 0.0).tags == Tags(None, "full", None)


def test_planes_are_whole_and_read_only() -> None:
    frame = captured(av.VideoFrame(61, 35, "yuv420p10le"), 0.0)
    assert [plane.shape for plane in frame.planes] == [(35, 61), (18, 31), (18, 31)]
    with pytest.raises(ValueError, match="read-only"):
        frame.planes[0][0, 0] = 0


def test_a_missing_tag_is_told_by_lines() -> None:
    frame = encoded("yuv420p", "bt709", "limited")
    frame.colorspace, frame.color_range = 2, 0
    found = captured(frame, 0.0)
    assert (found.tags.matrix, found.tags.range) == (None, None)
    assert (found.matrix, found.range) == ("bt601", "limited")
    assert replace(found, size=(1280, 720)).matrix == "bt709"


def test_fields_are_known(tmp_path: object) -> None:
    path = f"{tmp_path}/a.ts"
    with av.open(path, "w") as film:
        stream = film.add_stream("mpeg2video", rate=25, options={"flags": "+ilme+ildct"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.full((96, 64), 100, np.uint8), "yuv420p")
        frame.pts = 0
        film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    with av.open(path) as film:
        assert captured(next(film.decode(video=0)), 0.0).interlaced
    assert not captured(frame, 0.0).interlaced


def test_the_pictures_own_timecode(tmp_path: object) -> None:
    path = f"{tmp_path}/a.ts"
    with av.open(path, "w") as film:
        stream = film.add_stream("mpeg2video", rate=25, options={"gop_timecode": "01:02:03:04"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((72, 64), 100, np.uint8), "yuv420p")
            frame.pts = number
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    with av.open(path) as film:
        first = next(film.decode(video=0))
    assert timecode_in(first) == Timecode(1, 2, 3, 4)
