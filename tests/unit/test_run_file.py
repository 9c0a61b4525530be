"""run.json: a take knows the files it was made with, and a film of it says which of them changed since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vpengine.cli.film import read_take
from vpengine.errors import ProblemsError, UserError
from vpengine.takes.run_file import read_run, write_run


@pytest.fixture
def take(small_stage: Path) -> Path:
    folder = small_stage.parent / "take"
    folder.mkdir()
    write_run(folder, small_stage, small_stage.with_name("show.toml"))
    return folder


def edit(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8") + "# one more line\n", encoding="utf-8")


def test_a_take_of_the_same_files_is_read_in_silence(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = read_take(take)
    assert (files.stage.name, files.show.name) == ("Test", "Test")
    assert (files.stage.file, files.show.file) == (take.parent / "stage.toml", take.parent / "show.toml")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("names", [["stage.toml"], ["show.toml"], ["stage.toml", "show.toml"]])
def test_what_changed_since_is_told_in_one_sentence(
    take: Path, names: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [take.parent / name for name in names]
    for path in paths:
        edit(path)
    assert read_run(take).changed() == paths
    assert read_take(take).stage.name == "Test"  # it goes on
    told = " and ".join(map(str, paths))
    sentence = f"{take}: {told} changed since this take was made; the film is drawn from the files as they are now\n"
    assert capsys.readouterr() == ("", sentence)


def test_files_are_compared_by_content(take: Path) -> None:
    """Saved again, or changed and changed back, they are the same."""
    stage = take.parent / "stage.toml"
    data = stage.read_bytes()
    edit(stage)
    stage.write_bytes(data)
    assert read_run(take).changed() == []


def test_a_file_that_is_gone_is_an_error_not_a_change(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (take.parent / "show.toml").unlink()
    with pytest.raises(ProblemsError, match=r"show\.toml: no such file"):
        read_take(take)
    assert capsys.readouterr().err == ""


def test_a_take_of_an_older_version_has_no_hashes(take: Path) -> None:
    path = take / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    del run["sha256"]
    path.write_text(json.dumps(run), encoding="utf-8")
    edit(take.parent / "stage.toml")
    assert read_run(take).changed() == []


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "{}", '{"stage": "x"}', '{"stage": 1, "show": 2}', '{"stage": "", "show": "", "sha256": 1}']
)
def test_what_is_no_take_says_so(take: Path, text: str) -> None:
    (take / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"take: not a take: run\.json "):
        read_run(take)
