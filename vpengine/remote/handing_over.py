"""How every door puts what operators do into the inbox."""

from __future__ import annotations

from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import PickTrigger, SafeTrigger
from vpengine.frames.feed import PROGRAM
from vpengine.mailbox import Inbox


def hand_over(message: OperatorMessage, address: str, inbox: Inbox[str, OperatorMessage]) -> bool:
    """False where the inbox has no room. address: of the button that was pressed.

    The newest change of a control wins, and so does the newest pick, as a finger that is drawn over the picture sends
    many; a press of SAFE is kept out by no flood of others.
    """
    if isinstance(message, ControlChange):
        return inbox.renew(message.address if message.bus == PROGRAM else f"{message.bus} {message.address}", message)
    if isinstance(message, SafeTrigger | PickTrigger):
        return inbox.renew(address, message)
    return inbox.add(message)
