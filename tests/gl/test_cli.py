"""The commands as a user types them: what they print, what they leave, and how they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from tests.cases import slow_but
from tests.stage_text import green_stage
from tests.waiting import until
from vpengine.app import App, RunOptions
from vpengine.cli.main import main
from vpengine.gpu.context import describe
from vpengine.gpu.transfer import download
from vpengine.stage.feeds import feed_size
from vpengine.stage.shipped import stage_folder

LED = stage_folder() / "led_volume.toml"


def vpengine(*arguments: str, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vpengine", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)


def test_check_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(LED.read_text(encoding="utf-8").replace('kind = "osc"', 'kind = "oscc"'), encoding="utf-8")
    good, bad = vpengine("check", str(LED)), vpengine("check", str(broken))
    assert good.returncode == 0
    assert bad.returncode == 1
    assert "did you mean 'osc'?" in bad.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "nowhere.toml", "--headless"), "nowhere.toml"),
        (("run", str(LED), "--headless", "--set", "look.snwo=1"), "did you mean '/vp/look/snow'?"),
        (("run", str(LED), "--headless", "--set", "look.snow"), "expected CONTROL=VALUE"),
        (("run", str(LED), "--headless", "--set", "look.snow=lots"), "expected a number"),
        (("run", str(LED), "--headless", "--set", "look.fog=8"), "'8', expected a number from 0 to 1"),
        (("run", str(LED), "--headless", "--scene", "snow-nigt"), "did you mean 'snow-night'?"),
        (("run", str(LED), "--headless", "--report", str(LED.parent)), "is a folder"),
        (("simulate", "dolly", "--to", "osc://255.255.255.255:9000"), "a broadcast address?"),
        (("film", "nowhere"), "nowhere: not a take"),
        (("simulate", "doly"), "did you mean 'dolly'?"),
        (("bench", "--only", "spede"), "no such measure"),
    ],
)
def test_a_users_mistake_is_one_sentence(
    arguments: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["vpengine", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_mistake_leaves_no_traceback() -> None:
    """The program itself."""
    done = vpengine("run", "nowhere.toml", "--headless")
    assert done.returncode == 2
    assert "nowhere.toml" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_doctor_knows_this_machine(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver by the name that it gives itself; no display is no fault, one that cannot be opened is."""
    monkeypatch.setenv("COLUMNS", "400")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    done = vpengine("doctor")
    assert done.returncode == 0, done.stdout
    assert describe(gpu) in done.stdout
    assert f"{os.cpu_count()} cores" in done.stdout
    monkeypatch.setenv("DISPLAY", ":4242")
    dead = vpengine("doctor")
    assert dead.returncode == 1
    assert "named, but cannot be opened" in dead.stdout


def test_doctor_opens_windows_where_a_show_does(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks for OpenGL without a window too; the one must not hinder the other."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    done = vpengine("doctor")
    assert done.returncode == 0, done.stdout
    assert "monitor 0" in done.stdout


@pytest.mark.alone
def test_a_stage_without_a_wall_runs_and_is_filmed_as_its_cameras_world(small_stage: Path, tmp_path: Path) -> None:
    """Its status line misses no wall."""
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    wall = text[text.index("[[wall]]") : text.index("[[tracking]]")]
    small_stage.write_text(text.replace(wall, "").replace('wall = "main"', 'feed = "world:1"'), encoding="utf-8")
    film = tmp_path / "film.mp4"
    ran = vpengine("run", str(small_stage), "--headless", "--seconds", "1", "--record", str(film))
    assert ran.returncode == 0, ran.stderr
    assert "sees no wall" not in ran.stderr
    assert "composite" not in ran.stderr
    with av.open(str(film)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(pictures) > 12
    assert pictures[0].shape == (82, 144, 3)
    assert pictures[-1].std() > 20.0


@pytest.mark.slow
@pytest.mark.alone
def test_before_a_run_it_is_said_that_its_film_will_have_no_actor(tmp_path: Path) -> None:
    stage, show, film = tmp_path / "stage.toml", tmp_path / "show.toml", tmp_path / "film.mp4"
    stage.write_text(green_stage("composite:1"), encoding="utf-8")
    show.write_text('version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "pattern"\n', encoding="utf-8")
    arguments = ("--show", str(show), "--headless", "--seconds", "0.5", "--record", str(film))
    ran = vpengine("run", str(stage), *arguments)
    assert ran.returncode == 0, ran.stderr
    assert "film.mp4: it will show the world without the camera's picture; both are filmed by" in ran.stderr
    assert 'feed = "composite:1"' in ran.stderr
    assert film.is_file()


@pytest.mark.slow
@pytest.mark.alone  # on the shipped stages' ports
def test_a_run_is_filmed_from_its_log(tmp_path: Path) -> None:
    """A second of the demo stage, then its films: as many frames as were logged, pictures that are not black."""
    take, out, report = tmp_path / "take", tmp_path / "films", tmp_path / "report.json"
    run = vpengine(
        "run", str(LED), "--headless", "--seconds", "1", "--log", str(take), "--report", str(report),
        "--set", "look.snow=0.8", "--set", "exposure.inner=0.5",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    figures = json.loads(report.read_text(encoding="utf-8"))
    for key in ("frames", "work_ms", "interval_ms", "late_frames", "pose_age_ms", "motion_to_present_ms", "generator"):
        assert key in figures
    assert {"packets", "scene", "rss_mb", "machine", "seconds"} <= figures.keys()
    assert {"wall main", "wall ceiling", "plate street, program 1"} <= figures["jobs"].keys()
    assert all(times["cpu_ms_p50"] > 0.0 for times in figures["jobs"].values())
    film = vpengine("film", str(take), "--out", str(out))
    assert film.returncode == 0, film.stderr
    for name in ("camera.mp4", "stage.mp4"):
        with av.open(str(out / name)) as container:
            frames = list(container.decode(video=0))
        assert len(frames) == figures["frames"] + figures["skipped_ticks"]  # the film keeps the run's time
        first, last = (frames[place].to_ndarray(format="gray").astype(int) for place in (0, -1))
        assert first.mean() > 12.0
        assert first.std() > 10.0, "a picture, and no grey card"
        assert np.abs(last - first).max() > 8, "the snow comes, and the film goes on"
    with Image.open(out / "contact.png") as sheet:
        assert sheet.width > 1500
        assert np.asarray(sheet.convert("L")).std() > 20.0


@pytest.mark.slow
@pytest.mark.alone  # on the shipped stages' ports
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM to send on this system")
def test_a_service_managers_stop_ends_a_run_cleanly(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-u", "-m", "vpengine", "run", str(LED), "--headless", "--report", str(report)]
    log = tmp_path / "take" / "frames.jsonl"
    command += ["--log", str(log.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert "Small LED volume" in engine.stdout.readline()
        until(lambda: log.is_file() and b"\n" in log.read_bytes())
        engine.terminate()
        assert engine.wait(120.0) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["frames"] > 0


@pytest.mark.alone  # on the shipped stages' ports
@pytest.mark.usefixtures("street_once")
@pytest.mark.parametrize(
    "name", slow_but("led_volume.toml", sorted(path.name for path in stage_folder().glob("*.toml")))
)
def test_every_shipped_stage_shows_every_feed(name: str) -> None:
    """Each output is given a picture, not a field of one colour, from the first frames on."""
    with App(RunOptions(stage_folder() / name, headless=True, unpaced=True, remember=False)) as app:
        app.run_frames(3)
        made = app.loop.executor.pictures
        pictures = {str(feed): download(made[str(feed)].color)[..., :3].astype(float) for feed in app.loop.feeds}
        feeds = {str(feed): feed_size(app.files.stage, feed) for feed in app.loop.feeds}
    assert {feed: picture.shape[1::-1] for feed, picture in pictures.items()} == feeds
    for feed, picture in pictures.items():
        assert picture.mean() > 5.0, feed
        assert picture.std() > 5.0, feed
