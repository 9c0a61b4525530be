"""Lens files and ST maps: read, written, interpolated, and named in a stage file; every mistake is one sentence."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from vpengine.errors import ProblemsError, UserError
from vpengine.files import controls_of
from vpengine.stage.lens_file import LensEntry, LensFile, read_lens_file, write_lens_file
from vpengine.stage.st_map_file import read_st_map, write_st_map
from vpengine.stage.stage_file import Stage, load_stage, read_stage
from vpengine.view.distortion import D_U, U_D, Distortion, padded, st_map
from vpengine.view.lens import Lens
from vpengine.view.st_map import StMap

SENSOR = (24.89, 14.0)


def entry(focal: float, focus_m: float, k1: float, pinhole: float | None = None) -> LensEntry:
    pinhole = pinhole or 1.02 * focal
    distortion = Distortion(padded((k1 / pinhole**2,)), (1e-3 / pinhole, 0.0), (0.01 * focal, 0.0), U_D)
    return LensEntry(focal, focus_m, pinhole, (0.1, -0.01 * focal), 0.002 * focal, distortion)


ZOOM = LensFile(
    "zoom",
    SENSOR,
    (entry(24.0, 1.0, -0.2), entry(24.0, math.inf, -0.1), entry(70.0, 1.0, 0.1), entry(70.0, math.inf, 0.05)),
)


def test_it_is_exact_at_its_entries() -> None:
    for each in ZOOM.entries:
        assert ZOOM.at(each.focal_length_mm, each.focus_distance_m) == each


def test_between_them_it_is_bilinear_over_focal_length_and_the_inverse_of_focus() -> None:
    """At 2 m and 47 mm, the middle of both, coefficients as of r over the focal length."""
    found = ZOOM.at(47.0, 2.0)
    pinhole = 1.02 * 47.0
    assert found.pinhole_focal_length_mm == pytest.approx(pinhole)
    assert found.projection_offset_mm == pytest.approx((0.1, -0.47))
    assert found.entrance_pupil_offset_m == pytest.approx(0.094)
    assert found.distortion.radial[0] * pinhole**2 == pytest.approx((-0.2 - 0.1 + 0.1 + 0.05) / 4.0)
    assert found.distortion.tangential[0] * pinhole == pytest.approx(1e-3)
    assert found.distortion.offset_mm[0] == pytest.approx(0.47)
    assert found.distortion.model == U_D


def test_beyond_its_ends_the_nearest_counts() -> None:
    for focal, focus, nearest in ((10.0, 0.2, 0), (10.0, 1e9, 1), (200.0, 0.5, 2), (200.0, math.inf, 3)):
        found, expected = ZOOM.at(focal, focus), ZOOM.entries[nearest]
        assert found.pinhole_focal_length_mm == expected.pinhole_focal_length_mm
        assert found.distortion.radial == pytest.approx(expected.distortion.radial, rel=1e-6)
    assert ZOOM.at(24.0, 0.0).distortion == ZOOM.entries[1].distortion  # a focus that nobody tells


def test_focal_lengths_may_have_foci_of_their_own() -> None:
    ragged = LensFile("", SENSOR, (entry(24.0, 1.0, -0.2), entry(24.0, 2.0, -0.1), entry(70.0, 5.0, 0.3)))
    found = ragged.at(47.0, 1.0)
    assert found.distortion.radial[0] * found.pinhole_focal_length_mm**2 == pytest.approx((-0.2 + 0.3) / 2.0)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "zoom.toml"
    write_lens_file(path, ZOOM)
    again = read_lens_file(path)
    assert (again.name, again.sensor_mm, again.path) == ("zoom", SENSOR, path)
    assert set(again.entries) == set(ZOOM.entries)
    better = entry(24.0, 1.0, -0.3)
    assert set(again.with_entry(better).entries) == {better, *ZOOM.entries[1:]}


GOOD = """\
version = 1
[lens]
sensor_mm = [24.89, 14.0]
[[entry]]
focal_length_mm = 24.0
pinhole_focal_length_mm = 24.4
[entry.distortion]
radial = [1e-4]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 2", "version: found 2"),
        ("[lens]\nsensor_mm = [24.89, 14.0]", "", "lens: missing"),
        ("pinhole_focal_length_mm = 24.4", "", "entry[1].pinhole_focal_length_mm: missing"),
        ("24.4", "-24.4", "entry[1].pinhole_focal_length_mm: found -24.4, expected more than 0"),
        ("radial = [1e-4]", "radial = [1, 2, 3, 4, 5, 6, 7]", "entry[1].distortion.radial: found"),
        ("radial = [1e-4]", "radial = [-0.01]", "entry[1].distortion: it turns back"),
        ("radial = [1e-4]", "radial = [0.5]", "percent of the picture"),
        ("radial", "radials", "did you mean 'radial'?"),
        ("[entry.distortion]\nradial = [1e-4]", GOOD[GOOD.index("[[entry]]") :], "is at the focal length and focus of"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "lens.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProblemsError) as raised:
        read_lens_file(path)
    assert said in str(raised.value)
    assert str(raised.value).startswith(str(path))


def test_models_that_cannot_be_interpolated_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lens.toml"
    other = LensEntry(35.0, 1.0, 35.0, distortion=Distortion(padded((1e-4,)), model=D_U))
    write_lens_file(path, ZOOM.with_entry(other))
    with pytest.raises(ProblemsError, match="both models"):
        read_lens_file(path)


def with_camera(stage: Path, keys: str, sensor: str = "[24.89, 14.0]") -> Path:
    text = stage.read_text(encoding="utf-8").replace("[24.89, 14.0]", sensor)
    stage.write_text(text.replace("[camera.inner]", keys + "\n[camera.inner]"), encoding="utf-8")
    return stage


def loaded(stage: Path) -> Stage:
    return load_stage(stage, controls_of)


def problems(stage: Path) -> str:
    return "\n".join(map(str, read_stage(stage, controls_of).problems))


def test_a_stage_names_a_lens_file(small_stage: Path) -> None:
    (small_stage.parent / "prime.toml").write_text(GOOD, encoding="utf-8")
    (camera,) = loaded(with_camera(small_stage, 'lens = "prime.toml"')).cameras
    assert camera.lens().pinhole_focal_length_mm == 24.4
    assert camera.lens().distortion == Distortion(padded((1e-4,)))
    assert camera.files == (small_stage.parent / "prime.toml",)


def test_a_lens_files_faults_are_the_stages(small_stage: Path) -> None:
    path = small_stage.parent / "prime.toml"
    path.write_text(GOOD.replace("24.4", "0"), encoding="utf-8")
    found = problems(with_camera(small_stage, 'lens = "prime.toml"'))
    assert found.startswith(f"{small_stage}: camera[1].lens: {path}: entry[1].pinhole_focal_length_mm: found 0")
    path.unlink()
    assert "camera[1].lens: found 'prime.toml', no such file" in problems(small_stage)


@pytest.mark.parametrize("sensor", ["[36.0, 20.25]", "[24.89, 18.0]"])
def test_a_lens_file_of_another_sensor_is_refused(small_stage: Path, sensor: str) -> None:
    (small_stage.parent / "prime.toml").write_text(GOOD, encoding="utf-8")
    assert "was calibrated with a sensor of 24.89 x 14 mm" in problems(
        with_camera(small_stage, 'lens = "prime.toml"', sensor)
    )


def test_a_lower_part_of_the_sensor_is_the_same_lens(small_stage: Path) -> None:
    (small_stage.parent / "prime.toml").write_text(GOOD, encoding="utf-8")
    assert problems(with_camera(small_stage, 'lens = "prime.toml"', "[24.89, 10.4]")) == ""


def test_a_stage_has_coefficients(small_stage: Path) -> None:
    table = (
        'distortion = {model = "Brown-Conrady U-D", radial = [-1e-4, 2e-6], tangential = [1e-5, 0], offset_mm = [1, 2]}'
    )
    (camera,) = loaded(with_camera(small_stage, table)).cameras
    expected = Distortion((-1e-4, 2e-6, 0.0, 0.0, 0.0, 0.0), (1e-5, 0.0), (1.0, 2.0), U_D)
    assert camera.lens().distortion == expected


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("distortion = {radial = [-0.01]}", "camera[1].distortion: it turns back"),
        (
            'distortion = {model = "fisheye"}',
            "camera[1].distortion.model: found 'fisheye', expected 'Brown-Conrady D-U'",
        ),
        ('distortion = {st_map = "map.exr", radial = [1e-4]}', "distortion.st_map: an ST map stands instead"),
        ('distortion = {st_map = "map.ex"}', "found 'map.ex', no such file"),
        ('lens = "prime.toml"\ndistortion = {radial = [1e-4]}', "leave one of the two out"),
        ("lense = 3", "did you mean 'lens'?"),
    ],
)
def test_a_stages_mistakes_are_said(small_stage: Path, table: str, said: str) -> None:
    (small_stage.parent / "prime.toml").write_text(GOOD, encoding="utf-8")
    write_st_map(small_stage.parent / "map.exr", identity())
    assert said in problems(with_camera(small_stage, table))


def identity(size: tuple[int, int] = (64, 36)) -> np.ndarray:
    return st_map(None, Lens(SENSOR, 24.0), size)


def bent(size: tuple[int, int] = (64, 36)) -> np.ndarray:
    return st_map(Distortion(padded((4e-4,)), offset_mm=(0.0, 2.0)), Lens(SENSOR, 24.0), size)


@pytest.mark.parametrize("kind", ["exr", "tif"])
@pytest.mark.parametrize("origin", ["bottom", "top"])
def test_an_st_map_is_written_and_read(tmp_path: Path, kind: str, origin: str) -> None:
    path = tmp_path / f"map.{kind}"
    write_st_map(path, bent(), origin)  # type: ignore[arg-type]
    pixels = np.asarray(oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT))
    middle = float(pixels[0, 32, 1])
    assert middle > 0.95 if origin == "bottom" else middle < 0.05
    assert np.abs(read_st_map(path, origin).uv - bent()).max() < 1e-6  # type: ignore[arg-type]


def test_an_exr_says_itself_where_it_counts_from(tmp_path: Path) -> None:
    write_st_map(tmp_path / "map.exr", bent(), "top")
    assert np.abs(read_st_map(tmp_path / "map.exr", "bottom").uv - bent()).max() < 1e-6


def test_a_stage_has_an_st_map(small_stage: Path) -> None:
    write_st_map(small_stage.parent / "map.exr", bent())
    (camera,) = loaded(with_camera(small_stage, 'distortion = {st_map = "map.exr"}')).cameras
    lens = camera.lens()
    assert isinstance(lens.distortion, StMap)
    assert np.abs(st_map(lens.distortion, lens, (64, 36)) - bent()).max() < 1e-6
    assert camera.files == (small_stage.parent / "map.exr",)


def written(path: Path, pixels: np.ndarray, kind: object = oiio.FLOAT) -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], pixels.shape[2], kind)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), spec)
    assert out.write_image(np.ascontiguousarray(pixels, np.float32))
    assert out.close()
    return path


def test_what_is_no_st_map_is_refused(tmp_path: Path) -> None:
    three = np.dstack([identity(), np.zeros((36, 64))])
    nan = three.copy()
    nan[3, 4, 0] = np.nan
    cases = {
        "not finite": written(tmp_path / "a.exr", nan),
        "shares of the picture": written(tmp_path / "b.exr", 100.0 * three),
        "expected R and G": written(tmp_path / "c.exr", three[..., :1]),
        "which cannot say where a pixel lies": written(tmp_path / "d.tif", np.clip(three, 0, 1), oiio.UINT8),
        "is upside down": written(tmp_path / "e.exr", three),  # counted from the top, and does not say so
        "is mirrored": written(tmp_path / "f.exr", three[::-1, ::-1]),
        "no such file": tmp_path / "g.exr",
        "not a kind of file": tmp_path / "h.png",
    }
    (tmp_path / "i.exr").write_bytes(b"nothing")
    cases["cannot be read"] = tmp_path / "i.exr"
    for said, path in cases.items():
        with pytest.raises(UserError, match=said) as raised:
            read_st_map(path)
        assert str(raised.value).startswith(str(path))
