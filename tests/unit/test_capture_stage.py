"""[[capture]] sections and the command that opens them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from tests.capturing import counted_film
from tests.stage_text import STAGE, problems, write
from vpengine.capture import KINDS
from vpengine.capture.readers import reader_of
from vpengine.cli import doctor
from vpengine.cli.capture import capture, chosen
from vpengine.errors import ProblemsError, UserError
from vpengine.files import conflicts, controls_of, read_files, settings_of
from vpengine.frames.captured import Tags
from vpengine.stage.stage_file import load_stage, read_stage

GOOD = """
[[capture]]
id = "a"
kind = "synthetic"
camera = "1"
resolution = [64, 36]
latency_ms = 20.0
matrix = "bt601"
"""


CAMERAS = "".join(
    f'[[camera]]\nid = "{one}"\nsensor_mm = [24.0, 13.5]\npinhole_focal_length_mm = 24.0\n' for one in "ab"
)


def found_conflicts(folder: Path, text: str) -> list[str]:
    text = CAMERAS + text
    reading = read_stage(write(folder, STAGE + text), controls_of)
    settings, faults = settings_of(reading.sections)
    assert faults == []
    assert reading.stage is not None
    return [f"{problem.key}: {problem.message}" for problem in conflicts(reading.stage, settings)]


def test_a_section_becomes_a_reader(tmp_path: Path) -> None:
    stage = load_stage(write(tmp_path, STAGE + GOOD), controls_of)
    (section,) = stage.captures
    assert (section.settings.camera, section.settings.tags) == ("1", Tags("bt601"))
    ((_, settings),) = chosen(tmp_path / "stage.toml", "a", False)
    reader = reader_of(section, settings)
    assert reader.name == "a"
    assert reader.health().state == "opening"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('camera = "1"', 'camera = "2"', "stage.toml: capture[1].camera: found '2', no such camera"),
        ('camera = "1"\n', "", "stage.toml: capture[1].camera: missing. The id of the camera whose picture it is."),
        ('kind = "synthetic"\n', "", "stage.toml: capture[1].kind: missing"),
        (
            'matrix = "bt601"',
            'matrix = "601"',
            "stage.toml: capture[1].matrix: found '601', expected 'tagged', 'bt601'",
        ),
        (
            "latency_ms = 20.0",
            "latency_ms = -1.0",
            "stage.toml: capture[1].latency_ms: found -1.0, expected 0 or more",
        ),
        (GOOD, GOOD + GOOD, "stage.toml: capture[2].id: found 'a', which capture[1] has already"),
    ],
)
def test_mistakes_of_the_section(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    (problem,) = problems(tmp_path, STAGE + GOOD.replace(old, new))
    assert problem.startswith(sentence)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("synthetic", "syntetic", "capture[1].kind: found 'syntetic', no such capture; did you mean 'synthetic'?"),
        ("[64, 36]", "[64, 35]", "capture[1].resolution[2]: found 35"),
        ("resolution", "hairs = 1.0\nresolution", "capture[1].hairs: unknown key; did you mean 'hair'?"),
    ],
)
def test_mistakes_of_the_source(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        chosen(write(tmp_path, STAGE + GOOD.replace(old, new)), None, False)
    assert sentence in str(caught.value)


def test_a_film_lies_beside_its_stage(tmp_path: Path) -> None:
    text = '[[capture]]\nid = "a"\nkind = "file"\ncamera = "1"\nfile = "{}"\n'
    for name, words in {"none.mp4": "no such file", "../a.mp4": "lies outside the folder"}.items():
        with pytest.raises(ProblemsError, match=words):
            chosen(write(tmp_path, STAGE + text.format(name)), None, False)


def test_a_take_does_not_read_the_film_that_stands_in_for_a_camera(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    film = '[[capture]]\nid = "b"\nkind = "file"\ncamera = "1"\nfile = "a.mp4"\n'
    show = tmp_path / "show.toml"
    show.write_text('version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "street"\n')
    files = read_files(write(tmp_path, STAGE + film), show)
    assert files.named() == []


def test_ports_and_devices_belong_to_one(tmp_path: Path) -> None:
    stream = '[[capture]]\nid = "{0}"\nkind = "stream"\ncamera = "{0}"\nurl = "{1}"\n'
    taken = found_conflicts(tmp_path, stream.format("a", "udp://127.0.0.1:9000"))
    assert taken == [
        "capture[1].url: found 9000 on 127.0.0.1, where tracking[1].port receives already; each needs its own"
    ]
    groups = stream.format("a", "udp://239.1.1.1:5000") + stream.format("b", "udp://239.1.1.2:5000")
    assert found_conflicts(tmp_path, groups) == []
    device = '[[capture]]\nid = "{0}"\nkind = "device"\ncamera = "{0}"\ndevice = "/dev/video0"\n'
    (twice,) = found_conflicts(tmp_path, device.format("a") + device.format("b"))
    assert twice.startswith('capture[2].device: capture[1].device has the device "/dev/video0" already')


def test_a_camera_has_one_picture_in_a_space_that_there_is(tmp_path: Path) -> None:
    other = GOOD.replace('id = "a"', 'id = "b"\ncolor_space = "S-Log3 SGamut3.Cine"')
    twice, space = found_conflicts(tmp_path, GOOD + other)[::-1]
    assert twice.startswith("capture[2].camera: capture[1].camera has the picture of camera '1' already")
    assert "color_space 'S-Log3 SGamut3.Cine' is not in" in space
    assert "did you mean 'S-Log3 S-Gamut3.Cine'?" in space


def test_the_world_must_cover_a_picture_that_is_bent(tmp_path: Path) -> None:
    bent = "[camera.distortion]\nradial = [4e-4]\n[camera.inner]\noverscan_percent = {}\n"
    begin, rest = STAGE.split("[[wall]]", 1)
    feed = '[[output]]\nkind = "headless"\nfeed = "composite:1"\n'
    bare = begin + "{}" + GOOD + feed
    assert rest
    reading = read_stage(write(tmp_path, bare.format(bent.format(0.0))), controls_of)
    assert reading.stage is not None, reading.problems
    (problem,) = conflicts(reading.stage, settings_of(reading.sections)[0])
    assert problem.key == "camera[1].inner.overscan_percent"
    assert "found 0, and its lens bends the picture so far that" in problem.message
    enough = read_stage(write(tmp_path, bare.format(bent.format(20.0))), controls_of)
    assert enough.stage is not None
    assert conflicts(enough.stage, settings_of(enough.sections)[0]) == []


def test_the_command_says_how_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counted_film(tmp_path / "a.nut", 5)
    film = '[[capture]]\nid = "b"\nkind = "file"\ncamera = "1"\nfile = "a.nut"\n'
    stage = write(tmp_path, STAGE + GOOD + film)
    for seconds in (0.6, 3.0, 10.0):  # a busy machine opens them later
        with pytest.raises(typer.Exit) as ended:
            capture(stage, seconds=seconds)
        said = capsys.readouterr().out
        if ended.value.exit_code == 0:
            break
    assert ended.value.exit_code == 0, said
    assert re.search(
        r"^a: synthetic camera: running; 64 x 36 yuv422p10le BT.601 limited; .* of 24 a second", said, re.M
    )
    assert re.search(r'^b: file "a.nut": running; 16 x 16 yuv420p BT.601 limited; .* of 25 a second', said, re.M)


def test_the_command_fails_where_nothing_comes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no film")
    film = '[[capture]]\nid = "b"\nkind = "file"\ncamera = "1"\nfile = "a.mp4"\n'
    with pytest.raises(typer.Exit) as ended:
        capture(write(tmp_path, STAGE + film), seconds=0.3)
    assert ended.value.exit_code == 1
    assert 'capture b: file "a.mp4": cannot be opened (' in capsys.readouterr().out


def test_a_stage_without_captures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no \[\[capture\]\] section"):
        chosen(write(tmp_path, STAGE), None, False)
    with pytest.raises(UserError, match="capture 'b': no such capture"):
        chosen(write(tmp_path, STAGE + GOOD), "b", False)


def test_the_pages_sections_are_good(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "capture.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert found_conflicts(tmp_path, block) == []


def test_every_kind_has_its_source() -> None:
    assert set(KINDS) == {"device", "file", "sequence", "stream", "ndi", "synthetic", "none"}


def test_the_doctor_lists_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.cameras().good
    monkeypatch.setattr(doctor, "devices", lambda: [("/dev/video0", "Cam Link")])
    assert doctor.cameras().found == "/dev/video0 Cam Link"
