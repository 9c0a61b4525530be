"""run.json: a take knows the files it was made with, and a film of it says which of them changed since."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from vpengine.cli.film import read_take
from vpengine.errors import UserError
from vpengine.files import Files, read_files
from vpengine.takes.run_file import note_captured, read_run, write_run


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


def test_a_file_that_is_gone_is_read_from_the_take(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (take.parent / "show.toml").unlink()
    files = read_take(take)
    assert (files.stage.file, files.show.file) == (take / "files" / "stage.toml", take / "files" / "show.toml")
    told = f"{take}: {take.parent / 'show.toml'} is not there; the take's own copies are used\n"
    assert capsys.readouterr() == ("", told)


def test_run_json_names_no_folder_of_this_machine(take: Path) -> None:
    text = (take / "run.json").read_text(encoding="utf-8")
    assert str(take.parent) not in text
    assert (json.loads(text)["stage"], json.loads(text)["show"]) == ("../stage.toml", "../show.toml")


def test_a_project_is_moved_with_its_takes(small_stage: Path, tmp_path: Path) -> None:
    """What is beside the take is read, not what has remained where the project was."""
    here, there = tmp_path / "a", tmp_path / "b"
    (here / "take").mkdir(parents=True)
    for name in ("stage.toml", "show.toml"):
        small_stage.with_name(name).rename(here / name)
    write_run(here / "take", here / "stage.toml", here / "show.toml")
    shutil.copytree(here, there)
    edit(here / "stage.toml")
    files = read_take(there / "take")
    assert (files.stage.file, files.show.file) == (there / "stage.toml", there / "show.toml")
    assert read_run(there / "take").changed() == []


def test_a_take_alone_has_all_it_needs(take: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Also the stage's own show where another one ran, and the pictures of plates, in folders as they were."""
    stage, folder = take.parent / "stage.toml", take.parent
    (folder / "shows" / "pictures").mkdir(parents=True)
    Image.new("RGB", (4, 2)).save(folder / "shows" / "pictures" / "sky.png")
    plate = 'kind = "dome"\nfile = "pictures/sky.png"\n'
    show = folder / "shows" / "other.toml"
    show.write_text(f'version = 1\n[show]\nname = "Other"\n[[scene]]\nslug = "a"\n[scene.plate]\n{plate}', "utf-8")
    write_run(take, stage, show, read_files(stage, show).named())
    alone = tmp_path_factory.mktemp("elsewhere") / "take"
    shutil.move(take, alone)
    files = read_take(alone)
    assert (files.stage.name, files.show.name) == ("Test", "Other")
    (picture,) = [path for path in files.named() if path.suffix == ".png"]
    assert picture == alone / "files" / "shows" / "pictures" / "sky.png"
    picture.write_bytes(b"other")


def test_a_picture_that_changed_is_told(take: Path) -> None:
    picture = take.parent / "sky.png"
    picture.write_bytes(b"a picture")
    write_run(take, take.parent / "stage.toml", take.parent / "show.toml", [picture])
    assert read_run(take).changed() == []
    picture.write_bytes(b"b picture")
    assert read_run(take).changed() == [picture]


def test_what_is_named_may_be_gone_and_comes_last(
    take: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A stick was pulled; and what the take cannot do without is there before gigabytes are read."""
    picture, gone = take.parent / "sky.png", take.parent / "gone.png"
    picture.write_bytes(b"a picture")
    (take / "run.json").unlink()
    read_then: list[Path] = []

    def reading(path: Path) -> str:
        read_then.append(read_run(take).stage)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("vpengine.takes.run_file._remembered", reading)
    write_run(take, take.parent / "stage.toml", take.parent / "show.toml", [gone, picture])
    assert read_then == [take.parent / "stage.toml"]
    assert list(read_run(take).named) == [picture]
    assert caplog.messages == [f"take {take}: {gone} is not noted (No such file or directory)."]


def old(take: Path, stage: Path, show: Path) -> None:
    """run.json as older versions wrote it: absolute paths and no copies."""
    path = take / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    run = {"stage": str(stage), "show": str(show), "sha256": run["sha256"], "version": "0.1.0"}
    path.write_text(json.dumps(run), encoding="utf-8")
    shutil.rmtree(take / "files")


def test_an_older_take_opens_also_where_its_project_was_moved(take: Path) -> None:
    folder = take.parent
    old(take, folder / "stage.toml", folder / "show.toml")
    assert read_take(take).stage.file == folder / "stage.toml"
    old_place = folder.parent / "no longer there"
    (take / "files").mkdir()
    old(take, old_place / "stage.toml", old_place / "show.toml")
    assert read_take(take).stage.file == folder / "stage.toml"


@pytest.mark.parametrize("path", ["../../outside/stage.toml", "ABSOLUTE", "../link.toml"])
def test_a_foreign_take_opens_nothing_outside(
    take: Path, tmp_path_factory: pytest.TempPathFactory, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "stage.toml"
    shutil.copy(take.parent / "stage.toml", outside)
    shutil.copy(take.parent / "show.toml", outside.with_name("show.toml"))
    (take.parent / "link.toml").symlink_to(outside)
    (take.parent / "stage.toml").unlink()
    path = path.replace("ABSOLUTE", str(outside)).replace("outside/", f"{outside.parent.name}/")
    run = json.loads((take / "run.json").read_text(encoding="utf-8"))
    run["stage"] = path
    (take / "run.json").write_text(json.dumps(run), encoding="utf-8")
    assert read_take(take).stage.file == take / "files" / "stage.toml"
    assert "lies outside the take's surroundings (--allow-outside allows it)" in capsys.readouterr().err
    assert read_run(take, allow_outside=True).stage.samefile(outside)
    run["copies"]["stage"] = path  # nor by way of the copies
    (take / "run.json").write_text(json.dumps(run), encoding="utf-8")
    with pytest.raises(UserError, match="lies outside"):
        read_take(take)


@pytest.mark.parametrize("path", ["\0", "x" * 5000, "..", "/", "../../../../../../etc/passwd"])
def test_a_path_that_is_none_is_a_sentence(take: Path, path: str) -> None:
    shutil.rmtree(take / "files")
    run = json.loads((take / "run.json").read_text(encoding="utf-8"))
    (take / "run.json").write_text(json.dumps({**run, "show": path}), encoding="utf-8")
    with pytest.raises(UserError, match=r"take: .* and the take has no copies"):
        read_take(take)


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


FILM = '[[capture]]\nid = "a"\nkind = "file"\ncamera = "1"\nfile = "a.mp4"\n'
IMAGES = '[[capture]]\nid = "a"\nkind = "sequence"\ncamera = "1"\nfirst = "shot_0001.png"\n'


def played_for_a_camera(take: Path, section: str, contents: dict[str, bytes]) -> Files:
    """The stage with a capture of files beside it, noted in its take."""
    folder = take.parent
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    stage = folder / "stage.toml"
    stage.write_text(stage.read_text(encoding="utf-8") + section, encoding="utf-8")
    files = read_files(stage, folder / "show.toml")
    write_run(take, files.stage.file, files.show.file, files.named())
    note_captured(take, files.captured()).join()
    return files


def test_a_film_that_stood_in_for_a_camera_and_changed_is_told(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    played_for_a_camera(take, FILM, {"a.mp4": b"a film"})
    film = take.parent / "a.mp4"
    noted = json.loads((take / "run.json").read_text(encoding="utf-8"))["captured"]
    assert noted == {"../a.mp4": hashlib.sha256(b"a film").hexdigest()}
    assert not (take / "files" / "a.mp4").exists()
    read_take(take)
    assert capsys.readouterr() == ("", "")
    film.write_bytes(b"another film")
    assert read_take(take).stage.name == "Test"  # it goes on
    sentence = f"{take}: {film} changed since this take was made; then the camera's picture was another\n"
    assert capsys.readouterr() == ("", sentence)


@pytest.mark.parametrize("changes", [{"shot_0002.png": b"other"}, {"shot_0003.png": b"more"}, {"shot_0002.png": None}])
def test_images_that_stood_in_for_a_camera_are_one(take: Path, changes: dict[str, bytes | None]) -> None:
    """One that is another, one more, or one less."""
    files = played_for_a_camera(take, IMAGES, {"shot_0001.png": b"1", "shot_0002.png": b"2", "shot_0000.png": b"0"})
    first = take.parent / "shot_0001.png"
    listed = "".join(f"{hashlib.sha256(n).hexdigest()}  shot_000{n.decode()}.png\n" for n in (b"1", b"2"))
    noted = json.loads((take / "run.json").read_text(encoding="utf-8"))["captured"]
    assert noted == {"../shot_0001.png": hashlib.sha256(listed.encode()).hexdigest()}
    (take.parent / "shot_0000.png").write_bytes(b"before the first")  # is not played
    assert read_run(take).changed_captures(files.captured()) == []
    for name, content in changes.items():
        path = take.parent / name
        path.unlink() if content is None else path.write_bytes(content)
    assert read_run(take).changed_captures(files.captured()) == [first]


def test_what_cannot_be_noted_is_told_and_the_take_is_good(take: Path, caplog: pytest.LogCaptureFixture) -> None:
    gone = take.parent / "gone.mp4"
    note_captured(take, {gone: [gone]}).join()
    assert caplog.messages == [f"take {take}: what was played for a camera is not noted (No such file or directory)."]
    assert read_run(take).captured == {}


def test_a_take_alone_is_drawn_without_the_film(take: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    played_for_a_camera(take, FILM, {"a.mp4": b"a film"})
    alone = tmp_path_factory.mktemp("elsewhere") / "take"
    shutil.move(take, alone)
    assert read_take(alone).stage.name == "Test"
