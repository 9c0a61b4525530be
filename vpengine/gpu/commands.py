"""What a frame asks of OpenGL goes through here, one command at a time, so that a tape can keep it and issue it again.

``vpengine bench`` compares a frame with its own commands issued alone: what is left is what the engine costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import moderngl

Texture = moderngl.Texture | moderngl.TextureArray | moderngl.Texture3D | moderngl.TextureCube

Command = Callable[[], object]
Masks = tuple[bool, ...] | tuple[tuple[bool, ...], ...]  # of the only texture; of each of several


@dataclass(slots=True)
class Draw:
    """One draw with all the state it needs; it inherits none.

    viewport: a part of the framebuffer, for one that is drawn in parts only; else all of it.
    flags: moderngl's of what is enabled. depth_func: in OpenGL's sign, where the z-buffer is asked. textures: each with
    its unit. uniforms: the block's bytes, written into ``buffer``. vertices: -1 for all of the array's.
    masks: which channels of each of the framebuffer's textures are written; else all. instances: how often it is drawn.
    """

    framebuffer: moderngl.Framebuffer
    array: moderngl.VertexArray
    flags: int
    depth_func: str
    textures: list[tuple[Texture, int]]
    buffer: moderngl.Buffer | None
    uniforms: bytes
    vertices: int = -1
    first: int = 0
    viewport: tuple[int, int, int, int] | None = None
    masks: Masks | None = None
    instances: int = 1

    def __call__(self) -> None:
        if self.masks is None:
            self._draw()
            return
        all_masks = self.framebuffer.color_mask
        mask_each(self.framebuffer, self.masks)
        try:
            self._draw()
        finally:  # else whatever is drawn or cleared there afterwards would lack these channels
            self.framebuffer.color_mask = all_masks

    def _draw(self) -> None:
        context = self.framebuffer.ctx
        if self.viewport is not None:
            self.framebuffer.viewport = self.viewport
        self.framebuffer.use()
        context.enable_only(self.flags)
        if self.flags & moderngl.DEPTH_TEST:
            context.depth_func = self.depth_func
        for texture, unit in self.textures:
            texture.use(unit)
        if self.buffer is not None:
            self.buffer.write(self.uniforms)
            self.buffer.bind_to_uniform_block(0)
        self.array.render(moderngl.TRIANGLES, self.vertices, self.first, self.instances)


def mask_each(framebuffer: moderngl.Framebuffer, masks: Any) -> None:
    """masks: for each of its textures whether red, green, blue and alpha are written. moderngl's types know but one."""
    framebuffer.color_mask = masks


class Tape:
    """Commands in the order in which they were issued. What they draw with must live as long as the tape is used."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def __len__(self) -> int:
        return len(self.commands)

    def issue(self) -> None:
        for command in self.commands:
            command()


_tapes: list[Tape] = []  # there is one rendering context, on one thread, and so one stream of commands


def do(command: Command) -> None:
    """Issue a command now; tapes that are recording keep it."""
    command()
    for tape in _tapes:
        tape.commands.append(command)


@contextmanager
def recording() -> Iterator[Tape]:
    """Every command issued inside is also kept on the tape."""
    tape = Tape()
    _tapes.append(tape)
    try:
        yield tape
    finally:
        _tapes.remove(tape)
