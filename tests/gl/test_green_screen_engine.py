"""A green-screen stage in a running engine: the composite is the camera's foreground over its world, exactly so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.capturing import end_camera, sent_number
from tests.stage_text import green_stage
from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import SyntheticSource
from vpengine.control import declared
from vpengine.control.triggers import PickTrigger, TakeTrigger
from vpengine.tracking.protocol import LensUpdate
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.timecode import number_of, parsed

SIZE = (320, 180)
STAGE = green_stage("composite:1", "key:1")


def light(show: Any, key: str) -> np.ndarray[Any, Any]:
    """(h, w, 3) of a picture of the newest frame."""
    texture = show.app.loop.executor.pictures[key].color
    width, height = texture.size
    out = np.empty((height, width, 4), np.float16)
    texture.read_into(out.data.cast("B"), alignment=1)
    return out[::-1, :, :3].astype(np.float32)


def truth(show: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Alpha, and the foreground premultiplied in ACEScg, of the picture in the newest frame."""
    (section,) = show.app.files.stage.captures
    source = SyntheticSource(show.app.files.of(section.source), Pace())
    made = source.truth(sent_number(show.newest.captured["1"], source))
    return made.alpha, made.foreground @ np.linalg.inv(REC709_FROM_ACESCG).T.astype(np.float32)


def psnr(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """Of pictures as a display encodes them, by a square root."""
    difference = np.sqrt(np.clip(one, 0.0, 1.0)) - np.sqrt(np.clip(other, 0.0, 1.0))
    return float(-10.0 * np.log10(np.mean(difference**2)))


def test_the_foreground_lies_over_the_world_as_if_it_stood_there(run_text: Callable[..., Any]) -> None:
    show = run_text(STAGE, plate="street")
    end_s = time.monotonic() + 1.5  # the screen is learnt
    show.until(lambda: "1" in show.newest.captured and time.monotonic() > end_s)
    alpha, foreground = truth(show)
    expected = foreground + (1.0 - alpha[..., None]) * light(show, "world program 1")
    made = light(show, "composite 1")
    sure = (alpha < 0.001) | (alpha > 0.999)
    assert psnr(made[sure], expected[sure]) > 35.0
    assert psnr(made, expected) > 28.0
    matte = show.pixels("key:1")[::-1, :, 0] / 255.0
    assert np.abs(matte - alpha).mean() < 0.02


def test_without_a_picture_the_world_is_alone(run_text: Callable[..., Any]) -> None:
    show = run_text(green_stage("composite:1", "key:1", hold_s=0.5))
    show.until(lambda: "1" in show.newest.captured)
    end_camera(show)
    show.frames(1)
    assert not show.pixels("key:1").any()
    np.testing.assert_array_equal(light(show, "matched 1"), light(show, "world program 1"))
    assert show.pixels("composite:1").any()


def test_beyond_the_screen_is_the_world_and_a_box_stays(run_text: Callable[..., Any]) -> None:
    # The camera is 1.5 m up and looks along Y: 4 m ahead its picture is 4 m wide.
    left_half = "[[screen]]\nsize_m = [2.0, 4.0]\nposition_m = [-1.0, 4.0, 0.0]\n"
    box = "[[holdout]]\nsize_m = [0.5, 0.1, 0.5]\nposition_m = [-1.5, 4.0, 0.5]\n"
    show = run_text(STAGE + left_half + box)
    show.until(lambda: "1" in show.newest.captured)
    show.frames(2)
    made, world = light(show, "composite 1"), light(show, "world program 1")
    np.testing.assert_array_equal(made[:, 170:], world[:, 170:])
    picture = light(show, "picture 1")
    held = made[130:150, 20:50], picture[130:150, 20:50]  # lower left, where the screen itself is seen
    np.testing.assert_allclose(*held, atol=2e-3, rtol=2e-2)


def test_a_screen_without_colour_is_told_and_nothing_changes(
    run_text: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    show = run_text(STAGE)
    show.until(lambda: "1" in show.newest.captured)
    for part in "rgb":
        show.app.desk.controls.set(f"/vp/key/screen/{part}", 0.5)
    show.frames(5)
    assert [record.message for record in caplog.records].count(
        "/vp/key/screen: (0.5, 0.5, 0.5) has no colour to key by: pick it from the lit screen. The key stays as it was."
    ) == 1
    alpha, _ = truth(show)
    assert np.abs(show.pixels("key:1")[::-1, :, 0] / 255.0 - alpha).mean() < 0.04


def test_every_stage_of_the_key_is_shown_alone(run_text: Callable[..., Any]) -> None:
    show = run_text(STAGE)
    show.until(lambda: "1" in show.newest.captured)
    shown = []
    for stage in range(7):
        show.app.desk.controls.set(declared.KEY_VIEW, float(stage))
        show.frames(2)
        shown.append(show.pixels("key:1").copy())
    assert [picture.any() for picture in shown] == [True] * 6 + [False]  # no screen is declared: there is no garbage
    assert not any(np.array_equal(one, other) for one, other in pairwise(shown))


def test_the_screen_is_picked_from_the_picture(run_text: Callable[..., Any]) -> None:
    show = run_text(STAGE)
    show.until(lambda: "1" in show.newest.captured)
    show.app.inbox.add(PickTrigger("screen", 0.1, 0.5))
    show.frames(1)
    red, green, blue = (show.app.desk.controls.targets()[f"/vp/key/screen/{part}"] for part in "rgb")
    np.testing.assert_allclose((red, green, blue), light(show, "picture 1")[80:100, 24:40].mean((0, 1)), rtol=0.03)


def test_a_grey_card_sets_the_gains_so_that_it_is_grey(run_text: Callable[..., Any]) -> None:
    show = run_text(STAGE)
    show.until(lambda: "1" in show.newest.captured)
    show.app.inbox.add(PickTrigger("grey", 0.1, 0.5))
    show.frames(2)
    np.testing.assert_allclose(light(show, "picture 1")[80:100, 24:40].mean((0, 1)), 0.18, rtol=0.05)
    show.app.inbox.add(PickTrigger("screen", 0.1, 0.5))  # of the picture as it is now: no colour is left
    show.frames(1)
    assert show.app.desk.controls.targets()["/vp/key/screen/g"] == pytest.approx(0.18, rel=0.05)


def test_what_is_too_dark_is_no_grey_card(run_text: Callable[..., Any]) -> None:
    show = run_text(STAGE.replace("noise = 0.1", 'noise = 0.1\ncolor_space = "Linear Rec.709 (sRGB)"'))
    show.until(lambda: "1" in show.newest.captured)
    reader = show.app.captures.readers["1"]
    black = replace(reader.ring.newest(), planes=tuple(np.zeros_like(p) + 64 for p in reader.ring.newest().planes))
    reader._source.read = lambda: None
    reader.ring.put(replace(black, planes=(black.planes[0], black.planes[1] * 8, black.planes[2] * 8)))
    show.app.inbox.add(PickTrigger("grey", 0.5, 0.5))
    show.frames(1)
    assert show.app.desk.refusals[-1].startswith("/vp/picture/grey: (")
    assert show.app.desk.controls.targets()["/vp/picture/gain/r"] == 1.0


def test_a_take_keeps_what_the_camera_sent(run_text: Callable[..., Any], tmp_path: Path) -> None:
    show = run_text(STAGE)
    show.until(lambda: "1" in show.newest.captured)
    show.app.inbox.add(TakeTrigger("roll"))
    seen: set[int] = set()

    def enough() -> bool:
        seen.add(show.newest.captured["1"].number)
        return len(seen) > 12

    show.until(enough)
    show.app.inbox.add(TakeTrigger("cut"))
    show.frames(2)
    show.app.__exit__(None, None, None)
    (film,) = tmp_path.glob("takes/**/picture-1.mkv")
    lines = [json.loads(line) for line in film.with_name("picture-1.pictures.jsonl").read_text().splitlines()]
    with av.open(str(film)) as container:
        pictures = list(container.decode(video=0))
    assert len(pictures) == len(lines) > 10
    (section,) = show.app.files.stage.captures
    source = SyntheticSource(show.app.files.of(section.source), Pace())
    sent = source.picture(number_of(parsed(lines[5]["timecode"]), source.settings.rate), 0.0)
    luma = np.frombuffer(pictures[5].planes[0], np.uint16).reshape(SIZE[1], -1)[:, : SIZE[0]]
    np.testing.assert_array_equal(luma, sent.planes[0])
    frames = [json.loads(line) for line in (film.parent / "frames.jsonl").read_text().splitlines()]
    assert {line["captured"]["1"]["number"] for line in frames if "captured" in line} & {one["number"] for one in lines}


def test_the_world_is_as_soft_as_the_lens_makes_it(run_text: Callable[..., Any]) -> None:
    show = run_text(STAGE, (("/vp/key/defocus", "1"),), plate="street")
    show.frames(2)
    sharp = light(show, "matched 1")
    show.app.cameras._updates.put("1", LensUpdate("1", focus_distance_m=1.0, t_stop=1.0))
    show.frames(2)
    soft = light(show, "matched 1")
    assert np.abs(np.diff(soft, axis=1)).mean() < 0.7 * np.abs(np.diff(sharp, axis=1)).mean()
    show.app.desk.controls.set("/vp/key/defocus", False)
    show.frames(2)
    np.testing.assert_array_equal(light(show, "matched 1"), sharp)
