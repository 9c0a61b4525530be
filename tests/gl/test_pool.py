"""The pool: no target is lent twice at once, none is kept that nobody uses, none is made that could be lent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.library import gl_library
from vpengine.gpu.pool import IDLE_S, TargetPool, TargetSpec

SMALL = TargetSpec((8, 4))


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(gpu: Any, clock: Clock) -> Iterator[TargetPool]:
    pool = TargetPool(Gpu(gpu), clock)
    yield pool
    pool.release()


def objects() -> int:
    """Textures, framebuffers and renderbuffers that the driver has, by asking for each name."""
    return sum(exists(kind, name) for kind in ("Texture", "Framebuffer", "Renderbuffer") for name in range(1, 20000))


def exists(kind: str, name: int) -> bool:
    return bool(getattr(gl_library(), f"glIs{kind}")(name) & 0xFF)  # a GLboolean; the rest of the register is noise


def test_a_target_is_what_was_asked_for(pool: TargetPool) -> None:
    target = pool.lend(TargetSpec((6, 4), dtype="f4", depth=True, components=1))
    assert (target.size, target.color.size, target.color.dtype, target.color.components) == ((6, 4), (6, 4), "f4", 1)
    assert target.depth is not None
    plain = pool.lend(TargetSpec((6, 4), dtype="f1"))
    assert (plain.color.dtype, plain.color.components, plain.depth) == ("f1", 4, None)


def test_several_textures_of_a_target_are_drawn_at_once(gpu: Any, pool: TargetPool) -> None:
    target = pool.lend(TargetSpec((8, 4), dtype="f4", colors=2))
    first, second = target.layers
    assert first.color is target.color
    assert (first.size, second.size, second.color.size) == ((8, 4), (8, 4), (8, 4))
    target.framebuffer.clear(red=0.5)
    assert first.color.read() == second.color.read() != bytes(8 * 4 * 16)


def test_one_that_is_lent_is_not_lent_again_and_one_given_back_is(pool: TargetPool) -> None:
    first, second = pool.lend(SMALL), pool.lend(SMALL)
    assert first.color.glo != second.color.glo
    pool.give_back(first)
    assert pool.lend(SMALL) is first
    assert (pool.lent, pool.resting) == (2, 0)


@pytest.mark.parametrize(
    "other",
    [TargetSpec((4, 8)), TargetSpec((8, 4), "f1"), TargetSpec((8, 4), depth=True), TargetSpec((8, 4), components=1)],
)
def test_one_of_another_kind_is_not_lent_instead(pool: TargetPool, other: TargetSpec) -> None:
    first = pool.lend(SMALL)
    pool.give_back(first)
    assert pool.lend(other) is not first


def test_giving_back_twice_is_refused(pool: TargetPool) -> None:
    """Two jobs would draw into one picture."""
    target = pool.lend(SMALL)
    pool.give_back(target)
    with pytest.raises(ValueError, match="8 x 4 is not lent"):
        pool.give_back(target)


def test_what_nobody_had_for_a_second_is_released(pool: TargetPool, clock: Clock) -> None:
    before = objects()
    kept, given_back = pool.lend(SMALL), pool.lend(SMALL)
    pool.give_back(given_back)
    clock.now_s += IDLE_S - 0.01
    pool.sweep()
    assert (pool.lent, pool.resting) == (1, 1)
    clock.now_s += 0.02
    pool.sweep()
    assert (pool.lent, pool.resting) == (1, 0)
    assert objects() == before + 2  # the kept one's texture and framebuffer
    assert exists("Texture", kept.color.glo)


def test_one_that_is_used_every_frame_stays(pool: TargetPool, clock: Clock) -> None:
    """Of two, the one used last is lent first, and the other grows old."""
    first, second = pool.lend(SMALL), pool.lend(SMALL)
    pool.give_back(second)
    pool.give_back(first)
    for _ in range(30):
        assert pool.lend(SMALL) is first
        pool.give_back(first)
        clock.now_s += 1.0 / 24.0
        pool.sweep()
    assert (pool.lent, pool.resting) == (0, 1)


def test_fifty_scene_changes_leave_the_number_of_objects(pool: TargetPool, clock: Clock) -> None:
    """A scene's targets are its own sizes; every change makes some and leaves some."""

    def scene(number: int) -> None:
        specs = [TargetSpec((16 + number, 9), depth=True), TargetSpec((16, 9)), TargetSpec((16, 9))]
        for _ in range(30):
            for target in [pool.lend(spec) for spec in specs]:
                pool.give_back(target)
            clock.now_s += 1.0 / 24.0
            pool.sweep()

    scene(0)
    before = objects()
    for number in range(1, 51):
        scene(number)
    scene(0)
    assert objects() == before


def test_releasing_the_pool_releases_what_is_out_too(gpu: Any, clock: Clock) -> None:
    before = objects()
    pool = TargetPool(Gpu(gpu), clock)
    pool.lend(SMALL)
    pool.give_back(pool.lend(TargetSpec((8, 4), depth=True)))
    assert objects() > before
    pool.release()
    assert objects() == before


def test_where_there_is_no_room_that_of_resting_targets_is_tried(
    pool: TargetPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.give_back(pool.lend(SMALL))
    make, rooms = TargetSpec.make, [0]

    def cramped(spec: TargetSpec, gpu: Gpu) -> Any:
        rooms[0] += 1
        if pool.resting:
            raise RuntimeError("no room")
        return make(spec, gpu)

    monkeypatch.setattr(TargetSpec, "make", cramped)
    assert pool.lend(TargetSpec((4, 4))).size == (4, 4)
    assert (rooms[0], pool.resting) == (2, 0)
