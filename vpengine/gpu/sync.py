"""OpenGL's sync objects through ctypes: set in one context, asked about, or waited for by the graphics card itself."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, NewType

from vpengine.gpu.library import gl_library

Sync = NewType("Sync", int)

FOREVER_NS = 2**63
_COMMANDS_COMPLETE, _FLUSH, _TIMEOUT_EXPIRED, _IGNORED_NS = 0x9117, 0x1, 0x911B, 2**64 - 1


def has_syncs() -> bool:
    """Whether OpenGL's library has them by name; Windows' opengl32 has not."""
    return _functions() is not None


def set_sync() -> Sync:
    """After all that the current context was asked so far."""
    gl = _functions()
    assert gl is not None
    return Sync(gl.glFenceSync(_COMMANDS_COMPLETE, 0))


def flush() -> None:
    """Send off what the current context was asked: what waits for a sync in another context would wait for ever."""
    gl_library().glFlush()


def sync_passed(sync: Sync, timeout_ns: int = 0) -> bool:
    """Waits for so long at most; other threads run meanwhile.

    A wait that fails counts as passed: nobody must wait for a context that is lost.
    """
    gl = _functions()
    assert gl is not None
    return bool(gl.glClientWaitSync(sync, _FLUSH, timeout_ns) != _TIMEOUT_EXPIRED)


def wait_there(sync: Sync) -> None:
    """What the current context is asked from now on waits for it on the graphics card; nobody waits here.

    The sync is given back: OpenGL keeps it until nothing waits for it.
    """
    gl = _functions()
    assert gl is not None
    gl.glWaitSync(sync, 0, _IGNORED_NS)
    gl.glDeleteSync(sync)


def release_sync(sync: Sync) -> None:
    gl = _functions()
    assert gl is not None
    gl.glDeleteSync(sync)


@cache
def _functions() -> Any | None:
    """The library, with the types of its functions; None where it has them not."""
    try:
        gl = gl_library()
        gl.glFenceSync.restype = ctypes.c_void_p
        gl.glFenceSync.argtypes = [ctypes.c_uint, ctypes.c_uint]
        gl.glClientWaitSync.restype = ctypes.c_uint
        gl.glClientWaitSync.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint64]
        gl.glWaitSync.restype = None
        gl.glWaitSync.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint64]
        gl.glDeleteSync.restype = None
        gl.glDeleteSync.argtypes = [ctypes.c_void_p]
    except (OSError, AttributeError):
        return None
    return gl
