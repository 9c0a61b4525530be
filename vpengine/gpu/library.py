"""OpenGL's own functions through ctypes: the few that moderngl has not, or for which it would hold Python's lock."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_LIBRARIES = {"win32": "opengl32", "darwin": "/System/Library/Frameworks/OpenGL.framework/OpenGL"}


@cache
def gl_library() -> ctypes.CDLL:
    """Raises OSError where there is none of the usual name."""
    return ctypes.CDLL(_LIBRARIES.get(sys.platform, "libGL.so.1"))
