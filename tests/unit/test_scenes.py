"""Scenes: which one is on the wall, who is next, and dissolves that begin only when their location is ready."""

from __future__ import annotations

from typing import Literal

import pytest

from vpengine.control.controls import Control, Controls
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import UserError
from vpengine.frames.frame_input import BusState

FOG = "/vp/look/fog"
ENTRIES = (
    SceneEntry("dawn", "street", 2.0, ((FOG, 0.5),)),
    SceneEntry("noon", "street", 2.0, ((FOG, 0.0),)),
    SceneEntry("hall", "hall", 4.0, ((FOG, 1.0),)),
    SceneEntry("cut", "field", 0.0),
)


def trigger(action: Literal["goto", "next", "previous"], name: str = "") -> SceneTrigger:
    return SceneTrigger(action, name)


class Show:
    """Scenes with their controls, and the locations that are ready."""

    def __init__(self) -> None:
        self.scenes = Scenes(ENTRIES)
        self.controls = Controls([Control(FOG, "float", 0.0, "Fog.")])
        self.ready = {"street", "hall", "field"}
        self.asked: list[str] = []

    def at(self, time_s: float) -> BusState:
        return self.scenes.advance(time_s, self.controls, self._can_show)

    def _can_show(self, location: str) -> bool:
        self.asked.append(location)
        return location in self.ready

    def fog(self, time_s: float) -> float:
        return float(self.controls.freeze(time_s)[FOG])


@pytest.fixture
def show() -> Show:
    return Show()


def test_it_begins_with_the_first_scene(show: Show) -> None:
    assert show.scenes.shown == "dawn"
    show.scenes.enter_first(show.controls, 0.0)
    assert show.fog(0.0) == 0.5
    assert show.at(0.0) == BusState("dawn", "street")


def test_scenes_on_one_place_differ_in_their_controls_only(show: Show) -> None:
    """No dissolve of the picture with itself; the controls fade over the scene's time."""
    show.scenes.enter_first(show.controls, 0.0)
    show.scenes.ask(trigger("next"))
    assert show.at(10.0) == BusState("noon", "street")
    assert show.fog(11.0) == pytest.approx(0.25)
    assert show.fog(12.0) == 0.0


def test_a_dissolve_is_even_and_ends(show: Show) -> None:
    show.scenes.ask(trigger("goto", "hall"))
    states = [show.at(10.0 + 0.25 * step) for step in range(18)]
    assert states[0] == BusState("hall", "street", "hall", 0.0)
    assert show.scenes.shown == "hall"
    mixes = [state.mix for state in states if state.incoming_location == "hall"]
    assert mixes == sorted(mixes)
    assert all(0.0 <= mix < 1.0 for mix in mixes)
    assert mixes[8] == pytest.approx(0.5)
    assert states[16] == states[17] == BusState("hall", "hall")


def test_the_controls_fade_with_the_picture(show: Show) -> None:
    show.scenes.ask(trigger("goto", "hall"))
    show.at(10.0)
    assert show.fog(10.0) == 0.0
    assert show.fog(12.0) == pytest.approx(0.5)
    assert show.fog(14.0) == 1.0


def test_a_scene_without_dissolve_cuts(show: Show) -> None:
    show.scenes.ask(trigger("goto", "cut"))
    assert show.at(1.0) == BusState("cut", "field")


def test_a_scene_waits_until_its_place_is_ready(show: Show) -> None:
    show.ready.discard("hall")
    show.scenes.ask(trigger("goto", "hall"))
    for time_s in (1.0, 2.0, 3.0):
        assert show.at(time_s) == BusState("dawn", "street")
        assert show.fog(time_s) == 0.0
    assert show.asked == ["hall"] * 3
    show.ready.add("hall")
    assert show.at(4.0) == BusState("hall", "street", "hall", 0.0)
    assert show.at(6.0).mix == pytest.approx(0.5)


def test_next_and_previous_go_round(show: Show) -> None:
    show.scenes.ask(trigger("previous"))
    assert show.at(0.0).scene == "cut"
    show.scenes.ask(trigger("next"))
    assert show.at(10.0).scene == "dawn"


def test_two_nexts_move_two_scenes(show: Show) -> None:
    """Also when the second comes before the first has begun."""
    show.scenes.ask(trigger("next"))
    show.scenes.ask(trigger("next"))
    assert show.at(0.0).scene == "hall"
    show.ready.clear()
    show.scenes.ask(trigger("previous"))
    show.scenes.ask(trigger("previous"))
    show.at(20.0)
    show.ready.add("street")
    assert show.at(21.0).scene == "dawn"


def shares(state: BusState) -> dict[str, float]:
    return {location: pytest.approx(share) for location, share in state.shares}


def test_a_cut_interrupts_a_dissolve_at_once(show: Show) -> None:
    """A slate asked for at the start of a dissolve of a minute is not shown a minute later."""
    show.scenes.ask(trigger("goto", "hall"))
    show.at(0.0)
    show.scenes.ask(trigger("next"))
    assert show.at(2.0) == BusState("cut", "field")
    assert show.fog(2.0) == pytest.approx(0.5)  # its controls go on as the scene before said: it sets none


def test_a_dissolve_interrupts_another_from_what_is_visible(show: Show) -> None:
    """The picture goes on from the mixture it was, evenly, and ends as the scene asked for last."""
    scenes = Scenes((*ENTRIES, SceneEntry("lake", "lake", 4.0)))
    show.scenes, show.ready = scenes, {*show.ready, "lake"}
    show.scenes.ask(trigger("goto", "hall"))
    show.at(0.0)
    assert shares(show.at(1.0)) == {"street": 0.75, "hall": 0.25}
    show.scenes.ask(trigger("goto", "lake"))
    assert {location: share for location, share in show.at(1.0).shares if share} == {"street": 0.75, "hall": 0.25}
    halfway = show.at(3.0)
    assert shares(halfway) == {"street": 0.375, "hall": 0.125, "lake": 0.5}
    assert (halfway.scene, halfway.target, halfway.incoming_location) == ("lake", "lake", "lake")
    show.scenes.ask(trigger("goto", "hall"))  # back to one that is still visible
    show.at(3.0)
    assert shares(show.at(5.0)) == {"street": 0.1875, "hall": 0.5625, "lake": 0.25}
    assert show.at(7.0) == BusState("hall", "hall")


def test_many_interruptions_never_jump_far_nor_pile_up(show: Show) -> None:
    """A chattering operator: the picture changes evenly, and a frame never draws more than four locations."""
    names = ("hall", "noon", "lake", "sea", "moon")
    entries = (*ENTRIES, *(SceneEntry(name, name, 4.0) for name in ("lake", "sea", "moon")))
    show.scenes, show.ready = Scenes(entries), {"street", "hall", "lake", "sea", "moon"}
    before: dict[str, float] = {"street": 1.0}
    for step in range(200):
        if step % 8 == 0:
            show.scenes.ask(trigger("goto", names[step // 8 % len(names)]))
        now = dict(show.at(step / 24.0).shares)
        assert sum(now.values()) == pytest.approx(1.0)
        assert len(now) <= 4
        assert max(abs(now.get(location, 0.0) - before.get(location, 0.0)) for location in {*now, *before}) < 0.12
        before = now


def test_what_a_scene_does_not_set_goes_back_to_the_base_look() -> None:
    """Fog of the scene before does not stay in the next; keep = true says that it shall."""
    rain = "/vp/look/rain"
    entries = (
        SceneEntry("foggy", "street", 0.0, ((FOG, 0.9),)),
        SceneEntry("bare", "street", 2.0),
        SceneEntry("kept", "street", 0.0, (), keep=True),
    )
    controls = Controls([Control(FOG, "float", 0.0, "Fog."), Control(rain, "float", 0.0, "Rain.")])
    scenes = Scenes(entries, base=((FOG, 0.2),))
    scenes.enter_first(controls, 0.0)
    controls.set(rain, 0.7)  # of no base look: a hand's alone
    assert controls.freeze(0.0) == {FOG: 0.9, rain: 0.7}
    for name, fog in (("bare", 0.2), ("foggy", 0.9), ("kept", 0.9)):
        scenes.ask(trigger("goto", name))
        scenes.advance(10.0, controls, lambda location: True)
        assert controls.freeze(20.0) == {FOG: pytest.approx(fog), rain: 0.7}


def test_an_unknown_scene_is_refused_and_nothing_is_lost(show: Show) -> None:
    show.ready.discard("hall")
    show.scenes.ask(trigger("goto", "hall"))
    with pytest.raises(UserError, match="no scene 'hal'; did you mean 'hall'"):
        show.scenes.ask(trigger("goto", "hal"))
    show.ready.add("hall")
    assert show.at(0.0).scene == "hall"  # what was asked before still comes


def test_the_same_scene_again_takes_its_controls_back(show: Show) -> None:
    show.scenes.enter_first(show.controls, 0.0)
    show.controls.set(FOG, 0.9)
    show.scenes.ask(trigger("goto", "dawn"))
    assert show.at(5.0) == BusState("dawn", "street")
    assert show.fog(7.0) == 0.5
