"""Gpu: the rendering context with what every pass needs from it: compiled passes (each once) and textures."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import moderngl
import numpy as np
from numpy.typing import NDArray

from vpengine.errors import UserError
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.context import is_software
from vpengine.gpu.cuda import Cuda, opened, try_sharing
from vpengine.gpu.frame_end import FrameEnds
from vpengine.gpu.library import gl_library
from vpengine.gpu.passes import Mesh, MeshPass, Pass
from vpengine.gpu.sprites import SpritePass
from vpengine.gpu.target import Atlas, ShadowMap, Target
from vpengine.gpu.uniforms import IN_FLIGHT, FrameCount

log = logging.getLogger(__name__)


class Gpu:
    """One per process, on the main thread. cuda: what shares the card's memory with OpenGL, None where nothing does."""

    def __init__(self, context: moderngl.Context) -> None:
        self.context = context
        self.software = is_software(context)
        self._passes: dict[tuple[str, str, tuple[tuple[str, str], ...]], Pass] = {}
        self._finish = finish_of(context)
        self._frames = FrameCount()
        self._ends = FrameEnds() if not self.software and FrameEnds.usable() else None
        self._done_s = 0.0
        self.cuda = sharing(context)

    @property
    def frame(self) -> int:
        """Rises with every frame: what was asked of the driver IN_FLIGHT before is done."""
        return self._frames.number

    def begin_frame(self) -> None:
        """Once a frame, before its first draw: what passes wrote for the frame before the last may be rewritten.

        Waits for that frame where a graphics card has not done it yet: no more than IN_FLIGHT are begun.
        """
        self._frames.number += 1
        if self._ends is not None:
            self._ends.wait_for_all_but(IN_FLIGHT - 1)

    def end_frame(self) -> None:
        """Once a frame, after its last draw.

        Software OpenGL draws on the processor that everybody shares: it is waited for, so that what follows has it. A
        graphics card is only sent off, with a fence: the processor goes on to the next frame.
        """
        if self._ends is not None:
            self._ends.note()
        else:
            self.finish()
            self._done_s = time.monotonic()

    def done_s(self) -> float:
        """When all that the newest frame asked was done, in seconds of the monotonic clock; never waits.

        A graphics card says so by its own clock, to some microseconds, however late it is asked: best after the frame
        was presented. If it is not done even then the answer is now, which is too early, but late enough for the
        governor: such a frame missed its display.
        """
        return self._done_s if self._ends is None else self._ends.done_s()

    def stop_sharing(self, why: str) -> None:
        """CUDA failed: what it carried is copied from now on."""
        log.warning("%s. Pictures for the generator are copied from now on.", why)
        self.cuda = None

    def release(self) -> None:
        """Give back what it notes frames with; passes live as long as the context."""
        if self._ends is not None:
            self._ends.release()

    def finish(self) -> None:
        """Wait until everything drawn so far is done; trackers and operators are heard meanwhile."""
        self._finish()
        self._frames.number += IN_FLIGHT  # whatever was in flight is not any more

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
            self._passes[key] = Pass(self.context, name, block, defines, frames=self._frames)
        return self._passes[key]

    def mesh_pass(
        self, name: str, vertex: str, block: UniformBlock | None = None, defines: Mapping[str, str] | None = None
    ) -> MeshPass:
        """The mesh pass of shaders/<vertex>.vert and <name>.frag, compiled once."""
        key = (name, vertex, tuple(sorted((defines or {}).items())))
        if key not in self._passes:
            self._passes[key] = MeshPass(self.context, name, block, defines, vertex, self._frames)
        found = self._passes[key]
        assert isinstance(found, MeshPass)
        return found

    def sprite_pass(
        self,
        name: str,
        attributes: Mapping[str, int],
        block: UniformBlock | None = None,
        defines: Mapping[str, str] | None = None,
    ) -> SpritePass:
        """The sprite pass of shaders/<name>.vert and <name>.frag, compiled once."""
        key = (name, "sprites", tuple(sorted((defines or {}).items())))
        if key not in self._passes:
            self._passes[key] = SpritePass(self.context, name, attributes, block, defines, self._frames)
        found = self._passes[key]
        assert isinstance(found, SpritePass)
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

    def texture_layers(self, layers: NDArray[np.uint8]) -> moderngl.TextureArray:
        """(count, height, width, 4), tables and not pictures: nothing is flipped. They repeat, with smaller levels."""
        count, height, width, components = layers.shape
        texture = self.context.texture_array((width, height, count), components, layers.tobytes(), alignment=1)
        texture.build_mipmaps()
        # On software OpenGL trilinear filtering costs a third more, anisotropic five times as much.
        between = moderngl.LINEAR_MIPMAP_NEAREST if self.software else moderngl.LINEAR_MIPMAP_LINEAR
        texture.filter = (between, moderngl.LINEAR)
        texture.anisotropy = 1.0 if self.software else 8.0
        return texture

    def target(
        self,
        size: tuple[int, int],
        depth: bool = False,
        dtype: str = "f2",
        components: int = 4,
        z_buffer: bool = False,
        samples: int = 0,
        colors: int = 1,
    ) -> Target:
        """One that its maker owns; for one frame's use, borrow from a ``TargetPool``."""
        return Target(self.context, size, depth, dtype, components, z_buffer, samples, colors)

    @property
    def most_samples(self) -> int:
        """Of a pixel, that a target can have."""
        return int(self.context.max_samples)

    def resolve(self, target: Target, samples: Target) -> None:
        """``samples``, which has several a pixel, into ``target``: the mean colour, and the depth of one."""
        defines = {"SAMPLES": str(samples.color.samples)}
        textures = {"color_samples": samples.color}
        if target.depth is not None and samples.depth is not None:
            defines["DEPTH"], textures["depth_samples"] = "1", samples.depth
        self.pass_("resolve", None, defines).draw(target, textures)

    def atlas(self, size: tuple[int, int], textures: int) -> Atlas:
        return Atlas(self.context, size, textures)

    def shadow_map(self, size: tuple[int, int]) -> ShadowMap:
        return ShadowMap(self.context, size)

    def mesh(
        self, attributes: Mapping[str, NDArray[np.float32]], triangles: NDArray[np.uint32], closed: bool = False
    ) -> Mesh:
        return Mesh(self.context, attributes, triangles, closed)


def sharing(context: moderngl.Context) -> Cuda | None:
    """The card that a generator has opened, where it was seen to share its memory with OpenGL; the log says which."""
    cuda = opened()
    if cuda is None:
        return None
    crossing = try_sharing(context)
    log.info("%s", crossing)
    return cuda if crossing.shared else None


def finish_of(context: moderngl.Context) -> Callable[[], object]:
    """glFinish through ctypes, which lets go of Python's lock while it waits; moderngl's own holds it."""
    try:
        return gl_library().glFinish
    except (OSError, AttributeError):
        return context.finish
