"""An OSC control door without a socket, with a few controls, scenes and cameras, and what it put into its inbox."""

from __future__ import annotations

from vpengine.control.controls import Control, Value
from vpengine.control.messages import ControlChange, OperatorMessage
from vpengine.mailbox import Inbox
from vpengine.remote.osc_control import OscControl

CONTROLS = {
    control.address: control
    for control in (
        Control("/vp/look/snow", "float", 0.0, "Snow."),
        Control("/vp/look/fog", "float", 0.0, "Fog."),
        Control("/vp/exposure/inner", "float", 0.0, "Exposure.", low=-6.0, high=6.0, unit="stops"),
        Control("/vp/neural/hold", "bool", True, "Live."),
        Control("/vp/note", "text", "", "A note."),
    )
}
SCENES = ("street-day", "snow-night", "dome")
CAMERAS = ("A", "B")


class Bench:
    def __init__(self, port: int = 0) -> None:
        self.inbox: Inbox[str, OperatorMessage] = Inbox(most_events=100)
        self.now_s = 0.0
        self.door = OscControl("127.0.0.1", port, CONTROLS, self.inbox, SCENES, CAMERAS, clock=lambda: self.now_s)

    def take(self, *packets: bytes) -> tuple[dict[str, Value], tuple[OperatorMessage, ...]]:
        for one in packets:
            self.door.take(one, "10.0.0.5:53000")
        return self.taken()

    def taken(self) -> tuple[dict[str, Value], tuple[OperatorMessage, ...]]:
        """What waits in the inbox, changes and triggers apart."""
        messages = self.inbox.take()
        changes = {message.address: message.value for message in messages if isinstance(message, ControlChange)}
        return changes, tuple(message for message in messages if not isinstance(message, ControlChange))

    def bad(self) -> dict[str, int]:
        return dict(self.door.health()["10.0.0.5:53000"].bad)
