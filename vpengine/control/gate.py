"""The gate: asked once a frame which generated keyframes may reach which bus."""

from __future__ import annotations

from collections.abc import Iterable

from vpengine.frames.keyframe import Keyframe
from vpengine.frames.look import STRANGE, Look


class Gate:
    """A pass-through for keyframes of the present epoch. The epoch rises with generator, prompts and seed."""

    def __init__(self) -> None:
        self.epoch = 0
        self.discarded = 0
        self._followed: Look | None = None

    def follow(self, look: Look) -> int:
        """The epoch for what PROGRAM asks for now. A prompt that travels to another one leaves no picture behind."""
        before, self._followed = self._followed, look
        if before is not None and (
            (before.generator, before.seed) != (look.generator, look.seed) or before.text_distance(look) >= STRANGE
        ):
            self.epoch += 1
        return self.epoch

    def admit(self, keyframes: Iterable[Keyframe], held: bool = False) -> tuple[Keyframe, ...]:
        """Those that may be shown. held: the pictures on the walls stay, also where newer ones were under way."""
        candidates = tuple(keyframes)
        admitted = tuple(keyframe for keyframe in candidates if not held and keyframe.request.epoch == self.epoch)
        self.discarded += len(candidates) - len(admitted)
        return admitted
