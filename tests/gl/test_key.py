"""The keyer, on pictures whose alpha is known: its numpy twin, its controls one by one, noise, spill, shadow, plate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.keying import (
    BLUE,
    GREEN,
    SIZE,
    SKIN,
    YELLOW_GREEN,
    lending,
    mixed,
    ramp_alpha,
    texture_of,
    twin_alpha,
    values_of,
)
from vpengine.cli.bench_key import encoded, lemur_input, linear, synthetic_input
from vpengine.compose.clean_plate import CleanPlate
from vpengine.compose.key import Keyer, draw_edge
from vpengine.compose.key_settings import KeySettings
from vpengine.compose.key_steady import Steady
from vpengine.compose.key_view import EDGE, KeyView
from vpengine.control.key import COLOR, WORLD
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetSpec
from vpengine.view.color import REC709_FROM_ACESCG
from vpengine.view.matte_error import edge_error, mean_error

LEMUR = Path(__file__).parents[3] / "shared" / "data" / "greenscreen" / "lemur_matte"
ACESCG = np.linalg.inv(REC709_FROM_ACESCG)
PLAIN = KeySettings(refine=0.0, clip_black=0.0, clip_white=1.0, extend=0.0, despill=0.0)
SETTINGS = KeySettings()


@pytest.fixture
def keyer(engine: Gpu) -> Keyer:
    return Keyer(engine)


def keyed(engine: Gpu, keyer: Keyer, light: Any, settings: KeySettings, **given: Any) -> dict[str, Any]:
    """Every stage of a picture's key as an array."""
    with lending(engine) as lend:
        textures = {name: texture_of(engine, array) for name, array in given.items()}
        found = keyer.draw(texture_of(engine, light), settings, lend, **textures)
        stages = {name: values_of(getattr(found, name).color) for name in ("matte", "foreground", "core", "screen")}
        edge = lend(TargetSpec(found.matte.size, "f4"))
        draw_edge(engine, found, edge)
        return {**stages, "edge": values_of(edge.color)}


@pytest.mark.parametrize("screen", [GREEN, BLUE, YELLOW_GREEN])
@pytest.mark.parametrize("foreground", [SKIN, (0.05, 0.05, 0.05), (0.6, 0.6, 0.6), (0.3, 0.05, 0.25)])
def test_the_measured_alpha_is_its_twins(engine: Gpu, keyer: Keyer, screen: Any, foreground: Any) -> None:
    light = mixed(ramp_alpha(), foreground, screen)
    found = keyed(engine, keyer, light, replace(PLAIN, screen=screen))["edge"][..., 0]
    np.testing.assert_allclose(found, twin_alpha(light, foreground, screen), atol=0.01)


@pytest.mark.parametrize("screen", [GREEN, BLUE, YELLOW_GREEN])
@pytest.mark.parametrize("foreground", [SKIN, (0.05, 0.05, 0.05), (0.6, 0.6, 0.6)])
def test_one_foreground_before_one_screen_is_exact(engine: Gpu, keyer: Keyer, screen: Any, foreground: Any) -> None:
    alpha = ramp_alpha()
    found = keyed(engine, keyer, mixed(alpha, foreground, screen), replace(PLAIN, screen=screen))
    np.testing.assert_allclose(found["matte"][..., 0], alpha, atol=0.015)
    np.testing.assert_allclose(found["foreground"][..., :3], alpha[..., None] * np.array(foreground), atol=0.012)


def test_an_uneven_screen_is_keyed_by_its_own_light(engine: Gpu, keyer: Keyer) -> None:
    uneven = np.linspace(0.4, 1.0, SIZE[1])[:, None, None] * np.array(GREEN)
    alpha = ramp_alpha()
    found = keyed(engine, keyer, mixed(alpha, SKIN, uneven), replace(PLAIN, screen=GREEN))["matte"][..., 0]
    assert mean_error(found, alpha) < 0.02


def noisy(deviation: float) -> tuple[Any, Any]:
    alpha = ramp_alpha()
    grain = np.random.default_rng(5).normal(0.0, deviation, (SIZE[1], SIZE[0], 3))
    return mixed(alpha, SKIN, GREEN) + grain, alpha


def test_matte_and_foreground_are_the_same_drawn_at_once_or_apart(engine: Gpu, keyer: Keyer) -> None:
    light, _ = noisy(0.004)
    settings = replace(SETTINGS, extend=0.3)
    at_once, apart = (
        keyed(engine, keyer, light, replace(settings, feather_px=feather)) for feather in (0.0, 1e-6)
    )  # a feather of nothing moves no edge
    for name in ("matte", "foreground"):
        np.testing.assert_allclose(at_once[name], apart[name], atol=2e-3)
    assert np.ptp(at_once["foreground"][..., 0]) > 0.3


def test_refine_takes_noise_and_leaves_the_edge(engine: Gpu, keyer: Keyer) -> None:
    light, alpha = noisy(0.008)
    rough = keyed(engine, keyer, light, PLAIN)["matte"][..., 0]
    fine = keyed(engine, keyer, light, replace(PLAIN, refine=0.5))["matte"][..., 0]
    flat = np.s_[:, :30]
    assert fine[flat].std() < 0.6 * rough[flat].std()
    assert edge_error(fine, alpha) < edge_error(rough, alpha) + 0.01


def test_clips_are_where_the_matte_ends(engine: Gpu, keyer: Keyer) -> None:
    alpha = ramp_alpha()
    light = mixed(alpha, SKIN, GREEN)
    found = keyed(engine, keyer, light, replace(PLAIN, clip_black=0.2, clip_white=0.8))["matte"][..., 0]
    np.testing.assert_allclose(found, np.clip((alpha - 0.2) / 0.6, 0.0, 1.0), atol=0.03)


def test_thin_hair_is_not_eaten(engine: Gpu, keyer: Keyer) -> None:
    alpha = np.array(ramp_alpha())
    alpha[20:44:4, 4:30] = 0.3
    found = keyed(engine, keyer, mixed(alpha, (0.05, 0.04, 0.03), GREEN), SETTINGS)["matte"][..., 0]
    assert 0.24 < found[20:44:4, 8:28].mean() < 0.4
    assert found[22:44:4, 8:28].max() < 0.05


@pytest.mark.parametrize(("shrink", "moved"), [(3.0, 3), (-3.0, -3), (0.0, 0)])
def test_shrink_moves_the_edge_by_pixels(engine: Gpu, keyer: Keyer, shrink: float, moved: int) -> None:
    alpha = np.zeros((SIZE[1], SIZE[0]))
    alpha[:, 48:] = 1.0
    light = mixed(alpha, SKIN, GREEN)
    found = keyed(engine, keyer, light, replace(PLAIN, shrink_px=shrink))["matte"][32, :, 0]
    assert int(np.argmax(found > 0.5)) == 48 + moved


def test_feather_softens_the_edge_alone(engine: Gpu, keyer: Keyer) -> None:
    alpha = np.zeros((SIZE[1], SIZE[0]))
    alpha[:, 48:] = 1.0
    found = keyed(engine, keyer, mixed(alpha, SKIN, GREEN), replace(PLAIN, feather_px=6.0))["matte"][32, :, 0]
    assert found[46] > 0.1
    assert found[49] < 0.9
    assert found[60] == pytest.approx(1.0, abs=0.01)
    assert found[30] == pytest.approx(0.0, abs=0.01)


def test_the_seam_of_two_colours_is_no_hole(engine: Gpu, keyer: Keyer) -> None:
    own = np.broadcast_to(np.array(SKIN), (SIZE[1], SIZE[0], 3)).copy()
    own[34:] = (0.08, 0.085, 0.16)
    noise = np.random.default_rng(4).normal(0.0, 0.004, own.shape)
    found = keyed(engine, keyer, mixed(ramp_alpha(), own, GREEN) + noise, SETTINGS)["matte"]
    assert found[:, 60:, 0].min() > 0.97


def test_despill_leaves_greys_grey(engine: Gpu, keyer: Keyer) -> None:
    greys = np.broadcast_to(np.linspace(0.02, 1.5, SIZE[0])[:, None], (SIZE[1], SIZE[0], 3))
    found = keyed(engine, keyer, greys, SETTINGS)["foreground"][..., :3]
    np.testing.assert_allclose(found, greys, rtol=2e-3, atol=1e-3)


def test_despill_takes_the_screens_light_and_keeps_the_luminance(engine: Gpu, keyer: Keyer) -> None:
    spilt = np.broadcast_to(np.full(3, 0.3) + 0.12 * np.array(GREEN), (SIZE[1], SIZE[0], 3))
    clean = keyed(engine, keyer, spilt, SETTINGS)["foreground"][32, 48, :3]
    assert np.ptp(clean) < 0.01
    half = keyed(engine, keyer, spilt, replace(SETTINGS, despill=0.5))["foreground"][32, 48, :3]
    assert 0.4 < np.ptp(half) / np.ptp(spilt[0, 0]) < 0.6
    luminance = np.array([0.2722287168, 0.6740817658, 0.0536895174])
    assert clean @ luminance == pytest.approx(spilt[0, 0] @ luminance, rel=0.02)


def test_spill_is_replaced_as_chosen(engine: Gpu, keyer: Keyer) -> None:
    spilt = np.broadcast_to(np.full(3, 0.3) + 0.12 * np.array(GREEN), (SIZE[1], SIZE[0], 3))
    red = replace(SETTINGS, despill_choice=COLOR, despill_color=(1.0, 0.0, 0.0))
    colored = keyed(engine, keyer, spilt, red)["foreground"][32, 48]
    assert colored[0] > colored[1] + 0.02
    left = keyed(engine, keyer, spilt, replace(SETTINGS, despill_choice=WORLD))["foreground"][32, 48]
    assert left[:3] == pytest.approx(0.3, abs=0.01)
    assert left[3] == pytest.approx(0.12, abs=0.01)  # of the screen's light, for the composite


def test_an_edge_whose_alpha_is_too_low_is_not_magenta(engine: Gpu, keyer: Keyer) -> None:
    alpha = ramp_alpha()
    light = mixed(alpha, np.full(3, 0.7), GREEN)
    low = np.repeat(0.8 * alpha[..., None], 3, axis=2)
    settings = replace(PLAIN, despill=1.0)
    found = keyed(engine, keyer, light, settings, refined=low)["foreground"][:, 45:48]
    assert (np.minimum(found[..., 0], found[..., 2]) - found[..., 1]).max() < 0.01


def test_extension_draws_the_foreground_into_its_edge(engine: Gpu, keyer: Keyer) -> None:
    alpha = ramp_alpha()
    light = mixed(alpha, SKIN, GREEN)
    light[:, 44:48] += np.random.default_rng(3).normal(0.0, 0.01, (SIZE[1], 4, 3))
    edge = np.s_[:, 44:46]
    errors = []
    for extend in (0.0, 1.0):
        found = keyed(engine, keyer, light, replace(PLAIN, extend=extend))
        own = found["foreground"][edge][..., :3] / np.maximum(found["matte"][edge][..., :1], 0.02)
        errors.append(np.abs(own - np.array(SKIN)).mean())
    assert errors[1] < 0.6 * errors[0]


def test_a_shadow_is_no_foreground_and_is_told_with_a_plate(engine: Gpu, keyer: Keyer) -> None:
    plate = np.broadcast_to(np.array(GREEN), (SIZE[1], SIZE[0], 3))
    light = mixed(ramp_alpha(), SKIN, plate)
    light[24:40, :24] *= 0.5
    found = keyed(engine, keyer, light, SETTINGS, clean_plate=plate)["matte"]
    assert found[30:34, 6:16, 0].max() < 0.05
    assert found[30:34, 6:16, 1].mean() == pytest.approx(0.5, abs=0.06)
    assert found[6:12, 6:16, 1].mean() == pytest.approx(1.0, abs=0.03)


def test_a_plate_tells_what_a_screen_has_of_its_own(engine: Gpu, keyer: Keyer) -> None:
    folds = 1.0 + 0.3 * np.sin(np.arange(SIZE[0]) * 0.7)
    plate = np.broadcast_to(folds[None, :, None] * np.array(GREEN), (SIZE[1], SIZE[0], 3))
    alpha = ramp_alpha()
    light = mixed(alpha, SKIN, plate)
    without = keyed(engine, keyer, light, SETTINGS)["matte"][..., 0]
    with_it = keyed(engine, keyer, light, SETTINGS, clean_plate=plate)["matte"][..., 0]
    off = keyed(engine, keyer, light, replace(SETTINGS, clean_plate=False), clean_plate=plate)["matte"][..., 0]
    assert mean_error(with_it, alpha) < 0.7 * mean_error(without, alpha)
    np.testing.assert_array_equal(off, without)


def test_a_broad_marker_on_the_plate_keys_out(engine: Gpu, keyer: Keyer) -> None:
    plate = np.broadcast_to(np.array(GREEN), (SIZE[1], SIZE[0], 3)).copy()
    plate[18:46, 17:23], plate[28:34, 6:34] = 0.4 * np.array(GREEN), 0.4 * np.array(GREEN)
    found = keyed(engine, keyer, mixed(ramp_alpha(), SKIN, plate), SETTINGS, clean_plate=plate)
    assert found["matte"][:, :40, 0].max() < 0.05
    assert found["matte"][:, 50:, 0].min() > 0.95
    np.testing.assert_allclose(found["screen"][:, :5, 1], 1.0, atol=0.02)  # no shadow is beside it


def test_garbage_is_not_seen(engine: Gpu, keyer: Keyer) -> None:
    garbage = np.zeros((SIZE[1], SIZE[0], 3))
    garbage[20:, :, 0] = 1.0
    found = keyed(engine, keyer, mixed(ramp_alpha(), SKIN, GREEN), SETTINGS, garbage=garbage)
    assert found["matte"][:20, :, 0].max() == 0.0
    assert found["foreground"][:20].max() == 0.0
    assert found["matte"][30, 90, 0] == 1.0


@pytest.mark.parametrize("size", [SIZE, (SIZE[0] // 2, SIZE[1] // 2)])
def test_the_measured_alpha_is_shown_at_any_size(engine: Gpu, keyer: Keyer, size: tuple[int, int]) -> None:
    with lending(engine) as lend:
        found = keyer.draw(texture_of(engine, mixed(ramp_alpha(), SKIN, GREEN)), PLAIN, lend)
        shown = lend(TargetSpec(size, "f1"))
        KeyView(engine).draw(shown, found, None, EDGE)
        grey = values_of(shown.color)[..., :3] / 255.0
    part = size[0] / SIZE[0]
    assert grey[:, : int(40 * part)].max() < 0.02
    assert grey[:, int(52 * part) :].min() > 0.98
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    if size == SIZE:
        np.testing.assert_allclose(grey[..., 0], np.clip(ramp_alpha(), 0.0, 1.0), atol=0.02)


def test_a_matte_made_elsewhere_is_taken(engine: Gpu, keyer: Keyer) -> None:
    refined = np.full((SIZE[1], SIZE[0], 3), 0.465)
    found = keyed(engine, keyer, mixed(ramp_alpha(), SKIN, GREEN), SETTINGS, refined=refined)["matte"][..., 0]
    np.testing.assert_allclose(found, 0.5, atol=0.002)


class Film:
    """Pictures one after the other, steadied."""

    def __init__(self, engine: Gpu, keyer: Keyer) -> None:
        self.engine, self.keyer, self.steady = engine, keyer, Steady(engine)

    def matte(self, light: Any, tick: int, settings: KeySettings = SETTINGS) -> Any:
        with lending(self.engine) as lend:
            given: Any = {"steady": self.steady, "tick": tick}
            return values_of(self.keyer.draw(texture_of(self.engine, light), settings, lend, **given).matte.color)


def shot(seed: int, moved: int = 0, noise: float = 0.0015) -> Any:
    grain = np.random.default_rng(seed).normal(0.0, noise, (SIZE[1], SIZE[0], 3))
    return mixed(np.roll(ramp_alpha(), moved, axis=1), SKIN, GREEN) + grain


def test_an_edge_that_stands_does_not_boil(engine: Gpu, keyer: Keyer) -> None:
    film, edge = Film(engine, keyer), np.s_[4:60, 44:48]
    steadied = np.array([film.matte(shot(n), n)[edge][..., 0] for n in range(8)])
    alone = np.array([keyed(engine, keyer, shot(n), SETTINGS)["matte"][edge][..., 0] for n in range(8)])
    assert steadied[3:].std(axis=0).mean() < 0.6 * alone[3:].std(axis=0).mean()
    assert abs((steadied[3:] - alone[3:]).mean()) < 0.004
    film.steady.release()


@pytest.mark.parametrize("moved", [1, 3, 40])
def test_what_moves_is_followed_at_once(engine: Gpu, keyer: Keyer, moved: int) -> None:
    film = Film(engine, keyer)
    for tick in range(4):
        film.matte(shot(tick), tick)
    after = film.matte(shot(9, moved), 4)[..., 0]
    expected = keyed(engine, keyer, shot(9, moved), SETTINGS)["matte"][..., 0]
    np.testing.assert_allclose(after, expected, atol=0.045)
    assert np.abs(after - expected).mean() < 1.5e-3
    film.steady.release()


def test_a_tick_that_is_not_the_next_begins_anew(engine: Gpu, keyer: Keyer) -> None:
    film = Film(engine, keyer)
    expected = keyed(engine, keyer, shot(3), SETTINGS)["matte"]
    film.matte(shot(1), 1)
    assert np.abs(film.matte(shot(3), 2) - expected).max() > 1e-3  # else this tests nothing
    for tick in (9, 4):
        np.testing.assert_array_equal(film.matte(shot(3), tick), expected)
    other = replace(SETTINGS, screen=(0.14, 0.3, 0.09))
    np.testing.assert_array_equal(film.matte(shot(3), 5, other), keyed(engine, keyer, shot(3), other)["matte"])
    film.steady.release()


def test_a_tick_drawn_twice_is_the_same(engine: Gpu, keyer: Keyer) -> None:
    film = Film(engine, keyer)
    film.matte(shot(1), 1)
    np.testing.assert_array_equal(film.matte(shot(2), 2), film.matte(shot(2), 2))
    film.steady.release()


def test_a_screen_alone_and_a_foreground_alone(engine: Gpu, keyer: Keyer) -> None:
    every = np.ones((SIZE[1], SIZE[0], 3))
    assert keyed(engine, keyer, every * np.array(GREEN), SETTINGS)["matte"][..., 0].max() < 0.01
    assert keyed(engine, keyer, every * np.array(SKIN), SETTINGS)["matte"][..., 0].min() > 0.99


def test_the_plate_is_learnt_behind_who_moves(engine: Gpu, keyer: Keyer) -> None:
    plate = CleanPlate(engine)
    folds = 1.0 + 0.1 * np.sin(np.arange(SIZE[0]) * 0.2)
    screen = np.broadcast_to(folds[None, :, None] * np.array(GREEN), (SIZE[1], SIZE[0], 3))
    with lending(engine) as lend:
        assert plate.texture(SETTINGS, lend) is None
        for left in (0, 48):
            alpha = np.zeros((SIZE[1], SIZE[0]))
            alpha[:, left : left + 48] = 1.0
            picture = texture_of(engine, mixed(alpha, SKIN, screen))
            plate.learn(picture, keyer.draw(picture, SETTINGS, lend).matte.color, SETTINGS)
        texture = plate.texture(SETTINGS, lend)
        assert texture is not None
        found = values_of(texture)[..., :3]
    expected = screen.reshape(SIZE[1] // 4, 4, SIZE[0] // 4, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found, expected, rtol=0.06)
    plate.forget()
    with lending(engine) as lend:
        assert plate.texture(SETTINGS, lend) is None


def test_the_synthetic_camera_is_keyed_within_the_goal(engine: Gpu, keyer: Keyer) -> None:
    given = synthetic_input(0.5, 2)
    light = (linear(given.pictures[0]) @ ACESCG.T).astype(np.float32)
    found = keyed(engine, keyer, light, SETTINGS)["matte"][..., 0]
    assert mean_error(found, given.alphas[0]) < 0.003
    assert edge_error(found, given.alphas[0]) < 0.06


@pytest.mark.skipif(not LEMUR.exists(), reason="the lemur's matte is not beside the repository (../shared/data)")
@pytest.mark.parametrize(("screen", "picked"), [("green", GREEN), ("blue", BLUE)])
def test_fur_is_keyed_over_green_and_blue(engine: Gpu, keyer: Keyer, screen: str, picked: Any) -> None:
    given = lemur_input(LEMUR, screen)
    light = (linear(given.pictures[0]) @ ACESCG.T).astype(np.float32)
    found = keyed(engine, keyer, light, replace(SETTINGS, screen=tuple(light[60, 40].tolist())))["matte"][..., 0]
    assert mean_error(found, given.alphas[0]) < 0.008
    assert edge_error(found, given.alphas[0]) < 0.08


def test_the_benchs_curve_is_its_own_inverse() -> None:
    light = np.linspace(0.0, 1.0, 100, dtype=np.float32)
    np.testing.assert_allclose(linear(encoded(light)), light, atol=1e-3)
