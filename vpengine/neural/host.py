"""The contract of hosts: where a generator runs, be it a process of its own or a thread with a CUDA stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vpengine.frames.images import Room
from vpengine.frames.keyframe import Keyframe, Request
from vpengine.neural.health import GeneratorHealth


@dataclass(frozen=True, eq=False)
class Collected:
    """What became of requests since the last call. lost: swallowed by a failure, to be asked again."""

    keyframes: tuple[Keyframe, ...] = ()
    lost: tuple[Request, ...] = ()


class GeneratorHost(Protocol):
    """Runs one generator from its construction until ``close``, and puts it right when it fails.

    Only the main thread calls it, and no call but ``close`` waits. now_s: seconds of the monotonic clock.
    """

    @property
    def health(self) -> GeneratorHealth: ...

    @property
    def request_size(self) -> float:
        """The sides of a picture that may be asked, as a share of what the stage wants."""

    def free(self, now_s: float) -> Room | None:
        """Where a request's plate may be put, if it would be worked on at once or before the next frame could draw one.

        It is for the largest plate that may be asked; a smaller one has the beginning of it (``Room.sized``). It is the
        next request's until that is answered; a plate that is put elsewhere is copied there.
        """

    def submit(self, request: Request, now_s: float) -> None:
        """Hand over a request; only after ``free`` gave it room, and before it is asked again."""

    def collect(self, now_s: float) -> Collected:
        """What has come since the last call. Called every frame: it is here that failures are seen and mended."""

    def close(self) -> None:
        """End the generator, whatever it does, and give back what it held; within two seconds or so."""


class NoHost:
    """Nobody makes pictures: never free, and nothing comes."""

    def __init__(self) -> None:
        self.health = GeneratorHealth("none", runtime="none", ready=True, work_s=0.0, usual_latency_s=0.0)
        self.request_size = 1.0

    def free(self, now_s: float) -> Room | None:
        del now_s
        return None

    def submit(self, request: Request, now_s: float) -> None:
        raise AssertionError(f"request {request.number} at {now_s}: there is nobody to ask")

    def collect(self, now_s: float) -> Collected:
        del now_s
        return Collected()

    def close(self) -> None:
        """There is nothing to end."""
