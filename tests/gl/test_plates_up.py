"""Plates go up in slices, give back what they took, and where one cannot be shown the wall says so in words."""

from __future__ import annotations

import ctypes
import gc
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.waiting import until, waited_s, waits_here
from vpengine.compose.walls import Walls
from vpengine.errors import UserError
from vpengine.gpu import sliced
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.library import gl_library
from vpengine.gpu.sliced import SLICE_BYTES, SlicedTexture
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.dome import Dome
from vpengine.plates.locations import Locations
from vpengine.plates.mipmaps import mip_levels
from vpengine.plates.none import NoPlate
from vpengine.plates.pattern import Pattern
from vpengine.plates.plate import Plate
from vpengine.plates.still import Still
from vpengine.plates.street.plate import Street
from vpengine.stage.walls import FlatWall
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import from_opentrackio, view_from_stage
from vpengine.view.view import View

KINDS = ("glIsTexture", "glIsBuffer", "glIsFramebuffer", "glIsRenderbuffer", "glIsProgram", "glIsVertexArray")


def gl_objects(highest: int = 20_000) -> dict[str, int]:
    """How many of each kind OpenGL has, whoever made them; what a test before dropped does not go meanwhile."""
    gc.collect()
    return {kind: sum(bool(getattr(gl_library(), kind)(name)) for name in range(1, highest)) for kind in KINDS}


def assert_nothing_left(before: dict[str, int]) -> None:
    """What tests before have dropped may go meanwhile; what a test leaves is many more."""
    after = gl_objects()
    assert all(after[kind] <= before[kind] for kind in KINDS), (before, after)


def ramp(height: int, width: int) -> np.ndarray:
    """(height, width, 4): no two rows or columns alike."""
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.stack([x, y, x * y, np.zeros_like(x)], axis=-1).astype(np.float16)


def level_of(texture: Any, level: int, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 4) float32, row 0 at the top."""
    out = np.empty((size[0], size[1], 4), np.float32)
    texture.use(0)
    gl_library().glGetTexImage(0x0DE1, level, 0x1908, 0x1406, out.ctypes.data_as(ctypes.c_void_p))
    return out[::-1]


@pytest.mark.parametrize("has_storage", [True, False])
def test_a_large_picture_goes_up_in_slices(gpu: Any, monkeypatch: pytest.MonkeyPatch, has_storage: bool) -> None:
    monkeypatch.setattr(sliced, "_has_storage", lambda context: has_storage)
    sizes: list[int] = []
    write = sliced._write
    monkeypatch.setattr(sliced, "_write", lambda *a: (sizes.append(a[1].nbytes), write(*a)))
    levels = mip_levels(ramp(1000, 2100))
    engine, texture, calls, shares = Gpu(gpu), SlicedTexture(levels, "a.png"), 0, []
    more = True
    while more:
        before = sum(sizes)
        more = texture.upload(engine)
        calls += 1
        shares.append(sum(sizes) - before)
    total = sum(level.nbytes for level in levels)
    assert sum(sizes) == total
    assert max(shares) <= SLICE_BYTES
    assert calls <= total // SLICE_BYTES + 2
    assert texture.texture.size == (2100, 1000)
    for number in (0, 1, 5, len(levels) - 1):
        found = level_of(texture.texture, number, levels[number].shape[:2])
        np.testing.assert_array_equal(found, levels[number].astype(np.float32))
    texture.release()


def test_a_small_picture_is_there_at_once(gpu: Any) -> None:
    texture = SlicedTexture(mip_levels(ramp(30, 50)), "a.png")
    assert not texture.upload(Gpu(gpu))
    texture.release()


def test_what_the_driver_cannot_take_is_refused_with_both_sizes(gpu: Any) -> None:
    largest = gpu.info["GL_MAX_TEXTURE_SIZE"]
    texture = SlicedTexture([np.zeros((1, largest + 1, 4), np.float16)], "wide.png")
    with pytest.raises(UserError, match=rf"wide\.png: {largest + 1} x 1 pixels \(this .* up to {largest} on a side\)"):
        texture.upload(Gpu(gpu))
    texture.release()


class Failing(SlicedTexture):
    """Asks the driver for what it refuses."""

    def upload(self, gpu: Gpu) -> bool:
        gpu.forget_errors()
        gl_library().glTexParameteri(0x0DE1, 0x2801, 1)
        gpu.refuse_errors("a.png")
        return False


def test_an_error_of_the_driver_s_is_a_user_s_sentence(gpu: Any) -> None:
    with pytest.raises(UserError, match=r"a\.png: the graphics driver refused it \(GL_INVALID_ENUM\)"):
        Failing([], "a.png").upload(Gpu(gpu))


def test_software_opengl_is_not_given_what_stops_the_wall(
    gpu: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(sliced, "SOFTWARE_BYTES", 60_000)
    monkeypatch.setattr(sliced, "is_software", lambda context: True)
    texture = SlicedTexture(mip_levels(ramp(100, 200)), "a.png")
    with caplog.at_level(logging.WARNING):
        assert not texture.upload(Gpu(gpu))
    assert texture.texture.size == (100, 50)
    assert "a.png: 200 x 100 pixels are shown at 100 x 50 on software OpenGL." in caplog.text
    texture.release()


@pytest.fixture
def backdrop(tmp_path: Path) -> Path:
    Image.fromarray((ramp(64, 128)[..., :3] * 255).astype(np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_fifty_loads_and_preparations_leave_nothing_behind(gpu: Any, backdrop: Path) -> None:
    engine = Gpu(gpu)
    wall = FlatWall(id="main", tile_mm=(500.0, 500.0), tile_px=(8, 8), columns=6, rows=4, position_m=(0.0, 3.0, 0.0))
    walls = Walls(engine, [wall], (0.0, 0.0, 1.6), 16)
    makers: list[Callable[[], Plate]] = [
        lambda: Still(Still.Settings(file=backdrop)),
        lambda: Dome(Dome.Settings(file=backdrop)),
        lambda: Pattern(Pattern.Settings()),
        lambda: Pattern(Pattern.Settings(style="checker")),
    ]

    def cycle() -> None:
        engine.finish()  # as at the end of a frame
        for make in makers:
            plate = make()
            while plate.upload(engine):
                pass
            walls.prepare("location", plate)
            plate.release()

    cycle()
    before = gl_objects()
    for _ in range(50):
        cycle()
    assert_nothing_left(before)
    walls.release()


def test_a_wall_takes_a_new_place_by_and_by(gpu: Any) -> None:
    """One face a frame; until the last, what was there is shown, and giving up half way leaves nothing behind."""
    engine = Gpu(gpu)
    wall = FlatWall(id="main", tile_mm=(500.0, 500.0), tile_px=(8, 8), columns=40, rows=4, position_m=(0.0, 1.0, 0.0))
    plate = Pattern(Pattern.Settings())
    plate.upload(engine)
    before = gl_objects()
    walls = Walls(engine, [wall], (0.0, 0.0, 1.6), 16)
    walls.begin("first", plate)
    steps = 0
    while walls.carry_on():
        assert not walls.prepared("first")
        steps += 1
    assert walls.prepared("first")
    assert steps >= 3  # ahead, left and right
    assert not walls.carry_on()
    walls.begin("second", plate)
    assert walls.carry_on()
    walls.release()
    assert not walls.prepared("second")
    after = gl_objects()
    assert {kind: after[kind] for kind in KINDS[2:4]} == {kind: before[kind] for kind in KINDS[2:4]}


def test_a_second_street_leaves_nothing_behind(gpu: Any) -> None:
    engine = Gpu(gpu)

    def cycle() -> None:
        engine.finish()  # as at the end of a frame
        street = Street(Street.Settings(length_m=60.0))
        assert not street.upload(engine)
        street.release()

    cycle()
    before = gl_objects()
    cycle()
    assert gl_objects() == before


def test_a_plate_released_half_way_up_leaves_nothing_behind(gpu: Any, tmp_path: Path) -> None:
    Image.new("RGB", (3000, 1000)).save(tmp_path / "large.png")
    before = gl_objects()
    plate = Dome(Dome.Settings(file=tmp_path / "large.png"))
    assert plate.upload(Gpu(gpu))
    during = gl_objects()
    plate.release()
    assert gl_objects()["glIsTexture"] < during["glIsTexture"]
    assert_nothing_left(before)


def refuse() -> NoPlate:
    raise UserError("pictures/sunset over the bay.exr: no such file")


def crash() -> NoPlate:
    raise ZeroDivisionError("a fault in a plug-in")


class Refused(NoPlate):
    """One that the driver does not take."""

    def upload(self, gpu: Gpu) -> bool:
        raise UserError("a.png: the graphics driver refused it")


class Broken(NoPlate):
    def upload(self, gpu: Gpu) -> bool:
        raise ZeroDivisionError("a fault in a plug-in")


def looking(pan: float, tilt: float = 0.0, size: tuple[int, int] = (640, 360), degrees: float = 70.0) -> View:
    pose = from_opentrackio((0.0, 0.0, 1.6), pan, tilt, 0.0)
    return View(view_from_stage(pose), clip_from_view_symmetric(degrees, size[0] / size[1]), size)


def shown(gpu: Any, plate: Plate, view: View) -> np.ndarray:
    target = Target(gpu, view.resolution, depth=True)
    plate.draw(target, view)
    out = download(target.color)[..., :3].astype(float)
    target.release()
    return out


@pytest.mark.parametrize(
    ("build", "says"), [(refuse, "no such file"), (crash, "could not be made"), (Refused, "driver"), (Broken, "GPU")]
)
def test_a_plate_that_fails_is_told_once_and_the_rest_loads(
    gpu: Any, build: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    locations = Locations(Gpu(gpu), {"broken": build, "good": NoPlate})
    with caplog.at_level(logging.ERROR):
        locations.wait_for("broken")
        locations.wait_for("good")
    assert list(locations.faults) == ["broken"]
    assert says in locations.faults["broken"]
    assert len(caplog.records) == 1
    assert "a placeholder is shown there" in caplog.text
    assert isinstance(locations["good"], NoPlate)
    assert shown(gpu, locations["broken"], looking(0.0)).max() > 0.3
    locations.close()


@pytest.mark.parametrize(("pan", "tilt"), [(0, 0), (72, 0), (-144, 0), (0, 50), (30, -40), (180, 0)])
def test_a_placeholder_has_words_wherever_one_looks(gpu: Any, pan: float, tilt: float) -> None:
    locations = Locations(Gpu(gpu), {"sunset": refuse})
    locations.wait_for("sunset")
    picture = shown(gpu, locations["sunset"], looking(pan, tilt))
    locations.close()
    assert picture.min() > 0.01  # nowhere black
    words = (picture[..., 0] > 0.25).mean()
    assert 0.005 < words < 0.2


def test_a_placeholder_s_words_are_those_of_the_fault(gpu: Any, golden: Callable[..., None]) -> None:
    """One should read "No plate: sunset" and below it the sentence, upright and not mirrored."""
    locations = Locations(Gpu(gpu), {"sunset": refuse})
    locations.wait_for("sunset")
    picture = shown(gpu, locations["sunset"], looking(0.0, size=(384, 216), degrees=75.0))
    locations.close()
    golden("plates/placeholder", (np.clip(picture, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))


@pytest.mark.parametrize(
    "sentence",
    ["", "日本語.exr: no such file", "\udc93\n\t", "word " * 200, "x" * 3000],
    ids=["none", "Japanese", "no text", "many words", "a long one"],
)
def test_no_sentence_is_too_odd_for_a_placeholder(gpu: Any, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "vpengine.plates.locations")  # a report of the tests takes no such text

    def build() -> NoPlate:
        raise UserError(sentence)

    locations = Locations(Gpu(gpu), {"a\nname": build})
    locations.wait_for("a\nname")
    assert shown(gpu, locations["a\nname"], looking(0.0)).max() > 0.3
    locations.close()


def test_closing_waits_for_no_slow_plate(gpu: Any) -> None:
    let_go, made = threading.Event(), []

    def slow() -> NoPlate:
        made.append(1)
        let_go.wait(20.0)
        return NoPlate()

    locations = Locations(Gpu(gpu), {str(index): slow for index in range(6)})
    for index in range(6):
        locations.ask(str(index))
    until(lambda: bool(made))
    with waits_here() as waits:
        locations.close()
    assert 0.0 < waited_s(waits) < 3.0
    let_go.set()
    until(lambda: not locations._thread.is_alive())
    assert made == [1]  # the others were dropped


def test_a_large_dome_comes_in_over_several_frames(gpu: Any, tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.uint8([90, 120, 200]), (2048, 4096, 1))).save(tmp_path / "dome.png")
    locations = Locations(Gpu(gpu), {"dome": lambda: Dome(Dome.Settings(file=tmp_path / "dome.png"))})
    locations.ask("dome")
    frames, end_s = 0, time.monotonic() + 30.0
    while locations.upload_next() is None and time.monotonic() < end_s:
        assert not locations.ready("dome")
        frames += 1 if locations._going_up is not None else 0
        time.sleep(0.001)
    assert frames >= 9  # 90 MB
    np.testing.assert_allclose(shown(gpu, locations["dome"], looking(20.0)).std(axis=(0, 1)), 0.0, atol=1e-3)
    locations.close()
