"""GLFW: a hidden main window whose context is the rendering context, and output windows that share its textures.

Framebuffers and vertex arrays are not shared between contexts, so a window only draws a finished texture over itself,
with a program of its own. The first window paces: its swap waits for the display, the others' do not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import glfw
import moderngl

from vpengine.errors import UserError
from vpengine.gpu.blocks import UniformBlock
from vpengine.gpu.context import GL_VERSION, attach
from vpengine.gpu.gpu import finish_of
from vpengine.gpu.program import load_program
from vpengine.gpu.target import Texture

log = logging.getLogger(__name__)

TWICE_S = 2.0  # one key, hit by mistake, must not end a show
BLOCK = UniformBlock("Window", origin="vec2", size="vec2", exact="int")

_NAMED_KEYS = {
    glfw.KEY_ESCAPE: "escape",
    glfw.KEY_SPACE: "space",
    glfw.KEY_ENTER: "enter",
    glfw.KEY_BACKSPACE: "backspace",
    glfw.KEY_TAB: "tab",
    glfw.KEY_LEFT: "left",
    glfw.KEY_RIGHT: "right",
    glfw.KEY_UP: "up",
    glfw.KEY_DOWN: "down",
    **{glfw.KEY_F1 + number: f"f{number + 1}" for number in range(12)},
}


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


class Windows:
    """Owns GLFW and the rendering context. One per process, on the main thread."""

    def __init__(
        self, on_key: Callable[[str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """on_key: called with a pressed key's name: "a", "5", "space", "f1", ... Raises UserError with no display."""
        self._on_key = on_key
        self._clock = clock
        self._asked_to_close = False
        self._asked_s = -TWICE_S
        self.swapped_s = 0.0  # when the window that paces last came back from its swap
        self._windows: list[OutputWindow] = []
        _start_glfw()
        _hints(visible=False)
        self._main: Any = glfw.create_window(64, 64, "vpengine", None, None)
        if not self._main:
            glfw.terminate()
            raise UserError(f"no window with OpenGL {GL_VERSION / 100:.1f}: {_last_error()}; use --headless")
        glfw.make_context_current(self._main)
        self.context = attach()

    @property
    def should_close(self) -> bool:
        """Esc was pressed, or a window's close button, twice within two seconds."""
        return self._asked_to_close

    def monitors(self) -> list[str]:
        """Every monitor in words, by its number in stage files."""
        found = []
        for number, monitor in enumerate(glfw.get_monitors()):
            mode, name = glfw.get_video_mode(monitor), glfw.get_monitor_name(monitor)
            text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
            found.append(f"monitor {number}: {text}, {mode.size.width} x {mode.size.height}, {mode.refresh_rate} Hz")
        return found

    def refresh_hz(self, monitor: int) -> float:
        """What the system says of a monitor; 60 where it says nothing, as of a virtual one."""
        monitors = glfw.get_monitors()
        mode = glfw.get_video_mode(monitors[monitor]) if monitor < len(monitors) else None
        return float(mode.refresh_rate) if mode is not None and mode.refresh_rate > 0 else 60.0

    def reserve(self) -> OutputWindow:
        """A place for a window, to be opened later; the first one reserved paces the loop."""
        window = OutputWindow(self, paces=not self._windows)
        self._windows.append(window)
        return window

    def poll(self) -> None:
        """Let keys and closed windows come in: once a frame."""
        glfw.poll_events()
        for window in self._windows:
            if window.asked_to_close():
                self._ask_to_close()

    def create(self, spec: WindowSpec) -> Any:
        """A GLFW window that shares the rendering context's textures; used by OutputWindow."""
        monitors = glfw.get_monitors()
        if spec.monitor >= len(monitors):
            raise UserError(
                f"{spec.title}: monitor {spec.monitor} is not connected, found {len(monitors)} (counted from 0)"
            )
        monitor = monitors[spec.monitor]
        size = spec.size
        if spec.fullscreen:
            mode = glfw.get_video_mode(monitor)
            size = (mode.size.width, mode.size.height)
        _hints(visible=False)
        handle = glfw.create_window(*size, spec.title, monitor if spec.fullscreen else None, self._main)
        if not handle:
            raise UserError(f"{spec.title}: no window of {size[0]} x {size[1]}: {_last_error()}")
        if not spec.fullscreen:
            left, top = glfw.get_monitor_pos(monitor)
            glfw.set_window_pos(handle, left + spec.position[0], top + spec.position[1])
        glfw.set_input_mode(handle, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        glfw.set_key_callback(handle, self._key)
        glfw.show_window(handle)
        return handle

    def use_main(self) -> None:
        """Back to the rendering context."""
        glfw.make_context_current(self._main)

    def close(self) -> None:
        if self._main is None:
            return
        for window in self._windows:
            window.close()
        self._main = None
        glfw.terminate()

    def _key(self, _window: Any, key: int, scancode: int, action: int, _modifiers: int) -> None:
        if action != glfw.PRESS:
            return
        if key == glfw.KEY_ESCAPE:
            self._ask_to_close()
        name = _NAMED_KEYS.get(key) or glfw.get_key_name(key, scancode)
        if name and self._on_key:
            self._on_key(name)

    def _ask_to_close(self) -> None:
        now_s = self._clock()
        self._asked_to_close |= now_s - self._asked_s < TWICE_S
        self._asked_s = now_s
        if not self._asked_to_close:
            log.warning("Once more within two seconds ends the show (Esc, or a window's close button; or Ctrl-C).")


class OutputWindow:
    """One window, its context, and the program that draws a texture over it."""

    def __init__(self, windows: Windows, paces: bool) -> None:
        self._windows = windows
        self._paces = paces
        self._handle: Any = None

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
        self._handle = self._windows.create(spec)
        self._region = spec.region
        glfw.make_context_current(self._handle)
        glfw.swap_interval(1 if self._paces else 0)
        self._context = moderngl.create_context(require=GL_VERSION)
        self._program = load_program(self._context, "window", (BLOCK,))
        self._buffer = self._context.buffer(reserve=BLOCK.size)
        self._triangle = self._context.vertex_array(self._program, [])
        self._seen: dict[int, moderngl.Texture] = {}
        self._finish = finish_of(self._context)
        self._windows.use_main()

    def draw(self, texture: Texture) -> None:
        """Draw the texture's region over the window and swap. One window pixel is one texel where sizes agree."""
        # Making another context current flushes the one that drew the texture (GLX, WGL and EGL say so).
        glfw.make_context_current(self._handle)
        size = glfw.get_framebuffer_size(self._handle)
        self._draw(texture, size)
        glfw.swap_buffers(self._handle)
        if self._paces:
            self._finish()  # drivers that queue pictures come back at once otherwise, and tell nothing of the display
            self._windows.swapped_s = time.monotonic()
        self._windows.use_main()

    def _draw(self, texture: Texture, size: tuple[int, int]) -> None:
        region = self._region
        self._context.screen.viewport = (0, 0, *size)
        self._context.screen.use()
        self._here(texture).use(0)
        self._buffer.write(
            BLOCK.pack(
                {
                    "origin": (region.left, texture.size[1] - region.top - region.height),
                    "size": (region.width, region.height),
                    "exact": int(size == (region.width, region.height)),
                }
            )
        )
        self._buffer.bind_to_uniform_block(0)
        self._triangle.render(moderngl.TRIANGLES, vertices=3)

    def _here(self, texture: Texture) -> moderngl.Texture:
        """The texture as this window's context knows it. Its sampling is shared too, and must not be changed here."""
        if texture.glo not in self._seen:
            width, height = texture.size[0], texture.size[1]
            self._seen[texture.glo] = self._context.external_texture(texture.glo, (width, height), 4, 0, "f1")
        return self._seen[texture.glo]

    def close(self) -> None:
        if self.is_open:
            glfw.destroy_window(self._handle)
            self._handle = None
            self._windows.use_main()


def _start_glfw() -> None:
    glfw.ERROR_REPORTING = "ignore"  # errors are asked for where they matter, and told once
    if not glfw.init():
        raise UserError(f"no display to open windows on: {_last_error()}; use --headless")


def _last_error() -> str:
    _, found = glfw.get_error()
    text = found.decode(errors="replace") if isinstance(found, bytes) else str(found or "GLFW gives no reason")
    return text.rstrip(".")


def _hints(visible: bool) -> None:
    glfw.default_window_hints()
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, GL_VERSION // 100)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, GL_VERSION % 100 // 10)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)
    glfw.window_hint(glfw.VISIBLE, visible)
    glfw.window_hint(glfw.DECORATED, False)
    glfw.window_hint(glfw.RESIZABLE, False)
    glfw.window_hint(glfw.AUTO_ICONIFY, False)
    glfw.window_hint(glfw.SCALE_TO_MONITOR, False)
