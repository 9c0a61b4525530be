"""The contract of a capture source. How one fails is ``media.decoding``'s LostError and BrokenError, and EndedError."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

from vpengine.errors import UserError
from vpengine.frames.captured import CapturedFrame


class EndedError(UserError):
    """It has come to its end, as its settings want it; it is not opened again."""


class Source(Protocol):
    """Made from its own ``Settings`` (a pydantic model, an attribute of its class) and a ``Pace``.

    A class may have two functions for ``vpengine check``: ``receives(settings)``, the address and UDP port that it
    receives on, and whether several may (multicast); and ``claim(settings)``, what only one source can have. One that
    plays files has ``files(settings)``, all of them in order, the one that its settings name first.

    All but the constructor is called on its reader's thread. What it raises is one sentence, for a person.
    """

    @property
    def title(self) -> str:
        """What people call it, such as 'file "take.mov"'."""

    def open(self) -> Fraction | None:
        """Begin anew. The pictures a second that it says it has; None when it says nothing. Raises LostError."""

    def read(self) -> CapturedFrame | None:
        """The next picture, in its order; None when none came for a while (at most a second; LostError after that).

        ``time_s`` is when it came, or is to be shown where it is played; ``number`` is left to the reader. Raises
        LostError, BrokenError, EndedError.
        """

    def close(self) -> None:
        """Give back what it holds; a second call does nothing."""
