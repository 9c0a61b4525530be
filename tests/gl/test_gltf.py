"""The glTF plate drawn: depth as rays meet the mesh, colour as a furnace gives it back, alpha, light, and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import trimesh
from PIL import Image

from tests.gltf_scenes import CARD, Gltf, card_file
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.gltf.plate import Gltf as Plate
from vpengine.view.color import REC709_FROM_ACESCG, luminance
from vpengine.view.lens import Lens, clip_from_view
from vpengine.view.light import DAY, Light
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View, pixel_centres, rays

SIZE = (160, 90)
CITY = Path(__file__).parents[3] / "shared" / "data" / "gltf" / "kenney_city"
NIGHT = Light(sun=0.0, sky=0.0)
ACESCG_FROM_REC709 = np.linalg.inv(REC709_FROM_ACESCG)
Draw = Callable[..., tuple[np.ndarray, np.ndarray]]


def view_at(position_m: Any = (0.0, -4.0, 1.0), pan: float = 0.0, tilt: float = 0.0, light: Light = DAY) -> View:
    pose = from_opentrackio(position_m, pan, tilt, 0.0)
    return View(view_from_stage(pose), clip_from_view(Lens((36.0, 20.25), 24.0)), SIZE, light=light)


@pytest.fixture
def draw(gpu: Any) -> Draw:
    """(colour, depth) of a plate's settings seen from a View."""

    def drawn(settings: Any, *views: View) -> Any:
        plate = Plate(settings)
        engine = Gpu(gpu)
        while plate.upload(engine):
            pass
        target = Target(gpu, SIZE, depth=True)
        out = []
        for view in views:
            plate.draw(target, view)
            out.append((download(target.color)[..., :3].astype(float), download(target.depth)[..., 0]))
        target.release()
        plate.release()
        return out[0] if len(out) == 1 else out

    return drawn


@pytest.fixture
def furnace(tmp_path: Path) -> Path:
    """A dome of 1 all round."""
    path = tmp_path / "white.exr"
    out = oiio.ImageOutput.create(str(path))
    spec = oiio.ImageSpec(64, 32, 3, oiio.HALF)
    assert out.open(str(path), spec)
    assert out.write_image(np.ones((32, 64, 3), np.float32))
    out.close()
    return path


def middle(color: np.ndarray) -> np.ndarray:
    return color[42:48, 76:84].reshape(-1, 3).mean(axis=0)


def test_depth_is_where_trimesh_s_rays_meet_the_mesh(draw: Draw, tmp_path: Path) -> None:
    """A turned and scaled scene that stands aside; off its edges every pixel's depth is the ray's, else the sky's."""
    scene = trimesh.Scene()
    scene.add_geometry(
        trimesh.creation.torus(1.0, 0.4, 24, 16), transform=trimesh.transformations.rotation_matrix(1, [1, 2, 0])
    )
    scene.add_geometry(
        trimesh.creation.box((0.5, 3.0, 0.5)), transform=trimesh.transformations.translation_matrix([1, 0, 1])
    )
    scene.export(tmp_path / "a.glb")
    settings = Plate.Settings(file=tmp_path / "a.glb", position_m=(1.0, 3.0, 1.5), yaw_deg=30.0, scale=0.8)
    view = view_at((0.5, -1.0, 1.2), -4.0, 2.0)
    _, depth = draw(settings, view)
    mesh = trimesh.load_scene(tmp_path / "a.glb").to_mesh()
    c, s = np.cos(np.radians(30.0)), np.sin(np.radians(30.0))
    stage = np.array(mesh.vertices) @ np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    stage = 0.8 * stage @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]]) + [1.0, 3.0, 1.5]
    corners = stage[mesh.faces]
    expected = _nearest(view.origin_m, rays(view, pixel_centres(SIZE)).reshape(-1, 3), corners).reshape(depth.shape)
    hit = np.isfinite(expected)
    assert 0.1 < hit.mean() < 0.7
    assert (np.isfinite(depth) == hit).mean() > 0.995
    both = hit & np.isfinite(depth)
    assert np.mean(np.abs(depth[both] - expected[both]) < 2e-3) > 0.99


def _nearest(origin: np.ndarray, directions: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Along rays that advance one metre of depth: the first triangle, by trimesh's planes and barycentrics."""
    out = np.full(len(directions), np.inf)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    for triangle, normal in zip(corners, normals, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (triangle[0] - origin) @ normal / (directions @ normal)
        along = np.where(np.isfinite(along), along, -1.0)
        points = origin + directions * along[:, None]
        shares = trimesh.triangles.points_to_barycentric(np.tile(triangle, (len(points), 1, 1)), points)
        met = (along > 0.0) & (shares >= 0.0).all(axis=1)
        out[met] = np.minimum(out[met], along[met])
    return out


@pytest.mark.parametrize(
    ("surface", "expected", "atol"),
    [
        ({"baseColorFactor": [0.5, 0.2, 0.1, 1.0], "metallicFactor": 0.0}, [0.5, 0.2, 0.1], 0.04),
        ({"baseColorFactor": [1.0, 1.0, 1.0, 1.0], "metallicFactor": 0.0}, [1.0, 1.0, 1.0], 0.01),
        ({"baseColorFactor": [1.0, 1.0, 1.0, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.3}, [1.0] * 3, 0.01),
        ({"baseColorFactor": [0.9, 0.6, 0.3, 1.0], "roughnessFactor": 0.1}, [0.9, 0.6, 0.3], 0.03),
    ],
)
def test_in_a_white_furnace_a_surface_is_its_base_colour(
    draw: Draw, tmp_path: Path, furnace: Path, surface: dict[str, Any], expected: list[float], atol: float
) -> None:
    """A dielectric also mirrors some 4 percent, which takes it nearer to white; a metal mirrors its colour."""
    path = card_file(tmp_path / "a.glb", pbrMetallicRoughness=surface)
    color, depth = draw(Plate.Settings(file=path, dome=furnace), view_at())
    np.testing.assert_allclose(middle(color), ACESCG_FROM_REC709 @ expected, atol=atol)
    np.testing.assert_allclose(depth[45, 80], 4.0, atol=1e-4)
    assert np.isinf(depth[2, 2])
    np.testing.assert_allclose(color[2, 2], 1.0, atol=2e-3)


def png(pixels: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.array(pixels, np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_texture_stands_upright_and_is_srgb(draw: Draw, tmp_path: Path) -> None:
    """Red top left, green top right, blue bottom left, grey bottom right, unlit; and turned by its transform."""
    scene = Gltf()
    quads = png([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [188, 188, 188]]])
    use: dict[str, Any] = {"index": scene.texture(quads, magFilter=9728)}
    surface = {"baseColorTexture": use}
    scene.show(
        scene.card(scene.add("materials", {"pbrMetallicRoughness": surface, "extensions": {"KHR_materials_unlit": {}}}))
    )
    quarters = [(30, 65), (30, 95), (60, 65), (60, 95)]
    colors = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0.503] * 3]) @ ACESCG_FROM_REC709.T
    color, _ = draw(Plate.Settings(file=scene.save(tmp_path / "a.glb")), view_at())
    np.testing.assert_allclose([color[at] for at in quarters], colors, atol=2e-3)
    use["extensions"] = {"KHR_texture_transform": {"offset": [0.5, 0.0]}}
    color, _ = draw(Plate.Settings(file=scene.save(tmp_path / "b.glb")), view_at())
    np.testing.assert_allclose([color[at] for at in quarters], colors[[1, 0, 3, 2]], atol=2e-3)


def test_alpha_cuts_or_blends(draw: Draw, tmp_path: Path, furnace: Path) -> None:
    """MASK: all or nothing at its cutoff. BLEND: over what is behind, the farthest first; depth from a half on."""
    for alpha, mode, expected, depth_m in (
        (0.4, "MASK", 1.0, np.inf),
        (0.6, "MASK", 0.0, 4.0),
        (0.4, "BLEND", 0.6, np.inf),
        (0.75, "BLEND", 0.25, 4.0),
        (0.2, "OPAQUE", 0.0, 4.0),
    ):
        surface = {"baseColorFactor": [0.0, 0.0, 0.0, alpha]}
        unlit = {"KHR_materials_unlit": {}}
        path = card_file(tmp_path / "a.glb", pbrMetallicRoughness=surface, alphaMode=mode, extensions=unlit)
        color, depth = draw(Plate.Settings(file=path, dome=furnace), view_at())
        np.testing.assert_allclose(middle(color), expected, atol=2e-3, err_msg=f"{mode} {alpha}")
        np.testing.assert_allclose(depth[45, 80], depth_m, atol=1e-4)


def test_glass_before_glass_is_drawn_the_farthest_first(draw: Draw, tmp_path: Path, furnace: Path) -> None:
    scene = Gltf()
    panes = []
    for color in ([1.0, 0.0, 0.0, 0.5], [0.0, 1.0, 0.0, 0.5]):
        look = {"pbrMetallicRoughness": {"baseColorFactor": color}, "alphaMode": "BLEND", "doubleSided": True}
        panes.append(scene.card(scene.add("materials", look | {"extensions": {"KHR_materials_unlit": {}}})))
    scene.show(panes[0])
    scene.show(panes[1], translation=[0.0, 0.0, -1.0])
    settings = Plate.Settings(file=scene.save(tmp_path / "a.glb"), dome=furnace)
    (front, _), (back, _) = draw(settings, view_at(), view_at((0.0, 5.0, 1.0), 180.0))
    np.testing.assert_allclose(middle(front), ACESCG_FROM_REC709 @ [0.75, 0.5, 0.25], atol=3e-3)
    np.testing.assert_allclose(middle(back), ACESCG_FROM_REC709 @ [0.5, 0.75, 0.25], atol=3e-3)


@pytest.mark.parametrize("away_m", [3000.0, 4100.0, 1e7])
def test_what_is_far_is_not_cut_away(draw: Draw, tmp_path: Path, away_m: float) -> None:
    """A range of mountains, the sky above it, and a card before it."""
    scene = Gltf()
    scene.show(scene.card(), scale=[away_m, away_m, 1.0], translation=[0.0, -1.9 * away_m, -away_m])
    scene.show(scene.card(), scale=[0.1, 0.5, 1.0])
    _, depth = draw(Plate.Settings(file=scene.save(tmp_path / "a.glb")), view_at((0.0, -4.0, 0.5)))
    np.testing.assert_allclose(depth[70, 40], away_m + 4.0, rtol=1e-4)
    np.testing.assert_allclose(depth[45, 80], 4.0, atol=1e-3)
    assert np.isinf(depth[10, 80])


def test_what_is_half_a_metre_before_what_is_700_m_away_hides_it(draw: Draw, tmp_path: Path) -> None:
    """As finely as with a far plane at 4 km: 24 bits from 0.1 m are 0.3 m there."""
    scene = Gltf()
    scene.show(scene.card(), scale=[50.0, 100.0, 1.0], translation=[0.0, -100.0, -700.0])
    scene.show(scene.card(), scale=[50.0, 100.0, 1.0], translation=[0.0, -100.0, -700.5])
    _, depth = draw(Plate.Settings(file=scene.save(tmp_path / "a.glb")), view_at((0.0, 0.0, 1.0)))
    np.testing.assert_allclose(depth[47:52, 75:85], 700.0, atol=0.05)


def pane(scene: Gltf, color: list[float]) -> int:
    """A card of unlit glass of two sides."""
    look = {"pbrMetallicRoughness": {"baseColorFactor": color}, "alphaMode": "BLEND", "doubleSided": True}
    return scene.card(scene.add("materials", look | {"extensions": {"KHR_materials_unlit": {}}}))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_thin_glass_hides_nothing_that_is_drawn_after_it(
    draw: Draw, tmp_path: Path, furnace: Path, elsewhere: bool
) -> None:
    """Black glass of a tenth before a leaf, and another pane of it far away: their mean lies behind the leaf."""
    scene = Gltf()
    glass, leaf = pane(scene, [0.0, 0.0, 0.0, 0.1]), pane(scene, [0.0, 1.0, 0.0, 0.9])
    scene.show(leaf, translation=[0.0, 0.0, -6.0], scale=[4.0, 4.0, 1.0])
    scene.show(glass)
    if elsewhere:
        scene.show(glass, translation=[50.0, 0.0, -50.0])
    color, depth = draw(Plate.Settings(file=scene.save(tmp_path / "a.glb"), dome=furnace), view_at())
    np.testing.assert_allclose(middle(color), 0.9 * (ACESCG_FROM_REC709 @ [0.1, 1.0, 0.1]), atol=3e-3)
    np.testing.assert_allclose(depth[45, 80], 10.0, atol=1e-3)


def test_panes_of_one_mesh_that_cross_show_each_other(draw: Draw, tmp_path: Path, furnace: Path) -> None:
    """Each pane's middle is the same; whichever is drawn first, what lies behind the other is seen through it."""
    scene = Gltf()
    glass = pane(scene, [0.0, 0.0, 0.0, 0.4])
    for yaw in (0.4, -0.4):
        scene.show(glass, rotation=[0.0, np.sin(yaw / 2), 0.0, np.cos(yaw / 2)])
    color, _ = draw(Plate.Settings(file=scene.save(tmp_path / "a.glb"), dome=furnace), view_at())
    np.testing.assert_allclose(color[35:55, [65, 72, 88, 95]], 0.36, atol=3e-3)


def test_backs_are_seen_where_the_file_says_so(draw: Draw, tmp_path: Path) -> None:
    behind = view_at((0.0, 4.0, 1.0), 180.0)
    for double in (False, True):
        path = card_file(tmp_path / "a.glb", doubleSided=double)
        _, depth = draw(Plate.Settings(file=path), behind)
        assert np.isfinite(depth[45, 80]) == double


def test_a_normal_map_leans_a_surface_to_its_sides(draw: Draw, tmp_path: Path) -> None:
    """A map that leans to +u, or upwards (green), is lit by a sun on that side more than one that leans away."""
    seen = {}
    for name, pixel in (
        ("right", [218, 128, 218]),
        ("left", [38, 128, 218]),
        ("up", [128, 218, 218]),
        ("down", [128, 38, 218]),
    ):
        scene = Gltf()
        texture = scene.texture(png([[pixel]]))
        surface = {"metallicFactor": 0.0}
        scene.show(
            scene.card(scene.add("materials", {"pbrMetallicRoughness": surface, "normalTexture": {"index": texture}}))
        )
        settings = Plate.Settings(file=scene.save(tmp_path / "a.glb"), sun_azimuth_deg=120.0, sun_elevation_deg=40.0)
        color, _ = draw(settings, view_at())
        seen[name] = float(luminance(middle(color)))
    assert seen["right"] > 1.5 * seen["left"]
    assert seen["up"] > 1.2 * seen["down"]


def test_what_emits_is_as_bright_at_night(draw: Draw, tmp_path: Path) -> None:
    strength = {"KHR_materials_emissive_strength": {"emissiveStrength": 3.0}}
    path = card_file(
        tmp_path / "a.glb",
        pbrMetallicRoughness={"baseColorFactor": [0, 0, 0, 1], "metallicFactor": 0.0},
        emissiveFactor=[0.5, 0.25, 0.0],
        extensions=strength,
    )
    color, _ = draw(Plate.Settings(file=path), view_at(light=NIGHT))
    np.testing.assert_allclose(middle(color), ACESCG_FROM_REC709 @ [1.5, 0.75, 0.0], atol=0.01)


def room() -> Gltf:
    """A grey floor, an open red box on it and beside it an upright sheet of gold."""
    scene = Gltf()
    floor = {"baseColorFactor": [0.3, 0.3, 0.3, 1.0], "metallicFactor": 0.0}
    grey = scene.add("materials", {"pbrMetallicRoughness": floor, "doubleSided": True})
    red = {"baseColorFactor": [0.8, 0.1, 0.1, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.4}
    gold = {"baseColorFactor": [0.9, 0.7, 0.3, 1.0], "roughnessFactor": 0.15}
    turn = [-np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]
    scene.show(scene.card(grey), rotation=turn, scale=[6.0, 6.0, 6.0], translation=[0.0, 0.0, 4.0])
    red_card = scene.card(scene.add("materials", {"pbrMetallicRoughness": red, "doubleSided": True}))
    for quarter in range(4):
        yaw = quarter * np.pi / 2.0
        place = [-1.2 + 0.7 * np.sin(yaw), 0.0, -0.5 + 0.7 * np.cos(yaw)]
        scene.show(
            red_card, rotation=[0.0, np.sin(yaw / 2), 0.0, np.cos(yaw / 2)], scale=[0.7, 0.7, 0.7], translation=place
        )
    scene.show(scene.card(scene.add("materials", {"pbrMetallicRoughness": gold})), translation=[1.6, 0.0, -1.5])
    return scene


def test_the_sun_goes_with_its_shadows(draw: Draw, tmp_path: Path) -> None:
    """By day the ground beside the box lies in its shadow, under clouds it does not, and at night all is dark."""
    settings = Plate.Settings(file=room().save(tmp_path / "a.glb"), sun_azimuth_deg=-60.0, sun_elevation_deg=35.0)
    down = {"position_m": (0.0, 0.5, 9.0), "tilt": -89.9}
    day, cloudy, night = (
        luminance(color)
        for color, _ in draw(settings, *(view_at(light=light, **down) for light in (DAY, Light(sun=0.0), NIGHT)))
    )
    lit, shadow = (70, 40), (55, 84)
    assert day[lit] > 2.0 * day[shadow]
    np.testing.assert_allclose(cloudy[lit], cloudy[shadow], rtol=0.05)
    assert cloudy[lit] < day[lit]
    assert night.max() < 0.15 * cloudy.max()


def test_a_roof_of_one_side_casts_the_shadow_of_one_of_two(draw: Draw, tmp_path: Path) -> None:
    """Whether its front is turned to the sun or to the ground."""
    seen = {}
    for double, over in ((True, False), (False, False), (False, True)):
        scene = Gltf()
        grey = {"baseColorFactor": [0.5, 0.5, 0.5, 1.0], "metallicFactor": 0.0}
        ground = scene.card(scene.add("materials", {"pbrMetallicRoughness": grey, "doubleSided": True}))
        roof = scene.card(scene.add("materials", {"pbrMetallicRoughness": grey, "doubleSided": double}))
        half = np.sqrt(0.5)
        scene.show(ground, rotation=[-half, 0.0, 0.0, half], scale=[8.0, 8.0, 8.0], translation=[0.0, 0.0, 8.0])
        side = 1.0 if over else -1.0
        scene.show(roof, rotation=[side * half, 0.0, 0.0, half], translation=[0.0, 2.0, -side])
        settings = Plate.Settings(file=scene.save(tmp_path / "a.glb"), sun_azimuth_deg=0.0, sun_elevation_deg=80.0)
        color, _ = draw(settings, view_at((0.0, -7.0, 1.5), tilt=-12.0))
        seen[double, over] = float(luminance(color[44, 80])), float(luminance(color[60, 20]))
    for under, open_ground in seen.values():
        assert under < 0.5 * open_ground
        assert under == pytest.approx(seen[True, False][0], rel=0.02)


def test_golden(gpu: Any, tmp_path: Path, golden: Callable[..., None]) -> None:
    """A grey floor with an open red box on it that throws its shadow to the right, and beside it an upright sheet of
    gold in which the bright sky is blurred; behind, a fence of dark slats, and the street's clouds over a ground in
    haze.
    """
    scene = room()
    wood = {"baseColorFactor": [0.08, 0.05, 0.03, 1.0], "metallicFactor": 0.0}
    slat = scene.card(scene.add("materials", {"pbrMetallicRoughness": wood, "doubleSided": True}))
    for number in range(40):
        scene.show(slat, scale=[0.05, 1.1, 1.0], translation=[0.3 * (number - 19.5), 0.0, -4.0])
    plate = Plate(Plate.Settings(file=scene.save(tmp_path / "a.glb"), sun_azimuth_deg=-110.0, sun_elevation_deg=35.0))
    engine = Gpu(gpu)
    while plate.upload(engine):
        pass
    target = Target(gpu, (320, 180), depth=True)
    plate.draw(target, View(**(vars(view_at((0.3, -5.0, 2.0), 0.0, -8.0)) | {"resolution": (320, 180)})))
    linear = np.clip(0.7 * download(target.color)[..., :3].astype(float) @ REC709_FROM_ACESCG.T, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    target.release()
    plate.release()
    golden("plates/gltf", (encoded * 255.0 + 0.5).astype(np.uint8))


def test_pieces_stand_at_their_places(draw: Draw, tmp_path: Path) -> None:
    """Three cards, two of them of another file: [right, ahead, yaw] in the files' units, then scaled."""
    first, second = card_file(tmp_path / "a.glb"), card_file(tmp_path / "b.glb", doubleSided=True)
    settings = Plate.Settings(
        file=first,
        scale=0.5,
        places=((-4.0, 4.0, 0.0),),
        more=({"file": second, "places": ((0.0, 8.0, 0.0), (4.0, 4.0, 90.0))},),
    )
    _, depth = draw(settings, view_at((0.0, -2.0, 0.5)))
    focal_px = 24.0 / 36.0 * SIZE[0]
    for right_m, expected in ((0.0, 6.0), (-2.0, 4.0)):
        assert depth[45, round(80 + focal_px * right_m / expected)] == pytest.approx(expected, abs=1e-3)
    edge = depth[45, round(80 + focal_px * 2.0 / 4.0)]
    assert 3.4 < edge < 4.6, "seen from its side"
    assert CARD.max() == 2.0


@pytest.mark.slow
def test_the_city_by_day_and_night(draw: Draw) -> None:
    """Kenney's pieces as a street: no hole in it, sky over it, and night takes its sun."""
    if not CITY.is_dir():
        pytest.skip("the shared scenes (../shared/data/gltf/kenney_city) are not there")
    road = tuple((0.0, float(y), 0.0) for y in range(-2, 10))
    sides = tuple((float(x), float(y), -90.0 * x) for y in range(-2, 10) for x in (-1, 1))
    settings = Plate.Settings(
        file=CITY / "road-straight.glb",
        places=road,
        scale=8.0,
        more=({"file": CITY / "building-small-b.glb", "places": sides},),
    )
    assert Plate.check(settings) == []
    (day, depth), (night, _) = draw(settings, view_at((0.0, 0.0, 1.6)), view_at((0.0, 0.0, 1.6), light=NIGHT))
    assert np.isfinite(depth[60:]).all()
    assert np.isinf(depth[2, 80])
    # Between a road of 0.5 % of the eye's height under it and the floor: the lowest row's middle
    assert 1.5 < depth[-1, 80] < 6.0
    assert luminance(night).mean() < 0.1 * luminance(day).mean()
