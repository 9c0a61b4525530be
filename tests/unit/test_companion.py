"""The page for Bitfocus Companion, by the structure that its public source describes (shared-lib ExportModelv4.ts)."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from vpengine.cli.main import app
from vpengine.control.buttons import BUTTONS
from vpengine.control.displays import DISPLAYS
from vpengine.remote.companion import FEEDBACK_PORT, companion_page
from vpengine.stage.shipped import stage_folder

SCENES = tuple((f"scene-{number}", f'Scene "{number}"') for number in range(20))


def test_every_press_and_scene_once_and_safe_in_its_corner() -> None:
    exported = json.loads(companion_page("tv", SCENES, 9001))
    assert (exported["version"], exported["type"], exported["oldPageNumber"]) == (6, "page", 1)
    (connection,) = exported["instances"]
    settings = exported["instances"][connection]
    assert (settings["instance_type"], settings["config"]["port"]) == ("generic-osc", "9001")
    page = exported["page"]
    sent = {}
    for row, line in page["controls"].items():
        for column, button in line.items():
            assert page["gridSize"]["minColumn"] <= int(column) <= page["gridSize"]["maxColumn"]
            assert page["gridSize"]["minRow"] <= int(row) <= page["gridSize"]["maxRow"]
            (press,) = button["steps"]["0"]["action_sets"]["down"]
            assert (press["instance"], press["action"], press["options"]["int"]) == (connection, "send_int", "1")
            sent[press["options"]["path"]] = (int(row), int(column))
    assert sent["/vp/safe"] == (0, 7)
    shown = {
        button["feedbacks"][0]["options"]["path"]: button["steps"]["0"]["action_sets"]["down"][0]["options"]["path"]
        for line in page["controls"].values()
        for button in line.values()
        if button["feedbacks"]
    }
    assert shown == {
        "/vp/state/safe": "/vp/safe",
        "/vp/state/rolling": "/vp/take/roll",
        "/vp/state/lock": "/vp/take/lock",
        "/vp/state/paused": "/vp/cue/pause",
    }
    assert set(shown) <= {one.address for one in DISPLAYS if one.kind == "bool"}
    assert (settings["config"]["listen"], settings["config"]["feedbackPort"]) == (True, str(FEEDBACK_PORT))
    presses = {one.address for one in BUTTONS if one.argument == "press" and one.address != "/vp/panic"}
    assert set(sent) == presses | {f"/vp/scene/{slug}" for slug, _ in SCENES}
    places = [sent[f"/vp/scene/{slug}"] for slug, _ in SCENES]
    assert places == sorted(places)
    assert companion_page("tv", SCENES, 9001) == companion_page("tv", SCENES, 9001)


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "tv.companionconfig"
    said = CliRunner().invoke(app, ["controls", str(stage_folder() / "tv.toml"), "--companion", str(file)])
    assert said.exit_code == 0, said.output
    assert '"/vp/scene/day"' in file.read_text()
