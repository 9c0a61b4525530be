"""The monitor in a running engine: the world, the composite and its parts bit for bit, and REC."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.stage_text import SYNTHETIC, green_stage
from vpengine.control import monitor
from vpengine.control.triggers import TakeTrigger
from vpengine.view.glyphs import dots


def with_capture(*feeds: str) -> str:
    return green_stage("monitor:1", *feeds, source=SYNTHETIC, hold_s=5.0)


def without_capture(overscan: float) -> str:
    return green_stage("monitor:1", "world:1", source="", overscan=overscan)


def put(show: Any, /, **controls: float) -> None:
    for name, value in controls.items():
        show.app.desk.controls.set(f"/vp/monitor/{name}", value)


@pytest.mark.parametrize("overscan", [0.0, 15.0])
def test_in_the_engine_it_is_the_cameras_world_bit_for_bit(run_text: Callable[..., Any], overscan: float) -> None:
    show = run_text(without_capture(overscan))
    show.frames(3)
    world = show.pixels("world:1")
    np.testing.assert_array_equal(show.pixels("monitor:1"), world)
    assert world.std() > 20.0
    put(show, cross=1)
    show.frames(1)
    assert (show.pixels("monitor:1") != show.pixels("world:1")).any()


def test_in_the_engine_it_is_the_composite_bit_for_bit_and_its_parts(run_text: Callable[..., Any]) -> None:
    show = run_text(with_capture("composite:1"))
    end_s = time.monotonic() + 1.0
    show.until(lambda: "1" in show.newest.captured and time.monotonic() > end_s)
    np.testing.assert_array_equal(show.pixels("monitor:1"), show.pixels("composite:1"))
    put(show, show=monitor.PICTURE)
    show.frames(1)
    made = show.pixels("monitor:1").astype(int)
    assert (made[90, :20, 1] > 1.5 * made[90, :20, 0]).all()  # the screen is green
    put(show, show=monitor.MATTE)
    show.frames(1)
    matte = show.pixels("monitor:1")
    assert (matte[..., 0] == matte[..., 1]).all()
    assert (matte < 8).mean() > 0.3
    assert (matte > 247).mean() > 0.1


def test_a_picture_alone_is_shown_where_no_feed_asks_for_it(run_text: Callable[..., Any]) -> None:
    """Only the monitor: what it needs is made for it."""
    show = run_text(with_capture())
    show.until(lambda: "1" in show.newest.captured)
    put(show, **{"show": monitor.PICTURE, "split/with": 1 + monitor.COMPOSITE})
    show.frames(2)
    made = show.pixels("monitor:1").astype(int)
    assert (made[90, :20, 1] > 1.5 * made[90, :20, 0]).all()
    assert not (made[90, -20:, 1] > 1.5 * made[90, -20:, 0]).all()


def test_rec_is_shown_while_a_take_rolls(run_text: Callable[..., Any]) -> None:
    show = run_text(without_capture(0.0), plate="street")  # nothing of it is red
    put(show, info=1)
    show.frames(1)

    def red() -> int:
        made = show.pixels("monitor:1").astype(int)
        return int(((made[:20, :, 0] > 180) & (made[:20, :, 1] < 80)).sum())  # row 0 is the lowest

    assert red() == 0
    show.app.inbox.add(TakeTrigger("roll"))
    show.frames(2)
    assert show.newest.rolling
    assert red() == int(dots("REC").sum())
    show.app.inbox.add(TakeTrigger("cut"))
    show.frames(2)
    assert red() == 0
