"""A picture's depth in a file: what is no depth is one sentence, what was not measured is the far side's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image

from vpengine.errors import UserError
from vpengine.plates.depth_file import depth_problem, filled, read_depth, read_map, write_depth
from vpengine.plates.depth_map import Stereo, depth_from_depth, depth_from_disparity

STEREO = Stereo(0.2, 1000.0, 30.0)


@pytest.mark.parametrize("name", ["a.depth.exr", "a.tiff"])
def test_depth_comes_back_as_it_was_written(tmp_path: Path, name: str) -> None:
    depth_m = np.array([[1.25, 3.0, np.inf], [0.001, 2999.5, 7.0]], np.float32)
    write_depth(tmp_path / name, depth_m)
    np.testing.assert_array_equal(read_depth(tmp_path / name, (3, 2)), depth_m)
    assert depth_problem(tmp_path / name, (3, 2)) == []


def test_another_program_s_exr_may_have_colours_too(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(4, 3, 4, oiio.FLOAT)
    spec.channelnames = ("R", "G", "B", "Z")
    out = oiio.ImageOutput.create(str(tmp_path / "a.exr"))
    assert out.open(str(tmp_path / "a.exr"), spec)
    assert out.write_image(np.tile(np.float32([0.1, 0.2, 0.3, 8.0]), (3, 4, 1)))
    out.close()
    assert np.all(read_depth(tmp_path / "a.exr", (4, 3)) == 8.0)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.nan, "pixel x 1, y 0 is NaN (not a number); a depth is above 0"),
        (-2.0, "pixel x 1, y 0 is -2; a depth is above 0"),
        (0.0, "pixel x 1, y 0 is 0; a depth is above 0"),
    ],
)
def test_what_is_no_depth_is_one_sentence(tmp_path: Path, value: float, sentence: str) -> None:
    write_depth(tmp_path / "a.exr", np.array([[1.0, value], [2.0, 3.0]], np.float32))
    with pytest.raises(UserError) as error:
        read_depth(tmp_path / "a.exr", (2, 2))
    assert str(error.value) == f"{tmp_path / 'a.exr'}: {sentence}"


def test_another_size_is_one_sentence(tmp_path: Path) -> None:
    write_depth(tmp_path / "a.exr", np.ones((2, 3), np.float32))
    sentence = f"{tmp_path / 'a.exr'}: is 3 x 2 and its picture 6 x 4; they must be of one size"
    assert depth_problem(tmp_path / "a.exr", (6, 4)) == [("depth", sentence)]
    with pytest.raises(UserError) as error:
        read_depth(tmp_path / "a.exr", (6, 4))
    assert str(error.value) == sentence


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x76\x2f\x31\x01" + 60 * b"\xff"])
@pytest.mark.parametrize("name", ["a.exr", "a.tif", "a.npy", "a.npz", "a.png", "a.pfm", "a.jpg"])
def test_what_is_no_map_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        read_map(tmp_path / name)
    assert "\n" not in str(error.value)


def test_whole_numbers_are_taken_as_they_are(tmp_path: Path) -> None:
    Image.fromarray(np.array([[5000, 10000]], np.uint16)).save(tmp_path / "a.png")
    found = depth_from_depth(tmp_path / "a.png", (2, 1), 1.0 / 5000.0, fill=False)
    np.testing.assert_allclose(found, [[1.0, 2.0]], rtol=1e-6)


def test_disparity_is_depth_by_its_formula(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", np.array([[70.0, 170.0]], np.float32))
    found = depth_from_disparity(tmp_path / "a.npz", (2, 1), STEREO, fill=False)
    np.testing.assert_allclose(found, [[2.0, 1.0]], rtol=1e-6)


@pytest.mark.parametrize("unknown", [np.nan, np.inf])
def test_what_was_not_measured_is_refused_or_filled_from_the_far_side(tmp_path: Path, unknown: float) -> None:
    np.save(tmp_path / "a.npy", np.array([[170.0, unknown, 70.0]], np.float32))
    with pytest.raises(UserError, match="--fill takes such pixels from their neighbours"):
        depth_from_disparity(tmp_path / "a.npy", (3, 1), STEREO, fill=False)
    found = depth_from_disparity(tmp_path / "a.npy", (3, 1), STEREO, fill=True)
    np.testing.assert_allclose(found, [[1.0, 2.0, 2.0]], rtol=1e-6)


def test_a_row_in_which_nothing_is_known_takes_the_next() -> None:
    found = filled(np.float32([[1, 2], [0, 0], [0, 0]]), np.array([[True, True], [False, False], [False, False]]))
    np.testing.assert_array_equal(found, [[1, 2], [1, 2], [1, 2]])


def test_sky_stays_where_a_depth_map_has_it(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[np.inf, 0.0, 4.0]], np.float32))
    found = depth_from_depth(tmp_path / "a.npy", (3, 1), 0.5, fill=True)
    np.testing.assert_array_equal(found, [[np.inf, np.inf, 2.0]])


def test_nothing_measured_is_one_sentence(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 2), np.float32))
    with pytest.raises(UserError, match="nothing in it was measured"):
        depth_from_depth(tmp_path / "a.npy", (2, 2), 1.0, fill=True)
