"""A fence: whether what was asked of OpenGL before it is done, asked without waiting."""

from __future__ import annotations

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.sync import FOREVER_NS, Sync, has_syncs, release_sync, set_sync, sync_passed
from vpengine.gpu.uniforms import IN_FLIGHT


class Fence:
    """Set when made. Where OpenGL's own are not to be had (Windows' opengl32), it has passed after IN_FLIGHT."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._frame = gpu.frame
        self._sync: Sync | None = set_sync() if has_syncs() else None

    def passed(self) -> bool:
        """Never waits."""
        if self._sync is None:
            return self._gpu.frame - self._frame >= IN_FLIGHT
        return sync_passed(self._sync)

    def wait(self) -> None:
        """Until it has passed; other threads run meanwhile."""
        if self._sync is None:
            self._gpu.finish()
        else:
            sync_passed(self._sync, FOREVER_NS)

    def release(self) -> None:
        if self._sync is not None:
            release_sync(self._sync)
            self._sync = None
