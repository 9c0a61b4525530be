"""Depth from one photograph: the shipped network, or one of the Depth Anything class that somebody has.

The shipped one was trained by tools/train_depth.py on pictures that this project renders (weights/depth.md). It
corrects a guess: level ground below the lens, up to a horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from vpengine.errors import UserError
from vpengine.neural import RUNTIMES
from vpengine.neural.library_errors import in_a_sentence
from vpengine.plugins import load_plugin

WEIGHTS = Path(__file__).parent / "weights" / "depth.onnx"
EYE_HEIGHT_M = 1.6  # of the guess that the shipped network was trained with
LONGER_SIDE, MULTIPLE = 320, 32  # of its pictures
OTHERS_SIDE, OTHERS_MULTIPLE = 518, 14  # Depth Anything's, a vision transformer with patches of 14 pixels
IMAGENET_MEAN, IMAGENET_STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
FURTHEST_M = 300.0
LEAST_SKY, LARGEST_ISLAND = 0.04, 0.06  # of the picture
UNLIKE_SKY = 0.07  # of sRGB code values, 0..1
_SKY_SHARE = 0.005  # of the nearest inverse depth: what is less, in a network that does not say sky

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Lens:
    """horizon: where it is, 0 at a picture's top, 1 at its bottom. focal: focal length over a picture's width."""

    horizon: float = 0.45
    focal: float = 0.9


@dataclass(frozen=True, eq=False)
class Estimate:
    """inverse: (height, width) in 1/m, above 0; sky: (height, width), 0..1. Both of the network's own size."""

    inverse: Array
    sky: Array


def ground_plane(size: tuple[int, int], shape: float, lens: Lens, eye_height_m: float = EYE_HEIGHT_M) -> Array:
    """(height, width) of ``size`` (width, height): inverse depth of level ground, negative above the horizon, in a
    picture whose own height is ``shape`` of its width. Along a plane it is linear in the picture.
    """
    width, height = size
    below = (np.arange(height) + 0.5) / height - lens.horizon
    column = below * shape / (lens.focal * eye_height_m)
    return np.repeat(column[:, None], width, 1).astype(np.float32)


def estimate(path: Path, picture: Array, lens: Lens, eye_height_m: float, *, is_metric: bool = False) -> Estimate:
    """picture: (height, width, 3) sRGB-encoded, 0..1. is_metric: a network of others gives metres, not inverse depth.

    Raises UserError for a file that is no network, or none of a kind that is known.
    """
    network = load_plugin(RUNTIMES["onnxruntime"])().load(path)
    if set(network.inputs) == {"color", "plane"}:
        return _corrected(network, picture, lens, eye_height_m)
    return _of_others(path, network, picture, lens, eye_height_m, is_metric)


def _corrected(network: Any, picture: Array, lens: Lens, eye_height_m: float) -> Estimate:
    """The mean of the picture's answer and its mirror image's."""
    size = fitting(picture.shape[1], picture.shape[0], LONGER_SIDE, MULTIPLE)
    color = resized(picture, size)
    plane = ground_plane(size, picture.shape[0] / picture.shape[1], lens)
    return corrected(network, color, plane, eye_height_m, mirrored=True)


def corrected(network: Any, color: Array, plane: Array, eye_height_m: float, *, mirrored: bool = False) -> Estimate:
    """The shipped network's answer.

    color: (height, width, 3) sRGB-encoded, in multiples of MULTIPLE; plane: (height, width), as ``ground_plane``
    makes it, for an eye EYE_HEIGHT_M above the ground. mirrored: the mean of the picture's answer and its mirror
    image's, for twice the time.
    """
    planes = np.moveaxis(color, -1, 0)[None]
    ways = (planes, planes[..., ::-1]) if mirrored else (planes,)
    grounds = (plane, plane[:, ::-1])
    answers = [
        network({"color": np.ascontiguousarray(way), "plane": np.ascontiguousarray(ground)[None, None]})
        for way, ground in zip(ways, grounds, strict=False)
    ]
    inverses, skies = ([answer[name][0, 0] for answer in answers] for name in ("inverse_depth", "sky"))
    inverse = (np.sqrt(inverses[0] * inverses[-1][:, ::-1]) if mirrored else inverses[0]) * (
        EYE_HEIGHT_M / eye_height_m
    )
    sky = 0.5 * (skies[0] + skies[-1][:, ::-1]) if mirrored else skies[0]
    found = believed(Estimate(np.maximum(inverse, 1.0 / FURTHEST_M), sky))
    return Estimate(found.inverse, without_islands(found.sky, color))


def believed(found: Estimate) -> Estimate:
    """Without the sky where none of it is large and reaches the picture's top: a lamp, a white door, a picture's frame.

    Nobody taught the network a distance for what it takes for sky: such pixels take their neighbours'.
    """
    sky = found.sky > 0.5
    regions, count = ndimage.label(sky)
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    at_top = set(regions[: max(2, len(sky) // 40)].ravel()) - {0}
    if any(sizes[region] > LEAST_SKY * sky.size for region in at_top) or not count or sky.all():
        return found
    index = ndimage.distance_transform_edt(sky, return_distances=False, return_indices=True)
    return Estimate(found.inverse[tuple(index)], np.zeros_like(found.sky))


def without_islands(sky: Array, color: Array) -> Array:
    """(height, width): with small pieces that are of no other colour, (height, width, 3), than the sky around them."""
    seen = sky > 0.5
    if not seen.any():
        return sky
    index = ndimage.distance_transform_edt(~seen, return_distances=False, return_indices=True)
    unlike = np.abs(color - color[tuple(index)]).max(-1)
    regions, count = ndimage.label(~seen)
    numbers = np.arange(1, count + 1)
    sizes = ndimage.sum_labels(np.ones_like(sky), regions, numbers)
    alike = ndimage.mean(unlike, regions, numbers) < UNLIKE_SKY
    islands = numbers[alike & (sizes < LARGEST_ISLAND * sky.size)]
    return np.where(np.isin(regions, islands), 1.0, sky).astype(np.float32)


def _of_others(path: Path, network: Any, picture: Array, lens: Lens, eye_height_m: float, is_metric: bool) -> Estimate:
    """Of a network that takes one picture, normalised as ImageNet's, and gives depth or inverse depth of some scale."""
    name, sides = _its_input(path, network)
    free = fitting(picture.shape[1], picture.shape[0], OTHERS_SIDE, OTHERS_MULTIPLE)
    size = (sides[1] or free[0], sides[0] or free[1])
    color = (resized(picture, size) - IMAGENET_MEAN) / IMAGENET_STD
    with in_a_sentence(f"{path}: failed on a picture of {size[0]} x {size[1]}"):
        answer = network({name: np.ascontiguousarray(np.moveaxis(color, -1, 0)[None], np.float32)})
    found = np.squeeze(next(iter(answer.values()))).astype(np.float32)
    if found.ndim != 2 or not np.isfinite(found).all():
        raise UserError(f"{path}: gave {'x'.join(map(str, found.shape))} numbers; expected one finite depth a pixel")
    if is_metric:
        return Estimate(1.0 / np.clip(found, 1e-2, FURTHEST_M), (found >= FURTHEST_M).astype(np.float32))
    plane = ground_plane(found.shape[::-1], picture.shape[0] / picture.shape[1], lens, eye_height_m)
    return _scaled(found, plane)


def _its_input(path: Path, network: Any) -> tuple[str, tuple[int | None, int | None]]:
    """Its name, and height and width where the file fixes them."""
    shapes = list(network.inputs.items())
    if len(shapes) != 1 or len(shapes[0][1]) != 4 or shapes[0][1][1] not in (3, None):
        takes = ", ".join(f"{name} {'x'.join(str(side or '?') for side in shape)}" for name, shape in shapes)
        raise UserError(f"{path}: takes {takes}; expected one picture, 1x3xHxW, as Depth Anything does")
    name, shape = shapes[0]
    return name, (shape[2], shape[3])


def _scaled(relative: Array, plane: Array) -> Estimate:
    """Of unknown scale and shift: the farthest becomes FURTHEST_M, and the foreground stands on the ground."""
    low, high = np.percentile(relative, [0.5, 99.5])
    shifted = np.maximum(relative - low, 0.0) / max(float(high - low), 1e-6)
    lowest = slice(int(0.85 * len(relative)), None)
    ground = max(float(np.median(plane[lowest])), 1.0 / FURTHEST_M)
    scale = ground / max(float(np.median(shifted[lowest])), 0.05)
    sky = (shifted < _SKY_SHARE) & (plane < 0.0)
    return Estimate((scale * shifted + 1.0 / FURTHEST_M).astype(np.float32), sky.astype(np.float32))


def fitting(width: int, height: int, longer_side: int, multiple: int) -> tuple[int, int]:
    """(width, height) of about a picture's shape, in multiples of ``multiple``, the longer side about so long."""
    scale = longer_side / max(width, height)
    w, h = (max(multiple, round(side * scale / multiple) * multiple) for side in (width, height))
    return w, h


def resized(image: NDArray[Any], size: tuple[int, int]) -> Array:
    """(height, width) or (height, width, channels) to ``size`` (width, height), each pixel a mean of what it covers."""
    if image.ndim == 3:
        return np.stack([resized(image[..., channel], size) for channel in range(image.shape[-1])], -1)
    picture = Image.fromarray(np.ascontiguousarray(image, np.float32))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), np.float32)
