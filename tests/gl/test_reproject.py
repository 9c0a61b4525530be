"""The neural layer on the GPU: against its numpy twin, and what it must do by its contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.geometry import unproject
from tests.pillar_room import KEY_SIZE, SIZE, SNOW, Layer, keyframe, look_of, pixels, plate_picture
from vpengine.compose.neural import BORDER, IGNORED, KNOWN
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.keyframe import Grade, Keyframe
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.transfer import download
from vpengine.view.color import acescct_from_linear, linear_from_acescct
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.reproject import Source, gather
from vpengine.view.view import pixel_centres

QUARTER_STOP = 0.25 / 17.52  # in ACEScct


@pytest.fixture(scope="module")
def wrapped(gpu) -> Gpu:
    return Gpu(gpu)


POSES = [from_opentrackio((0.1 * i, 0.05 * i, 1.6), 4.0 * i, 0.5 * i, 0.3 * i) for i in range(4)]


@pytest.mark.parametrize("time_s", [10.0, 0.33], ids=["all settled", "the newest rising"])
def test_gpu_equals_numpy_twin(wrapped: Gpu, time_s: float) -> None:
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    sizes = [(67, 38), KEY_SIZE, (48, 27), KEY_SIZE]  # a governor asks for smaller pictures, and for large ones again
    frames = [keyframe(i, pose, size=size) for i, (pose, size) in enumerate(zip(POSES, sizes, strict=True))]
    for i, frame in enumerate(frames):
        layer.add(frame, 0.1 * i)
    plate = plate_picture(wrapped, from_opentrackio((0.3, 0.2, 1.55), 10.0, -1.0, 0.0))
    shown = pixels(layer.show(plate, time_s, 1.0))

    sources = [
        Source(f.request.plate.view, f.gain.rgb, f.bias.rgb, f.request.plate.depth_m, newness, trust)
        for f, newness, trust in zip(reversed(frames), layer.newness(time_s), layer.trust(time_s), strict=True)
    ]
    color = pixels(plate)
    gathered = gather(plate.view, download(plate.depth)[..., 0], sources, BORDER, IGNORED)
    cct = acescct_from_linear(color)
    t = np.clip(gathered.known / KNOWN, 0.0, 1.0)[..., None]
    known = t * t * (3.0 - 2.0 * t)
    expected = linear_from_acescct(known * (gathered.gain * cct + gathered.bias) + (1.0 - known) * cct)
    wrong = np.abs(shown - expected).max(axis=-1) > 0.004
    # A texel whose depth lies on the test's bound may fall to either side in single precision.
    assert wrong.mean() < 0.004
    assert np.median(np.abs(shown - expected)) < 5e-4


def test_what_the_keyframes_saw_is_where_it_is_now(wrapped: Gpu) -> None:
    """Known answer: the look applied to the true current view."""
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    layer.add(keyframe(0, Pose((0.0, 0.0, 1.6))), 0.0)
    plate = plate_picture(wrapped, from_opentrackio((0.15, 0.1, 1.6), 3.0, 0.0, 0.0))
    shown, color = pixels(layer.show(plate, 10.0, 1.0)), pixels(plate)
    depth_m = download(plate.depth)[..., 0]
    cct = acescct_from_linear(color)
    gain, bias = look_of(cct, depth_m)
    error = np.abs(acescct_from_linear(shown) - (gain * cct + bias))
    assert np.median(error) < 0.004
    assert np.percentile(error, 90) < 0.02
    assert np.abs(shown - color).mean() > 0.05  # the plate alone would not pass


def test_no_amount_is_the_plate_itself(wrapped: Gpu) -> None:
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    plate = plate_picture(wrapped, POSES[0])
    assert layer.show(plate, 0.0, 1.0) is plate  # no keyframe yet
    layer.add(keyframe(0, POSES[0]), 0.0)
    assert layer.show(plate, 1.0, 0.0) is plate
    assert layer.show(plate, 1.0, 0.5) is not plate


def test_a_new_keyframe_fades_in(wrapped: Gpu) -> None:
    """Nothing pops: the picture at the moment a keyframe comes is the picture before."""
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    layer.add(keyframe(0, POSES[0]), 0.0)
    plate = plate_picture(wrapped, POSES[0])
    before = pixels(layer.show(plate, 5.0, 1.0)).copy()
    changed = keyframe(1, POSES[0])
    brighter = Keyframe(
        changed.request,
        changed.gain,
        Pixels(changed.bias.stored + np.float16(0.1)),
        changed.grade,
        changed.provenance,
        changed.timings,
    )
    layer.add(brighter, 5.0)
    at_once = pixels(layer.show(plate, 5.0, 1.0)).copy()
    steps = [pixels(layer.show(plate, 5.0 + step, 1.0)).mean() for step in (0.02, 0.05, 0.08, 0.2)]
    assert np.abs(at_once - before).max() < 2e-3
    assert steps == sorted(steps)
    assert steps[-1] > before.mean() + 0.05


def brightened(number: int, share: float) -> Keyframe:
    """A step of a fade from dark to light."""
    look = Look("test", (("light", share),))
    made = keyframe(number, POSES[0], look=look)
    return replace(made, bias=Pixels(made.bias.stored + np.float16(0.3 * share)))


def walked(layer: Layer, plate: Picture, wanted: Callable[[int], float]) -> list[float]:
    """How bright each frame is while a picture comes in every twelfth of them: a slow generator's, at 24 a second.

    wanted: of a frame, how far the fade is then; a picture is of four frames before it comes.
    """
    means = []
    for frame in range(60):
        if frame % 12 == 0:
            look = Look("test", (("light", wanted(frame)),))
            layer.add(brightened(frame, wanted(frame - 4)), 5.0 + frame / 24, look)
        means.append(float(acescct_from_linear(pixels(layer.show(plate, 5.0 + frame / 24, 1.0))).mean()))
    return means


def test_a_fade_by_a_slow_generator_has_no_steps(wrapped: Gpu) -> None:
    """The walls go from each of its few pictures to the next while that is made; and what is cut to comes at once."""
    layer, plate = Layer(wrapped, KEY_SIZE, SIZE), plate_picture(wrapped, POSES[0])
    layer.add(brightened(-1, 0.0), 4.5)
    faded = walked(layer, plate, lambda frame: min(max(frame / 36, 0.0), 1.0))
    assert faded == sorted(faded)
    whole = faded[-1] - faded[0]
    assert whole > 0.2
    assert np.diff(faded).max() < 0.08 * whole
    cut = Layer(wrapped, KEY_SIZE, SIZE)
    cut.add(brightened(-1, 0.0), 4.5)
    jumped = walked(cut, plate, lambda frame: float(frame >= 0))
    assert jumped[14] - jumped[12] > 0.95 * (jumped[-1] - jumped[0]) > 0.2, "two frames after its picture"


def test_what_none_saw_takes_the_grade(wrapped: Gpu) -> None:
    """Behind the camera of every keyframe there is only the grade: here it halves ACEScct."""
    half = Grade(neutral_grade().table * np.float32(0.5))
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    layer.add(keyframe(0, POSES[0], half), 0.0)
    layer.advance(0.0)
    layer.advance(60.0)  # the grade has reached the keyframe's
    plate = plate_picture(wrapped, from_opentrackio((0.0, 0.0, 1.6), 180.0, 0.0, 0.0))
    shown, color = pixels(layer.show(plate, 10.0, 1.0)), pixels(plate)
    assert np.abs(acescct_from_linear(shown) - 0.5 * acescct_from_linear(color)).max() < 0.004


def test_stale_shows_the_keyframe_unmoved(wrapped: Gpu) -> None:
    """For comparison only: turning the camera must not move the picture."""
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    layer.add(keyframe(0, POSES[0]), 0.0)
    span = (1.1 / 1.3, 1.1 / 1.3)
    first = pixels(layer.show_stale(plate_picture(wrapped, POSES[0]), span)).copy()
    turned = pixels(layer.show_stale(plate_picture(wrapped, from_opentrackio((0, 0, 1.6), 20.0, 0, 0)), span))
    assert np.array_equal(first, turned)
    moved = pixels(layer.show(plate_picture(wrapped, from_opentrackio((0, 0, 1.6), 20.0, 0, 0)), 10.0, 1.0))
    assert np.abs(moved - first).mean() > 0.02


def test_stale_shows_the_newest_keyframe_in_a_place_used_before(wrapped: Gpu) -> None:
    """Two keyframes through one place: the second's own plate is seen, not the first's."""
    layer, fresh = (Layer(wrapped, KEY_SIZE, SIZE, keyframes=1) for _ in range(2))
    second = keyframe(1, from_opentrackio((0.0, 0.0, 1.6), 25.0, 0.0, 0.0))
    layer.add(keyframe(0, POSES[0]), 0.0)
    before = pixels(layer.show_stale(plate_picture(wrapped, POSES[0]), (1.0, 1.0))).copy()
    layer.add(second, 1.0)
    fresh.add(second, 1.0)
    shown, expected = (pixels(each.show_stale(plate_picture(wrapped, POSES[0]), (1.0, 1.0))) for each in (layer, fresh))
    assert np.array_equal(shown, expected)
    assert np.abs(shown - before).mean() > 0.02


def test_silhouettes_do_not_bleed(wrapped: Gpu) -> None:
    """At the pillar's edge each side keeps its own look: no value outside the two looks' range."""
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    frame = keyframe(0, POSES[0])
    depth_m = frame.request.plate.depth_m
    near = (depth_m < 4.5)[..., None] & np.ones(3, bool)
    flat = Keyframe(
        frame.request,
        Pixels(np.zeros_like(frame.gain.stored)),
        Pixels(np.where(near, 0.7, 0.2).astype(np.float16)),
        frame.grade,
        frame.provenance,
        frame.timings,
    )
    layer.add(flat, 0.0)
    plate = plate_picture(wrapped, from_opentrackio((0.2, 0.0, 1.6), 2.0, 0.0, 0.0))
    shown = acescct_from_linear(pixels(layer.show(plate, 10.0, 1.0)))
    now_m = download(plate.depth)[..., 0]
    point = unproject(plate.view, pixel_centres(SIZE), np.where(np.isinf(now_m), 0.0, now_m))
    pillar = (np.abs(point[..., 1] - 4.0) < 0.01) & (point[..., 2] > 0.02)
    seen = np.abs(shown - 0.7).max(axis=-1) < 0.01
    assert seen[pillar].mean() > 0.9
    assert (np.abs(shown[pillar].mean(axis=-1) - 0.2) < 0.05).mean() < 0.02


def test_the_first_keyframe_of_a_place_does_not_pop(wrapped: Gpu) -> None:
    """By day, then night arrives: at that moment the wall still shows the day, everywhere."""
    dark = Grade(neutral_grade().table * np.float32(0.5))
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    plate = plate_picture(wrapped, from_opentrackio((0.3, 0.0, 1.6), 15.0, 0.0, 0.0))
    layer.add(keyframe(0, POSES[0], dark), 5.0)
    means = []
    for step in range(12):
        layer.advance(5.0 + step / 24)
        means.append(pixels(layer.show(plate, 5.0 + step / 24, 1.0)).mean())
    assert means[0] == pytest.approx(pixels(plate).mean(), abs=2e-3)
    assert means == sorted(means, reverse=True)
    assert means[-1] < 0.6 * means[0]


def test_a_place_that_has_no_keyframe_yet_shows_the_grade_it_began_with(wrapped: Gpu) -> None:
    """A cut from one place by night to another by night: until its first keyframe it is not day, and then it fades."""
    dark = Grade(neutral_grade().table * np.float32(0.5))
    night, layer = (Layer(wrapped, KEY_SIZE, SIZE) for _ in range(2))
    night.grade.approach(dark, 0.0)
    night.grade.approach(dark, 60.0)
    layer.enter(night)
    plate = plate_picture(wrapped, POSES[0])
    before = pixels(layer.show(plate, 5.0, 1.0)).copy()
    assert np.abs(acescct_from_linear(before) - 0.5 * acescct_from_linear(pixels(plate))).max() < 0.004
    layer.add(keyframe(0, POSES[0], dark), 5.0)
    np.testing.assert_allclose(pixels(layer.show(plate, 5.0, 1.0)), before, atol=2e-3)


def test_a_plain_look_that_has_settled_needs_no_layer(wrapped: Gpu) -> None:
    """After the look has faded away the plate is shown itself again, bit for bit."""
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    plate = plate_picture(wrapped, POSES[0])
    layer.add(keyframe(0, POSES[0]), 0.0)
    layer.add(keyframe(1, POSES[0], look=Look("test", plain=True)), 1.0)
    layer.advance(1.5)
    assert layer.show(plate, 1.5, 1.0) is not plate
    layer.advance(2.5)
    assert layer.show(plate, 2.5, 1.0) is plate


ASIDE = from_opentrackio((0.0, 0.0, 1.6), 50.0, 0.0, 0.0)  # sees nothing of what the others see


@pytest.mark.parametrize("look", [SNOW, Look("test", (("snow", 1.0),))], ids=["the same look", "another look"])
def test_age_takes_no_trust_but_another_look_does(wrapped: Gpu, look: Look) -> None:
    """What only the oldest keyframe saw is shown as it saw it; unless the newer ones are of another look."""
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    layer.add(keyframe(0, POSES[0]), 0.0)
    for i in range(1, 3):
        layer.add(keyframe(i, ASIDE, look=look), 0.2 * i)
    assert layer.newness(10.0)[2] < 0.003
    plate = plate_picture(wrapped, POSES[0])
    shown, cct = pixels(layer.show(plate, 10.0, 1.0)), acescct_from_linear(pixels(plate))
    gain, bias = look_of(cct, download(plate.depth)[..., 0])
    expected = gain * cct + bias if look == SNOW else cct
    assert np.median(np.abs(acescct_from_linear(shown) - expected)) < 0.004


@pytest.mark.parametrize(
    ("keyframes", "pans"), [(4, (0, 12, 24)), (4, (0, 12, 24, 12)), (3, (0, 20)), (3, (0, 20, 40))]
)
def test_nothing_flashes_where_the_oldest_goes(wrapped: Gpu, keyframes: int, pans: tuple[float, ...]) -> None:
    """The camera panned away and is back, and the oldest of as many as can be shows where it is: the walls go from that
    to the newest, and what lies between them in each frame.
    """
    layer = Layer(wrapped, KEY_SIZE, SIZE, keyframes)
    poses = [from_opentrackio((0.0, 0.0, 1.6), pan, -2.0, 0.0) for pan in pans]
    plate = plate_picture(wrapped, poses[0])

    def shown(time_s: float) -> Any:
        layer.advance(time_s)
        return acescct_from_linear(pixels(layer.show(plate, time_s, 1.0)))

    for number, pose in enumerate(poses):
        layer.add(keyframe(number, pose), float(number))
        before = shown(number + 0.9)
    start_s = float(len(poses))
    layer.add(keyframe(9, poses[0]), start_s)
    frames = [shown(start_s + frame / 24.0) for frame in range(4)]
    low, high = np.minimum(before, frames[-1]) - QUARTER_STOP, np.maximum(before, frames[-1]) + QUARTER_STOP
    outside = [np.any((frame < low) | (frame > high), axis=-1).mean() for frame in frames]
    assert max(outside) < 0.002
    assert len(layer.newness(start_s + 0.5)) == keyframes - 1


def test_a_new_epoch_keeps_nothing_older_than_its_predecessor(wrapped: Gpu) -> None:
    """Another seed: the last picture of the old one fades out, the rest is gone."""
    layer = Layer(wrapped, KEY_SIZE, SIZE)
    for i, pose in enumerate(POSES):
        layer.add(keyframe(i, pose), 0.1 * i)
    later = keyframe(9, POSES[0])
    layer.add(replace(later, request=replace(later.request, epoch=1)), 1.0)
    assert len(layer.newness(2.0)) == 2
