"""The textures of one keyframe, and how it gets into them: some rows in each frame, so that no frame waits for it."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe
from vpengine.frames.pixels import Pixels
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.passes import Bound
from vpengine.gpu.transfer import texels, write_rows
from vpengine.view.color import acescct_from_linear

BYTES_A_FRAME = 8 << 20  # 480 x 270 in one frame, 1920 x 1080 in five: 3 ms of software OpenGL's
MOVED = 0.04  # of ACEScct: two thirds of a stop; a keyframe's texels are coarser than the plate, and not quite its
MOVING = {"MOVES": "1", "MOVED": str(MOVED)}  # of a shader that includes keyframe.glsl
_BYTES_A_PIXEL = 8 + 8 + 4  # gain, bias, depth


def fits_a_frame(resolution: tuple[int, int]) -> bool:
    """Whether a keyframe is brought in by one frame."""
    return resolution[0] * resolution[1] * _BYTES_A_PIXEL <= BYTES_A_FRAME


def with_brightness(plate: ImageSet) -> Pixels:
    """Its depth, and beside it the mean of its ACEScct: (height, width, 2) float32."""
    cct = acescct_from_linear(plate.color_noise.stored[..., :3].astype(np.float32)).mean(axis=-1, keepdims=True)
    if plate.depth.bottom_up != plate.color_noise.bottom_up:
        cct = cct[::-1]
    return Pixels(np.concatenate([plate.depth.stored, cct.astype(np.float32)], axis=-1), plate.depth.bottom_up)


class KeyframeTextures:
    """Owns the textures. Four components: a three-component half float is slow on software GL.

    The plate's own colour is for comparison only, and written when it is asked for. moves: the plate does; beside the
    depth is how bright it was.
    """

    def __init__(self, gpu: Gpu, resolution: tuple[int, int], moves: bool = False) -> None:
        self.resolution = resolution
        self.gain = gpu.texture(resolution, 4, "f2")
        self.bias = gpu.texture(resolution, 4, "f2")
        self.depth = gpu.texture(resolution, 2 if moves else 1, "f4", nearest=True)
        self.plate = gpu.texture(resolution, 4, "f2")
        self._plate_of: Keyframe | None = None
        self._left: deque[tuple[Any, NDArray[Any]]] = deque()  # textures, with the rows that they lack at their tops

    @property
    def whole(self) -> bool:
        """Whether all of what was begun is there."""
        return not self._left

    def begin(self, keyframe: Keyframe) -> None:
        """``write`` puts this one, of their resolution, into the textures."""
        plate = keyframe.request.plate
        depth = plate.depth if self.depth.components == 1 else with_brightness(plate)
        pixels = (self.gain, keyframe.gain), (self.bias, keyframe.bias), (self.depth, depth)
        self._left = deque((texture, texels(image, texture.components)) for texture, image in pixels)

    def write(self, most: int) -> int:
        """Some more rows, of ``most`` bytes together or less than a row more; how many bytes they were."""
        written = 0
        while self._left and written < most:
            texture, rows = self._left.popleft()
            count = max((most - written) // rows[0].nbytes, 1)
            write_rows(texture, rows[:count], texture.height - len(rows))
            written += rows[:count].nbytes
            if count < len(rows):
                self._left.appendleft((texture, rows[count:]))
        return written

    def stale(self, keyframe: Keyframe) -> dict[str, Bound]:
        """What the keyframe in these textures is drawn from as it is."""
        if self._plate_of is not keyframe:
            write_rows(self.plate, texels(keyframe.request.plate.color_noise, 4))
            self._plate_of = keyframe
        return {"key_plate": self.plate, "key_gain": self.gain, "key_bias": self.bias}

    def release(self) -> None:
        for texture in (self.gain, self.bias, self.depth, self.plate):
            texture.release()
