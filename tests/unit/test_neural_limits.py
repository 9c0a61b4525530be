"""Time limits are the generator's own: what says that it needs long is waited for, what says it is quick is not."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vpengine.frames.images import ImageSet, Room
from vpengine.frames.keyframe import Keyframe, Request
from vpengine.frames.look import Look
from vpengine.frames.provenance import Provenance
from vpengine.neural.ladder_host import LadderHost, LadderRung
from vpengine.neural.process_host import ProcessHost
from vpengine.view.camera import camera_view
from vpengine.view.color import acescct_from_linear
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

SIZE = (16, 8)
pytestmark = pytest.mark.alone

GENERATORS = """
import time
import numpy as np
from vpengine.neural.generator import Generated
from vpengine.neural.none import NoGenerator

class Quick(NoGenerator):
    '''Says nothing of its limits; its first two pictures are made at once, all others take a quarter of a second.'''
    made = 0

    def generate(self, plate, look):
        self.made += 1
        time.sleep(0.25 if self.made > 2 else 0.0)
        return super().generate(plate, look)

class Echo(NoGenerator):
    '''Answers what it was given, in arrays in one piece and with row 0 at the top: colour as gain, the rest as bias.'''

    def generate(self, plate, look):
        assert all(array.flags.c_contiguous for array in (plate.color_cct, plate.depth_m, plate.noise))
        rest = [plate.depth_m, plate.noise, np.arange(plate.noise.size).reshape(plate.noise.shape)]
        return Generated(plate.color_cct, np.stack(rest, axis=-1).astype(np.float32))

class Patient(Quick):
    hang_limit_s = staticmethod(lambda work_s: 60.0 + work_s)

class LoadsLong(NoGenerator):
    load_limit_s = 300.0

    def __init__(self, runtime):
        time.sleep(3600.0)

class LoadsQuickly(LoadsLong):
    load_limit_s = 0.5

class OutOfMemoryError(RuntimeError):
    '''As torch and CUDA have one; what it says has an address of this machine's in it.'''

class TooLarge(NoGenerator):
    '''Has the memory for half of a picture.'''

    def generate(self, plate, look):
        if plate.depth_m.size > 64:
            raise OutOfMemoryError("tried to allocate 2.00 GiB")
        return super().generate(plate, look)

class LoadsAsMost(NoGenerator):
    __init__ = LoadsLong.__init__

class FirstPictureLong(NoGenerator):
    load_limit_s = 300.0
    first_pictures_limit_s = 20.0

    def generate(self, plate, look):
        time.sleep(3600.0)
"""


@contextmanager
def hosted(name: str) -> Iterator[ProcessHost]:
    host = ProcessHost("test", f"limits_of_tests:{name}", "vpengine.neural.none:NoRuntime", [SIZE])
    try:
        yield host
    finally:
        host.close()


@pytest.fixture(autouse=True)
def generators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Spawned processes are given this one's path."""
    (tmp_path / "limits_of_tests.py").write_text(GENERATORS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("limits_of_tests", None)


def until(host: ProcessHost, condition: Callable[[], bool]) -> list[Keyframe]:
    keyframes: list[Keyframe] = []
    end_s = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end_s, "it took too long"
        keyframes += host.collect(time.monotonic()).keyframes
        time.sleep(0.005)
    return keyframes


def request(number: int) -> Request:
    width, height = SIZE
    view = camera_view(Pose((0.0, 0.0, 1.6)), Lens((24.89, 14.0), 24.0), SIZE)
    color = np.full((height, width, 3), 0.2, np.float16)
    plate = ImageSet.of(color, np.full((height, width), 5.0, np.float32), color[..., 0], view, Provenance("plate:test"))
    return Request(number, 0, "test", plate, Look("test"), time.monotonic())


def varied(number: int, room: Room | None = None) -> Request:
    """No two pixels alike; put into ``room`` as a read-back would."""
    asked, rng = request(number), np.random.default_rng(number)
    shape = (SIZE[1], SIZE[0])
    color = rng.uniform(0.02, 1.5, (*shape, 3)).astype(np.float16)
    depth_m, noise = rng.uniform(1.0, 9.0, shape).astype(np.float32), rng.uniform(size=shape).astype(np.float16)
    plate = ImageSet.of(color, depth_m, noise, asked.plate.view, asked.plate.provenance)
    if room is not None:
        room.color_noise.stored[:] = plate.color_noise.stored[::-1]
        room.depth.stored[:] = plate.depth.stored[::-1]
        plate = ImageSet(room.color_noise, room.depth, plate.view, plate.provenance)
    return replace(asked, plate=plate)


@pytest.mark.parametrize("in_its_room", [False, True])
def test_pictures_go_there_and_back_the_right_way_up(in_its_room: bool) -> None:
    """Pixel by pixel; and a keyframe has all that it needs when its slot is another request's."""
    with hosted("Echo") as host:
        until(host, lambda: host.health.ready)
        keyframes = []
        for number in (1, 2, 3):
            room = host.free(time.monotonic())
            assert room is not None
            assert (room.color_noise.bottom_up, room.depth.lives) == (True, "shared memory")
            host.submit(varied(number, room if in_its_room else None), time.monotonic())
            keyframes += until(host, lambda number=number: host.health.images == number)
        del room
        for keyframe in keyframes:
            expected = varied(keyframe.request.number).plate
            found = keyframe.request.plate
            for name in ("color", "depth_m", "noise"):
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
            assert {found.color_noise.lives, found.depth.lives, keyframe.gain.lives} == {"array"}
            cct = acescct_from_linear(expected.color).astype(np.float16)
            np.testing.assert_array_equal(keyframe.gain.rgb, cct)
            depth_m, noise, place = np.moveaxis(keyframe.bias.rgb, -1, 0)
            np.testing.assert_array_equal(depth_m, expected.depth_m.astype(np.float16))
            np.testing.assert_array_equal(noise, expected.noise)
            np.testing.assert_array_equal(place, np.arange(SIZE[0] * SIZE[1]).reshape(SIZE[1], SIZE[0]))


def test_the_default_is_three_seconds_for_one_that_is_quick() -> None:
    with hosted("Quick") as host:
        until(host, lambda: host.health.ready)
        host.health.work_s = 0.05
        asked, now_s = request(1), time.monotonic()
        host.submit(asked, now_s)
        host.collect(now_s + 2.9)
        assert host.health.restarts == 0
        assert host.collect(now_s + 3.1).lost == (asked,)
        assert host.health.restarts == 1
        assert host.health.last_failure == "no answer for 3.0 s"


def test_one_that_says_it_needs_longer_for_every_picture_is_waited_for() -> None:
    """Each of three pictures is far later than the default would have waited."""
    with hosted("Patient") as host:
        until(host, lambda: host.health.ready)
        for number in (1, 2, 3):
            host.health.work_s = 0.05
            now_s = time.monotonic()
            host.submit(request(number), now_s)
            assert not host.collect(now_s + 50.0).lost
            (keyframe,) = until(host, lambda number=number: host.health.images == number)
            assert keyframe.request.number == number
        assert host.health.restarts == 0
        now_s = time.monotonic()
        host.submit(request(4), now_s)
        host.collect(now_s + 70.0)
        assert host.health.restarts == 1


@pytest.mark.parametrize(("name", "limit_s"), [("LoadsQuickly", 0.5), ("LoadsAsMost", 120.0), ("LoadsLong", 300.0)])
def test_a_model_may_load_for_as_long_as_its_generator_says(
    name: str, limit_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    started_s = time.monotonic()
    with hosted(name) as host, caplog.at_level(logging.WARNING):
        host.collect(started_s + 0.9 * limit_s)
        assert host.health.restarts == 0
        assert host.health.words(held=False) == "test starting"
        host.collect(time.monotonic() + limit_s)
        assert host.health.restarts == 1
    assert f"generator test stopped: it was not loaded after {limit_s:g} s. The wall" in caplog.text


def test_the_first_pictures_have_a_limit_of_their_own() -> None:
    """It counts from when the model was loaded, whatever that had taken."""
    with hosted("FirstPictureLong") as host:
        until(host, lambda: host._loaded)
        now_s = time.monotonic()
        host.collect(now_s + 15.0)
        assert host.health.restarts == 0
        host.collect(now_s + 25.0)
        assert host.health.last_failure.startswith("its first picture of 16 x 8 was not done after 20 s")


def test_a_full_memory_leads_to_smaller_pictures_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """And not to a second try of the same, nor to what needs more."""

    def rung(words: str, size: tuple[int, int], share: float) -> LadderRung:
        target = "limits_of_tests:TooLarge"
        start = partial(ProcessHost, "test", target, "vpengine.neural.none:NoRuntime", [size], request_size=share)
        return LadderRung(words, start)

    more = replace(rung("its networks on torch", SIZE, 1.0), needs_more=True)
    host = LadderHost([rung("as asked", SIZE, 1.0), more, rung("pictures of half the pixels", (11, 5), 0.7)])
    try:
        end_s = time.monotonic() + 20.0
        while not host.health.ready:
            assert time.monotonic() < end_s, "it took too long"
            host.collect(time.monotonic())
            time.sleep(0.005)
        assert (host.request_size, host.health.restarts) == (0.7, 1)
    finally:
        host.close()
    told = [record.message for record in caplog.records]
    assert any("not enough memory for its picture. From now on: pictures of half the pixels." in line for line in told)
    assert not any("2.00 GiB" in line for line in told)
