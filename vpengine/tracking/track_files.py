"""Files of recorded camera tracks, told apart by what is in them."""

from __future__ import annotations

from pathlib import Path

from vpengine.tracking.realestate10k import is_realestate10k, read_realestate10k
from vpengine.tracking.tracks import Track, lines_of
from vpengine.tracking.tum import read_tum


def read_track(path: Path) -> Track:
    """RealEstate10K's where it begins with a URL, else TUM's. Raises UserError with file:line."""
    return read_realestate10k(path) if is_realestate10k(lines_of(path)) else read_tum(path)
