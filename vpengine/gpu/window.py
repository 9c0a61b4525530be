"""GLFW: a hidden main window whose context is the rendering context, and output windows that share its textures.

Framebuffers and vertex arrays are not shared between contexts, so a window only draws a finished texture over itself,
with a program of its own (``output_window``). One window paces: its swap waits for the display, the others' do not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import glfw

from vpengine.errors import UserError
from vpengine.gpu.context import GL_VERSION, attach, is_software
from vpengine.gpu.output_window import OutputWindow, Swap, WindowSpec, last_error
from vpengine.gpu.x11 import hear_errors

log = logging.getLogger(__name__)

TWICE_S = 2.0  # one key, hit by mistake, must not end a show

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


_SYSTEM = glfw.MOD_CONTROL | glfw.MOD_ALT | glfw.MOD_SUPER


def pressed_key(key: int, scancode: int, action: int, modifiers: int) -> str | None:
    """What a key is called that GLFW says was pressed: "a", "5", "space", "f1", ..., "shift+a".

    None for a release, while it is held, with what the system may want (Ctrl, Alt, Super), and for one without a name.
    """
    if action != glfw.PRESS or modifiers & _SYSTEM:
        return None
    name = _NAMED_KEYS.get(key) or glfw.get_key_name(key, scancode)
    if glfw.KEY_A <= key <= glfw.KEY_Z and not (name and name.isascii()):
        name = chr(key).lower()  # a Cyrillic or Greek layout's letters: by where they lie
    if not name:
        return None
    return f"shift+{name}" if modifiers & glfw.MOD_SHIFT else name


class Windows:
    """Owns GLFW and the rendering context. One per process, on the main thread."""

    def __init__(
        self, on_key: Callable[[str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """on_key: called with a pressed key's name (``pressed_key``). Raises UserError with no display."""
        self._on_key = on_key
        self._clock = clock
        self._asked_to_close = False
        self._asked_s = -TWICE_S
        self._swap: Swap | None = None
        self._windows: list[OutputWindow] = []
        _start_glfw()
        self.x_errors = hear_errors()
        _hints(visible=False)
        self._main: Any = glfw.create_window(64, 64, "vpengine", None, None)
        if not self._main:
            glfw.terminate()
            raise UserError(f"no window with OpenGL {GL_VERSION / 100:.1f}: {last_error()}; use --headless")
        glfw.make_context_current(self._main)
        self.context = attach()
        self.software = is_software(self.context)

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

    def reserve(self, monitor: int, title: str) -> OutputWindow:
        """A place for a window, to be opened later. Raises UserError for a monitor that is not there."""
        self._monitor(monitor, title)
        window = OutputWindow(self, len(self._windows), self.refresh_hz(monitor))
        self._windows.append(window)
        return window

    @property
    def pacer(self) -> OutputWindow | None:
        """Whose swap waits for the display: the first that is open, of those whose displays are as fast as the first's.

        Another's refreshes would be no time for a show to go by: it goes by the monotonic clock until there is one.
        """
        fit = (each for each in self._windows if each.is_open and each.refresh_hz == self._windows[0].refresh_hz)
        return next(fit, None)

    def swapped(self, swap: Swap) -> None:
        """Told by the window that paces."""
        self._swap = swap

    def take_swap(self) -> Swap | None:
        """The newest swap that paced since the last call."""
        swap, self._swap = self._swap, None
        return swap

    def poll(self) -> None:
        """Let keys and closed windows come in: once a frame."""
        glfw.poll_events()
        for window in self._windows:
            if window.asked_to_close():
                self._ask_to_close()

    def create(self, spec: WindowSpec) -> Any:
        """A GLFW window that shares the rendering context's textures; used by OutputWindow."""
        monitor = self._monitor(spec.monitor, spec.title)
        size = spec.size
        if spec.fullscreen:
            mode = glfw.get_video_mode(monitor)
            size = (mode.size.width, mode.size.height)
        _hints(visible=False)
        handle = glfw.create_window(*size, spec.title, monitor if spec.fullscreen else None, self._main)
        if not handle:
            raise UserError(f"{spec.title}: no window of {size[0]} x {size[1]}: {last_error()}")
        if not spec.fullscreen:
            left, top = glfw.get_monitor_pos(monitor)
            glfw.set_window_pos(handle, left + spec.position[0], top + spec.position[1])
        glfw.set_input_mode(handle, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        glfw.set_key_callback(handle, self._key)
        glfw.show_window(handle)
        return handle

    def _monitor(self, number: int, title: str) -> Any:
        monitors = glfw.get_monitors()
        if number >= len(monitors):
            raise UserError(f"{title}: monitor {number} is not connected, found {len(monitors)} (counted from 0)")
        return monitors[number]

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

    def _key(self, _window: Any, key: int, scancode: int, action: int, modifiers: int) -> None:
        if action == glfw.PRESS and key == glfw.KEY_ESCAPE:
            self._ask_to_close()
        name = pressed_key(key, scancode, action, modifiers)
        if name is not None and self._on_key:
            self._on_key(name)

    def _ask_to_close(self) -> None:
        now_s = self._clock()
        self._asked_to_close |= now_s - self._asked_s < TWICE_S
        self._asked_s = now_s
        if not self._asked_to_close:
            log.warning("Once more within two seconds ends the show (Esc, or a window's close button; or Ctrl-C).")


def _start_glfw() -> None:
    glfw.ERROR_REPORTING = "ignore"  # errors are asked for where they matter, and told once
    if not glfw.init():
        raise UserError(f"no display to open windows on: {last_error()}; use --headless")


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
