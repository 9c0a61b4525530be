"""PNG, JPEG, TIFF and WebP: profiles, colour chunks, orientation, alpha; what the formats' specifications say."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageCms

from tests.files import read_acescg
from vpengine.errors import UserError
from vpengine.plates.image_file import FilePicture

WHITE_D50 = (0.9642, 1.0, 0.8249)
# Primaries as their profiles have them: XYZ adapted to D50 (Display P3 and Adobe RGB (1998) of the ICC's registry).
DISPLAY_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB_CURVE = struct.pack(">4sIHH5i", b"para", 0, 3, 0, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))  # fmt: skip  # noqa: E501
GAMMA_22 = struct.pack(">4sIIH2x", b"curv", 0, 1, round(2.19921875 * 256))
LINEAR = struct.pack(">4sII", b"curv", 0, 0)
TABLE_SQUARED = struct.pack(">4sII256H", b"curv", 0, 256, *(round((i / 255) ** 2 * 65535) for i in range(256)))


def icc(primaries: tuple[tuple[float, ...], ...], curve: bytes, space: bytes = b"RGB ") -> bytes:
    """A profile of a matrix and curves, by ISO 15076-1."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return struct.pack(">4sI3i", b"XYZ ", 0, *(round(value * 65536) for value in values))

    tags = {b"wtpt": xyz(WHITE_D50)}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        tags |= {name: xyz(values) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, at + len(body), len(content))
        body += content + b"\0" * (-len(content) % 4)
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s12x4s", size, b"none", 0x04000000, b"mntr", space, b"XYZ ", b"acsp")
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def picture(*code: int, size: tuple[int, int] = (16, 16)) -> Image.Image:
    return Image.new({1: "L", 3: "RGB", 4: "RGBA"}[len(code)], size, code if len(code) > 1 else code[0])


def middle(path: Path, space: str | None = None) -> np.ndarray:
    found = read_acescg(path, space).astype(float)
    return found[found.shape[0] // 2, found.shape[1] // 2]


def png(path: Path, pixels: np.ndarray, *chunks: tuple[bytes, bytes]) -> Path:
    """A PNG with these chunks before the pixels; pixels (height, width, channels) of 8 or 16 bits."""
    height, width, channels = pixels.shape
    depth, kind = 8 * pixels.dtype.itemsize, {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    every = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)), *chunks]
    every += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in every]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    return path


def png_16(path: Path, value: float, *chunks: tuple[bytes, bytes]) -> Path:
    return png(path, np.full((2, 2, 3), round(value * 65535), np.uint16), *chunks)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp"])
@pytest.mark.parametrize(
    ("code", "expected"),
    [((255, 0, 0), (0.7358, 0.0472, 0.0036)), ((230, 56, 42), (0.589, 0.074, 0.027)), ((119,) * 3, (0.1845,) * 3)],
)
def test_display_p3_is_wider_than_srgb(tmp_path: Path, name: str, code: tuple[int, ...], expected: tuple) -> None:
    lossless = {"quality": 100, "subsampling": 0} if name == "a.jpg" else {"lossless": True} if "webp" in name else {}
    picture(*code).save(tmp_path / name, icc_profile=icc(DISPLAY_P3, SRGB_CURVE), **lossless)
    np.testing.assert_allclose(middle(tmp_path / name), expected, atol=1e-2 if name == "a.jpg" else 3e-3)


@pytest.mark.parametrize("curve", [GAMMA_22, LINEAR, TABLE_SQUARED])
def test_a_profile_s_curves_are_its_own(tmp_path: Path, curve: bytes) -> None:
    picture(128, 128, 128).save(tmp_path / "a.png", icc_profile=icc(ADOBE_RGB, curve))
    code = 128 / 255
    expected = {GAMMA_22: code**2.2, LINEAR: code, TABLE_SQUARED: code**2}[curve]
    np.testing.assert_allclose(middle(tmp_path / "a.png"), expected, atol=1e-3)


def test_adobe_green_is_itself(tmp_path: Path) -> None:
    """Adobe RGB (1998) green is x 0.21, y 0.71 under D65: by Bradford's matrix in ACEScg 0.2135 0.8865 0.0953."""
    picture(0, 255, 0).save(tmp_path / "a.png", icc_profile=icc(ADOBE_RGB, GAMMA_22))
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    ap1 = np.array([[0.6624541811, 0.1340042065, 0.1561876870], [0.2722287168, 0.6740817658, 0.0536895174],
                    [-0.0055746495, 0.0040607335, 1.0103391003]])  # fmt: skip
    d60, d50 = np.array([0.95265, 1.0, 1.00883]), np.array(WHITE_D50)
    adapt = np.linalg.inv(bradford) @ np.diag((bradford @ d60) / (bradford @ d50)) @ bradford
    expected = np.linalg.inv(ap1) @ adapt @ np.array(ADOBE_RGB[1])
    np.testing.assert_allclose(middle(tmp_path / "a.png"), expected, atol=2e-3)


def test_littlecms_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture(200, 90, 30).save(tmp_path / "with.png", icc_profile=profile)
    picture(200, 90, 30).save(tmp_path / "without.png")
    np.testing.assert_allclose(middle(tmp_path / "with.png"), middle(tmp_path / "without.png"), atol=1e-3)


def test_a_grey_profile_s_curve_is_used(tmp_path: Path) -> None:
    picture(128).save(tmp_path / "a.png", icc_profile=icc((), GAMMA_22, b"GRAY"))
    np.testing.assert_allclose(middle(tmp_path / "a.png"), (128 / 255) ** 2.2, atol=1e-3)


@pytest.mark.parametrize("profile", [b"nonsense", icc(DISPLAY_P3, SRGB_CURVE)[:200], icc(DISPLAY_P3, b"mft2" * 8)])
def test_a_profile_of_another_kind_is_one_sentence_and_color_space_helps(tmp_path: Path, profile: bytes) -> None:
    picture(128, 128, 128).save(tmp_path / "a.tif", icc_profile=profile)
    with pytest.raises(UserError, match=r"a\.tif: its embedded colour profile .*name its color_space$"):
        read_acescg(tmp_path / "a.tif")
    np.testing.assert_allclose(middle(tmp_path / "a.tif", "sRGB - Texture"), 0.2159, atol=1e-3)


def gama(value: int) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", value)


P3_PLACES = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


def test_png_s_own_colour_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    np.testing.assert_allclose(middle(png_16(path, 0.18, gama(100000))), 0.18, atol=1e-3)
    np.testing.assert_allclose(middle(png_16(path, 0.5, gama(55556))), 0.5**1.8, atol=1e-3)
    np.testing.assert_allclose(middle(png_16(path, 0.5, gama(45455))), 0.2140, atol=1e-3)  # the spelling of sRGB
    np.testing.assert_allclose(middle(png_16(path, 0.5, gama(100000), (b"sRGB", b"\0"))), 0.2140, atol=1e-3)
    np.testing.assert_allclose(middle(png_16(path, 0.5)), 0.2140, atol=1e-3)
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    chrm = (b"cHRM", struct.pack(">8I", *P3_PLACES))
    np.testing.assert_allclose(middle(png(path, red, gama(100000), chrm)), [0.7358, 0.0472, 0.0036], atol=2e-3)
    cicp = (b"cICP", bytes([12, 13, 0, 1]))
    np.testing.assert_allclose(middle(png(path, red, cicp)), [0.7358, 0.0472, 0.0036], atol=2e-3)
    np.testing.assert_allclose(middle(png_16(path, 0.18, (b"cICP", bytes([1, 8, 0, 1])))), 0.18, atol=1e-3)
    with pytest.raises(UserError, match=r"a\.png: its cICP colour 9-16-0-1 is not read here"):
        read_acescg(png_16(path, 0.5, (b"cICP", bytes([9, 16, 0, 1]))))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_stands_upright(tmp_path: Path, name: str, orientation: int) -> None:
    """Four colours; the file holds what a camera turned so would have written."""
    upright = Image.new("RGB", (64, 32))
    for at, color in (((0, 0), "red"), ((32, 0), "lime"), ((0, 16), "blue"), ((32, 16), "white")):
        upright.paste(color, (*at, at[0] + 32, at[1] + 16))
    turns: dict[int, Callable[[Image.Image], Image.Image]] = {
        1: lambda i: i,
        2: lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda i: i.transpose(Image.Transpose.ROTATE_180),
        4: lambda i: i.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda i: i.transpose(Image.Transpose.TRANSPOSE),
        6: lambda i: i.transpose(Image.Transpose.ROTATE_90),  # to be turned clockwise: it lies counter-clockwise
        7: lambda i: i.transpose(Image.Transpose.TRANSVERSE),
        8: lambda i: i.transpose(Image.Transpose.ROTATE_270),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if name == "a.webp" else {}
    turns[orientation](upright).save(tmp_path / name, exif=exif, **lossless)
    found = read_acescg(tmp_path / name, "Raw").astype(float)
    assert found.shape == (32, 64, 3)
    corners = [[found[8, 16], found[8, 48]], [found[24, 16], found[24, 48]]]
    np.testing.assert_allclose(corners, [[[1, 0, 0], [0, 1, 0]], [[0, 0, 1], [1, 1, 1]]], atol=0.06)


LIGHT = np.array([0.5776, 0.1329, 0.0319])  # what 200 102 50 encode in sRGB
HALF = 128 / 255


def half_covered(path: Path) -> Path:
    """Light of 200 102 50 in sRGB behind half alpha, as each format has it."""
    if path.suffix == ".exr":
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), oiio.ImageSpec(16, 16, 4, oiio.FLOAT))
        assert out.write_image(np.tile(np.float32([*LIGHT * HALF, HALF]), (16, 16, 1)))
        out.close()
    elif path.name == "associated.tif":
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), oiio.ImageSpec(16, 16, 4, oiio.UINT16))
        code = np.array([200, 102, 50]) / 255 * HALF
        assert out.write_image(np.tile(np.float32([*code, HALF]), (16, 16, 1)))
        out.close()
    elif path.name == "16 bit.png":
        png(path, np.tile(np.uint16([200 * 257, 102 * 257, 50 * 257, 128 * 257]), (16, 16, 1)))
    else:
        picture(200, 102, 50, 128).save(path, **({"lossless": True} if path.suffix == ".webp" else {}))
    return path


@pytest.mark.parametrize("name", ["a.png", "16 bit.png", "a.webp", "a.tif", "associated.tif", "a.exr"])
def test_half_alpha_is_half_the_light_in_every_format(tmp_path: Path, name: str) -> None:
    picture(200, 102, 50).save(tmp_path / "opaque.png")
    whole = middle(tmp_path / "opaque.png")
    np.testing.assert_allclose(middle(half_covered(tmp_path / name)), whole * HALF, atol=2e-3)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_what_is_not_covered_is_black(tmp_path: Path, name: str) -> None:
    lossless = {"lossless": True, "exact": True} if name == "a.webp" else {}
    picture(200, 102, 50, 0).save(tmp_path / name, **lossless)
    assert not read_acescg(tmp_path / name).any()


def test_light_that_was_added_to_an_exr_stays(tmp_path: Path) -> None:
    out = oiio.ImageOutput.create(str(tmp_path / "a.exr"))
    assert out.open(str(tmp_path / "a.exr"), oiio.ImageSpec(2, 2, 4, oiio.FLOAT))
    assert out.write_image(np.tile(np.float32([0.5, 0.5, 0.5, 0.0]), (2, 2, 1)))
    out.close()
    np.testing.assert_allclose(middle(tmp_path / "a.exr"), 0.5, atol=1e-3)
    np.testing.assert_allclose(middle(tmp_path / "a.exr", "ACEScg"), 0.5, atol=1e-3)


@pytest.mark.parametrize("mode", ["P", "1", "L", "LA"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_palettes_grey_and_single_bits_are_right(tmp_path: Path, mode: str, suffix: str) -> None:
    picture(255, 255, 255).convert("L" if mode == "LA" else "RGB").convert(mode).save(tmp_path / f"a.{suffix}")
    np.testing.assert_allclose(middle(tmp_path / f"a.{suffix}"), 1.0, atol=1e-2)  # Pillow's palettes end at 65280


def test_a_palette_s_transparency_and_16_bits_of_grey(tmp_path: Path) -> None:
    picture(200, 102, 50, 128).convert("P").save(tmp_path / "p.png")
    picture(200, 102, 50).save(tmp_path / "opaque.png")
    np.testing.assert_allclose(middle(tmp_path / "p.png"), middle(tmp_path / "opaque.png") * HALF, atol=2e-3)
    Image.fromarray(np.full((4, 4), 32768, np.uint16)).save(tmp_path / "g.png")
    np.testing.assert_allclose(middle(tmp_path / "g.png"), 0.2140, atol=1e-3)
    png(tmp_path / "la.png", np.tile(np.uint8([200, 128]), (4, 4, 1)))
    np.testing.assert_allclose(middle(tmp_path / "la.png"), 0.5776 * HALF, atol=1e-3)


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_inks_are_refused(tmp_path: Path, name: str) -> None:
    picture(200, 102, 50).convert("CMYK").save(tmp_path / name)
    with pytest.raises(UserError, match=r"its colours are CMYK; save it as RGB"):
        read_acescg(tmp_path / name)


def test_lab_is_refused(tmp_path: Path) -> None:
    lab = ImageCms.profileToProfile(
        picture(200, 102, 50), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    lab.save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif: its colours are CIELAB; save it as RGB"):
        read_acescg(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
@pytest.mark.parametrize(("orientation", "seen"), [(1, 1.0), (6, 1.0)])
def test_unlike_pixels_to_the_inch_make_an_anamorphic_picture(
    tmp_path: Path, name: str, orientation: int, seen: float
) -> None:
    """Twice as many to the inch across: 40 x 20 pixels are a square, also turned on its side."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture(1, 2, 3, size=(40, 20)).save(tmp_path / name, dpi=(144, 72), exif=exif)
    assert FilePicture(tmp_path / name, None).aspect == pytest.approx(seen, rel=1e-3)


def test_a_camera_s_adobe_rgb_without_a_profile(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x8769] = {0xA001: 0xFFFF, 0xA005: {1: "R03"}}
    picture(0, 255, 0).save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    picture(0, 255, 0).save(tmp_path / "b.png", icc_profile=icc(ADOBE_RGB, GAMMA_22))
    np.testing.assert_allclose(middle(tmp_path / "a.jpg"), middle(tmp_path / "b.png"), atol=1e-2)
    picture(0, 255, 0).save(tmp_path / "c.png")
    assert np.abs(middle(tmp_path / "a.jpg") - middle(tmp_path / "c.png")).max() > 0.1


def radiance(path: Path, lines: str) -> Path:
    """4 x 2 of light 1.0 0.5 0.25, not compressed."""
    head = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n{lines}\n-Y 2 +X 4\n"
    path.write_bytes(head.encode() + bytes((128, 64, 32, 129)) * 8)
    return path


def test_a_radiance_header_s_primaries_and_pixel_shape(tmp_path: Path) -> None:
    plain = radiance(tmp_path / "a.hdr", "")
    np.testing.assert_allclose(middle(plain), [0.7947, 0.5318, 0.2929], atol=2e-3)
    assert FilePicture(plain, None).aspect == 2.0
    zeros = radiance(tmp_path / "z.hdr", "PRIMARIES=0 0 0 0 0 0 0 0\n")
    np.testing.assert_allclose(middle(zeros), middle(plain))
    wide = "PRIMARIES= 0.713 0.293 0.165 0.830 0.128 0.044 0.32168 0.33767\nPIXASPECT=2.0\n"
    tagged = radiance(tmp_path / "b.hdr", wide)
    np.testing.assert_allclose(middle(tagged), [1.0, 0.5, 0.25], atol=1e-3)
    assert FilePicture(tagged, None).aspect == 1.0  # pixels twice as high as they are wide
    with pytest.raises(UserError, match=r"c\.hdr: cannot be read"):
        read_acescg(radiance(tmp_path / "c.hdr", "PRIMARIES= red green\n"))
