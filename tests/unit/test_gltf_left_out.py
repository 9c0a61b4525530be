"""What a glTF file has and is drawn without is said; what the older way to say a surface says is drawn."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.gltf_scenes import Gltf
from vpengine.plates.gltf.document import Material
from vpengine.plates.gltf.materials import surface_of
from vpengine.plates.gltf.plate import Gltf as Plate
from vpengine.plates.recognised import recognised

OLDER = "KHR_materials_pbrSpecularGlossiness"


def rich_file(folder: Path) -> Path:
    """Skins, points, lamps and glass; and what is drawn."""
    scene = Gltf()
    scene.show(scene.card())
    scene.add("skins", {"joints": [0]})
    points = {"mode": 0, "attributes": scene.json["meshes"][0]["primitives"][0]["attributes"]}
    scene.json["meshes"][0]["primitives"].append(points)
    used = ["KHR_materials_unlit", OLDER, "KHR_materials_transmission", "KHR_lights_punctual"]
    scene.json["extensionsUsed"] = used
    return scene.save(folder / "rich.glb")


def test_a_run_says_once_what_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = rich_file(tmp_path)
    with caplog.at_level(logging.WARNING):
        Plate(Plate.Settings(file=path))
    missing = "skins, points or lines, KHR_lights_punctual, KHR_materials_transmission"
    assert [record.getMessage() for record in caplog.records] == [f"{path}: is drawn without: {missing}."]


def test_plate_show_says_it_too(tmp_path: Path) -> None:
    doubts = recognised(rich_file(tmp_path)).doubts
    assert any(doubt.startswith("it is drawn without: skins, points or lines") for doubt in doubts)


def test_nothing_is_said_of_a_plain_file(tmp_path: Path) -> None:
    scene = Gltf()
    scene.show(scene.card())
    assert "extensionsUsed" not in scene.json
    assert not any("without" in doubt for doubt in recognised(scene.save(tmp_path / "a.glb")).doubts)


@pytest.mark.parametrize(
    ("given", "base", "metallic", "roughness"),
    [
        ({"diffuseFactor": [0.8, 0.1, 0.1, 0.5], "glossinessFactor": 0.3}, (0.8, 0.1, 0.1, 0.5), 0.0, 0.7),
        ({"diffuseFactor": [0, 0, 0, 1], "specularFactor": [0.9, 0.7, 0.3]}, (0.9, 0.7, 0.3, 1.0), 1.0, 0.0),
        ({"diffuseTexture": {"index": 0}, "specularGlossinessTexture": {"index": 1}}, (1.0, 1.0, 1.0, 1.0), 0.0, 0.5),
        ({"diffuseFactor": "red"}, (1.0, 1.0, 1.0, 1.0), 0.0, 1.0),
    ],
    ids=["paint", "metal", "textures", "damaged"],
)
def test_the_older_way_to_say_a_surface(
    given: dict[str, Any], base: tuple[float, ...], metallic: float, roughness: float
) -> None:
    found = surface_of(Material.model_validate({"extensions": {OLDER: given}}))
    assert found.base_color_factor == base
    assert (found.metallic_factor, found.roughness_factor) == (metallic, pytest.approx(roughness))
    assert (found.base_color_texture is not None) is ("diffuseTexture" in given)


def test_the_newer_way_comes_first() -> None:
    both = {"extensions": {OLDER: {"diffuseFactor": [1, 0, 0, 1]}}, "pbrMetallicRoughness": {"metallicFactor": 0.25}}
    assert surface_of(Material.model_validate(both)).metallic_factor == 0.25
