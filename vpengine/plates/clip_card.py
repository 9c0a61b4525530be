"""A clip on a flat card: what films and image sequences do alike, as rear projection shows them."""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.errors import UserError
from vpengine.frames.captured import CapturedFrame
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.input_space import input_space
from vpengine.gpu.target import Target, Texture
from vpengine.gpu.transfer import write
from vpengine.gpu.video_picture import VideoPicture
from vpengine.media.ahead import Ahead
from vpengine.media.clips import Clip
from vpengine.plates.card_settings import CardSettings
from vpengine.plates.plate import warm
from vpengine.view.view import View

FIRST_PICTURE_S = 30.0  # a file on a slow disk, or on a server
WAIT_S = 10.0  # for one picture, where no wall waits
WATCHED = 100  # frames in which pictures that were late are counted
MANY_LATE = 10
SOFTWARE_WIDTH = 512  # of the picture on software OpenGL, where each pixel of it costs; the inner picture has 480

Light = NDArray[np.float16]  # (height, width, 4), scene-linear ACEScg: what a file of floats holds


class ClipSettings(CardSettings):
    """How a clip plays, and where its card hangs."""

    loop: bool = Field(True, description="Begin again at the end; else the last picture stays.")


class ClipCard:
    """Every picture at its own tick: which is shown follows from the View's playhead alone."""

    moves = flat = True

    def __init__(self, clip: Clip[CapturedFrame | Light], settings: ClipSettings, title: str) -> None:
        """clip: this owns it from now on. title: how sentences call it. Raises UserError: it has no first picture."""
        self._settings, self._title, self._rate = settings, title, clip.rate
        self._ahead = Ahead(clip, title, lambda picture: picture.nbytes)
        self._late = deque[bool](maxlen=WATCHED)
        self._picture: _CardPicture | None = None
        if not self._ahead.wait_for(0, FIRST_PICTURE_S):
            self._ahead.close()
            raise UserError(self._ahead.lost or f"{title}: no picture within {FIRST_PICTURE_S:.0f} s")
        self._shown = self._ahead.shown(0)
        self._card = settings.card(clip.aspect)

    def color_space(self) -> str:
        """Of pictures that are no light yet: of the pinned OpenColorIO configuration, or "tagged"."""
        return "tagged"

    def upload(self, gpu: Gpu) -> bool:
        assert self._shown is not None
        self._picture = _CardPicture(gpu, self._shown[1], self.color_space())
        self._card.upload(gpu)
        warm(self, gpu)
        return False

    def follow(self, playhead: Fraction, wait: bool) -> None:
        place = self._place(playhead)
        if wait:
            self._ahead.wait_for(place, WAIT_S)
        else:
            self._ahead.follow(place)
        self._late.append(not self._ahead.has(place))

    def since(self, playhead: Fraction) -> Fraction:
        return self._place(playhead) / self._rate

    def trouble(self) -> str | None:
        if self._ahead.lost is not None:
            return self._ahead.lost
        if sum(self._late) < MANY_LATE:
            return None
        if self._ahead.broken is not None:
            return self._ahead.broken
        return f"{self._title} cannot keep up: make it smaller, or of an intra codec such as ProRes"

    def _place(self, playhead: Fraction) -> int:
        place = math.floor(playhead * self._rate)
        return place if self._settings.loop else min(place, self._ahead.length - 1)

    def draw(self, target: Target, view: View) -> None:
        self._shown = self._ahead.shown(self._place(view.playhead)) or self._shown
        assert self._picture is not None
        assert self._shown is not None
        self._card.draw(target, view, self._picture.of(self._shown[1]), self._settings.gain)

    def release(self) -> None:
        self._ahead.close()
        if self._picture is not None:
            self._picture.release()


class _CardPicture:
    """Owns the texture that the card shows, and what video's planes become light in."""

    def __init__(self, gpu: Gpu, first: CapturedFrame | Light, color_space: str) -> None:
        width, height = first.size if isinstance(first, CapturedFrame) else (first.shape[1], first.shape[0])
        if isinstance(first, CapturedFrame):
            smaller = min(SOFTWARE_WIDTH / width, 1.0) if gpu.software else 1.0
            width, height = max(round(width * smaller), 1), max(round(height * smaller), 1)
        self._video = VideoPicture(gpu, (width, height), color_space, quick=gpu.software)
        self._shown: CapturedFrame | Light | None = None

    def of(self, picture: CapturedFrame | Light) -> Texture:
        color = self._video.target.color
        if picture is not self._shown:
            if isinstance(picture, CapturedFrame):
                self._video.draw(picture)
            else:
                write(color, picture)
            color.build_mipmaps()
            self._shown = picture
        return color

    def release(self) -> None:
        self._video.release()


def space_problems(color_space: str) -> list[tuple[str, str]]:
    """What is wrong with the name of a colour space: at most one (key, sentence) pair."""
    try:
        _: Any = color_space == "tagged" or input_space(color_space)
    except UserError as error:
        return [("color_space", str(error))]
    return []
