"""Pass: one shader over a whole target (or a mesh), with its uniform block and its textures by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.program import load_program
from vpengine.gpu.target import Target, Texture

Where = Literal["everywhere", "mark", "rest"]
Bound = Texture | tuple[Texture, ...]  # a sampler's texture, or a sampler array's


class Pass:
    """Draws shaders/<name> over all of a target.

    ``block`` declares the shader's uniforms; ``draw`` is given a value for each. Textures are bound to the samplers
    of the same names.
    """

    def __init__(
        self,
        context: moderngl.Context,
        name: str,
        block: UniformBlock | None = None,
        defines: Mapping[str, str] | None = None,
        vertex: str = "fullscreen",
    ) -> None:
        self._context = context
        self._block = block
        self._program = load_program(context, name, (block,) if block else (), defines, vertex)
        self._buffer = context.buffer(reserve=block.size) if block else None
        self._triangle = context.vertex_array(self._program, [])

    def draw(
        self,
        target: Target,
        textures: Mapping[str, Bound] | None = None,
        where: Where = "everywhere",
        **values: Any,
    ) -> None:
        """``where``: ``mark`` marks in the z-buffer what it does not discard; ``rest`` draws, and marks, the others."""
        target.framebuffer.use()
        self._context.disable(moderngl.BLEND | moderngl.CULL_FACE)
        if where == "everywhere":
            self._context.disable(moderngl.DEPTH_TEST)
        else:
            self._context.enable(moderngl.DEPTH_TEST)
            self._context.depth_func = "1" if where == "mark" else "<"
        self._bind(textures or {}, values)
        self._triangle.render(moderngl.TRIANGLES, vertices=3)

    def _bind(self, textures: Mapping[str, Bound], values: Mapping[str, Any]) -> None:
        unit = 0
        for name, bound in textures.items():
            parts = bound if isinstance(bound, tuple) else (bound,)
            units = tuple(range(unit, unit + len(parts)))
            for texture, place in zip(parts, units, strict=True):
                texture.use(place)
            if name in self._program:  # a sampler a define switched off is not there
                self._program[name] = units if len(units) > 1 else unit
            unit += len(parts)
        if self._block is not None and self._buffer is not None:
            self._buffer.write(self._block.pack(values))
            self._buffer.bind_to_uniform_block(0)


class MeshPass(Pass):
    """Draws a mesh with shaders/<vertex>.vert and <name>.frag, z-tested where the target has a z-buffer."""

    def draw_mesh(
        self,
        target: Target | moderngl.Framebuffer,
        mesh: Mesh,
        textures: Mapping[str, Bound] | None = None,
        triangles: range | None = None,
        **values: Any,
    ) -> None:
        """triangles: only these of the mesh's, else all."""
        (target.framebuffer if isinstance(target, Target) else target).use()
        self._context.disable(moderngl.BLEND)
        self._context.enable(moderngl.DEPTH_TEST)
        self._context.depth_func = "<"
        if mesh.closed:
            self._context.enable(moderngl.CULL_FACE)
        else:
            self._context.disable(moderngl.CULL_FACE)
        self._bind(textures or {}, values)
        array = mesh.vertex_array(self._program)
        if triangles is None:
            array.render(moderngl.TRIANGLES)
        elif len(triangles):
            array.render(moderngl.TRIANGLES, vertices=3 * len(triangles), first=3 * triangles.start)


class Mesh:
    """Vertex attributes by name, each (vertices, components) float32, and triangle indices (triangles, 3).

    ``closed``: back faces are never seen and may be culled (front faces are counter-clockwise).
    """

    def __init__(
        self,
        context: moderngl.Context,
        attributes: Mapping[str, NDArray[np.float32]],
        triangles: NDArray[np.uint32],
        closed: bool = False,
    ) -> None:
        self.closed = closed
        self._context = context
        self._buffers = [
            (name, values.shape[1], context.buffer(np.ascontiguousarray(values, np.float32).tobytes()))
            for name, values in attributes.items()
        ]
        self._indices = context.buffer(np.ascontiguousarray(triangles, np.uint32).tobytes())
        self._arrays: dict[int, moderngl.VertexArray] = {}

    def vertex_array(self, program: moderngl.Program) -> moderngl.VertexArray:
        """The mesh as a program wants it; attributes the program does not use are left out."""
        if program.glo not in self._arrays:
            content = [(buffer, f"{width}f", name) for name, width, buffer in self._buffers if name in program]
            self._arrays[program.glo] = self._context.vertex_array(program, content, self._indices)
        return self._arrays[program.glo]

    def write_indices(self, triangles: NDArray[np.uint32]) -> None:
        """Put (triangles, 3) at the start of the index buffer: a plate that culls draws only so many of them."""
        self._indices.orphan()  # a draw in flight keeps what it was given
        self._indices.write(np.ascontiguousarray(triangles, np.uint32))

    def release(self) -> None:
        for array in self._arrays.values():
            array.release()
        for _, _, buffer in self._buffers:
            buffer.release()
        self._indices.release()
