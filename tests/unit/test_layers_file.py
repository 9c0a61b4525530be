"""``.2p5d`` files: what is written is read again, and whatever is wrong with one is a sentence with its key."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.damage import CASES, LIMIT_S
from vpengine.errors import UserError
from vpengine.plates import layers_file
from vpengine.plates.layers_file import Layer, LayeredPicture, inspect_layers, read_layers, write_layers
from vpengine.plates.layers_manifest import LensSettings

SIZE = (12, 8)
LENS = LensSettings(horizontal_fov_deg=60.0, eye_height_m=1.5, horizon=0.4)
Members = dict[str, bytes]


def png(color: tuple[int, ...] = (200, 100, 50, 255), size: tuple[int, int] = SIZE) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", size, color).save(out, "PNG")
    return out.getvalue()


def png_depth(value: int = 2500) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((SIZE[1], SIZE[0]), value, np.uint16)).save(out, "PNG")
    return out.getvalue()


def manifest(**changed: Any) -> dict[str, Any]:
    layers = [
        {"image": "sky.png", "sky": True},
        {"image": "trees.png", "depth": "trees_depth.png", "depth_unit_m": 0.001},
        {"image": "man.png", "distance_m": 2.0},
    ]
    lens = {"horizontal_fov_deg": 60.0, "eye_height_m": 1.5, "horizon": 0.4}
    return {"version": 1, "size_px": list(SIZE), "lens": lens, "layers": layers, **changed}


def members() -> Members:
    return {
        "plate.json": json.dumps(manifest()).encode(),
        "sky.png": png(),
        "trees.png": png((10, 200, 30, 128)),
        "trees_depth.png": png_depth(),
        "man.png": png((0, 0, 0, 0)),
    }


def packed(path: Path, files: Members, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """The sentence with which a file is refused, made of the good one's members with some changed or (None) gone."""

    def sentence(changed: dict[str, bytes | None] | None = None, **keys: Any) -> str:
        files = {**members(), **(changed or {})}
        if keys:
            files["plate.json"] = json.dumps(manifest(**keys)).encode()
        path = packed(tmp_path / "a.2p5d", {name: content for name, content in files.items() if content is not None})
        return told(path)

    return sentence


def told(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_layers(path)
    assert str(path) in str(caught.value)
    return str(caught.value).replace(f"{path}: ", "")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    alpha = rng.random((*SIZE[::-1], 1))
    pixels = (np.concatenate([4.0 * rng.random((*SIZE[::-1], 3)) * alpha, alpha], -1)).astype(np.float16)
    pixels[:2] = pixels[:, :3] = 0.0  # the image is cut to what there is
    inverse = rng.random(SIZE[::-1]).astype(np.float32)
    inverse[0, 0] = 0.0
    layers = (Layer(np.ones_like(pixels), 0.0), Layer(pixels, inverse), Layer(pixels[::-1].copy(), 0.25))
    write_layers(tmp_path / "a.2p5d", LayeredPicture(LENS, layers))
    found = read_layers(tmp_path / "a.2p5d")
    assert found.lens == LENS
    for layer, expected in zip(found.layers, layers, strict=True):
        np.testing.assert_allclose(layer.pixels, expected.pixels, atol=2e-3, rtol=2e-3)
        np.testing.assert_allclose(layer.inverse, expected.inverse, rtol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["a.2p5d"]


def test_a_file_that_somebody_made_is_read(tmp_path: Path) -> None:
    found = read_layers(packed(tmp_path / "a.2p5d", members()))
    sky, trees, man = found.layers
    assert (sky.inverse, man.inverse) == (0.0, 0.5)
    np.testing.assert_allclose(trees.inverse, 1.0 / 2.5, rtol=1e-6)
    np.testing.assert_allclose(trees.pixels[..., 3], 128 / 255, atol=1e-3)
    assert not man.pixels.any()
    assert sky.pixels[0, 0, 0] > sky.pixels[0, 0, 2]
    assert trees.pixels[0, 0, 1] < 0.35  # multiplied by alpha, in linear light


def test_what_is_no_such_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.2p5d").write_bytes(b"PK no zip")
    assert "is no zip file" in told(tmp_path / "a.2p5d")
    whole = packed(tmp_path / "b.2p5d", members()).read_bytes()
    (tmp_path / "b.2p5d").write_bytes(whole[: len(whole) // 2])
    assert "is no zip file, or is cut short" in told(tmp_path / "b.2p5d")
    assert told(tmp_path / "none.2p5d") == "no such file"
    assert "not a picture in layers" in told(packed(tmp_path / "a.zip", members()))


def test_members_that_are_not_there_or_not_whole_are_told(refused: Callable[..., str]) -> None:
    assert refused({"plate.json": None}) == "plate.json: 'plate.json' is not in the zip"
    assert refused({"man.png": None}) == "layers[3].image: 'man.png' is not in the zip"
    assert refused({"trees_depth.png": None}) == "layers[2].depth: 'trees_depth.png' is not in the zip"
    assert refused({"man.png": png()[:60]}).startswith("layers[3].image: 'man.png'")
    assert "cannot be read" in refused({"man.png": b"no picture"})
    assert "is 5 x 8 and size_px 12 x 8" in refused({"man.png": png(size=(5, 8))})
    assert refused({"trees_depth.png": png_depth(0)}).startswith("layers[2].depth: 'trees_depth.png': pixel x 0, y 0")


def test_a_depth_in_millimetres_that_is_taken_for_less_is_told(refused: Callable[..., str]) -> None:
    layers = [{"image": "sky.png", "depth": "trees_depth.png", "depth_unit_m": 1e-6}]
    assert "comes as near as 0.0025 m; is depth_unit_m right?" in refused(layers=layers)


def test_a_member_that_is_damaged_within_the_zip_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.2p5d", members(), zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"IHDR") + 20] ^= 255
    path.write_bytes(content)
    assert "cannot be unpacked (Bad CRC-32" in told(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_leave_the_zip_or_stand_twice_are_refused(tmp_path: Path) -> None:
    for name in ("../a.png", "/etc/a.png", "a/../../b.png", "c:a.png"):
        assert "whose path leaves the zip" in told(packed(tmp_path / "a.2p5d", {**members(), name: b""}))
    path = packed(tmp_path / "b.2p5d", members())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("man.png", png())
    assert told(path) == "holds 'man.png' twice; which is it?"


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers_file, "MOST_BYTES", 2**20)
    path = packed(tmp_path / "a.2p5d", {**members(), "man.png": bytes(2**21)})
    assert path.stat().st_size < 2**14
    assert told(path) == "'man.png': is 2 MB unpacked; allowed are 1 MB"
    many = {f"{number}.png": bytes(10) for number in range(70)}
    assert "allowed are up to 64" in told(packed(tmp_path / "b.2p5d", {**members(), **many}))
    large = json.dumps(manifest(size_px=[16384, 16384], layers=[{"image": "sky.png", "sky": True}] * 16)).encode()
    assert "GB of memory" in told(packed(tmp_path / "c.2p5d", {**members(), "plate.json": large}))


def test_a_manifest_s_mistakes_are_told_by_their_keys(refused: Callable[..., str]) -> None:
    assert refused(version=2) == "plate.json: version: found 2, this vpengine reads version 1"
    assert "version: found True" in refused(version=True).replace("true", "True")
    assert "plate.json: lens.horizon: missing" in refused(lens={"horizontal_fov_deg": 60.0, "eye_height_m": 1.5})
    assert "layers[1]: found none of distance_m, depth and sky" in refused(layers=[{"image": "sky.png"}])
    both = [{"image": "sky.png", "sky": True, "distance_m": 2.0}]
    assert "found more than one of distance_m, depth and sky" in refused(layers=both)
    assert "layers[1].distanse_m: unknown key; did you mean 'distance_m'" in refused(
        layers=[{"image": "sky.png", "distanse_m": 2.0, "sky": True}]
    )
    assert "layers[1].image: found 'sky.gif', allowed are" in refused(layers=[{"image": "sky.gif", "sky": True}])
    assert "color_space 'ACESgc' is not in" in refused(
        layers=[{"image": "sky.png", "sky": True, "color_space": "ACESgc"}]
    )
    assert "is no JSON" in refused({"plate.json": b"{"})
    assert "stands twice" in refused({"plate.json": b'{"version": 1, "version": 1}'})
    assert "expected an object" in refused({"plate.json": b"[]"})
    assert "is no JSON" in refused({"plate.json": b"[" * 100000})


def test_the_manifest_alone_is_looked_at_by_check(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.2p5d", {**members(), "sky.png": b"not looked at"})
    assert len(inspect_layers(path).layers) == 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    ("version",),
    ("size_px",),
    ("lens",),
    ("lens", "horizon"),
    ("layers",),
    ("layers", 0),
    ("layers", 1, "depth"),
]


def read_or_refuse(path: Path) -> None:
    try:
        found = read_layers(path)
    except UserError as error:
        assert str(path) in str(error)  # noqa: PT017
        assert all(line.isprintable() for line in str(error).splitlines())  # noqa: PT017
    else:
        assert all(np.isfinite(layer.pixels).all() for layer in found.layers)


@pytest.mark.timeout(LIMIT_S)
@settings(max_examples=4 * CASES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(place=st.sampled_from(PLACES), value=json_values)
def test_any_value_in_the_manifest_is_read_or_refused(tmp_path: Path, place: tuple[Any, ...], value: Any) -> None:
    table = manifest()
    at: Any = table
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    read_or_refuse(packed(tmp_path / "a.2p5d", {**members(), "plate.json": json.dumps(table).encode()}))


@pytest.mark.timeout(LIMIT_S)
@settings(max_examples=4 * CASES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6), end=st.floats(0, 2))
def test_any_damage_is_read_or_refused(tmp_path: Path, changes: list[tuple[float, int]], end: float) -> None:
    path = packed(tmp_path / "a.2p5d", members(), zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for where, byte in changes:
        content[int(where * (len(content) - 1))] = byte
    path.write_bytes(bytes(content[: int(min(end, 1.0) * len(content))]))
    read_or_refuse(path)


def test_damage_to_what_lzma_packed_is_refused(tmp_path: Path) -> None:
    whole = packed(tmp_path / "a.2p5d", members(), zipfile.ZIP_LZMA).read_bytes()
    assert len(read_layers(tmp_path / "a.2p5d").layers) == 3
    refusals = 0
    for place in range(len(whole) // 4):
        for byte in (0x00, 0xFF):
            (tmp_path / "a.2p5d").write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
            try:
                inspect_layers(tmp_path / "a.2p5d")
            except UserError:
                refusals += 1
    assert refusals > 20


def test_a_member_without_a_name_is_not_in_the_way(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.2p5d", {**members(), "x": b""}, zipfile.ZIP_STORED)
    entry = path.read_bytes().rindex(b"PK\1\2")  # the last one, of "x": its name becomes a part of its comment
    content = bytearray(path.read_bytes())
    content[entry + 28], content[entry + 32] = 0, 1
    path.write_bytes(bytes(content))
    assert "" in zipfile.ZipFile(path).namelist()
    assert len(read_layers(path).layers) == 3


@pytest.mark.parametrize("fails", ["manifest", "zip"])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    where, name = (zipfile.ZipFile, "write") if fails == "zip" else (Path, "write_text")
    monkeypatch.setattr(where, name, full)
    picture = LayeredPicture(LENS, (Layer(np.ones((*SIZE[::-1], 4), np.float16), 0.0),))
    with pytest.raises(UserError, match=r"a\.2p5d: cannot be written \(No space left on device\)"):
        write_layers(tmp_path / "a.2p5d", picture)
    assert list(tmp_path.iterdir()) == []
