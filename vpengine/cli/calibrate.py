"""``vpengine calibrate``: what must be measured before a picture meets the world. ``lens`` is from photographs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from vpengine.cli.calibrate_boards import (
    DICTIONARY,
    Board,
    Charuco,
    Checkerboard,
    detected,
    opencv,
    photographs,
    read_grey,
    size_of,
)
from vpengine.cli.calibrate_delay import delay
from vpengine.cli.calibrate_report import page, write_page
from vpengine.cli.calibrate_solve import GOOD_RMS_PX, Calibration, look_at, solve
from vpengine.errors import UserError
from vpengine.stage.lens_file import SAME_WIDTH, LensEntry, LensFile, read_lens_file, write_lens_file
from vpengine.stage.st_map_file import write_st_map
from vpengine.view.distortion import (
    Distortion,
    fault,
    fold_in_picture_mm,
    folded_share,
    overscan_needed,
    st_map,
)

UNSURE_PERCENT = 0.3  # of the focal length: 3 pixels at the edge of a picture 1920 wide


def lens(
    folder: Annotated[
        Path, typer.Argument(help="A folder of photographs of a board, all at one focal length and focus.")
    ],
    board: Annotated[str | None, typer.Option(help="A checkerboard's inner corners, such as 9x6.")] = None,
    charuco: Annotated[str | None, typer.Option(help="A ChArUco board's squares, such as 5x7.")] = None,
    dictionary: Annotated[str, typer.Option(help="Of the ChArUco board's markers.")] = DICTIONARY,
    sensor_width: Annotated[
        float, typer.Option(min=0.1, max=2000.0, help="Of the part that is recorded, in mm, as in the stage file.")
    ] = 36.0,
    focal: Annotated[
        float | None, typer.Option(min=0.1, max=2000.0, help="What the lens ring or the tracker says, in mm.")
    ] = None,
    focus: Annotated[float, typer.Option(min=0.0, help="What it says of focus, in metres; 0 is infinity.")] = 0.0,
    entrance_pupil: Annotated[
        float, typer.Option(min=-2.0, max=2.0, help="How far the entrance pupil lies before the sensor, in metres.")
    ] = 0.0,
    rational: Annotated[
        bool, typer.Option("--rational", help="Eight coefficients, not five: for wide lenses, with many photographs.")
    ] = False,
    name: Annotated[str, typer.Option(help="What the crew calls the lens.")] = "",
    to: Annotated[Path | None, typer.Option(help="The lens file to write; by default FOLDER.lens.toml here.")] = None,
    add: Annotated[bool, typer.Option("--add", help="Add to the lens file, as another position of its rings.")] = False,
    st_map_file: Annotated[
        Path | None, typer.Option("--st-map", help="Also an ST map to write, an EXR, for other programs.")
    ] = None,
) -> None:
    """Measure a lens from photographs of a checkerboard or ChArUco board: writes a lens file and a page about it."""
    opencv()
    target = to or Path(f"{folder.resolve().name}.lens.toml")
    before = _before(target, add=add)
    paths = photographs(folder)
    chosen = _board(paths, board, charuco, dictionary)
    photos, left_out, size = look_at(paths, chosen)
    for each in left_out:
        typer.echo(f"{each.path.name}: left out: {each.why}", err=True)
    found = solve(chosen, photos, left_out, size, sensor_width, rational=rational)
    for each in found.left_out[len(left_out) :]:
        typer.echo(f"{each.path.name}: left out: {each.why}", err=True)
    why = fault(found.lens.distortion, found.lens)
    if why:
        raise UserError(f"{folder}: what fits is no lens: {why}; cover the picture to its corners, or try --rational")
    file = with_entry(before, found, Rings(focal, focus or math.inf, entrance_pupil), name, target)
    facts, warnings = facts_of(found), warnings_of(found, rational=rational)
    write_lens_file(target, file)
    report = target.with_suffix(".html")
    write_page(report, page(found, facts, warnings))
    if st_map_file is not None:
        write_st_map(st_map_file, st_map(found.lens.distortion, found.lens, size))
    _tell(found, facts, warnings, target, report)


COMMANDS: dict[str, Callable[..., None]] = {"lens": lens, "delay": delay}


@dataclass(frozen=True)
class Rings:
    """Where the lens's rings stood, and its entrance pupil. focal_length_mm: None where nobody said it."""

    focal_length_mm: float | None
    focus_distance_m: float
    entrance_pupil_m: float


def _before(target: Path, *, add: bool) -> LensFile | None:
    """The lens file to add to. Raises UserError, before any work is done."""
    if target.suffix.lower() != ".toml":
        raise UserError(f"--to {target}: a lens file's name ends in .toml")
    if add:
        return read_lens_file(target)
    if target.exists():
        raise UserError(f"{target}: there already; choose another name with --to, or add to it with --add")
    return None


def _board(paths: list[Path], board: str | None, charuco: str | None, dictionary: str) -> Board:
    if board and charuco:
        raise UserError("--board and --charuco: a checkerboard or a ChArUco board, not both")
    if board:
        return Checkerboard(*size_of(board, "--board"))
    if charuco:
        return Charuco(*size_of(charuco, "--charuco"), dictionary)
    pictures = (read_grey(path) for path in paths)
    return detected([grey for grey in pictures if grey is not None])


def with_entry(before: LensFile | None, found: Calibration, rings: Rings, name: str, target: Path) -> LensFile:
    """Raises UserError where the file is of another sensor."""
    calibrated = found.lens
    assert isinstance(calibrated.distortion, Distortion)
    entry = LensEntry(
        rings.focal_length_mm or calibrated.pinhole_focal_length_mm,
        rings.focus_distance_m,
        calibrated.pinhole_focal_length_mm,
        calibrated.projection_offset_mm,
        rings.entrance_pupil_m,
        calibrated.distortion,
    )
    if before is None:
        return LensFile(name, calibrated.sensor_mm, (entry,), target)
    if abs(before.sensor_mm[0] - calibrated.sensor_mm[0]) > SAME_WIDTH * before.sensor_mm[0]:
        raise UserError(f"{target}: is of a sensor {before.sensor_mm[0]:g} mm wide; say --sensor-width")
    return before.with_entry(entry)


def facts_of(found: Calibration) -> Mapping[str, str]:
    """What is said of a lens, in words."""
    calibrated, (width, height) = found.lens, found.size
    (fx, fy), (cx, cy) = (found.matrix[0][0], found.matrix[1][1]), (found.matrix[0][2], found.matrix[1][2])
    across = math.degrees(2.0 * math.atan(0.5 * width / fx))
    offset = calibrated.projection_offset_mm
    return {
        "board": found.board.words,
        "photographs": f"{len(found.photos)} used, {len(found.left_out)} left out, {width} x {height}",
        "rms": f"{found.rms_px:.3f} px",
        "focal length": f"{fx:.2f} px across (sd {found.focal_sd_px:.2f}), {fy:.2f} down; "
        f"{calibrated.pinhole_focal_length_mm:.3f} mm on a sensor {calibrated.sensor_mm[0]:g} x "
        f"{calibrated.sensor_mm[1]:.3f} mm; {across:.1f} degrees across",
        "principal point": f"{cx:.2f}, {cy:.2f} px; {offset[0]:+.3f} mm right, {offset[1]:+.3f} mm down",
        "distortion": "k1 k2 p1 p2 k3 k4 k5 k6 of OpenCV: " + " ".join(f"{each:.5g}" for each in found.coefficients),
        "overscan": f"{overscan_needed(calibrated.distortion, calibrated):.1f} percent per side covers the picture",
    }


def warnings_of(found: Calibration, *, rational: bool) -> list[str]:
    warnings = []
    if found.rms_px > GOOD_RMS_PX:
        warnings.append(
            f"rms {found.rms_px:.2f} px is high: is the board flat, were focus and zoom left alone, are they sharp?"
        )
    unsure = 100.0 * found.focal_sd_px / float(found.matrix[0][0])
    if unsure > UNSURE_PERCENT:
        warnings.append(
            f"the focal length is known to {unsure:.1f} percent only: were focus and zoom left alone? Take more "
            "photographs, the board tilted to all sides"
        )
    folded = folded_share(found.lens.distortion, found.lens)
    if folded > 0.0:
        away = fold_in_picture_mm(found.lens.distortion) / found.lens.sensor_mm[0] * found.size[0]
        cure = "take photographs with the board in the corners" + ("" if rational else ", or try --rational")
        warnings.append(
            f"the model turns back {away:.0f} px from its centre, and {100.0 * folded:.0f} percent of the picture lies "
            f"beyond that and is held there; {cure}"
        )
    empty = int(np.sum(found.covered == 0))
    if empty:
        warnings.append(
            f"{empty} of {found.covered.size} parts of the picture have no point in them; the report shows which"
        )
    return warnings


def _tell(found: Calibration, facts: Mapping[str, str], warnings: list[str], target: Path, report: Path) -> None:
    for photo in found.photos:
        typer.echo(f"{photo.path.name}: {photo.rms_px:.3f} px, {len(photo.points)} points")
    for fact, words in facts.items():
        typer.echo(f"{fact}: {words}")
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{target}\n{report}")
    sensor_mm = [round(side, 4) for side in found.lens.sensor_mm]
    typer.echo(f'in a stage file: [[camera]] sensor_mm = {sensor_mm}, lens = "{target}"')
