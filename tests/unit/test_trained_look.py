"""The generator `look` and its files: in a worker as the engine runs it, in a stage file, and when a file is broken."""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from tests.places import SIZE, day_plate, dusk_still
from tests.rooms import looking
from tests.waiting import until
from vpengine.cli.main import app
from vpengine.errors import ProblemsError, UserError
from vpengine.files import read_files
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request
from vpengine.frames.provenance import Provenance
from vpengine.neural import GENERATORS
from vpengine.neural.declared import looks_of
from vpengine.neural.look_file import look_bytes, read_look, write_look
from vpengine.neural.look_transform import KNOTS, SHAPES, LookTransform, applied, knots, plain_transform
from vpengine.neural.look_zones import ZONES, plate_zones
from vpengine.neural.none import NoRuntime
from vpengine.neural.process_host import ProcessHost
from vpengine.neural.trained_look import TrainedLook, TrainedLookSettings
from vpengine.view.color import acescct_from_linear, linear_from_acescct

RUNNER = CliRunner()
LOOK = 'generator = "look"\nlook = "{}"'


@pytest.fixture(autouse=True)
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VPENGINE_LOOKS", str(tmp_path / "looks"))
    return tmp_path / "looks"


def darker(stops: float = 2.0) -> LookTransform:
    """Everything by so many stops."""
    plain = plain_transform()
    return LookTransform(plain.curve - np.float32(stops / 17.52), plain.offset, plain.color, plain.detail)


def staged(stage: Path, look: str) -> Path:
    """The small stage with the generator `look`; its scenes ask for nothing that this has not."""
    text = stage.read_text(encoding="utf-8").replace('generator = "none"', LOOK.format(look))
    stage.write_text(text, encoding="utf-8")
    show = stage.parent / "show.toml"
    lines = show.read_text(encoding="utf-8").splitlines()
    show.write_text("\n".join(line for line in lines if "look.fog" not in line), encoding="utf-8")
    return stage


def asked(*arguments: object) -> Result:
    return RUNNER.invoke(app, ["look", *map(str, arguments)], env={"COLUMNS": "200"})


def refused(*arguments: object) -> str:
    """The one sentence that a command ends with."""
    result = asked(*arguments)
    assert isinstance(result.exception, UserError), result.output
    sentence = str(result.exception)
    assert "\n" not in sentence
    return sentence


# In a worker.


@pytest.fixture
def host(looks: Path) -> Iterator[ProcessHost]:
    write_look(looks / "dusk.safetensors", darker(), "")
    settings = TrainedLookSettings(look="dusk")
    host = ProcessHost("look", GENERATORS["look"], "vpengine.neural.none:NoRuntime", [SIZE], settings=settings)
    yield host
    host.close()


@pytest.mark.slow
def test_it_works_in_a_worker_as_others_do(host: ProcessHost, looks: Path) -> None:
    plate = day_plate(looking(size=SIZE))
    half = [array.astype(np.float16) for array in (linear_from_acescct(plate.color_cct), plate.noise)]
    images = ImageSet.of(half[0], plate.depth_m, half[1], plate.view, Provenance("plate:test"))
    keyframes: list[Keyframe] = []

    def come() -> bool:
        keyframes.extend(host.collect(time.monotonic()).keyframes)
        return bool(keyframes)

    until(lambda: come() or host.free(time.monotonic()))
    host.submit(Request(5, 1, "test", images, looks_of("look").of({"mix": 1.0}), time.monotonic()), time.monotonic())
    until(come)
    (key,) = keyframes
    before = acescct_from_linear(half[0].astype(np.float32))
    after = key.gain.rgb.astype(np.float32) * before + key.bias.rgb
    np.testing.assert_allclose(before - after, 2.0 / 17.52, atol=0.003)
    assert key.provenance.model_sha256 == hashlib.sha256((looks / "dusk.safetensors").read_bytes()).hexdigest()
    assert (key.provenance.source, key.provenance.request_number) == ("look", 5)


def test_mix_of_nothing_is_not_asked_for_at_all() -> None:
    assert looks_of("look").of({"mix": 0.0}).plain
    assert not looks_of("look").of({}).plain
    assert looks_of("look").of({"mix": 0.4}).view_consistency == 1.0


def test_detail_that_a_keyframe_does_not_resolve_is_changed_as_its_like_was(looks: Path) -> None:
    """A gain of half the contrast is on the plate's own detail too, which the keyframe's bias does not have."""
    plain = plain_transform()
    flat = LookTransform(0.2 + 0.5 * plain.curve, plain.offset, plain.color, plain.detail)
    plate = day_plate(looking(size=SIZE))
    made = applied(flat, plate.color_cct, plate_zones(plate.depth_m, plate.view))
    np.testing.assert_allclose(made.gain, 0.5, atol=1e-4)
    np.testing.assert_allclose(made.bias.mean(axis=-1), 0.2, atol=1e-3)


# Files.


def test_what_is_written_is_read_and_the_same_numbers_are_the_same_bytes(looks: Path) -> None:
    path = looks / "dusk.safetensors"
    write_look(path, darker(), "a card")
    for name, array in read_look(path).arrays().items():
        np.testing.assert_array_equal(array, darker().arrays()[name])
    assert path.read_bytes() == look_bytes(darker())
    assert path.stat().st_size < 10_000
    assert path.with_suffix(".md").read_text() == "a card"
    assert sorted(item.name for item in looks.iterdir()) == ["dusk.md", "dusk.safetensors"]


def test_any_reader_of_safetensors_reads_it(looks: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    write_look(looks / "dusk.safetensors", darker(), "")
    found = library.load_file(looks / "dusk.safetensors")
    assert {name: array.shape for name, array in found.items()} == SHAPES


def with_arrays(**changes: Any) -> bytes:
    return look_bytes(LookTransform(**{**plain_transform().arrays(), **changes}))


INVERTED = np.repeat((1.0 - knots())[None], len(ZONES), 0)
OTHER = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
BROKEN = {
    "cut short": (look_bytes(plain_transform())[:2000], "cut short, 2000 of"),
    "no look": (len(OTHER).to_bytes(8, "little") + OTHER + bytes(4), "no look of vpengine's: found tensors ['a']"),
    "not safetensors": (b"look" * 400, "no safetensors file"),
    "a pickle": (pickle.dumps({"curve": [1.0]}), "safetensors"),
    "NaN": (with_arrays(offset=np.full((len(ZONES), KNOTS, 2), np.nan)), "it holds NaN or infinity"),
    "inverted": (with_arrays(curve=INVERTED), "a curve has slopes of -1.00 to -1.00"),
    "hues turned": (with_arrays(color=np.repeat(-np.eye(2)[None], len(ZONES), 0)), "a colour matrix scales by -1.00"),
    "double": (look_bytes(plain_transform()).replace(b'"F32"', b'"I32"'), "its numbers are not 32 bit floats"),
}


@pytest.mark.parametrize(("data", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_look_is_refused_in_a_sentence(looks: Path, data: bytes, sentence: str) -> None:
    looks.mkdir()
    (looks / "dusk.safetensors").write_bytes(data)
    assert sentence in refused("inspect", "dusk")
    with pytest.raises(UserError, match=r"dusk\.safetensors"):
        TrainedLook(NoRuntime(), TrainedLookSettings(look="dusk"))
    assert asked("list").output.startswith("dusk: cannot be used: ")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "dusk.pt").write_bytes(b"")
    assert "a pickle, which can run programs" in refused("inspect", tmp_path / "dusk.pt")


def test_a_look_that_is_not_there(looks: Path) -> None:
    assert "no look 'dust'" in refused("inspect", "dust")
    write_look(looks / "dusk.safetensors", darker(), "")
    assert "did you mean 'dusk'?" in refused("inspect", "dust")


# Stage files.


def test_a_stage_names_its_look(small_stage: Path, looks: Path) -> None:
    staged(small_stage, "dusk")
    assert read_files(small_stage, None).generator_settings.look == "dusk"
    beside = small_stage.parent / "dusk.safetensors"
    write_look(beside, darker(), "")
    assert read_files(small_stage, None).generator_settings.look == str(beside)


def test_a_look_outside_the_stage_s_folder_is_refused(small_stage: Path) -> None:
    staged(small_stage, "../dusk.safetensors")
    with pytest.raises(ProblemsError, match="outside the folder"):
        read_files(small_stage, None)


def test_check_finds_a_look_that_is_missing(small_stage: Path, looks: Path) -> None:
    staged(small_stage, "dusk")
    found = RUNNER.invoke(app, ["check", str(small_stage)], env={"COLUMNS": "200"})
    assert found.exit_code == 1
    assert "neural.look: no look 'dusk'" in found.output
    write_look(looks / "dusk.safetensors", darker(), "")
    assert RUNNER.invoke(app, ["check", str(small_stage)]).exit_code == 0


# Training, with a picture for a plate: the street needs OpenGL.


def png(path: Path, linear: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip(linear, 0.0, 1.0) ** (1 / 2.2) * 255.0).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def day(tmp_path: Path) -> Path:
    return png(tmp_path / "day.png", linear_from_acescct(day_plate(looking(size=SIZE)).color_cct))


def test_a_look_is_trained_listed_and_shown_with_its_card(tmp_path: Path, day: Path, looks: Path) -> None:
    reference = png(tmp_path / "stills" / "dusk.png", dusk_still())
    (tmp_path / "stills" / "notes.txt").write_text("no picture")
    made = asked("train", "--reference", reference.parent, "--name", "dusk", "--plate", day)
    assert made.exit_code == 0, made.output
    card = (looks / "dusk.md").read_text()
    for path in (reference, looks / "dusk.safetensors"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert "| dusk.png |" in card
    assert "plates: day.png" in card
    assert str(tmp_path) not in card
    assert "Learnt from 1 reference on " in asked("list").output
    shown = asked("inspect", "dusk").output
    assert card in shown
    assert "is of other numbers" not in shown
    write_look(looks / "dusk.safetensors", darker(), card)
    assert "is of other numbers than these" in asked("inspect", "dusk").output
    assert "there already" in refused("train", "--reference", reference, "--name", "dusk", "--plate", day)


def test_references_that_teach_nothing_are_refused_in_a_sentence(tmp_path: Path, day: Path, looks: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    gray = png(tmp_path / "gray.png", np.full((90, 160, 3), 0.2))
    given = ("--name", "dusk", "--plate", day, "--reference")
    assert "no pictures in it" in refused("train", *given, tmp_path / "empty")
    assert "no such folder or picture" in refused("train", *given, tmp_path / "nowhere")
    assert "broken.png" in refused("train", *given, tmp_path / "broken.png")
    assert "the references are one even colour" in refused("train", *given, gray)
    assert "the plates are one even colour" in refused("train", "--name", "x", "--plate", gray, "--reference", day)
    assert "--name ../x: allowed are" in refused("train", "--name", "../x", "--reference", gray)
    assert "expected a show file, or a picture" in refused(
        "train", "--name", "x", "--plate", tmp_path, "--reference", day
    )
    assert not looks.exists()
