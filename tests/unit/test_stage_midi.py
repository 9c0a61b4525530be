"""[[midi]] and timecode in show files: what they mean, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.files import load_show
from vpengine.control.buttons import Button
from vpengine.control.controls import Control
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.stage.show_file import Show

CONTROLS = controls_of("weather")
HEAD = """\
version = 1
[show]
name = "Evening"
{}
[[scene]]
slug = "day"
plate.kind = "street"
"""
GO = '[[midi]]\ndevice = "nano"\nmessage = "note"\nnumber = 60\nto = "/vp/cue/go"\n'
FADER = '[[midi]]\ndevice = "nano"\nmessage = "control_change"\nchannel = 16\nnumber = 2\nbits = 14\nto = "look.snow"\n'


def show_of(folder: Path, sections: str, head: str = "") -> Show:
    path = folder / "show.toml"
    path.write_text(HEAD.format(head) + sections, encoding="utf-8")
    return load_show(path, CONTROLS)


def problems(folder: Path, sections: str, head: str = "") -> list[str]:
    with pytest.raises(ProblemsError) as caught:
        show_of(folder, sections, head)
    return [str(problem).removeprefix(f"{folder}/show.toml: ") for problem in caught.value.problems]


def test_what_is_mapped(tmp_path: Path) -> None:
    show = show_of(tmp_path, GO + FADER + GO.replace("/vp/cue/go", "/vp/scene/day"))
    go, fader, scene = show.midi
    assert isinstance(go.target, Button)
    assert (go.target.address, go.message, go.channel, go.number, go.bits) == ("/vp/cue/go", "note", 0, 60, 7)
    assert isinstance(fader.target, Control)
    assert (fader.target.address, fader.channel, fader.bits) == ("/vp/look/snow", 15, 14)
    assert scene.target == SceneTrigger("goto", "day")
    assert go.is_on("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0")
    assert go.is_on("NANOKEY")
    assert not go.is_on("Midi Through:0")


def test_a_show_has_none_and_runs_free(tmp_path: Path) -> None:
    show = show_of(tmp_path, "")
    assert (show.midi, show.settings.timecode) == ((), "free")
    assert show_of(tmp_path, "", 'timecode = "mtc"').settings.timecode == "mtc"


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            GO.replace("/vp/cue/go", "/vp/cue/gg"),
            "midi[1].to: found '/vp/cue/gg', no such button, scene or control; did you mean '/vp/cue/go'?",
        ),
        (
            FADER.replace("look.snow", "look.snwo"),
            "midi[1].to: found 'look.snwo', no such button, scene or control; did you mean 'look.snow'?",
        ),
        (
            GO.replace("/vp/cue/go", "/vp/scene/days"),
            "midi[1].to: found '/vp/scene/days', no such button, scene or control; did you mean '/vp/scene/day'?",
        ),
        (
            GO.replace("/vp/cue/go", "zzz"),
            "midi[1].to: found 'zzz', no such button, scene or control; `vpengine controls` lists all",
        ),
        (GO.replace("number", "nunber"), "midi[1].nunber: unknown key; did you mean 'number'?"),
        (GO.replace("60", "128"), "midi[1].number: found 128, expected 127 or less"),
        (GO.replace('"note"', '"cc"'), "midi[1].message: found 'cc', expected 'note' or 'control_change'"),
        (FADER.replace("channel = 16", "channel = 0"), "midi[1].channel: found 0, expected 1 or more"),
        (FADER.replace("= 2\n", "= 32\n"), "midi[1].number: found 32, allowed 0 to 31 with bits = 14"),
        (FADER.replace("= 14", "= 8"), "midi[1].bits: found 8, expected 7 or 14"),
        (GO + "bits = 14\n", "midi[1].bits: found 14, a note has 7"),
        (
            GO.replace("/vp/cue/go", "look.snow"),
            "midi[1].message: found 'note', look.snow is a fader: it needs 'control_change'",
        ),
        (
            GO.replace("/vp/cue/go", "/vp/cue/goto"),
            "midi[1].argument: missing, /vp/cue/goto needs a number: write it in quotes",
        ),
        (
            GO.replace("/vp/cue/go", "/vp/cue/goto") + 'argument = "nan"\n',
            "midi[1].argument: found 'nan', /vp/cue/goto needs a number, such as \"12.5\"",
        ),
        (GO + 'argument = "1"\n', "midi[1].argument: found '1', /vp/cue/go takes none"),
        ('[midi]\ndevice = "nano"\n', "midi: expected a list of sections: [[midi]] with two brackets"),
    ],
)
def test_mistakes(tmp_path: Path, sections: str, expected: str) -> None:
    assert expected in problems(tmp_path, sections)


def test_a_text_is_no_knob_s(tmp_path: Path) -> None:
    path = tmp_path / "show.toml"
    path.write_text(HEAD.format("") + FADER.replace("look.snow", "look.prompt"), encoding="utf-8")
    with pytest.raises(ProblemsError, match=r"midi\[1\].to: found 'look.prompt', a text: no knob can write it"):
        load_show(path, controls_of("diffusion"))


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, GO.replace("60", "-1") + GO.replace("go", "goo"), 'timecode = "ltc"')
    assert [text.split(":")[0] for text in found] == ["show.timecode", "midi[1].number", "midi[2].to"]
