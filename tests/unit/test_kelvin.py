"""A lamp's colour by its temperature, against published chromaticities."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.plates.chromaticities import AP1
from vpengine.view.color import LUMINANCE
from vpengine.view.kelvin import ACESCG_FROM_XYZ, acescg_of_kelvin, xy_of_kelvin

# Wyszecki and Stiles, Color Science: black bodies' (x, y) in CIE 1931.
PLANCK = {2000.0: (0.5267, 0.4133), 2856.0: (0.4475, 0.4074), 4000.0: (0.3805, 0.3768), 6500.0: (0.3135, 0.3237),
          10_000.0: (0.2807, 0.2884)}  # fmt: skip


@pytest.mark.parametrize(("kelvin", "xy"), PLANCK.items())
def test_a_black_body_has_its_published_colour(kelvin: float, xy: tuple[float, float]) -> None:
    np.testing.assert_allclose(xy_of_kelvin(kelvin), xy, atol=6e-4)


def test_the_matrix_is_acescg_s() -> None:
    """Each primary, and white, by their chromaticities."""
    for index, (x, y) in enumerate(np.reshape(AP1[:6], (3, 2))):
        rgb = ACESCG_FROM_XYZ @ np.array([x / y, 1.0, (1.0 - x - y) / y])
        np.testing.assert_allclose(rgb / rgb.sum(), np.eye(3)[index], atol=1e-5)
    x, y = AP1[6:]
    np.testing.assert_allclose(ACESCG_FROM_XYZ @ np.array([x / y, 1.0, (1.0 - x - y) / y]), 1.0, atol=1e-4)


def test_a_lamp_keeps_its_luminance_and_goes_from_red_to_blue() -> None:
    colors = np.array([acescg_of_kelvin(kelvin) for kelvin in (2000.0, 3200.0, 5600.0, 6000.0, 10_000.0)])
    np.testing.assert_allclose(colors @ LUMINANCE, 1.0, atol=1e-9)
    assert (colors > 0.0).all()
    assert (np.diff(colors[:, 2] / colors[:, 0]) > 0.0).all()
    np.testing.assert_allclose(colors[3], 1.0, atol=0.06)  # near ACEScg's own white
