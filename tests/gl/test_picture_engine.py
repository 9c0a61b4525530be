"""A camera's own picture in a running engine: what is shown is what it sent, and the world is of that moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.capturing import end_camera, sent_number
from tests.stage_text import green_stage
from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import SyntheticSource
from vpengine.gpu.view_lut import acescct_to_display
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear

SOURCE = 'kind = "synthetic"\nresolution = [160, 90]\nnoise = 0.0'


@pytest.fixture
def begin(run_text: Callable[..., Any]) -> Callable[..., Any]:
    def begun(hold_s: float = 60.0) -> Any:
        text = green_stage("picture:1", source=SOURCE, size=(176, 99), overscan=5.0, hold_s=hold_s)
        return run_text(text)

    return begun


@pytest.fixture
def show(begin: Callable[..., Any]) -> Any:
    return begin()


def developed(light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(h, w, 3) linear Rec.709 to what a monitor's feed has, by OpenColorIO itself."""
    cct = np.ascontiguousarray(acescct_from_linear(light @ np.linalg.inv(REC709_FROM_ACESCG).T), np.float32)
    acescct_to_display().applyRGB(cct)
    return np.clip(cct, 0.0, 1.0) * 255.0


def test_what_is_shown_is_what_the_camera_sent(show: Any) -> None:
    show.until(lambda: "1" in show.newest.captured and show.newest.captured["1"].number > 2)
    frame = show.newest.captured["1"]
    (section,) = show.app.files.stage.captures
    source = SyntheticSource(show.app.files.of(section.source), Pace())
    expected = developed(source.truth(sent_number(frame, source)).light)
    seen = show.pixels("picture:1")[::-1].astype(float)
    assert seen.shape == (90, 160, 3)
    off = np.abs(seen - expected)[expected > 3.0]  # a screen's green has no red, where the view's table is coarse
    assert off.mean() < 2.0
    assert np.quantile(off, 0.999) < 40  # chroma has half of the pixels, and the figure has outlines


def test_a_camera_that_is_gone_shows_nothing_and_is_told_of(begin: Callable[..., Any]) -> None:
    show = begin(hold_s=0.5)
    show.until(lambda: "picture:1" in show.app.loop.executor.pictures)
    assert show.pixels("picture:1").any()
    end_camera(show)
    show.frames(1)
    assert not show.pixels("picture:1").any()
    show.until(lambda: "capture a: no picture for" in show.app.loop.trouble())
    assert show.app.report()["captures"]["a"]["frames"] > 0
