"""Pass: one shader over a whole target (or a mesh), with its uniform block and its textures by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.commands import Draw, Masks, Texture, do
from vpengine.gpu.program import load_program
from vpengine.gpu.target import Atlas, ShadowMap, Target
from vpengine.gpu.uniforms import FrameCount, UniformRing

Where = Literal["everywhere", "mark", "rest"]
Bound = Texture | tuple[Texture, ...]  # a sampler's texture, or a sampler array's

# Of a target's colour and depth, what a blended mesh's two draws write.
_COLOR = (True, True, True, False)
_BLENDED = (_COLOR, (False,) * 4)
_DEPTH_ALONE = ((False,) * 4, (True,) * 4)
_DEPTH_FUNC: dict[Where, str] = {"everywhere": "", "mark": "1", "rest": "<"}
_INT = 0x1404  # OpenGL's; a sampler is set like one and is of another type


class Pass:
    """Draws shaders/<name> over all of a target.

    ``block`` declares the shader's uniforms; ``draw`` is given a value for each. Textures are bound to the samplers
    of the same names. frames: counted by ``Gpu``; without it every draw is of one frame.
    """

    def __init__(
        self,
        context: moderngl.Context,
        name: str,
        block: UniformBlock | None = None,
        defines: Mapping[str, str] | None = None,
        vertex: str = "fullscreen",
        frames: FrameCount | None = None,
    ) -> None:
        self._block = block
        self._program = load_program(context, name, (block,) if block else (), defines, vertex)
        self._units = _units(self._program)
        self._triangle = context.vertex_array(self._program, [])
        self.buffers = UniformRing(context, block.size, frames or FrameCount()) if block else None

    def draw(
        self,
        target: Target,
        textures: Mapping[str, Bound] | None = None,
        where: Where = "everywhere",
        **values: Any,
    ) -> None:
        """``where``: ``mark`` marks in the z-buffer what it does not discard; ``rest`` draws, and marks, the others."""
        flags = moderngl.NOTHING if where == "everywhere" else moderngl.DEPTH_TEST
        draw = self._drawn(target.framebuffer, self._triangle, flags, _DEPTH_FUNC[where], textures, values)
        draw.vertices = 3
        do(draw)

    def blend(
        self, atlas: Atlas, cell: tuple[int, int, int, int], textures: Mapping[str, Bound] | None = None, **values: Any
    ) -> None:
        """Over a part of an atlas (x, y, width, height), by the alpha that the shader writes: 1 replaces it."""
        draw = self._drawn(atlas.framebuffer, self._triangle, moderngl.BLEND, "", textures, values)
        draw.vertices, draw.viewport = 3, cell
        do(draw)

    def _drawn(
        self,
        framebuffer: moderngl.Framebuffer,
        array: moderngl.VertexArray,
        flags: int,
        depth_func: str,
        textures: Mapping[str, Bound] | None,
        values: Mapping[str, Any],
    ) -> Draw:
        """A draw that is ready to be issued."""
        uniforms = self._block.pack(values) if self._block else b""
        buffer = self.buffers.next() if self.buffers is not None else None
        return Draw(framebuffer, array, flags, depth_func, self._bound(textures or {}), buffer, uniforms)

    def _bound(self, textures: Mapping[str, Bound]) -> list[tuple[Texture, int]]:
        found: list[tuple[Texture, int]] = []
        for name, bound in textures.items():
            parts = bound if isinstance(bound, tuple) else (bound,)
            found += zip(parts, self._units.get(name, ()), strict=False)  # a sampler a define switched off has no unit
        return found


class MeshPass(Pass):
    """Draws a mesh with shaders/<vertex>.vert and <name>.frag, z-tested where the target has a z-buffer."""

    def draw_mesh(
        self,
        target: Target | ShadowMap,
        mesh: Mesh,
        textures: Mapping[str, Bound] | None = None,
        triangles: range | None = None,
        **values: Any,
    ) -> None:
        """triangles: only these of the mesh's, else all."""
        if triangles is not None and not triangles:
            return
        flags = moderngl.DEPTH_TEST | (moderngl.CULL_FACE if mesh.closed else moderngl.NOTHING)
        draw = self._drawn(target.framebuffer, mesh.vertex_array(self._program), flags, "<", textures, values)
        if triangles is not None:
            draw.vertices, draw.first = 3 * len(triangles), 3 * triangles.start
        do(draw)

    def draw_shadow(self, shadow_map: ShadowMap, mesh: Mesh, **values: Any) -> None:
        """All of a mesh, and both sides of each triangle."""
        array = mesh.vertex_array(self._program)
        do(self._drawn(shadow_map.framebuffer, array, moderngl.DEPTH_TEST, "<", None, values))

    def blend_mesh(
        self,
        target: Target,
        mesh: Mesh,
        textures: Mapping[str, Bound],
        triangles: range,
        values: Mapping[str, Any],
        depth_values: Mapping[str, Any],
    ) -> None:
        """Colour by the alpha that the shader writes, which hides what of the mesh is drawn later and lies behind; then
        depth, which is never mixed, in a draw of its own.
        """
        if not triangles:
            return
        array = mesh.vertex_array(self._program)
        draws: list[tuple[int, str, Masks, Mapping[str, Any]]] = [
            (moderngl.DEPTH_TEST | moderngl.BLEND, "<", _COLOR if target.depth is None else _BLENDED, values)
        ]
        if target.depth is not None:
            draws.append((moderngl.DEPTH_TEST, "<=", _DEPTH_ALONE, depth_values))
        for flags, depth_func, masks, given in draws:
            draw = self._drawn(target.framebuffer, array, flags, depth_func, textures, given)
            draw.vertices, draw.first, draw.masks = 3 * len(triangles), 3 * triangles.start, masks
            do(draw)

    def blend_colors(
        self, target: Target, mesh: Mesh, textures: Mapping[str, Bound], triangles: range, **values: Any
    ) -> None:
        """Colour alone, by the alpha that the shader writes: it is hidden by what is there and hides nothing."""
        if not triangles:
            return
        flags = moderngl.DEPTH_TEST | moderngl.BLEND
        draw = self._drawn(target.framebuffer, mesh.vertex_array(self._program), flags, "<", textures, values)
        draw.vertices, draw.first = 3 * len(triangles), 3 * triangles.start
        draw.masks = _COLOR if target.depth is None else _BLENDED
        do(_NoZ(draw))

    def draw_depths(self, target: Target, mesh: Mesh, textures: Mapping[str, Bound], **values: Any) -> None:
        """Depth alone, of all that the shader does not discard; nothing where the target has none."""
        if target.depth is None:
            return
        array = mesh.vertex_array(self._program)
        draw = self._drawn(target.framebuffer, array, moderngl.DEPTH_TEST, "<", textures, values)
        draw.masks = _DEPTH_ALONE
        do(draw)


@dataclass(frozen=True)
class _NoZ:
    """A draw that is z-tested and leaves the z-buffer as it is."""

    draw: Draw

    def __call__(self) -> None:
        self.draw.framebuffer.depth_mask = False
        try:
            self.draw()
        finally:  # else whatever is drawn or cleared there afterwards would leave it too
            self.draw.framebuffer.depth_mask = True


def _units(program: moderngl.Program) -> dict[str, range]:
    """Each sampler's texture units, set once: they are the program's own, and no draw need set them again."""
    units: dict[str, range] = {}
    free = 0
    for name in program:
        member: Any = program[name]  # moderngl's own types say nothing of a uniform's kind
        if getattr(member, "fmt", "") == "1i" and member.gl_type != _INT:
            units[name] = range(free, free + member.array_length)
            member.value = tuple(units[name]) if member.array_length > 1 else free
            free += member.array_length
    return units


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
        do(partial(self._indices.write, np.ascontiguousarray(triangles, np.uint32)))

    def release(self) -> None:
        for array in self._arrays.values():
            array.release()
        for _, _, buffer in self._buffers:
            buffer.release()
        self._indices.release()
