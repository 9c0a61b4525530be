"""The key and the fill on the simulated stage: does light fall where and as much as the controls say?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import moderngl
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.gl.test_sim_camera import _lights, _plain, _sunset, _volume
from vpengine.control.controls import Controls
from vpengine.control.declared import ENGINE_CONTROLS, LAMP_OFF_STOPS, SIM_KEY
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import download
from vpengine.sim.camera import SimCamera
from vpengine.sim.figure_body import SKIN
from vpengine.sim.lamps import Lamp, Lamps, lamps_of, sphere_cosine
from vpengine.sim.light import StageLight
from vpengine.sim.light_draw import Probe
from vpengine.sim.light_transport import Shadows
from vpengine.sim.stand_in import Flag, StandIn
from vpengine.view.color import luminance
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.view import View

MARK_M = (0.0, 2.2)
STAND_IN = StandIn(figure_m=MARK_M, turn_deg=0.0, balls=(), cards_m=())
SIZE = (96, 128)
# A head and shoulders from the camera's side.
VIEW = View(
    view_from_stage(look_at(np.array([0.0, 0.2, 1.6]), np.array([0.0, 2.2, 1.6]))),
    clip_from_view(Lens((12.0, 16.0), 60.0)),
    SIZE,
)
UNDER_EYE, CHEEKS = np.s_[58:63, 37:43], (np.s_[64:74, 36:42], np.s_[64:74, 54:60])  # left and right in the picture
DEFAULT = lamps_of(Controls(ENGINE_CONTROLS).freeze(0.0))
OFF = replace(DEFAULT.key, level_stops=LAMP_OFF_STOPS)


@dataclass
class Stage:
    light: StageLight
    probe: Probe
    camera: SimCamera
    walls: dict[str, moderngl.Texture]
    dark: dict[str, moderngl.Texture]

    def shot(self, lamps: Lamps | None, lit_walls: bool = False) -> NDArray[np.float64]:
        """Luminance (height, width)."""
        self.light.shine(self.walls if lit_walls else self.dark, lamps)
        self.probe.draw()
        self.camera.draw(VIEW)
        height, width = SIZE[1], SIZE[0]
        scene = download(self.camera.scene.color)[..., :3].astype(float)
        return luminance(scene.reshape(height, 2, width, 2, 3).mean(axis=(1, 3)))


@pytest.fixture(scope="module")
def stage(gpu: moderngl.Context) -> Iterator[Stage]:
    shared, walls = Gpu(gpu), _volume()
    light = StageLight(shared, walls, stand_in=STAND_IN)
    probe = Probe(shared, light)
    camera = SimCamera(shared, light, SIZE, probe)
    yield Stage(light, probe, camera, _lights(shared, walls, _sunset), _lights(shared, walls, _plain(0.0)))
    for part in (camera, probe, light):
        part.release()


def lamp(azimuth_deg: float, level_stops: float = 0.0) -> Lamp:
    return replace(DEFAULT.key, level_stops=level_stops, azimuth_deg=azimuth_deg, elevation_deg=0.0)


def test_a_face_has_the_light_that_the_key_s_level_says(stage: Stage) -> None:
    """From straight ahead a cheek is what its skin reflects of it; two stops less are a quarter."""
    full = stage.shot(Lamps(lamp(0.0), OFF))
    assert full[UNDER_EYE].mean() == pytest.approx(float(luminance(np.array(SKIN))), rel=0.2)
    less = stage.shot(Lamps(lamp(0.0, -2.0), OFF))
    np.testing.assert_allclose(less[UNDER_EYE], full[UNDER_EYE] / 4.0, rtol=0.02)


def test_the_azimuth_moves_the_bright_side(stage: Stage) -> None:
    """Half round from left to right, the bright cheek goes with the lamp."""
    for azimuth_deg, bright, dark in ((-60.0, 0, 1), (60.0, 1, 0)):
        picture = stage.shot(Lamps(lamp(azimuth_deg), OFF))
        assert picture[CHEEKS[bright]].mean() > 2.0 * picture[CHEEKS[dark]].mean()


def test_the_fill_raises_the_shadows(stage: Stage) -> None:
    alone = stage.shot(Lamps(lamp(-60.0), OFF))
    filled = stage.shot(Lamps(lamp(-60.0), replace(DEFAULT.fill, azimuth_deg=60.0)))
    ratios = [filled[cheek].mean() / alone[cheek].mean() for cheek in CHEEKS]
    assert ratios[1] > 1.3
    assert ratios[1] > 2.0 * ratios[0] - 1.0, "the lit side hardly sees it"


def test_off_is_what_it_was(stage: Stage) -> None:
    """At the bottom of both faders every pixel is as the walls alone light it, whatever the lamps did before."""
    alone = stage.shot(None, lit_walls=True)
    assert stage.shot(DEFAULT, lit_walls=True)[UNDER_EYE].mean() > 2.0 * alone[UNDER_EYE].mean()
    np.testing.assert_array_equal(stage.shot(Lamps(OFF, OFF), lit_walls=True), alone)


def test_by_default_the_figure_is_no_black_shape(stage: Stage) -> None:
    """Developed at the film's exposure, the lit cheek lies within a stop of the skin of a well exposed face."""
    picture = stage.shot(DEFAULT, lit_walls=True) * 2.0**0.6
    assert 0.15 < picture[CHEEKS[0]].mean() < 0.6


def test_a_source_that_wraps_is_bright_past_the_horizon_and_dark_behind() -> None:
    """At its edges the quadratic meets what it joins; a lamp with no size is a cosine."""
    size = np.array([0.3])
    for cosine, expected in ((0.3, 0.3), (-0.3, 0.0), (-0.31, 0.0), (0.0, 0.075), (1.0, 1.0)):
        assert sphere_cosine(np.array([cosine]), size)[0] == pytest.approx(expected)
    assert sphere_cosine(np.array([-0.5, 0.5]), np.zeros(2)) == pytest.approx([0.0, 0.5])


def test_a_flag_keeps_light_away_where_it_stands_between() -> None:
    """Behind it, beside it, with it behind the source, and half of a soft source at its edge."""
    shadows = Shadows(None, (Flag((0.0, 1.0, 1.0), (0.5, 0.5)),))
    origins = np.array([[0.0, 0.0, 1.0], [0.6, 0.0, 1.0], [0.0, 0.0, 1.0], [0.25, 0.0, 1.0], [0.0, 2.0, 1.0]])
    ahead = np.tile([0.0, 1.0, 0.0], (5, 1))
    seen = shadows.visibility(origins, ahead, np.full(5, 0.1, np.float32), np.array([3.0, 3.0, 0.5, 3.0, 3.0]))
    np.testing.assert_allclose(seen, [0.0, 1.0, 1.0, 0.5, 1.0], atol=1e-5)


def test_the_controls_are_the_lamps() -> None:
    controls = Controls(ENGINE_CONTROLS)
    controls.set(SIM_KEY.azimuth, 90.0)
    controls.set(SIM_KEY.elevation, 0.0)
    controls.set(SIM_KEY.level, 1.0)
    key = lamps_of(controls.freeze(0.0)).key
    np.testing.assert_allclose(key.towards, [1.0, 0.0, 0.0], atol=1e-12)  # on the camera's right
    assert luminance(key.color) == pytest.approx(2.0)


def test_a_face_under_a_key(stage: Stage, golden: Callable[..., None]) -> None:
    """Head and shoulders of a man with short dark hair in a tan coat over a light jumper, before a sunset.

    Lit from the left of the picture: eyes, nose, mouth and brows read; the right cheek lies in shadow, not in black.
    """
    stage.light.shine(stage.walls, replace(DEFAULT, key=lamp(-45.0, -0.5)))
    stage.probe.draw()
    picture: NDArray[Any] = download(stage.camera.draw(VIEW, exposure_stops=0.6).color)[..., :3].copy()
    golden("sim/face", picture, tolerance=6)
