"""A window on a monitor, with a region of a feed in it: what an LED processor or a television is fed from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from vpengine.errors import UserError
from vpengine.frames.frame_input import Tick
from vpengine.gpu.output_window import Region, WindowSpec
from vpengine.gpu.target import Texture
from vpengine.output.output import Surroundings
from vpengine.stage.settings import Pixels, Resolution, Settings, refusal

Corner = Annotated[int, Field(ge=0, le=16384)]
Offset = Annotated[int, Field(ge=-32768, le=32768)]


class WindowSettings(Settings):
    """Where the window is, and what of the feed it shows."""

    monitor: int = Field(default=0, ge=0, le=63, description="Which monitor; 0 is the primary one.")
    fullscreen: bool = Field(default=False, description="Fill the monitor, at its own resolution.")
    position: tuple[Offset, Offset] = Field(
        default=(0, 0), description="Left and top edge on the monitor, in its pixels."
    )
    size: Resolution | None = Field(
        default=None, description="Width and height of the window in pixels; the region's where not given."
    )
    region: tuple[Corner, Corner, Pixels, Pixels] | None = Field(
        default=None,
        description="Left, top, width and height of the part shown, in the feed's pixels; all if not given.",
    )

    @model_validator(mode="after")
    def _fullscreen_has_no_position(self) -> WindowSettings:
        if self.fullscreen and (self.size is not None or self.position != (0, 0)):
            key = "size" if self.size is not None else "position"
            raise refusal("a fullscreen window fills its monitor; remove it, or set fullscreen = false", key)
        return self


class WindowOutput:
    """Opens its window at the first picture, when the feed's resolution is known."""

    Settings = WindowSettings

    @staticmethod
    def faults(settings: WindowSettings, feed_px: tuple[int, int]) -> list[tuple[str, str]]:
        """(key, what is wrong) of settings that do not fit a feed of ``feed_px``: width and height in pixels."""
        left, top, width, height = settings.region or (0, 0, *feed_px)
        if left + width <= feed_px[0] and top + height <= feed_px[1]:
            return []
        allowed = f"allowed within {feed_px[0]} x {feed_px[1]}"
        return [("region", f"found {[left, top, width, height]}, which reaches beyond the picture, {allowed}")]

    @staticmethod
    def claim(settings: WindowSettings) -> str | None:
        """What no other output can have beside this one."""
        return f"monitor {settings.monitor}, fullscreen," if settings.fullscreen else None

    def __init__(self, settings: WindowSettings, feed: str, surroundings: Surroundings) -> None:
        windows = surroundings.windows
        if windows is None:
            raise UserError(f'output {feed}: a window needs a display; use --headless, or kind = "headless"')
        self._settings = settings
        self._feed = feed
        self._windows = windows
        self._texture: Texture | None = None
        self._window = windows.reserve(settings.monitor, f"output {feed}")

    def show(self, texture: Texture) -> None:
        self._texture = texture
        if not self._window.is_open:
            self._window.open(self._spec(texture.size[0], texture.size[1]))

    def present(self, tick: Tick) -> bool:
        if self._texture is not None:
            self._window.draw(self._texture)
        self._windows.poll()
        return not self._windows.should_close

    def close(self) -> None:
        self._window.close()

    def _spec(self, width_px: int, height_px: int) -> WindowSpec:
        settings = self._settings
        region = Region(*(settings.region or (0, 0, width_px, height_px)))
        return WindowSpec(
            title=f"vpengine: {self._feed}",
            monitor=settings.monitor,
            fullscreen=settings.fullscreen,
            position=settings.position,
            size=settings.size or (region.width, region.height),
            region=region,
        )
