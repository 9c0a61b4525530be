"""What tests of the keyer share: pictures whose alpha is known, targets lent for a while, the matte's numpy twin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.compose.key import SCATTER
from vpengine.compose.mixer import Lend
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.target import Texture
from vpengine.gpu.transfer import download, upload

Array = NDArray[Any]

SIZE = (96, 64)
GREEN, BLUE, YELLOW_GREEN = (0.142, 0.306, 0.090), (0.08, 0.11, 0.39), (0.52, 0.57, 0.09)
SKIN = (0.346, 0.253, 0.174)


@contextmanager
def lending(gpu: Gpu) -> Iterator[Lend]:
    pool = TargetPool(gpu)
    yield pool.lend
    pool.release()


def ramp_alpha() -> Array:
    """(64, 96): screen on the left, foreground on the right, between them four columns that have all alphas."""
    alpha = np.zeros((SIZE[1], SIZE[0]))
    alpha[:, 48:] = 1.0
    down = np.linspace(0.0, 0.2, SIZE[1])
    for column, least in enumerate((0.05, 0.25, 0.5, 0.75)):
        alpha[:, 44 + column] = least + down
    return alpha


def mixed(alpha: Array, foreground: Any, screen: Any) -> Array:
    """(height, width, 3): foreground over screen, each a colour or a picture."""
    return alpha[..., None] * np.asarray(foreground) + (1.0 - alpha[..., None]) * np.asarray(screen)


def texture_of(gpu: Gpu, light: Array) -> Texture:
    """Half float, as the camera's picture comes."""
    four = np.ones((*light.shape[:2], 4), np.float16)
    four[..., :3] = light
    return upload(gpu.context, four)


def values_of(texture: Texture) -> Array:
    return download(texture).astype(np.float64)


def twin_alpha(light: Array, foreground: Any, screen: Any) -> Array:
    """What shaders/key_solve.frag and key_edge.frag make of ``light`` before one screen and for one foreground."""
    own, behind = np.asarray(foreground, np.float64), np.asarray(screen, np.float64)
    apart = behind - own
    spilt = SCATTER[2] * (apart - apart.mean())
    scatter = (np.outer(own, own) + np.outer(spilt, spilt)) / (behind @ behind)
    scatter += SCATTER[0] * np.ones((3, 3)) + SCATTER[1] * np.eye(3)
    axis = np.linalg.solve(scatter, apart)
    return 1.0 - (light - own) @ (axis / (axis @ apart))
