"""The faces of a surround: together they show every direction, each once or blended, and none beside its picture."""

from __future__ import annotations

import numpy as np
import pytest

from vpengine.view.surround import FACES, faces_from_stage, surround_directions, surround_view, surround_weights

DIRECTIONS = np.random.default_rng(4).normal(size=(20_000, 3))


def test_every_direction_is_shown_in_full_by_one_or_two_that_meet() -> None:
    weights = surround_weights(DIRECTIONS)
    assert weights.min() >= 0.0
    assert (weights.max(axis=-1) > 0.499).all()
    assert (weights.sum(axis=-1) > 0.999).all()
    assert ((weights > 0.0).sum(axis=-1) <= 4).all()


def test_no_face_counts_where_it_does_not_see() -> None:
    """Nor so near its edge that a bilinear texel of a small picture would be another face's."""
    seen = np.einsum("fij,nj->nfi", faces_from_stage(), DIRECTIONS)
    ndc = seen[..., :2] / seen[..., 2:]
    counts = surround_weights(DIRECTIONS) > 0.0
    assert (seen[..., 2][counts] > 0.0).all()
    assert np.abs(ndc[counts]).max() < 1.0 - 1.0 / 64.0


def test_weights_change_smoothly() -> None:
    """Along great circles, by a hundredth of a degree: no seam is a line."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        first, second = np.linalg.qr(rng.normal(size=(3, 2)))[0].T
        angle = np.radians(np.arange(0.0, 360.0, 0.01))[:, None]
        weights = surround_weights(np.cos(angle) * first + np.sin(angle) * second)
        assert np.abs(np.diff(weights, axis=0)).max() < 0.02


@pytest.mark.parametrize("face", range(FACES))
def test_a_face_looks_where_it_says(face: int) -> None:
    view = surround_view(np.array([1.0, 2.0, 3.0]), face, 32)
    np.testing.assert_allclose(view.origin_m, [1.0, 2.0, 3.0])
    forward = view.stage_from_view[:3, :3] @ [0.0, 0.0, -1.0]
    np.testing.assert_allclose(forward, surround_directions()[face], atol=1e-9)
    np.testing.assert_allclose(faces_from_stage()[face] @ forward, [0.0, 0.0, 1.0], atol=1e-9)
