"""The desk settles what operators said once a frame; the gate keeps what belongs to an older epoch off the wall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vpengine.control.controls import Control, Controls
from vpengine.control.declared import ENGINE_CONTROLS, NEURAL_BAKED, NEURAL_SEED, OUTER_LEVEL
from vpengine.control.desk import FAULT, Desk
from vpengine.control.gate import Gate
from vpengine.control.looks import Looks, look_address
from vpengine.control.messages import ControlChange, ControlToggle, OperatorMessage
from vpengine.control.scenes import SceneEntry, Scenes
from vpengine.control.triggers import RefreshTrigger, SafeTrigger, SceneTrigger
from vpengine.frames.frame_input import BusState
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.look import NO_LOOK, Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.light import DAY
from vpengine.view.pose import Pose

SNOW = look_address("snow")
OWN = tuple(Control(look_address(name), "float", 0.0, "Much.") for name in ("snow", "fog"))
LOOKS = Looks("weather", OWN, lambda values: not any(values.values()))


@pytest.fixture
def desk() -> Desk:
    entries = [SceneEntry("a", "street", 0.0), SceneEntry("b", "hall", 2.0, ((SNOW, 1.0),))]
    return Desk(Controls((*ENGINE_CONTROLS, *OWN)), Scenes(entries), Gate(), LOOKS)


def test_a_scene_that_is_baked_has_the_look_that_it_was_baked_with(desk: Desk) -> None:
    """Whatever the faders say, and of a generator that need not be there; unless an operator wants it live."""
    look = Look("diffusion", (("prompt", "a harbour"),), 5)
    desk = Desk(desk.controls, desk.scenes, desk.gate, LOOKS, {"b": look})
    desk.apply([TO_B, HAND, SceneTrigger("goto", "b", "preview")])
    before = desk.settle(1.0, lambda _: False)
    assert not before.buses["program"].baked
    settled = desk.settle(2.0, always)
    for bus in ("program", "preview"):
        assert (settled.buses[bus].look, settled.buses[bus].bake) == (look, "b")
    assert settled.epoch > before.epoch, "what was asked before is not shown over the bake"
    desk.apply([ControlChange(NEURAL_BAKED, False)])
    live = desk.settle(3.0, always)
    assert (live.buses["program"].look.generator, live.buses["program"].bake) == ("weather", None)
    assert live.epoch > settled.epoch


def test_a_message_that_meets_a_fault_is_refused_and_the_next_ones_are_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(desk.scenes, "step_of", broken)
    desk.apply([SceneTrigger("next"), SafeTrigger(True)])
    assert list(desk.refusals) == [f"{FAULT} (KeyError: 'lost')"]
    assert desk.safe.on


def always(location: str) -> bool:
    return bool(location)


def test_a_bus_knows_that_its_plate_is_left_as_it_is(desk: Desk) -> None:
    desk.apply([SceneTrigger("goto", "b", "preview")])
    settled = desk.settle(1.0, always)
    assert settled.buses["program"].look.plain
    assert not settled.buses["preview"].look.plain


def test_changes_and_triggers_are_settled_into_one_frame(desk: Desk) -> None:
    desk.apply([ControlChange(SNOW, 0.5), ControlChange(OUTER_LEVEL, 9.0)])
    settled = desk.settle(1.0, always)
    assert replace(settled.buses["program"], look=NO_LOOK, light=DAY) == BusState("a", "street")
    assert settled.controls[SNOW] == 0.5
    assert settled.controls[OUTER_LEVEL] == 4.0
    assert settled.buses["program"].look.values == (("snow", 0.5), ("fog", 0.0))
    assert not settled.buses["program"].look.plain
    assert settled.buses["program"].look.generator == "weather"
    desk.apply([SceneTrigger("next")])
    begun = desk.settle(2.0, always)
    assert replace(begun.buses["program"], look=NO_LOOK, light=DAY) == BusState("b", "street", "hall", 0.0)
    assert begun.controls[SNOW] == 0.5
    assert dict(desk.settle(3.0, always).buses["program"].look.values)["snow"] == pytest.approx(
        0.75
    )  # the look follows the scene's fade
    assert desk.settle(4.0, always).controls[SNOW] == 1.0


TO_B, TO_A, HAND = SceneTrigger("goto", "b"), SceneTrigger("goto", "a"), ControlChange(SNOW, 0.25)


@pytest.mark.parametrize(
    ("messages", "snow"),
    [
        ([TO_B, HAND], 0.25),
        ([HAND, TO_B], 1.0),
        ([TO_A, HAND, TO_B], 1.0),
        ([TO_B, HAND, SceneTrigger("goto", "nowhere")], 0.25),  # what is refused changes nothing
        ([TO_B, ControlChange(SNOW, "much")], 1.0),
    ],
)
def test_the_order_of_a_frame_s_messages_decides(desk: Desk, messages: list[OperatorMessage], snow: float) -> None:
    """A fader moved after a scene was fired stays in the hand; one moved before goes where the scene says."""
    desk.apply(messages)
    assert desk.settle(0.0, always).buses["program"].scene == "b"
    assert desk.settle(5.0, always).controls[SNOW] == snow


def test_a_scene_that_waits_for_its_plate_leaves_what_a_hand_moved_meanwhile(desk: Desk) -> None:
    desk.apply([TO_B])
    desk.settle(0.0, lambda location: False)
    desk.apply([HAND])
    desk.settle(1.0, always)
    assert desk.settle(5.0, always).controls[SNOW] == 0.25
    desk.apply([TO_B])  # asked for again, it sets all that it has
    desk.settle(6.0, always)
    assert desk.settle(9.0, always).controls[SNOW] == 1.0


def test_a_refused_change_leaves_the_rest(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    changes = {SNOW: 0.5, "/vp/look/snwo": 1.0, OUTER_LEVEL: "much", look_address("fog"): 0.25}
    triggers = [SceneTrigger("goto", "nowhere"), SceneTrigger("goto", "b")]
    desk.apply([*(ControlChange(*change) for change in changes.items()), *triggers])
    settled = desk.settle(0.0, always)
    assert settled.controls[SNOW] == 0.5
    assert settled.controls[look_address("fog")] == 0.25
    assert settled.controls[OUTER_LEVEL] == 1.0
    assert settled.buses["program"].scene == "b"
    assert desk.refused == 3
    assert [record.getMessage() for record in caplog.records] == [
        "no control '/vp/look/snwo'; did you mean '/vp/look/snow'?",
        "/vp/outer/level: 'much', expected a number from 0 to 4",
        "no scene 'nowhere' (allowed: a, b)",
    ]


def test_the_epoch_rises_with_the_seed_not_with_the_faders(desk: Desk) -> None:
    first = desk.settle(0.0, always).epoch
    desk.apply([ControlChange(SNOW, 1.0)])
    assert desk.settle(1.0, always).epoch == first
    desk.apply([ControlChange(NEURAL_SEED, 5.0)])
    assert desk.settle(2.0, always).epoch == first + 1
    assert desk.settle(3.0, always).epoch == first + 1


def keyframe(epoch: int) -> Keyframe:
    view = camera_view(Pose(), Lens((24.0, 13.5), 24.0), (2, 2))
    blank = np.zeros((2, 2, 3), np.float16)
    plate = ImageSet.of(blank, np.ones((2, 2), np.float32), blank[..., 0], view, Provenance("plate:x"))
    request = Request(1, epoch, "x", plate, Look("weather"), 0.0)
    return Keyframe(
        request, Pixels(blank), Pixels(blank), neutral_grade(), Provenance("weather"), Timings(0.0, 0.0, 0.0)
    )


def test_the_gate_follows_generator_and_seed() -> None:
    gate = Gate()
    asked = [("a", 0), ("a", 0), ("a", 1), ("b", 1), ("b", 1), ("a", 0)]
    epochs = [gate.follow(Look(generator, seed=seed)) for generator, seed in asked]
    assert epochs == [0, 0, 1, 2, 2, 3]  # an epoch never comes back


def test_the_gate_follows_prompts_and_no_faders() -> None:
    """A picture of another prompt is a picture of another world; one of another fader is on its way there."""
    gate = Gate()
    asked = [(0.0, "ink"), (0.5, "ink"), (0.5, "oil"), (1.0, "oil"), (1.0, "ink")]
    looks = [Look("a", (("strength", strength), ("style", style), ("mirrored", True))) for strength, style in asked]
    assert [gate.follow(look) for look in looks] == [0, 0, 1, 1, 2]


def test_the_gate_discards_and_counts_what_is_older() -> None:
    gate = Gate()
    gate.follow(Look("a"))
    old = keyframe(gate.epoch)
    assert gate.admit([old]) == (old,)
    gate.follow(Look("a", seed=1))
    new = replace(keyframe(gate.epoch), timings=Timings(1.0, 2.0, 0.5))
    assert gate.admit(iter([old, new, old])) == (new,)
    assert gate.discarded == 2
    assert gate.admit([]) == ()


def test_held_lets_nothing_through() -> None:
    """Live off means the pictures on the walls stay; one that was under way would still change them."""
    gate = Gate()
    gate.follow(Look("a"))
    assert gate.admit([keyframe(0)], held=True) == ()
    assert gate.admit([keyframe(0)])


def test_a_refresh_is_for_one_frame(desk: Desk) -> None:
    assert not desk.settle(1.0, always).refresh
    desk.apply([RefreshTrigger(), RefreshTrigger()])
    assert desk.settle(2.0, always).refresh
    assert not desk.settle(3.0, always).refresh


def test_a_switch_is_pressed_from_where_it_stands(desk: Desk) -> None:
    """Twice in one frame it is where it was; a hand elsewhere moves what the next press turns."""
    press = ControlToggle(NEURAL_BAKED)
    before = desk.settle(1.0, always).controls[NEURAL_BAKED]
    desk.apply([press])
    assert desk.settle(2.0, always).controls[NEURAL_BAKED] is not before
    desk.apply([press, press])
    assert desk.settle(3.0, always).controls[NEURAL_BAKED] is not before
    desk.apply([ControlChange(NEURAL_BAKED, before), press])
    assert desk.settle(4.0, always).controls[NEURAL_BAKED] is not before
