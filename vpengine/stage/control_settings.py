"""The section [control] of a stage file: the operators' OSC port, and controllers that are sent to without asking."""

from __future__ import annotations

import ipaddress

from pydantic import Field, model_validator

from vpengine.stage.settings import Endpoint, NetworkAddress, Port, Settings, refusal, shown


class ControlSettings(Settings):
    """Where operators' OSC messages come in, and to whom the present values go out besides those that ask."""

    osc_port: Port = Field(default=9001, description="Port for OSC controls, UDP and TCP; 0 turns it off.")
    address: NetworkAddress = Field(
        default="127.0.0.1", description="The network address to receive on; 0.0.0.0 is every network."
    )
    feedback: tuple[Endpoint, ...] = Field(
        default=(),
        max_length=32,
        description="IP address and port of controllers that get every control's and display's value without asking: "
        'where TouchOSC receives, such as "192.168.1.20:9000".',
    )
    feedback_rate: float = Field(
        default=25.0, ge=1.0, le=100.0, description="How often a second one controller is sent something, at most."
    )

    @model_validator(mode="after")
    def _reaches(self) -> ControlSettings:
        """A socket on the loopback address sends to this machine only."""
        own = ipaddress.ip_address(self.address)
        for client in self.feedback:
            other = ipaddress.ip_address(client.rpartition(":")[0])
            if own.version != other.version or (own.is_loopback and not other.is_loopback):
                raise refusal(
                    f"found {shown(client)}, which cannot be reached from address {shown(self.address)}; set address "
                    'to "0.0.0.0", or to this machine\'s own on that network',
                    "feedback",
                )
        return self
