"""A lens from the boards that photographs show, by OpenCV's calibration (Zhang's method), and how well it fits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vpengine.cli.calibrate_boards import Array, Board, is_blurred, opencv, read_grey
from vpengine.errors import UserError
from vpengine.view.lens import Lens
from vpengine.view.opencv_lens import from_opencv

FEWEST = 4  # photographs; with three a lens fits whatever they show
GOOD_RMS_PX = 1.0
_OUTLYING = 3.0  # times the median of the photographs' errors, and more than GOOD_RMS_PX
_GROUPS = 8  # of photographs, for how far they agree
_CELLS = (8, 6)  # parts of the picture that are looked at for points


@dataclass(frozen=True, eq=False)
class Photo:
    """board: (n, 3) in squares. points: (n, 2) pixels. missed: (n, 2) pixels from where the lens puts them to there."""

    path: Path
    board: Array
    points: Array
    missed: Array = field(default_factory=lambda: np.zeros((0, 2)))

    @property
    def rms_px(self) -> float:
        return float(np.sqrt((self.missed**2).sum(axis=-1).mean()))


@dataclass(frozen=True)
class LeftOut:
    path: Path
    why: str


@dataclass(frozen=True, eq=False)
class Calibration:
    """lens: in millimetres of a sensor whose width was given. matrix, coefficients: OpenCV's."""

    board: Board
    size: tuple[int, int]
    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]
    matrix: Array
    coefficients: Array
    lens: Lens
    focal_sd_px: float = 0.0  # standard deviation of fx: the larger of the points' own scatter and the photographs'

    @property
    def rms_px(self) -> float:
        squares = np.concatenate([(photo.missed**2).sum(axis=-1) for photo in self.photos])
        return float(np.sqrt(squares.mean()))

    @property
    def covered(self) -> NDArray[np.int64]:
        """(rows, columns): how many points lie in each part of the picture, the top row first."""
        columns, rows = _CELLS
        points = np.concatenate([photo.points for photo in self.photos]) / self.size * (columns, rows)
        at = np.clip(points.astype(int), 0, (columns - 1, rows - 1))
        found = np.zeros((rows, columns), np.int64)
        np.add.at(found, (at[:, 1], at[:, 0]), 1)
        return found


def look_at(paths: Sequence[Path], board: Board) -> tuple[list[Photo], list[LeftOut], tuple[int, int]]:
    """The photographs that show the board, the others with why not, and the size that they are of."""
    greys = {path: read_grey(path) for path in paths}
    sizes = [(grey.shape[1], grey.shape[0]) for grey in greys.values() if grey is not None]
    if not sizes:
        raise UserError(f"{paths[0].parent}: none of its {len(paths)} files can be read as a picture")
    size = max(set(sizes), key=sizes.count)
    photos, left_out = [], []
    for path, grey in greys.items():
        found = _found(grey, size, board)
        if isinstance(found, str):
            left_out.append(LeftOut(path, found))
        else:
            photos.append(Photo(path, *found))
    return photos, left_out, size


def _found(grey: NDArray[np.uint8] | None, size: tuple[int, int], board: Board) -> tuple[Array, Array] | str:
    if grey is None:
        return "cannot be read as a picture"
    if grey.shape[::-1] != size:
        return f"is {grey.shape[1]} x {grey.shape[0]}, and most of the others {size[0]} x {size[1]}"
    found = board.find(grey)
    return "is out of focus, or shaken" if isinstance(found, str) and is_blurred(grey) else found


def solve(
    board: Board,
    photos: Sequence[Photo],
    left_out: Sequence[LeftOut],
    size: tuple[int, int],
    width_mm: float,
    *,
    rational: bool = False,
) -> Calibration:
    """Photographs that fit far worse than the others are left out too. Raises UserError for too few, or no lens."""
    left_out = list(left_out)
    refuse_too_few(photos, left_out)
    found = _fitted(board, photos, size, width_mm, rational=rational)
    limit = max(_OUTLYING * float(np.median([photo.rms_px for photo in found.photos])), GOOD_RMS_PX)
    odd = [photo for photo in found.photos if photo.rms_px > limit]
    if odd:
        left_out += [
            LeftOut(photo.path, f"its points are {photo.rms_px:.2f} px off, over {limit:.2f}") for photo in odd
        ]
        kept = [photo for photo in found.photos if photo not in odd]
        refuse_too_few(kept, left_out)
        found = _fitted(board, kept, size, width_mm, rational=rational)
    sd_px = max(found.focal_sd_px, _between_photos_px(found, width_mm, rational=rational))
    return replace(found, left_out=tuple(left_out), focal_sd_px=sd_px)


def _between_photos_px(found: Calibration, width_mm: float, *, rational: bool) -> float:
    """Standard deviation of fx by the jackknife (Tukey 1958): one group of photographs after the other is left out.

    OpenCV's goes by one lens for all of them: where focus breathed or the zoom moved meanwhile it is confident.
    """
    count, of = min(_GROUPS, len(found.photos)), found.photos
    groups = [[photo for place, photo in enumerate(of) if place % count != group] for group in range(count)]
    focal_px: list[float] = []
    for group in groups:
        with suppress(UserError):  # what is left of them may fit no lens
            focal_px.append(_fitted(found.board, group, found.size, width_mm, rational=rational).matrix[0][0])
    return float(np.sqrt((count - 1) * np.var(focal_px))) if focal_px else 0.0


def refuse_too_few(photos: Sequence[Photo], left_out: Sequence[LeftOut]) -> None:
    """Raises UserError."""
    if len(photos) < FEWEST:
        of = f" of {len(photos) + len(left_out)}"
        why = f" ({left_out[0].path.name}: {left_out[0].why})" if left_out else ""
        raise UserError(
            f"{len(photos)}{of} photographs can be used, and {FEWEST} are needed at least{why}; take 15 to 20, sharp, "
            "with the whole board in each, tilted to all sides, and together covering the picture to its corners"
        )


def _fitted(
    board: Board, photos: Sequence[Photo], size: tuple[int, int], width_mm: float, *, rational: bool
) -> Calibration:
    cv2 = opencv()
    flags = cv2.CALIB_RATIONAL_MODEL if rational else 0
    boards = [photo.board.astype(np.float32) for photo in photos]
    points = [photo.points.astype(np.float32).reshape(-1, 1, 2) for photo in photos]
    try:
        _, matrix, coefficients, turns, places, deviations, _, _ = cv2.calibrateCameraExtended(
            boards, points, size, None, None, flags=flags
        )
    except cv2.error as error:
        raise UserError(f"no lens fits these photographs ({str(error).strip().splitlines()[-1][:200]})") from None
    coefficients = np.asarray(coefficients, float).ravel()[: 8 if rational else 5]
    if not (np.isfinite(matrix).all() and np.isfinite(coefficients).all() and min(matrix[0][0], matrix[1][1]) > 0.0):
        raise UserError("no lens fits these photographs; are all of one camera, at one focal length and focus?")
    fitted = []
    for photo, turn, place in zip(photos, turns, places, strict=True):
        again, _ = cv2.projectPoints(photo.board.astype(np.float64), turn, place, matrix, coefficients)
        fitted.append(Photo(photo.path, photo.board, photo.points, photo.points - np.asarray(again).reshape(-1, 2)))
    lens = from_opencv(matrix, [float(each) for each in coefficients], size, width_mm)
    sd_px = float(np.ravel(deviations)[0])
    return Calibration(board, size, tuple(fitted), (), np.asarray(matrix), coefficients, lens, sd_px)
