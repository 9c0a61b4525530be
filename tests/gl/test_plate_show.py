"""``vpengine plate show``: a show of a crew's own files, and a sheet of how they stand on a stage."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.capturing import counted_film
from vpengine.cli.main import app as cli
from vpengine.errors import UserError
from vpengine.files import read_files
from vpengine.stage.shipped import stage_folder


def picture(path: Path) -> Path:
    Image.new("RGB", (48, 32), (90, 120, 150)).save(path)
    return path


def test_a_show_is_written_that_the_stage_takes(tmp_path: Path) -> None:
    """With a sheet of how they stand; files with the same name have scenes of their own."""
    (tmp_path / "other").mkdir()
    files = [picture(tmp_path / "Café au lait.png"), picture(tmp_path / "other" / "Café au lait.png")]
    files.append(counted_film(tmp_path / "clip.mkv", 60))
    asked = ["plate", "show", *map(str, files), "--stage", str(stage_folder() / "tv.toml")]
    found = CliRunner().invoke(cli, asked)
    assert found.exit_code == 0, found.output
    assert "scene caf-au-lait-2" in found.output
    show = read_files(stage_folder() / "tv.toml", tmp_path / "plates.toml").show
    assert [scene.slug for scene in show.scenes] == ["caf-au-lait", "caf-au-lait-2", "clip"]
    with Image.open(tmp_path / "plates.png") as sheet:
        assert sheet.height > 4 * 540  # the clip stands twice
        assert np.asarray(sheet).std() > 10.0
    again = CliRunner().invoke(cli, asked)
    assert isinstance(again.exception, UserError)
    assert "there already" in str(again.exception)


def test_what_no_plate_shows_is_left_out_and_the_others_stand(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hair: 2 pm", encoding="utf-8")
    asked = ["plate", "show", str(tmp_path / "notes.txt"), str(picture(tmp_path / "a.png")), "--no-sheet"]
    found = CliRunner().invoke(cli, asked)
    assert found.exit_code == 1
    assert "notes.txt: no plate shows files of this kind" in found.stderr
    assert "it is left out" in found.stderr
    show = read_files(stage_folder() / "tv.toml", tmp_path / "plates.toml").show
    assert [scene.slug for scene in show.scenes] == ["a"]


def test_where_none_is_left_no_show_is_written(tmp_path: Path) -> None:
    found = CliRunner().invoke(cli, ["plate", "show", str(tmp_path / "a.png"), str(tmp_path / "b.png")])
    assert "nothing left to show" in str(found.exception)
    assert not (tmp_path / "plates.toml").exists()


def test_a_file_outside_of_the_show_s_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shows").mkdir()
    file = picture(tmp_path / "a.png")
    found = CliRunner().invoke(cli, ["plate", "show", str(file), "--to", str(tmp_path / "shows" / "x.toml")])
    assert isinstance(found.exception, UserError)
    assert "lies outside of the show's folder" in str(found.exception)
    assert not (tmp_path / "shows" / "x.toml").exists()


def test_a_stage_that_is_not_there_is_refused_before_a_show_is_written(tmp_path: Path) -> None:
    asked = ["plate", "show", str(picture(tmp_path / "a.png")), "--no-sheet", "--stage"]
    found = CliRunner().invoke(cli, [*asked, str(tmp_path / "typo.toml")])
    assert isinstance(found.exception, UserError)
    assert not (tmp_path / "plates.toml").exists()
    assert CliRunner().invoke(cli, [*asked, str(stage_folder() / "tv.toml")]).exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no such names on this system")
def test_any_name_that_a_file_may_have_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what FFmpeg takes for a protocol, and a character that no TOML has; one that is no UTF-8 is refused."""
    monkeypatch.chdir(tmp_path)
    files = ["16:9.mkv", "b\x7f.png"]
    counted_film(tmp_path / "a.mkv", 3).rename(files[0])
    picture(tmp_path / files[1])
    strange = os.fsdecode(b"B\xfcro.png")
    picture(tmp_path / strange)
    found = CliRunner().invoke(cli, ["plate", "show", *files, strange, "--no-sheet"])
    assert found.exit_code == 1
    assert "its name is not UTF-8; rename it; it is left out" in found.stderr
    show = read_files(stage_folder() / "tv.toml", Path("plates.toml")).show
    assert [scene.slug for scene in show.scenes] == ["16-9", "b"]


def test_what_fails_leaves_nothing_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["plate", "show", str(picture(tmp_path / "plates.png"))]
    assert "is to be shown, and is not overwritten" in str(CliRunner().invoke(cli, asked).exception)
    asked = ["plate", "show", str(picture(tmp_path / "a.png"))]
    monkeypatch.setattr("vpengine.cli.plate_show.standing", lambda *_: 1 / 0)
    assert isinstance(CliRunner().invoke(cli, asked).exception, ZeroDivisionError)
    assert not (tmp_path / "plates.toml").exists()
