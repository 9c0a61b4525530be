"""Another version of the show comes while one of its scenes is on the walls: what moves, what stays, what is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from vpengine.control.controls import Control, Controls
from vpengine.control.scenes import Move, SceneEntry, Scenes, Step
from vpengine.control.transitions import dissolve
from vpengine.control.triggers import SceneTrigger
from vpengine.errors import UserError
from vpengine.frames.feed import PREVIEW
from vpengine.frames.frame_input import BusState

FOG, SNOW, YAW = "/vp/look/fog", "/vp/look/snow", "/vp/plate/yaw"
DAWN = SceneEntry("dawn", "street", 2.0, ((FOG, 0.5),))
HALL = SceneEntry("hall", "hall", 4.0, ((FOG, 1.0),))
NIGHT = SceneEntry("night", "street", 2.0, ((FOG, 0.2), (SNOW, 0.8)))
BASE = ((FOG, 0.0), (SNOW, 0.0))


class Show:
    """Dawn is on the walls; its time goes on by itself."""

    def __init__(self) -> None:
        self.scenes = Scenes((DAWN, HALL, NIGHT), BASE)
        fog, snow = Control(FOG, "float", 0.0, "Fog."), Control(SNOW, "float", 0.0, "Snow.")
        self.controls = Controls([fog, snow, Control(YAW, "float", 0.0, "Yaw.", -180.0, 180.0)])
        self.scenes.enter_first(self.controls, 0.0)
        self.late: set[str] = set()  # locations that load
        self.time_s = 0.0
        self.after(0.0)

    def after(self, seconds: float) -> BusState:
        self.time_s += seconds
        return self.scenes.advance(self.time_s, self.controls, lambda location: location not in self.late)

    def take(self, *entries: SceneEntry, base: Iterable[tuple[str, float]] = BASE) -> BusState:
        self.scenes.take(entries, tuple(base))
        return self.after(0.0)

    def goto(self, slug: str) -> BusState:
        self.scenes.ask(SceneTrigger("goto", slug))
        return self.after(0.0)

    @property
    def values(self) -> tuple[float, float]:
        now = self.controls.freeze(self.time_s)
        return float(now[FOG]), float(now[SNOW])


@pytest.fixture
def show() -> Show:
    return Show()


def test_the_same_show_again_moves_nothing_not_even_what_a_hand_moved(show: Show) -> None:
    show.controls.set(FOG, 0.9)
    assert show.take(DAWN, HALL, NIGHT) == BusState("dawn", "street")
    show.after(9.0)
    assert show.values == (0.9, 0.0)


def test_what_has_changed_of_the_scene_on_the_walls_moves_in_its_own_time(show: Show) -> None:
    show.controls.set(SNOW, 0.7)
    show.take(replace(DAWN, controls=((FOG, 0.9),)), HALL, NIGHT)
    show.after(1.0)
    assert show.values == (pytest.approx(0.7), 0.7)
    show.after(1.0)
    assert show.values == (0.9, 0.7)


def test_a_control_that_no_scene_set_before_is_the_hand_s_until_the_scene_on_the_walls_sets_it(show: Show) -> None:
    """Such as the place of the world: when another scene sets it, it stays where it was put here."""
    show.controls.set(YAW, 30.0)
    show.take(DAWN, replace(HALL, controls=((YAW, 5.0),)), NIGHT, base=(*BASE, (YAW, 0.0)))
    show.after(9.0)
    assert show.controls.freeze(show.time_s)[YAW] == 30.0
    show.take(replace(DAWN, controls=((FOG, 0.5), (YAW, 12.0))), HALL, NIGHT, base=(*BASE, (YAW, 0.0)))
    show.after(9.0)
    assert show.controls.freeze(show.time_s)[YAW] == 12.0


def test_a_control_that_the_scene_on_the_walls_sets_for_the_first_time_moves(show: Show) -> None:
    show.controls.set(YAW, 30.0)
    show.take(replace(DAWN, controls=((FOG, 0.5), (YAW, 12.0))), HALL, NIGHT, base=(*BASE, (YAW, 0.0)))
    show.after(1.0)
    assert show.controls.freeze(show.time_s)[YAW] == pytest.approx(21.0)
    show.after(1.0)
    assert show.controls.freeze(show.time_s)[YAW] == 12.0


def test_another_base_look_moves_what_the_scene_on_the_walls_does_not_set(show: Show) -> None:
    show.take(DAWN, HALL, NIGHT, base=((FOG, 0.3), (SNOW, 0.4)))
    show.after(2.0)
    assert show.values == (0.5, 0.4)
    show.goto("hall")
    show.after(4.0)
    assert show.values == (1.0, 0.4)


def test_what_another_scene_changes_waits_until_that_is_asked_for(show: Show) -> None:
    assert show.take(DAWN, HALL, replace(NIGHT, controls=((FOG, 0.1),), location="yard")) == BusState("dawn", "street")
    show.after(9.0)
    assert show.values == (0.5, 0.0)
    show.goto("night")
    assert show.after(2.0) == BusState("night", "yard")
    assert show.values == (0.1, 0.0)


def test_another_plate_of_the_scene_on_the_walls_dissolves_when_it_is_ready(show: Show) -> None:
    show.late.add("street~2")
    assert show.take(replace(DAWN, location="street~2"), HALL, NIGHT) == BusState("dawn", "street")
    assert show.after(5.0) == BusState("dawn", "street")
    show.late.clear()
    show.after(0.0)
    state = show.after(1.0)
    assert (state.location, state.incoming_location, state.mix) == ("street", "street~2", pytest.approx(0.5))
    assert show.after(1.0) == BusState("dawn", "street~2")


def test_a_scene_that_waits_for_its_plate_comes_as_it_is_by_now(show: Show) -> None:
    show.late.update(("hall", "hall~2"))
    show.goto("hall")
    show.take(DAWN, replace(HALL, location="hall~2", controls=((FOG, 0.6),)), NIGHT)
    assert show.scenes.wanted is not None
    show.late.discard("hall~2")
    show.after(0.0)
    assert show.after(4.0) == BusState("hall", "hall~2")
    assert show.values == (0.6, 0.0)


def test_a_scene_that_waits_and_is_gone_does_not_come(show: Show) -> None:
    show.late.add("hall")
    show.goto("hall")
    show.take(DAWN, NIGHT)
    show.late.clear()
    assert show.after(9.0) == BusState("dawn", "street")
    assert show.values == (0.5, 0.0)


def test_what_a_cue_sets_otherwise_than_its_scene_goes_where_the_cue_takes_it(show: Show) -> None:
    """Of the step that waits: the fog is the cue's own, the snow is the scene's."""
    show.late.add("street~2")
    moves = (Move(FOG, 0.75, 1.0), Move(SNOW, 0.8, 1.0))
    show.scenes.play(Step("night", "street~2", dissolve(1.0), moves))
    show.take(DAWN, HALL, replace(NIGHT, location="street~2", controls=((FOG, 0.1), (SNOW, 0.3))))
    show.late.clear()
    show.after(0.0)
    show.after(2.0)
    assert show.values == (0.75, 0.3)


@pytest.mark.parametrize(("action", "comes"), [("next", "hall"), ("previous", "night")])
def test_a_scene_that_is_gone_stays_until_another_is_asked_for(show: Show, action: str, comes: str) -> None:
    """Next and previous go on from its place; it cannot be asked for again, also not from the preview."""
    show.scenes.ask(SceneTrigger("goto", "dawn", PREVIEW))
    assert show.take(HALL, NIGHT) == BusState("dawn", "street")
    assert show.after(9.0) == BusState("dawn", "street")
    assert not show.scenes.stands_by
    assert show.scenes.values("dawn") == {FOG: 0.5, SNOW: 0.0}
    with pytest.raises(UserError, match="no scene 'dawn'"):
        show.scenes.ask(SceneTrigger("goto", "dawn"))
    show.scenes.ask(SceneTrigger(action, ""))  # type: ignore[arg-type]
    show.after(0.0)
    assert show.after(9.0).scene == comes


def test_a_scene_that_comes_back_is_the_one_on_the_walls_again(show: Show) -> None:
    show.take(HALL, NIGHT)
    assert show.take(DAWN, HALL, NIGHT) == BusState("dawn", "street")
    show.scenes.ask(SceneTrigger("next", ""))
    show.after(0.0)
    assert show.after(9.0).scene == "hall"


def test_one_that_comes_back_as_another_goes_there(show: Show) -> None:
    """It was mended in two steps: what it is now has to be seen."""
    show.take(HALL, NIGHT)
    show.take(replace(DAWN, location="yard", controls=((FOG, 0.9),)), HALL, NIGHT)
    assert show.after(2.0) == BusState("dawn", "yard")
    assert show.values == (0.9, 0.0)


def test_another_slug_alone_is_the_same_scene_wherever_it_is(show: Show) -> None:
    """On the walls, in what is under way and waits, and in the preview; what a hand moved stays."""
    show.controls.set(FOG, 0.6)
    show.scenes.ask(SceneTrigger("goto", "night", PREVIEW))
    show.late.add("hall")
    show.goto("hall")
    renamed = [replace(each, slug=f"{each.slug}-2") for each in (DAWN, HALL, NIGHT)]
    assert show.take(*renamed) == BusState("dawn-2", "street")
    assert show.values == (0.6, 0.0)
    assert show.scenes.standby_slug == "night-2"
    show.late.clear()
    show.after(0.0)
    assert show.after(4.0) == BusState("hall-2", "hall")


def test_in_a_dissolve_both_locations_stay_and_what_changed_comes_over_them(show: Show) -> None:
    show.goto("hall")
    before = dict(show.after(2.0).shares)
    state = show.take(DAWN, replace(HALL, location="hall~2"), NIGHT)
    assert {location: share for location, share in state.shares if share} == before
    assert show.scenes.locations == {"street", "hall", "hall~2"}
    assert show.after(4.0) == BusState("hall", "hall~2")
