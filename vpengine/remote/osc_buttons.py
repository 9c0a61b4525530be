"""What operators' OSC messages to the buttons ask for: cues, safe, takes, looks; or why they are not taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vpengine.control import buttons
from vpengine.control.buttons import BUTTONS
from vpengine.control.messages import OperatorMessage
from vpengine.control.triggers import (
    ClipTrigger,
    CueEdit,
    CueTrigger,
    LookTrigger,
    SafeTrigger,
    SceneTrigger,
    TakeTrigger,
)
from vpengine.osc import Argument, Message
from vpengine.remote.osc_messages import LONGEST_NAME, RefusedError, pressed

# What /vp/scene/<reserved slug> stands for.
SCENE_WORDS: Mapping[str, str] = {"go": buttons.GO, "back": buttons.BACK, "safe": buttons.SAFE}

_MAKE: Mapping[str, Callable[[str], OperatorMessage]] = {
    buttons.GO: lambda _: CueTrigger("go"),
    buttons.BACK: lambda _: CueTrigger("back"),
    buttons.PAUSE: lambda _: CueTrigger("pause"),
    buttons.GOTO: lambda text: CueTrigger("goto", text),
    buttons.STANDBY: lambda text: CueTrigger("standby", text),
    buttons.RECORD: lambda text: CueEdit("record", text),
    buttons.UPDATE: lambda _: CueEdit("update"),
    buttons.DELETE: lambda text: CueEdit("delete", text),
    buttons.UNDO: lambda _: CueEdit("undo"),
    buttons.REDO: lambda _: CueEdit("redo"),
    buttons.TAKE_PREVIEW: lambda _: SceneTrigger("take"),
    buttons.SAFE: lambda _: SafeTrigger(True),
    buttons.PANIC: lambda _: SafeTrigger(True),
    buttons.RELEASE: lambda _: SafeTrigger(False),
    buttons.ROLL: lambda _: TakeTrigger("roll"),
    buttons.CUT: lambda _: TakeTrigger("cut"),
    buttons.SLATE: lambda text: TakeTrigger("slate", text),
    buttons.TAKE_SCENE: lambda text: TakeTrigger("scene", text),
    buttons.TAKE_NUMBER: lambda text: TakeTrigger("number", text),
    buttons.LOCK: lambda _: TakeTrigger("lock"),
    buttons.UNLOCK: lambda _: TakeTrigger("unlock"),
    buttons.CLIP_RESTART: lambda _: ClipTrigger("restart"),
    buttons.CLIP_PAUSE: lambda _: ClipTrigger("pause"),
    buttons.KEEP: lambda _: LookTrigger("keep"),
    buttons.CANDIDATE: lambda text: LookTrigger("candidate", text),
    buttons.APPROVE: lambda text: LookTrigger("approve", text),
    buttons.TEMPORARY: lambda text: LookTrigger("temporary", text),
    buttons.REVOKE: lambda text: LookTrigger("revoke", text),
}
_DECLARED = {button.address: button for button in BUTTONS}


def is_button(address: str) -> bool:
    return address in _DECLARED


def button_message(message: Message) -> OperatorMessage | None:
    """What a message to a button asks for; None for its release. Raises RefusedError."""
    button = _DECLARED[message.address]
    if button.argument == "press":
        return _MAKE[message.address]("") if pressed(message) else None
    if len(message.arguments) == 2 and message.address == buttons.RECORD:  # a cue's number, and its name
        number, name = message.arguments
        return CueEdit("record", _text(message, number), _text(message, name))
    if len(message.arguments) != 1:
        raise RefusedError("bad-arguments", f"{message.address}: {len(message.arguments)} arguments, expected one")
    return _MAKE[message.address](_text(message, message.arguments[0]))


def _text(message: Message, value: Argument) -> str:
    """Numbers as people write them: a float of OSC's has seven digits."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9:
        return f"{value:.7g}"
    expected = f"expected a number or a text of up to {LONGEST_NAME} characters"
    raise RefusedError("bad-value", f"{message.address}: {str(value)[:LONGEST_NAME]!r}, {expected}")
