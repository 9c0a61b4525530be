"""The best script that one would write for one job: a dome behind a camera's frustum on one wall. For measuring.

It has nothing that the engine has besides: no plates to choose from, no other feed, no guard; its two draws are those
that the job cannot do without, into the plainest targets, with buffers and vertex arrays of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.program import load_program
from vpengine.gpu.target import Texture


class _Half:
    """One of the two draws."""

    def __init__(
        self, gpu: Gpu, shaders: tuple[str, str], block: UniformBlock, defines: Mapping[str, str], size: tuple[int, int]
    ) -> None:
        context = gpu.context
        name, vertex = shaders
        self._block = block
        self.program = load_program(context, name, (block,), defines, vertex)
        self.color = gpu.texture(size, 4, "f1" if "ENCODED" in defines else "f2")
        self.framebuffer = context.framebuffer([self.color])
        self._uniforms = context.buffer(reserve=block.size)

    def begin(self, values: Mapping[str, Any]) -> None:
        self.framebuffer.use()
        self._uniforms.write(self._block.pack(values))
        self._uniforms.bind_to_uniform_block(0)


class BareDome:
    """dome, wall: (block, defines) of the shaders of those names. vertices: the wall's, as ``Mesh`` takes them.

    picture: what the wall is sent.
    """

    def __init__(
        self,
        gpu: Gpu,
        panorama: Texture,
        outer: Texture,
        dome: tuple[UniformBlock, Mapping[str, str]],
        wall: tuple[UniformBlock, Mapping[str, str]],
        vertices: Mapping[str, NDArray[np.float32]],
        triangles: NDArray[np.uint32],
        sizes: tuple[tuple[int, int], tuple[int, int]],
    ) -> None:
        """sizes: of the inner picture and of the wall's."""
        context = gpu.context
        self._dome = _Half(gpu, ("dome", "fullscreen"), *dome, sizes[0])
        self._wall = _Half(gpu, ("wall", "wall_inner"), *wall, sizes[1])
        self._full = context.vertex_array(self._dome.program, [])
        buffers = [
            (context.buffer(data.tobytes()), f"{data.shape[1]}f", name)
            for name, data in vertices.items()
            if name in self._wall.program
        ]
        self._mesh = context.vertex_array(self._wall.program, buffers, context.buffer(triangles.tobytes()))
        self._panorama, self._outer = panorama, outer
        self._wall.program["inner"], self._wall.program["outer"] = 0, 1

    @property
    def picture(self) -> Texture:
        return self._wall.color

    def draw(self, dome: Mapping[str, Any], wall: Mapping[str, Any], triangles: range) -> None:
        """A frame. dome, wall: the blocks' values. triangles: the wall's, that the frustum is on."""
        self._panorama.use(0)
        self._dome.begin(dome)
        self._full.render(moderngl.TRIANGLES, vertices=3)
        self._dome.color.use(0)
        self._outer.use(1)
        self._wall.begin(wall)
        self._mesh.render(moderngl.TRIANGLES, vertices=3 * len(triangles), first=3 * triangles.start)
