"""Plates' pictures and depths, and lens maps, with damage anywhere: finite numbers, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.damage import CASES, LIMIT_S, damaged
from vpengine.errors import UserError
from vpengine.plates.depth_file import read_depth
from vpengine.plates.image_file import inspect, read_picture
from vpengine.stage.st_map_file import read_st_map, write_st_map

SIZE = (24, 16)


def written(path: Path, channels: int, kind: str) -> bytes:
    """A picture of OpenImageIO's own making."""
    pixels = np.random.default_rng(1).uniform(0.1, 1.0, (SIZE[1], SIZE[0], channels)).astype(np.float32)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), oiio.ImageSpec(*SIZE, channels, kind))
    assert out.write_image(pixels)
    assert out.close()
    return path.read_bytes()


def picture(path: Path) -> Any:
    inspect(path)
    return read_picture(path, None).pixels


def depth(path: Path) -> Any:
    found = read_depth(path, SIZE)
    return np.where(np.isposinf(found), 1.0, found)  # the sky


def st_map(path: Path) -> Any:
    return read_st_map(path).uv


def written_map(path: Path) -> bytes:
    """Of a lens that bends nothing."""
    across, down = np.meshgrid((np.arange(SIZE[0]) + 0.5) / SIZE[0], (np.arange(SIZE[1]) + 0.5) / SIZE[1])
    write_st_map(path, np.stack([across, down], axis=-1).astype(np.float32))
    return path.read_bytes()


READERS: dict[str, tuple[Callable[[Path], Any], int, str]] = {
    "a.png": (picture, 4, "uint8"),
    "b.png": (picture, 3, "uint16"),
    "a.jpg": (picture, 3, "uint8"),
    "a.exr": (picture, 4, "half"),
    "a.hdr": (picture, 3, "float"),
    "a.tif": (picture, 3, "uint16"),
    "a.webp": (picture, 3, "uint8"),
    "z.exr": (depth, 1, "float"),
    "z.tif": (depth, 1, "float"),
    "map.exr": (st_map, 2, "float"),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.timeout(LIMIT_S)
def test_damage_ends_in_a_picture_or_in_one_sentence(name: str, tmp_path: Path) -> None:
    read, channels, kind = READERS[name]
    made = written_map(tmp_path / name) if read is st_map else written(tmp_path / name, channels, kind)
    path = tmp_path / f"damaged{Path(name).suffix}"
    shown = told = 0
    for number in range(CASES):
        path.write_bytes(damaged(made, number))
        try:
            pixels = read(path)
        except UserError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            assert str(error).isprintable()  # noqa: PT017
            told += 1
        else:
            assert np.isfinite(pixels).all()
            shown += 1
    assert told > CASES // 4
    assert shown + told == CASES
