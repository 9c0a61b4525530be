"""A take drawn again by the files of now: of an older version, or by a stage and a show that changed since."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vpengine.app import App, RunOptions
from vpengine.cli.film import Player
from vpengine.control import declared
from vpengine.errors import UserError


@pytest.fixture
def take(small_stage: Path) -> Path:
    """Three frames."""
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    small_stage.write_text(text, encoding="utf-8")
    folder = small_stage.parent / "take"
    with App(RunOptions(small_stage, headless=True, unpaced=True, log_folder=folder, remember=False)) as app:
        app.run_frames(3)
    return folder


def change(take: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    """Every line."""
    path = take / "frames.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        alter(line)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_a_control_that_an_older_take_does_not_know_has_its_default(take: Path) -> None:
    change(take, lambda line: line["controls"].pop(declared.WALL_DITHER, None))
    with Player(take) as player:
        frames = list(player.frames())
        assert player.shoot(frames[-1]).camera.mean() > 1.0
    assert [frame.controls[declared.WALL_DITHER] for frame in frames] == [True] * 3


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        (
            "show.toml",
            'kind = "pattern"',
            'kind = "none"',
            "it shows the place 'pattern', which the show does not have",
        ),
        ("stage.toml", 'id = "1"', 'id = "B"', "its cameras are 1, and the stage's is B"),
    ],
)
def test_files_that_changed_too_much_are_one_sentence(
    take: Path, file: str, before: str, after: str, says: str
) -> None:
    path = take.parent / file
    text = path.read_text(encoding="utf-8").replace(before, after).replace('camera = "1"', f'camera = "{after[6:7]}"')
    path.write_text(text.replace('style = "checker"\n', "") if file == "show.toml" else text, encoding="utf-8")
    with Player(take) as player, pytest.raises(UserError, match=says):
        list(player.frames())


def test_a_keyframe_of_another_resolution_is_one_sentence(take: Path) -> None:
    with Player(take) as player:
        view = type("View", (), {"resolution": (48, 28)})()
        with pytest.raises(UserError, match=r"keyframes are of 48 x 28 pixels, .* resolution is 96 x 56 now"):
            player._redraw("pattern", view, 0)
