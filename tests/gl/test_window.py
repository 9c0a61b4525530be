"""Output windows for real: a virtual X display, two windows, a screenshot, known colours at known places."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageGrab

from vpengine.app import App, RunOptions
from vpengine.errors import UserError
from vpengine.frames.frame_input import Tick
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, write
from vpengine.gpu.window import Windows
from vpengine.output.output import Surroundings
from vpengine.output.window import WindowOutput, WindowSettings

pytestmark = pytest.mark.alone

WALL = (200, 100)


def wall_pattern() -> NDArray[np.uint8]:
    """Every pixel names its place: red is the column, green the row, blue marks the upper left quarter."""
    y, x = np.mgrid[: WALL[1], : WALL[0]]
    blue = np.where((x < WALL[0] // 2) & (y < WALL[1] // 2), 255, 0)
    return np.stack([x, y, blue, np.full_like(x, 255)], axis=-1).astype(np.uint8)


def _tick(number: int) -> Tick:
    return Tick(number, number / 24, Fraction(24))


def show_windows(screenshot: Path) -> None:
    """Run in a process of its own, so that a display and GLFW's state cannot reach other tests."""
    keys: list[str] = []
    now_s = [10.0]
    windows = Windows(keys.append, clock=lambda: now_s[0])
    whole = WindowOutput(WindowSettings(position=(20, 30)), "wall", Surroundings(windows=windows))
    part = WindowOutput(
        WindowSettings(position=(300, 200), region=(50, 20, 40, 30), size=(80, 60)),
        "wall",
        Surroundings(windows=windows),
    )
    target = Target(windows.context, WALL, dtype="f1")
    going_on = True
    for number in range(3):
        picture = wall_pattern() if number == 2 else np.zeros_like(wall_pattern())
        write(target.color, picture)
        for output in (whole, part):
            output.show(target.color)
            going_on = output.present(_tick(number))
        windows.poll()
    windows.context.finish()
    ImageGrab.grab(xdisplay="").save(screenshot)
    closing = [windows.should_close]
    for step_s in (0.0, 2.5, 1.5):  # the second comes too late to count with the first
        now_s[0] += step_s
        _press(windows)
        closing.append(windows.should_close)
    filtering = target.color.filter
    windows.close()
    windows.close()
    print(json.dumps([going_on, closing, keys, filtering]))


def _press(windows: Windows) -> None:
    """What GLFW calls for a press of A that is held, for one with Ctrl, then for a press of Esc."""
    for key, action, modifiers in (
        (65, 1, 0),
        (65, 2, 0),
        (65, 0, 0),
        (65, 1, 2),
        (65, 0, 2),
        (256, 1, 0),
        (256, 0, 0),
    ):
        windows._key(None, key, 0, action, modifiers)


def _run(display: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    if display is not None:
        environment["DISPLAY"] = display
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def shown(display: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[NDArray[np.uint8], list[object]]:
    path = tmp_path_factory.mktemp("window") / "screen.png"
    done = _run(display, str(path))
    assert done.returncode == 0, done.stderr
    return np.asarray(Image.open(path).convert("RGB")), json.loads(done.stdout.splitlines()[-1])


def test_the_whole_wall_stands_pixel_for_pixel_at_its_place(shown: tuple[NDArray[np.uint8], list[object]]) -> None:
    screen, _ = shown
    window = screen[30 : 30 + WALL[1], 20 : 20 + WALL[0]]
    np.testing.assert_array_equal(window, wall_pattern()[..., :3])
    assert not screen[30:130, 10:19].any(), "nothing is drawn beside the window"


def test_a_region_is_cut_out_and_scaled_to_its_window(shown: tuple[NDArray[np.uint8], list[object]]) -> None:
    screen, _ = shown
    window = screen[200:260, 300:380].astype(float)
    halved = window.reshape(30, 2, 40, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(halved[2:-2, 2:-2, :2], wall_pattern()[22:48, 52:88, :2], atol=1.0)


def test_escape_twice_ends_and_keys_are_told(shown: tuple[NDArray[np.uint8], list[object]]) -> None:
    """One key hit by mistake does not end a show: it takes two within two seconds."""
    going_on, closing, keys, filtering = shown[1]
    assert going_on
    assert closing == [False, False, False, True]
    assert keys == ["a", "escape"] * 3
    assert filtering == [0x2601, 0x2601], "a window must not change the sampling of the wall's texture"


def headless_wall(stage: Path, controls: tuple[tuple[str, str], ...]) -> NDArray[np.uint8]:
    """What the stage's wall shows when it rests: (height, width, 3)."""
    with App(RunOptions(stage, headless=True, unpaced=True, controls=controls)) as app:
        app.wait_until_ready()
        app.run_frames(3)
        return download(app.loop.executor.pictures["wall:main"].color)[..., :3].astype(np.uint8)


def part_of_screen(display: str, left: int, top: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    box = (left, top, left + size[0], top + size[1])
    return np.asarray(ImageGrab.grab(xdisplay=display).convert("RGB").crop(box))


def grab_when_shown(display: str, engine: subprocess.Popen[str]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both windows, once there is something in them and the engine has had a second more."""
    while engine.poll() is None and not part_of_screen(display, 40, 50, (192, 96)).any():
        time.sleep(0.1)
    time.sleep(1.0)
    assert engine.poll() is None, engine.stderr.read() if engine.stderr else ""
    return part_of_screen(display, 40, 50, (192, 96)), part_of_screen(display, 300, 200, (64, 32))


def test_the_whole_app_shows_its_wall_in_windows(display: str, small_stage: Path, tmp_path: Path) -> None:
    """Two windows of a running engine have the pixels that the same stage has without any; the stage's rate is kept."""
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    windows = 'kind = "window"\nposition = [40, 50]\nwall = "main"\n'
    windows += '[[output]]\nkind = "window"\nposition = [300, 200]\nregion = [64, 32, 64, 32]'
    small_stage.write_text(text.replace('kind = "headless"', windows), encoding="utf-8")
    still = (("wall.dither", "off"),)
    expected = headless_wall(small_stage, still)
    report, take = tmp_path / "report.json", tmp_path / "take"
    command = [sys.executable, "-m", "vpengine", "run", str(small_stage), "--seconds", "4", "--set", "wall.dither=off"]
    with subprocess.Popen(
        [*command, "--report", str(report), "--log", str(take)],
        env={**os.environ, "DISPLAY": display},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as engine:
        whole, part = grab_when_shown(display, engine)
        _, said = engine.communicate(timeout=60)
    assert engine.returncode == 0, said
    assert expected.std() > 10.0
    np.testing.assert_array_equal(whole, expected)
    np.testing.assert_array_equal(part, expected[32:64, 64:128])
    figures = json.loads(report.read_text(encoding="utf-8"))
    assert figures["frames"] + figures["skipped_ticks"] == pytest.approx(96, abs=5)
    lines = [json.loads(line) for line in (take / "frames.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["tick"][0] for line in lines] == sorted({line["tick"][0] for line in lines})


def test_no_display_says_so_and_names_headless() -> None:
    done = _run(None, "no display")
    assert done.returncode == 2
    assert "no display" in done.stdout
    assert "--headless" in done.stdout


if __name__ == "__main__":
    try:
        show_windows(Path(sys.argv[1]))
    except UserError as error:
        print(error)
        sys.exit(2)
