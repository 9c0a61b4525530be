"""A frame's commands: no uniform buffer rewritten between two draws, and a tape that draws the same picture again."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.commands import Draw, recording
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Mesh, Pass
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download, upload, write
from vpengine.gpu.uniforms import IN_FLIGHT, MOST

MIX = UniformBlock("Mix", mix_amount="float")


@pytest.fixture
def mix(gpu: Any) -> tuple[Gpu, Pass, dict[str, Any]]:
    """A pass that shows what its one uniform is: from black to white."""
    engine = Gpu(gpu)
    dark, light = (upload(gpu, np.full((1, 1, 4), value, np.float32)) for value in (0.0, 1.0))
    return engine, engine.pass_("mix", MIX), {"from_color": dark, "to_color": light}


def drawn(tape: Any) -> list[Draw]:
    return [command for command in tape.commands if isinstance(command, Draw)]


def test_three_draws_of_a_frame_write_three_buffers(mix: tuple[Gpu, Pass, dict[str, Any]]) -> None:
    engine, pass_, textures = mix
    targets = [Target(engine.context, (1, 1), dtype="f4") for _ in range(3)]
    engine.begin_frame()
    with recording() as tape:
        for target, value in zip(targets, (0.25, 0.5, 0.75), strict=True):
            pass_.draw(target, textures, mix_amount=value)
    assert [float(download(target.color)[0, 0, 0]) for target in targets] == [0.25, 0.5, 0.75]
    buffers = [draw.buffer for draw in drawn(tape)]
    assert len({id(buffer) for buffer in buffers}) == 3
    written = [np.frombuffer(buffer.read(4), np.float32)[0] for buffer in buffers if buffer is not None]
    assert written == [0.25, 0.5, 0.75]  # and none was written again afterwards


def test_a_hundred_frames_need_no_more_buffers_than_two(mix: tuple[Gpu, Pass, dict[str, Any]]) -> None:
    engine, pass_, textures = mix
    target = Target(engine.context, (1, 1), dtype="f4")
    used: list[set[int]] = []
    for _ in range(100):
        engine.begin_frame()
        with recording() as tape:
            for _ in range(3):
                pass_.draw(target, textures, mix_amount=0.5)
        used.append({id(draw.buffer) for draw in drawn(tape)})
    assert pass_.buffers is not None
    assert len(pass_.buffers) == 3 * IN_FLIGHT
    assert all(not (earlier & later) for earlier, later in pairwise(used))
    target.release()


def test_what_is_finished_may_be_written_again(mix: tuple[Gpu, Pass, dict[str, Any]]) -> None:
    engine, pass_, textures = mix
    target = Target(engine.context, (1, 1), dtype="f4")
    for _ in range(10):
        pass_.draw(target, textures, mix_amount=0.5)
        engine.finish()
    assert pass_.buffers is not None
    assert len(pass_.buffers) == 1
    target.release()


def test_without_frames_the_number_is_bounded_and_the_picture_right(mix: tuple[Gpu, Pass, dict[str, Any]]) -> None:
    engine, pass_, textures = mix
    target = Target(engine.context, (1, 1), dtype="f4")
    for number in range(3 * MOST):
        pass_.draw(target, textures, mix_amount=number / 256.0)
        assert download(target.color)[0, 0, 0] == number / 256.0
    assert pass_.buffers is not None
    assert len(pass_.buffers) == MOST
    target.release()


def test_a_tape_draws_the_frame_again(mix: tuple[Gpu, Pass, dict[str, Any]]) -> None:
    """Clears, uploads and draws, in their order; what the engine does around them is not on it."""
    engine, pass_, textures = mix
    target = Target(engine.context, (2, 1), dtype="f4", depth=True)
    other = upload(engine.context, np.zeros((1, 1, 4), np.float32))
    with recording() as tape:
        target.clear()
        write(other, np.full((1, 1, 4), 3.0, np.float32))
        pass_.draw(target, {"from_color": textures["from_color"], "to_color": other}, mix_amount=0.5)
    assert len(tape) == 4  # colour and depth are cleared one by one
    seen = download(target.color)
    write(other, np.zeros((1, 1, 4), np.float32))
    target.framebuffer.clear(red=9.0, green=9.0)
    tape.issue()
    np.testing.assert_array_equal(download(target.color), seen)
    assert seen[0, 0, 0] == 1.5
    target.release()


def test_what_comes_after_a_recording_is_not_on_its_tape(mix: tuple[Gpu, Pass, dict[str, Any]]) -> None:
    engine, pass_, textures = mix
    target = Target(engine.context, (1, 1), dtype="f4")
    with recording() as outer:
        pass_.draw(target, textures, mix_amount=0.5)
        with recording() as inner:
            pass_.draw(target, textures, mix_amount=0.25)
    pass_.draw(target, textures, mix_amount=1.0)
    assert (len(outer), len(inner)) == (2, 1)
    inner.issue()
    assert download(target.color)[0, 0, 0] == 0.25
    target.release()


def test_a_mesh_drawn_in_part_is_on_the_tape_in_part(gpu: Any) -> None:
    engine = Gpu(gpu)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    mesh = Mesh(gpu, {"in_corner": corners}, np.array([[0, 1, 2], [0, 2, 3]], np.uint32))
    draw = engine.mesh_pass("mix", "fullscreen", MIX)
    target = Target(gpu, (1, 1), dtype="f4")
    with recording() as tape:
        draw.draw_mesh(target, mesh, triangles=range(0), mix_amount=0.0)
        draw.draw_mesh(target, mesh, triangles=range(1, 2), mix_amount=0.0)
    assert [(each.first, each.vertices) for each in drawn(tape)] == [(3, 3)]
    mesh.release()
    target.release()


def test_releasing_a_target_leaves_no_error_for_the_next_one(gpu: Any) -> None:
    """moderngl binds the last framebuffer again after it made another; jobs would be blamed for it."""
    engine = Gpu(gpu)
    engine.forget_errors()
    for depth in (False, True):
        target = Target(gpu, (2, 2), depth=depth)
        target.clear()
        target.framebuffer.use()
        target.release()
        Target(gpu, (2, 2), depth=depth).clear()
        assert gpu.error == "GL_NO_ERROR"


def test_a_draw_that_fails_leaves_all_channels_to_those_after_it(
    mix: tuple[Gpu, Pass, dict[str, Any]],
) -> None:
    engine, pass_, textures = mix
    target = Target(engine.context, (1, 1), dtype="f4")
    with recording() as tape:
        pass_.draw(target, textures, mix_amount=0.5)
    (draw,) = drawn(tape)
    before = target.framebuffer.color_mask
    failing = replace(draw, masks=(False,) * 4, array=None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        failing()
    assert target.framebuffer.color_mask == before
