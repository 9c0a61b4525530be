"""Pictures from files: colour against OpenColorIO, and one plain sentence for what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as ocio
import pytest
from PIL import Image

from tests.files import read_acescg
from vpengine.errors import UserError
from vpengine.plates.image_file import CONFIG, HALF_MAX

HDRI = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "hdri"


def write_exr(path: Path, pixels: np.ndarray, **attributes: object) -> Path:
    height, width, channels = pixels.shape
    out = oiio.ImageOutput.create(str(path))
    spec = oiio.ImageSpec(width, height, channels, oiio.FLOAT)
    for name, value in attributes.items():
        spec.attribute(name, oiio.TypeDesc("float[8]"), value)
    assert out.open(str(path), spec)
    assert out.write_image(pixels.astype(np.float32))
    out.close()
    return path


def test_png_is_srgb_and_row_0_is_the_top(tmp_path: Path) -> None:
    pixels = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [119, 119, 119]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = read_acescg(tmp_path / "a.png").astype(float)
    # sRGB primaries in AP1 (ACES Central's published matrix) and the middle grey that 119 encodes.
    expected = [
        [[0.6131, 0.0702, 0.0206], [0.3395, 0.9164, 0.1096]],
        [[0.0474, 0.0134, 0.8698], [0.1845, 0.1845, 0.1845]],
    ]
    np.testing.assert_allclose(found, expected, atol=1.5e-3)


@pytest.mark.parametrize("space", ["ACEScct", "Linear P3-D65", "sRGB - Texture"])
def test_a_named_colour_space_is_opencolorio_s(tmp_path: Path, space: str) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.uniform(0.1, 0.6, (4, 5, 3)).astype(np.float32)
    path = write_exr(tmp_path / "a.exr", pixels)
    expected = pixels.copy()
    config = ocio.Config.CreateFromBuiltinConfig(CONFIG)
    config.getProcessor(space, "ACEScg").getDefaultCPUProcessor().applyRGB(expected)
    np.testing.assert_allclose(read_acescg(path, space).astype(float), np.clip(expected, 0, None), rtol=2e-3, atol=1e-4)


def test_exr_is_linear_rec709_unless_its_chromaticities_say_acescg(tmp_path: Path) -> None:
    pixels = np.tile(np.float32([1.0, 0.5, 0.25]), (2, 2, 1))
    plain = read_acescg(write_exr(tmp_path / "a.exr", pixels))
    ap1 = [0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767]
    marked = read_acescg(write_exr(tmp_path / "b.exr", pixels, chromaticities=ap1))
    np.testing.assert_allclose(marked[0, 0].astype(float), [1.0, 0.5, 0.25], rtol=1e-3)
    np.testing.assert_allclose(plain[0, 0].astype(float), [0.7947, 0.5318, 0.2929], rtol=4e-3)


def test_too_bright_becomes_the_largest_half(tmp_path: Path) -> None:
    pixels = np.array([[[1e6, 1e6, 1e6], [3e38, 3e38, 3e38]]], np.float32)
    found = read_acescg(write_exr(tmp_path / "sun.exr", pixels), "ACEScg")
    assert np.all(found.astype(float) == HALF_MAX)


def test_grey_pictures_have_three_channels(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 4), 200, np.uint8)).save(tmp_path / "grey.png")
    found = read_acescg(tmp_path / "grey.png").astype(float)
    assert found.shape == (3, 4, 3)
    np.testing.assert_allclose(found, 0.5776, atol=2e-3)


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "uint32"])
def test_whole_numbers_of_any_size_are_srgb(tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "grey.tif")
    output = oiio.ImageOutput.create(path)
    assert output.open(path, oiio.ImageSpec(2, 2, 3, kind))
    assert output.write_image(np.full((2, 2, 3), 0.5, np.float32))
    output.close()
    np.testing.assert_allclose(read_acescg(Path(path)).astype(float), 0.2140, atol=2e-3)


def test_a_folder_is_not_said_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "sky.exr").mkdir()
    with pytest.raises(UserError, match=r"sky\.exr: not a file$"):
        read_acescg(tmp_path / "sky.exr")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.png", None, "no such file"),
        ("text.png", b"this is no picture", "cannot be read"),
        ("half.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "cannot be read"),
        ("notes.txt", b"hello", "allowed: .exr"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_that_names_the_file(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_acescg(path)
    message = str(caught.value)
    assert says in message
    assert name in message
    assert "\n" not in message


def test_nan_and_infinity_are_refused_with_their_pixel_and_count(tmp_path: Path) -> None:
    pixels = np.ones((4, 5, 3), np.float32)
    pixels[1, 2, 0] = np.nan
    with pytest.raises(UserError, match=r"nan\.exr: pixel x 2, y 1 is NaN \(not a number\); repair"):
        read_acescg(write_exr(tmp_path / "nan.exr", pixels))
    pixels[1, 2, 0], pixels[3, 4, 2], pixels[3, 1] = 1.0, -np.inf, np.inf
    with pytest.raises(UserError, match=r"inf\.exr: pixel x 1, y 3 is infinite, and 1 more is no number either"):
        read_acescg(write_exr(tmp_path / "inf.exr", pixels))


def test_an_unknown_colour_space_is_refused_with_a_hint(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="did you mean 'ACEScg'"):
        read_acescg(tmp_path / "a.png", "ACESgc")


@pytest.mark.skipif(not HDRI.is_dir(), reason="needs the HDRI collection in ../shared/data/hdri")
def test_every_hdri_of_the_collection_loads() -> None:
    paths = sorted(p for p in HDRI.iterdir() if p.is_file())
    assert paths
    for path in paths:
        image = read_acescg(path)
        assert image.shape[1] == 2 * image.shape[0], path.name
        assert np.all(np.isfinite(image)), path.name
        assert image.mean(dtype=float) > 0.01, path.name
