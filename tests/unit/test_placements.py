"""Where worlds stand: what controls make of it, what Views do with it, and what a dissolve keeps."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.take_frames import frame as take_frame
from tests.take_frames import keyframe, plate, written
from tests.unit.test_stations import frame
from vpengine.compose.stations import Stations
from vpengine.control.chance import Chance
from vpengine.control.controls import Controls
from vpengine.control.declared import CHANCE_AMOUNT, ENGINE_CONTROLS, PLATE_HEIGHT, PLATE_SCALE, PLATE_YAW
from vpengine.control.desk import Desk
from vpengine.control.gate import Gate
from vpengine.control.messages import ControlChange
from vpengine.control.placements import PLACE, placement_from
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.triggers import SafeTrigger, SceneTrigger, TakeTrigger
from vpengine.files import controls_of
from vpengine.frames.feed import PREVIEW, PROGRAM
from vpengine.frames.frame_input import BusState, FrameInput
from vpengine.neural.declared import looks_of
from vpengine.takes.log import read_log, read_placement
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.placement import AS_SET, Placement
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View, carried, in_plate, rays

MOVED = Placement(30.0, 0.5, -1.0, 0.3, 2.0)
VIEW = View(
    view_from_stage(from_opentrackio((0.4, -2.0, 1.7), 15.0, 5.0, 3.0)), clip_from_view_symmetric(60.0, 1.6), (8, 5)
)
SOUTH = {PLATE_YAW: 90.0, PLATE_HEIGHT: -1.0}


def test_nothing_moved_is_the_very_view() -> None:
    assert in_plate(VIEW) is VIEW
    moved = replace(VIEW, placement=MOVED)
    assert carried(moved, MOVED) is moved


def test_a_world_is_scaled_and_turned_about_the_origin_and_then_moved() -> None:
    """Yaw 90 takes what is ahead to the left; its own origin goes where it is moved."""
    there = Placement(90.0, 1.0, 2.0, 3.0, 2.0).stage_from_plate
    np.testing.assert_allclose(there @ [0.0, 0.0, 0.0, 1.0], [1.0, 2.0, 3.0, 1.0])
    np.testing.assert_allclose(there @ [0.0, 5.0, 1.0, 1.0], [1.0 - 10.0, 2.0, 3.0 + 2.0, 1.0], atol=1e-12)


def test_a_placed_view_sees_a_plates_point_where_it_stands_on_the_stage() -> None:
    """The same pixel, and the same depth in the stage's metres; a ray goes there from the eye."""
    placed, point = in_plate(replace(VIEW, placement=MOVED)), np.array([1.5, 7.0, 2.0, 1.0])
    on_stage = MOVED.stage_from_plate @ point
    clip = VIEW.clip_from_stage @ on_stage
    np.testing.assert_allclose(placed.clip_from_stage @ point, clip, atol=1e-12)
    np.testing.assert_allclose(MOVED.stage_from_plate @ [*placed.origin_m, 1.0], [*VIEW.origin_m, 1.0], atol=1e-12)
    met = placed.origin_m + rays(placed, clip[:2] / clip[3]) * clip[3]
    np.testing.assert_allclose(met, point[:3], atol=1e-9)
    assert placed.scale == 2.0


def test_a_picture_of_a_world_that_moved_on_is_found_where_that_is_now() -> None:
    before, now, point = replace(VIEW, placement=MOVED), Placement(-20.0, scale=0.5), np.array([1.5, 7.0, 2.0, 1.0])
    seen = in_plate(before).clip_from_stage @ point
    found = carried(before, now).clip_from_stage @ now.stage_from_plate @ point
    np.testing.assert_allclose(found, seen, atol=1e-9)


def test_another_place_is_another_view() -> None:
    """So that a picture is asked for anew."""
    assert not VIEW.same_as(replace(VIEW, placement=MOVED))
    assert replace(VIEW, placement=MOVED).same_as(replace(VIEW, placement=replace(MOVED)))


def test_every_control_of_the_plate_is_one_of_its_places() -> None:
    controls = Controls(ENGINE_CONTROLS).freeze(0.0)
    assert placement_from(controls) == AS_SET
    addresses = [address for address in controls if address.startswith("/vp/plate/")]
    given = {address: 0.125 * (index + 1) for index, address in enumerate(addresses)}
    assert sorted(dataclasses.astuple(placement_from({**controls, **given}))) == sorted(given.values())
    assert len(set(given)) == len(dataclasses.fields(Placement))


def make_desk(*drifting: str) -> Desk:
    scenes = Scenes(
        [
            SceneEntry("day", "street", 1.0),
            SceneEntry("south", "yard", 1.0, tuple(SOUTH.items())),
            SceneEntry("turned", "street", 1.0, ((PLATE_YAW, 40.0),)),
        ],
        base=((PLATE_YAW, 0.0), (PLATE_HEIGHT, 0.0), (PLATE_SCALE, 1.0)),
    )
    controls = Controls(controls_of("weather"))
    chance = Chance(controls.declared, drifting)
    desk = Desk(controls, scenes, Gate(None), looks_of("weather"), chance=chance)
    desk.scenes.enter_first(desk.controls, 0.0)
    return desk


def state_of(desk: Desk, *messages: Any, at_s: float, bus: str = PROGRAM) -> BusState:
    desk.apply(messages)
    return desk.settle(at_s, lambda _: True).buses[bus]


def test_a_hand_moves_the_world_and_untouched_nothing_is_said() -> None:
    desk = make_desk()
    assert state_of(desk, at_s=0.0).placements == ()
    state = state_of(desk, ControlChange(PLATE_YAW, 12.5), ControlChange(PLATE_SCALE, 2.0), at_s=0.1)
    assert state.placement("street") == Placement(12.5, scale=2.0)
    assert state.placement("elsewhere") == AS_SET


def test_in_a_dissolve_each_world_stands_where_its_own_scene_has_it() -> None:
    """From its first frame; and back again, also where it is interrupted."""
    desk = make_desk()
    state_of(desk, ControlChange(PLATE_YAW, 7.0), at_s=0.0)
    state_of(desk, SceneTrigger("goto", "south"), at_s=1.0)
    for at_s in (1.1, 1.5, 1.9):
        state = state_of(desk, at_s=at_s)
        assert len(state.shares) == 2
        assert state.placement("street") == Placement(7.0)
        assert state.placement("yard") == Placement(90.0, up_m=-1.0)
    assert state_of(desk, at_s=3.0).placements == (("yard", Placement(90.0, up_m=-1.0)),)
    state_of(desk, SceneTrigger("goto", "day"), at_s=4.0)
    assert state_of(desk, at_s=4.4).placement("yard") == Placement(90.0, up_m=-1.0)
    interrupted = state_of(desk, SceneTrigger("goto", "south"), at_s=4.5)
    assert interrupted.placements == (("yard", Placement(90.0, up_m=-1.0)),)
    assert state_of(desk, at_s=4.7).placements == (("yard", Placement(90.0, up_m=-1.0)),)


def test_a_hand_on_the_world_that_comes_moves_that_one_alone() -> None:
    desk = make_desk()
    state_of(desk, at_s=0.0)
    state_of(desk, SceneTrigger("goto", "south"), at_s=1.0)
    state = state_of(desk, ControlChange(PLATE_YAW, 80.0), at_s=1.5)
    assert (state.placement("street"), state.placement("yard").yaw_deg) == (AS_SET, 80.0)


def test_a_world_that_stays_goes_smoothly_to_where_another_scene_has_it() -> None:
    desk = make_desk()
    state_of(desk, at_s=0.0)
    yaws = [
        state_of(desk, *([SceneTrigger("goto", "turned")] if step == 0 else []), at_s=1.0 + step / 24.0)
        .placement("street")
        .yaw_deg
        for step in range(30)
    ]
    assert yaws[0] == 0.0
    assert yaws[-1] == 40.0
    assert yaws == sorted(yaws)
    assert max(np.diff(yaws)) < 4.0


def test_the_preview_stands_where_its_scene_has_it() -> None:
    desk = make_desk()
    state = state_of(desk, SceneTrigger("goto", "south", PREVIEW), at_s=0.0, bus=PREVIEW)
    assert state.placement("yard") == Placement(90.0, up_m=-1.0)
    moved = state_of(desk, ControlChange(PLATE_YAW, 60.0, PREVIEW), at_s=0.1, bus=PREVIEW)
    assert moved.placement("yard") == Placement(60.0, up_m=-1.0)
    assert state_of(desk, at_s=0.2).placements == ()


@pytest.mark.parametrize("lock", ["roll", "lock"])
def test_while_looks_are_locked_a_hand_moves_the_preview_s_world_alone(lock: Any) -> None:
    desk = make_desk()
    state_of(desk, ControlChange(PLATE_YAW, 7.0), TakeTrigger(lock), at_s=0.0)
    asked = [ControlChange(address, 0.5) for address in PLACE]
    tried = [SceneTrigger("goto", "south", PREVIEW), *(replace(each, bus=PREVIEW) for each in asked)]
    assert state_of(desk, *asked, *tried, at_s=0.1).placement("street") == Placement(7.0)
    assert state_of(desk, at_s=0.2, bus=PREVIEW).placement("yard") == Placement(0.5, 0.5, 0.5, 0.5, 0.5)
    why = {"roll": "take 1 is rolling", "lock": "looks are locked"}[lock]
    assert list(desk.refusals) == [f"{why}: {address} stays as it is" for address in PLACE]
    state_of(desk, TakeTrigger({"roll": "cut", "lock": "unlock"}[lock]), at_s=0.3)
    assert state_of(desk, ControlChange(PLATE_YAW, 9.0), at_s=0.4).placement("street") == Placement(9.0)


@pytest.mark.parametrize(("scene", "there"), [("south", Placement(90.0, up_m=-1.0)), ("turned", None)])
def test_a_lock_in_a_dissolve_leaves_worlds_where_they_are_seen(scene: str, there: Placement | None) -> None:
    """The one that comes stands at its end already; one that was on its way stops, and so it is when it is unlocked."""
    desk = make_desk()
    state_of(desk, at_s=0.0)
    state_of(desk, SceneTrigger("goto", scene), at_s=1.0)
    before = state_of(desk, at_s=1.5)
    seen = before.placement(before.target)
    assert seen == there or 5.0 < seen.yaw_deg < 35.0
    locked = [state_of(desk, TakeTrigger("lock"), at_s=1.5), *(state_of(desk, at_s=at_s) for at_s in (1.6, 5.0))]
    unlocked = [state_of(desk, TakeTrigger("unlock"), at_s=5.1), state_of(desk, at_s=9.0)]
    for state in (*locked, *unlocked):
        assert state.placement(before.target) == seen
        assert state.placement("street") == (AS_SET if there else seen)


def test_a_world_that_drifts_by_chance_stands_while_looks_are_locked() -> None:
    """Also where a hand takes chance further."""
    desk = make_desk(PLATE_YAW)
    state_of(desk, ControlChange(CHANCE_AMOUNT, 0.5), at_s=0.0)
    drifted = state_of(desk, at_s=7.0).placement("street")
    assert state_of(desk, at_s=9.0).placement("street") != drifted != AS_SET
    held = state_of(desk, TakeTrigger("lock"), at_s=9.0).placement("street")
    assert state_of(desk, ControlChange(CHANCE_AMOUNT, 1.0), at_s=11.0).placement("street") == held


def test_a_world_that_comes_drifts_from_the_first_frame_on() -> None:
    """And does not jump there when its controls arrive."""
    desk = make_desk(PLATE_YAW)
    state_of(desk, ControlChange(CHANCE_AMOUNT, 0.5), at_s=3.0)
    state_of(desk, SceneTrigger("goto", "south"), at_s=4.0)
    yaws = [state_of(desk, at_s=4.0 + step / 24.0).placement("yard").yaw_deg for step in range(1, 40)]
    assert abs(yaws[0] - 90.0) > 3.0
    assert np.abs(np.diff(yaws)).max() < 4.0


RELEASED = [1.0 + step / 24.0 for step in range(30)]  # frames, from the one that releases SAFE on


def released(desk: Desk) -> list[float]:
    """Yaw of the street, frame by frame."""
    state_of(desk, SafeTrigger(False), at_s=RELEASED[0])
    return [state_of(desk, at_s=at_s).placement("street").yaw_deg for at_s in RELEASED]


def test_the_safe_plate_goes_with_a_hand_at_once_and_does_not_move_on_release() -> None:
    desk = make_desk()
    state_of(desk, ControlChange(PLATE_YAW, 10.0), at_s=0.0)
    state_of(desk, SafeTrigger(True), at_s=0.2)
    moved = state_of(desk, ControlChange(PLATE_YAW, 60.0), at_s=0.4)
    assert moved.placement("street") == Placement(60.0)
    assert set(released(desk)) == {60.0}


@pytest.mark.parametrize("message", [SceneTrigger("goto", "turned"), SceneTrigger("goto", "south")])
def test_where_scenes_put_the_world_under_the_safe_plate_is_not_seen_there(message: SceneTrigger) -> None:
    """Nor is a hand that moves the world of another location by then; on release the same one goes there smoothly."""
    desk = make_desk()
    state_of(desk, ControlChange(PLATE_YAW, 10.0), SafeTrigger(True), at_s=-9.0)
    state_of(desk, message, at_s=-8.0)
    state_of(desk, at_s=-2.0)
    asked = [ControlChange(PLATE_YAW, 30.0)] if message.name == "south" else []
    assert state_of(desk, *asked, at_s=0.9).placement("street") == Placement(10.0)
    yaws = released(desk)
    if message.name == "turned":
        assert (yaws[0], yaws[-1], yaws) == (10.0, 40.0, sorted(yaws))
        assert max(np.diff(yaws)) < 4.0
    else:
        assert set(yaws[:20]) == {10.0}, "while it dissolves"


def test_safe_again_on_the_way_back_keeps_the_world_where_it_is_seen() -> None:
    desk = make_desk()
    state_of(desk, SafeTrigger(True), at_s=-9.0)
    state_of(desk, SceneTrigger("goto", "turned"), at_s=-8.0)
    state_of(desk, SafeTrigger(False), at_s=0.0)
    seen = state_of(desk, at_s=0.5).placement("street").yaw_deg
    assert seen == pytest.approx(20.0)
    assert state_of(desk, SafeTrigger(True), at_s=0.51).placement("street").yaw_deg == seen
    assert state_of(desk, SafeTrigger(False), SafeTrigger(True), at_s=0.6).placement("street").yaw_deg == seen


def test_what_the_walls_hold_waits_for_a_hand_on_the_world_and_goes_there_on_release() -> None:
    desk = make_desk()
    desk.safe.picture = "hold"
    state_of(desk, ControlChange(PLATE_YAW, 10.0), SafeTrigger(True), at_s=0.0)
    assert state_of(desk, ControlChange(PLATE_YAW, 50.0), at_s=0.5).placement("street") == Placement(10.0)
    yaws = released(desk)
    assert (yaws[0], yaws[-1], yaws) == (10.0, 50.0, sorted(yaws))
    assert max(np.diff(yaws)) < 4.0


def test_a_take_has_where_worlds_stood_and_pictures_of_them_were_made(tmp_path: Path) -> None:
    """And one of before there was any is read as if nothing was moved."""
    first = take_frame(1, (keyframe(1),))
    program = replace(first.program, placements=(("street", MOVED),))
    made = keyframe(2)
    view = replace(made.request.plate.view, placement=MOVED)
    of_moved = replace(made, request=replace(made.request, plate=replace(made.request.plate, view=view)))
    second = replace(take_frame(2, (of_moved,)), buses={PROGRAM: program})
    found = list(read_log(written(tmp_path / "take", first, second), plate))
    assert [each.program.placements for each in found] == [(), (("street", MOVED),)]
    assert [each.keyframes[0].request.plate.view.placement for each in found] == [AS_SET, MOVED]
    path = tmp_path / "take" / "frames.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    del lines[0]["buses"][PROGRAM]["placements"]
    assert "placement" not in lines[0]["keyframes"][0]["view"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert next(iter(read_log(tmp_path / "take", plate))).program == first.program


def test_stations_go_with_the_world() -> None:
    """Where the world is moved by three metres, the camera is by a place of it that no station is near; where it is
    turned, what lies ahead of the camera is another face.
    """
    still, moved = frame(), frame()
    stations = Stations((0.0, 0.0, 1.6), 64, 4)
    first = stations.wanted(still)
    assert first is not None
    assert first.view.placement == AS_SET

    def at(placement: Placement) -> FrameInput:
        program = replace(moved.program, placements=((moved.program.target, placement),))
        return replace(moved, buses={**moved.buses, PROGRAM: program})

    away = Stations((0.0, 0.0, 1.6), 64, 4).wanted(at(Placement(right_m=-50.0)))
    assert away is not None
    np.testing.assert_allclose(away.view.origin_m, first.view.origin_m + np.array([50.0, 0.0, 0.0]), atol=1.0)
    turned = Stations((0.0, 0.0, 1.6), 64, 4).wanted(at(Placement(yaw_deg=90.0)))
    assert turned is not None
    assert turned.face.face == 1  # the world went to the left: its own right lies ahead
    assert first.face.face == 0


def test_a_place_that_is_none_is_refused() -> None:
    assert read_placement({}) == AS_SET
    assert read_placement({"yaw_deg": 3}) == Placement(3.0)
    with pytest.raises(ValueError, match="without a size"):
        read_placement({"scale": 0.0})
