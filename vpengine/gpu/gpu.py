"""Gpu: the rendering context with what every pass needs from it: compiled passes (each once) and textures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import moderngl

from vpengine.errors import UserError
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.library import gl_library
from vpengine.gpu.passes import MeshPass, Pass


class Gpu:
    """One per process, on the main thread."""

    def __init__(self, context: moderngl.Context) -> None:
        self.context = context
        self._passes: dict[tuple[str, str, tuple[tuple[str, str], ...]], Pass] = {}
        self._finish = finish_of(context)

    def finish(self) -> None:
        """Wait until everything drawn so far is done; trackers and operators are heard meanwhile."""
        self._finish()

    def forget_errors(self) -> None:
        """Before what ``refuse_errors`` is to be asked about: OpenGL keeps an error until somebody looks."""
        while self.context.error != "GL_NO_ERROR":
            pass

    def refuse_errors(self, what: str) -> None:
        """Raises UserError where the driver could not do what was asked of it since ``forget_errors``."""
        error = self.context.error
        if error != "GL_NO_ERROR":
            raise UserError(f"{what}: the graphics driver refused it ({error}); is there memory enough?")

    def pass_(self, name: str, block: UniformBlock | None = None, defines: Mapping[str, str] | None = None) -> Pass:
        """The full-screen pass of shaders/<name>.frag, compiled once."""
        key = (name, "fullscreen", tuple(sorted((defines or {}).items())))
        if key not in self._passes:
            self._passes[key] = Pass(self.context, name, block, defines)
        return self._passes[key]

    def mesh_pass(
        self, name: str, vertex: str, block: UniformBlock | None = None, defines: Mapping[str, str] | None = None
    ) -> MeshPass:
        """The mesh pass of shaders/<vertex>.vert and <name>.frag, compiled once."""
        key = (name, vertex, tuple(sorted((defines or {}).items())))
        if key not in self._passes:
            self._passes[key] = MeshPass(self.context, name, block, defines, vertex)
        found = self._passes[key]
        assert isinstance(found, MeshPass)
        return found

    def texture(self, size: tuple[int, int], components: int, dtype: str, nearest: bool = False) -> moderngl.Texture:
        texture = self.context.texture(size, components, dtype=dtype, alignment=1)
        texture.repeat_x = texture.repeat_y = False
        sampling = moderngl.NEAREST if nearest else moderngl.LINEAR
        texture.filter = (sampling, sampling)
        return texture

    def texture_3d(self, size: tuple[int, int, int], components: int, dtype: str) -> moderngl.Texture3D:
        texture = self.context.texture3d(size, components, dtype=dtype, alignment=1)
        texture.repeat_x = texture.repeat_y = texture.repeat_z = False
        texture.filter = (moderngl.LINEAR, moderngl.LINEAR)
        return texture


def finish_of(context: moderngl.Context) -> Callable[[], object]:
    """glFinish through ctypes, which lets go of Python's lock while it waits; moderngl's own holds it."""
    try:
        return gl_library().glFinish
    except (OSError, AttributeError):
        return context.finish
