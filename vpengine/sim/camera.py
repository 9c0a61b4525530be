"""The simulated photographing camera: what the real one on the stage would record, walls, actor and all."""

from __future__ import annotations

from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.gpu.view_lut import ViewLut
from vpengine.sim.light import StageLight
from vpengine.sim.light_draw import Probe, StageDraw
from vpengine.view.view import View

WALL_SOFTNESS_LOD = 0.9  # the lens is focused on the actor: the wall behind is a little soft, as it should be (moire)
VIGNETTE = 0.12
GRAIN = 0.006


class SimCamera:
    """Draws from a camera's true View (no overscan). Offline: a frame costs tens of milliseconds on software GL.

    clean: the walls as they are, no floor and no lens: for measuring.
    """

    def __init__(
        self,
        gpu: Gpu,
        light: StageLight,
        size: tuple[int, int],
        probe: Probe | None,
        samples_per_side: int = 2,
        clean: bool = False,
    ) -> None:
        """probe: what the actors reflect, drawn by whoever owns it; None for a stage without a stand-in."""
        self.size = size
        self.scene = Target(gpu.context, (size[0] * samples_per_side, size[1] * samples_per_side), depth=True)
        self.target = Target(gpu.context, size, dtype="f1")
        self._clean = clean
        self._stage = StageDraw(gpu, light, size, probe)
        self._lut = ViewLut(gpu)

    def draw(self, view: View, exposure_stops: float = 0.0, frame: int = 0) -> Target:
        """RGBA8, display-referred; ``scene`` keeps the light (scene-linear). ``light.shine`` and the probe's draw come
        before.

        frame: its number, which the grain depends on.
        """
        self.scene.clear()
        self._stage.draw(self.scene, view, 0.0 if self._clean else WALL_SOFTNESS_LOD, floor=not self._clean)
        vignette, grain = (0.0, 0.0) if self._clean else (VIGNETTE, GRAIN)
        self._lut.develop(self.target, self.scene.color, exposure_stops, vignette, grain, seed=frame)
        return self.target

    def release(self) -> None:
        for part in (self.scene, self.target, self._stage, self._lut):
            part.release()
