"""Texts that change with a scene: for the length of its dissolve they are a blend of what was and what comes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vpengine.control.controls import LONGEST_TEXT, MOST_BLENDED, Control, ControlError, Controls, typed
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks, look_address
from vpengine.control.messages import ControlChange
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.triggers import SceneTrigger
from vpengine.frames.look import Look
from vpengine.takes.looks import look_line, read_look

PROMPT = look_address("prompt")
OWN = (Control(PROMPT, "text", "", "What it is."), Control(look_address("strength"), "float", 0.5, "How much."))
LOOKS = Looks("painter", OWN, lambda values: not values["prompt"])


@pytest.fixture
def controls() -> Controls:
    return Controls((*ENGINE_CONTROLS, *OWN))


def shares(controls: Controls, time_s: float) -> dict[str, float]:
    return dict(controls.blends(time_s).get(PROMPT, ()))


def test_a_text_is_the_new_one_at_once_and_blends_towards_it(controls: Controls) -> None:
    controls.set(PROMPT, "ink")
    controls.fade(PROMPT, "oil", 10.0, 4.0)
    assert controls.at(PROMPT, 10.0) == "oil"
    assert shares(controls, 10.0) == {"ink": 1.0, "oil": 0.0}
    assert shares(controls, 12.0) == {"ink": pytest.approx(0.5), "oil": pytest.approx(0.5)}
    assert shares(controls, 14.0) == {}
    assert controls.freeze(14.0)[PROMPT] == "oil"
    assert controls.blends(11.0) == {}, "it is settled"


def test_one_that_is_interrupted_goes_on_from_what_is_seen(controls: Controls) -> None:
    """Also back to where it came from; of many only the strongest stay, and they are always 1 together."""
    controls.set(PROMPT, "ink")
    controls.fade(PROMPT, "oil", 0.0, 4.0)
    controls.fade(PROMPT, "ink", 2.0, 4.0)
    assert shares(controls, 2.0) == {"ink": pytest.approx(0.5), "oil": pytest.approx(0.5)}
    assert shares(controls, 4.0) == {"ink": pytest.approx(0.75), "oil": pytest.approx(0.25)}
    for number in range(8):
        controls.fade(PROMPT, f"text {number}", 3.0 + 0.5 * number, 4.0)
        found = shares(controls, 3.4 + 0.5 * number)
        assert sum(found.values()) == pytest.approx(1.0)
        assert len(found) <= MOST_BLENDED + 1


def test_a_hand_ends_it_and_the_same_text_does_not_begin_one(controls: Controls) -> None:
    controls.set(PROMPT, "ink")
    controls.fade(PROMPT, "ink", 0.0, 4.0)
    assert shares(controls, 1.0) == {}
    controls.fade(PROMPT, "oil", 1.0, 4.0)
    controls.fade(PROMPT, "oil", 3.0, 4.0)  # is on its way there already
    assert shares(controls, 3.0)["oil"] == pytest.approx(0.5)
    controls.set(PROMPT, "chalk")
    assert shares(controls, 3.0) == {}
    controls.fade(PROMPT, "oil", 4.0, 0.0)
    assert shares(controls, 4.0) == {}


def test_a_text_that_is_too_long_is_refused_with_the_limit(controls: Controls) -> None:
    controls.set(PROMPT, "x" * LONGEST_TEXT)
    for refused in (lambda: controls.set(PROMPT, "x" * 10_000), lambda: typed(OWN[0], "x" * 10_000)):
        with pytest.raises(ControlError, match=f"a text of 10000 characters, allowed up to {LONGEST_TEXT}"):
            refused()
    assert controls.at(PROMPT, 0.0) == "x" * LONGEST_TEXT


def test_a_scene_s_prompt_travels_and_its_epoch_stays() -> None:
    """From no words at all to some the look is not plain any more at once, and back it is not plain before the end. A
    hand's new prompt is a new epoch: what was under way shows another world.
    """
    entries = [SceneEntry("day", "street", 2.0), SceneEntry("flood", "street", 2.0, ((PROMPT, "a flood"),))]
    base = ((PROMPT, ""),)
    desk = Desk(Controls((*ENGINE_CONTROLS, *OWN)), Scenes(entries, base), Gate(), LOOKS)
    frames = {}
    for step in range(24 * 6 + 2):
        if step in (24, 96):
            desk.apply([SceneTrigger("goto", "flood" if step == 24 else "day")])
        settled = desk.settle(step / 24.0, lambda _: True)
        frames[step] = settled.epoch, settled.buses["program"].look
    assert {epoch for epoch, _ in frames.values()} == {0}
    assert [frames[step][1].plain for step in (0, 23, 25, 60, 95, 97, 145)] == [True, True] + [False] * 4 + [True]
    assert dict(frames[48][1].blends)["prompt"] == (("", pytest.approx(0.5)), ("a flood", pytest.approx(0.5)))
    assert frames[80][1].blends == ()
    desk.apply([ControlChange(PROMPT, "a desert")])
    assert desk.settle(7.0, lambda _: True).epoch == 1


def blended(share: float) -> Look:
    blend = (("ink", 1.0 - share), ("oil", share))
    return Look("painter", (("prompt", "oil"), ("strength", 0.5)), blends=(("prompt", blend),) if share < 1.0 else ())


def test_looks_agree_as_far_as_their_texts_do() -> None:
    rest = Look("painter", (("prompt", "ink"), ("strength", 0.5)))
    assert blended(0.0).text_distance(rest) == 0.0
    assert blended(0.25).text_distance(rest) == pytest.approx(0.25)
    assert blended(1.0).text_distance(rest) == 1.0
    assert blended(0.5).agreement(blended(0.55)) == 1.0
    assert blended(0.5).agreement(blended(0.7)) == pytest.approx(0.5)
    assert blended(0.2).agreement(blended(0.9)) == 0.0


def test_a_take_keeps_a_blend() -> None:
    for look in (blended(0.25), blended(1.0)):
        assert read_look(look_line(look)) == look
    line = look_line(replace(blended(0.5), plain=True))
    line["blends"]["prompt"][0][1] = 7.0
    with pytest.raises(ValueError, match="blend"):
        read_look(line)
