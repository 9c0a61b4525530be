"""Files that a crew brings, as plates: what each is taken for, and what is guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.capturing import counted_film
from vpengine.errors import UserError
from vpengine.plates.depth_file import write_depth
from vpengine.plates.recognised import EXIF_IFD, FOCAL_35MM, recognised


def picture(path: Path, size: tuple[int, int] = (48, 32), focal_35mm: int | None = None, **how: Any) -> Path:
    image = Image.new("RGB", size, (90, 120, 150))
    exif = Image.Exif()
    if focal_35mm is not None:
        exif.get_ifd(EXIF_IFD)[FOCAL_35MM] = focal_35mm
    image.save(path, exif=exif, **how)
    return path


def test_each_kind_of_file_is_taken_for_what_it_is(tmp_path: Path) -> None:
    film = recognised(counted_film(tmp_path / "a.mkv", 50))
    assert (film.kind, film.settings) == ("video", {"file": tmp_path / "a.mkv"})
    assert film.facts[:2] == ("16 x 16", "25 a second, 2.0 s")
    assert film.facts[-1] == "ffv1"
    assert recognised(picture(tmp_path / "b.png")).kind == "still"
    assert recognised(picture(tmp_path / "c.jpg", (256, 128))).kind == "dome"
    for number in range(4):
        picture(tmp_path / f"shot_{number + 7:03}.png")
    sequence = recognised(tmp_path / "shot_007.png")
    assert (sequence.kind, sequence.settings) == ("sequence", {"first": tmp_path / "shot_007.png"})
    assert len(sequence.files) == 4
    assert recognised(tmp_path / "shot_009.png").kind == "still"  # two are no sequence


@pytest.mark.parametrize(
    ("transfer", "told"), [(1, " (tagged)"), (18, " (tagged)"), (17, ""), (2, " (partly untagged: judged by its size)")]
)
def test_a_film_s_curve_that_is_not_known_is_told(tmp_path: Path, transfer: int, told: str) -> None:
    film = recognised(counted_film(tmp_path / "a.mkv", 2, transfer=transfer))
    assert film.facts[2] == f"8 bits, bt709 limited{told}"
    assert [each for each in film.doubts if "transfer is tagged smpte428" in each] == list(film.doubts[:-1])
    assert len(film.doubts) == (2 if transfer == 17 else 1)


def test_a_model_stands_on_the_floor_before_the_camera(tmp_path: Path) -> None:
    """A box of 2 x 1 x 4 about a point beside its origin, as another program writes it."""
    box = trimesh.creation.box((2.0, 1.0, 4.0))
    box.apply_translation((5.0, 0.25, -1.0))
    box.export(tmp_path / "box.glb")
    found = recognised(tmp_path / "box.glb")
    assert found.kind == "gltf"
    assert found.facts == ("12 triangles", "2 m wide, 4 deep, 1 high")
    assert found.settings["position_m"] == pytest.approx([-5.0, 3.0 + 1.0, 0.25])


def test_a_model_that_is_hardly_seen_says_so(tmp_path: Path) -> None:
    trimesh.creation.box((0.03, 0.01, 0.02)).export(tmp_path / "box.glb")
    assert "0.03 m are hardly seen from there; scale = 100" in recognised(tmp_path / "box.glb").doubts[-1]


def test_photographs_that_a_camera_numbers_are_no_sequence(tmp_path: Path) -> None:
    for number in range(12):
        picture(tmp_path / f"IMG_{number:04}.jpg")
    assert recognised(tmp_path / "IMG_0000.jpg").kind == "still"


@pytest.mark.parametrize(
    ("size", "focal_mm", "fov_deg"), [((48, 32), 50, 39.6), ((32, 48), 50, 27.0), ((64, 36), 24, 76.3)]
)
def test_the_lens_that_a_photograph_carries_places_it(
    tmp_path: Path, size: tuple[int, int], focal_mm: int, fov_deg: float
) -> None:
    """As tables of lenses have it for 36 x 24 mm; 16:9 has the same diagonal, and is wider."""
    found = recognised(picture(tmp_path / "a.jpg", size, focal_mm))
    assert found.settings["lens"]["horizontal_fov_deg"] == pytest.approx(fov_deg, abs=0.2)
    assert "guesses" in found.doubts[0]


def test_a_depth_beside_a_picture_gives_it_relief(tmp_path: Path) -> None:
    write_depth(tmp_path / "a.depth.exr", np.full((32, 48), 5.0, np.float32))
    found = recognised(picture(tmp_path / "a.png"))
    assert found.settings["depth"] == tmp_path / "a.depth.exr"
    assert "relief by its depth" in found.facts


@pytest.mark.parametrize("name", ["notes.txt", "gone.png", "empty.png", "empty.mp4"])
def test_what_no_plate_shows_is_one_sentence(tmp_path: Path, name: str) -> None:
    if name != "gone.png":
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError) as told:
        recognised(tmp_path / name)
    assert name in str(told.value)
    assert "\n" not in str(told.value)
