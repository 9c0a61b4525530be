"""The synthetic camera: what its pictures are made of is exactly known, and each difficulty is what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.capturing import VirtualPace
from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import SyntheticSource
from vpengine.capture.tags import tag_faults
from vpengine.frames.captured import CapturedFrame, rgb_of
from vpengine.view.timecode import Timecode

EASY = {"unevenness": 0.0, "noise": 0.0, "spill": 0.0, "blur": 0.0, "hair": 0.0}
SIZE = (192, 108)


def camera(pace: Pace | None = None, **options: Any) -> SyntheticSource:
    settings = SyntheticSource.Settings(**{"resolution": SIZE, **EASY, **options})
    return SyntheticSource(settings, pace or VirtualPace())


def light_of(frame: CapturedFrame) -> Any:
    """Scene-linear light out of the picture, as BT.709 encodes it."""
    encoded = np.clip(rgb_of(frame), 0.0, 1.0)
    return np.where(encoded < 0.081, encoded / 4.5, ((encoded + 0.099) / 1.099) ** (1 / 0.45))


@pytest.mark.parametrize("options", [EASY, {**EASY, "unevenness": 1.0, "blur": 1.0, "hair": 1.0}])
@pytest.mark.parametrize("number", [0, 7, 31])
def test_a_picture_is_what_its_truth_says(options: dict[str, float], number: int) -> None:
    truth = camera(**options).truth(number)
    made = truth.foreground + (1.0 - truth.alpha[..., None]) * truth.screen
    np.testing.assert_allclose(truth.light, made, atol=1e-6)
    assert (truth.alpha.min(), truth.alpha.max()) == (0.0, pytest.approx(1.0, abs=1e-6))
    assert (truth.foreground <= truth.alpha[..., None] + 1e-6).all()


def test_the_frame_shows_that_light() -> None:
    """Through BT.709's curve, ten bits and 4:2:2, whose chroma is half as wide."""
    source = camera()
    frame = source.picture(5, 0.0)
    assert (frame.format.name, frame.matrix, frame.range, list(tag_faults(frame))) == (
        "yuv422p10le",
        "bt709",
        "limited",
        [],
    )
    truth = source.truth(5)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(truth.light, ((0, 0), (3, 3), (0, 0)), "edge"), 7, axis=1)
    flat = np.ptp(near, axis=-1).max(axis=-1) < 0.002
    off = np.abs(light_of(frame) - truth.light)
    assert flat.mean() > 0.7
    assert off[flat].max() < 0.003
    assert off.mean() < 0.002


def test_blur_is_the_mean_of_what_the_shutter_saw() -> None:
    """Against many instants drawn one by one: the figure's place within a pixel, and its alpha, are exact."""
    scene = camera(hair=0.5).scene
    open_s, at_s = 0.02, 0.4
    blurred = scene.truth(at_s, open_s)
    instants = [scene.truth(at_s + open_s * (n + 0.5) / 64, 0.0) for n in range(64)]
    mean = np.mean([instant.alpha for instant in instants], axis=0)
    inner = np.abs(blurred.alpha - mean)
    assert inner.max() < 0.06  # it bobs within the shutter too, which the blur leaves out
    assert inner.mean() < 0.002
    assert (blurred.alpha > 0.0).sum() > (scene.truth(at_s, 0.0).alpha > 0.0).sum()


def test_it_moves_by_parts_of_a_pixel_and_keeps_its_weight() -> None:
    truths = [camera(blur=0.5, hair=1.0).truth(number) for number in range(0, 72, 9)]
    columns = np.arange(SIZE[0])
    centres = [(truth.alpha.sum(axis=0) * columns).sum() / truth.alpha.sum() for truth in truths]
    assert np.ptp(centres) > 0.15 * SIZE[0]
    assert min(abs(np.diff(centres))) > 0.1


def test_the_same_seed_makes_the_same_pictures() -> None:
    def made(seed: int) -> Any:
        return np.concatenate(
            [plane.ravel() for plane in camera(seed=seed, noise=0.5, hair=0.5).picture(3, 0.0).planes]
        )

    np.testing.assert_array_equal(made(1), made(1))
    assert (made(1) != made(2)).mean() > 0.5


def test_each_difficulty_is_harder() -> None:
    screen = [float(np.ptp(camera(unevenness=amount).scene.screen[..., 1])) for amount in (0.0, 0.5, 1.0)]
    assert screen[0] < 0.01 < screen[1] < screen[2]
    noise = [
        float(np.diff(camera(noise=amount).picture(0, 0.0).planes[0][:20, :20].astype(float)).std())
        for amount in (0, 1)
    ]
    assert noise[0] < 0.1 < 5.0 < noise[1]
    hairs = [int(((t := camera(hair=amount).truth(0).alpha) > 0.01).sum() - (t > 0.99).sum()) for amount in (0.0, 1.0)]
    assert hairs[1] > 1.3 * hairs[0]
    spilled, clean = camera(spill=1.0), camera()
    green = spilled.truth(0).light - clean.truth(0).light
    figure = clean.truth(0).alpha > 0.5
    assert green[figure][:, 1].mean() > 0.01
    assert np.abs(green[clean.truth(0).alpha == 0.0]).max() == 0.0
    np.testing.assert_array_equal(spilled.truth(0).foreground, clean.truth(0).foreground)


def test_hair_is_thinner_than_a_pixel() -> None:
    without, with_hair = (camera(resolution=(640, 360), hair=amount).truth(0).alpha for amount in (0.0, 1.0))
    strands = (with_hair - without)[with_hair > without + 0.02]
    assert len(strands) > 1000
    assert np.median(strands) < 0.6


def test_on_the_engines_clock() -> None:
    pace = VirtualPace()
    source = camera(pace)
    source.open()
    frames = [source.read() for _ in range(5)]
    times = [frame.time_s for frame in frames if frame]
    np.testing.assert_allclose(np.diff(times), 1 / 24, atol=1e-9)
    assert frames[4] is not None
    assert frames[4].timecode == Timecode(0, 0, 0, 4)
    later = replace(source.picture(4, 0.0), time_s=times[4])
    np.testing.assert_array_equal(later.planes[0], frames[4].planes[0])


def test_on_a_machine_that_is_too_slow_pictures_are_left_out_and_none_is_late() -> None:
    pace = VirtualPace()
    source = camera(pace)
    source.open()
    ages, codes = [], []
    for _ in range(12):
        frame = source.read()
        if frame is not None and frame.timecode is not None:
            ages.append(pace.now_s() - frame.time_s)
            codes.append(frame.timecode.frames + 24 * frame.timecode.seconds)
        pace.time_s += 2.5 / 24  # that long each picture takes to draw
    assert max(ages) < 1 / 24
    assert 2 <= np.diff(codes[2:]).min() <= np.diff(codes[2:]).max() <= 3
