"""``vpengine check``: every problem of stages, shows and plug-ins, one line each, and an exit code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vpengine.cli.check import check_files
from vpengine.control.approvals import Approvals, approval_of
from vpengine.errors import Problem, ProblemsError
from vpengine.files import conflicts, inspected, read_files, settings_of
from vpengine.neural.declared import looks_of
from vpengine.stage.conflicts import PortUse
from vpengine.stage.desk_files import looks_file, write_looks
from vpengine.stage.sections import PluginSection

STAGES = Path(__file__).parents[2] / "stage_configs"

BROKEN_SHOW = 'version = 1\nshow.name = "x"\n[[scene]]\nslug = "next"\nplate.kind = "streat"\n'


def no_street(sections: Iterable[PluginSection]) -> tuple[dict[tuple[str, str], Any], list[Problem]]:
    unknown = [section for section in sections if section.kind == "streat"]
    return {}, [Problem(str(section.file), section.kind_key, "no such\nplate") for section in unknown]


def test_shipped_stages_are_good_with_all_their_plugins(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_files([STAGES / "led_volume.toml", STAGES / "tv.toml"], settings_of, conflicts) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{STAGES / name}: good; its show's pictures were opened (1)" for name in ("led_volume.toml", "tv.toml")
    ]


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
    assert check_files([small_stage, gone, STAGES / "tv.toml"], no_street) == 1
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
    assert out == f"{STAGES / 'tv.toml'}: good; its show's pictures were opened (1)\n"


def test_a_section_without_a_kind_is_told_which_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = tmp_path / "tv.toml"
    text = (STAGES / "tv.toml").read_text(encoding="utf-8").replace('show = "shows/street.toml"\n', "")
    stage.write_text(text.replace('kind = "window"\n', ""), encoding="utf-8")
    assert check_files([stage], settings_of, conflicts) == 1
    allowed = "(allowed: headless, recording, stream, window)"
    assert capsys.readouterr().err.splitlines() == [f"{stage}: output[1].kind: missing {allowed}"]


def test_plugin_problems_alone_make_a_stage_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []

    def no_runtime(sections: Iterable[PluginSection]) -> tuple[dict[tuple[str, str], Any], list[Problem]]:
        slots = [section.slot for section in sections]
        seen.extend(slots)
        return {}, [Problem(str(section.file), section.key, "bad") for section in sections if section.slot == "runtime"]

    assert check_files([STAGES / "tv.toml"], no_runtime) == 1
    assert set(seen) == {"tracking", "output", "generator", "runtime", "plate"}
    assert capsys.readouterr().err == f"{STAGES / 'tv.toml'}: neural: bad\n"


def test_a_stage_without_a_show_is_good_and_says_what_a_run_needs(
    small_stage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed(small_stage, ('show = "show.toml"\n', ""))
    assert check_files([small_stage], settings_of, conflicts) == 0
    out, err = capsys.readouterr()
    note = f"{small_stage}: it names no show: `vpengine run` needs --show FILE, which was not checked"
    assert out.splitlines() == [f"{small_stage}: good", note]
    assert err == ""
    changed(small_stage, ("rate = 24", "rate = 0"))
    assert check_files([small_stage, small_stage.with_name("gone.toml")], settings_of, conflicts) == 1
    out, err = capsys.readouterr()
    assert out == ""  # one that cannot run at all has other things to mend first
    assert len(err.splitlines()) == 2


def test_a_wall_that_nothing_shows_is_told(small_stage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(small_stage, ('wall = "main"\n', 'feed = "world:1"\n'))
    assert check_files([small_stage], settings_of, conflicts) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [f"{small_stage}: no [[output]] shows the wall 'main'"]


def test_looks_that_nobody_approved_are_told(small_stage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two scenes in fog: until one is approved that covers both, the weaker one alone, or the gate is off."""
    show = small_stage.with_name("show.toml")

    def notes() -> list[str]:
        assert check_files([small_stage], settings_of, conflicts) == 0
        return capsys.readouterr().out.splitlines()[1:]

    changed(small_stage, ('generator = "none"', 'generator = "weather"'))
    assert notes() == []
    changed(show, ('gate = "off"\n', ""))
    said = f"{small_stage}: the gate lets the plate alone through, until somebody approves the look of: "
    assert notes() == [said + "first, second"]
    looks = looks_of("weather")
    for fog, left in ((0.3, [said + "second"]), (0.6, [])):
        approval = replace(approval_of("fog", looks.of({"fog": fog}), looks.defaults), status="approved", by="Ana")
        write_looks(looks_file(show), Approvals((approval,)))
        assert notes() == left


SECOND_TRACKER = """
[[tracking]]
kind = "freed"
camera = "1"
port = %d
%s
[[output]]
kind = "headless"
wall = "main"
"""


@pytest.mark.parametrize(
    ("port", "address", "sentence"),
    [
        (9000, "", "tracking[2].port: found 9000 on 127.0.0.1, where tracking[1].port receives already"),
        (9001, "", "tracking[2].port: found 9001 on 127.0.0.1, where control.osc_port receives already"),
        (9000, 'address = "0.0.0.0"', "tracking[2].port: found 9000 on 0.0.0.0, where tracking[1].port receives"),
        (9000, 'address = "127.0.0.2"', ""),
        (9000, 'address = "::1"', ""),
        (9000, 'address = "::"', "tracking[2].port: found 9000 on ::, where tracking[1].port receives already"),
        (40000, "", ""),
        (0, "", ""),
    ],
)
def test_a_port_that_two_sections_want_is_named_with_both(
    small_stage: Path, capsys: pytest.CaptureFixture[str], port: int, address: str, sentence: str
) -> None:
    """A run would say that the port is in use by another program, which it is not."""
    text = small_stage.read_text(encoding="utf-8") + SECOND_TRACKER % (port, address)
    small_stage.write_text(text, encoding="utf-8")
    assert check_files([small_stage], settings_of, conflicts) == bool(sentence)
    assert sentence in capsys.readouterr().err
    if sentence:
        with pytest.raises(ProblemsError, match=re.escape(sentence)):
            read_files(small_stage, None)


WINDOWS = """
[[output]]
kind = "window"
wall = "main"
%s
[[output]]
kind = "window"
wall = "main"
%s
"""


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        (
            "region = [0, 0, 16000, 10]",
            "",
            "region: found [0, 0, 16000, 10], which reaches beyond the picture",
        ),
        ("region = [0, 0, 1, 1]", "", ""),
        ("fullscreen = true", "fullscreen = true", "has monitor 0, fullscreen, already; each needs its own"),
        ("fullscreen = true", "fullscreen = true\nmonitor = 1", ""),
    ],
)
def test_outputs_that_cannot_be(
    small_stage: Path, capsys: pytest.CaptureFixture[str], first: str, second: str, sentence: str
) -> None:
    text = small_stage.read_text(encoding="utf-8") + WINDOWS % (first, second)
    small_stage.write_text(text, encoding="utf-8")
    assert check_files([small_stage], settings_of, conflicts) == bool(sentence)
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("address", ["localhost", "192.168.1", "", "studio"])
def test_an_address_that_would_hear_nothing_is_refused(
    small_stage: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    """localhost may be another address than the one senders use; 192.168.1 is 192.168.0.1 to some."""
    changed(small_stage, ("osc_port = 9001", f'osc_port = 9001\naddress = "{address}"'))
    assert check_files([small_stage], settings_of, conflicts) == 1
    assert f"control.address: found '{address}', allowed an IP address such as" in capsys.readouterr().err


def test_every_ipv4_address_is_none_of_ipv6() -> None:
    every, ipv6 = PortUse("a.port", "0.0.0.0", 9000), PortUse("b.port", "::1", 9000)
    assert not every.clashes_with(ipv6)
    assert every.clashes_with(PortUse("c.port", "::", 9000))


@pytest.mark.parametrize("address", ["239.1.2.3", "ff02::1", "255.255.255.255"])
def test_an_address_of_many_machines_is_refused(
    small_stage: Path, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    """Nothing comes in there: a group must be joined, which is a key of its own where there is one."""
    changed(small_stage, ("osc_port = 9001", f'osc_port = 9001\naddress = "{address}"'))
    assert check_files([small_stage], settings_of, conflicts) == 1
    assert f"control.address: found '{address}', which is no machine's own" in capsys.readouterr().err


def test_pictures_are_opened_and_said_to_be(small_stage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page of HTML that was saved as a photograph; a run shows a placeholder for it."""
    Image.new("RGB", (8, 4)).save(small_stage.with_name("a.png"))
    show = small_stage.with_name("show.toml")
    changed(show, ('plate.kind = "pattern"', 'plate = { kind = "still", file = "a.png" }'))
    assert check_files([small_stage], inspected, conflicts) == 0
    assert capsys.readouterr().out == f"{small_stage}: good; its show's pictures were opened (1)\n"
    small_stage.with_name("a.png").write_text("<!DOCTYPE html><title>404</title>")
    assert check_files([small_stage], inspected, conflicts) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{show}: scene[1].plate.file: ")
    read_files(small_stage, None)  # is no reason not to run


def test_a_missing_stage_file_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        read_files(tmp_path / "gone.toml", None)
    assert [problem.message for problem in caught.value.problems] == ["no such file"]
