"""Playback of the cue list: GO, BACK, GOTO, standby, pause, waits and follows; what is under way is the scenes'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from vpengine.control.controls import Value
from vpengine.control.cues import Cue, CueEdits, cue_number
from vpengine.control.scenes import Move, Scenes, Step
from vpengine.control.transitions import Transition
from vpengine.control.triggers import CueTrigger
from vpengine.errors import UserError


class Playback:
    """running: the number of the cue that went last, None before the first. One that is called off before it has begun,
    while it waits for its time or its plate, has not gone: it stands by again, and the one before runs.
    """

    def __init__(self, scenes: Scenes, edits: CueEdits) -> None:
        self.edits = edits
        self.running: str | None = None
        self.paused = False
        self._scenes = scenes
        self._standby: str | None = None  # set by hand; else the one after the running one
        self._coming: Cue | None = None  # the running cue, until it has begun
        self._before: str | None = None  # what ran when it came
        self._waiting: Cue | None = None  # for its time
        self._due_s: float | None = None
        self._began_s: float | None = None  # the running cue, when its scene was ready
        self._follows = False  # the running cue's successor is still to go

    @property
    def standby(self) -> Cue | None:
        """What GO begins."""
        cues = self.edits.now
        if self._standby is not None and cues.has(self._standby):
            return cues.find(self._standby)
        return cues.after(self.running)

    def resume(self, running: str | None, standby: str | None) -> None:
        """Where another run stood: nothing begins."""
        self.running, self._standby = running, standby

    @property
    def for_restart(self) -> tuple[str | None, str | None]:
        """What runs and what was put to stand by, for a run that goes on from here: one that waits for its time has not
        gone, and stands by.
        """
        if self._waiting is None:
            return self.running, self._standby
        return self._before, self._standby or self._waiting.number

    @property
    def cue(self) -> Cue | None:
        """The running one; None where it was deleted meanwhile."""
        cues = self.edits.now
        return cues.find(self.running) if self.running is not None and cues.has(self.running) else None

    def press(self, trigger: CueTrigger) -> None:
        """Raises UserError where there is no such cue."""
        if trigger.action == "pause":
            self.paused = not self.paused
        elif trigger.action == "standby":
            self._standby = self.edits.now.find(cue_number(trigger.number)).number
        else:
            self._go(self.wanted(trigger))

    def wanted(self, trigger: CueTrigger) -> Cue:
        """The cue that GO, BACK or GOTO begins. Raises UserError where there is none."""
        cues = self.edits.now
        if trigger.action == "goto":
            return cues.find(cue_number(trigger.number))
        found = self.standby if trigger.action == "go" else cues.before(self.running)
        if found is None:
            where = "after" if trigger.action == "go" else "before"
            raise UserError(
                f"there is no cue {where} {self.running}" if self.running is not None else "there is no cue to begin"
            )
        return found

    def take(self, cue: Cue, step: Step) -> None:
        """A cue goes as ``step``, in place of its own, and does not wait for its time."""
        self._go(replace(cue, wait_s=0.0))
        self._scenes.play(step)

    def _go(self, cue: Cue) -> None:
        if self._coming is None:
            self._before = self.running
        self._coming = cue
        self.running, self._standby, self.paused = cue.number, None, False
        self._began_s, self._follows = None, cue.follow_s is not None
        self._waiting = self._due_s = None
        if cue.wait_s > 0.0:
            self._waiting = cue
        else:
            self._scenes.play(self.step(cue))

    def stay(self) -> None:
        """Nothing that was to go by itself goes any more, nor what has not begun. What stands by by hand stays."""
        if self._coming is not None:
            self.running, self._standby = self._before, self._standby or self._coming.number
        self._coming = self._waiting = self._due_s = None
        self._follows = False

    def jumped(self) -> None:
        """A scene was asked for by itself: what was to go by itself does not; and a pause ends, as with GO."""
        self.stay()
        self.paused = False

    def advance(self, time_s: float, check: Callable[[Step], None] = lambda _: None) -> None:
        """What waits or follows begins when it is due; before the scenes do. time_s: stands still while paused.

        check: raises UserError for a step that may not be; so does this then, once, and the cue before stays.
        """
        if self._waiting is not None:
            self._due_s = time_s + self._waiting.wait_s if self._due_s is None else self._due_s
            if time_s >= self._due_s:
                self._begin_waiting(self._waiting, check)
        cue_now = self.cue
        if self._follows and self._began_s is not None and cue_now is not None and cue_now.follow_s is not None:
            following = self.edits.now.after(self.running)
            if time_s >= self._began_s + cue_now.follow_s and following is not None:
                self._follows = False
                check(self.step(following))
                self._go(following)

    def _begin_waiting(self, cue: Cue, check: Callable[[Step], None]) -> None:
        follows, by_hand = self._follows, self._standby
        self.stay()  # for a step that may not be
        step = self.step(cue)
        check(step)
        self._coming, self.running, self._standby, self._follows = cue, cue.number, by_hand, follows
        self._scenes.play(step)

    def note(self, time_s: float) -> None:
        """After the scenes have moved on: the running cue has begun, unless it waits for its time or its plate."""
        if self._began_s is None and self._waiting is None and self._scenes.wanted is None:
            self._began_s, self._coming = time_s, None

    def step(self, cue: Cue) -> Step:
        """A cue as what the scenes play. Raises UserError where its scene is not in the show."""
        if cue.scene is None:
            here = self._scenes.step(self._scenes.shown)
            base = replace(here, moves=(), transition=cue.transition or Transition("cut", 0.0))
        else:
            base = self._scenes.step(cue.scene)
            base = replace(base, transition=cue.transition or base.transition)
        seconds = base.transition.seconds if cue.fade_s is None else cue.fade_s
        single = dict(cue.fades)
        moves = tuple(
            Move(address, value, single.get(address, seconds), cue.easing)
            for address, value in self.values(cue).items()
        )
        return replace(base, moves=moves)

    def values(self, cue: Cue) -> Mapping[str, Value]:
        """Where a cue takes the controls."""
        scene = self._scenes.values(cue.scene) if cue.scene is not None else {}
        return {**scene, **dict(cue.controls)}
