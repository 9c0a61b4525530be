"""The bench of a matte's steadiness on a clip whose alpha nobody knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.matte_files import save_matte
from vpengine.cli import bench_key_clip
from vpengine.cli.bench_key_clip import measure_clip, steadiness

CLIP = Path(__file__).parents[3] / "shared" / "data" / "greenscreen" / "talking_head_yellowgreen.mp4"


def test_what_changes_is_told_by_region() -> None:
    still = np.zeros((4, 6), np.float32)
    still[:, 2:4], still[:, 4:] = 0.5, 1.0
    moved = still.copy()
    moved[:, 2:4] += 0.1
    assert steadiness((still, moved, still), still) == {"screen": 0.0, "edge": pytest.approx(0.1), "core": 0.0}
    assert not any(steadiness((still, still), still).values())


@pytest.mark.skipif(not CLIP.exists(), reason="no ../shared/data: the clip is not there")
def test_a_network_that_adds_nothing_is_as_steady_as_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_key_clip, "PICTURES", 4)
    plain, corrected = measure_clip(CLIP, save_matte(tmp_path / "m.onnx"))
    assert {**plain, "keyer": ""} == {**corrected, "keyer": ""}
    assert plain["edge"] > plain["core"]
