"""glTF files read: as trimesh reads them, what is refused and how, and that damage ends in one sentence."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.damage import CASES as FEW
from tests.damage import LIMIT_S
from tests.gltf_scenes import CARD, Gltf, card_file
from vpengine.errors import UserError
from vpengine.plates.gltf.buffers import Buffers
from vpengine.plates.gltf.document import open_gltf
from vpengine.plates.gltf.images import read_texture
from vpengine.plates.gltf.materials import material_look
from vpengine.plates.gltf.plate import Gltf as Plate
from vpengine.plates.gltf.scene import Batch, read_batches

SHARED = Path(__file__).parents[3] / "shared" / "data" / "gltf"
CASES = 4 * FEW


def batches(path: Path) -> list[Batch]:
    file = open_gltf(path)
    return read_batches(file, Buffers(file))


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def corner_set(position: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Every triangle's corners, in an order that does not depend on who read them."""
    rows = np.round(position[triangles].reshape(-1, 9), 4) + 0.0
    return rows[np.lexsort(rows.T)]


def as_trimesh(path: Path) -> np.ndarray:
    mesh = trimesh.load_scene(path).to_mesh()
    return corner_set(np.asarray(mesh.vertices), np.asarray(mesh.faces))


def as_we(path: Path) -> np.ndarray:
    found = batches(path)
    return np.concatenate([corner_set(b.position, b.triangles) for b in found])


def test_nodes_stand_where_trimesh_has_them(tmp_path: Path) -> None:
    """A tree of turned, scaled and mirrored boxes, some shown twice, written by trimesh."""
    scene = trimesh.Scene()
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    turn = trimesh.transformations.rotation_matrix(0.7, [1.0, 2.0, 3.0], [0.5, 0.0, -1.0])
    mirror = np.diag([-1.0, 1.5, 1.0, 1.0])
    scene.add_geometry(box, node_name="a", geom_name="box", transform=turn)
    scene.add_geometry(box, node_name="b", geom_name="box", parent_node_name="a", transform=turn @ turn)
    scene.add_geometry(trimesh.creation.icosphere(2), node_name="c", parent_node_name="b", transform=mirror @ turn)
    path = tmp_path / "scene.glb"
    scene.export(path)
    ours, theirs = as_we(path), as_trimesh(path)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)], atol=2e-4)


@pytest.mark.parametrize(
    "name", ["BoxTextured", "canonical-face", "kenney_city/building-small-b", "sunglasses-khronos"]
)
def test_real_files_are_as_trimesh_has_them(name: str) -> None:
    path = SHARED / f"{name}.glb"
    if not path.exists():
        pytest.skip(f"the shared scenes (../shared/data/gltf) are not there: {path.name}")
    ours, theirs = as_we(path), as_trimesh(path)
    assert ours.shape == theirs.shape
    key = np.round(ours, 3) + 0.0, np.round(theirs, 3) + 0.0
    np.testing.assert_allclose(ours[np.lexsort(key[0].T)].mean(0), theirs[np.lexsort(key[1].T)].mean(0), atol=1e-3)
    np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(theirs, axis=0), atol=2e-3)


def test_a_mirrored_front_stays_a_front(tmp_path: Path) -> None:
    scene = Gltf()
    scene.show(scene.card(), scale=[-1.0, 1.0, 1.0])
    (batch,) = batches(scene.save(tmp_path / "a.glb"))
    corners = batch.position[batch.triangles]
    wound = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (wound[:, 2] > 0.0).all()
    assert (batch.normal[:, 2] > 0.99).all()


def test_quantized_sparse_and_data_uri(tmp_path: Path) -> None:
    """Normalised 16-bit positions are fractions; sparse values replace some; the buffer stands in the JSON."""
    scene = Gltf()
    scene.json["extensionsRequired"] = ["KHR_mesh_quantization"]
    small = np.zeros((4, 4), np.int16)
    small[:, :3] = [[-32767, 0, 0], [32767, 0, 0], [32767, 32767, 0], [-32767, 32767, 0]]
    mesh = scene.card()
    view = scene.view(small.tobytes())
    scene.json["bufferViews"][view]["byteStride"] = 8
    sparse = {
        "count": 1,
        "indices": {"bufferView": scene.view(np.array([2], np.uint8).tobytes()), "componentType": 5121},
        "values": {"bufferView": scene.view(np.array([0, 0, 32767], np.int16).tobytes())},
    }
    place = scene.json["meshes"][mesh]["primitives"][0]["attributes"]["POSITION"]
    scene.json["accessors"][place] = {
        "bufferView": view,
        "componentType": 5122,
        "normalized": True,
        "count": 4,
        "type": "VEC3",
        "sparse": sparse,
    }
    scene.show(mesh)
    (batch,) = batches(scene.save(tmp_path / "a.gltf"))
    expected = [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 1.0, 0.0]]
    found = np.unique(np.round(batch.position, 6), axis=0)
    np.testing.assert_allclose(found, np.unique(expected, axis=0), atol=1e-6)


@pytest.mark.parametrize(("mode", "order"), [(5, [0, 1, 3, 2]), (6, [0, 1, 2, 3])])
def test_strips_and_fans_are_the_card(tmp_path: Path, mode: int, order: list[int]) -> None:
    scene = Gltf()
    scene.show(scene.card())
    primitive = scene.json["meshes"][0]["primitives"][0]
    primitive |= {"mode": mode, "indices": scene.accessor(np.array(order, np.uint8))}
    (batch,) = batches(scene.save(tmp_path / "a.glb"))
    corners = batch.position[batch.triangles]
    wound = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    np.testing.assert_allclose(wound[:, 2].sum() / 2.0, 4.0, atol=1e-6)
    assert (wound[:, 2] > 0.0).all()


def test_texture_transform_is_the_specification_s_example(tmp_path: Path) -> None:
    """KHR_texture_transform's README: this one uses the lower left quadrant, turned clockwise by a quarter."""
    scene = Gltf()
    texture = scene.texture(png(np.zeros((2, 2, 3), np.uint8)))
    transform = {"offset": [0, 1], "rotation": np.pi / 2.0, "scale": [0.5, 0.5]}
    use = {"index": texture, "extensions": {"KHR_texture_transform": transform}}
    material = scene.add("materials", {"pbrMetallicRoughness": {"baseColorTexture": use}})
    scene.show(scene.card(material))
    file = open_gltf(scene.save(tmp_path / "a.glb"))
    (place,) = material_look(file, Buffers(file), 0).places
    uv = np.zeros((2, 2, 2))
    uv[1, 0] = 1.0
    # v runs up in our textures: 1 - v
    np.testing.assert_allclose(place.at(uv), [[0.0, 0.0], [0.5, 0.5]], atol=1e-12)


def test_colours_are_linear_and_alpha_is_not_touched(tmp_path: Path) -> None:
    scene = Gltf()
    scene.texture(png(np.array([[[188, 0, 255, 128]]], np.uint8)), wrapS=33071, magFilter=9728)
    scene.show(scene.card())
    file = open_gltf(scene.save(tmp_path / "a.glb"))
    image = read_texture(file, Buffers(file), 0, True)
    np.testing.assert_allclose(image.pixels[0, 0], [0.5029, 0.0, 1.0, 128 / 255], atol=1e-3)
    assert (image.repeats, image.nearest) == ((False, True), True)
    np.testing.assert_allclose(read_texture(file, Buffers(file), 0, False).pixels[0, 0, 0], 188 / 255, atol=1e-3)


def test_grey_of_16_bits_is_grey(tmp_path: Path) -> None:
    scene = Gltf()
    scene.texture(png(np.array([[0, 0x40FF, 0x8000, 0xFFFF]], np.uint16)))
    scene.show(scene.card())
    file = open_gltf(scene.save(tmp_path / "a.glb"))
    pixels = read_texture(file, Buffers(file), 0, False).pixels
    np.testing.assert_allclose(pixels[0, :, 1] * 255.0, [0.0, 64.0, 128.0, 255.0], atol=0.1)
    np.testing.assert_array_equal(pixels[..., 3], 1.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"extensionsRequired": ["KHR_draco_mesh_compression"]}, "compressed with Draco .* export it without"),
        ({"extensionsRequired": ["KHR_texture_basisu"]}, "KTX2 .* export them as PNG"),
        ({"extensionsRequired": ["EXT_meshopt_compression"]}, "EXT_meshopt_compression.* export it without"),
        ({"extensionsRequired": ["VENDOR_magic"]}, "VENDOR_magic, which is not drawn here"),
        ({"asset": {"version": "1.0"}}, "is glTF 1.0; export it as glTF 2.0"),
        ({"meshes": []}, "has no meshes"),
        ({"nodes": "none"}, "nodes: "),
        ({"textures": [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]}, "KTX2"),
    ],
)
def test_what_is_not_drawn_is_refused_with_its_cure(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    scene = Gltf()
    scene.show(scene.card())
    scene.json |= change
    path = scene.save(tmp_path / "a.glb")
    with pytest.raises(UserError, match=sentence) as caught:
        open_gltf(path)
    assert str(path) in str(caught.value)
    assert Plate.check(Plate.Settings(file=path)) == [("file", str(caught.value))]


def test_the_real_draco_file_is_refused() -> None:
    path = SHARED / "vintage-pc.glb"
    if not path.exists():
        pytest.skip("the shared scenes (../shared/data/gltf) are not there: vintage-pc.glb")
    with pytest.raises(UserError, match="Draco"):
        open_gltf(path)


@pytest.mark.parametrize("uri", ["../secret.bin", "/etc/hostname", "a/../../secret.bin", "%2e%2e/secret.bin"])
def test_other_files_of_the_machine_are_not_read(tmp_path: Path, uri: str) -> None:
    (tmp_path / "secret.bin").write_bytes(b"\0" * 4096)
    folder = tmp_path / "scene"
    folder.mkdir()
    scene = Gltf()
    scene.show(scene.card())
    path = folder / "a.gltf"
    path.write_text(scene.gltf(uri), encoding="utf-8")
    with pytest.raises(UserError, match="not inside its folder"):
        batches(path)


def test_files_beside_the_scene_are_read(tmp_path: Path) -> None:
    scene = Gltf()
    scene.show(scene.card())
    (tmp_path / "my parts").mkdir()
    (tmp_path / "my parts" / "a.bin").write_bytes(scene.bytes)
    path = tmp_path / "a.gltf"
    path.write_text(scene.gltf("my%20parts/a.bin"), encoding="utf-8")
    (batch,) = batches(path)
    np.testing.assert_allclose(np.unique(batch.position, axis=0), np.unique(CARD, axis=0))
    path.write_text(scene.gltf("other.bin"), encoding="utf-8")
    with pytest.raises(UserError, match="no such file"):
        batches(path)


@pytest.mark.parametrize("children", [[0], [1, 1]])
def test_nodes_in_a_ring_are_refused(tmp_path: Path, children: list[int]) -> None:
    scene = Gltf()
    scene.show(scene.card(), children=children)
    scene.add("nodes", {})
    with pytest.raises(UserError, match="child of two nodes"):
        batches(scene.save(tmp_path / "a.glb"))


def test_more_triangles_than_are_drawn_are_refused_before_they_are_made(tmp_path: Path) -> None:
    scene = Gltf()
    mesh = scene.card()
    scene.json["meshes"][mesh]["primitives"] *= 2000
    scene.show(mesh)
    path = scene.save(tmp_path / "a.glb")
    places = tuple((float(x), 0.0, 0.0) for x in range(5000))
    with pytest.raises(UserError, match="million triangles"):
        Plate(Plate.Settings(file=path, places=places))


def end_of(folder: Path, text: bytes, suffix: str) -> str:
    """Read all of a file, as the plate does: whether it is "read", or "told" in one sentence that names it."""
    path = folder / f"fuzz{suffix}"
    path.write_bytes(text)
    try:
        file = open_gltf(path)
        buffers = Buffers(file)
        for batch in read_batches(file, buffers):
            for number, is_color in material_look(file, buffers, batch.material).textures.values():
                read_texture(file, buffers, number, is_color)
    except UserError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
        assert str(error).isprintable()  # noqa: PT017
        return "told"
    return "read"


def example() -> Gltf:
    scene = Gltf()
    texture = scene.texture(png(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)))
    use = {"index": texture, "extensions": {"KHR_texture_transform": {"scale": [2, 2]}}}
    material = scene.add("materials", {"pbrMetallicRoughness": {"baseColorTexture": use}})
    scene.show(scene.card(material), translation=[1.0, 2.0, 3.0])
    return scene


GOOD = {".glb": example().glb(), ".gltf": example().gltf().encode()}


@pytest.mark.timeout(LIMIT_S)
def test_damage_ends_in_one_sentence(tmp_path: Path) -> None:
    ends = Counter[str]()

    @settings(max_examples=CASES)
    @given(data=st.data())
    def read_damaged(data: st.DataObject) -> None:
        suffix = data.draw(st.sampled_from([".glb", ".gltf"]))
        good = GOOD[suffix]
        end = data.draw(st.just(len(good)) | st.integers(len(good) // 2, len(good)))
        damaged = bytearray(good[:end])
        for _ in range(data.draw(st.integers(0, 4))):
            last = len(damaged) - 1  # its numbers and pictures are at the end, behind the JSON
            damaged[data.draw(st.integers(0, last) | st.integers(3 * last // 4, last))] = data.draw(st.integers(0, 255))
        ends[end_of(tmp_path, bytes(damaged), suffix)] += 1

    read_damaged()
    assert min(ends["read"], ends["told"]) > CASES // 200


_NUMBERS = st.one_of(st.integers(-2, 40), st.sampled_from([2**31 - 1, 2**40, 1e300, -1.5]), st.none(), st.text())


@pytest.mark.timeout(LIMIT_S)
def test_absurd_values_end_in_one_sentence(tmp_path: Path) -> None:
    """Any one number or text of the JSON is another."""
    ends = Counter[str]()

    @settings(max_examples=CASES)
    @given(data=st.data())
    def read_absurd(data: st.DataObject) -> None:
        scene = json.loads(GOOD[".gltf"])
        part, key = data.draw(st.sampled_from(list(places_in(scene))))
        part[key] = data.draw(_NUMBERS)
        ends[end_of(tmp_path, json.dumps(scene).encode(), ".gltf")] += 1

    read_absurd()
    assert min(ends["read"], ends["told"]) > CASES // 100


def places_in(part: Any) -> Iterator[tuple[Any, Any]]:
    """Where the numbers and texts of a JSON are: what holds each, and its key there."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(value, dict | list):
            yield from places_in(value)
        else:
            yield part, key


def test_a_good_example_is_read(tmp_path: Path) -> None:
    """What the damaged ones are made of."""
    (batch,) = batches(example().save(tmp_path / "a.glb"))
    assert len(batch.triangles) == 2
    np.testing.assert_allclose(batch.position.min(axis=0), [0.0, 2.0, 3.0])
    assert card_file(tmp_path / "b.glb").exists()
