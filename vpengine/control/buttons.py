"""What operators press, besides controls: each button declared once, with its address and one sentence.

Doors, layouts for controllers and the documentation are made from these; ``Desk`` acts on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Argument = Literal["press", "number", "text"]


@dataclass(frozen=True)
class Button:
    """argument: what its message carries: a press (1, true, a bang or nothing; 0 is the release), a number or a text;
    a cue's number may come as either. group: where a layout puts it.
    """

    address: str
    sentence: str
    group: str
    argument: Argument = "press"


GO, BACK, PAUSE = "/vp/cue/go", "/vp/cue/back", "/vp/cue/pause"
GOTO, STANDBY = "/vp/cue/goto", "/vp/cue/standby"
RECORD, UPDATE, DELETE = "/vp/cue/record", "/vp/cue/update", "/vp/cue/delete"
UNDO, REDO = "/vp/cue/undo", "/vp/cue/redo"
SAFE, RELEASE, PANIC = "/vp/safe", "/vp/safe/release", "/vp/panic"
ROLL, CUT = "/vp/take/roll", "/vp/take/cut"
SLATE, TAKE_SCENE, TAKE_NUMBER = "/vp/take/slate", "/vp/take/scene", "/vp/take/number"
LOCK, UNLOCK = "/vp/take/lock", "/vp/take/unlock"
KEEP = "/vp/keep"
CLIP_RESTART, CLIP_PAUSE = "/vp/clip/restart", "/vp/clip/pause"
TAKE_PREVIEW = "/vp/preview/take"
APPROVE, REVOKE, CANDIDATE, TEMPORARY = "/vp/approve", "/vp/approve/revoke", "/vp/approve/candidate", "/vp/approve/once"

BUTTONS = (
    Button(GO, "The standby cue begins, or else the next one.", "cues"),
    Button(BACK, "The cue before begins.", "cues"),
    Button(PAUSE, "What is under way stops where it is; pressed again it goes on.", "cues"),
    Button(GOTO, "The cue of this number begins.", "cues", "number"),
    Button(STANDBY, "The cue of this number stands by: the preview shows it, and GO begins it.", "cues", "number"),
    Button(RECORD, "What the program shows now becomes the cue of this number.", "cues", "number"),
    Button(UPDATE, "The running cue takes over what the program shows now.", "cues"),
    Button(DELETE, "The cue of this number is deleted.", "cues", "number"),
    Button(UNDO, "The last change of the cue list is taken back.", "cues"),
    Button(REDO, "What was taken back last is done again.", "cues"),
    Button(TAKE_PREVIEW, "What the preview shows comes on to the walls, with its look as it is there.", "cues"),
    Button(CLIP_RESTART, "The clips on the walls begin again, all in one frame.", "cues"),
    Button(CLIP_PAUSE, "They stop where they are; pressed again they go on.", "cues"),
    Button(SAFE, "The safe picture, in one frame.", "safe"),
    Button(PANIC, "The same.", "safe"),
    Button(RELEASE, "The safe picture fades back to the program.", "safe"),
    Button(ROLL, "A take begins.", "takes"),
    Button(CUT, "The take ends.", "takes"),
    Button(SLATE, "The slate of the takes that follow.", "takes", "text"),
    Button(TAKE_SCENE, "The scene of the takes that follow, as the script has it.", "takes", "text"),
    Button(TAKE_NUMBER, "The number of the next take.", "takes", "number"),
    Button(
        LOCK,
        "Looks, seeds, generators and the world's place on the program cannot change until it is unlocked.",
        "takes",
    ),
    Button(UNLOCK, "They can again.", "takes"),
    Button(KEEP, "The moment that just went by is kept, as a candidate look.", "looks"),
    Button(CANDIDATE, "The preview's look is put up for approval; the text is its name.", "looks", "text"),
    Button(APPROVE, "The preview's look is approved for the program; the text is who approves it.", "looks", "text"),
    Button(TEMPORARY, "The preview's look may be shown until this run ends; the text is who says so.", "looks", "text"),
    Button(REVOKE, "The approval of the preview's look is taken back; the text is who does.", "looks", "text"),
)
