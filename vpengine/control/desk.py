"""The desk: all that operators said, settled once a frame. Messages in, the frame's controls, program and epoch out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from vpengine.control.approvals import approval_of
from vpengine.control.chance import Chance
from vpengine.control.controls import Controls, Value, parse
from vpengine.control.cues import Cue, CueEdits, cue_number
from vpengine.control.decisions import decide, now
from vpengine.control.declared import CHANCE_AMOUNT, NEURAL_AMOUNT, NOT_IN_CUES
from vpengine.control.gate import Gate
from vpengine.control.lights import LightTable
from vpengine.control.looks import PREFIX, Looks, look_address
from vpengine.control.messages import ControlChange, ControlToggle, OperatorMessage
from vpengine.control.placements import PLACE, ProgramPlacements, placed, placement_from
from vpengine.control.playback import Playback
from vpengine.control.playheads import Playheads
from vpengine.control.program_looks import ProgramLooks, Standing
from vpengine.control.safe import Safe
from vpengine.control.scenes import Move, Scenes, Step
from vpengine.control.settled import Settled
from vpengine.control.takes import Takes
from vpengine.control.triggers import (
    ClipTrigger,
    CueEdit,
    CueTrigger,
    LookTrigger,
    PickTrigger,
    RefreshTrigger,
    SafeTrigger,
    SceneTrigger,
    TakeTrigger,
)
from vpengine.errors import UserError
from vpengine.frames.feed import PREVIEW, PROGRAM
from vpengine.frames.frame_input import BusState
from vpengine.frames.look import Look

log = logging.getLogger(__name__)

LOCKED = (PREFIX, "/vp/neural/", "/vp/plate/")  # what begins so cannot be moved while looks are locked
FAULT = "this could not be done, for a fault of vpengine"
REMEMBERED = 50  # refusals, for who asks what was refused


def _no_picture(_: PickTrigger) -> Iterable[ControlChange]:
    raise UserError("there is no camera's picture to pick from: the stage has no [[capture]]")


class Desk:
    """Controls, scenes, cues, takes, gate. A change that cannot be is refused with one line and leaves all as it was.

    looks: of the generator, which the frame's Look is asked of. baked: the looks that scenes were baked with, by slug:
    they are theirs, whatever the faders say. measure: what picking from a camera's picture changes. is_keeping: whether
    the moment that was kept last is still being written. Their owners set these two. Triggers of cameras are not the
    desk's own: it passes them over.
    """

    def __init__(
        self,
        controls: Controls,
        scenes: Scenes,
        gate: Gate,
        looks: Looks,
        baked: Mapping[str, Look] | None = None,
        cues: CueEdits | None = None,
        safe: Safe | None = None,
        takes: Takes | None = None,
        chance: Chance | None = None,
        date: Callable[[], str] = now,
        approvers: Collection[str] = (),
        lights: LightTable | None = None,
        playheads: Playheads | None = None,
    ) -> None:
        """date: of this moment, for what people decide. approvers: who may; everybody where there are none. lights:
        what looks do to the light of plates. playheads: of the plates that move.
        """
        self.controls = controls
        self.scenes = scenes
        self.gate = gate
        self.cues = cues or CueEdits()
        self.playback = Playback(scenes, self.cues)
        self.safe = safe or Safe()
        self.takes = takes or Takes()
        self._chance = chance or Chance(controls.declared)
        self._drifted_s = self._stood_s = 0.0  # how long controls have drifted, and playback was paused
        self.refused = 0
        self.refusals: deque[str] = deque(maxlen=REMEMBERED)
        self._program = ProgramLooks(gate, looks, baked or {}, approvers, self.refuse)
        self._refresh = False
        self._last_s: float | None = None
        self._was_locked = False
        self._standing_by: Look | None = None  # the preview's, in the newest frame
        self._in_preview: dict[str, Value] = {}  # what was moved there alone, by address
        self._date = date
        self._approvers = approvers
        self._lights = lights or LightTable()
        self._placements = ProgramPlacements()
        self.playheads = playheads or Playheads()
        self.measure: Callable[[PickTrigger], Iterable[ControlChange]] = _no_picture
        self.is_keeping: Callable[[], bool] = lambda: False
        self._kept: str | None = None
        self._seen: Mapping[str, Value] = {}  # the newest frame's controls, as chance had them
        self._handlers = self._who_handles_what()

    def _who_handles_what(self) -> Mapping[type, Callable[[Any], None]]:
        return {
            ControlChange: self._move,
            ControlToggle: self._toggle,
            SceneTrigger: self._ask_scene,
            CueTrigger: self._press_cue,
            CueEdit: self._edit,
            SafeTrigger: self._press_safe,
            TakeTrigger: self.takes.press,
            LookTrigger: self._decide,
            RefreshTrigger: self._refresh_all,
            PickTrigger: self._pick,
            ClipTrigger: self.playheads.press,
        }

    @property
    def going_to(self) -> dict[str, Value]:
        """Where the controls rest when all that was asked for has come."""
        return {**self.controls.targets(), **self.scenes.still_to_move}

    def resume(
        self, scene: str, controls: Mapping[str, Value], cue: str | None, standby: str | None, safe: bool
    ) -> None:
        """Stand where another run stood, at once; what there is no more of is passed over."""
        if self.scenes.has(scene):
            self.scenes.enter_first(self.controls, 0.0, scene)
        for address, value in controls.items():
            if address in self.controls.declared:
                with suppress(UserError):
                    self.controls.set(address, value)
        self.playback.resume(cue, standby)
        self.safe.press(safe)

    def take_show(
        self,
        baked: Mapping[str, Look],
        chance: Chance,
        approvers: Collection[str],
        lights: LightTable,
        lock_takes: bool,
    ) -> None:
        """What another version of the show says, from now on; its scenes, and what operators did, are not in it."""
        self._chance, self._lights, self._approvers = chance, lights, approvers
        self._program.take_show(baked, approvers)
        self.takes.lock_while_rolling = lock_takes

    def ask_of(self, looks: Looks) -> None:
        """Another generator from now on."""
        self._program.looks = looks

    def apply(self, messages: Iterable[OperatorMessage]) -> None:
        """In the order in which they came: a hand on a fader overrides scenes asked for before, not those after."""
        for message in messages:
            try:
                self._take(message)
            except UserError as error:
                self.refuse(str(error))
            except Exception as error:  # whatever it is: the next message may be SAFE, and the walls go on
                log.debug("%s", message, exc_info=error)
                self.refuse(f"{FAULT} ({type(error).__name__}: {error})")

    def refuse(self, why: str) -> None:
        self.refused += 1
        self.refusals.append(why)
        log.warning("%s", why)

    def _take(self, message: OperatorMessage) -> None:
        """Triggers of cameras are passed over."""
        handle = self._handlers.get(type(message))
        if handle is not None:
            handle(message)

    def _press_safe(self, trigger: SafeTrigger) -> None:
        if trigger.on != self.safe.on:
            log.warning("SAFE is %s", "on" if trigger.on else "released")
        self.safe.press(trigger.on)

    def _toggle(self, message: ControlToggle) -> None:
        control = self.controls.find(message.address)
        self._move(ControlChange(control.address, not self.controls.targets()[control.address]))

    def _refresh_all(self, _: RefreshTrigger) -> None:
        self._refuse_locked("what is generated stays")
        self._refresh = True

    def _pick(self, trigger: PickTrigger) -> None:
        for change in self.measure(trigger):
            self._move(change)

    def _refuse_locked(self, what: str) -> None:
        if self.takes.locked:
            why = f"{self.takes.rolling.text} is rolling" if self.takes.rolling else "looks are locked"
            raise UserError(f"{why}: {what}")

    def _move(self, change: ControlChange) -> None:
        if change.bus == PREVIEW:
            self._move_preview(change)
            return
        value = parse(self.controls.find(change.address), change.value)
        if change.address.startswith(LOCKED):
            self._refuse_locked(f"{change.address} stays as it is")
        if change.address.startswith(PREFIX):
            self._program.refuse_unapproved({**self.controls.targets(), change.address: value})
        self.controls.set(change.address, value)
        self.scenes.moved_by_hand(change.address)
        self.safe.moved_by_hand(change.address, value)

    def _move_preview(self, change: ControlChange) -> None:
        """Where nothing stands by, the scene on the walls does from now on: a look is tried beside what is on."""
        value = parse(self.controls.find(change.address), change.value)
        if not self.scenes.stands_by and self.playback.standby is None:
            self.scenes.ask(SceneTrigger("goto", self.scenes.shown, PREVIEW))
        self._in_preview[change.address] = value

    def _ask_scene(self, trigger: SceneTrigger) -> None:
        if trigger.bus == PREVIEW:
            self.scenes.ask(trigger)
            self._in_preview.clear()
            return
        self._refuse_locked("the scene stays")
        if trigger.action == "take":
            self._take_preview()
            return
        self._refuse_step(self.scenes.step_of(trigger))
        self.scenes.ask(trigger)
        self.playback.jumped()

    def _take_preview(self) -> None:
        """What stands by comes, with its look as it is there. Raises UserError where nothing does."""
        cue = None if self.scenes.stands_by else self.playback.standby
        slug = self.scenes.standby_slug
        if cue is None and slug is None:
            raise UserError("there is nothing in the preview to take")
        step = self.playback.step(cue) if cue is not None else self.scenes.step(slug or "")
        tried = [Move(address, value, step.transition.seconds) for address, value in self._in_preview.items()]
        step = replace(step, moves=(*(move for move in step.moves if move.address not in self._in_preview), *tried))
        self._refuse_step(step)
        if cue is not None:
            self.playback.take(cue, step)
        else:
            self.scenes.play(step)
            self.playback.jumped()
        self._in_preview.clear()

    def _press_cue(self, trigger: CueTrigger) -> None:
        if trigger.action in ("go", "back", "goto"):
            self._refuse_locked("no cue goes")
            self._refuse_step(self.playback.step(self.playback.wanted(trigger)))
        self.playback.press(trigger)
        if trigger.action != "pause":
            self._in_preview.clear()

    def _refuse_step(self, step: Step) -> None:
        self._program.refuse_step(step, self.controls.targets())

    def _edit(self, edit: CueEdit) -> None:
        log.warning("cue list: %s", self._edited(edit))

    def _edited(self, edit: CueEdit) -> str:
        """What was done, in words."""
        if edit.action == "undo":
            return f"undo, {self.cues.undo()}"
        if edit.action == "redo":
            return f"redo, {self.cues.redo()}"
        if edit.action == "delete":
            return self.cues.delete(cue_number(edit.number))
        if edit.action == "record":
            return self.cues.record(self._now_as_cue(cue_number(edit.number), edit.name))
        if self.playback.cue is None:
            raise UserError("there is no running cue to update; record one")
        return self.cues.record(self._now_as_cue(self.playback.cue.number, ""))

    def _decide(self, trigger: LookTrigger) -> None:
        """A person says what may become of the preview's look. Raises UserError."""
        if trigger.action == "keep":
            self._keep(trigger)
            return
        decide(self.gate, trigger, self._look_standing_by(), self._program.looks.defaults, self._date, self._approvers)

    def _look_standing_by(self) -> Look | None:
        """The preview's as the messages before this one leave it, also where no frame has drawn it yet."""
        state = self._preview(self.controls.targets(), lambda _: True).get(PREVIEW)
        return state.look if state is not None else None

    def _keep(self, trigger: LookTrigger) -> None:
        """The program's look becomes a candidate, and a cue at the end of the list recalls it. Raises UserError."""
        if self._kept is not None or self.is_keeping():
            raise UserError("the moment that was kept last is still being written; keep this one again after it")
        name, look, approvals = trigger.text.strip() or f"kept {self._date()}", self._program.shown, self.gate.approvals
        if approvals is not None and look is not None and not look.plain and not look.blends:
            candidate = approval_of(
                approvals.free_name(name), look, self._program.looks.defaults, self.gate.model_sha256
            )
            approvals = approvals.put(candidate)
        self.cues.record(self._seen_as_cue(self.cues.now.free_number(), name))
        if approvals is not None and approvals is not self.gate.approvals:
            self.gate.decide(approvals)
        self._kept = name

    def kept(self) -> str | None:
        """What the moment is called that was kept since the last call; None where none was."""
        name, self._kept = self._kept, None
        return name

    def _now_as_cue(self, number: str, name: str) -> Cue:
        """Where the program is, or is going: a fade that is under way ends where it would have."""
        values = {address: value for address, value in self.going_to.items() if address not in NOT_IN_CUES}
        return Cue(number, name, self.scenes.going_to, tuple(values.items()))

    def _seen_as_cue(self, number: str, name: str) -> Cue:
        """What the newest frame showed, wherever it was going; nothing in it drifts on."""
        cue, look = self._now_as_cue(number, name), self._program.shown
        shown = dict(look.values) if look is not None and look.generator == self._program.looks.generator else {}
        seen = {address: value for address, value in self._seen.items() if address not in PLACE}
        seen |= {look_address(own): value for own, value in shown.items()} | {CHANCE_AMOUNT: 0.0}
        return replace(cue, controls=tuple((address, seen.get(address, value)) for address, value in cue.controls))

    def settle(self, time_s: float, ready: Callable[[str], bool]) -> Settled:
        """ready: whether a location can be drawn."""
        now_s = self._playback_s(time_s)
        self._keep_locked(now_s)
        try:
            self.playback.advance(now_s, self._refuse_step)
        except UserError as error:
            self.refuse(str(error))
        if self.scenes.wanted is not None and ready(self.scenes.wanted.location):
            self._program.leave(self._standing(self.scenes.shown, now_s))
        program = self.scenes.advance(now_s, self.controls, ready)
        self.playback.note(now_s)
        at = self._standing(program.scene, now_s)
        values, controls = at.values, at.drifting
        self._seen = controls
        passed = self._program.settle(at, self.takes.locked)
        program = self._program.put(program, passed.look, controls)
        ends = self._chance.drift(self.controls.targets(), self._drifted_s)
        program = self._placements.settle(program, controls, ends, self.takes.locked)
        if passed.closed:
            controls = {**controls, NEURAL_AMOUNT: 0.0}
        buses = {PROGRAM: program, **self._preview(controls, ready)}
        self._standing_by = buses[PREVIEW].look if PREVIEW in buses else None
        buses[PROGRAM], controls = self.safe.settle(program, controls, time_s)
        buses = {bus: replace(state, light=self._lights.light(state.look, controls)) for bus, state in buses.items()}
        epoch = self.gate.follow(buses[PROGRAM].look, self.safe.on)
        refresh, self._refresh = self._refresh, False
        return Settled(buses, controls, epoch, refresh, self.takes.locked, passed.closed, values)

    def _standing(self, scene: str, now_s: float) -> Standing:
        values = self.controls.freeze(now_s)
        drifting = self._chance.drift(values, self._drifted_s)
        return Standing(scene, values, drifting, self.controls.targets(), self.controls.blends(now_s))

    def _playback_s(self, time_s: float) -> float:
        """Stands still while playback is paused."""
        elapsed_s = time_s - self._last_s if self._last_s is not None else 0.0
        if self.playback.paused:
            self._stood_s += elapsed_s
        elif not self.takes.locked:
            self._drifted_s += elapsed_s
        self._last_s = time_s
        return time_s - self._stood_s

    @property
    def gate_words(self) -> str:
        """What the gate says of the program's look and of the preview's."""
        if self.gate.approvals is None:
            return "off"
        on_program = self._program.told or "approved"
        if self._standing_by is None:
            return f"program: {on_program}"
        return f"program: {on_program}; preview: {self.gate.why_not(self._standing_by) or 'approved'}"

    def _keep_locked(self, now_s: float) -> None:
        """What is on its way when looks are locked stays where it is: a look until they are not, since it may not rest
        between two that are approved, and a world for good. Nothing goes by itself.
        """
        if self.takes.locked and not self._was_locked:
            self._placements.rest(self.controls)
            for address in self.controls.declared:
                if address in PLACE:
                    self.controls.stop(address, now_s)
                elif address.startswith(LOCKED):
                    self.controls.hold(address, now_s)
            self.scenes.want_nothing()
            self.playback.stay()
        elif self._was_locked and not self.takes.locked:
            self.controls.go_on(now_s)
        self._was_locked = self.takes.locked

    def _preview(self, controls: Mapping[str, Value], ready: Callable[[str], bool]) -> Mapping[str, BusState]:
        """What stands by, with the look that it would have: a scene, or else the cue that GO begins."""
        state, values = self.scenes.standby(ready), self.scenes.standby_controls()
        cue = self.playback.standby if not self.scenes.stands_by else None
        if cue is not None:
            try:
                step = self.playback.step(cue)
            except UserError:  # its scene is gone from the show, and the cue came back with undo: GO says so
                return {}
            state = BusState(step.scene, step.location) if ready(step.location) else None
            values = self.playback.values(cue)
        if state is None:
            return {}
        values = {**controls, **values, **self._in_preview}
        baked = self._program.baked(state.scene, values)
        look = baked or self._program.looks.at_frame(values)
        may_go = not self.gate.why_not(look, is_made=baked is not None)
        state = placed(self._program.put(state, look, values), state.target, placement_from(values))
        return {PREVIEW: replace(state, may_go=may_go)}
