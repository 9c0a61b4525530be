"""The depth that is guessed for a flat plate: what the weather on it comes to, beside the same world's own depth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.images import ImageSet
from vpengine.gpu.gpu import Gpu
from vpengine.neural.declared import looks_of
from vpengine.neural.depth_guess import DepthGuess, ground
from vpengine.neural.generator import Plate
from vpengine.neural.onnx_runtime import OnnxRuntime
from vpengine.neural.weather import Weather
from vpengine.plates.still import Still
from vpengine.plates.street.plate import Street
from vpengine.view.camera import camera_view
from vpengine.view.color import REC709_FROM_ACESCG, acescct_from_linear, srgb_encoded
from vpengine.view.lens import Lens
from vpengine.view.placement import Placement
from vpengine.view.pose import from_opentrackio
from vpengine.view.view import View, in_plate

SIZE = (320, 180)
LENS = Lens((24.0, 13.5), 18.0)
DISTANCE_M = 20.0


def view_at(tilt_deg: float = 0.0, height_m: float = 1.6) -> View:
    return camera_view(from_opentrackio((0.0, 0.0, height_m), 0.0, tilt_deg, 0.0), LENS, SIZE)


def given(drawn: ImageSet) -> Plate:
    color = acescct_from_linear(drawn.color)
    return Plate(color, np.asarray(drawn.depth_m), np.asarray(drawn.noise, np.float32), drawn.view)


@pytest.fixture(scope="module")
def street_and_its_photograph(gpu: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plate, ImageSet]:
    """The street as a generator is given it; and a card with a photograph of it, that fills the same View."""
    engine, view = Gpu(gpu), view_at()
    camera, street = RequestCamera(engine), Street(Street.Settings())
    street.upload(engine)
    itself = given(camera.take(street, "street", view, 0))
    photograph = tmp_path_factory.mktemp("card") / "street.png"
    light = np.clip(camera.take(street, "street", view, 0).color.astype(float) @ REC709_FROM_ACESCG.T, 0.0, 1.0)
    Image.fromarray((srgb_encoded(light) * 255.0 + 0.5).astype(np.uint8)).save(photograph)
    width_m = DISTANCE_M * LENS.sensor_mm[0] / LENS.pinhole_focal_length_mm
    hung = {"distance_m": DISTANCE_M, "width_m": width_m, "center_height_m": 1.6}
    card = Still(Still.Settings(file=photograph, **hung))
    card.upload(engine)
    return itself, camera.take(card, "card", view, 0)


def test_a_card_says_that_its_depth_is_its_own(street_and_its_photograph: tuple[Plate, ImageSet]) -> None:
    _, card = street_and_its_photograph
    assert card.flat
    assert np.allclose(card.depth_m, DISTANCE_M, rtol=1e-3)


@pytest.mark.parametrize(("fader", "most"), [("fog", 0.6), ("dust", 0.65), ("snow", 0.9)])
def test_weather_on_a_photograph_is_nearer_to_the_place_s_own(
    street_and_its_photograph: tuple[Plate, ImageSet], fader: str, most: float
) -> None:
    itself, card = street_and_its_photograph
    weather, look, flat = Weather(OnnxRuntime()), looks_of("weather").of({fader: 0.8}), given(card)
    guessed = DepthGuess().of(flat)

    def change(plate: Plate) -> Any:
        made = weather.generate(plate, look)
        return (made.gain - 1.0) * itself.color_cct + made.bias

    truth = change(itself)
    far, near = (float(np.abs(change(plate) - truth).mean()) for plate in (flat, guessed))
    assert near < most * far


def test_a_view_that_looks_down_has_the_floor() -> None:
    view = view_at(tilt_deg=-50.0, height_m=2.0)
    gray = np.full((SIZE[1], SIZE[0], 3), 0.4, np.float32)
    depth_m = DepthGuess().of(Plate(gray, np.full(gray.shape[:2], 9.0, np.float32), gray[..., 0], view)).depth_m
    middle = 2.0 / np.sin(np.radians(50.0))
    assert depth_m[SIZE[1] // 2, SIZE[0] // 2] == pytest.approx(middle, rel=0.01)


def test_a_view_that_looks_up_has_the_sky() -> None:
    gray = np.full((SIZE[1], SIZE[0], 3), 0.4, np.float32)
    plate = Plate(gray, np.full(gray.shape[:2], 9.0, np.float32), gray[..., 0], view_at(tilt_deg=80.0))
    assert np.isinf(DepthGuess().of(plate).depth_m).all()


def test_a_world_twice_as_large_has_a_floor_twice_as_far() -> None:
    """Seen from twice as high: the same picture."""
    small = in_plate(view_at(height_m=1.5))
    large = in_plate(replace(view_at(height_m=3.0), placement=Placement(scale=2.0)))
    np.testing.assert_allclose(ground(small, SIZE), 2.0 * ground(large, SIZE), rtol=1e-5, atol=1e-7)


def test_a_night_s_picture_is_looked_at_by_day(street_and_its_photograph: tuple[Plate, ImageSet]) -> None:
    """Four stops darker, the same places are sky."""
    _, card = street_and_its_photograph
    plate, guess = given(card), DepthGuess()
    dark = replace(plate, color_cct=plate.color_cct - np.float32(4.0 / 17.52))
    by_day, by_night = (np.isinf(guess.of(each).depth_m) for each in (plate, dark))
    assert 0.05 < by_day.mean() < 0.95
    assert (by_day == by_night).mean() > 0.98
