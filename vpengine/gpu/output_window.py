"""One output window: its context, and the program that draws a finished texture over it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import glfw
import moderngl

from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.context import GL_VERSION
from vpengine.gpu.gpu import finish_of
from vpengine.gpu.program import load_program
from vpengine.gpu.sync import flush, has_syncs, set_sync, wait_there
from vpengine.gpu.target import Texture

if TYPE_CHECKING:
    from vpengine.gpu.window import Windows

BLOCK = UniformBlock("Window", origin="vec2", size="vec2", exact="int")
LOOK_S = 1.0  # how often a window is asked whether it is there, though nothing was heard


class WindowLostError(Exception):
    """The system has taken the window away, or lets nobody draw in it."""


@dataclass(frozen=True)
class Region:
    """Part of a texture's picture in pixels; ``top`` counts from its uppermost row."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class WindowSpec:
    """position: of the window's upper left corner on the monitor. size: ignored in fullscreen."""

    title: str
    monitor: int
    fullscreen: bool
    position: tuple[int, int]
    size: tuple[int, int]
    region: Region


@dataclass(frozen=True)
class Swap:
    """When the swap that paces came back, in seconds of the monotonic clock; and the number of the window."""

    time_s: float
    window: int


@dataclass
class _Drawing:
    """What a window draws with. ``seen``: textures as its context knows them, by their names."""

    context: moderngl.Context
    program: moderngl.Program
    buffer: moderngl.Buffer
    triangle: moderngl.VertexArray
    finish: Callable[[], object]
    seen: dict[int, moderngl.Texture]


class OutputWindow:
    """Opened, drawn in, and closed, any number of times. refresh_hz: its display's."""

    def __init__(self, windows: Windows, number: int, refresh_hz: float) -> None:
        self.refresh_hz = refresh_hz
        self._windows = windows
        self._number = number
        self._handle: Any = None
        self._drawing: _Drawing | None = None
        self._paces: bool | None = None  # as its context was told
        self._heard = 0
        self._looked_s = 0.0

    @property
    def is_open(self) -> bool:
        return self._handle is not None

    def asked_to_close(self) -> bool:
        """Whether its close button was pressed since the last call."""
        if not self.is_open or not glfw.window_should_close(self._handle):
            return False
        glfw.set_window_should_close(self._handle, False)
        return True

    def open(self, spec: WindowSpec) -> None:
        """Raises UserError where the system opens none."""
        self._handle = self._windows.create(spec)
        self._region, self._paces, self._looked_s = spec.region, None, time.monotonic()
        with self._current():
            context = moderngl.create_context(require=GL_VERSION)
            program = load_program(context, "window", (BLOCK,))
            buffer, triangle = context.buffer(reserve=BLOCK.size), context.vertex_array(program, [])
            self._drawing = _Drawing(context, program, buffer, triangle, finish_of(context), {})

    def draw(self, texture: Texture) -> None:
        """Draw the texture's region over the window and swap. One window pixel is one texel where sizes agree.

        Raises WindowLostError; the window is then to be closed, and may be opened again.
        """
        self._refuse_lost()
        drawn = self._fence()  # of the context that drew the texture
        with self._current() as drawing:
            self._pace()
            if drawn is not None:
                wait_there(drawn)
            self._draw(drawing, texture, glfw.get_framebuffer_size(self._handle))
            shown = self._fence()
            glfw.swap_buffers(self._handle)
            self._refuse_error()
            if self._paces:
                drawing.finish()  # drivers that queue pictures come back at once, and tell nothing of the display
                self._windows.swapped(Swap(time.monotonic(), self._number))
        if shown is not None:
            wait_there(shown)  # the next frame's picture must not be drawn over this one while it is looked at

    def _fence(self) -> Any:
        """Contexts wait for each other on the graphics card; software OpenGL has finished when it is asked to swap."""
        if self._windows.software or not has_syncs():
            return None
        sync = set_sync()
        flush()
        return sync

    @contextmanager
    def _current(self) -> Iterator[Any]:
        """Its context is current inside, and the rendering context again after it, whatever happens."""
        glfw.get_error()  # an older one is nobody's
        glfw.make_context_current(self._handle)
        try:
            self._refuse_error()
            yield self._drawing
        finally:
            self._windows.use_main()

    def _refuse_error(self) -> None:
        code, _ = error = glfw.get_error()
        if code:
            raise WindowLostError(error_text(error))

    def _refuse_lost(self) -> None:
        """Asking waits for the X server: only when something was heard, or once in LOOK_S."""
        errors, now_s = self._windows.x_errors, time.monotonic()
        if errors is None or (errors.heard == self._heard and now_s - self._looked_s < LOOK_S):
            return
        there = errors.has(self._handle)
        self._heard, self._looked_s = errors.heard, now_s
        if not there:
            raise WindowLostError("the system has closed it")

    def _pace(self) -> None:
        paces = self._windows.pacer is self
        if paces != self._paces:
            self._paces = paces
            glfw.swap_interval(int(paces))

    def _draw(self, drawing: _Drawing, texture: Texture, size: tuple[int, int]) -> None:
        region = self._region
        drawing.context.screen.viewport = (0, 0, *size)
        drawing.context.screen.use()
        _here(drawing, texture).use(0)
        drawing.buffer.write(
            BLOCK.pack(
                {
                    "origin": (region.left, texture.size[1] - region.top - region.height),
                    "size": (region.width, region.height),
                    "exact": int(size == (region.width, region.height)),
                }
            )
        )
        drawing.buffer.bind_to_uniform_block(0)
        drawing.triangle.render(moderngl.TRIANGLES, vertices=3)

    def close(self) -> None:
        """Give back what it holds; a second call does nothing."""
        if not self.is_open:
            return
        handle, self._handle = self._handle, None
        drawing, self._drawing = self._drawing, None
        glfw.destroy_window(handle)  # and its vertex array: those are not shared
        self._windows.use_main()
        if drawing is not None:
            drawing.program.release()
            drawing.buffer.release()


def _here(drawing: _Drawing, texture: Texture) -> moderngl.Texture:
    """The texture as this window's context knows it. Its sampling is shared too, and must not be changed here."""
    if texture.glo not in drawing.seen:
        width, height = texture.size[0], texture.size[1]
        drawing.seen[texture.glo] = drawing.context.external_texture(texture.glo, (width, height), 4, 0, "f1")
    return drawing.seen[texture.glo]


def last_error() -> str:
    """GLFW's newest error in words."""
    return error_text(glfw.get_error())


def error_text(error: tuple[int, object]) -> str:
    found = error[1]
    text = found.decode(errors="replace") if isinstance(found, bytes) else str(found or "GLFW gives no reason")
    return text.rstrip(".")
