"""What tests read files with: a show that must be good, and a picture's pixels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.control.controls import Control
from vpengine.errors import ProblemsError
from vpengine.plates.image_file import read_picture
from vpengine.stage.show_file import Show, read_show


def load_show(path: Path, declared: Iterable[Control]) -> Show:
    """The show in ``path``. Raises ProblemsError with everything that is wrong."""
    reading = read_show(path, declared)
    if reading.show is None:
        raise ProblemsError(reading.problems)
    return reading.show


def read_acescg(path: Path, color_space: str | None = None) -> NDArray[np.float16]:
    """(height, width, 3)."""
    return read_picture(path, color_space).pixels[..., :3]
