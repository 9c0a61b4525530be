"""Pixels: the numbers of a picture, where they live, and in which order their rows lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Where = Literal["array", "lent", "pinned memory", "shared memory"]  # a texture or CUDA's memory will be others


@dataclass(frozen=True, eq=False)
class Pixels:
    """stored: (height, width, channels), as they lie. bottom_up: row 0 is the picture's bottom, as textures have it.

    lives: an array is whoever's refers to it. What is lent its owner uses again, and who wants to keep it takes a copy;
    pinned memory is lent and a card's too, which may not yet have put there what it will; shared memory is lent and
    another process's too. Nothing is converted here: who needs another order asks for a view of it.
    """

    stored: NDArray[Any]
    bottom_up: bool = False
    lives: Where = "array"

    @property
    def top_down(self) -> NDArray[Any]:
        """A view of (height, width, channels), row 0 at the top."""
        return self.stored[::-1] if self.bottom_up else self.stored

    @property
    def rgb(self) -> NDArray[Any]:
        """A view of (height, width, 3), row 0 at the top: without the fourth channel that textures have."""
        return self.top_down[..., :3]

    def sized(self, resolution: tuple[int, int]) -> Pixels:
        """A picture of ``resolution`` (width, height) in the beginning of the same memory, which is in one piece.

        Raises ValueError where that is too little.
        """
        width, height = resolution
        channels, stored = self.stored.shape[-1], self.stored.reshape(-1)
        if width * height * channels > stored.size:
            raise ValueError(f"a picture of {width} x {height} in memory for {stored.size // channels} pixels")
        part = stored[: width * height * channels].reshape(height, width, channels)
        return Pixels(part, self.bottom_up, self.lives)

    def kept(self) -> Pixels:
        """The same in memory of their own; themselves where they are in it already."""
        return self if self.lives == "array" else Pixels(np.array(self.stored), self.bottom_up)
