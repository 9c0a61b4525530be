"""Sprites: many small quads that change with every draw, blended over what is there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.commands import do
from vpengine.gpu.passes import Bound, Pass
from vpengine.gpu.target import Target
from vpengine.gpu.uniforms import FrameCount

_AT_FIRST = 2048  # sprites that there is room for; it grows
_CORNERS = np.array([0, 1, 2, 2, 1, 3], np.uint32)  # of two triangles: gl_VertexID, each of which is shaded once
_COLOR = (True, True, True, False)


class SpritePass(Pass):
    """Draws shaders/<name>.vert and <name>.frag once for every row that it is given.

    attributes: the vertex shader's inputs, each with its number of components, in the order of a row.
    """

    def __init__(
        self,
        context: moderngl.Context,
        name: str,
        attributes: Mapping[str, int],
        block: UniformBlock | None = None,
        defines: Mapping[str, str] | None = None,
        frames: FrameCount | None = None,
    ) -> None:
        super().__init__(context, name, block, defines, name, frames)
        self._row = 4 * sum(attributes.values())
        self._rows = context.buffer(reserve=_AT_FIRST * self._row, dynamic=True)
        layout = " ".join(f"{count}f" for count in attributes.values()) + " /i"
        self._array = context.vertex_array(self._program, [(self._rows, layout, *attributes)], context.buffer(_CORNERS))

    def draw_sprites(
        self, target: Target, rows: NDArray[np.float32], textures: Mapping[str, Bound], **values: object
    ) -> None:
        """rows: (sprites, components). Colour by the alpha that the shader writes; the target's own alpha stays."""
        if not len(rows):
            return
        do(partial(self._write, np.ascontiguousarray(rows, np.float32).tobytes()))
        draw = self._drawn(target.framebuffer, self._array, moderngl.BLEND, "", textures, values)
        draw.vertices, draw.instances, draw.masks = len(_CORNERS), len(rows), _COLOR
        do(draw)

    def _write(self, data: bytes) -> None:
        self._rows.orphan(max(len(data), self._rows.size))  # a draw in flight keeps what it was given
        self._rows.write(data)
