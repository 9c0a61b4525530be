"""``vpengine simulate-picture``'s options, its track, and what it refuses; what it draws is tested with OpenGL."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.conftest import SMALL_SHOW, SMALL_STAGE
from tests.green_stage import TOML
from vpengine.cli.main import app
from vpengine.cli.simulate_picture import Order, held, rate_of, size_of, track_of
from vpengine.errors import UserError
from vpengine.frames.captured import rgb_of
from vpengine.sim.recorded import recorded
from vpengine.tracking.moves import MOVES
from vpengine.tracking.tum import read_tum, write_tum
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.pose import Pose
from vpengine.view.timecode import Timecode

ORDER = Order(0.5, (64, 36), Fraction(24), 1, 0, 1.0, alpha=False)


def refusal(tmp_path: Path, *options: str, move: str = "dolly", text: str = TOML) -> str:
    (tmp_path / "stage.toml").write_text(text)
    (tmp_path / "show.toml").write_text(SMALL_SHOW)
    arguments = ["simulate-picture", str(tmp_path / "stage.toml"), move, "--out", str(tmp_path / "out"), *options]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UserError), result.output
    assert not (tmp_path / "out").exists()
    assert "\n" not in str(result.exception)
    return str(result.exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--size", "641x360"), "--size 641x360: expected even width and height such as 640x360"),
        (("--size", "640"), "--size 640: expected"),
        (("--size", "-640x360"), "--size -640x360: expected"),
        (("--size", "640x99999999"), "--size 640x99999999: expected"),
        (("--rate", "0"), "--rate 0: expected 1 to 240 pictures a second"),
        (("--rate", "24/0"), "--rate 24/0: expected"),
        (("--rate", "film"), "--rate film: expected"),
        (("--seconds", "0"), "--seconds 0: expected more than 0"),
        (("--seconds", "nan"), "--seconds nan: expected"),
        (("--seconds", "-1"), "--seconds -1: expected"),
        (("--camera", "2"), "--camera '2': "),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(tmp_path: Path, options: tuple[str, str], said: str) -> None:
    assert refusal(tmp_path, *options).startswith(said)


def test_a_stage_without_a_screen_and_a_move_that_is_none(tmp_path: Path) -> None:
    assert "no [[screen]]" in refusal(tmp_path, text=SMALL_STAGE)
    assert "did you mean 'dolly'" in refusal(tmp_path, move="doly")


def test_sizes_and_rates_are_read() -> None:
    assert size_of("640x360") == (640, 360)
    assert rate_of("24") == 24
    assert rate_of("24000/1001") == Fraction(24000, 1001)


def test_pictures_are_later_than_their_poses_by_whole_frames() -> None:
    late = Order(0.5, (64, 36), Fraction(24), 1, 3, 1.0, alpha=False)
    assert ORDER.count == 12
    assert [ORDER.time_s(number) for number in (0, 6)] == [0.0, 0.25]
    assert [late.time_s(number) for number in (0, 3)] == [-0.125, 0.0]


def test_a_camera_stands_still_around_its_move_and_in_a_dropout() -> None:
    def move(time_s: float) -> Pose | None:
        return None if 0.4 < time_s < 0.6 else Pose((time_s, 0.0, 0.0))

    at = held(move, 1.0)
    found = [at(time_s).position_m[0] for time_s in (-0.5, 0.25, 0.5, 0.75, 1.0, 3.0)]
    assert found == [0.0, 0.25, 0.25, 0.75, 1.0, 1.0]
    with pytest.raises(UserError, match="no pose at its beginning"):
        held(lambda time_s: None, None)


def test_a_track_is_read_back_as_it_was(tmp_path: Path) -> None:
    move = MOVES["handheld"](3)
    track = track_of(move, ORDER)
    write_tum(tmp_path / "track.tum", track)
    again = read_tum(tmp_path / "track.tum")
    assert again.times_s == pytest.approx(np.arange(61) / 120.0, abs=1e-9)
    pose = move(0.25)
    assert pose is not None
    assert again.positions_m[30] == pytest.approx(pose.position_m, abs=1e-8)
    assert abs(again.rotations[30] @ pose.rotation) == pytest.approx(1.0, abs=1e-12)


def test_light_is_recorded_by_bt_709_with_noise_that_grows_with_it() -> None:
    """18 percent grey is 0.409 of the way from black to white (BT.709-6, item 1.2); what is over white is clipped."""
    label = Timecode(0, 0, 0, 0)
    grey = np.full((64, 64, 3), 0.18, np.float32)
    plain = recorded(grey, 0, 0.0, label, 0.0, 1)
    assert plain.planes[0] == pytest.approx(64 + 876 * 0.409, abs=1.0)
    assert plain.planes[1] == pytest.approx(512, abs=1.0)
    assert recorded(grey * 20.0, 0, 0.0, label, 0.0, 1).planes[0].max() == 940
    spread = [np.std(linear(recorded(grey * level, 0, 0.0, label, 1.0, 1))) for level in (0.2, 1.0, 4.0)]
    assert spread[0] < spread[1] < spread[2]


def linear(frame: object) -> np.ndarray:
    code = rgb_of(frame)[..., 1]  # type: ignore[arg-type]
    return np.where(code < 0.081, code / 4.5, ((np.maximum(code, 0.0) + 0.099) / 1.099) ** (1.0 / 0.45))


def test_a_colour_survives_the_way_to_the_wire_and_back() -> None:
    green = np.array([0.05, 0.3, 0.08])
    light = np.broadcast_to(np.linalg.inv(REC709_FROM_ACESCG) @ green, (8, 8, 3)).astype(np.float32)
    code = rgb_of(recorded(light, 0, 0.0, Timecode(0, 0, 0, 0), 0.0, 1))[4, 4]
    back = ((code + 0.099) / 1.099) ** (1.0 / 0.45)
    assert back == pytest.approx(green, abs=0.003)
