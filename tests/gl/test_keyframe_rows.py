"""A large keyframe comes in by rows: no frame brings in much, none shows half of one, and a film does the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from vpengine.compose import keyframe_textures, neural
from vpengine.compose.eyes import Eyes
from vpengine.compose.jobs import UpdateKeyframes
from vpengine.compose.keyframe_textures import KeyframeTextures
from vpengine.compose.neural import NeuralLayer
from vpengine.frames.feed import PREVIEW, PROGRAM, Eye
from vpengine.frames.frame_input import BusState
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Grade, Keyframe, Request, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import download
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

SIZE = (12, 7)
WHOLE = 12 * 7 * 20  # bytes of gain, bias and depth
FRAMES = 4  # that a keyframe takes here: WHOLE in parts of no whole number of rows
A_FRAME = -(-WHOLE // FRAMES) + 12


def keyframe(number: int, epoch: int = 0, textures: bool = False) -> Keyframe:
    """textures: as the generator's process gives it, else as a take has it."""
    rng = np.random.default_rng(number)
    color, gain, bias = (rng.normal(size=(7, 12, 3)).astype(np.float16) for _ in range(3))
    view = camera_view(Pose((0.0, 0.0, 1.6)), Lens((24.89, 14.0), 24.0), SIZE)
    depth_m = rng.uniform(1.0, 9.0, (7, 12)).astype(np.float32)
    plate = ImageSet.of(color, depth_m, color[..., 0], view, Provenance("plate:x"))
    planes = [Pixels(plane) for plane in (gain, bias)]
    if textures:
        rows = [np.concatenate([plane, plane[..., :1]], axis=-1)[::-1] for plane in (gain, bias)]
        planes = [Pixels(np.ascontiguousarray(each), bottom_up=True) for each in rows]
    request = Request(number, epoch, "x", plate, Look("weather", (("fog", 1.0),)), 0.0)
    return Keyframe(request, planes[0], planes[1], neutral_grade(), Provenance("weather"), Timings(0.0, 0.0, 0.0))


def shown(kept: KeyframeTextures, key: Keyframe) -> bool:
    textures = (kept.gain, key.gain.rgb), (kept.bias, key.bias.rgb), (kept.depth, key.request.plate.depth.top_down)
    return all(np.array_equal(download(texture)[..., :3], expected) for texture, expected in textures)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes each write had."""
    sizes: list[int] = []
    write = keyframe_textures.write_rows

    def noted(texture: Any, rows: np.ndarray, first: int = 0) -> None:
        sizes.append(rows.nbytes)
        write(texture, rows, first)

    monkeypatch.setattr(keyframe_textures, "write_rows", noted)
    return sizes


@pytest.fixture
def layer(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[NeuralLayer]:
    for module in (keyframe_textures, neural):
        monkeypatch.setattr(module, "BYTES_A_FRAME", A_FRAME)
    made = NeuralLayer(Gpu(gpu), SIZE, keyframes=2)
    yield made
    made.release()


def frames(layer: NeuralLayer, count: int, begin_s: float, **first: Keyframe) -> list[int | None]:
    """The number of the newest keyframe after each; ``first`` comes with the first of them."""
    newest = []
    for step in range(count):
        time_s = begin_s + step / 24.0
        if step == 0:
            for key in first.values():
                layer.add(key, time_s)
        layer.advance(time_s)
        newest.append(layer.newest.request.number if layer.newest else None)
    return newest


@pytest.mark.parametrize("textures", [False, True])
@pytest.mark.parametrize("most", [1, 100, WHOLE])
def test_rows_make_the_same_picture(gpu: Any, textures: bool, most: int) -> None:
    """However many at a time, and whichever way they lay."""
    kept, key = KeyframeTextures(Gpu(gpu), SIZE), keyframe(3, textures=textures)
    kept.begin(key)
    assert not kept.whole
    total = 0
    while not kept.whole:
        part = kept.write(most)
        assert 0 < part < most + 12 * 8
        total += part
    assert total == WHOLE
    assert shown(kept, key)
    kept.release()


def test_no_frame_brings_in_more_than_its_share_and_none_shows_half(layer: NeuralLayer, written: list[int]) -> None:
    before = 0
    for step, newest in enumerate((None, None, None, 1, 1)):
        time_s = 1.0 + step / 24.0
        assert frames(layer, 1, time_s, **({"key": keyframe(1)} if step == 0 else {})) == [newest]
        assert sum(written) - before <= A_FRAME + 12 * 8
        before = sum(written)
    assert sum(written) == WHOLE
    assert shown(layer._kept[0].textures, layer._kept[0].keyframe)
    assert layer._kept[0].since_s == 1.0 + 3 / 24.0  # it fades in from when it is there


def test_a_frame_that_is_planned_twice_brings_in_no_more(layer: NeuralLayer) -> None:
    """A film draws each frame once more, without re-projection: its pictures are those of the run."""
    layer.add(keyframe(1), 1.0)
    for _ in range(10):
        layer.advance(1.0)
    assert layer.newest is None
    assert frames(layer, FRAMES - 1, 1.04) == [None, None, 1]


def test_the_oldest_stays_until_its_successor_is_there(layer: NeuralLayer) -> None:
    frames(layer, 4, 1.0, key=keyframe(1))
    for number in (2, 3):
        assert frames(layer, 3, float(number), key=keyframe(number)) == [number - 1] * 3
        assert frames(layer, 1, number + 0.125) == [number]
        assert [kept.keyframe.request.number for kept in layer._kept] == [number, number - 1]


def test_one_that_has_begun_is_shown_and_of_those_that_wait_the_newest(layer: NeuralLayer) -> None:
    """A generator that is too quick for the rows cannot keep all its pictures from being seen."""
    numbers = []
    for step in range(24):
        numbers += frames(layer, 1, 1.0 + step / 24.0, key=keyframe(step + 1))
    seen = [number for number in dict.fromkeys(numbers) if number]
    assert len(seen) >= 24 // FRAMES - 1
    assert seen == sorted(seen)
    assert all(later - earlier >= FRAMES - 1 for earlier, later in pairwise(seen))


@pytest.mark.parametrize("how", ["enter", "epoch"])
def test_half_of_one_is_given_up(layer: NeuralLayer, how: str) -> None:
    """Another location has come, or another seed: what was under way is not seen any more, and its place is free."""
    frames(layer, 2, 1.0, key=keyframe(1))
    layer.enter(None) if how == "enter" else layer.forget_older(1)
    assert frames(layer, 6, 2.0) == [None] * 6
    for number in (2, 3, 4, 5):
        assert frames(layer, 4, float(number), key=keyframe(number, epoch=1))[-1] == number
    layer.forget_older(1)
    assert layer.newest is not None


def test_an_eye_gives_up_what_was_asked_before_its_epoch(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a frame of the next epoch, whether or not it has a keyframe of its own."""
    for module in (keyframe_textures, neural):
        monkeypatch.setattr(module, "BYTES_A_FRAME", A_FRAME)
    eyes, eye = Eyes(Gpu(gpu), {}, SIZE, 2), Eye(PROGRAM, "1")

    def numbers(begin_s: float, epoch: int, keys: tuple[Keyframe, ...] = ()) -> list[int | None]:
        newest = []
        for step in range(FRAMES):
            state = BusState("day", "x")
            job = {"eye": eye, "state": state, "epoch": epoch, "time_s": begin_s + step / 24.0}
            eyes.update(UpdateKeyframes(name="keyframes", keyframes=keys if step == 0 else (), **job), None)
            key = eyes.layer(eye, "x").newest
            newest.append(key.request.number if key else None)
        return newest

    assert numbers(1.0, 0, (keyframe(1),)) == [None, None, None, 1]
    eyes.layer(eye, "x").add(keyframe(2), 2.0)
    assert numbers(2.1, 1, (keyframe(3, epoch=1),)) == [1, 1, 1, 3]
    eyes.release()


def test_a_place_that_comes_with_a_plain_look_has_no_grade_of_the_place_before(gpu: Any) -> None:
    """A cut from night to day: nobody is asked for a plain picture, and the walls' light must not stay the night's."""
    eyes, eye = Eyes(Gpu(gpu), {}, SIZE, 2), Eye(PROGRAM, "1")

    def update(state: BusState, time_s: float) -> None:
        eyes.update(UpdateKeyframes(name="keyframes", keyframes=(), eye=eye, state=state, epoch=0, time_s=time_s), None)

    update(BusState("night", "x"), 0.0)
    dark = Grade(neutral_grade().table * np.float32(0.5))
    for time_s in (0.0, 60.0):
        eyes.layer(eye, "x").grade.approach(dark, time_s)
    update(BusState("night too", "y"), 61.0)
    np.testing.assert_allclose(eyes.layer(eye, "y").grade.table, dark.table, atol=1e-3)
    update(BusState("day", "z", look=Look("x", plain=True)), 62.0)
    np.testing.assert_array_equal(eyes.layer(eye, "z").grade.table, neutral_grade().table)
    eyes.release()


@pytest.mark.parametrize("how", ["cut", "dissolve", "other scene", "other look"])
def test_a_scene_that_stood_by_comes_as_it_was_seen(gpu: Any, how: str) -> None:
    """A cut to what the preview shows is no frame of the plate's own light; a dissolve begins with the look before.

    Nothing comes along that has another look than the gate let through: in the preview anything may be tried.
    """
    eyes, program, preview = Eyes(Gpu(gpu), {}, SIZE, 2), Eye(PROGRAM, "1"), Eye(PREVIEW, "1")

    def update(eye: Eye, state: BusState, time_s: float, *keys: Keyframe) -> None:
        eyes.update(UpdateKeyframes(name="keys", keyframes=keys, eye=eye, state=state, epoch=0, time_s=time_s), None)

    dark = Grade(neutral_grade().table * np.float32(0.5))
    update(program, BusState("day", "street", look=Look("x", plain=True)), 0.0)
    seen = keyframe(7).request.look
    update(preview, BusState("night", "x", look=seen), 0.0, replace(keyframe(7), grade=dark))
    update(preview, BusState("night", "x", look=seen), 60.0)
    scene = "another" if how == "other scene" else "night"
    wanted = Look("weather", (("fog", 0.5),)) if how == "other look" else seen
    update(program, BusState(scene, *(("street", "x") if how == "dissolve" else ("x",)), look=wanted), 61.0)
    layer = eyes.layer(program, "x")
    if how == "cut":
        assert layer.newest is not None
        assert layer.newest.request.number == 7
        np.testing.assert_allclose(layer.grade.table, dark.table, atol=1e-3)
    else:
        assert layer.newest is None
        np.testing.assert_array_equal(layer.grade.table, neutral_grade().table)
    standing = eyes.layer(preview, "x").newest
    assert standing is not None  # what stands by goes on to be seen
    eyes.release()


def test_the_same_epoch_goes_on(layer: NeuralLayer) -> None:
    frames(layer, 2, 1.0, key=keyframe(1, epoch=4))
    layer.forget_older(4)
    assert frames(layer, 2, 2.0) == [None, 1]


def test_a_small_one_is_there_at_once(gpu: Any) -> None:
    """And needs no place more than are kept."""
    layer = NeuralLayer(Gpu(gpu), SIZE, keyframes=1)
    for number in (1, 2, 3):
        layer.add(keyframe(number), float(number))
        assert layer.newest is not None
        assert layer.newest.request.number == number
        assert shown(layer._kept[0].textures, layer.newest)
    assert len(layer._free) + len(layer._kept) == 1
    layer.release()
