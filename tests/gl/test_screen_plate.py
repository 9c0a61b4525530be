"""The clean plate of a moving camera: markers and folds are learnt where they stand, and known from another place."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from tests.cases import slow_but
from vpengine.compose.key import Keyer
from vpengine.compose.key_settings import KeySettings
from vpengine.compose.lens_match import LensMatch
from vpengine.compose.screen_plate import ScreenPlate
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.transfer import download, upload
from vpengine.stage.screens import ScreenSettings
from vpengine.view.camera import camera_view
from vpengine.view.distortion import Distortion, undistorted
from vpengine.view.lens import Lens
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View, pixel_centres, rays

SIZE = (320, 180)
STRAIGHT = Lens((24.0, 13.5), 24.0)
BENT = Lens((24.0, 13.5), 24.0, distortion=Distortion((6e-4, 0.0, 0.0, 0.0, 0.0, 0.0)))
SCREEN = ScreenSettings(size_m=(6.0, 4.0), position_m=(0.0, 4.0, 0.0))
GREEN = np.array(KeySettings().screen)
SETTINGS = KeySettings()
PATH = [(-0.4 + 0.1 * (n % 9), 0.02 * (n % 5), 1.5 + 0.03 * (n % 4), -4.0 + (n * 7 % 9)) for n in range(40)]
Array = np.ndarray[Any, Any]


def view_at(x: float, y: float, z: float, pan_deg: float) -> View:
    return camera_view(from_opentrackio((x, y, z), pan_deg, 0.0, 0.0), STRAIGHT, SIZE)


def cloth(x: Array, z: Array) -> Array:
    """Light of the screen at a place on it: lit from one side, with a cross of a darker green each metre."""
    level = 1.0 - 0.08 * x + 0.05 * np.sin(2.0 * z)
    across, up = np.abs(x - np.round(x)), np.abs(z - np.round(z))
    cross = ((across < 0.02) & (up < 0.1)) | ((up < 0.02) & (across < 0.1))
    return (level * np.where(cross, 0.45, 1.0))[..., None] * GREEN


def photographed(view: View, lens: Lens) -> Array:
    """By rays through the middles of sixteen parts of each pixel of the real picture."""
    fine = (4 * SIZE[0], 4 * SIZE[1])
    ndc = pixel_centres(fine)
    if lens.distortion is not None:
        half = 0.5 * np.array(lens.sensor_mm) * (1.0, -1.0)
        ndc = undistorted(lens.distortion, lens, (ndc * half).reshape(-1, 2)).reshape(ndc.shape) / half
    directions = rays(view, ndc)
    far = (4.0 - view.origin_m[1]) / directions[..., 1]
    hit = view.origin_m + far[..., None] * directions
    light = cloth(hit[..., 0], hit[..., 2])
    return light.reshape(SIZE[1], 4, SIZE[0], 4, 3).mean(axis=(1, 3))


def texture(engine: Gpu, image: Array) -> Any:
    padded = np.concatenate([image, np.ones((*image.shape[:2], 1))], axis=-1)
    return upload(engine.context, padded.astype(np.float16))


@cache
def shot(place: tuple[float, ...], bent: bool) -> tuple[View, Array]:
    """Once for all tests: a view, and what is photographed from there."""
    view = view_at(*place)
    return view, photographed(view, BENT if bent else STRAIGHT)


class Learning:
    def __init__(self, engine: Gpu) -> None:
        self.engine, self.pool = engine, TargetPool(engine)
        self.plate, self.match = ScreenPlate(engine, [SCREEN]), LensMatch(engine)

    def learn(self, lens: Lens, actor: slice | None = None) -> None:
        for place in PATH:
            view, seen_there = shot(place, lens is BENT)
            picture, matte = seen_there.copy(), np.zeros((SIZE[1], SIZE[0], 3))
            if actor is not None:
                picture[:, actor], matte[:, actor] = 0.2 * GREEN + 0.01, 1.0
            seen = texture(self.engine, picture), texture(self.engine, matte)
            self.plate.learn(*seen, SETTINGS, view, self.match, lens)
            for one in seen:
                one.release()

    def seen(self, view: View, lens: Lens) -> Array:
        drawn = self.plate.draw(SETTINGS, view, self.pool.lend).color
        if lens.distortion is None:
            return download(drawn)[..., :3].astype(np.float64)
        wide = camera_view(from_opentrackio((0.05, 0.0, 1.52), 1.0, 0.0, 0.0), STRAIGHT, (400, 225), 12.5)
        drawn = self.plate.draw(SETTINGS, wide, self.pool.lend).color
        bent = self.engine.target(SIZE)
        self.match.draw(bent, drawn, None, lens, 12.5)
        found = download(bent.color)[..., :3].astype(np.float64)
        bent.release()
        return found

    def release(self) -> None:
        self.plate.release()
        self.match.release()
        self.pool.release()


@pytest.fixture
def learning(engine: Gpu) -> Iterator[Learning]:
    made = Learning(engine)
    yield made
    made.release()


@pytest.mark.parametrize("lens", slow_but("bent", {"straight": STRAIGHT, "bent": BENT}))
def test_what_was_learnt_is_seen_from_another_place(learning: Learning, lens: Lens) -> None:
    learning.learn(lens)
    view = view_at(0.05, 0.0, 1.52, 1.0)
    seen, true = learning.seen(view, lens), photographed(view, lens)
    inside = (slice(10, -10), slice(20, -20))
    off = np.abs(seen - true)[inside][..., 1] / GREEN[1]
    assert off.mean() < 0.02
    assert np.quantile(off, 0.99) < 0.25, "but for the outlines of markers"


@pytest.mark.slow
def test_a_marker_keys_out(learning: Learning) -> None:
    learning.learn(STRAIGHT)
    view = view_at(0.05, 0.0, 1.52, 1.0)
    true = photographed(view, STRAIGHT)
    marker = true[..., 1] < 0.6 * GREEN[1]
    assert marker.any()
    keyer, picture = Keyer(learning.engine), texture(learning.engine, true)
    mattes = [
        download(keyer.draw(picture, SETTINGS, learning.pool.lend, clean_plate=plate).matte.color)[..., 0]
        for plate in (None, learning.plate.draw(SETTINGS, view, learning.pool.lend).color)
    ]
    without, with_plate = (matte[marker].mean() for matte in mattes)
    picture.release()
    assert without > 0.3
    assert with_plate < 0.08


def test_who_stands_before_it_is_not_learnt(learning: Learning) -> None:
    learning.learn(STRAIGHT, slice(100, 140))
    seen = learning.seen(view_at(0.05, 0.0, 1.52, 1.0), STRAIGHT)
    assert seen[10:-10, 20:-20, 1].min() > 0.35 * GREEN[1]


@pytest.mark.slow
def test_another_colour_is_learnt_anew(learning: Learning) -> None:
    learning.learn(STRAIGHT)
    blue = KeySettings(screen=(0.05, 0.1, 0.4))
    view = view_at(0.0, 0.0, 1.5, 0.0)
    black = texture(learning.engine, np.zeros((SIZE[1], SIZE[0], 3)))
    learning.plate.learn(black, black, blue, view, learning.match, STRAIGHT)
    seen = download(learning.plate.draw(blue, view, learning.pool.lend).color)[..., :3]
    np.testing.assert_allclose(seen[20:-20, 20:-20], np.broadcast_to(blue.screen, (140, 280, 3)), atol=2e-3)
    black.release()
