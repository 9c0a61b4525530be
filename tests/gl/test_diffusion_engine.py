"""A running engine with a diffusion model (a tiny one, of random numbers): a prompt becomes a picture on the walls."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from vpengine.app import App, RunOptions
from vpengine.cli.ports import free_port
from vpengine.control.messages import ControlChange
from vpengine.frames.keyframe import Keyframe

pytestmark = pytest.mark.alone

PROMPT = "/vp/look/prompt"
FLOOD = "A harbour after the flood, wet stone, low sun"


@pytest.fixture
def painted_stage(small_stage: Path, tiny_models: Path) -> Path:
    """The small stage with the tiny model, and a show that says its two scenes in words."""
    del tiny_models
    stage = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0")
    stage = stage.replace("= 9001", f"= {free_port()}")
    stage = stage.replace('generator = "none"', 'generator = "diffusion"\nmodel = "tiny-sd"\nprecision = "float32"')
    small_stage.write_text(stage.replace('runtime = "onnxruntime"', 'runtime = "torch"'), encoding="utf-8")
    show = small_stage.parent / "show.toml"
    text = show.read_text(encoding="utf-8").replace("controls.look.fog = 0.3", "")
    text = text.replace("controls.look.fog = 0.6", f'controls.look.prompt = "{FLOOD}"')
    show.write_text(text.replace('\nstyle = "checker"', ""), encoding="utf-8")
    return small_stage


class Painting:
    """A running show, and the keyframes that came to its walls."""

    def __init__(self, show: Any) -> None:
        self.show, self.app = show, show.app
        self.keyframes: list[Keyframe] = []
        self.epochs: list[int] = []

    def until(self, true: Callable[[], bool]) -> None:
        def seen() -> bool:
            self.keyframes += self.show.newest.keyframes
            self.epochs.append(self.show.newest.epoch)
            return true()

        self.show.until(seen)

    def say(self, prompt: str) -> None:
        self.app.inbox.renew(PROMPT, ControlChange(PROMPT, prompt))

    def wall(self) -> Any:
        return self.show.pixels("wall:main").astype(float)


@pytest.fixture
def painting(painted_stage: Path, make_show: Callable[[App], Any]) -> Iterator[Painting]:
    with App(RunOptions(painted_stage, headless=True, unpaced=True)) as app:
        app.wait_until_ready(120.0)
        assert app.generator.health.ready, app.generator.health.last_failure
        yield Painting(make_show(app))


def test_a_prompt_over_osc_becomes_a_picture_that_says_what_made_it(painting: Painting) -> None:
    """With no words the wall is the plate, and nobody is asked; with some it is the model's, all round, and each next
    picture goes on from the one that is there.
    """
    show, health = painting.show, painting.app.generator.health
    show.frames(12)
    plate, asked = painting.wall(), health.images
    message = OscMessageBuilder(PROMPT)
    message.add_arg(FLOOD)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(message.build().dgram, ("127.0.0.1", painting.app.files.stage.control.osc_port))
    surrounds = painting.app.compositor.surrounds
    painting.until(lambda: surrounds.coverage("pattern") == 1.0)
    show.seconds(1.0)
    assert asked == 0
    assert np.abs(painting.wall() - plate).mean() > 4.0
    first, last = painting.keyframes[0].provenance, painting.keyframes[-1].provenance
    assert dict(first.look)["prompt"] == FLOOD
    assert first.source == "diffusion"
    assert first.runtime.startswith("torch ")
    assert len(first.model_sha256) == 64
    assert (first.started_from, len(last.started_from)) == ("", 64)
    assert not any(keyframe.gain.stored.any() for keyframe in painting.keyframes), "it paints all of its picture"


@pytest.mark.slow
def test_a_prompt_that_is_too_long_is_refused_with_the_limit(
    painting: Painting, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, in a sentence; the wall keeps its picture, and the next prompt is heard."""
    health = painting.app.generator.health
    painting.say(FLOOD)
    painting.until(lambda: len(painting.keyframes) > 2)
    with caplog.at_level(logging.WARNING):
        painting.say(FLOOD * 9)
        painting.until(lambda: "tokens" in caplog.text)
        painting.show.seconds(2.0)
    told = [record.message for record in caplog.records if "tokens" in record.message]
    assert len(told) == 1
    assert "this model hears 75" in told[0]
    count = len(painting.keyframes)
    painting.say("A desert")
    painting.until(lambda: len(painting.keyframes) > count)
    assert health.restarts == 0


@pytest.mark.slow
def test_a_prompt_travels_with_its_scene_s_dissolve(painting: Painting) -> None:
    """Pictures between the two are blends of both, of the same epoch; the last is of the new prompt alone."""
    painting.app.desk.controls.set(PROMPT, "A desert")
    painting.until(lambda: len(painting.keyframes) > 2)
    epoch, count = painting.epochs[-1], len(painting.keyframes)
    painting.app.desk.scenes._entries["second"] = _slower(painting.app.desk.scenes._entries["second"])
    painting.show.go("second")
    painting.until(lambda: any(_rests(keyframe) for keyframe in painting.keyframes[count:]))
    blends = [
        dict(dict(key.provenance.blends)["prompt"]) for key in painting.keyframes[count:] if key.provenance.blends
    ]
    shares = [blend[FLOOD] for blend in blends]
    assert len(shares) > 1
    assert shares == sorted(shares)
    assert all(blend["A desert"] + blend[FLOOD] == pytest.approx(1.0) for blend in blends)
    assert painting.epochs[-1] == epoch


def _slower(entry: Any) -> Any:
    return type(entry)(entry.slug, entry.location, 20.0, entry.controls, entry.keep)


def _rests(keyframe: Keyframe) -> bool:
    return dict(keyframe.provenance.look)["prompt"] == FLOOD and not keyframe.provenance.blends


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["nowhere", "half"])
def test_weather_stands_in_for_a_model_that_cannot_be_used(
    painted_stage: Path,
    tiny_models: Path,
    make_show: Callable[[App], Any],
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    """Which file and why is said, and what is shown instead; every frame is drawn, and weather's faders are heard."""
    half = tiny_models / "half"
    if fault == "half" and not half.exists():
        half.mkdir()
        (half / "model_index.json").write_text("{", encoding="utf-8")
    stage = painted_stage.read_text(encoding="utf-8").replace('model = "tiny-sd"', f'model = "{fault}"')
    painted_stage.write_text(stage, encoding="utf-8")
    with caplog.at_level(logging.WARNING), App(RunOptions(painted_stage, headless=True, unpaced=True)) as app:
        show = make_show(app)
        app.desk.controls.set(PROMPT, FLOOD)
        app.desk.controls.set("/vp/look/night", 0.9)
        show.until(lambda: any(key.provenance.source == "weather" for key in show.newest.keyframes))
    told = [record.message for record in caplog.records if "From now on" in record.message]
    assert len(told) == 2
    assert fault in told[0]
    assert "From now on: the generator weather." in told[1]
