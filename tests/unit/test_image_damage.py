"""Files that are damaged, of another kind or too large: a picture or one sentence, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import psutil
import pytest
from PIL import Image

from tests.files import read_acescg
from vpengine.errors import UserError
from vpengine.plates.dome import Dome
from vpengine.plates.image_file import inspect
from vpengine.plates.still import Still

Write = Callable[[Path], None]


def exr(compression: str, tile: int = 0) -> Write:
    def write(path: Path) -> None:
        spec = oiio.ImageSpec(32, 24, 4, oiio.HALF)
        spec.attribute("compression", compression)
        spec.attribute("comment", "scan of the backdrop")
        spec.tile_width = spec.tile_height = tile
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), spec)
        assert out.write_image(np.random.default_rng(1).uniform(0.0, 1.0, (24, 32, 4)).astype(np.float32))
        out.close()

    return write


def hdr(path: Path) -> None:
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), oiio.ImageSpec(32, 24, 3, oiio.FLOAT))
    assert out.write_image(np.random.default_rng(1).uniform(0.0, 1.0, (24, 32, 3)).astype(np.float32))
    out.close()


def pillow(**how: Any) -> Write:
    def write(path: Path) -> None:
        pixels = np.random.default_rng(1).integers(0, 255, (24, 32, 3)).astype(np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 3
        Image.fromarray(pixels).save(path, exif=exif, **how)

    return write


FILES: dict[str, Write] = {
    "zip.exr": exr("zip"),
    "piz.exr": exr("piz"),
    "none.exr": exr("none"),
    "tiled.exr": exr("zip", 16),
    "a.hdr": hdr,
    "a.png": pillow(),
    "a.jpg": pillow(),
    "a.tif": pillow(compression="tiff_lzw"),
    "a.webp": pillow(),
}
MUTANTS = 24  # of each file


def mutant(content: bytes, seed: int) -> bytes:
    """Cut short, or some bytes changed: half of those in the header, where names and sizes are."""
    rng = np.random.default_rng(seed)
    if seed % 4 == 0:
        return content[: int(rng.integers(0, len(content)))]
    out = bytearray(content)
    end = min(len(out), 420) if seed % 2 else len(out)
    for place in rng.integers(4, end, 1 + seed % 5):
        out[place] = int(rng.integers(128, 256))
    return bytes(out)


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_one_sentence_or_a_picture(tmp_path: Path, name: str) -> None:
    FILES[name](tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert read_acescg(tmp_path / name).shape == (24, 32, 3)
    refused = 0
    for seed in range(MUTANTS):
        (tmp_path / name).write_bytes(mutant(content, seed))
        for look in (inspect, read_acescg):
            try:
                found = look(tmp_path / name)
            except UserError as error:
                assert name in str(error)  # noqa: PT017
                assert "\n" not in str(error)  # noqa: PT017
                assert str(error).isprintable()  # noqa: PT017
                refused += 1
            else:
                assert found is None or np.isfinite(found).all()
    assert refused >= MUTANTS // 8


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("page.jpg", b"<!DOCTYPE html><html><body>404</body></html>", "cannot be read as a picture"),
        ("empty.png", b"", "cannot be read as a picture"),
        ("cut.exr", b"\x76\x2f\x31\x01\x02\x00\x00\x00chan", "cannot be read as a picture"),
        ("phone.heic", b"\0\0\0\x18ftypheic", "allowed: .exr, .hdr"),
    ],
)
def test_a_header_alone_tells_what_is_no_picture(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        inspect(tmp_path / name)
    assert says in str(caught.value)
    for plugin in (Still, Dome):
        assert plugin.check(plugin.Settings(file=tmp_path / name)) == [("file", str(caught.value))]


def test_a_gif_by_another_name_is_told_so(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: is a gif file"):
        inspect(tmp_path / "a.png")


def test_a_jpeg_by_another_name_is_read(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16), "white").save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "a.png")
    np.testing.assert_allclose(read_acescg(tmp_path / "a.png").astype(float), 1.0, atol=0.01)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(UserError, match=r"a\.png"):
        inspect(tmp_path / "a.png")


def test_a_path_that_the_system_refuses_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.png: cannot be read \(File name too long\)|no such file"):
        read_acescg(tmp_path / ("a" * 300 + ".png"))


def test_a_path_may_be_in_any_script(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), "white").save(tmp_path / "Straße 日本.png")
    assert read_acescg(tmp_path / "Straße 日本.png").min() > 0.99


def test_an_unknown_space_is_the_key_s_own_problem(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert Still.check(Still.Settings(file=tmp_path / "a.png")) == []
    ((key, sentence),) = Dome.check(Dome.Settings(file=tmp_path / "a.png", color_space="ACESgc"))
    assert key == "color_space"
    assert "did you mean 'ACEScg'" in sentence


def test_only_the_header_is_read(tmp_path: Path) -> None:
    """Half of the pixels are missing: the header does not show it."""
    exr("none")(tmp_path / "a.exr")
    content = (tmp_path / "a.exr").read_bytes()
    (tmp_path / "a.exr").write_bytes(content[: len(content) // 2])
    inspect(tmp_path / "a.exr")
    with pytest.raises(UserError, match=r"a\.exr: cannot be read as a picture"):
        read_acescg(tmp_path / "a.exr")


def test_what_the_memory_does_not_hold_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (4000, 3000)).save(tmp_path / "a.png")

    class Memory:
        available = 300_000_000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    for look in (inspect, read_acescg):
        with pytest.raises(UserError, match=r"a\.png: 4000 x 3000 pixels take 0\.\d GB of memory and 0\.3 GB are free"):
            look(tmp_path / "a.png")


def test_an_absurd_size_in_a_header_takes_no_memory(tmp_path: Path) -> None:
    exr("none")(tmp_path / "a.exr")
    content = (tmp_path / "a.exr").read_bytes()
    window = np.array([0, 0, 31, 23], "<i4").tobytes()
    huge = np.array([0, 0, 2**24, 2**24], "<i4").tobytes()
    assert content.count(window) == 2
    (tmp_path / "a.exr").write_bytes(content.replace(window, huge))
    with pytest.raises(UserError, match=r"a\.exr"):
        inspect(tmp_path / "a.exr")
