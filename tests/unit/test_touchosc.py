"""The layout for TouchOSC, opened by py2tosc where it is installed, and by zlib and an XML parser everywhere."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from vpengine.cli.main import app
from vpengine.control.buttons import BUTTONS
from vpengine.control.controls import Control
from vpengine.control.displays import DISPLAYS
from vpengine.errors import UserError
from vpengine.files import controls_of
from vpengine.remote.touchosc_layout import CONTROLS_A_PAGE, SIZE, layout
from vpengine.stage.shipped import stage_folder

CONTROLS = controls_of("weather")
SCENES = tuple((f"scene-{number}", f"Scene <{number}> & more") for number in range(60))
Element = ElementTree.Element


def opened(content: bytes) -> Element:
    root = ElementTree.fromstring(zlib.decompress(content))
    assert (root.tag, root.get("version"), len(root)) == ("lexml", "6", 1)
    return root[0]


def properties(node: Element) -> dict[str, str]:
    return {each.findtext("key", ""): each.findtext("value", "") for each in node.findall("properties/property")}


def pages(canvas: Element) -> dict[str, Element]:
    (pager,) = canvas.findall("children/node")
    assert pager.get("type") == "PAGER"
    return {properties(page)["tabLabel"]: page for page in pager.findall("children/node")}


def messages(node: Element) -> dict[str, list[dict[str, Any]]]:
    """By address: the kind of each node that has it, and its message."""
    found: dict[str, list[dict[str, Any]]] = {}
    for each in node.iter("node"):
        for osc in each.findall("messages/osc"):
            argument = osc.find("arguments/partial")
            assert argument is not None
            said = {key: osc.findtext(key) == "1" for key in ("send", "receive", "feedback", "enabled")}
            kind = {"kind": each.get("type"), "conversion": argument.findtext("conversion")}
            scale = {"range": (float(argument.findtext("scaleMin", "")), float(argument.findtext("scaleMax", "")))}
            found.setdefault(osc.findtext("path/partial/value", ""), []).append({**said, **kind, **scale})
    return found


def test_every_page_there_is_and_safe_on_each() -> None:
    found = pages(opened(layout("led_volume", CONTROLS, SCENES)))
    numbered = ["key", "key 2", "monitor", "monitor 2"]
    assert list(found) == ["cues", "scenes", "scenes 2", "look", "grade", "grade 2", "grade 3", *numbered, "health"]
    for page in found.values():
        safe = messages(page)["/vp/safe"]
        assert [(one["kind"], one["send"]) for one in safe] == [("BUTTON", True)]
    places = [
        ElementTree.tostring(node)
        for page in found.values()
        for node in page.iter("node")
        if properties(node)["name"] == "/vp/safe"
        for node in node.findall("properties/property[@type='r']")
    ]
    assert len(places) == len(found)
    assert len(set(places)) == 1


def test_every_control_both_ways_with_its_range() -> None:
    found = messages(opened(layout("x", CONTROLS, SCENES)))
    for control in CONTROLS:
        (one,) = found[control.address]
        assert one["receive"]
        assert not one["feedback"]  # what came is not sent back
        if control.kind in ("float", "int"):
            assert (one["kind"], one["send"], one["range"]) == ("FADER", True, (control.low, control.high))
        if control.kind == "bool":
            assert (one["kind"], one["send"]) == ("BUTTON", True)


def test_buttons_scenes_and_displays() -> None:
    found = messages(opened(layout("x", CONTROLS, SCENES)))
    for button in BUTTONS:
        if button.argument == "press" and button.address != "/vp/panic":  # the same as SAFE
            assert all(one["kind"] == "BUTTON" and one["send"] and not one["receive"] for one in found[button.address])
    for slug, _ in SCENES:
        assert len(found[f"/vp/scene/{slug}"]) == len(found[f"/vp/preview/scene/{slug}"]) == 1
    for display in DISPLAYS:
        assert all(one["receive"] and not one["send"] for one in found[display.address])


APPROVERS = tuple(f"Ana {number} <b>" for number in range(7))


def test_who_may_approve_does_it_with_one_tap() -> None:
    """The name goes with the tap, once; the preview's faders are beside it, and what the gate says."""
    canvas = opened(layout("x", CONTROLS, SCENES, APPROVERS))
    found = pages(canvas)
    assert [name for name in found if name.startswith("approve")] == ["approve", "approve 2"]
    said = []
    for node in canvas.iter("node"):
        for osc in node.findall("messages/osc"):
            if osc.findtext("arguments/partial/type") == "CONSTANT":
                assert osc.findtext("triggers/trigger/condition") == "RISE"
                assert osc.findtext("arguments/partial/conversion") == "STRING"
                said.append((osc.findtext("path/partial/value"), osc.findtext("arguments/partial/value")))
    decisions = {"/vp/approve", "/vp/approve/once", "/vp/approve/candidate", "/vp/approve/revoke"}
    assert sorted(said) == sorted((address, name) for address in decisions for name in APPROVERS)
    on_it = messages(found["approve"])
    assert {"/vp/preview/look/snow", "/vp/state/gate", "/vp/preview/take", "/vp/safe"} <= set(on_it)
    assert "approve" not in pages(opened(layout("x", CONTROLS, SCENES)))


def test_words_come_from_the_declarations() -> None:
    canvas = opened(layout("x", CONTROLS, SCENES))
    words = {value.findtext("default", "") for value in canvas.iter("value") if value.findtext("key") == "text"}
    assert "exposure inner: -8 to 8 stops. Brightness inside the camera's frustum." in words
    assert {"Scene <0> & more", "SAFE", "GO", "fps. Frames a second, in words."} <= words


def test_everything_lies_inside_and_apart() -> None:
    """Nothing that is touched lies on another; everything is large enough for a finger."""

    def frame(node: Element) -> tuple[float, ...]:
        (value,) = node.findall("properties/property[@type='r']/value")
        return tuple(float(value.findtext(key, "")) for key in "xywh")

    canvas = opened(layout("x", CONTROLS, SCENES, APPROVERS))
    assert frame(canvas) == (0.0, 0.0, *SIZE)
    for page in pages(canvas).values():
        _, _, width, height = frame(page)
        touched = [frame(node) for node in page.findall("children/node") if properties(node)["interactive"] == "1"]
        for x, y, w, h in map(frame, page.findall("children/node")):
            assert x >= 0
            assert y >= 0
            assert x + w <= width
            assert y + h <= height
        for number, (x, y, w, h) in enumerate(touched):
            assert min(w, h) >= 34.0
            for x2, y2, w2, h2 in touched[number + 1 :]:
                assert x + w <= x2 + 0.01 or x2 + w2 <= x + 0.01 or y + h <= y2 + 0.01 or y2 + h2 <= y + 0.01


def test_more_controls_than_a_page_holds_and_words_that_look_like_xml() -> None:
    many = [Control(f"/vp/look/f{number}", "float", 0.5, "a < b ]]> c & d.", 0.0, 2.0) for number in range(40)]
    canvas = opened(layout("]]> <x>", many, ()))
    assert [name for name in pages(canvas) if name.startswith("look")] == ["look", "look 2", "look 3"]
    assert len(many) <= CONTROLS_A_PAGE * 3
    assert set(messages(canvas)) >= {control.address for control in many}
    assert "f0: 0 to 2. a < b ]]> c & d." in {value.findtext("default") for value in canvas.iter("value")}
    assert layout("]]> <x>", many, ()) == layout("]]> <x>", many, ())


def test_py2tosc_finds_nothing_wrong(tmp_path: Path) -> None:
    """It knows what TouchOSC's own editor writes, and would write the same file."""
    py2tosc = pytest.importorskip("py2tosc", reason="py2tosc is not installed")
    content = layout("led_volume", CONTROLS, SCENES, APPROVERS)
    (tmp_path / "a.tosc").write_bytes(content)
    document = py2tosc.load(tmp_path / "a.tosc")
    assert document.validate() == []
    floats = [control for control in CONTROLS if control.kind in ("float", "int")]
    strip = len(pages(opened(content)))
    preview = 2 * len([control for control in CONTROLS if control.address.startswith("/vp/look/")])
    assert len(document.find_all(type="FADER")) == len(floats) + preview + 2  # and progress, on two pages
    assert len([node for node in document.find_all(type="BUTTON") if node.name == "/vp/safe"]) == strip
    document.save(tmp_path / "b.tosc")
    assert zlib.decompress((tmp_path / "b.tosc").read_bytes()) == zlib.decompress(content)


def test_the_command_writes_layout_and_json(tmp_path: Path) -> None:
    tosc, listed = tmp_path / "tv.tosc", tmp_path / "tv.json"
    said = CliRunner().invoke(
        app, ["controls", str(stage_folder() / "tv.toml"), "--touchosc", str(tosc), "--json", str(listed)]
    )
    assert said.exit_code == 0, said.output
    assert {"/vp/scene/day", "/vp/look/snow", "/vp/state/cue"} <= set(messages(opened(tosc.read_bytes())))
    items = json.loads(listed.read_text())
    assert {item["role"] for item in items} == {"control", "button", "display"}
    by_address = {item["address"]: item for item in items}
    assert {button.address for button in BUTTONS} | {display.address for display in DISPLAYS} <= set(by_address)
    assert (by_address["/vp/exposure/inner"]["low"], by_address["/vp/exposure/inner"]["unit"]) == (-8.0, "stops")
    failed = CliRunner().invoke(app, ["controls", "--touchosc", str(tmp_path / "none" / "x.tosc")])
    assert isinstance(failed.exception, UserError)
    assert "cannot be written" in str(failed.exception)
