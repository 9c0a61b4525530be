"""The world nudged: plates of every kind stand where settings would have put them; depth stays the stage's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.gltf_scenes import Gltf as Scene
from vpengine.compose.drawable import draw_placed
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.depth_file import write_depth
from vpengine.plates.dome import Dome
from vpengine.plates.gltf.plate import Gltf
from vpengine.plates.layers import Layers
from vpengine.plates.layers_file import Layer, LayeredPicture, write_layers
from vpengine.plates.layers_manifest import LensSettings
from vpengine.plates.pattern import Pattern
from vpengine.plates.still import Still
from vpengine.plates.street.plate import Street
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.placement import AS_SET, Placement
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

SIZE = (160, 90)
HERE = from_opentrackio((0.7, -1.0, 1.9), 8.0, -4.0, 3.0)
VIEW = View(view_from_stage(HERE), clip_from_view_symmetric(55.0, SIZE[0] / SIZE[1]), SIZE)
CODE = 1.0 / 255.0
Plate = Any
Picture = NDArray[np.floating]


def photograph(path: Path) -> Path:
    """Smooth, so that a hundredth of a pixel is less than a code value, and nowhere alike."""
    x, y = np.meshgrid(np.arange(192) / 192.0, np.arange(96) / 96.0)
    waves = [0.5 + 0.4 * np.sin(2.0 * np.pi * (a * x + b * y) + c) for a, b, c in ((1, 1, 0), (2, 0, 1), (1, 2, 2))]
    Image.fromarray((255.0 * np.stack(waves, axis=-1)).astype(np.uint8)).save(path)
    return path


def drawn(gpu: Any, plate: Plate, *views: View) -> list[tuple[Picture, Picture]]:
    """(color (h, w, 3), depth (h, w)) of each."""
    while plate.upload(Gpu(gpu)):
        pass
    target = Target(gpu, SIZE, depth=True, z_buffer=True)
    out = []
    for view in views:
        target.framebuffer.clear(0.3, 0.3, 0.3, 0.3)
        draw_placed(plate, target, view)
        assert target.depth is not None
        out.append((download(target.color)[..., :3].astype(float), download(target.depth)[..., 0].astype(float)))
    target.release()
    plate.release()
    return out


def at(placement: Placement, view: View = VIEW) -> View:
    return View(view.view_from_stage, view.clip_from_view, view.resolution, placement=placement)


def assert_alike(found: tuple[Picture, Picture], expected: tuple[Picture, Picture], edges: float = 0.0) -> None:
    """Within a code value, and a thousandth of the depth. edges: the share of pixels that may fall on either side."""
    wrong = np.abs(found[0] - expected[0]).max(axis=-1) > CODE
    assert np.array_equal(np.isinf(found[1]), np.isinf(expected[1])) or edges > 0.0
    far = np.isinf(found[1]) & np.isinf(expected[1])
    with np.errstate(invalid="ignore"):
        wrong |= ~far & ~(np.abs(found[1] - expected[1]) < 1e-3 * expected[1])
    assert wrong.mean() <= edges
    assert found[0].std() > 0.02, "there is something to see"


def a_still(folder: Path, **settings: Any) -> Still:
    return Still(Still.Settings(file=photograph(folder / "a.png"), distance_m=12.0, width_m=18.0, **settings))


def a_relief(folder: Path) -> Still:
    depth_m = np.full((96, 192), 12.0, np.float32)
    depth_m[40:70, 60:110], depth_m[:15] = 5.0, np.inf
    write_depth(folder / "a.depth.exr", depth_m)
    return a_still(folder, depth=folder / "a.depth.exr", eye_height_m=1.6)


def a_dome(folder: Path, **settings: Any) -> Dome:
    return Dome(Dome.Settings(file=photograph(folder / "a.png"), **settings))


def layers(folder: Path) -> Layers:
    picture = np.zeros((3, 60, 80, 4), np.float16)
    picture[0], picture[1, 20:], picture[2, 25:45, 30:50] = (0.1, 0.2, 0.9, 1), (0.2, 0.5, 0.1, 1), (0.8, 0.1, 0.05, 1)
    parts = tuple(Layer(one, inverse) for one, inverse in zip(picture, (0.0, 0.1, 0.5), strict=True))
    lens = LensSettings(horizontal_fov_deg=90.0, eye_height_m=1.6, horizon=0.5)
    write_layers(folder / "a.2p5d", LayeredPicture(lens, parts))
    return Layers(Layers.Settings(file=folder / "a.2p5d"))


def a_scene(folder: Path) -> Gltf:
    scene = Scene()
    material = scene.add("materials", {"pbrMetallicRoughness": {"baseColorFactor": [0.8, 0.3, 0.1, 1.0]}})
    scene.show(scene.card(material), translation=[0.0, 0.0, -5.0], scale=[2.0, 2.0, 2.0])
    scene.show(scene.card(material), translation=[2.0, 0.0, -9.0], scale=[3.0, 3.0, 3.0])
    return Gltf(Gltf.Settings(file=scene.save(folder / "a.glb")))


KINDS: dict[str, Callable[[Path], Plate]] = {
    "still": a_still,
    "relief": a_relief,
    "dome": a_dome,
    "dome round": lambda folder: a_dome(folder, radius_m=15.0),
    "layers": layers,
    "gltf": a_scene,
    "street": lambda _: Street(Street.Settings()),
    "sphere": lambda _: Pattern(Pattern.Settings(style="grid", radius_m=12.0, period_deg=30.0)),
    "box": lambda _: Pattern(Pattern.Settings(style="checker", radius_m=9.0)),
}
EDGES = {"relief": 0.001, "layers": 0.001, "gltf": 0.001, "street": 0.002, "box": 0.001}


@pytest.mark.parametrize("kind", KINDS)
def test_of_twice_the_world_an_eye_sees_what_half_as_far_away_it_saw(gpu: Any, tmp_path: Path, kind: str) -> None:
    """A world scaled, turned and moved, for every kind of plate: the picture that its own space shows from where
    the eye is in it, by a View without any scale; and its depth in the stage's metres.
    """
    placement = Placement(-12.0, 0.4, 1.0, -0.2, 2.0)
    turned = placement.stage_from_plate[:3, :3] / placement.scale
    in_plate = np.eye(4)
    in_plate[:3, :3] = VIEW.view_from_stage[:3, :3] @ turned
    in_plate[:3, 3] = (VIEW.view_from_stage @ [0.4, 1.0, -0.2, 1.0])[:3] / placement.scale
    twin = View(in_plate, VIEW.clip_from_view, SIZE)
    found, (color, depth), plain = drawn(gpu, KINDS[kind](tmp_path), at(placement), twin, VIEW)
    assert_alike(found, (color, placement.scale * depth), EDGES.get(kind, 0.0))
    assert np.abs(found[0] - plain[0]).mean() > 2.0 * CODE, "it was moved at all"


@pytest.mark.parametrize("yaw_deg", [30.0, -75.0])
def test_a_turn_is_the_settings_turn(gpu: Any, tmp_path: Path, yaw_deg: float) -> None:
    """Of a card and of a dome; from another place than the origin."""
    for make in (a_still, a_dome):
        (ours,) = drawn(gpu, make(tmp_path), at(Placement(yaw_deg)))
        (theirs,) = drawn(gpu, make(tmp_path, yaw_deg=yaw_deg), VIEW)
        assert_alike(ours, theirs)


def test_a_height_is_the_settings_height(gpu: Any, tmp_path: Path) -> None:
    (ours,) = drawn(gpu, a_still(tmp_path), at(Placement(up_m=0.8)))
    (theirs,) = drawn(gpu, a_still(tmp_path, center_height_m=2.4), VIEW)
    assert_alike(ours, theirs)


def test_a_scale_is_that_of_distance_width_and_height(gpu: Any, tmp_path: Path) -> None:
    """So that from a metre beside it moves by half as many pixels as before: parallax is the larger world's."""
    (ours,) = drawn(gpu, a_still(tmp_path), at(Placement(scale=2.0)))
    twice = Still.Settings(file=tmp_path / "a.png", distance_m=24.0, width_m=36.0, center_height_m=3.2)
    (theirs,) = drawn(gpu, Still(twice), VIEW)
    assert_alike(ours, theirs)
    (before,) = drawn(gpu, a_still(tmp_path), VIEW)
    assert ours[1][45, 80] > 1.8 * before[1][45, 80]


def test_a_scale_is_that_of_a_domes_radius_and_height(gpu: Any, tmp_path: Path) -> None:
    (ours,) = drawn(gpu, a_dome(tmp_path, radius_m=10.0, eye_height_m=1.5), at(Placement(scale=2.0)))
    (theirs,) = drawn(gpu, a_dome(tmp_path, radius_m=20.0, eye_height_m=3.0), VIEW)
    assert_alike(ours, theirs)


def test_right_and_forward_are_the_cameras_left_and_back(gpu: Any, tmp_path: Path) -> None:
    """Moving the world is moving all of the stage the other way."""
    back = from_opentrackio((0.7 - 1.5, -1.0 - 2.0, 1.9), 8.0, -4.0, 3.0)
    ours, theirs = drawn(
        gpu,
        a_relief(tmp_path),
        at(Placement(right_m=1.5, forward_m=2.0)),
        View(view_from_stage(back), VIEW.clip_from_view, SIZE),
    )
    assert_alike(ours, theirs, EDGES["relief"])


def test_where_nothing_is_moved_not_one_number_changes(gpu: Any, tmp_path: Path) -> None:
    class Spy:
        def draw(self, target: Target, view: View) -> None:
            del target
            self.view = view

    spy = Spy()
    draw_placed(spy, None, at(AS_SET, VIEW))  # type: ignore[arg-type]
    assert spy.view.view_from_stage is VIEW.view_from_stage
