"""The green-screen stage that is not there: where things lie, what a pixel is made of, what the lens does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from tests.green_stage import (
    LENS,
    SIZE,
    TOML,
    dark_spot,
    edge,
    green_stage,
    looking,
    projected,
    standing,
)
from vpengine.cli.main import app
from vpengine.gpu.gpu import Gpu
from vpengine.sim.green_set import MARKER_M
from vpengine.sim.green_stage import GreenStage, shutter
from vpengine.sim.recorded import rec709_linear, recorded
from vpengine.tracking.moves import whip
from vpengine.tracking.tum import read_tum
from vpengine.view.opencv_lens import from_opencv
from vpengine.view.timecode import Timecode

cv2 = pytest.importorskip("cv2")

Array = NDArray[Any]
SLANTED = looking(-0.9, -0.4, 1.5, -9.0, -7.0, 3.0)
CLOSE = looking(0.2, 0.6, 1.55, -10.0, -1.0)


@pytest.fixture(scope="module")
def stage(gpu: Any) -> Iterator[GreenStage]:
    made = green_stage(Gpu(gpu))
    yield made
    made.release()


def test_markers_lie_where_a_pinhole_puts_them(stage: GreenStage) -> None:
    """On the screen, and on the floor before it."""
    green = stage.draw("screen", standing(SLANTED))[..., 1]
    found = {"screen": 0, "floor": 0}
    for marker in stage.markers:
        place = projected(marker.centre_m[None], SLANTED, LENS, SIZE)[0]
        ends = [marker.centre_m + sign * 0.5 * MARKER_M * arm for arm in (marker.across, marker.up) for sign in (-1, 1)]
        reach_px = 2.0 + np.abs(projected(np.array(ends), SLANTED, LENS, SIZE) - place).max()
        if np.all(place > reach_px + 2.0) and np.all(place < np.array(SIZE) - reach_px - 2.0):
            assert np.abs(dark_spot(green, place, reach_px) - place).max() < 0.3, marker
            found["screen" if abs(marker.facing[2]) < 0.5 else "floor"] += 1
    assert found["screen"] >= 6
    assert found["floor"] >= 2


def test_the_screens_corner_lies_where_a_pinhole_puts_it(stage: GreenStage) -> None:
    """The upper left one: its edges are followed, and cross there."""
    pose = looking(-0.9, -0.4, 1.5, 12.0, 8.0)
    green = stage.draw("screen", standing(pose))[..., 1]
    corner, below, beside = projected(
        np.array([[-2.5, 4.0, 3.1], [-2.5, 4.0, 2.1], [-1.5, 4.0, 3.1]]), pose, LENS, SIZE
    )
    rows = np.arange(int(corner[1]) + 8, int(corner[1]) + 40)
    left = np.polyfit(
        rows + 0.5,
        [
            edge(green[row], round(float(np.interp(row + 0.5, (corner[1], below[1]), (corner[0], below[0])))))
            for row in rows
        ],
        1,
    )
    columns = np.arange(int(corner[0]) + 8, int(corner[0]) + 40)
    top = np.polyfit(
        columns + 0.5,
        [
            edge(
                green[:, column], round(float(np.interp(column + 0.5, (corner[0], beside[0]), (corner[1], beside[1]))))
            )
            for column in columns
        ],
        1,
    )
    y = (top[0] * left[1] + top[1]) / (1.0 - top[0] * left[0])
    assert np.abs(np.array([np.polyval(left, y), y]) - corner).max() < 0.3


def test_a_picture_is_foreground_over_screen_but_for_spill(stage: GreenStage) -> None:
    """Spill adds light, green above all, and only on the actor."""
    moments = standing(CLOSE)
    picture, foreground, screen = (stage.draw(layer, moments) for layer in ("picture", "foreground", "screen"))
    alpha = foreground[..., 3:]
    assert picture[..., 3] == pytest.approx(alpha[..., 0], abs=1e-6)
    rest = picture[..., :3] - foreground[..., :3] - (1.0 - alpha) * screen[..., :3]
    beside, within = alpha[..., 0] == 0.0, alpha[..., 0] == 1.0
    assert np.abs(rest[beside]).max() < 1e-3
    assert rest[within].min() > -1e-3
    assert np.percentile(np.abs(rest[~beside & ~within][:, [0, 2]]), 97) < 0.015  # where next to nothing is spilled
    assert np.percentile(rest[~beside & ~within], 3) > -0.005
    red, green, blue = rec709_linear(rest[within]).mean(axis=0)
    assert green > 0.002
    assert green > 2.0 * max(red, blue)  # skin and coat give back twice as much of the little red that there is
    outline = within & binary_dilation(beside, iterations=4)
    assert rec709_linear(rest[outline])[:, 1].mean() > 1.5 * green


def test_alpha_is_exact_at_its_ends_and_hair_is_in_between(stage: GreenStage) -> None:
    """Strands stand off the head by more than an edge is wide."""
    alpha = stage.draw("foreground", standing(CLOSE))[..., 3]
    assert alpha.min() == 0.0
    assert alpha.max() == pytest.approx(1.0, abs=1e-3)
    assert (alpha == 1.0).sum() > 10_000
    head = slice(0, int(np.argmax((alpha == 1.0).any(axis=1))) + 60)
    off = ~binary_dilation(alpha > 0.97, iterations=3)
    strands = (alpha > 0.03) & (alpha < 0.97) & off
    assert strands[head].sum() > 60


def test_a_foreground_without_spill_is_not_green(stage: GreenStage) -> None:
    foreground = stage.draw("foreground", standing(CLOSE))
    there = foreground[foreground[..., 3] > 0.99]
    assert (there[:, 1] < 1.05 * there[:, 0]).mean() > 0.97


def test_a_lens_moves_a_marker_as_opencv_says(gpu: Any) -> None:
    matrix = np.array([[520.0, 0.0, 323.0], [0.0, 520.0, 176.0], [0.0, 0.0, 1.0]])
    coefficients = np.array([-0.22, 0.06, 0.002, -0.001, 0.0])
    lens = from_opencv(matrix, coefficients, SIZE, 24.89)
    bent = green_stage(Gpu(gpu), lens)
    green = bent.draw("screen", standing(SLANTED))[..., 1]
    axes = Rotation.from_euler("ZXY", [-9.0, -7.0, 3.0], degrees=True).as_matrix().T
    world_to_cv = np.stack([axes[0], -axes[2], axes[1]])
    rotation, _ = cv2.Rodrigues(world_to_cv)
    offset = -world_to_cv @ np.array(SLANTED.position_m)
    checked = 0
    for marker in bent.markers:
        if abs(marker.facing[2]) > 0.5:
            continue
        centre = marker.centre_m.reshape(1, 1, 3)
        place = cv2.projectPoints(centre, rotation, offset, matrix, coefficients)[0].reshape(2) + 0.5
        straight = cv2.projectPoints(centre, rotation, offset, matrix, None)[0].reshape(2) + 0.5
        if np.all(place > 20.0) and np.all(place < np.array(SIZE) - 20.0):
            assert np.abs(dark_spot(green, place, 14.0) - place).max() < 0.3
            checked += int(np.abs(place - straight).max() > 2.0)
    bent.release()
    assert checked >= 3


@pytest.mark.slow
def test_the_same_seed_makes_the_same_picture(stage: GreenStage, gpu: Any) -> None:
    moments = standing(CLOSE, 1.3)
    first = stage.draw("picture", moments)
    same, other = green_stage(Gpu(gpu)), green_stage(Gpu(gpu), seed=2)
    assert np.array_equal(same.draw("picture", moments), first)
    assert np.abs(other.draw("picture", moments) - first).mean() > 1e-3
    for made in (same, other):
        made.release()
    label = Timecode(0, 0, 0, 0)
    films = [
        recorded(first[..., :3], number, 0.0, label, 1.0, seed) for number, seed in ((3, 1), (3, 1), (4, 1), (3, 2))
    ]
    assert np.array_equal(films[0].planes[0], films[1].planes[0])
    assert not np.array_equal(films[0].planes[0], films[2].planes[0])
    assert not np.array_equal(films[0].planes[0], films[3].planes[0])


def test_the_actor_moves_and_its_feet_stay(stage: GreenStage) -> None:
    """It breathes and shifts its weight: its head goes by some pixels within a second, its feet by next to nothing."""
    pose = looking(0.6, -1.6, 1.0, 0.0, -1.0)
    alphas = [stage.draw("foreground", standing(pose, time_s))[..., 3] for time_s in (0.0, 0.9, 1.8)]
    rows = np.nonzero(alphas[0].max(axis=1) == 1.0)[0]
    head, feet = slice(rows[0], rows[0] + 40), slice(rows[-1] - 8, rows[-1])
    moved = [np.abs(alpha - alphas[0]) for alpha in alphas[1:]]
    assert max(part[head].sum() for part in moved) > 60.0
    assert max(part[feet].sum() for part in moved) < 12.0


def test_a_fast_camera_is_blurred_without_ghosts(stage: GreenStage) -> None:
    """A marker that a whip pan draws out is faint all along its way, not dark in some places of it."""
    move = whip(1)
    still, fast = (shutter(lambda t: move(t) or SLANTED, LENS, SIZE[0], at, 1.0 / 48.0) for at in (0.5, 1.175))
    assert len(still) == 4
    assert [moment.time_s for moment in still] == pytest.approx(0.5 + (np.arange(4) - 1.5) / 192.0)
    assert len(fast) > 8
    few = [fast[index] for index in np.linspace(0, len(fast) - 1, 4).round().astype(int)]
    smooth, ghosts = (np.abs(np.diff(stage.draw("screen", moments)[..., 1], axis=1)) for moments in (fast, few))
    assert smooth.max() < 0.6 * ghosts.max()


@pytest.mark.slow
def test_the_command_writes_a_film_with_its_truth(tmp_path: Path, gpu: Any) -> None:
    file = tmp_path / "green.toml"
    file.write_text(TOML)
    (tmp_path / "show.toml").write_text(
        'version = 1\n[show]\nname = "Test"\n[[scene]]\nslug = "first"\nplate.kind = "pattern"\n'
    )
    common = ["--seconds", "0.125", "--size", "160x90", "--noise", "0"]
    for name, more in (("a", ["--alpha"]), ("b", ["--delay-frames", "1"])):
        result = CliRunner().invoke(
            app, ["simulate-picture", str(file), "dolly", "--out", str(tmp_path / name), *common, *more]
        )
        assert result.exit_code == 0, result.output
    on_time, late = (_frames(tmp_path / name / "picture.mkv") for name in ("a", "b"))
    assert [frame.format.name for frame in on_time] == ["yuv422p10le"] * 3
    assert (on_time[0].colorspace, on_time[0].color_range, on_time[0].color_trc) == (1, 1, 1)
    with av.open(str(tmp_path / "a" / "picture.mkv")) as container:
        assert container.metadata["TIMECODE"] == "00:00:00:00"
    assert np.array_equal(_luma(late[1]), _luma(on_time[0]))
    assert np.array_equal(_luma(late[2]), _luma(on_time[1]))
    alpha = _frames(tmp_path / "a" / "alpha.mkv")[0].to_ndarray()
    assert (alpha.dtype, alpha.min(), alpha.max()) == (np.uint16, 0, 65535)
    foreground = _frames(tmp_path / "a" / "foreground.mkv")[0].to_ndarray(format="gbrp16le")
    assert foreground[alpha == 0].max() == 0
    track = read_tum(tmp_path / "a" / "track.tum")
    assert track.times_s[:3] == pytest.approx(np.arange(3) / 120.0, abs=1e-8)
    assert track.positions_m[0] == pytest.approx((-1.0, -0.5, 1.6))
    assert (tmp_path / "a" / "lens.toml").is_file()
    assert not (tmp_path / "b" / "alpha.mkv").exists()


def _frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def _luma(frame: av.VideoFrame) -> Array:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint16).reshape(-1, plane.line_size // 2)[:, : frame.width].copy()
