"""The script that the engine is measured against does the same job: its pixels are the engine's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vpengine.cli.bench_dome import Script, dome_stage
from vpengine.compose.coverage import seen_triangles
from vpengine.compose.plan import eye_view
from vpengine.gpu.transfer import download


def test_the_script_draws_what_the_engine_draws(tmp_path: Path) -> None:
    with dome_stage(tmp_path) as app:
        app.run_frames(2)
        script = Script(app)
        assert script.time_ms() > 0.0
        ours = download(app.loop.executor.pictures["wall:main"].color)[..., :3].astype(int)
        theirs = download(script.picture)[..., :3].astype(int)
        geometry, frame = app.compositor.walls.geometries["main"], app.loop.newest
        assert frame is not None
        seen = seen_triangles(geometry, eye_view(frame, app.files.stage.cameras[0]))
    columns = geometry.uv[geometry.triangles[seen.start : seen.stop]][..., 0]
    left, right = (round(float(edge) * ours.shape[1]) for edge in (columns.min(), columns.max()))
    assert right - left > 0.3 * ours.shape[1]
    assert ours[:, left:right].std() > 20.0
    np.testing.assert_array_equal(theirs[:, left:right], ours[:, left:right])
