"""What operators' OSC messages ask for: a fader's value, a scene, a camera's recentre; or why they are not taken.

A button sends 1, 1.0, true or a bare bang when pressed and 0 when released: only the press acts. Numbers may come as
text, since Companion sends them so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from vpengine.control.controls import Control, ControlError, Value, parse
from vpengine.control.triggers import RESERVED, CameraTrigger, PickTrigger, RefreshTrigger, SceneTrigger
from vpengine.errors import did_you_mean
from vpengine.frames.feed import PREVIEW
from vpengine.osc import Argument, Impulse, Message, is_pattern

FLOAT32_MOST = float(np.finfo(np.float32).max)
LONGEST_NAME = 64  # characters; what comes from the wire is cut

SCENE, CAMERA = "/vp/scene", "/vp/camera"
REFRESH = "/vp/neural/refresh"
PICKS: Mapping[str, Literal["screen", "grey"]] = {"/vp/key/pick": "screen", "/vp/picture/grey": "grey"}
SUBSCRIBE, UNSUBSCRIBE = "/vp/subscribe", "/vp/unsubscribe"
PING, PONG = "/vp/ping", "/vp/pong"
PREVIEW_LOOK, LOOK = "/vp/preview/look/", "/vp/look/"
PREVIEW_ROOT, PREVIEW_SCENE, PREVIEW_OFF = "/vp/preview/", "/vp/preview/scene", "/vp/preview/off"
NEIGHBOURS: Mapping[str, Literal["next", "previous"]] = {"next": "next", "previous": "previous"}
CAMERA_ACTIONS: Mapping[str, Literal["recentre", "undo"]] = {"recentre": "recentre", "recentre/undo": "undo"}
WORDS = {"true": True, "on": True, "false": False, "off": False}


class RefusedError(ValueError):
    """A message that is not taken. ``reason`` is a short key, made for counting.

    sentence: for a person; it may be a function, since most refusals of a flood are only counted. subject: what tells
    it from other mistakes of its reason, where the address does not.
    """

    def __init__(self, reason: str, sentence: str | Callable[[], str], subject: str = "") -> None:
        super().__init__(reason)
        self.reason, self.subject = reason, subject
        self._sentence = sentence

    @property
    def sentence(self) -> str:
        return self._sentence if isinstance(self._sentence, str) else self._sentence()


def scene_trigger(message: Message, scenes: Sequence[str]) -> SceneTrigger | None:
    """What a message to ``/vp/scene…`` asks for; None for a button's release. Raises RefusedError."""
    if message.address == SCENE:
        return _goto(message.arguments, scenes)
    slug = message.address.removeprefix(SCENE + "/")
    if slug in NEIGHBOURS:
        return SceneTrigger(NEIGHBOURS[slug]) if pressed(message) else None
    if slug in RESERVED or not slug or "/" in slug or is_pattern(slug) or len(slug) > LONGEST_NAME:
        raise RefusedError("unknown-address", f"{message.address!r}: expected {SCENE}/ and the name of a scene")
    return SceneTrigger("goto", _known(slug, scenes)) if pressed(message) else None


def preview_trigger(message: Message, scenes: Sequence[str]) -> SceneTrigger | None:
    """What a message to ``/vp/preview…`` asks for; None for a button's release. Raises RefusedError."""
    if message.address == PREVIEW_OFF:
        return SceneTrigger("goto", bus=PREVIEW) if pressed(message) else None
    if message.address == PREVIEW_SCENE:
        return replace(_goto(message.arguments, scenes), bus=PREVIEW)
    slug = message.address.removeprefix(PREVIEW_SCENE + "/")
    if slug == message.address or slug not in scenes:
        raise RefusedError(
            "unknown-address", f"{message.address!r}: expected {PREVIEW_SCENE}/ and a scene, or {PREVIEW_OFF}"
        )
    return SceneTrigger("goto", slug, PREVIEW) if pressed(message) else None


def _known(slug: str, scenes: Sequence[str]) -> str:
    """Refused here, so that a chattering button does not reach the frame."""
    if scenes and slug not in scenes:
        raise RefusedError("unknown-scene", lambda: f"no scene {slug!r}{did_you_mean(slug, scenes)}", slug)
    return slug


def _goto(arguments: tuple[Argument, ...], scenes: Sequence[str]) -> SceneTrigger:
    if len(arguments) != 1:
        raise RefusedError("bad-arguments", f"{SCENE}: {len(arguments)} arguments, expected a scene's name or number")
    wanted = arguments[0]
    number = wanted if isinstance(wanted, str) and wanted in scenes else _number(wanted)
    if isinstance(number, int | float) and not isinstance(number, bool) and number in range(1, len(scenes) + 1):
        return SceneTrigger("goto", scenes[int(number) - 1])
    if isinstance(number, str) and 0 < len(number) <= LONGEST_NAME:
        return SceneTrigger("goto", _known(number, scenes))
    raise RefusedError(
        "bad-value", f"{SCENE}: {_shown(wanted)}, expected a scene's name or its number, 1 to {len(scenes)}"
    )


def camera_trigger(message: Message, cameras: Sequence[str]) -> CameraTrigger | None:
    """What a message to ``/vp/camera/<id>/recentre`` or ``…/recentre/undo`` asks for; None for a release.

    Raises RefusedError.
    """
    name, _, action = message.address.removeprefix(CAMERA + "/").partition("/")
    if action in ("pose", "lens"):
        raise RefusedError(
            "wrong-port", f"{message.address!r} is tracking: send it to the port of a [[tracking]] source"
        )
    if action not in CAMERA_ACTIONS:
        expected = f"expected {CAMERA}/ID/recentre or {CAMERA}/ID/recentre/undo"
        raise RefusedError("unknown-address", f"{message.address!r}: {expected}")
    if name not in cameras:
        raise RefusedError(
            "unknown-camera", lambda: f"{message.address!r}: no camera {name!r}{did_you_mean(name, cameras)}"
        )
    return CameraTrigger(CAMERA_ACTIONS[action], name) if pressed(message) else None


def pick_trigger(message: Message) -> PickTrigger:
    """What a message to ``/vp/key/pick`` or ``/vp/picture/grey`` asks for. Raises RefusedError."""
    values = [_number(argument) for argument in message.arguments]
    good = [float(one) for one in values if isinstance(one, int | float) and 0.0 <= one <= 1.0]
    if len(good) != len(values) or len(good) not in (2, 4):
        expected = "x and y from the upper left corner, and width and height of a box, each 0 to 1"
        raise RefusedError("bad-arguments", f"{message.address}: expected {expected}; the last two may be left out")
    return PickTrigger(PICKS[message.address], *good)


def refresh_trigger(message: Message) -> RefreshTrigger | None:
    """What a message to ``/vp/neural/refresh`` asks for; None for a button's release. Raises RefusedError."""
    return RefreshTrigger() if pressed(message) else None


def feedback_port(message: Message) -> int | None:
    """Where a client that subscribes over UDP listens; 0: where it sends from; None for a button's release.

    Raises RefusedError.
    """
    port = _number(message.arguments[0]) if message.arguments else 0
    if len(message.arguments) == 1 and isinstance(port, int | float) and 1 < port < 65536 and port == int(port):
        return int(port)
    try:
        return 0 if pressed(message) else None
    except RefusedError:
        shown = ", ".join(map(_shown, message.arguments))
        raise RefusedError("bad-value", f"{message.address}: {shown}, expected a port or nothing") from None


def pressed(message: Message) -> bool:
    """False for a button's release. Raises RefusedError for what is neither."""
    if not message.arguments:
        return True
    state = _number(message.arguments[0])
    if len(message.arguments) == 1 and (state is Impulse.BANG or state in (0, 1)):
        return state is Impulse.BANG or state == 1
    raise RefusedError(
        "bad-value",
        f"{message.address}: {', '.join(map(_shown, message.arguments))}, expected 1 for a press or 0 for a release",
    )


def control_value(control: Control, arguments: tuple[Argument, ...]) -> Value:
    """A fader's value as the control's type. Raises RefusedError."""
    if len(arguments) != 1:
        raise RefusedError("bad-arguments", f"{control.address}: {len(arguments)} arguments, expected one")
    value = arguments[0] if control.kind == "text" else _number(arguments[0])
    try:
        return parse(control, value)
    except ControlError as error:
        raise RefusedError("bad-value", str(error)) from None


def as_sent(control: Control, arguments: tuple[Argument, ...], value: Value) -> Value:
    """What a client that sent ``arguments`` shows; ``value`` is what was made of them, inside the control's range."""
    sent = _number(arguments[0])
    return sent if control.kind != "text" and isinstance(sent, bool | int | float) else value


def _number(value: Argument) -> Argument:
    """A text that is a number, or a word for a switch, as what it says; anything else as it is."""
    if isinstance(value, float):
        return _decimal(value)
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        return value
    text = value.strip().lower()
    try:
        number = float(text)
    except ValueError:
        return WORDS.get(text, value)
    return number if math.isfinite(number) else value


def _decimal(value: float) -> float:
    """What a float32 stands for: 0.8 and not 0.800000011920929, as people read it again in a show file."""
    if abs(value) <= FLOAT32_MOST and value == (single := np.float32(value)):
        return float(str(single))
    return value


def _shown(value: Argument) -> str:
    return repr(value)[:LONGEST_NAME]
