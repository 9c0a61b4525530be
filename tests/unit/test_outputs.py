"""Where commands write: never over what is there, refused before the work, and nothing left."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import typer

from vpengine.cli import demo, film, run
from vpengine.cli.bench import bench
from vpengine.cli.outputs import clear_stale, file_for, folder_for, passing_take, take_for
from vpengine.cli.run import split_sets
from vpengine.cli.signals import deaf_to_hangup
from vpengine.errors import UserError
from vpengine.files import read_files
from vpengine.stage.shipped import stage_folder
from vpengine.takes.report import write_report

LINUX = sys.platform == "linux"


def test_a_new_name_is_taken_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "film.mp4"
    assert file_for("--record", path, False) == path
    assert capsys.readouterr().err == ""
    path.write_bytes(b"film")
    assert file_for("--record", path, False) == tmp_path / "new" / "film-2.mp4"
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "film.mp4 is there already: this goes to " in told
    assert "film-2.mp4" in told
    (tmp_path / "new" / "film-2.mp4").write_bytes(b"film")
    assert file_for("--record", path, False).name == "film-3.mp4"
    assert file_for("--record", path, True) == path
    assert path.read_bytes() == b"film"
    assert sorted(item.name for item in path.parent.iterdir()) == ["film-2.mp4", "film.mp4"]


def test_an_empty_file_is_nothing_to_lose(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.touch()
    assert file_for("--report", path, False) == path


@pytest.mark.parametrize("there", ["frames.jsonl", "run.json", "keyframes"])
def test_a_take_is_never_written_over(tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]) -> None:
    take = tmp_path / "take.v1"
    assert take_for("--log", take, False) == take
    (take / there).mkdir()
    assert take_for("--log", take, False) == tmp_path / "take.v1-2"
    assert f"{take} is there already: this goes to {take}-2 (--force overwrites)\n" == capsys.readouterr().err
    assert (take / there).exists()


def test_a_forced_take_keeps_nothing_of_the_old_one_and_all_that_is_not_of_a_take(tmp_path: Path) -> None:
    (tmp_path / "keyframes").mkdir()
    (tmp_path / "keyframes" / "7.npz").write_bytes(b"old")
    (tmp_path / "frames.jsonl").write_text("old", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert take_for("--log", tmp_path, True) == tmp_path
    assert [item.name for item in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_with_other_things_is_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").touch()
    names = ("camera.mp4", "contact.png")
    assert folder_for("--out", tmp_path, names, False) == tmp_path
    (tmp_path / "contact.png").touch()
    assert folder_for("--out", tmp_path, names, False) == tmp_path.with_name(f"{tmp_path.name}-2")
    monkeypatch.chdir(tmp_path)
    assert folder_for("--out", Path(), names, False).name == f"{tmp_path.name}-3"


@pytest.mark.skipif(not LINUX, reason="no such places on this system")
@pytest.mark.parametrize("path", ["a folder", "/proc/no/report.json", "/proc/report.json", "a file/x.json", "x" * 400])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").touch()
    monkeypatch.setattr(run, "run_stage", never)
    monkeypatch.setattr("vpengine.cli.bench.MEASURES", {"x": never})
    with pytest.raises(UserError, match=r"^--report [^\n]*: (is a folder|cannot be written)"):
        run.run(Path("stage.toml"), report=tmp_path / path)
    with pytest.raises(UserError, match=r"^--record [^\n]*: (is a folder|cannot be written)"):
        run.run(Path("stage.toml"), record=tmp_path / path)
    with pytest.raises(UserError, match=r"^--json [^\n]*: (is a folder|cannot be written)"):
        bench(tmp_path / path)


@pytest.mark.skipif(not LINUX, reason="no such places on this system")
@pytest.mark.parametrize("path", ["a file", "a file/x", "/proc/x", "x" * 400])
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setattr(film, "count_frames", lambda _: 3)
    monkeypatch.setattr(run, "run_stage", never)
    monkeypatch.setattr(demo, "run_stage", never)
    monkeypatch.setattr(film, "make_films", never)
    led = read_files(stage_folder() / "led_volume.toml", None)
    monkeypatch.setattr(film, "read_take", lambda *_: led)
    monkeypatch.setattr(run, "read_files", lambda *_: None)
    with pytest.raises(UserError, match=r"^--log [^\n]*: (is a file|cannot be written)"):
        run.run(Path("stage.toml"), log=tmp_path / path)
    with pytest.raises(UserError, match=r"^--out [^\n]*: (is a file|cannot be written)"):
        film.film(tmp_path, tmp_path / path)
    with pytest.raises(UserError, match=r"^--out [^\n]*: (is a file|cannot be written)"):
        demo.demo(tmp_path / path)


def never(*_: object) -> None:
    raise AssertionError("the work has begun")


def test_a_passing_take_leaves_nothing(tmp_path: Path) -> None:
    with passing_take(tmp_path / "film.mp4") as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(f".vpengine-{os.getpid()}-")
        (folder / "frames.jsonl").write_text("a line", encoding="utf-8")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), passing_take(tmp_path / "film.mp4"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_take_whose_film_cannot_be_made_is_kept_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        with passing_take(tmp_path / "film.mp4") as folder:
            (folder / "frames.jsonl").write_text("a line", encoding="utf-8")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        failing()
    assert (tmp_path / "film-take" / "frames.jsonl").read_text(encoding="utf-8") == "a line"
    assert capsys.readouterr().err == f"the run itself is kept: vpengine film {tmp_path / 'film-take'}\n"
    with pytest.raises(OSError, match="No space"):
        failing()
    assert {item.name for item in tmp_path.iterdir()} == {"film-take", "film-take-2"}


def test_only_what_the_dead_have_left_is_cleared(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    names = [f".vpengine-{ended.pid}-a", f".vpengine-{os.getpid()}-b", ".vpengine-x-c", ".vpengine"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "frames.jsonl").touch()
    (tmp_path / f".vpengine-{ended.pid}-report.json").touch()
    clear_stale(tmp_path)
    assert {item.name for item in tmp_path.iterdir()} == set(names[1:])


def test_a_report_is_strict_json_and_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.json"
    write_report(path, {"frames": 3, "age": math.inf, "of": [math.nan, 1.5], "name": "舞台"})
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == {"frames": 3, "age": None, "of": [None, 1.5], "name": "舞台"}

    def full(self: Path, *_: object, **__: object) -> None:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(UserError, match=r"report\.json: cannot be written \(No space left on device\)"):
        write_report(path, {"frames": 4})
    assert path.read_bytes().decode() == text
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.skipif(not LINUX, reason="no such device on this system")
def test_a_report_on_a_full_disk_is_one_sentence() -> None:
    assert file_for("--report", Path("/dev/full"), False) == Path("/dev/full")
    with pytest.raises(UserError, match=r"^/dev/full: cannot be written \(No space left on device\)$"):
        write_report(Path("/dev/full"), {"frames": 4})


class FakeApp:
    """An App whose show fails, or is stopped, after three frames."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> FakeApp:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> FakeApp:
        return self

    def wait_until_ready(self) -> None: ...

    def receives(self) -> list[str]:
        return []

    def run(self, *_: object) -> None:
        raise RuntimeError("a fault")

    def report(self) -> dict[str, int]:
        return {"frames": 3}


def test_a_run_that_fails_leaves_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "App", FakeApp)
    monkeypatch.setattr(run, "read_files", lambda *_: None)
    with pytest.raises(RuntimeError, match="a fault"):
        run.run(tmp_path / "stage.toml", report=tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8")) == {"frames": 3}


def test_a_film_is_made_also_where_the_report_could_not_be_written(
    small_stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorded(options: run.RunOptions, *_: object) -> None:
        assert options.log_folder is not None
        (options.log_folder / "frames.jsonl").write_text("a line", encoding="utf-8")
        raise UserError("report: cannot be written")

    filmed: list[Path] = []
    monkeypatch.setattr(run, "run_stage", recorded)
    monkeypatch.setattr(run, "film_run", lambda take, record: filmed.append(record))
    with pytest.raises(UserError, match="report: cannot be written"):
        run.run(small_stage, record=small_stage.with_name("film.mp4"), report=small_stage.with_name("r.json"))
    assert filmed == [small_stage.with_name("film.mp4")]


@pytest.mark.parametrize("plates", [{}, {"old town": "dome.jpg: cannot be read"}])
def test_a_plate_that_was_missing_is_an_exit_code_and_keeps_no_take(
    small_stage: Path, monkeypatch: pytest.MonkeyPatch, plates: dict[str, str]
) -> None:
    def recorded(options: run.RunOptions, *_: object) -> dict[str, object]:
        assert options.log_folder is not None
        (options.log_folder / "frames.jsonl").write_text("a line", encoding="utf-8")
        return {"plates": plates}

    monkeypatch.setattr(run, "run_stage", recorded)
    monkeypatch.setattr(run, "film_run", lambda take, record: record.write_bytes(b"film"))
    with pytest.raises(typer.Exit) if plates else nullcontext() as ended:
        run.run(small_stage, record=small_stage.with_name("film.mp4"))
    assert ended is None or ended.value.exit_code == 1
    assert {item.name for item in small_stage.parent.iterdir()} == {"stage.toml", "show.toml", "film.mp4"}


@pytest.mark.parametrize("mistake", ["--set", "stage"])
def test_a_mistake_costs_no_take(small_stage: Path, mistake: str) -> None:
    """Nothing is deleted, nor made, before stage, show and --set are known to be good."""
    take = small_stage.parent / "take"
    take.mkdir()
    (take / "frames.jsonl").write_text("a line", encoding="utf-8")
    sets = ["nothing"] if mistake == "--set" else []
    if mistake == "stage":
        small_stage.write_text("version = 2", encoding="utf-8")
    with pytest.raises(UserError):
        run.run(small_stage, log=take, record=small_stage.with_name("f.mp4"), sets=sets, force=True)
    assert (take / "frames.jsonl").read_text(encoding="utf-8") == "a line"
    assert {item.name for item in small_stage.parent.iterdir()} == {"stage.toml", "show.toml", "take"}
    assert split_sets(["a = 1"]) == (("a", "1"),)


@pytest.mark.skipif(not LINUX, reason="no such device on this system")
def test_a_film_goes_into_a_file_and_that_is_known_before(small_stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_stage", never)
    with pytest.raises(UserError, match=r"^--record /dev/null: is not a file"):
        run.run(small_stage, record=Path("/dev/null"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no hangup on this system")
def test_deaf_to_hangup_is_so_only_inside() -> None:
    import signal  # noqa: PLC0415  SIGHUP is not on every system

    before = signal.getsignal(signal.SIGHUP)
    with deaf_to_hangup():
        os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == before
