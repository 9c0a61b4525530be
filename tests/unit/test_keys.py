"""Keys press the buttons that they are declared for, and SAFE gets through a flood."""

from __future__ import annotations

import glfw
import pytest

from vpengine.control.buttons import RELEASE
from vpengine.control.keys import KEYS
from vpengine.control.messages import OperatorMessage
from vpengine.control.triggers import CueTrigger, LookTrigger, SafeTrigger, TakeTrigger
from vpengine.gpu.window import pressed_key
from vpengine.mailbox import Inbox
from vpengine.operating import press_key


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("space", CueTrigger("go")),
        ("backspace", CueTrigger("back")),
        ("p", CueTrigger("pause")),
        ("s", SafeTrigger(True)),
        ("f12", SafeTrigger(True)),
        ("shift+s", SafeTrigger(False)),
        ("shift+f12", SafeTrigger(False)),
        ("r", TakeTrigger("roll")),
        ("c", TakeTrigger("cut")),
        ("k", LookTrigger("keep")),
        ("q", None),
        ("shift+space", None),
    ],
)
def test_a_key_is_a_press_of_its_button(key: str, asked: OperatorMessage | None) -> None:
    inbox: Inbox[str, OperatorMessage] = Inbox()
    press_key(key, inbox)
    assert inbox.take() == (() if asked is None else (asked,))


@pytest.mark.parametrize(("key", "name"), [(glfw.KEY_SPACE, "space"), (glfw.KEY_F12, "f12")])
def test_a_key_that_is_held_acts_once(key: int, name: str) -> None:
    """And again when it is pressed again."""
    said = [glfw.PRESS, *[glfw.REPEAT] * 40, glfw.RELEASE, glfw.PRESS, glfw.RELEASE]
    inbox: Inbox[str, OperatorMessage] = Inbox()
    pressed = [found for action in said if (found := pressed_key(key, 0, action, 0)) is not None]
    for each in pressed:
        press_key(each, inbox)
    assert pressed == [name, name]
    assert inbox.take() == {"space": (CueTrigger("go"),) * 2, "f12": (SafeTrigger(True),)}[name]


@pytest.mark.parametrize("modifier", [glfw.MOD_CONTROL, glfw.MOD_ALT, glfw.MOD_SUPER])
@pytest.mark.parametrize("key", [glfw.KEY_SPACE, glfw.KEY_BACKSPACE, glfw.KEY_F12])
@pytest.mark.parametrize("shift", [0, glfw.MOD_SHIFT])
def test_what_the_system_may_want_presses_nothing(key: int, modifier: int, shift: int) -> None:
    assert pressed_key(key, 0, glfw.PRESS, shift) is not None
    assert pressed_key(key, 0, glfw.PRESS, modifier | shift) is None


def test_shift_and_f12() -> None:
    assert pressed_key(glfw.KEY_F12, 0, glfw.PRESS, glfw.MOD_SHIFT) == "shift+f12"
    assert pressed_key(glfw.KEY_F12, 0, glfw.PRESS, glfw.MOD_SHIFT | glfw.MOD_NUM_LOCK) == "shift+f12"
    assert KEYS["shift+f12"] == RELEASE


def test_every_key_does_something() -> None:
    for key in KEYS:
        inbox: Inbox[str, OperatorMessage] = Inbox()
        press_key(key, inbox)
        assert len(inbox.take()) == 1, key


def test_safe_gets_through_a_flood_of_others() -> None:
    inbox: Inbox[str, OperatorMessage] = Inbox(most_events=3)
    for _ in range(9):
        press_key("space", inbox)
    press_key("s", inbox)
    assert inbox.take()[-1] == SafeTrigger(True)
