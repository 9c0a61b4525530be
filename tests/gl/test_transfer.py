"""Up and down: row 0 is the top in numpy and the bottom in textures, and no value changes on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vpengine.frames.pixels import Pixels
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import download, four, texels, upload, write, write_rows, write_volume

KINDS = {"f1": np.uint8, "f2": np.float16, "f4": np.float32}


def image(kind: Any, components: int, width: int = 5, height: int = 3) -> np.ndarray:
    """Odd sizes: rows that are not a multiple of four bytes must not shear."""
    values = np.arange(height * width * components).reshape(height, width, components)
    return values.astype(kind) if kind is np.uint8 else (values / 7.0 - 2.0).astype(kind)


@pytest.mark.parametrize("components", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_what_goes_up_comes_down(gpu: Any, kind: Any, components: int) -> None:
    sent = image(kind, components)
    texture = upload(gpu, sent)
    back = download(texture)
    assert back.dtype == kind
    np.testing.assert_array_equal(back, sent)
    texture.release()


def test_row_zero_is_the_top(gpu: Any) -> None:
    """OpenGL's own memory begins with the bottom row."""
    sent = image(np.float32, 1)
    texture = upload(gpu, sent)
    raw = np.frombuffer(texture.read(alignment=1), np.float32).reshape(3, 5)
    np.testing.assert_array_equal(raw[0], sent[2, :, 0])
    np.testing.assert_array_equal(raw[2], sent[0, :, 0])
    texture.release()


def test_a_plane_without_channels_goes_up_as_one(gpu: Any) -> None:
    sent = image(np.float16, 1)[..., 0]
    texture = upload(gpu, sent)
    assert texture.components == 1
    np.testing.assert_array_equal(download(texture)[..., 0], sent)
    texture.release()


def test_infinity_and_the_largest_half_survive(gpu: Any) -> None:
    sent = np.array([[np.inf, 65504.0], [-0.0, 6e-8]], np.float16)
    texture = upload(gpu, sent)
    np.testing.assert_array_equal(download(texture)[..., 0], sent)
    texture.release()


def test_write_replaces(gpu: Any) -> None:
    texture = Gpu(gpu).texture((5, 3), 3, "f2")
    for scale in (1, 2):
        sent = image(np.float16, 3) * np.float16(scale)
        write(texture, sent)
        np.testing.assert_array_equal(download(texture), sent)
    write(texture, sent[:, ::-1])  # a view, not contiguous
    np.testing.assert_array_equal(download(texture), sent[:, ::-1])
    texture.release()


def test_other_types_are_refused(gpu: Any) -> None:
    with pytest.raises(TypeError, match="upload: float64, expected uint8, float16 or float32"):
        upload(gpu, np.zeros((2, 2)))


def test_a_volume_is_a_table_and_not_flipped(gpu: Any) -> None:
    texture = Gpu(gpu).texture_3d((5, 3, 2), 3, "f4")
    volume = np.arange(2 * 3 * 5 * 3, dtype=np.float32).reshape(2, 3, 5, 3)
    write_volume(texture, volume)
    np.testing.assert_array_equal(np.frombuffer(texture.read(alignment=1), np.float32).reshape(2, 3, 5, 3), volume)
    texture.release()


def test_four_adds_a_channel_of_zeros() -> None:
    sent = image(np.float16, 3)
    out = four(sent)
    assert out.dtype == np.float16
    np.testing.assert_array_equal(out[..., :3], sent)
    assert not out[..., 3].any()


@pytest.mark.parametrize("bottom_up", [False, True])
@pytest.mark.parametrize("components", [1, 3, 4])
def test_texels_are_rows_as_a_texture_has_them(gpu: Any, components: int, bottom_up: bool) -> None:
    sent = image(np.float16, components)
    of_texture = min(components + 1, 4) if components > 1 else 1
    rows = texels(Pixels(sent, bottom_up), of_texture)
    assert rows.flags.c_contiguous
    assert np.shares_memory(rows, sent) == (bottom_up and of_texture == components)  # nobody converts who need not
    texture = Gpu(gpu).texture((5, 3), of_texture, "f2")
    write_rows(texture, rows[2:], 2)
    write_rows(texture, rows[:2])
    np.testing.assert_array_equal(download(texture)[..., :components], sent[::-1] if bottom_up else sent)
    texture.release()
