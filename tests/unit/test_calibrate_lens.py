"""``vpengine calibrate lens``: a lens from photographs of a board, drawn and real; mistakes are one sentence."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from vpengine.cli import calibrate_boards
from vpengine.cli.main import app
from vpengine.errors import UserError
from vpengine.stage.lens_file import read_lens_file
from vpengine.stage.st_map_file import read_st_map
from vpengine.view.distortion import U_D, Distortion, distorted, st_map
from vpengine.view.opencv_lens import from_opencv, to_opencv

cv2 = pytest.importorskip("cv2", reason="the extra `calibrate` is not installed")

ROOT = Path(__file__).parents[2]
FOLDERS = [folder / "shared" / "data" / "calib" for folder in (ROOT, ROOT.parent)]
REAL = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[-1])
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"the photographs of boards are not at {REAL}")

SIZE = (640, 480)
MATRIX = np.array([[520.0, 0.0, 324.0], [0.0, 522.0, 236.0], [0.0, 0.0, 1.0]])
COEFFICIENTS = (-0.18, 0.04, 4e-4, -6e-4, 0.0)
SQUARES = (9, 7)  # of the board that is drawn: 8 x 6 inner corners
TURNS = [(0.0, 0.0), (0.5, 0.1), (-0.5, -0.1), (0.1, 0.5), (-0.1, -0.5), (0.35, 0.35), (-0.35, 0.35), (0.3, -0.4)]
PLACES = [(0.0, 0.0), (-2.2, -1.2), (2.2, 1.2), (-2.2, 1.2), (2.2, -1.2), (0.0, 1.5), (1.0, 0.0), (-1.0, -1.0)]


def photograph(number: int) -> NDArray[np.uint8]:
    """The board as a camera of MATRIX and COEFFICIENTS sees it, four rays a pixel."""
    turn, _ = cv2.Rodrigues(np.array([*TURNS[number], 0.05 * number]))
    centre = np.array([SQUARES[0] / 2.0, SQUARES[1] / 2.0, 0.0])
    place = np.array([*PLACES[number], 12.0]) - turn @ centre
    x, y = (np.arange(SIZE[0] * 2) + 0.5) / 2.0 - 0.5, (np.arange(SIZE[1] * 2) + 0.5) / 2.0 - 0.5
    pixels = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 2)
    rays = cv2.undistortPoints(pixels, MATRIX, np.array(COEFFICIENTS)).reshape(-1, 2)
    plane = np.linalg.inv(np.column_stack([turn[:, 0], turn[:, 1], place]))
    on_board = np.column_stack([rays, np.ones(len(rays))]) @ plane.T
    u, v = (on_board[:, :2] / on_board[:, 2:]).T
    inside = (u > 0) & (v > 0) & (u < SQUARES[0]) & (v < SQUARES[1])
    dark = inside & ((np.floor(u) + np.floor(v)) % 2 == 0)
    grey = np.where(dark, 30.0, 220.0).reshape(SIZE[1], 2, SIZE[0], 2).mean(axis=(1, 3))
    return np.asarray(grey, np.uint8)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with eight good photographs."""
    folder = tmp_path_factory.mktemp("photographs") / "prime"
    folder.mkdir()
    for number in range(len(TURNS)):
        cv2.imwrite(str(folder / f"good{number}.png"), photograph(number))
    return folder


def run(*arguments: str | Path | float) -> Result:
    return CliRunner().invoke(app, ["calibrate", "lens", *map(str, arguments)])


def sentence(*arguments: str | Path | float) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, UserError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def copied(drawn: Path, tmp_path: Path, count: int = 8) -> Path:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for number in range(count):
        (folder / f"good{number}.png").write_bytes((drawn / f"good{number}.png").read_bytes())
    return folder


def test_a_known_lens_is_found(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its board, by itself; the lens file has it in millimetres, and leads back to OpenCV's numbers."""
    monkeypatch.chdir(tmp_path)
    result = run(drawn, "--sensor-width", 6.0, "--focal", 5.0, "--focus", 1.2, "--name", "prime")
    assert result.exit_code == 0, result.output or result.exception
    assert "board: checkerboard with 8 x 6 inner corners" in result.stdout
    file = read_lens_file(tmp_path / "prime.lens.toml")
    (entry,) = file.entries
    assert (file.name, entry.focal_length_mm, entry.focus_distance_m) == ("prime", 5.0, 1.2)
    assert entry.pinhole_focal_length_mm == pytest.approx(520.0 / 640.0 * 6.0, rel=3e-3)
    found = file.applied(from_opencv(MATRIX, COEFFICIENTS, SIZE, 6.0))
    matrix, _ = to_opencv(found, SIZE)
    assert matrix == pytest.approx(MATRIX, abs=1.5)
    true = from_opencv(MATRIX, COEFFICIENTS, SIZE, 6.0)
    rays = np.stack(np.meshgrid(np.linspace(-0.5, 0.5, 9), np.linspace(-0.35, 0.35, 7)), axis=-1)
    seen = []
    for lens in (true, found):
        assert isinstance(lens.distortion, Distortion)
        assert lens.distortion.model == U_D
        world = rays * lens.pinhole_focal_length_mm + lens.projection_offset_mm
        seen.append(distorted(lens.distortion, lens, world) / 6.0 * 640.0)
    assert np.abs(seen[0] - seen[1]).max() < 0.6  # pixels


def test_the_report_is_one_page_with_all_in_it(drawn: Path, tmp_path: Path) -> None:
    result = run(drawn, "--board", "8x6", "--to", tmp_path / "a.toml", "--st-map", tmp_path / "a.exr")
    assert result.exit_code == 0, result.output or result.exception
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert page.count("data:image/jpeg;base64,") == 2
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert all(f"good{number}.png" in page for number in range(8))
    file = read_lens_file(tmp_path / "a.toml")
    lens = file.applied(from_opencv(MATRIX, COEFFICIENTS, SIZE, 36.0))
    assert np.abs(read_st_map(tmp_path / "a.exr").uv - st_map(lens.distortion, lens, SIZE)).max() < 1e-5


def test_what_cannot_be_used_is_named_with_why(drawn: Path, tmp_path: Path) -> None:
    folder = copied(drawn, tmp_path)
    rng = np.random.default_rng(5)
    cv2.imwrite(str(folder / "empty.png"), rng.integers(0, 255, (480, 640), np.uint8))
    cv2.imwrite(str(folder / "shaken.png"), cv2.GaussianBlur(photograph(0), (0, 0), 25.0))
    cv2.imwrite(str(folder / "small.png"), cv2.resize(photograph(0), (320, 240)))
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not looked at", encoding="utf-8")
    bent = cv2.warpPerspective(  # of another lens: moved out of the middle and stretched
        photograph(0), np.array([[1.0, 0.25, -60.0], [0.0, 0.6, 90.0], [4e-4, 0.0, 1.0]]), SIZE, borderValue=220
    )
    wave = 8.0 * np.sin(np.arange(480) / 40.0)
    x, y = np.meshgrid(np.arange(640, dtype=np.float32), np.arange(480, dtype=np.float32))
    bent = cv2.remap(bent, (x + wave[:, None]).astype(np.float32), y, cv2.INTER_LINEAR, borderValue=220)
    cv2.imwrite(str(folder / "odd.png"), bent)
    result = run(folder, "--board", "8x6", "--to", tmp_path / "a.toml")
    assert result.exit_code == 0, result.output or result.exception
    told = dict(line.split(": left out: ") for line in result.stderr.splitlines() if ": left out: " in line)
    assert set(told) == {"empty.png", "shaken.png", "small.png", "broken.jpg", "odd.png"}
    assert told["empty.png"].startswith("the whole checkerboard with 8 x 6 inner corners is not in it")
    assert told["shaken.png"] == "is out of focus, or shaken"
    assert told["small.png"] == "is 320 x 240, and most of the others 640 x 480"
    assert told["broken.jpg"] == "cannot be read as a picture"
    assert told["odd.png"].startswith("its points are ")
    assert "8 used, 5 left out" in result.stdout


def test_too_few_are_refused_with_the_cure(drawn: Path, tmp_path: Path) -> None:
    said = sentence(copied(drawn, tmp_path, 3), "--board", "8x6", "--to", tmp_path / "a.toml")
    assert said.startswith("3 of 3 photographs can be used, and 4 are needed at least; take 15 to 20, sharp")
    assert not (tmp_path / "a.toml").exists()


def test_other_positions_of_the_rings_are_added(drawn: Path, tmp_path: Path) -> None:
    target = tmp_path / "zoom.toml"
    for focal, options in ((5.0, ()), (8.0, ("--add",)), (8.0, ("--add",))):
        result = run(drawn, "--board", "8x6", "--sensor-width", 6.0, "--focal", focal, "--to", target, *options)
        assert result.exit_code == 0, result.output or result.exception
    assert [entry.focal_length_mm for entry in read_lens_file(target).entries] == [5.0, 8.0]
    assert "there already" in sentence(drawn, "--board", "8x6", "--to", target)
    assert "say --sensor-width" in sentence(drawn, "--board", "8x6", "--to", target, "--add")


def test_mistakes_are_one_sentence(drawn: Path, tmp_path: Path) -> None:
    target = ("--to", tmp_path / "a.toml")
    (tmp_path / "nothing").mkdir()
    assert "no such folder" in sentence(tmp_path / "gone", *target)
    assert "no photographs in it" in sentence(tmp_path / "nothing", *target)
    assert "expected columns and rows such as 9x6" in sentence(drawn, "--board", "9", *target)
    assert "not both" in sentence(drawn, "--board", "8x6", "--charuco", "5x7", *target)
    assert "OpenCV has no such one" in sentence(drawn, "--charuco", "5x7", "--dictionary", "DICT_X", *target)
    assert "0 of 8 photographs can be used" in sentence(drawn, "--board", "11x5", *target)
    assert "ends in .toml" in sentence(drawn, "--to", tmp_path / "a.json")
    blank = tmp_path / "blank"
    blank.mkdir()
    for number in range(4):
        cv2.imwrite(str(blank / f"{number}.png"), np.full((480, 640), 90, np.uint8))
    assert "say which it is: --board 9x6" in sentence(blank, *target)


def test_without_opencv_the_command_to_type_is_said(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def missing(name: str, *rest: Any) -> Any:
        if name == "cv2":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(calibrate_boards.importlib, "import_module", missing)
    assert sentence(drawn) == "calibrate needs OpenCV: pip install 'vpengine[calibrate]'"


@needs_real
def test_a_wide_lens_as_it_is(tmp_path: Path) -> None:
    """24 photographs of an action camera; OpenCV's own answer is fx 560.8, and one does not show the board whole."""
    target = tmp_path / "wide.toml"
    result = run(REAL / "gopro_checkerboard_8x6", "--sensor-width", 6.17, "--to", target)
    assert result.exit_code == 0, result.output or result.exception
    assert "GOPR0055.jpg: left out: the whole checkerboard" in result.stderr
    assert "23 used, 1 left out" in result.stdout
    rms = float(result.stdout.partition("\nrms: ")[2].partition(" px")[0])
    assert rms < 0.6
    (entry,) = read_lens_file(target).entries
    assert entry.pinhole_focal_length_mm / 6.17 * 1280 == pytest.approx(560.8, rel=5e-3)
    assert "percent of the picture lies beyond" in result.stderr  # and five coefficients do not reach its corners


@needs_real
def test_a_charuco_board_as_it_is(tmp_path: Path) -> None:
    """The photographs agree so much that the focal length is open to some percent or more, and that is told."""
    result = run(REAL / "charuco_5x7", "--to", tmp_path / "a.toml")
    assert result.exit_code == 0, result.output or result.exception
    assert "board: ChArUco board of 5 x 7 squares, DICT_6X6_250" in result.stdout
    assert "occluded.jpg: 0." in result.stdout  # a part of the board does
    known = re.search(r"the focal length is known to ([0-9.]+) percent only", result.stderr)
    assert known is not None
    assert float(known[1]) > 3.0
    (entry,) = read_lens_file(tmp_path / "a.toml").entries
    assert entry.pinhole_focal_length_mm / 36.0 * 640 == pytest.approx(452.5, rel=0.05)
