"""Bench: one job, the engine's frame against the best script that one would write for it with bare OpenGL."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
from PIL import Image

from vpengine.app import App, RunOptions
from vpengine.compose.coverage import seen_triangles, view_pixels_a_wall_pixel
from vpengine.compose.plan import eye_view, levels
from vpengine.compose.wall import SHRUNK_FROM, wall_block, wall_values
from vpengine.files import read_files
from vpengine.frames.frame_input import FrameInput
from vpengine.gpu.bare import BareDome
from vpengine.gpu.target import Texture
from vpengine.plates import dome
from vpengine.stage.shipped import stage_folder
from vpengine.view.view import View, stage_ray_from_ndc

FRAMES, ROUNDS = 40, 5
INNER = (960, 540)
SHOW = """\
version = 1
[show]
name = "Dome"
[[scene]]
slug = "dome"
plate.kind = "dome"
plate.file = "dome.png"
"""


def measure_dome() -> dict[str, float]:
    """A dome on the demo stage's arc, a camera of 960 x 540, no generator: the engine's frame and the script's in turn,
    until all is drawn: medians and p95 in milliseconds.
    """
    engine: list[float] = []
    script: list[float] = []
    with ExitStack() as stack:
        app = stack.enter_context(dome_stage(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        app.run_frames(FRAMES)
        bare = Script(app)
        bare.time_ms()
        for _ in range(ROUNDS):
            app.run_frames(FRAMES)
            engine += app.loop.times.work_ms(FRAMES)
            script += [bare.time_ms() for _ in range(FRAMES)]
    return {
        "dome_engine_ms": round(median(engine), 3),
        "dome_script_ms": round(median(script), 3),
        "dome_engine_p95_ms": round(quantiles(engine, n=20)[-1], 3),
        "dome_script_p95_ms": round(quantiles(script, n=20)[-1], 3),
    }


def dome_stage(folder: Path) -> App:
    """The demo stage's arc alone, with a dome around it; deaf, headless and unpaced."""
    across, down = np.meshgrid(np.linspace(0.0, 24.0 * np.pi, 1024), np.linspace(0.0, 12.0 * np.pi, 512))
    picture = np.stack([np.sin(across), np.cos(down), np.sin(across + down)], axis=-1)
    Image.fromarray((127.5 + 100.0 * picture).astype(np.uint8)).save(folder / "dome.png")
    (folder / "show.toml").write_text(SHOW, encoding="utf-8")
    options = RunOptions(
        stage_folder() / "led_volume.toml", folder / "show.toml", headless=True, unpaced=True, remember=False
    )
    files = read_files(options.stage, options.show)
    stage = files.stage
    camera = stage.cameras[0]
    inner = camera.inner.model_copy(update={"resolution": INNER})
    stage = replace(
        stage,
        tracking=(),
        outputs=(),
        walls=stage.walls[:1],
        cameras=(camera.model_copy(update={"inner": inner}),),
        control=stage.control.model_copy(update={"osc_port": 0}),
        neural=stage.neural.model_copy(update={"generator": "none"}),
    )
    return App(options, replace(files, stage=stage))


class Script:
    """The script on the engine's own textures, so that both sample the same."""

    def __init__(self, app: App) -> None:
        self._app = app
        walls = app.compositor.walls
        self._geometry = walls.geometries["main"]
        self._picture = walls.pictures["main"]
        plate: Any = app.locations["dome"]
        frame = app.loop.newest
        assert frame is not None
        self._frame = frame
        self._camera = app.files.stage.cameras[0]
        self._dome_values = plate.values
        self._bare = BareDome(
            app.gpu,
            plate.texture,
            walls.outer("dome", "main"),
            (dome.BLOCK, dome.MAGNIFIED),
            (wall_block(1), {"ENCODED": "1", "INNERS": "1"} | self._shrunk(frame)),
            {
                "position_m": self._geometry.vertices_m.astype(np.float32),
                "wall_uv": self._geometry.uv.astype(np.float32),
            },
            self._geometry.triangles.astype(np.uint32),
            (INNER, self._geometry.resolution),
        )

    def _shrunk(self, frame: FrameInput) -> dict[str, str]:
        """As the engine looks at the inner picture on this wall."""
        spanned = view_pixels_a_wall_pixel(self._geometry, eye_view(frame, self._camera))
        return {"SHRUNK": "1"} if spanned > SHRUNK_FROM else {}

    @property
    def picture(self) -> Texture:
        """What the wall is sent; only the tiles that the frustum is on are drawn."""
        return self._bare.picture

    def time_ms(self) -> float:
        begin_s = time.perf_counter()
        self._draw(eye_view(self._frame, self._camera))
        self._app.gpu.finish()
        return 1e3 * (time.perf_counter() - begin_s)

    def _draw(self, view: View) -> None:
        self._bare.draw(
            {**self._dome_values, "stage_ray_from_ndc": stage_ray_from_ndc(view)},
            wall_values([view], levels(self._frame), self._picture.nits),
            seen_triangles(self._geometry, view),
        )
