"""X11's errors: Xlib ends the whole process at the first, unless somebody hears it. A window that is gone is one."""

from __future__ import annotations

import ctypes
from typing import Any

import glfw

_ATTRIBUTES_BYTES = 512  # more than an XWindowAttributes has anywhere
_HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_OURS: list[Any] = []  # what Xlib calls must live as long as the process


class XErrors:
    """Hears them for the process, from now on. heard: how many there were."""

    heard = 0

    def __init__(self, library: Any, display: int) -> None:
        self._library = library
        self._display = display

        def hear(_display: object, _event: object) -> int:
            XErrors.heard += 1
            return 0

        _OURS.append(_HANDLER(hear))
        library.XSetErrorHandler(_OURS[-1])

    def has(self, handle: Any) -> bool:
        """Whether a window is there. Asks the server, and waits for its answer."""
        attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
        window = glfw.get_x11_window(handle)
        return bool(self._library.XGetWindowAttributes(self._display, window, attributes))


def hear_errors() -> XErrors | None:
    """None where GLFW's windows are not X11's. GLFW must have been started."""
    if not hasattr(glfw, "get_x11_display"):
        return None
    try:
        display, library = glfw.get_x11_display(), ctypes.CDLL("libX11.so.6")
    except OSError:
        return None
    if not display:
        return None
    library.XSetErrorHandler.argtypes = [_HANDLER]
    library.XSetErrorHandler.restype = ctypes.c_void_p
    library.XGetWindowAttributes.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p]
    library.XGetWindowAttributes.restype = ctypes.c_int
    return XErrors(library, display)
