"""A diffusion model's pictures all round: where two of them meet, nothing is seen of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.images import ImageSet
from vpengine.gpu.gpu import Gpu
from vpengine.neural.declared import looks_of
from vpengine.neural.diffusion import Diffusion, DiffusionSettings
from vpengine.neural.display_color import display_from_acescct
from vpengine.neural.generator import Current, Plate
from vpengine.plates.street.plate import Street
from vpengine.view.color import acescct_from_linear
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import look_at, view_from_stage
from vpengine.view.reproject import Source, gather_surround
from vpengine.view.surround import FACES, surround_view
from vpengine.view.view import View

pytest.importorskip("diffusers", reason="the extra `diffusion` is not installed")
EYE_M = np.array([0.0, 0.0, 1.5])
FACE_PX, SIZE = 128, (256, 144)
CODE = 255.0  # of sRGB, 8 bits
Faces = list[tuple[int, Source]]


@pytest.fixture(scope="module")
def take(gpu: Any) -> Callable[[View], ImageSet]:
    own = Gpu(gpu)
    street = Street(Street.Settings.model_validate({}))
    street.upload(own)
    requests = RequestCamera(own)
    return lambda view: requests.take(street, "street", view, 0)


@pytest.fixture(scope="module")
def faces(take: Callable[[View], ImageSet], tiny_models: Path) -> Faces:
    """One after the other, each going on from what those before it show in its borders, as the engine asks for them."""
    del tiny_models
    torch_runtime = pytest.importorskip("vpengine.neural.torch_runtime", reason="torch is not installed")
    settings = DiffusionSettings(model="tiny-sd", precision="float32")
    generator, look = Diffusion(torch_runtime.TorchRuntime(), settings), looks_of("diffusion").of({"prompt": "snow"})
    made: Faces = []
    for face in range(FACES):
        image = take(surround_view(EYE_M, face, FACE_PX))
        found = gather_surround(image.view, image.depth_m, made)
        current = Current(found.gain.astype(np.float32), np.clip(found.known, 0.0, 1.0).astype(np.float32))
        color_cct = acescct_from_linear(image.color)
        plate = Plate(color_cct, image.depth_m, image.noise.astype(np.float32), image.view, current if made else None)
        picture = generator.generate(plate, look).bias
        made.append((face, Source(image.view, picture, np.zeros_like(picture), image.depth_m, newness=1.0)))
    return made


@pytest.mark.parametrize(
    ("towards", "axis"),
    [((1.0, 1.0, 0.0), 1), ((-1.0, 1.0, 0.0), 1), ((0.0, 1.0, 1.0), 0)],
    ids=["right", "left", "up"],
)
def test_no_seam_is_seen_where_two_faces_meet(
    take: Callable[[View], ImageSet], faces: Faces, towards: tuple[float, float, float], axis: int
) -> None:
    """Across the line where they meet, and where the one begins to give way, a picture changes no more than beside it:
    by two code values at most in the mean. Cut hard, it would.
    """
    pose = look_at(EYE_M, EYE_M + np.array(towards))
    view = View(view_from_stage(pose), clip_from_view_symmetric(60.0, SIZE[0] / SIZE[1]), SIZE)
    depth_m = take(view).depth_m
    blended = seam(gather_surround(view, depth_m, faces).gain, axis)
    assert blended <= 2.0
    first, second = (gather_surround(view, depth_m, [pair]).gain for pair in two_of(view, depth_m, faces))
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    before = (y < SIZE[1] // 2) if axis == 0 else (x < SIZE[0] // 2)
    assert seam(np.where(before[..., None], first, second), axis) > blended


def two_of(view: View, depth_m: NDArray[Any], faces: Faces) -> Faces:
    """The face that shows the picture's first corner best, and the one that shows its last."""
    known = [(gather_surround(view, depth_m, [pair]).weight, pair) for pair in faces]
    return [
        max(known, key=lambda item: float(item[0][corner].mean()))[1] for corner in (np.s_[:8, :8], np.s_[-8:, -8:])
    ]


def seam(picture_cct: NDArray[Any], axis: int) -> float:
    """How much more it changes from line to line at the middle than beside it, in code values."""
    steps = np.abs(np.diff(display_from_acescct(picture_cct), axis=axis)).mean(axis=(1 - axis, 2)) * CODE
    middle = len(steps) // 2
    beside = np.r_[steps[middle - 24 : middle - 4], steps[middle + 5 : middle + 25]]
    return float(steps[middle - 1 : middle + 2].max() - np.median(beside))
