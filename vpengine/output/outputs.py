"""The outputs of a running show: each is given its feed's picture, and none that fails keeps it from the others."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from vpengine.frames.feed import Feed
from vpengine.frames.frame_input import Tick
from vpengine.gpu.guard import Guard
from vpengine.output.output import Finishing, Output

log = logging.getLogger(__name__)


class Drawn(Protocol):
    """A picture that is ready to be shown."""

    @property
    def color(self) -> Any: ...


@dataclass(frozen=True)
class RoutedOutput:
    """An output and the feed that it shows. name: as sentences call it, "window wall:main"."""

    name: str
    feed: Feed
    output: Output


class Outputs:
    """One that fails is closed, said once, and tried again with back-off; the others go on."""

    def __init__(self, guard: Guard, outputs: Sequence[RoutedOutput]) -> None:
        self._guard = guard
        # Windows first: what is recorded takes a moment of the frame, and may be late.
        self._outputs = tuple(sorted(outputs, key=lambda each: isinstance(each.output, Finishing)))

    def present(self, tick: Tick, pictures: Mapping[str, Drawn]) -> bool:
        """Every feed to the outputs that show it; False when the operator asked one to end."""
        still_open = [self._present(each, tick, pictures) for each in self._outputs]  # every one, before any is judged
        return all(still_open)

    def _present(self, routed: RoutedOutput, tick: Tick, pictures: Mapping[str, Drawn]) -> bool:
        going_on = True

        def work() -> None:
            nonlocal going_on
            if str(routed.feed) in pictures:  # as soon as it has a picture, it always has one
                routed.output.show(pictures[str(routed.feed)].color)
            going_on = routed.output.present(tick)

        before = self._guard.failures.get(routed.name, 0)
        self._guard.run(routed.name, work, "it is opened anew, and the other outputs go on")
        if self._guard.failures.get(routed.name, 0) > before:
            self._close(routed)
        return going_on

    def _close(self, routed: RoutedOutput) -> None:
        """What is left of it: it begins from nothing when it is tried again."""
        try:
            routed.output.close()
        except Exception:
            log.debug("%s could not be closed", routed.name, exc_info=True)


def named(kinds: Sequence[str], outputs: Sequence[tuple[Feed, Output]]) -> list[RoutedOutput]:
    """Each with a name of its own; kinds: their kinds of output, in the same order."""
    found: list[RoutedOutput] = []
    for kind, (feed, output) in zip(kinds, outputs, strict=True):
        name = f"{kind} {feed}"
        taken = sum(each.name == name or each.name.startswith(f"{name} (") for each in found)
        found.append(RoutedOutput(f"{name} ({taken + 1})" if taken else name, feed, output))
    return found
