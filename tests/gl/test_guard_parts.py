"""Faults in a running engine's locations, generated layers and outputs: who waits, who goes on, and what is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cases import slow_but
from vpengine.app import App, RunOptions
from vpengine.compose.keyframe_textures import KeyframeTextures
from vpengine.compose.neural import NeuralLayer
from vpengine.control import declared
from vpengine.frames.feed import PROGRAM, Eye
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.neural.process_host import ProcessHost
from vpengine.plates.none import NoPlate
from vpengine.plates.pattern import Pattern
from vpengine.view.view import View

FEEDS = ("wall:main", "wall:side", "world:1")


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError("it broke")


def test_in_a_dissolve_the_place_that_fails_is_left_out(
    show: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes is shown alone where what goes fails; where what comes fails, what goes, and then its last picture."""
    show.go("second")
    show.settle()
    second = show.pixels("world:1")
    show.go("first")
    show.settle()
    first = show.pixels("world:1")
    assert (first != second).mean() > 0.2
    with monkeypatch.context() as patch:
        patch.setattr(show.app.locations["pattern"], "draw", broken)
        show.go("second")
        show.frames(2)
        assert len(show.newest.program.shares) == 2
        np.testing.assert_array_equal(show.pixels("world:1"), second)
    show.settle()
    with monkeypatch.context() as patch:
        patch.setattr(show.app.locations["pattern"], "draw", broken)
        show.go("first")
        show.frames(1)
        assert show.newest.program.target == "pattern"
        show.settle()
        kept = show.pixels("world:1")
        np.testing.assert_array_equal(kept, second)
    show.seconds(6.0)
    np.testing.assert_array_equal(show.pixels("world:1"), first)
    assert len([record for record in caplog.records if "plate pattern" in record.getMessage()]) == 1


class Late(Pattern):
    """One of which no face can be drawn for a while."""

    faulty = True

    def draw(self, target: Target, view: View) -> None:
        if Late.faulty and target.size[0] == target.size[1]:
            raise RuntimeError("not yet")
        super().draw(target, view)


class NotUp(NoPlate):
    def upload(self, gpu: Gpu) -> bool:
        raise RuntimeError("it does not go up")


def test_a_place_that_cannot_be_prepared_waits_and_the_others_do_not(
    show: Any, caplog: pytest.LogCaptureFixture
) -> None:
    Late.faulty = True
    walls, locations = show.app.compositor.walls, show.app.locations
    show.frames(2)
    good = show.all_pixels()
    locations._builds |= {"late": lambda: Late(Late.Settings()), "quick": NoPlate}
    locations.ask("late")
    show.until(lambda: "preparing late" in show.app.report()["failures"])
    show.seconds(15.0)  # it is tried every five seconds now
    tried = show.app.report()["failures"]["preparing late"]
    locations.ask("quick")
    while locations._loaded.empty():
        time.sleep(0.002)
    show.seconds(1.0)
    assert walls.prepared("quick")
    assert show.app.report()["failures"]["preparing late"] <= tried + 1
    assert not walls.prepared("late")
    assert show.app.report()["failures"]["preparing late"] <= 12
    Late.faulty = False
    show.until(lambda: walls.prepared("late"))
    said = [record.getMessage() for record in caplog.records]
    assert said == ["preparing late failed (RuntimeError: not yet); its scene waits. It is tried again."]
    np.testing.assert_array_equal(show.pixels("wall:main"), good["wall:main"])


def test_a_plate_that_does_not_go_up_while_the_show_runs_is_a_placeholder(
    show: Any, caplog: pytest.LogCaptureFixture
) -> None:
    show.frames(2)
    good = show.all_pixels()
    show.app.locations._builds["late"] = NotUp
    show.app.locations.ask("late")
    show.until(lambda: show.app.compositor.walls.prepared("late"))
    assert "could not be put on the GPU" in show.app.report()["plates"]["late"]
    assert len(caplog.records) == 1
    for feed, pixels in show.all_pixels().items():
        np.testing.assert_array_equal(pixels, good[feed])


def test_a_first_plate_that_cannot_be_drawn_is_a_placeholder(
    two_walls: Path, make_show: Callable[[App], Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    draw = Pattern.draw

    def no_face(self: Pattern, target: Target, view: View) -> None:
        if target.size[0] == target.size[1]:
            raise RuntimeError("it broke")
        draw(self, target, view)

    monkeypatch.setattr(Pattern, "draw", no_face)
    with App(RunOptions(two_walls, headless=True, unpaced=True)) as app:
        show = make_show(app)
        show.frames(3)
        assert "could not be drawn" in app.report()["plates"]["pattern"]
        assert show.pixels("world:1").max() > 60
    assert "plate pattern: it could not be drawn (RuntimeError: it broke)" in caplog.text


def test_a_layer_that_fails_leaves_the_plate_as_it_is(
    generating: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    show, controls = generating, generating.app.desk.controls
    generated = show.pixels("world:1").astype(float)
    controls.set(declared.NEURAL_AMOUNT, 0.0)
    show.frames(2)
    plate = show.pixels("world:1")
    assert np.abs(plate - generated).mean() > 10.0
    controls.set(declared.NEURAL_AMOUNT, 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(NeuralLayer, "draw", broken)
        show.seconds(1.0)
        np.testing.assert_array_equal(show.pixels("world:1"), plate)
    show.seconds(2.0)
    assert np.abs(show.pixels("world:1") - generated).mean() < 3.0
    (said,) = [record.getMessage() for record in caplog.records if "failed (" in record.getMessage()]
    assert said == (
        "re-projection pattern, program 1 failed (RuntimeError: it broke); the plate is shown as it is. "
        "It is tried again."
    )
    assert set(show.app.report()["failures"]) == {"re-projection pattern, program 1"}


@pytest.mark.slow
def test_requests_that_fail_cost_the_walls_nothing_and_are_made_again(
    generating: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever of them fails: the plate's draw, its read-back, or what comes down."""
    show, drawers = generating, generating.app.loop.executor._drawers
    asked = {kind: broken for kind in drawers if kind.__module__ == "vpengine.compose.request"}
    assert asked
    images = show.app.generator.health.images
    walls = show.pixels("wall:main").astype(float)
    show.app.desk.controls.set("/vp/look/night", 0.3)
    with monkeypatch.context() as patch:
        patch.setattr(show.app.loop.executor, "_drawers", {**drawers, **asked})
        show.seconds(3.0)
        assert np.abs(show.pixels("wall:main") - walls).max() <= 3.0
        assert show.app.generator.health.images - images <= 1  # one may have been under way
    failures = show.app.report()["failures"]
    assert failures
    assert all(name.startswith("request") for name in failures)
    assert all("the pictures that there are stay" in record.getMessage() for record in caplog.records)
    images = show.app.generator.health.images
    show.until(lambda: show.app.generator.health.images > images)


def test_an_output_that_fails_is_closed_and_opened_again_and_the_other_goes_on(
    show: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = {str(feed): output for feed, output in show.app.outputs}
    first, second = outputs["wall:main"], outputs["world:1"]
    show.frames(2)
    closed: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(first, "show", broken)
        patch.setattr(first, "close", lambda: closed.append(1))
        show.seconds(2.0)
    assert (first.presented, second.presented) == (2, 50)  # type: ignore[attr-defined]
    assert len(closed) == show.app.report()["failures"]["headless wall:main"]
    show.seconds(6.0)
    assert first.presented > 2 + 24  # type: ignore[attr-defined]
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == (
        "headless wall:main failed (RuntimeError: it broke); it is opened anew, and the other outputs go on. "
        "It is tried again."
    )


def night_of(layer: Any) -> float:
    """The look that the newest keyframe is of."""
    night: float = dict(layer.newest.request.look.values)["night"]
    return night


@pytest.mark.parametrize(("owner", "name"), [(ProcessHost, "submit"), (KeyframeTextures, "write")])
def test_a_picture_that_is_lost_on_its_way_is_asked_again_though_nothing_moves(
    drilling: Any, monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    """Camera and look rest: nobody would ask for another."""
    show = drilling
    show.until(lambda: show.app.generator.health.images > 0)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, broken)
        show.app.desk.controls.set("/vp/look/night", 0.05)
        show.until(lambda: bool(show.app.report()["failures"]))
        layer = show.app.compositor.eyes.layer(Eye(PROGRAM, "1"), "pattern")
        assert night_of(layer) == 0.02, "the new one is lost"
    show.until(lambda: night_of(layer) != 0.02)
    assert night_of(layer) == 0.05


@pytest.mark.parametrize("fault", slow_but("submit", ["collect", "submit", "note"]))
def test_a_generator_or_a_take_that_fails_outside_the_plan_ends_no_show(
    generating: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """The wall goes on by the pictures that there are; one sentence says it, and then it is as it was."""
    loop = generating.app.loop
    before = generating.pixels("wall:main")
    with monkeypatch.context() as patch:
        patch.setattr(loop.recorder if fault == "note" else loop.generator, fault, broken)
        generating.app.desk.controls.set("/vp/look/night", 0.95)  # something new is to be asked
        generating.seconds(2.0)
        shown = generating.pixels("wall:main")
    assert (shown.astype(int) - before).std() < 30.0
    name = {"collect": "hearing the generator", "submit": "asking the generator", "note": "the take"}[fault]
    assert generating.app.report()["failures"][name] >= 1
    assert len([record for record in caplog.records if record.getMessage().startswith(f"{name} failed")]) == 1
    generating.seconds(8.0)
    images = generating.app.generator.health.images
    generating.app.desk.controls.set("/vp/look/night", 0.5)
    generating.until(lambda: generating.app.generator.health.images > images)
