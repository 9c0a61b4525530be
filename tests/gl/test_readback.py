"""Read-backs: the pixels as they were when asked for, in order, and nobody waits for them unless he wants to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from vpengine.frames.pixels import Pixels
from vpengine.gpu import readback as readback_module
from vpengine.gpu import sync as sync_module
from vpengine.gpu.fence import Fence
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.readback import ReadBack
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload
from vpengine.gpu.uniforms import IN_FLIGHT
from vpengine.gpu.view_lut import ViewLut


@pytest.fixture(params=["texture", "buffer"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """As software OpenGL is read, and as a graphics card is."""
    monkeypatch.setattr(readback_module, "is_software", lambda _: request.param == "texture")
    return str(request.param)


def picture(engine: Gpu, seed: int, dtype: Any = np.float16, components: int = 4) -> tuple[Any, Any]:
    """A texture, and what it shows with row 0 at the top."""
    image = np.random.default_rng(seed).normal(size=(5, 7, components)).astype(dtype)
    return upload(engine.context, image), image


def test_rows_are_as_they_lie_or_turned_into_an_array_of_the_callers(engine: Gpu, way: str) -> None:
    texture, image = picture(engine, 1)
    back = ReadBack(engine, (7, 5))
    assert back.begin(texture)
    np.testing.assert_array_equal(back.take(), image[::-1])
    assert back.begin(texture)
    into = np.zeros_like(image)
    assert back.take(into) is into
    np.testing.assert_array_equal(into, image)
    back.release()


def test_rows_as_they_lie_go_straight_to_where_they_are_wanted(engine: Gpu, way: str) -> None:
    """No array of its own is made for them."""
    texture, image = picture(engine, 1)
    back = ReadBack(engine, (7, 5))
    with pytest.raises(ValueError, match="no read-back was begun"):
        back.take_rows(Pixels(np.zeros_like(image)))
    assert back.begin(texture)
    into = np.zeros_like(image)
    back.take_rows(Pixels(into))
    np.testing.assert_array_equal(into[::-1], image)
    assert not back._pixels
    back.release()


@pytest.mark.parametrize(("dtype", "name", "components"), [(np.float32, "f4", 1), (np.uint8, "f1", 4)])
def test_other_types_too(engine: Gpu, way: str, dtype: Any, name: str, components: int) -> None:
    """Rows of 7 one-byte texels are no multiple of four bytes."""
    texture, image = picture(engine, 2, dtype, components)
    back = ReadBack(engine, (7, 5), name, components)
    back.begin(texture)
    np.testing.assert_array_equal(back.take()[::-1], image)
    back.release()


def test_they_come_in_the_order_in_which_they_were_begun(engine: Gpu, way: str) -> None:
    back = ReadBack(engine, (7, 5))
    pictures = [picture(engine, seed) for seed in range(9)]
    assert back.begin(pictures[0][0])
    for (_, image), (later, _) in pairwise(pictures):
        assert back.begin(later)
        np.testing.assert_array_equal(back.take()[::-1], image)
    back.release()


def test_no_more_are_begun_than_the_ring_has_room_for(engine: Gpu, way: str) -> None:
    texture, _ = picture(engine, 1)
    back = ReadBack(engine, (7, 5), ring=2)
    assert [back.begin(texture) for _ in range(3)] == [True, True, False]
    back.forget()
    assert not back.ready()
    with pytest.raises(ValueError, match="no read-back was begun"):
        back.take()
    assert back.begin(texture)
    back.release()


def test_another_kind_of_texture_is_refused(engine: Gpu, way: str) -> None:
    texture, _ = picture(engine, 1, np.float32)
    with pytest.raises(ValueError, match="f4"):
        ReadBack(engine, (7, 5)).begin(texture)


def test_an_array_given_without_into_is_not_written_by_the_next_one(engine: Gpu, way: str) -> None:
    back = ReadBack(engine, (7, 5), ring=2)
    first, second = picture(engine, 1), picture(engine, 2)
    back.begin(first[0])
    held = back.take()
    back.begin(second[0])
    back.take()
    np.testing.assert_array_equal(held[::-1], first[1])
    back.release()


def test_frames_need_no_new_buffers_or_arrays(engine: Gpu, way: str) -> None:
    back = ReadBack(engine, (7, 5), ring=2)
    texture, _ = picture(engine, 1)
    taken = set()
    for _ in range(20):
        back.begin(texture)
        taken.add(back.take().ctypes.data)
    assert len(taken) == 2
    assert len(back._buffers) == (2 if way == "buffer" else 0)
    back.release()


@pytest.fixture
def slow(engine: Gpu) -> Iterator[Any]:
    """Draws that take software OpenGL some tens of milliseconds, into the returned target."""
    lut, light = ViewLut(engine), Target(engine.context, (64, 64))
    target = Target(engine.context, (1920, 1080), dtype="f1")
    light.clear()
    lut.develop(target, light.color)
    engine.finish()

    def draw() -> Target:
        for _ in range(6):
            lut.develop(target, light.color, exposure_stops=3.0)
        return target

    yield draw
    engine.finish()
    lut.release()
    light.release()
    target.release()


def test_it_is_ready_after_the_draws_before_it_and_not_sooner(engine: Gpu, slow: Any) -> None:
    """As the driver is: what is said to be ready is there; asking never waits for it."""
    target = slow()
    back = ReadBack(engine, target.size, "f1")
    back.begin(target.color)
    early, asked_s, begun_s = 0, 0.0, time.perf_counter()
    while not back.ready():
        early += 1
        asked_s = max(asked_s, time.perf_counter() - begun_s)
        time.sleep(0.001)
        begun_s = time.perf_counter()
        assert early < 30_000
    pixels = back.take().copy()
    np.testing.assert_array_equal(pixels[::-1], download(target.color))
    print(f"asked {early} times before it was ready, {1e3 * asked_s:.2f} ms at most each")
    back.release()


def test_a_fence_says_no_while_the_driver_draws(engine: Gpu, slow: Any) -> None:
    slow()
    fence = Fence(engine)
    assert not fence.passed()
    engine.finish()
    assert fence.passed()
    fence.release()


def test_taking_before_it_is_ready_waits(engine: Gpu, slow: Any) -> None:
    target = slow()
    back = ReadBack(engine, target.size, "f1")
    back.begin(target.color)
    pixels = back.take()
    engine.finish()
    np.testing.assert_array_equal(pixels[::-1], download(target.color))
    back.release()


def test_without_opengls_own_fences_frames_are_counted(engine: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_module, "_functions", lambda: None)
    texture, image = picture(engine, 1)
    back = ReadBack(engine, (7, 5))
    back.begin(texture)
    for _ in range(IN_FLIGHT):
        assert not back.ready()
        engine.begin_frame()
    assert back.ready()
    np.testing.assert_array_equal(back.take()[::-1], image)
    back.release()
