"""A look learnt from pictures: it goes most of the way to them, edges stay, nothing is inverted."""

from __future__ import annotations

import numpy as np
import pytest

from tests.places import SIZE, day_plate, day_plates, dusk, dusk_still
from tests.rooms import looking
from vpengine.errors import UserError
from vpengine.neural.look_edges import edges_kept
from vpengine.neural.look_file import look_bytes
from vpengine.neural.look_fit import fit_curve
from vpengine.neural.look_references import guessed_plate, reference_pictures
from vpengine.neural.look_samples import ZonedPicture, moved
from vpengine.neural.look_training import Trained, train_look, zoned
from vpengine.neural.look_transform import (
    BLACK,
    BRIGHTEST,
    SLOPES,
    applied,
    bounds_fault,
    plain_transform,
)
from vpengine.neural.look_zones import ZONES, plate_zones
from vpengine.view.color import acescct_from_linear
from vpengine.view.temporal import temporal_error

TOP_DOWN = np.linspace(1.0, 0.0, 256)[:, None]


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_look(day_plates(), dusk(), 0)


def test_plates_come_most_of_the_way_to_the_references(trained: Trained) -> None:
    """On views that the look was not learnt on: in colour, and in colour and contrast together."""
    measured = trained.measured
    assert measured.color_moved > 0.6
    assert measured.moved > 0.6
    assert measured.edges > 0.8


def test_day_becomes_dusk(trained: Trained) -> None:
    """The plainest account of it, by none of the measures that it was learnt by: dark, and warm, land and sky."""
    plate = day_plate(looking(0.3, 1.0, 1.6, 5.0, 3.0, SIZE))
    changed, sky = zoned(plate).changed(trained.transform).color_cct, np.isinf(plate.depth_m)
    for part in (sky, ~sky):
        darker = plate.color_cct[part].mean(axis=0) - changed[part].mean(axis=0)
        assert darker[0] < darker[1] < darker[2]
    assert (plate.color_cct - changed)[~sky].mean() * 17.52 > 2.0  # stops


@pytest.mark.slow
def test_the_same_seed_gives_the_same_look(trained: Trained) -> None:
    assert look_bytes(train_look(day_plates(), dusk(), 0).transform) == look_bytes(trained.transform)
    assert look_bytes(train_look(day_plates(), dusk(), 1).transform) != look_bytes(trained.transform)


def test_what_it_is_already_like_it_leaves_alone() -> None:
    """A production's plates as their own references: hardly anything is to be done."""
    plates = day_plates()
    own = train_look(plates, [zoned(plate) for plate in plates[::2]], 0)
    for plate in plates:
        assert np.abs(zoned(plate).changed(own.transform).color_cct - plate.color_cct).mean() < 0.015


@pytest.mark.parametrize("zone", range(len(ZONES)), ids=ZONES)
def test_brighter_stays_brighter(trained: Trained, zone: int) -> None:
    """A ramp of gray from black to far beyond what was seen: every channel rises, and luminance without a step."""
    assert bounds_fault(trained.transform) == ""
    ramp = np.repeat(np.linspace(BLACK, 1.4, 400, dtype=np.float32)[None, :, None], 3, axis=2)
    zones = np.zeros((1, 400, len(ZONES)), np.float32)
    zones[..., zone] = 0.7
    zones[..., (zone + 1) % len(ZONES)] = 0.3
    made = applied(trained.transform, ramp, zones)
    changed = (made.gain * ramp + made.bias)[0]
    assert np.diff(changed, axis=0).min() > -1e-6
    inside = ((changed > BLACK + 0.002) & (changed < BRIGHTEST - 0.002)).all(axis=-1)
    assert inside.mean() > 0.5
    steps = np.diff(changed[inside].mean(axis=-1)) / np.diff(ramp[0, inside, 0])
    assert steps.min() > 0.9 * SLOPES[0]
    assert steps.max() < 1.1 * SLOPES[1]
    assert changed.min() >= BLACK - 1e-5
    assert changed.max() <= BRIGHTEST + 1e-5


def test_hues_keep_their_order(trained: Trained) -> None:
    """Around the wheel at any brightness: the colours go round the same way, none jumps across."""
    turn = np.linspace(0.0, 2.0 * np.pi, 49)[:-1]
    wheel = np.stack([np.cos(turn - shift) for shift in (0.0, 2.0 * np.pi / 3.0, 4.0 * np.pi / 3.0)], axis=-1)
    for zone in range(len(ZONES)):
        zones = np.zeros((3, 48, len(ZONES)), np.float32)
        zones[..., zone] = 1.0
        color = (np.array([0.45, 0.55, 0.65])[:, None, None] + 0.05 * wheel).astype(np.float32)
        made = applied(trained.transform, color, zones)
        changed = made.gain * color + made.bias
        offset = changed - changed.mean(axis=1, keepdims=True)
        angle = np.unwrap(np.arctan2(offset[..., 1] - offset[..., 2], np.sqrt(3.0) * offset[..., 0]), axis=1)
        assert (np.diff(angle, axis=1) > 0.0).all()
        assert np.diff(angle, axis=1).max() < np.radians(25.0)  # of 7.5 where saturation stays round


def test_a_place_looks_alike_from_two_views(trained: Trained) -> None:
    """As alike as the plate itself does through re-projection, which bends and blurs a little."""
    views = looking(0.0, 2.0, 1.6, 0.0, 3.0, SIZE), looking(0.25, 2.4, 1.7, 6.0, 1.0, SIZE)
    plates = [day_plate(view) for view in views]
    plain = [plate.color_cct for plate in plates]
    changed = [zoned(plate).changed(trained.transform).color_cct for plate in plates]
    error, changed_error = (
        temporal_error(one, plates[0].depth_m, views[0], other, plates[1].depth_m, views[1])
        for one, other in (plain, changed)
    )
    land = np.isfinite(plates[0].depth_m)
    assert changed_error / changed[0][land].std() < 1.25 * error / plain[0][land].std()


def test_mix_is_how_much_of_it(trained: Trained) -> None:
    plate = day_plates()[0]
    zones = plate_zones(plate.depth_m, plate.view)
    none, half, whole = (applied(trained.transform, plate.color_cct, zones, mix) for mix in (0.0, 0.5, 1.0))
    assert np.abs(none.gain - 1.0).max() < 1e-6
    assert np.abs(none.bias).max() < 1e-6
    np.testing.assert_allclose(half.gain, 0.5 * (none.gain + whole.gain), atol=1e-5)
    np.testing.assert_allclose(half.bias, 0.5 * (none.bias + whole.bias), atol=1e-5)


def test_the_plain_transform_changes_nothing() -> None:
    plate = day_plates()[1]
    changed = zoned(plate).changed(plain_transform()).color_cct
    np.testing.assert_allclose(changed, np.maximum(plate.color_cct, BLACK), atol=2e-5)


def test_a_curve_that_would_fall_or_leap_is_bent_within_its_slopes() -> None:
    source = np.linspace(0.2, 0.6, 40)
    for goal in (np.full(40, 0.3), 0.3 + 6.0 * (source - 0.4)):
        slope = np.diff(fit_curve(source, goal)) / 0.02
        assert slope.min() >= SLOPES[0] - 1e-6
        assert slope.max() <= SLOPES[1] + 1e-6


def test_zones_are_told_apart_in_the_world() -> None:
    plate = day_plate(looking(0.0, 0.0, 1.6, 0.0, 4.0, SIZE))
    zones = plate_zones(plate.depth_m, plate.view)
    np.testing.assert_allclose(zones.sum(axis=-1), 1.0, atol=1e-5)
    sky = np.isinf(plate.depth_m)
    assert (zones[sky][:, :2].sum(axis=-1) > 0.99).all()
    assert (zones[~sky][:, :2] == 0.0).all()
    assert zones[-1, :, ZONES.index("ground")].mean() > 0.9
    assert zones[30, 2, ZONES.index("upright")] > 0.9


def test_a_panorama_is_seen_level_and_all_round() -> None:
    """A sky above, a ground below, a red house in the south-east, over the picture's seam too."""
    panorama = np.where(TOP_DOWN[..., None] > 0.5, np.array([0.5, 0.6, 0.9]), np.array([0.1, 0.09, 0.08]))
    panorama = np.repeat(panorama[:, :1], 512, axis=1)
    panorama[100:130, :12] = panorama[100:130, -12:] = (0.3, 0.02, 0.02)
    pictures = reference_pictures(panorama)
    assert len(pictures) == 16
    sky = np.mean([picture.zones[..., :2].sum(axis=-1) for picture in pictures[:8]])
    assert 0.4 < sky < 0.55
    red = [float((picture.color_cct[..., 0] - picture.color_cct[..., 1] > 0.1).mean()) for picture in pictures[:8]]
    assert sorted(red)[-1] > 0.01
    assert sum(share > 0.0 for share in red) <= 2
    house = pictures[int(np.argmax(red))]
    at = house.color_cct[..., 0] - house.color_cct[..., 1] > 0.1
    assert house.zones[at][:, :2].sum(axis=-1).mean() < 0.35  # no part of the sky


def test_a_still_s_sky_is_found_and_an_interior_has_none() -> None:
    (still,) = reference_pictures(dusk_still())
    assert still.zones[:8, 150:170, :2].sum(axis=-1).mean() > 0.9
    room = np.random.default_rng(0).uniform(0.05, 0.4, (90, 160, 3))  # full of things
    assert reference_pictures(room)[0].zones[..., :2].mean() < 0.02


def test_a_picture_is_a_plate_with_a_sky_and_a_ground() -> None:
    plate = guessed_plate(dusk_still(), 320, 55.0)
    assert np.isinf(plate.depth_m[2, 160])
    assert 1.0 < plate.depth_m[-1].mean() < 6.0
    assert plate_zones(plate.depth_m, plate.view)[-1, :, ZONES.index("ground")].mean() > 0.9


def test_pictures_of_nothing_teach_nothing() -> None:
    gray = ZonedPicture(np.full((90, 160, 3), 0.4, np.float32), np.full((90, 160, len(ZONES)), 0.2, np.float32))
    with pytest.raises(UserError, match="the references are one even colour"):
        train_look(day_plates(), [gray], 0)


def test_edges_are_counted_as_kept_or_lost() -> None:
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.uniform(0.2, 0.6, (9, 16)), np.ones((20, 20)))
    assert edges_kept(blocks, blocks) == 1.0
    assert edges_kept(blocks, 0.5 * blocks + 0.1) == 1.0
    assert edges_kept(blocks, np.roll(blocks, 8, axis=1)) < 0.75
    assert edges_kept(blocks, rng.uniform(0.2, 0.6, blocks.shape)) < 0.6
    assert edges_kept(np.zeros((90, 160)), np.zeros((90, 160))) == 1.0


def test_moved_is_a_share_of_the_way() -> None:
    assert moved(0.2, 0.05) == pytest.approx(0.75)
    assert moved(0.001, 0.002) == 1.0  # it was there
    assert moved(0.1, 0.2) == -1.0


def test_linear_light_is_what_references_are_in() -> None:
    (still,) = reference_pictures(np.full((90, 160, 3), 0.18))
    np.testing.assert_allclose(still.color_cct, acescct_from_linear(np.array(0.18)), atol=1e-5)
