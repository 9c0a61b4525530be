"""OpenEXR: display windows, pixel shapes, primaries, layers, parts, deep data; as the specification has them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import PyOpenColorIO as ocio
import pytest

from tests.files import read_acescg
from vpengine.errors import UserError
from vpengine.plates.chromaticities import AP0, KNOWN
from vpengine.plates.image_file import CONFIG, FilePicture, inspect
from vpengine.plates.image_layers import NoBeautyError, beauty
from vpengine.plates.mipmaps import mip_levels

XYZ = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3)


def spec_of(
    width: int, height: int, names: tuple[str, ...], at: tuple[int, int] = (0, 0), **attributes: Any
) -> oiio.ImageSpec:
    spec = oiio.ImageSpec(width, height, len(names), oiio.FLOAT)
    spec.channelnames = names
    spec.x, spec.y = at
    for name, value in attributes.items():
        if name == "chromaticities":
            spec.attribute(name, oiio.TypeDesc("float[8]"), value)
        elif name == "display":
            spec.full_x, spec.full_y, spec.full_width, spec.full_height = value
        elif name == "tile":
            spec.tile_width = spec.tile_height = value
        else:
            spec.attribute(name, value)
    return spec


def write_exr(path: Path, pixels: np.ndarray, names: tuple[str, ...] = ("R", "G", "B"), **how: Any) -> Path:
    """pixels: (height, width, channels)."""
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec_of(pixels.shape[1], pixels.shape[0], names, **how)), out.geterror()
    assert out.write_image(pixels.astype(np.float32))
    out.close()
    return path


def write_parts(path: Path, parts: list[tuple[str, tuple[str, ...], np.ndarray]]) -> Path:
    specs = []
    for name, channels, pixels in parts:
        specs.append(spec_of(pixels.shape[1], pixels.shape[0], channels, **{"oiio:subimagename": name}))
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), tuple(specs))
    for index, (_, _, pixels) in enumerate(parts):
        assert index == 0 or out.open(str(path), specs[index], "AppendSubimage"), out.geterror()
        assert out.write_image(pixels.astype(np.float32))
    out.close()
    return path


def flat(*values: float, size: tuple[int, int] = (4, 3)) -> np.ndarray:
    return np.tile(np.float32(values), (size[1], size[0], 1))


def read(path: Path, space: str | None = "ACEScg") -> np.ndarray:
    return read_acescg(path, space).astype(float)


@pytest.mark.parametrize("tile", [0, 16])
def test_a_crop_lies_in_its_display_window_over_black(tmp_path: Path, tile: int) -> None:
    """A panorama's crop: display 1024 x 512, data 512 x 128 at +256+192."""
    rng = np.random.default_rng(1)
    data = rng.uniform(0.2, 0.9, (128, 512, 3))
    how: dict[str, Any] = {"tile": tile} if tile else {}
    found = read(write_exr(tmp_path / "a.exr", data, at=(256, 192), display=(0, 0, 1024, 512), **how))
    assert found.shape == (512, 1024, 3)
    np.testing.assert_allclose(found[192:320, 256:768], data, rtol=1e-3)
    found[192:320, 256:768] = 0.0
    assert not found.any()


@pytest.mark.parametrize("tile", [0, 16])
def test_overscan_is_cut_off_to_the_display_window(tmp_path: Path, tile: int) -> None:
    data = np.random.default_rng(2).uniform(0.2, 0.9, (40, 60, 3))
    how: dict[str, Any] = {"tile": tile} if tile else {}
    found = read(write_exr(tmp_path / "a.exr", data, at=(-10, -5), display=(0, 0, 40, 30), **how))
    np.testing.assert_allclose(found, data[5:35, 10:50], rtol=1e-3)


def test_a_display_window_need_not_begin_at_nothing(tmp_path: Path) -> None:
    data = np.random.default_rng(3).uniform(0.2, 0.9, (6, 8, 3))
    found = read(write_exr(tmp_path / "a.exr", data, at=(98, 201), display=(100, 200, 10, 5)))
    expected = np.zeros((5, 10, 3))
    expected[1:5, :6] = data[:4, 2:]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_data_outside_the_display_window_is_a_black_picture(tmp_path: Path) -> None:
    assert not read(write_exr(tmp_path / "a.exr", flat(1, 1, 1), at=(50, 50), display=(0, 0, 10, 5))).any()


def test_nan_beyond_the_display_window_is_of_no_account(tmp_path: Path) -> None:
    data = flat(0.5, 0.5, 0.5, size=(6, 6))
    data[0, 0] = np.nan
    found = read(write_exr(tmp_path / "a.exr", data, at=(-1, -1), display=(0, 0, 5, 5)))
    np.testing.assert_allclose(found, 0.5)


@pytest.mark.parametrize(("pixel_aspect", "seen"), [(2.0, 4.0), (1.0, 2.0), (0.5, 1.0)])
def test_an_anamorphic_picture_is_as_wide_as_it_is_seen(tmp_path: Path, pixel_aspect: float, seen: float) -> None:
    path = write_exr(tmp_path / "a.exr", flat(1, 1, 1, size=(8, 4)), PixelAspectRatio=pixel_aspect)
    assert FilePicture(path, None).aspect == pytest.approx(seen)


@pytest.mark.parametrize("space", KNOWN)
def test_known_primaries_are_opencolorio_s(tmp_path: Path, space: str) -> None:
    pixels = np.random.default_rng(4).uniform(0.2, 0.9, (4, 5, 3)).astype(np.float32)
    expected = pixels.copy()
    config = ocio.Config.CreateFromBuiltinConfig(CONFIG)
    config.getProcessor(space, "ACEScg").getDefaultCPUProcessor().applyRGB(expected)
    found = read(write_exr(tmp_path / "a.exr", pixels, chromaticities=KNOWN[space]), None)
    np.testing.assert_allclose(found, np.clip(expected, 0.0, None), atol=1e-3)


def test_primaries_of_no_known_space_are_adapted_from_their_own_white(tmp_path: Path) -> None:
    """XYZ under white E; and ACES2065-1 almost, which no table has."""
    white = read(write_exr(tmp_path / "xyz.exr", flat(0.5, 0.5, 0.5), chromaticities=XYZ), None)
    np.testing.assert_allclose(white, 0.5, atol=1e-3)
    # Linear Rec.709 red has XYZ 0.4124 0.2126 0.0193 under D65; here with D65 for a white.
    d65 = (*XYZ[:6], 0.3127, 0.3290)
    # Such a file's white is its 1 1 1, so that its numbers are XYZ over D65's.
    red = np.array([0.4124, 0.2126, 0.0193]) / [0.9505, 1.0, 1.0891]
    found = read(write_exr(tmp_path / "d65.exr", flat(*red), chromaticities=d65), None)
    np.testing.assert_allclose(found[0, 0], [0.6131, 0.0702, 0.0206], atol=1e-3)
    near = tuple(np.add(AP0, 0.002))
    found = read(write_exr(tmp_path / "near.exr", flat(0.3, 0.3, 0.3), chromaticities=near), None)
    np.testing.assert_allclose(found, 0.3, atol=1e-3)


def test_chromaticities_of_no_colours_are_refused(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "a.exr", flat(1, 1, 1), chromaticities=(0.3,) * 8)
    with pytest.raises(UserError, match=r"a\.exr: its chromaticities are not those of any colours"):
        read_acescg(path)
    assert read_acescg(path, "ACEScg").any()


@pytest.mark.parametrize(
    "names",
    [
        ("AO", "R", "G", "B"),
        ("AO.R", "R", "G", "B"),
        ("Z", "beauty.R", "beauty.G", "beauty.B"),
        ("depth.Y", "rgba.R", "rgba.G", "rgba.B"),
        ("Y", "shot.red", "shot.green", "shot.blue"),
        ("ViewLayer.Depth.Z", "ViewLayer.Combined.R", "ViewLayer.Combined.G", "ViewLayer.Combined.B"),
    ],
)
def test_the_beauty_is_found_among_other_channels(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = read(write_exr(tmp_path / "a.exr", flat(0.9, 0.1, 0.2, 0.3), names))
    np.testing.assert_allclose(found[0, 0], [0.1, 0.2, 0.3], rtol=1e-3)


def test_the_beauty_comes_before_other_layers_of_colours(tmp_path: Path) -> None:
    names = ("diffuse.R", "diffuse.G", "diffuse.B", "R", "G", "B", "A", "specular.R", "specular.G", "specular.B")
    values = (0.9, 0.9, 0.9, 0.1, 0.2, 0.3, 0.5, 0.8, 0.8, 0.8)
    found = read(write_exr(tmp_path / "a.exr", flat(*values), names), None)
    np.testing.assert_allclose(found[0, 0], [0.1434, 0.1943, 0.2849], atol=1e-3)  # Rec.709, and alpha is in it already


def test_layers_without_a_beauty_are_refused_by_name(tmp_path: Path) -> None:
    names = ("diffuse.R", "diffuse.G", "diffuse.B", "specular.R", "specular.G", "specular.B")
    path = write_exr(tmp_path / "a.exr", flat(*range(6)), names)
    for look in (read_acescg, inspect):
        with pytest.raises(UserError, match=r"a\.exr: has the layers diffuse, specular and none called beauty"):
            look(path)


def test_channels_that_are_no_colours_are_refused_by_name(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "a.exr", flat(1, 2), ("Z", "id"))
    with pytest.raises(UserError, match=r"a\.exr: has no colours: its channels are (Z, id|id, Z)$"):
        read_acescg(path)


@pytest.mark.parametrize("names", [("X", "Y", "Z"), ("N.X", "N.Y", "N.Z")])
def test_neither_directions_nor_xyz_are_grey(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=r"a\.exr: has no colours: its channels are .*X.*Y.*Z"):
        read_acescg(write_exr(tmp_path / "a.exr", flat(1, 2, 3), names))


def test_a_depth_part_may_come_first(tmp_path: Path) -> None:
    parts = [
        ("depth", ("Z",), flat(7.0)),
        ("normals", ("R", "G", "B"), flat(0.0, 0.0, 1.0)),
        ("beauty", ("R", "G", "B", "A"), flat(0.1, 0.2, 0.3, 1.0)),
    ]
    found = read(write_parts(tmp_path / "a.exr", parts))
    np.testing.assert_allclose(found[0, 0], [0.1, 0.2, 0.3], rtol=1e-3)


def test_grey_is_grey_and_luminance_with_chroma_is_coloured(tmp_path: Path) -> None:
    grey = read(write_exr(tmp_path / "y.exr", flat(0.18), ("Y",)))
    np.testing.assert_allclose(grey, 0.18, rtol=1e-3)
    red, green, blue = 0.3, 0.2, 0.1
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    path = write_exr(tmp_path / "c.exr", flat((blue - y) / y, (red - y) / y, y), ("BY", "RY", "Y"))
    np.testing.assert_allclose(read(path)[0, 0], [red, green, blue], rtol=2e-3)


def write_subsampled(path: Path) -> Path:
    """Y at every pixel, RY and BY at every other, 4 x 2, not compressed; by the OpenEXR file layout."""

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value

    channels = b"".join(
        name + b"\0" + struct.pack("<iB3xii", 1, 0, step, step) for name, step in ((b"BY", 2), (b"RY", 2), (b"Y", 1))
    )
    box = struct.pack("<4i", 0, 0, 3, 1)
    header = struct.pack("<ii", 20000630, 2)
    header += attribute("channels", "chlist", channels + b"\0") + attribute("compression", "compression", b"\0")
    header += attribute("dataWindow", "box2i", box) + attribute("displayWindow", "box2i", box)
    header += attribute("lineOrder", "lineOrder", b"\0") + attribute("pixelAspectRatio", "float", struct.pack("<f", 1))
    header += attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
    header += attribute("screenWindowWidth", "float", struct.pack("<f", 1)) + b"\0"
    full = np.full(4, 0.25, np.float16).tobytes()
    chroma = np.zeros(4, np.float16).tobytes()
    first = struct.pack("<ii", 0, 16) + chroma + full
    second = struct.pack("<ii", 1, 8) + full
    start = len(header) + 16
    path.write_bytes(header + struct.pack("<QQ", start, start + len(first)) + first + second)
    return path


def test_subsampled_chroma_is_grey_here_or_refused(tmp_path: Path) -> None:
    try:
        found = read(write_subsampled(tmp_path / "a.exr"))
    except UserError as error:
        assert "a.exr" in str(error)  # noqa: PT017
    else:
        np.testing.assert_allclose(found, 0.25, rtol=1e-2)


def test_deep_data_is_refused(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 3, 5, oiio.FLOAT)
    spec.channelnames = ("R", "G", "B", "A", "Z")
    spec.deep = True
    samples = oiio.DeepData()
    samples.init(12, 5, oiio.FLOAT, ("R", "G", "B", "A", "Z"))
    for pixel in range(12):
        samples.set_samples(pixel, 2)
    out = oiio.ImageOutput.create(str(tmp_path / "deep.exr"))
    assert out.open(str(tmp_path / "deep.exr"), spec)
    assert out.write_deep_image(samples)
    out.close()
    for look in (read_acescg, inspect):
        with pytest.raises(UserError, match=r"deep\.exr: holds deep data"):
            look(tmp_path / "deep.exr")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("chromaticities", [KNOWN["ACES2065-1"], XYZ])
def test_one_pixel_that_is_no_number_is_refused(tmp_path: Path, bad: float, chromaticities: tuple[float, ...]) -> None:
    """Its place is counted from the display window's own corner, as viewers do."""
    data = flat(0.5, 0.5, 0.5, size=(6, 5))
    data[3, 4, 1] = bad
    path = write_exr(tmp_path / "a.exr", data, at=(10, 20), display=(0, 0, 64, 32), chromaticities=chromaticities)
    with pytest.raises(UserError, match=r"a\.exr: pixel x 14, y 23 is (NaN \(not a number\)|infinite); repair"):
        read_acescg(path)


def test_a_tiny_alpha_does_no_harm(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "a.exr", flat(1.0, 0.5, 0.0, 1e-40), ("R", "G", "B", "A"))
    assert np.isfinite(read(path, "ACEScct")).all()


def test_of_two_eyes_the_first_is_shown() -> None:
    eyes = [("rgba.left", ("R", "G", "B")), ("rgba.right", ("R", "G", "B"))]
    assert beauty(eyes).part == 0
    with pytest.raises(NoBeautyError, match="layers left, right"):
        beauty([("left", ("R", "G", "B")), ("right", ("R", "G", "B"))])


def test_mipmaps_keep_the_mean_also_of_odd_sizes() -> None:
    pixels = np.random.default_rng(5).uniform(0.0, 1.0, (37, 51, 4)).astype(np.float16)
    levels = mip_levels(pixels)
    assert [level.shape[:2] for level in levels] == [(37, 51), (18, 25), (9, 12), (4, 6), (2, 3), (1, 1)]
    for level in levels:
        np.testing.assert_allclose(level.mean((0, 1), dtype=float), pixels.mean((0, 1), dtype=float), atol=0.02)
    checks = np.zeros((4, 4, 4), np.float16)
    checks[:2, :2] = 1.0
    np.testing.assert_array_equal(mip_levels(checks)[1][..., 0], [[1, 0], [0, 0]])
