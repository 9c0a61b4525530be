"""How every door puts what operators do into the inbox."""

from __future__ import annotations

from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.control.triggers import PickTrigger, SafeTrigger
from vpengine.frames.feed import PROGRAM
from vpengine.mailbox import Inbox


def hand_over(message: OperatorMessage, address: str, inbox: Inbox[str, OperatorMessage]) -> bool:
    """False where the inbox has no room. address: of the button that was pressed.

    Of changes of a control that come between two other buttons the newest wins: what is recorded or approved is what
    was there when it was pressed. So does the newest pick, as a finger that is drawn over the picture sends many. SAFE
    is renewed as they are, so that no flood of others keeps it out. Neither it nor a pick parts the changes around it:
    SAFE is as the hand leaves it at the end of the frame, and a pick measures a picture that is there already.
    """
    if isinstance(message, ControlChange):
        return inbox.renew(message.address if message.bus == PROGRAM else f"{message.bus} {message.address}", message)
    if isinstance(message, SafeTrigger | PickTrigger):
        return inbox.renew(address, message)
    return inbox.add(message)
