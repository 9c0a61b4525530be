"""``vpengine check``: every problem of stages, shows and plug-ins, one line each, and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpengine.app import resolve
from vpengine.cli.check import check
from vpengine.errors import Problem
from vpengine.stage.sections import PluginSection

STAGES = Path(__file__).parents[2] / "stage_configs"

BROKEN_SHOW = 'version = 1\nshow.name = "x"\n[[scene]]\nslug = "next"\nplate.kind = "streat"\n'


def no_street(section: PluginSection) -> list[Problem]:
    known = section.kind != "streat"
    return [] if known else [Problem(str(section.file), section.kind_key, "no such\nplate")]


def test_shipped_stages_are_good_with_all_their_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    assert check([STAGES / "led_volume.toml", STAGES / "tv.toml"], resolve) == 0
    assert capsys.readouterr().out.splitlines() == [f"{STAGES / name}: good" for name in ("led_volume.toml", "tv.toml")]


def changed(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    file.write_text(text, encoding="utf-8")


def test_every_problem_of_every_file_on_one_line(small_stage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path = small_stage.parent
    changed(small_stage, ("rate = 24", "rate = 0"), ("position_m = [0.0, 3.0, 0.0]", "position_m = [0, 3]"))
    (tmp_path / "show.toml").write_text(BROKEN_SHOW)
    gone = tmp_path / "gone.toml"
    assert check([small_stage, gone, STAGES / "tv.toml"], no_street) == 1
    out, err = capsys.readouterr()
    lines = err.replace(f"{tmp_path}/", "").splitlines()
    assert lines == [
        'stage.toml: stage.rate: found 0, allowed a whole number from 1 to 240, or text such as "24000/1001"',
        "stage.toml: wall[1].position_m: found [0, 3], expected 3 values",
        "show.toml: scene[1].slug: found 'next', which is a command over OSC (next, previous, go, back, safe); "
        "name it otherwise",
        "show.toml: scene[1].plate.kind: no such plate",
        "gone.toml: no such file",
    ]
    assert out == f"{STAGES / 'tv.toml'}: good\n"


def test_plugin_problems_alone_make_a_stage_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def no_runtime(section: PluginSection) -> list[Problem]:
        seen.append(section.slot)
        return [Problem(str(section.file), section.key, "bad")] if section.slot == "runtime" else []

    assert check([STAGES / "tv.toml"], no_runtime) == 1
    assert set(seen) == {"tracking", "output", "generator", "runtime", "plate"}
    assert capsys.readouterr().err == f"{STAGES / 'tv.toml'}: neural: bad\n"


def test_a_stage_without_a_show_is_good_and_says_what_a_run_needs(
    small_stage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(small_stage, ('show = "show.toml"\n', ""))
    assert check([small_stage], resolve) == 0
    out, err = capsys.readouterr()
    note = f"{small_stage}: it names no show: `vpengine run` needs --show FILE, which was not checked"
    assert out.splitlines() == [f"{small_stage}: good", note]
    assert err == ""
    changed(small_stage, ("rate = 24", "rate = 0"))
    assert check([small_stage, small_stage.with_name("gone.toml")], resolve) == 1
    out, err = capsys.readouterr()
    assert out == ""  # one that cannot run at all has other things to mend first
    assert len(err.splitlines()) == 2
