"""A plate that moves: a box goes by, and no picture of where it was is shown where it is, or was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.pillar_room import LENS, SNOW, Layer
from tests.requesting import Asking
from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.frame_input import Tick
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, Timings
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.picture import Picture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, write
from vpengine.view.camera import camera_view
from vpengine.view.color import acescct_from_linear
from vpengine.view.pose import Pose
from vpengine.view.view import View, pixel_centres, rays

SIZE = (160, 90)
PAINT = 0.15  # what the generator adds to all it paints, in ACEScct
SPEED_M_S = 0.4


def world(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A striped box, which moves to the right, before a wall: colour, depth, and where the box is."""
    ray = rays(view, pixel_centres(view.resolution))
    at_box = view.origin_m + ray * ((3.0 - view.origin_m[1]) / ray[..., 1])[..., None]
    middle_m = -0.6 + SPEED_M_S * view.time_s
    box = (np.abs(at_box[..., 0] - middle_m) < 0.5) & (np.abs(at_box[..., 2] - 1.6) < 0.35)
    stripes = np.where(((at_box[..., 0] - middle_m) / 0.25) % 1.0 < 0.5, 0.9, 0.12)
    color = np.where(box, stripes, 0.35)[..., None] * np.array([1.0, 0.9, 0.8])
    return color, np.where(box, 3.0, 6.0) - view.origin_m[1], box


def keyframe(time_s: float, painted: bool) -> Keyframe:
    """Of the camera, which stands still; painted: it says nothing of the plate, but shows a picture."""
    view = replace(camera_view(Pose((0.0, 0.0, 1.6)), LENS, SIZE, 15.0), time_s=time_s)
    color, depth_m, _ = world(view)
    cct = acescct_from_linear(color.astype(np.float32))
    gain, bias = (np.zeros_like(cct), cct + PAINT) if painted else (np.ones_like(cct), np.full_like(cct, PAINT))
    noise = np.zeros(depth_m.shape, np.float16)
    plate = ImageSet.of(color.astype(np.float16), depth_m.astype(np.float32), noise, view, Provenance("plate:box"))
    request = Request(0, 0, "box", plate, SNOW, 0.0)
    made = (Pixels(plane.astype(np.float16)) for plane in (gain, bias))
    return Keyframe(request, *made, neutral_grade(), Provenance("test"), Timings(0.0, 0.0, 0.0))


@pytest.mark.parametrize("moves", [True, False])
def test_a_picture_has_no_word_where_the_plate_has_moved(gpu: Any, moves: bool) -> None:
    """A generator that paints all of it, a second ago: on the box is its own picture, or the plate; elsewhere its word.

    Without the plate's saying that it moves, the box's old stripes stand on it.
    """
    wrapped = Gpu(gpu)
    layer = Layer(wrapped, SIZE, SIZE, moves=moves)
    layer.add(keyframe(0.0, painted=True), 0.0)
    view = replace(camera_view(Pose((0.0, 0.0, 1.6)), LENS, SIZE, 5.0), time_s=1.0)
    color, depth_m, box = world(view)
    target = Target(wrapped.context, SIZE, depth=True)
    write(target.color, np.concatenate([color, np.ones_like(color[..., :1])], axis=-1).astype(np.float16))
    write(target.depth, depth_m.astype(np.float32)[..., None])
    shown = download(layer.show(Picture(target.color, target.depth, view, Provenance("plate:box")), 5.0, 1.0).color)
    cct = acescct_from_linear(color.astype(np.float32))
    change = acescct_from_linear(shown[..., :3].astype(np.float32)) - cct
    right = np.minimum(np.abs(change), np.abs(change - PAINT)).max(axis=-1) < 0.03  # bare, or painted as it is now
    edges = np.abs(np.diff(box.astype(int), axis=1, prepend=0)) > 0
    assert (np.mean(right[box & ~edges]) > 0.95) == moves
    assert np.mean(right[~box]) > 0.97
    assert np.mean(np.abs(change[~box] - PAINT).max(axis=-1) < 0.03) > 0.8  # the wall keeps its picture


def test_a_plate_that_moves_is_asked_for_though_nothing_else_does(gpu: Any) -> None:
    engine = Gpu(gpu)
    asking = Asking(RequestCamera(engine), engine)

    def ask(number: int) -> bool:
        tick = Tick(number, number / 24.0, asking.frame.tick.rate)
        return asking.at(1.0 + 0.25 * number, tick=tick) is not None

    assert [ask(number) for number in range(3)] == [True, False, False]
    asking.plates["street"].moves = True  # type: ignore[attr-defined]
    assert [ask(number) for number in range(3, 6)] == [True] * 3


@pytest.mark.parametrize("stops", [-2.0, 1.5])
def test_a_picture_goes_with_the_light_of_the_plate(gpu: Any, stops: float) -> None:
    """Fog, of a second ago; since then a cloud has come over, or gone: the fog is of the light of now, and no patches
    of anything else are in it. The box that went by is judged apart.
    """
    wrapped = Gpu(gpu)
    layer = Layer(wrapped, SIZE, SIZE, moves=True)
    layer.add(fogged(0.0), 0.0)
    view = replace(camera_view(Pose((0.0, 0.0, 1.6)), LENS, SIZE, 5.0), time_s=1.0)
    color, depth_m, box = world(view)
    was = world(replace(view, time_s=0.0))[2]
    color = color * 2.0**stops
    target = Target(wrapped.context, SIZE, depth=True)
    write(target.color, np.concatenate([color, np.ones_like(color[..., :1])], axis=-1).astype(np.float16))
    write(target.depth, depth_m.astype(np.float32)[..., None])
    shown = download(layer.show(Picture(target.color, target.depth, view, Provenance("plate:box")), 5.0, 1.0).color)
    truth = 0.4 * acescct_from_linear(color.astype(np.float32)) + 0.6 * (FOG + stops / 17.52)
    off = np.abs(acescct_from_linear(shown[..., :3].astype(np.float32)) - truth).max(axis=-1)
    assert np.percentile(off[~(box | was)], 98) < 0.012  # a fifth of a stop


FOG = 0.5  # ACEScct


def fogged(time_s: float) -> Keyframe:
    made = keyframe(time_s, painted=False)
    shape = (*made.request.plate.depth_m.shape, 3)
    gain, bias = (Pixels(np.full(shape, value, np.float16)) for value in (0.4, 0.6 * FOG))
    return replace(made, gain=gain, bias=bias)


def test_no_island_of_an_old_picture_stands_in_what_has_moved(gpu: Any) -> None:
    """Leaves in the wind: here and there one is as bright as another was, which says nothing of what it is."""
    wrapped = Gpu(gpu)
    layer = Layer(wrapped, SIZE, SIZE, moves=True)
    view = replace(camera_view(Pose((0.0, 0.0, 1.6)), LENS, SIZE), time_s=1.0)
    then, now = (np.random.default_rng(seed).uniform(0.05, 0.8, (SIZE[1], SIZE[0], 1)) for seed in (1, 2))
    asked = keyframe(0.0, painted=True)
    noise, depth_m = np.zeros(SIZE[::-1], np.float16), np.full(SIZE[::-1], 6.0, np.float32)
    leaves = np.repeat(then, 3, axis=-1).astype(np.float16)
    plate = ImageSet.of(leaves, depth_m, noise, replace(view, time_s=0.0), Provenance("plate:leaves"))
    paint = np.full((*SIZE[::-1], 3), 0.6, np.float16)
    layer.add(
        replace(asked, request=replace(asked.request, plate=plate), gain=Pixels(0 * paint), bias=Pixels(paint)), 0.0
    )
    target = Target(wrapped.context, SIZE, depth=True)
    color = np.repeat(now, 3, axis=-1)
    write(target.color, np.concatenate([color, np.ones_like(color[..., :1])], axis=-1).astype(np.float16))
    write(target.depth, depth_m[..., None])
    shown = download(layer.show(Picture(target.color, target.depth, view, Provenance("plate:leaves")), 5.0, 1.0).color)
    coincides = np.abs(acescct_from_linear(then) - acescct_from_linear(now))[..., 0] < 0.04
    assert coincides.mean() > 0.2
    changed = np.abs(acescct_from_linear(shown[..., :3].astype(np.float32)) - acescct_from_linear(color)).max(axis=-1)
    assert (changed > 0.03).mean() < 0.01
