"""What two sections of a stage file cannot both have: a network port, a whole monitor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vpengine.errors import Problem

EVERY_IPV4, EVERY_ADDRESS = EVERY = "0.0.0.0", "::"  # the second hears IPv4 too


@dataclass(frozen=True)
class PortUse:
    """A UDP port that a section receives on. shared: as multicast, which several may receive on one port."""

    key: str
    address: str
    port: int
    shared: bool = False

    def clashes_with(self, other: PortUse) -> bool:
        if self.port != other.port or (self.shared and other.shared):
            return False
        pair = {self.address, other.address}
        if len(pair) == 1 or EVERY_ADDRESS in pair:
            return True
        return EVERY_IPV4 in pair and not any(":" in address for address in pair)


def port_conflicts(file: Path, uses: Iterable[PortUse]) -> list[Problem]:
    """Every port that an earlier section has already, with both keys."""
    problems, before = [], list[PortUse]()
    for use in uses:
        first = next((earlier for earlier in before if use.clashes_with(earlier)), None)
        if first is not None:
            sentence = f"found {use.port} on {use.address}, where {first.key} receives already; each needs its own"
            problems.append(Problem(str(file), use.key, sentence))
        before.append(use)
    return problems


def claim_conflicts(file: Path, claims: Iterable[tuple[str, str]]) -> list[Problem]:
    """claims: (key, what only one section can have), such as a monitor that is filled."""
    problems, owners = [], dict[str, str]()
    for key, claimed in claims:
        if claimed in owners:
            problems.append(Problem(str(file), key, f"{owners[claimed]} has {claimed} already; each needs its own"))
        owners.setdefault(claimed, key)
    return problems
