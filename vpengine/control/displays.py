"""What a frame shows to who listens: the controls as they stand, and displays, each declared once.

Layouts for controllers and the documentation are made from DISPLAYS too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vpengine.control.controls import Value
from vpengine.control.desk import Desk
from vpengine.control.settled import Settled
from vpengine.frames.feed import PREVIEW, PROGRAM
from vpengine.frames.frame_input import Tick

SCENE, STANDBY = "/vp/state/scene", "/vp/state/preview"
CUE, NEXT, NOTES = "/vp/state/cue", "/vp/state/next", "/vp/state/notes"
PROGRESS, PAUSED = "/vp/state/progress", "/vp/state/paused"
SAFE, LOCK, ROLLING, TAKE = "/vp/state/safe", "/vp/state/lock", "/vp/state/rolling", "/vp/state/take"
GATE, REFUSED, HEALTH = "/vp/state/gate", "/vp/state/refused", "/vp/state/health"
TIMECODE, FPS = "/vp/state/timecode", "/vp/state/fps"
FPS_PERIOD_S = 1.0  # the words change no more often


@dataclass(frozen=True)
class Display:
    """Something to read, sent to clients that subscribe. kind: of its value."""

    address: str
    kind: Literal["text", "float", "bool", "int"]
    sentence: str


DISPLAYS = (
    Display(CUE, "text", "The running cue, its number and name."),
    Display(NEXT, "text", "The cue that GO begins, its number and name."),
    Display(NOTES, "text", "The running cue's notes."),
    Display(PROGRESS, "float", "How far its transition has come, 0 to 1."),
    Display(PAUSED, "bool", "What is under way is paused."),
    Display(SCENE, "text", "The scene on the walls."),
    Display(STANDBY, "text", "The scene that stands by."),
    Display(SAFE, "bool", "The safe picture is on the walls."),
    Display(LOCK, "bool", "Looks are locked."),
    Display(ROLLING, "bool", "A take is being recorded."),
    Display(TAKE, "text", "Slate, scene and number of this take, or of the next."),
    Display(GATE, "text", "What the gate says of the program's look and of the preview's."),
    Display(REFUSED, "text", "What was refused last, and why."),
    Display(HEALTH, "text", "What is wrong, in a sentence; empty when nothing is."),
    Display(TIMECODE, "text", "The frame's timecode."),
    Display(FPS, "text", "Frames a second, in words."),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame's values by address. Neither mapping is changed once it is here: another thread reads it."""

    controls: Mapping[str, Value]
    displays: Mapping[str, Value] = field(default_factory=dict)


class FrameRate:
    """Frames a second, counted, in words: "23.9 of 24"."""

    def __init__(self) -> None:
        self._words = ""
        self._since_s: float | None = None
        self._frames = 0

    def words(self, tick: Tick) -> str:
        """Called once a frame."""
        self._frames += 1
        if self._since_s is None:
            self._since_s, self._frames = tick.display_time_s, 0
        elif tick.display_time_s - self._since_s >= FPS_PERIOD_S:
            rate = self._frames / (tick.display_time_s - self._since_s)
            self._words = f"{rate:.1f} of {float(tick.rate):.4g}"
            self._since_s, self._frames = tick.display_time_s, 0
        return self._words


class Displays:
    """The values of DISPLAYS."""

    def __init__(self) -> None:
        self._rate = FrameRate()

    def at(self, desk: Desk, settled: Settled, tick: Tick, trouble: str = "") -> dict[str, Value]:
        """By address; called once a frame. trouble: what is wrong with machine or stage, in a sentence."""
        state, playback, takes = settled.buses[PROGRAM], desk.playback, desk.takes
        cue, following = playback.cue, playback.standby
        return {
            SCENE: state.scene,
            STANDBY: settled.buses[PREVIEW].scene if PREVIEW in settled.buses else "",
            CUE: cue.title if cue is not None else "",
            NEXT: following.title if following is not None else "",
            NOTES: cue.notes if cue is not None else "",
            PROGRESS: round(desk.scenes.progress, 2),
            PAUSED: playback.paused,
            SAFE: desk.safe.on,
            LOCK: takes.locked,
            ROLLING: takes.rolling is not None,
            TAKE: takes.name.text,
            GATE: desk.gate_words,
            REFUSED: desk.refusals[-1] if desk.refusals else "",
            HEALTH: trouble,
            TIMECODE: str(tick.timecode),
            FPS: self._rate.words(tick),
        }
