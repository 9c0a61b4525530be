"""Commands that tell: addresses, sample stages, the machine, the version."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vpengine import __version__
from vpengine.cli import doctor as doctor_module
from vpengine.cli.main import COMMANDS, GROUPS, app
from vpengine.errors import UserError
from vpengine.files import controls_of
from vpengine.stage.shipped import stage_folder

RUNNER = CliRunner()
TV = stage_folder() / "tv.toml"
CONTROLS = controls_of("weather")


def said(*arguments: str, columns: int = 80) -> str:
    result = RUNNER.invoke(app, arguments, env={"COLUMNS": str(columns)})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_controls_cuts_nothing(columns: int) -> None:
    """Triggers too, and with a stage its scenes by slug and number."""
    listed = said("controls", str(TV), columns=columns)
    heads = [line.split()[0] for line in listed.splitlines()]
    for address in (*(control.address for control in CONTROLS), "/vp/scene/snow-night", "/vp/camera/1/recentre"):
        assert address in heads
    assert "[camera.pose]" in said("controls", columns=200)
    words = " ".join(listed.split())
    for control in CONTROLS:
        assert control.sentence in words
    assert all(len(line) <= columns for line in listed.splitlines() if line.startswith(" "))


def test_controls_as_json() -> None:
    listed = json.loads(said("controls", str(TV), "--json", "-"))
    addresses = [item["address"] for item in listed]
    assert addresses[: len(CONTROLS)] == [control.address for control in CONTROLS]
    assert {"/vp/scene/next", "/vp/scene/<slug>", "/vp/scene/day", "/vp/camera/1/recentre"} <= set(addresses)
    assert {"/vp/key/pick", "/vp/picture/grey", "/vp/preview/look/<name>"} <= set(addresses)
    assert all(item["sentence"] and item["kind"] for item in listed)


def test_sample_stages_are_listed_and_copied_with_their_show(tmp_path: Path) -> None:
    assert {"led_volume", "tv"} <= {line.split()[0] for line in said("stages").splitlines()[:-1]}
    said("stages", "tv", "--to", str(tmp_path))
    assert (tmp_path / "tv.toml").read_bytes() == TV.read_bytes()
    assert said("check", str(tmp_path / "tv.toml")).startswith(f"{tmp_path / 'tv.toml'}: good")
    (tmp_path / "tv.toml").write_text("mine")
    again = RUNNER.invoke(app, ["stages", "tv", "--to", str(tmp_path)])
    assert isinstance(again.exception, UserError)
    assert (tmp_path / "tv.toml").read_text() == "mine"


def test_a_second_stage_goes_beside_the_first_and_its_show_stays_as_the_crew_has_it(tmp_path: Path) -> None:
    said("stages", "tv", "--to", str(tmp_path))
    show = tmp_path / "shows" / "street.toml"
    show.write_text(show.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    told = said("stages", "green_screen", "--to", str(tmp_path))
    assert f"{show} (it was there, and stays as it is)" in told
    assert show.read_text(encoding="utf-8").endswith("# ours\n")
    assert (tmp_path / "green_screen.toml").is_file()


def test_the_version() -> None:
    assert said("--version").strip() == __version__


def test_a_show_is_not_checked_as_a_stage() -> None:
    result = RUNNER.invoke(app, ["check", str(stage_folder() / "shows" / "street.toml")])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "is a show file, expected a stage file" in result.output


def test_doctor_opens_the_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    finding = doctor_module.display()
    assert not finding.good
    assert "cannot be opened" in finding.found


def test_doctor_sees_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        monkeypatch.setattr(doctor_module, "PORTS", {port: "OSC tracking"})
        (finding,) = doctor_module.ports()
        assert "in use" in finding.found
        assert "OSC tracking" in finding.cure
    (finding,) = doctor_module.ports()
    assert finding.found == "free"


def test_a_command_imports_what_it_needs() -> None:
    """And help, which tells of all, imports them all."""
    code = "import sys; from vpengine.cli.main import main; sys.argv = ['vpengine', *{words}]\n"
    code += "try: main()\nexcept SystemExit: print(*sys.modules)"

    def imported(*words: str) -> set[str]:
        done = subprocess.run([sys.executable, "-c", code.format(words=words)], capture_output=True, check=True)
        return {name for name in done.stdout.decode().split() if name.startswith("vpengine.")}

    simulate = imported("simulate", "--help")
    assert "vpengine.cli.simulate" in simulate
    assert not simulate & {"vpengine.cli.bench", "vpengine.cli.run", "vpengine.app"}
    assert imported("--help") >= {"vpengine.cli.bench", "vpengine.cli.look", "vpengine.cli.check"}


def test_help_lists_every_command_and_a_slip_of_the_hand_is_told() -> None:
    listed = said("--help", columns=200)
    assert all(re.search(rf" {name} +[A-Z]", listed) for name in (*COMMANDS, *GROUPS)), "each says what it is for"
    assert "Validate stage files" in listed
    assert "Looks learnt" in listed
    assert {"inspect", "fetch", "prepare"} <= set(said("models", "--help", columns=200).split())
    for words, meant in ((["flim"], "film"), (["models", "fetsh"], "fetch")):
        refused = RUNNER.invoke(app, words)
        assert refused.exit_code == 2
        assert f"Did you mean '{meant}'?" in refused.output
