"""``vpengine plate from-image``: a photograph gets depth, and a show that loads; every mistake is one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from PIL import Image
from typer.testing import CliRunner, Result

from tests.files import load_show
from vpengine.cli import plate
from vpengine.cli.main import app
from vpengine.errors import UserError
from vpengine.files import controls_of, inspected
from vpengine.neural.depth import WEIGHTS, Estimate, Lens, believed, estimate, fitting, ground_plane, without_islands
from vpengine.neural.depth_edges import guided, steepened
from vpengine.plates.depth_file import read_depth, write_depth
from vpengine.plates.layers import Layers
from vpengine.plates.layers_file import read_layers
from vpengine.plates.still import Still

SIZE = (96, 64)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A blue sky over a brown ground."""
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:28], picture[28:] = (120, 170, 240), (110, 90, 60)
    picture[28:] += np.random.default_rng(2).integers(0, 40, (36, SIZE[0], 1), np.uint8)
    Image.fromarray(picture).save(tmp_path / 'A "beach".png')
    return tmp_path / 'A "beach".png'


def run(*arguments: str | Path | float) -> Result:
    return CliRunner().invoke(app, ["plate", "from-image", *map(str, arguments)])


def shown(result: Result, folder: Path) -> Still:
    """The plate of the show that was printed, loaded as a run does it."""
    assert result.exit_code == 0, result.output or result.exception
    (folder / "show.toml").write_text(result.stdout, encoding="utf-8")
    show = load_show(folder / "show.toml", controls_of("weather"))
    assert '\n# gate = "off"' in result.stdout
    (section,) = show.plates.values()
    settings, problems = inspected([section])
    assert problems == []
    (found,) = settings.values()
    return Still(found)


def sentence(*arguments: str | Path | float) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, UserError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def small_network(path: Path, sides: tuple[int | str, int | str] = ("h", "w"), channels: int = 3) -> Path:
    """Depth Anything's shape: one normalised picture in, one inverse depth out; here its red channel, of any scale."""
    given = helper.make_tensor_value_info("pixel_values", onnx.TensorProto.FLOAT, [1, channels, *sides])
    found = helper.make_tensor_value_info("predicted_depth", onnx.TensorProto.FLOAT, [1, *sides])
    bounds = [numpy_helper.from_array(np.array([value], np.int64), name) for name, value in (("a", 0), ("b", 1))]
    bounds.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    nodes = [
        helper.make_node("Slice", ["pixel_values", "a", "b", "axis"], ["red"]),
        helper.make_node("Squeeze", ["red", "axis"], ["predicted_depth"]),
    ]
    graph = helper.make_graph(nodes, "small", [given], [found], bounds)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), str(path))
    return path


def ramp(path: Path) -> NDArray[np.float32]:
    """A picture that is black in its upper quarter, and ever redder below it."""
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[16:, :, 0] = np.linspace(0, 255, SIZE[1] - 16)[:, None]
    Image.fromarray(picture).save(path)
    return picture[..., 0] / np.float32(255.0)


def test_the_shipped_network_s_depth_is_a_show_s(photo: Path) -> None:
    shown(run(photo), photo.parent)
    depth_m = read_depth(photo.with_name('A "beach".depth.exr'), SIZE)
    ground = depth_m[40:]
    assert np.isfinite(ground).all()
    assert 0.3 < np.median(ground[-8:]) < np.median(depth_m[32:36]) < 1000.0


def test_a_supplied_depth_is_taken_as_it_is(photo: Path) -> None:
    given = np.linspace(1.0, 9.0, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE[1], SIZE[0])
    write_depth(photo.with_name("given.exr"), given)
    shown(
        run(photo, "--depth", photo.with_name("given.exr"), "--unit", 0.5, "--to", photo.with_name("b.tif")),
        photo.parent,
    )
    np.testing.assert_allclose(read_depth(photo.with_name("b.tif"), SIZE), 0.5 * given, rtol=1e-6)


def test_a_depth_that_is_there_is_written_over_only_where_it_is_said(photo: Path) -> None:
    """It may have been measured; and what is read is never written over."""
    measured = np.full((SIZE[1], SIZE[0]), 3.5, np.float32)
    target = photo.with_name('A "beach".depth.exr')
    write_depth(target, measured)
    assert sentence(photo) == f"{target}: there already; --force writes over it, --to names another file"
    np.testing.assert_array_equal(read_depth(target, SIZE), measured)
    says = f"{target}: is what is read, and is not overwritten; name another file with --to"
    assert sentence(photo, "--depth", target, "--force") == says
    shown(run(photo, "--force"), photo.parent)
    assert not np.array_equal(read_depth(target, SIZE), measured)


def test_a_disparity_with_its_pair_s_numbers_is_depth(photo: Path) -> None:
    np.save(photo.with_name("d.npy"), np.full((SIZE[1], SIZE[0]), 20.0, np.float32))
    still = shown(run(photo, "--disparity", photo.with_name("d.npy"), "--baseline", 0.2, "--focal", 100), photo.parent)
    assert np.all(read_depth(photo.with_name('A "beach".depth.exr'), SIZE) == 1.0)
    settings = still._settings
    assert settings.width_m / settings.distance_m == pytest.approx(SIZE[0] / 100.0, rel=1e-3)


@pytest.mark.parametrize("sides", [("h", "w"), (56, 70)])
def test_a_network_that_somebody_has_is_loaded_and_scaled_to_the_ground(tmp_path: Path, sides: tuple[int, int]) -> None:
    red = ramp(tmp_path / "a.png")
    network = small_network(tmp_path / "n.onnx", sides)
    shown(run(tmp_path / "a.png", "--network", network, "--eye-height", 1.6), tmp_path)
    depth_m = read_depth(tmp_path / "a.depth.exr", SIZE)
    assert np.isinf(depth_m[0]).all()  # as far as it gets, above the horizon
    assert np.all(np.diff(depth_m[20:60, 48]) < 0.0)
    lowest = ground_plane(SIZE, SIZE[1] / SIZE[0], Lens())[
        -5, 48
    ]  # the middle of the lowest rows, which stand on the ground
    assert 1.0 / depth_m[-5, 48] == pytest.approx(lowest, rel=0.15)
    assert red[-1, 0] == 1.0


def test_a_metric_network_s_metres_are_kept(tmp_path: Path) -> None:
    Image.fromarray(np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)).save(tmp_path / "a.png")
    found = estimate(small_network(tmp_path / "n.onnx"), np.ones((64, 96, 3), np.float32), Lens(), 1.6, is_metric=True)
    np.testing.assert_allclose(1.0 / found.inverse, (1.0 - 0.485) / 0.229, rtol=1e-4)


def test_what_is_no_depth_is_one_sentence(photo: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.exr"
    write_depth(small, np.ones((4, 5), np.float32))
    assert sentence(photo, "--depth", small) == f"{small}: is 5 x 4 and its picture 96 x 64; they must be of one size"
    for value, told in ((np.nan, "NaN (not a number)"), (-1.0, "-1"), (0.0, "0")):
        wrong = np.ones((SIZE[1], SIZE[0]), np.float32)
        wrong[3, 7] = value
        write_depth(tmp_path / "wrong.exr", wrong)
        expected = f"pixel x 7, y 3 is {told}; a depth is above 0; --fill takes such pixels from their neighbours"
        assert sentence(photo, "--depth", tmp_path / "wrong.exr") == f"{tmp_path / 'wrong.exr'}: {expected}"
    shown(run(photo, "--depth", tmp_path / "wrong.exr", "--fill"), tmp_path)


def test_every_other_mistake_is_one_sentence(photo: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.ones((SIZE[1], SIZE[0]), np.float32))
    network = small_network(tmp_path / "four.onnx", channels=4)
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    assert "needs --baseline" in sentence(photo, "--disparity", tmp_path / "d.npy")
    assert "give one" in sentence(photo, "--disparity", tmp_path / "d.npy", "--depth", tmp_path / "d.npy")
    assert "no such file" in sentence(tmp_path / "none.png")
    assert "expected one picture" in sentence(photo, "--network", network)
    assert "can load" in sentence(photo, "--network", tmp_path / "bad.onnx")
    assert "allowed are .exr" in sentence(photo, "--to", tmp_path / "d.png")
    assert "cannot be written" in sentence(photo, "--to", tmp_path / "nowhere" / "d.exr")


def test_a_show_with_another_picture_s_depth_is_told(photo: Path) -> None:
    result = run(photo)
    shown(result, photo.parent)
    write_depth(photo.with_name('A "beach".depth.exr'), np.ones((4, 5), np.float32))
    show = load_show(photo.with_name("show.toml"), controls_of("weather"))
    _, problems = inspected(show.plates.values())
    assert [problem.key for problem in problems] == ["scene[1].plate.depth"]


def test_the_guess_is_a_plane_below_the_eye() -> None:
    plane = ground_plane((200, 100), 0.5, Lens(horizon=0.5, focal=1.0), eye_height_m=2.0)
    # A ray through row 99.5 falls 49.5 pixels in 200: ground 2 m below is 2 * 200 / 49.5 m away.
    assert 1.0 / plane[-1, 0] == pytest.approx(2.0 * 200.0 / 49.5)
    assert plane[0, 0] < 0.0


def test_a_lamp_is_no_sky() -> None:
    inverse, sky = np.full((50, 80), 0.5, np.float32), np.zeros((50, 80), np.float32)
    sky[20:26, 40:50], inverse[20:26, 40:50] = 0.9, 0.01
    found = believed(Estimate(inverse, sky))
    assert not found.sky.any()
    assert np.all(found.inverse == 0.5)
    sky[:5] = 0.9
    assert np.array_equal(believed(Estimate(inverse, sky)).sky, sky)  # under an open sky there may be pieces of it


def test_an_island_of_the_sky_s_colour_is_sky() -> None:
    sky, color = np.zeros((50, 80), np.float32), np.full((50, 80, 3), (0.4, 0.6, 0.9), np.float32)
    sky[:30] = 0.9
    sky[5:10, 10:20] = sky[5:10, 40:42] = 0.1
    color[5:10, 40:42] = 0.1  # a bird
    color[30:] = (0.3, 0.3, 0.1)
    found = without_islands(sky, color)
    assert np.all(found[5:10, 10:20] > 0.5)
    assert np.all(found[5:10, 40:42] < 0.5)
    assert np.all(found[30:] < 0.5)


def test_sides_fit_the_network() -> None:
    assert fitting(1024, 768, 384, 32) == (384, 288)
    assert fitting(10, 4000, 384, 32) == (32, 384)


def test_edges_are_the_photograph_s_and_steep() -> None:
    guide = np.zeros((40, 60), np.float32)
    guide[:, 30:] = 1.0
    soft = np.clip((np.arange(60) - 25.0) / 8.0, 0.0, 1.0).astype(np.float32)[None].repeat(40, 0)
    sharp = guided(soft, guide, 6)[20]
    assert sharp[30] - sharp[29] > 0.4
    steep = steepened(0.1 + 0.4 * soft)[20]
    assert np.abs(np.diff(steep)).max() > 0.15
    ramp_m = np.linspace(0.1, 0.6, 60, dtype=np.float32)[None].repeat(40, 0)
    np.testing.assert_allclose(steepened(ramp_m)[:, 4:-4], ramp_m[:, 4:-4], atol=0.01)


def test_the_network_ships_and_is_small() -> None:
    assert WEIGHTS.stat().st_size <= 4 * 1024 * 1024
    assert shutil.which("vpengine") is None or WEIGHTS.with_suffix(".md").is_file()


def layers_shown(result: Result, folder: Path) -> Layers:
    """The plate of the show that was printed with --layers."""
    assert result.exit_code == 0, result.output or result.exception
    (folder / "show.toml").write_text(result.stdout, encoding="utf-8")
    (section,) = load_show(folder / "show.toml", controls_of("weather")).plates.values()
    settings, problems = inspected([section])
    assert problems == []
    (found,) = settings.values()
    return Layers(found)


def test_a_photograph_in_layers_is_a_show_s(photo: Path) -> None:
    depth_m = np.full((SIZE[1], SIZE[0]), 8.0, np.float32)
    depth_m[:28], depth_m[30:60, 40:60] = np.inf, 2.0
    write_depth(photo.with_name("d.exr"), depth_m)
    result = run(photo, "--depth", photo.with_name("d.exr"), "--layers", "--focal", 96, "--eye-height", 1.2)
    layers_shown(result, photo.parent)
    assert "96 x 64, 2.0 to 8.0 m, 44 percent sky, 3 layers" in result.stderr
    picture = read_layers(photo.with_suffix(".2p5d"))
    assert picture.lens.eye_height_m == 1.2
    # Its middle is the photograph's, and so are its pixels' angles: 96 of them are 1 wide 1 away.
    height, width = picture.layers[0].pixels.shape[:2]
    assert np.tan(np.radians(picture.lens.horizontal_fov_deg) / 2.0) == pytest.approx(width / 2.0 / 96.0)
    assert (picture.lens.horizon - 0.5) * height == pytest.approx((0.45 - 0.5) * SIZE[1])
    assert not photo.with_name('A "beach".depth.exr').exists()


def test_layers_are_written_where_they_are_wanted(photo: Path, tmp_path: Path) -> None:
    layers_shown(run(photo, "--layers", "--to", tmp_path / "b.2p5d"), tmp_path)
    assert "allowed are .2p5d, with --layers" in sentence(photo, "--layers", "--to", tmp_path / "b.exr")
    assert "and with --layers .2p5d" in sentence(photo, "--to", tmp_path / "b.2p5d")
    assert "cannot be written" in sentence(photo, "--layers", "--to", tmp_path / "nowhere" / "b.2p5d")


@pytest.mark.parametrize("layers", [[], ["--layers"]])
def test_a_picture_of_nothing_but_sky_has_no_depth(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layers: list[str]
) -> None:
    """As the network has it: there is no card to hang in the middle of its depths."""
    seen = Estimate(np.full((48, 64), 0.5, np.float32), np.ones((48, 64), np.float32))
    monkeypatch.setattr(plate, "estimate", lambda *_, **__: seen)
    assert "its depth is sky everywhere" in sentence(photo, *layers)
    assert list(tmp_path.iterdir()) == [photo]
