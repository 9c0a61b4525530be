"""Reference pictures: what a diffusion model is shown changes its picture, and what it cannot be shown is told."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vpengine.control.controls import Value
from vpengine.errors import UserError
from vpengine.frames.look import Blend
from vpengine.neural.auto import probe_plate
from vpengine.neural.declared import looks_of
from vpengine.neural.diffusion import Diffusion, DiffusionSettings
from vpengine.neural.generator import RefusedLookError
from vpengine.neural.onnx_runtime import OnnxRuntime

torch_runtime = pytest.importorskip("vpengine.neural.torch_runtime", reason="the extra `diffusion` is not installed")
references = pytest.importorskip(
    "vpengine.neural.diffusion_references", reason="the extra `diffusion` is not installed"
)
SIZE = (96, 56)
Picture = NDArray[np.float32]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(tmp_path_factory.mktemp("references"))
    Image.new("RGB", (60, 40), (220, 10, 10)).save(folder / "red.png")
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("no picture either")
    return folder


@pytest.fixture(scope="module")
def adapter(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(tmp_path_factory.mktemp("adapter"))
    tiny.make_tiny_ip_adapter(folder)
    return folder


def generator_of(model: Path, **settings: Any) -> Diffusion:
    chosen = DiffusionSettings(model=str(model), precision="float32", **settings)
    return Diffusion(torch_runtime.TorchRuntime(), chosen)


@pytest.fixture(scope="module")
def plain(tiny_models: Path, pictures: Path) -> Diffusion:
    return generator_of(tiny_models / "tiny-sd", references=pictures)


@pytest.fixture(scope="module")
def generator(tiny_models: Path, adapter: Path, pictures: Path) -> Diffusion:
    return generator_of(tiny_models / "tiny-sd", reference_model=str(adapter), references=pictures)


def painted(generator: Diffusion, reference: str = "", blends: Any = None, **values: Value) -> Picture:
    look = looks_of("diffusion").of({"prompt": "A harbour", "reference": reference, **values}, 0, blends)
    return generator.generate(probe_plate(SIZE), look).bias


def off(first: Picture, second: Picture) -> float:
    return float(np.abs(first - second).mean())


def test_a_reference_changes_the_picture(generator: Diffusion, plain: Diffusion) -> None:
    """Another one to another picture; with none, or no weight, it is the model's own; guidance hears it too."""
    red, noise, own = painted(generator, "red.png"), painted(generator, "noise.png"), painted(plain)
    assert min(off(red, own), off(noise, own), off(red, noise)) > 1e-3
    np.testing.assert_array_equal(painted(generator, "red.png"), red)
    np.testing.assert_array_equal(painted(generator, "red.png", reference_weight=0.0), own)
    np.testing.assert_array_equal(painted(generator), own)
    assert 0.0 < off(painted(generator, "red.png", reference_weight=0.1), own) < off(red, own)
    assert off(painted(generator, "red.png", guidance=4.0), painted(generator, guidance=4.0)) > 1e-3
    assert generator.model_sha256 != plain.model_sha256


@pytest.mark.slow
def test_a_blend_of_references_is_neither_of_them(generator: Diffusion) -> None:
    ends = [painted(generator, name) for name in ("", "red.png", "noise.png")]
    for first, second, names in ((0, 1, ("", "red.png")), (1, 2, ("red.png", "noise.png"))):
        half = painted(generator, blends={"reference": ((names[0], 0.5), (names[1], 0.5))})
        assert min(off(half, ends[first]), off(half, ends[second])) > 1e-4


def test_a_reference_alone_is_painted(generator: Diffusion) -> None:
    """Without a prompt it is no plain look; on its way in from the plate, it is painted as much as it is there."""
    plain = looks_of("diffusion").plain
    values = {"prompt": " ", "reference": "red.png", "reference_weight": 0.6, "strength": 0.5}
    assert not plain(values)
    for name, value in (("reference", " "), ("reference_weight", 0.0), ("strength", 0.0)):
        assert plain({**values, name: value})
    plate = probe_plate(SIZE).color_cct
    shares = [0.0005, 0.1, 0.25, 1.0]
    blends = [{"reference": (("", 1.0 - share), ("red.png", share))} for share in shares]
    changes = [off(painted(generator, "red.png", each, prompt=""), plate) for each in blends]
    assert changes[0] < 1e-3 < changes[1] < min(changes[2:])


@pytest.mark.parametrize(
    ("prompts", "shown", "expected"),
    [
        ((("ink", 1.0),), (("", 1.0),), ({"ink": 1.0}, 1.0)),
        ((("", 1.0),), (("", 0.75), ("red.png", 0.25)), ({"": 1.0}, 0.25)),
        ((("ink", 0.25), ("", 0.75)), (("red.png", 1.0),), ({"ink": 0.25, "": 0.75}, 1.0)),
        ((("ink", 0.25), ("", 0.75)), (("", 0.25), ("red.png", 0.75)), ({"ink": 0.25, "": 0.75}, 1.0)),
        ((("ink", 0.25), ("", 0.75)), (("red.png", 0.25), ("", 0.75)), ({"ink": 1.0}, 0.25)),
        ((("ink", 0.25), ("", 0.75)), (("", 0.5), ("red.png", 0.5)), ({"ink": 0.4, "": 0.6}, 0.625)),
    ],
    ids=["words", "a picture comes", "words go, a picture stays", "from words to a picture", "both go", "two fades"],
)
def test_how_much_is_painted(prompts: Blend, shown: Blend, expected: tuple[dict[str, float], float]) -> None:
    pipeline = pytest.importorskip("vpengine.neural.diffusion_pipeline")
    look = looks_of("diffusion").of({}, 0, {"prompt": prompts, "reference": shown})
    wanted, share = pipeline._wanted(look)
    assert (dict(wanted), share) == (pytest.approx(expected[0]), pytest.approx(expected[1]))


def test_a_picture_says_which_files_it_was_told_by(generator: Diffusion, pictures: Path) -> None:
    def told(**values: Any) -> dict[str, str]:
        blends = values.pop("blends", None)
        look = looks_of("diffusion").of({"prompt": "A harbour", **values}, 0, blends)
        made = generator.generate(probe_plate(SIZE), look).told
        return {name: sha256 for name, sha256 in made if not name.startswith("prompt ")}

    sha256 = {name: hashlib.sha256((pictures / name).read_bytes()).hexdigest() for name in ("red.png", "noise.png")}
    assert told(reference="red.png") == {"red.png": sha256["red.png"]}
    assert told(blends={"reference": (("red.png", 0.5), ("noise.png", 0.5))}) == sha256
    assert told() == told(reference="red.png", reference_weight=0.0) == {}


@pytest.mark.slow
def test_sdxl_and_a_controlnet_take_references(tiny: Any, tiny_models: Path, pictures: Path, tmp_path: Path) -> None:
    tiny.make_tiny_model(tmp_path / "xl", "sdxl")
    tiny.make_tiny_ip_adapter(tmp_path / "ip-xl", "sdxl")
    tiny.make_tiny_ip_adapter(tmp_path / "ip")
    tiny.make_tiny_controlnet(tmp_path / "edges")
    for made in (
        generator_of(tmp_path / "xl", reference_model=str(tmp_path / "ip-xl"), references=pictures),
        generator_of(
            tiny_models / "tiny-sd",
            reference_model=str(tmp_path / "ip" / "ip-adapter.safetensors"),
            control_model=str(tmp_path / "edges"),
            references=pictures,
        ),
    ):
        assert off(painted(made, "red.png"), painted(made, "noise.png")) > 1e-3
        assert off(painted(made, "red.png"), painted(made)) > 1e-3


def test_what_cannot_be_shown_is_refused(generator: Diffusion, plain: Diffusion, tiny_models: Path) -> None:
    """One sentence, with the names that are there; the generator goes on with the next look."""
    before = painted(generator, "red.png")
    for name in ("rad.png", "notes.txt", "../red.png", "/etc/hostname", "."):
        with pytest.raises(RefusedLookError, match=r"no such picture .*allowed: broken.jpg, noise.png, red.png"):
            painted(generator, name)
    with pytest.raises(RefusedLookError, match=r"broken.jpg cannot be read as a picture .*allowed: broken.jpg, noise"):
        painted(generator, "broken.jpg")
    with pytest.raises(RefusedLookError, match="this model takes no pictures; name an IP-Adapter"):
        painted(plain, "red.png")
    with pytest.raises(RefusedLookError, match="no folder of pictures; name one"):
        painted(generator_of(tiny_models / "tiny-sd"), "red.png")
    np.testing.assert_array_equal(painted(generator, "red.png"), before)


def test_embeddings_are_kept_by_content(tmp_path: Path) -> None:
    """A copy by another name is not encoded again; a file that has changed is."""
    encoded: list[tuple[int, ...]] = []

    def encode(picture: Image.Image) -> Any:
        encoded.append(picture.getpixel((0, 0)))
        return references.torch.ones(1, 1, 4)

    known = references.References(tmp_path, references.Adapter(encode, lambda weight: None, 4))
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / name)
    for name in ("a.png", "a.png", "b.png"):
        known.heard(((name, 1.0),), 1.0)
    assert encoded == [(1, 2, 3)]
    Image.new("RGB", (9, 9), (4, 5, 6)).save(tmp_path / "a.png")
    known.heard((("a.png", 1.0),), 1.0)
    assert encoded == [(1, 2, 3), (4, 5, 6)]


def test_an_adapter_that_cannot_be_used_is_told_of(tiny: Any, tiny_models: Path, adapter: Path, tmp_path: Path) -> None:
    def refused(path: Path, says: str, model: Path = tiny_models / "tiny-sd") -> None:
        with pytest.raises(UserError, match=says):
            generator_of(model, reference_model=str(path))

    tiny.make_tiny_ip_adapter(tmp_path / "xl", "sdxl")
    refused(tmp_path / "xl", "made for models whose text is 64 wide")
    (tmp_path / "xl" / "image_encoder" / "model.safetensors").rename(tmp_path / "xl" / "image_encoder" / "model.bin")
    refused(tmp_path / "xl", "weights only as model.bin, which can run programs")
    (tmp_path / "pickle").mkdir()
    (tmp_path / "pickle" / "ip-adapter.bin").write_bytes(b"")
    refused(tmp_path / "pickle", "weights only as ip-adapter.bin, which can run programs")
    (tmp_path / "none").mkdir()
    refused(tmp_path / "none", "one IP-Adapter is expected")
    tiny.make_tiny_lora(tmp_path / "lora" / "lora.safetensors")
    (tmp_path / "lora" / "image_encoder").symlink_to(adapter / "image_encoder")
    refused(tmp_path / "lora", "no IP-Adapter of the plain kind")


def test_other_runtimes_refuse_it(tiny_models: Path, adapter: Path) -> None:
    chosen = DiffusionSettings(model=str(tiny_models / "tiny-sd"), reference_model=str(adapter))
    with pytest.raises(UserError, match=r'it is for runtime = "torch"'):
        Diffusion(OnnxRuntime(), chosen)
    assert Diffusion.ready_for("torch", chosen)
    assert not Diffusion.ready_for("openvino", chosen)
