"""The one rendering context: headless through EGL, or hidden behind the output windows through GLFW."""

from __future__ import annotations

import sys
from typing import Any

import moderngl

from vpengine.errors import UserError

GL_VERSION = 410  # the newest that macOS has; texture gather needs 400


def create_headless() -> moderngl.Context:
    """A context with no window.

    Linux: EGL (a GPU's, else Mesa's llvmpipe). Elsewhere: the system's own hidden window.
    Raises UserError with the cure when there is no OpenGL 4.1.
    """
    # A minimal Debian has libEGL.so.1 but not the libEGL.so of the development package.
    options: dict[str, Any] = (
        {"backend": "egl", "libegl": "libEGL.so.1", "libgl": "libGL.so.1"} if sys.platform == "linux" else {}
    )
    try:
        return moderngl.create_context(standalone=True, require=GL_VERSION, **options)
    except Exception as error:  # glcontext, which moderngl opens it with, raises bare Exception
        raise UserError(
            f"OpenGL 4.1: {error}; on Debian or Ubuntu install libegl1 libgl1 libgl1-mesa-dri, "
            "elsewhere update the graphics driver"
        ) from error


def attach() -> moderngl.Context:
    """A moderngl context for the GLFW window that is current on this thread."""
    return moderngl.create_context(require=GL_VERSION)


def describe(context: moderngl.Context) -> str:
    """The driver's name, as reports and `vpengine doctor` print it."""
    return f"{context.info['GL_RENDERER']}, OpenGL {context.info['GL_VERSION']}"


def is_software(context: moderngl.Context) -> bool:
    return "llvmpipe" in context.info["GL_RENDERER"].lower()
