"""Curves of video: HLG, PQ and plain gammas as light, by the values that their recommendations publish."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.errors import UserError
from vpengine.frames.transfers import BY_TRANSFER, HLG, unknown_transfer
from vpengine.gpu.input_space import DISPLAY_PQ, input_space, space_of


def light(transfer: str, code: float, matrix: str = "bt2020") -> float:
    """Of a grey."""
    rgb = space_of("tagged", transfer, matrix).acescg(np.full(3, code))
    np.testing.assert_allclose(rgb, rgb[1], rtol=1e-3)
    return float(rgb[1])


@pytest.mark.parametrize(
    ("transfer", "code", "expected"),
    [
        ("arib-std-b67", 0.75, 1.0),  # BT.2408, table 1: diffuse white, and the grey card of 18 percent
        ("arib-std-b67", 0.38, 0.18),
        ("arib-std-b67", 0.5, 1.0 / 12.0 / 0.26496),  # BT.2100, table 5
        ("arib-std-b67", 1.0, 1.0 / 0.26496),
        ("smpte2084", 0.58, 1.0),
        ("smpte2084", 0.38, 0.13),  # BT.2408: 26 nits of 203
        ("smpte2084", 1.0, 10000.0 / 203.0),
        ("gamma22", 0.5, 0.5**2.2),
        ("gamma28", 0.5, 0.5**2.8),
    ],
)
def test_published_codes_are_their_light(transfer: str, code: float, expected: float) -> None:
    assert light(transfer, code) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("transfer", ["arib-std-b67", "smpte2084", "gamma22", "gamma28"])
def test_curves_rise_from_black_without_a_step(transfer: str) -> None:
    curve = space_of("tagged", transfer, "bt2020").curve
    assert np.isfinite(curve).all()
    assert (np.diff(curve) >= 0.0).all()
    assert abs(curve[0]) < 1e-4
    assert curve.max() < 60.0


def test_hlg_and_pq_have_wide_primaries_whatever_their_matrix_says() -> None:
    wide = input_space("Linear Rec.2020").acescg_from_linear
    for transfer in ("arib-std-b67", "smpte2084"):
        np.testing.assert_array_equal(space_of("tagged", transfer, "bt709").acescg_from_linear, wide)


def test_hlg_can_be_named_and_its_display_space_says_so() -> None:
    assert input_space(HLG).acescg(np.full(3, 0.75))[1] == pytest.approx(1.0, rel=1e-3)
    with pytest.raises(UserError, match=f"'{HLG}' is what the camera saw"):
        input_space("Rec.2100-HLG - Display")
    with pytest.raises(UserError, match=f"did you mean '{HLG}'"):
        input_space("Rec.2100-HLG - Scen")


def test_the_configuration_s_pq_stays_as_it_is_named() -> None:
    assert input_space(DISPLAY_PQ).acescg(np.full(3, 1.0))[1] == pytest.approx(100.0, rel=1e-3)


def test_every_transfer_that_is_known_has_its_space() -> None:
    for transfer, name in BY_TRANSFER.items():
        assert space_of("tagged", transfer, "bt709").name == name
        assert unknown_transfer(transfer) is None
    assert unknown_transfer(None) is None
    assert "tagged smpte428, which is not known here" in (unknown_transfer("smpte428") or "")
