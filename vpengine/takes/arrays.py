"""A keyframe's arrays in a take: looked at before they are loaded, since a take may be damaged, or anybody's."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.grade_table import SHAPE


def check_arrays(file: Path, resolution: tuple[int, int]) -> None:
    """Reads the arrays' headers alone. Raises ValueError, OSError or BadZipFile where they are not a keyframe's.

    resolution: width and height of its picture.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file.name} is not there")
    with zipfile.ZipFile(file) as archive:
        for name, expected in _expected(resolution).items():
            with archive.open(f"{name}.npy") as array:
                if np.lib.format.read_magic(array) != (1, 0):
                    raise ValueError(f"{file.name}: {name} is of another version")
                shape, _, kind = np.lib.format.read_array_header_1_0(array)
            if (shape, kind) != expected:
                raise ValueError(f"{file.name}: {name} is {kind} {shape}, expected {expected[1]} {expected[0]}")


def load_arrays(file: Path, resolution: tuple[int, int]) -> dict[str, NDArray[Any]]:
    """gain, bias, grade and evidence. Raises as ``check_arrays``, and ValueError for NaN and infinity."""
    check_arrays(file, resolution)
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in _expected(resolution)}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{file.name}: {name} has NaN or infinity in it")
    return arrays


def _expected(resolution: tuple[int, int]) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    width, height = resolution
    half, single = np.dtype(np.float16), np.dtype(np.float32)
    picture = ((height, width, 3), half)
    return {"gain": picture, "bias": picture, "grade": ((*SHAPE, 3, 4), single), "evidence": (SHAPE, single)}
