"""Keys press the buttons that they are declared for, and SAFE gets through a flood."""

from __future__ import annotations

import pytest

from vpengine.control.keys import KEYS
from vpengine.control.messages import OperatorMessage
from vpengine.control.triggers import CueTrigger, LookTrigger, SafeTrigger, TakeTrigger
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
