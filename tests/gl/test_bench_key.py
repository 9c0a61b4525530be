"""The bench of the keyer: its peers do what they say, and ours leaves at most half of the better one's edge error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vpengine.cli.bench_key import Ours, Result, figures, measure_key, peer, spill_residue, synthetic_input
from vpengine.cli.bench_key_peers import ffmpeg_alpha, obs_key
from vpengine.errors import UserError
from vpengine.gpu.gpu import Gpu

SCREEN = np.array([0.2, 0.6, 0.25], np.float32)
SKIN = np.array([0.68, 0.52, 0.42], np.float32)


@pytest.mark.parametrize("key", [obs_key, ffmpeg_alpha])
def test_a_peer_tells_screen_from_skin(key: Callable[..., Any]) -> None:
    picture = np.empty((32, 64, 3), np.float32)
    picture[:, :32], picture[:, 32:] = SCREEN, SKIN
    inside = np.s_[2:-2]  # FFmpeg's has a corner of its own
    alpha = key(picture, SCREEN, 0.05, 0.02)[0][inside]
    assert alpha[:, 2:28].max() < 0.02
    assert alpha[:, 36:-2].min() > 0.98
    assert key(picture, SCREEN, 0.9, 0.1)[0][inside].max() < 0.02


def test_obs_smooths_a_matte_by_its_formula() -> None:
    ramp = SCREEN + np.linspace(0.0, 1.0, 64, dtype=np.float32)[None, :, None] * (SKIN - SCREEN)
    alpha, kept = obs_key(np.repeat(ramp, 16, axis=0), SCREEN, 0.0, 1.0)
    away = np.hypot(*(np.array([[-0.100644, -0.338572, 0.439216], [0.439216, -0.398942, -0.040274]]) @ (SKIN - SCREEN)))
    assert alpha[8, 32] == pytest.approx((away * 32 / 63) ** 1.5, rel=0.02)
    assert np.ptp(kept[8, 0]) < 0.05  # the screen's own colour is greyed


def test_spill_residue_is_in_parts_of_the_screens_light() -> None:
    alpha, truth = np.ones((4, 4), np.float32), np.full((4, 4, 3), 0.3, np.float32)
    screen = np.array([0.05, 0.33, 0.06], np.float32)
    assert spill_residue(truth + 0.2 * screen, truth, alpha, screen) == pytest.approx(0.2, abs=1e-3)
    assert spill_residue(truth, truth, alpha, screen) == 0.0


def test_a_true_matte_has_no_error() -> None:
    given = synthetic_input(0.5, 1)
    found = figures(given, Result(given.alphas, given.foregrounds))
    assert all(value == 0.0 for value in found.values())


@pytest.mark.slow
def test_ours_leaves_at_most_half_of_the_better_peers_edge_error(engine: Gpu) -> None:
    given = synthetic_input(0.5, 1)
    ours = Ours(engine)
    found = figures(given, ours.key(given, learn=False))
    ours.release()
    peers = [figures(given, peer(given, key)) for key in (obs_key, ffmpeg_alpha)]
    assert found["edge"] < 0.5 * min(one["edge"] for one in peers)
    assert found["mean"] < 0.7 * min(one["mean"] for one in peers)
    assert found["flicker"] < min(one["flicker"] for one in peers)


def test_a_folder_without_a_matte_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no lemur_alpha\.png"):
        measure_key(tmp_path)
