"""The engine's side of a generator host, for tests of hosts: what the loop does with one, and what it asks."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from tests.waiting import never_waiting
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request
from vpengine.frames.provenance import Provenance
from vpengine.neural.declared import looks_of
from vpengine.neural.drill import FAILURES
from vpengine.neural.host import GeneratorHost
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

SIZE = (64, 36)
DRILL = "vpengine.neural.drill:Drill"
NO_RUNTIME = "vpengine.neural.none:NoRuntime"
POLL_S = 0.005
PATIENCE_S = 60.0  # of a machine that is busy with other things too


class Loop:
    """The engine's side as its loop has it: collect, rest a little, collect. No call waits."""

    def __init__(self, host: GeneratorHost) -> None:
        self.host = host
        self.keyframes: list[Keyframe] = []
        self.lost: list[Request] = []

    def until(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        end_s = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end_s, "it took too long"
            self.turn()

    def turn(self) -> None:
        with never_waiting():
            collected = self.host.collect(time.monotonic())
        self.keyframes += collected.keyframes
        self.lost += collected.lost
        time.sleep(POLL_S)

    def submit(self, number: int, failure: str = "works") -> Request:
        self.until(lambda: self.host.free(time.monotonic()))
        asked = request(number, failure)
        with never_waiting():
            self.host.submit(asked, time.monotonic())
        return asked


def request(number: int, failure: str = "works", size: tuple[int, int] = SIZE) -> Request:
    width, height = size
    view = camera_view(Pose((0.0, 0.0, 1.6)), Lens((24.89, 14.0), 24.0), size)
    rng = np.random.default_rng(number)
    plate = ImageSet.of(
        rng.uniform(0.02, 1.5, (height, width, 3)).astype(np.float16),
        np.full((height, width), 5.0, np.float32),
        np.full((height, width), 0.5, np.float16),
        view,
        Provenance("plate:test"),
    )
    night = 0.1 * FAILURES.index(failure) + (0.05 if failure != "works" else 0.0)
    look = looks_of("drill").of({"night": night, "fog": 0.25}, seed=7)
    return Request(number, 3, "test", plate, look, time.monotonic())
