"""Every shader through Khronos' reference compiler, at the version it declares: drivers forgive what others refuse."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import moderngl
import pytest

from vpengine.compose.defocus import Defocus
from vpengine.compose.green_screen import Composited, GreenScreen
from vpengine.compose.monitor import Monitor
from vpengine.compose.neural import NeuralLayer
from vpengine.compose.request_camera import RequestCamera
from vpengine.compose.surround import Surrounds
from vpengine.control.declared import ENGINE_CONTROLS
from vpengine.drawing import build_compositor, build_locations, load_location
from vpengine.files import read_files
from vpengine.gpu import passes
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.output_window import BLOCK as WINDOW_BLOCK
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.program import load_program, shader_folder
from vpengine.gpu.view_lut import ViewLut
from vpengine.plates import card, dome, layer_mesh, relief_mesh
from vpengine.plates.gltf import drawn, sky
from vpengine.sim.camera import SimCamera
from vpengine.sim.green_stage import GreenStage, Moment
from vpengine.sim.lamps import lamps_of
from vpengine.sim.light import Panel, StageLight
from vpengine.sim.light_draw import probe_of
from vpengine.sim.stage_view import StageView
from vpengine.sim.stand_in import StandIn
from vpengine.stage.screens import ScreenSettings
from vpengine.stage.shipped import stage_folder
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose


@pytest.fixture(scope="module")
def sources(gpu: Any) -> Iterator[set[tuple[str, str]]]:
    """What the engine gives the driver: (kind, text) of every shader of every variant."""
    found: set[tuple[str, str]] = set()
    compile_it = moderngl.Context.program

    def noted(self: moderngl.Context, **texts: Any) -> moderngl.Program:
        found.update((kind.removesuffix("_shader")[:4], text) for kind, text in texts.items() if text)
        return compile_it(self, **texts)

    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(moderngl.Context, "program", noted)
        make_everything(Gpu(gpu), stack)
        yield found


def make_everything(gpu: Gpu, stack: ExitStack) -> None:
    """All that compiles a shader, once."""
    files = read_files(stage_folder() / "led_volume.toml", None)
    locations = build_locations(gpu, files, stack)
    compositor = build_compositor(gpu, files, locations, stack)
    pool = TargetPool(gpu)
    for location in files.show.plates:
        load_location(locations, compositor.walls, location)
        compositor.warm(location, pool.lend)
    RequestCamera(gpu)
    NeuralLayer(gpu, (32, 18), surrounds=Surrounds(gpu, 32, 1))
    walls = list(compositor.walls.geometries.values())
    panels = {wall.id: Panel(wall.peak_nits, wall.black_nits) for wall in files.stage.walls}
    light = StageLight(gpu, walls, panels, StandIn())
    probe = probe_of(gpu, light)
    SimCamera(gpu, light, (64, 36), probe)
    StageView(gpu, light, (64, 36), probe)
    lens, screens = Lens((24.0, 13.5), 24.0), (ScreenSettings(size_m=(1.0, 1.0), position_m=(0.0, 1.0, 0.0)),)
    lamps = lamps_of({control.address: control.default for control in ENGINE_CONTROLS})
    green = GreenStage(gpu, screens, StandIn(), lamps, lens, (64, 36), 1)
    green.draw("picture", [Moment(Pose((0.0, 0.0, 1.5), (0.0, 0.0, 0.0, 1.0)), 0.0)])
    green.release()
    Defocus(gpu)
    Monitor(gpu).warm(pool.lend, ViewLut(gpu).texture)
    for variant in ({}, dome.MAGNIFIED):
        gpu.pass_("dome", dome.BLOCK, variant)
    gpu.pass_("still", card.BLOCK)
    gpu.mesh_pass("layers", "relief", layer_mesh.BLOCK)
    for variant in ({}, relief_mesh.WHOLE):
        gpu.mesh_pass("relief", "relief", relief_mesh.BLOCK, variant)
    make_gltf(gpu)
    load_program(gpu.context, "window", (WINDOW_BLOCK,))
    view = camera_view(Pose((0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)), Lens((24.0, 13.5), 24.0), (32, 18))
    screen = ScreenSettings(size_m=(1.0, 1.0), position_m=(0.0, 1.0, 0.0))
    GreenScreen(
        gpu, {"1": Composited((32, 18))}, [screen], refiner=lambda chroma, luma: chroma[..., 0] - luma[..., 0]
    ).warm(view, pool.lend)


def make_gltf(gpu: Gpu) -> None:
    """A material with everything, a plain one, and the skies."""
    maps = {f"{name}_AT": "v_uv.xy" for name in ("BASE", "SURFACE", "NORMAL", "OCCLUSION", "EMISSIVE")}
    every = {**maps, "GLOSSY": "1", "CUT": "1", "EMITS": "1"}
    for variant in (
        every,
        every | {"BLENDED": "1", "SUNLESS": "1"},
        {},
        {"SUNLESS": "1"},
        {"SOFT": "1"},
        {"UNLIT": "1"},
    ):
        gpu.mesh_pass("gltf", "gltf", drawn.BLOCK, {**drawn.CONSTANTS, **variant})
    for painted in ({}, {"PAINTED": "1"}):
        sky.passes(gpu, painted)


MOST_TEXTURES = 16  # what OpenGL promises a pass; macOS has no more


def test_no_pass_has_more_textures_than_every_driver_takes(gpu: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counted(program: moderngl.Program) -> dict[str, range]:
        units = units_of(program)
        counts.append(sum(map(len, units.values())))
        return units

    units_of = passes._units
    monkeypatch.setattr(passes, "_units", counted)
    with ExitStack() as stack:
        make_everything(Gpu(gpu), stack)
    assert MOST_TEXTURES - 2 < max(counts) <= MOST_TEXTURES


def test_all_shaders_are_here(sources: set[tuple[str, str]]) -> None:
    """A shader file that nothing of this compiles is not tested, or is dead."""
    texts = [text for _, text in sources]
    for path in shader_folder().glob("*.*"):
        body = path.read_text(encoding="utf-8").split("\n", 1)[0]
        assert any(body in text for text in texts), path.name


def test_the_reference_compiler_takes_every_shader(sources: set[tuple[str, str]], tmp_path: Path) -> None:
    compiler = shutil.which("glslangValidator")
    if compiler is None:
        pytest.skip("glslangValidator (Debian's glslang-tools) is not installed")
    files = []
    for number, (kind, text) in enumerate(sorted(sources)):
        assert text.startswith("#version 410 core\n")
        files.append(tmp_path / f"{number}.{kind}")
        files[-1].write_text(text, encoding="utf-8")
    assert len(files) > 40
    done = subprocess.run([compiler, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "ERROR" not in done.stdout
