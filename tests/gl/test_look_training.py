"""The street takes on a night's and a sunset's look: how far it comes, and what is left of its edges."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.cases import slow_but
from vpengine.cli.look_pictures import plates_of, read_references, street_plates
from vpengine.errors import UserError
from vpengine.neural.generator import Plate
from vpengine.neural.look_training import Trained, train_look, zoned

HDRI = Path(__file__).parents[3] / "shared" / "data" / "hdri"
NIGHT, SUNSET = "dikhololo_night_1k.hdr", "venice_sunset_1k.hdr"

pytestmark = pytest.mark.skipif(not HDRI.is_dir(), reason="needs the HDRI collection in ../shared/data/hdri")


@pytest.fixture(scope="module")
def street() -> list[Plate]:
    return street_plates()


@pytest.fixture(scope="module")
def trained(street: list[Plate]) -> Callable[[str], Trained]:
    @cache
    def by(file: str) -> Trained:
        (reference,) = read_references([HDRI / file])
        return train_look(street, reference.pictures, 0)

    return by


@pytest.mark.parametrize("file", slow_but(SUNSET, [NIGHT, SUNSET]))
def test_the_street_comes_most_of_the_way(trained: Callable[[str], Trained], file: str) -> None:
    """On views that the look was not learnt on."""
    measured = trained(file).measured
    assert measured.color_moved > 0.6
    assert measured.contrast_moved > 0.2  # what stands in a street has more edges than a shore or a field
    assert measured.moved > 0.6
    assert measured.edges > 0.8


def test_night_is_dark_and_its_sky_is_lighter_than_its_land(
    street: list[Plate], trained: Callable[[str], Trained]
) -> None:
    transform = trained(NIGHT).transform
    view = street[1]
    sky, changed = np.isinf(view.depth_m), zoned(view).changed(transform).color_cct
    assert changed[sky].mean() > changed[~sky].mean() + 0.05
    assert view.color_cct[sky].mean() - changed[sky].mean() > 1.5 / 17.52  # stops


def test_a_show_s_charts_are_no_place(tmp_path: Path) -> None:
    show = tmp_path / "show.toml"
    show.write_text('version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "pattern"\n')
    with pytest.raises(UserError, match="its plates are of no place"):
        plates_of(show)
