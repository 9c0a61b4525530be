"""The demo's green screen: its recording is cut to the part that is shown, a picture for every tick."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vpengine.cli import demo_green_screen
from vpengine.cli.demo_green_screen import _cut, _Seen, _sheet
from vpengine.output.film import Film

SIZE = (64, 36)


def level(picture: np.ndarray) -> int:
    return round(float(picture.mean()))


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Thirty pictures, each a little lighter, of ticks 100 to 129."""
    monkeypatch.setattr(demo_green_screen, "SIZE", SIZE)
    monkeypatch.setattr(demo_green_screen, "SECONDS", 0.5)
    with Film(tmp_path / "composite.mp4", SIZE, Fraction(24)) as film:
        for number in range(30):
            film.write(np.full((SIZE[1], SIZE[0], 3), 20 + 6 * number, np.uint8))
    return tmp_path / "composite.mp4"


def test_it_begins_where_the_move_does(recording: Path, tmp_path: Path) -> None:
    seen = _Seen({tick: tick - 90 for tick in range(100, 130)}, begin_tick=110)
    shown = _cut(recording, tmp_path / "greenscreen.mp4", seen)
    assert [level(picture) for picture in shown] == pytest.approx([20 + 6 * (10 + n) for n in range(12)], abs=4)
    with av.open(str(tmp_path / "greenscreen.mp4")) as container:
        assert len(list(container.decode(video=0))) == 12


def test_the_sheet_shows_the_camera_s_picture_of_each_moment(recording: Path, tmp_path: Path) -> None:
    seen = _Seen({tick: tick - 100 for tick in range(100, 130)}, begin_tick=110)
    shown = _cut(recording, tmp_path / "greenscreen.mp4", seen)
    sheet = _sheet(shown, recording, seen)  # the recording stands in for what the camera sent
    row = sheet[10 : 10 + SIZE[1] // 2]
    left, right = row[:, 10 : SIZE[0] // 2], row[:, 20 + SIZE[0] : 20 + SIZE[0] + SIZE[0] // 2]
    assert level(left) == pytest.approx(level(right), abs=4)
