"""A running engine whose generator hangs, dies and errs: every frame is drawn, and none waits for it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.waiting import never_waiting
from vpengine.control import declared
from vpengine.control.triggers import RefreshTrigger
from vpengine.neural import slot_host
from vpengine.neural.drill import Drill
from vpengine.view.surround import FACES

NAN, WORKS, WORKS_AS_WELL = 0.45, 0.04, 0.06  # of the night's fader
PATIENCE_S = 120.0


class Troubled:
    """A show with the drill, whose patience is a number and not a time."""

    def __init__(self, show: Any, patch: pytest.MonkeyPatch) -> None:
        self.show, self.health = show, show.app.generator.health
        self.patience_s = float("inf")
        patch.setattr(Drill, "hang_limit_s", staticmethod(lambda work_s: self.patience_s))
        patch.setattr(slot_host, "_BACK_OFF_S", (0.05,))

    def look(self, night: float) -> None:
        """Another one: there is something new to ask."""
        self.show.app.desk.controls.set("/vp/look/night", night)

    def until(self, true: Callable[[], bool]) -> None:
        """Between two frames the generator, which has what is left of the processor, is left some."""
        end_s = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end_s, "it never came true"
            self.frames(1)
            time.sleep(0.002)

    def frames(self, count: int) -> None:
        """Each is drawn to its end, and waits for nobody."""
        with never_waiting():
            self.show.frames(count)

    def tell(self, number: signal.Signals) -> None:
        assert self.health.pid is not None
        os.kill(self.health.pid, number)

    def works(self) -> None:
        """It makes another image."""
        images = self.health.images
        self.until(lambda: self.health.images > images)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no SIGSTOP on this system")
def test_no_frame_waits_for_a_generator_in_trouble(drilling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It returns NaN, hangs while it starts, is killed there, hangs at work; in the end a new one is at work."""
    monkeypatch.setattr("vpengine.neural.slot_host.STEADY_S", 0.0)  # as if these were minutes apart
    trouble = Troubled(drilling, monkeypatch)
    health = trouble.health
    trouble.works()

    trouble.look(NAN)
    trouble.until(lambda: health.restarts == 1)
    assert "NaN" in health.last_failure
    trouble.look(WORKS)
    trouble.until(lambda: health.pid is not None)
    trouble.tell(signal.SIGSTOP)
    trouble.frames(48)
    assert not health.ready
    trouble.tell(signal.SIGKILL)
    trouble.until(lambda: health.restarts == 2)
    trouble.until(lambda: health.pid is not None)
    trouble.works()

    trouble.tell(signal.SIGSTOP)
    trouble.look(WORKS_AS_WELL)
    trouble.frames(48)
    assert health.restarts == 2, "nobody has lost patience yet"
    trouble.patience_s = 0.0
    trouble.until(lambda: health.restarts == 3)
    trouble.patience_s = float("inf")
    trouble.until(lambda: health.pid is not None)
    trouble.works()
    report = drilling.app.report()
    assert report["feeds"]["wall:main"] == {"drawn": report["frames"], "kept": 0}


@pytest.mark.slow
def test_held_nothing_new_is_made_and_a_refresh_makes_all_anew(drilling: Any) -> None:
    """Also where the look changes: it stays as it was, until it is let go."""
    show, health = drilling, drilling.app.generator.health
    surrounds = show.app.compositor.surrounds
    show.until(lambda: surrounds.coverage("pattern") == 1.0)
    show.app.desk.controls.set(declared.NEURAL_HOLD, True)
    show.seconds(1.0)
    images, shown = health.images, show.all_pixels()
    show.app.desk.controls.set("/vp/look/night", WORKS_AS_WELL)
    show.app.inbox.add(RefreshTrigger())
    show.seconds(3.0)
    assert health.images == images
    for feed, pixels in show.all_pixels().items():
        np.testing.assert_array_equal(pixels, shown[feed])
    show.app.desk.controls.set(declared.NEURAL_HOLD, False)
    show.until(lambda: health.images > images + FACES)  # the camera's, and those round it
    show.seconds(1.0)
    images = health.images
    show.app.inbox.add(RefreshTrigger())
    show.until(lambda: health.images > images + FACES)
    assert show.app.report()["surround"]["coverage_percent"] == 100.0
