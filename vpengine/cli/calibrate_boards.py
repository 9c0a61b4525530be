"""Calibration boards in photographs: checkerboards and ChArUco boards, by OpenCV (the extra ``calibrate``)."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError

Array = NDArray[np.floating]

KINDS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
FEWEST_CORNERS = 12  # of a ChArUco board that is partly hidden
DICTIONARY = "DICT_6X6_250"
# Inner corners, most first, for a smaller board is found within a larger one.
_USUAL = tuple(sorted(((c, r) for c in range(4, 15) for r in range(3, c + 1)), key=lambda size: -size[0] * size[1]))
_TRIED = 4  # photographs in which a board's size is looked for
_DICTIONARIES = (
    *(f"DICT_{bits}X{bits}_{count}" for bits in (4, 5, 6, 7) for count in (250, 1000)),
    "DICT_ARUCO_ORIGINAL",
)
_SHARP = 15.0  # variance of the Laplacian, of 8-bit values, below which no corner can be told


def opencv() -> Any:
    """Raises UserError where it is not installed."""
    try:
        return importlib.import_module("cv2")
    except ImportError:
        raise UserError("calibrate needs OpenCV: pip install 'vpengine[calibrate]'") from None


@dataclass(frozen=True)
class Checkerboard:
    """columns, rows: of inner corners. square_m: the side of a square, or 1."""

    columns: int
    rows: int

    @property
    def words(self) -> str:
        return f"checkerboard with {self.columns} x {self.rows} inner corners"

    def find(self, grey: NDArray[np.uint8]) -> tuple[Array, Array] | str:
        """Board points (n, 3) in squares and picture points (n, 2) in pixels; or why there are none."""
        cv2 = opencv()
        flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
        found, corners = cv2.findChessboardCorners(grey, (self.columns, self.rows), None, flags)
        if not found:
            return f"the whole {self.words} is not in it, or is not sharp"
        corners = np.asarray(corners, np.float32).reshape(-1, 1, 2)
        spacing = np.linalg.norm(np.diff(corners.reshape(self.rows, self.columns, 2), axis=1), axis=-1).min()
        window = int(np.clip(0.4 * spacing, 2, 11))  # wider than a square it would see the next corner
        criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-4)
        refined = cv2.cornerSubPix(grey, corners, (window, window), (-1, -1), criteria)
        board = np.stack(np.meshgrid(np.arange(self.columns), np.arange(self.rows)), axis=-1).reshape(-1, 2)
        return np.column_stack([board, np.zeros(len(board))]).astype(np.float32), refined.reshape(-1, 2)


@dataclass(frozen=True)
class Charuco:
    """columns, rows: of squares. marker: of a square's side."""

    columns: int
    rows: int
    dictionary: str = DICTIONARY
    marker: float = 0.5

    @property
    def words(self) -> str:
        return f"ChArUco board of {self.columns} x {self.rows} squares, {self.dictionary}"

    def find(self, grey: NDArray[np.uint8]) -> tuple[Array, Array] | str:
        """As of a checkerboard; a part of the board does."""
        cv2 = opencv()
        board = cv2.aruco.CharucoBoard((self.columns, self.rows), 1.0, self.marker, _dictionary(self.dictionary))
        corners, ids, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(grey)
        count = 0 if ids is None else len(ids)
        if count < min(FEWEST_CORNERS, (self.columns - 1) * (self.rows - 1)):
            return f"{count or 'none'} of the corners of the {self.words} {'is' if count == 1 else 'are'} in it"
        points = np.asarray(board.getChessboardCorners())[np.asarray(ids).ravel()]
        return points.astype(np.float32), np.asarray(corners, np.float32).reshape(-1, 2)


Board = Checkerboard | Charuco


def photographs(folder: Path) -> list[Path]:
    """Raises UserError where there are none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'} of photographs")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in KINDS)
    if not found:
        raise UserError(f"{folder}: no photographs in it (allowed: {', '.join(KINDS)})")
    return found


def read_grey(path: Path) -> NDArray[np.uint8] | None:
    """(height, width), as it is stored: a camera's turn flag would turn the sensor too. None for what is no picture."""
    cv2 = opencv()
    data = np.frombuffer(path.read_bytes(), np.uint8)
    found = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION) if data.size else None
    return None if found is None else np.asarray(found, np.uint8)


def is_blurred(grey: NDArray[np.uint8]) -> bool:
    return bool(opencv().Laplacian(grey, opencv().CV_64F).var() < _SHARP)


def size_of(text: str, option: str) -> tuple[int, int]:
    """``9x6`` to (9, 6). Raises UserError."""
    columns, cross, rows = text.lower().partition("x")
    if not (cross and columns.isdecimal() and rows.isdecimal() and min(int(columns), int(rows)) >= 3):
        raise UserError(f"{option} {text}: expected columns and rows such as 9x6, 3 or more of each")
    if max(int(columns), int(rows)) > 100:
        raise UserError(f"{option} {text}: no board has more than 100 columns or rows")
    return int(columns), int(rows)


def detected(pictures: Sequence[NDArray[np.uint8]]) -> Board:
    """The board that the first pictures show. Raises UserError where it cannot be told."""
    for grey in pictures[:_TRIED]:
        board = _charuco(grey)
        if board is not None:
            return board
    for grey in pictures[:_TRIED]:
        for columns, rows in _USUAL:
            if _shows(grey, columns, rows):
                return Checkerboard(columns, rows)
    raise UserError(
        f"none of the first {min(len(pictures), _TRIED)} photographs shows a board that can be told by itself; say "
        "which it is: --board 9x6 (inner corners), or --charuco 5x7 (squares) with --dictionary"
    )


def _shows(grey: NDArray[np.uint8], columns: int, rows: int) -> bool:
    cv2 = opencv()
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    return bool(cv2.findChessboardCorners(grey, (columns, rows), None, flags)[0])


def _charuco(grey: NDArray[np.uint8]) -> Charuco | None:
    """Of all boards that have as many markers as the highest number that is seen, the one with the most corners."""
    cv2 = opencv()
    best: tuple[int, Charuco] | None = None
    for name in _DICTIONARIES:
        _, ids, _ = cv2.aruco.ArucoDetector(_dictionary(name)).detectMarkers(grey)
        if ids is None or len(ids) < 4:
            continue
        markers = int(np.max(ids)) + 1
        for columns, rows in _boards(markers):
            board = Charuco(columns, rows, name)
            found = board.find(grey)
            if not isinstance(found, str) and (best is None or len(found[0]) > best[0]):
                best = len(found[0]), board
    return best[1] if best else None


def _boards(markers: int) -> Iterable[tuple[int, int]]:
    """A marker lies in every other square."""
    for columns in range(3, 21):
        for rows in range(3, 21):
            if columns * rows // 2 == markers:
                yield columns, rows


def _dictionary(name: str) -> Any:
    """Raises UserError for a name that OpenCV does not have."""
    aruco = opencv().aruco
    number = getattr(aruco, name.upper(), None) if name.upper().startswith("DICT_") else None
    if number is None:
        raise UserError(f"--dictionary {name}: OpenCV has no such one; expected a name such as {DICTIONARY}")
    return aruco.getPredefinedDictionary(number)
