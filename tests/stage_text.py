"""A whole stage file, for tests to change, and the sentences that a changed one is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpengine.errors import ProblemsError
from vpengine.files import controls_of
from vpengine.stage.stage_file import load_stage

STAGE = """\
version = 1

[stage]
name = "Test"
rate = 24

[[camera]]
id = "1"
sensor_mm = [24.0, 13.5]
pinhole_focal_length_mm = 24.0

[[wall]]
id = "main"
kind = "arc"
tile_mm = [500.0, 500]
tile_px = [64, 64]
columns = 16
rows = 6
arc_deg = 120.0
position_m = [0.0, 0.0, 0.0]

[[wall]]
id = "ceiling"
kind = "flat"
tile_mm = [500.0, 500.0]
tile_px = [16, 16]
columns = 12
rows = 8
position_m = [0.0, 3.0, 3.2]
tilt_deg = 90.0

[[tracking]]
kind = "osc"
camera = "1"
port = 9000

[[output]]
kind = "window"
wall = "main"
monitor = 1

[neural]
generator = "weather"

[controls]
exposure.inner = -0.5
inner.visible = false
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "stage.toml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    """Every problem, with the folder left out of the file's name."""
    with pytest.raises(ProblemsError) as caught:
        load_stage(write(folder, text), controls_of)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


SYNTHETIC = 'kind = "synthetic"\nresolution = [320, 180]\nnoise = 0.1'


def green_stage(
    *feeds: str, source: str = SYNTHETIC, size: tuple[int, int] = (320, 180), overscan: float = 0.0, hold_s: float = 60
) -> str:
    """A stage without a wall, whose camera has a picture of its own, and headless outputs of ``feeds``. source: the
    [[capture]]'s own keys; empty for none. size: of the inner picture. hold_s: longer than a machine stands still: no
    picture is lost.
    """
    capture = f'[[capture]]\nid = "a"\ncamera = "1"\nhold_s = {hold_s}\n{source}\n' if source else ""
    outputs = "".join(f'[[output]]\nkind = "headless"\nfeed = "{feed}"\n' for feed in feeds)
    return f"""\
version = 1
[stage]
name = "Green"
rate = 24
[[camera]]
id = "1"
sensor_mm = [24.0, 13.5]
pinhole_focal_length_mm = 24.0
[camera.inner]
resolution = [{size[0]}, {size[1]}]
overscan_percent = {overscan}
{capture}{outputs}[control]
osc_port = 0
"""
