"""How far what a flat plate shows may be: guessed from its picture, for generators whose weather lies in depth.

A card is at one distance: snow and fog on a clip that hangs on it would be an even veil. The shipped depth network
corrects level ground below the lens; where a View looks steeply up or down, which that was never taught, this ground
and the sky above it are the guess.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.neural import RUNTIMES
from vpengine.neural.depth import EYE_HEIGHT_M, FURTHEST_M, MULTIPLE, WEIGHTS, corrected, fitting, resized
from vpengine.neural.depth_edges import guided
from vpengine.neural.generator import Plate
from vpengine.plugins import load_plugin
from vpengine.view.color import REC709_FROM_ACESCG, linear_from_acescct, srgb_encoded
from vpengine.view.view import View, in_plate, pixel_centres, rays

SIDE = 224  # pixels of the longer side: less than the network was taught at, for half the time
STEEPEST_DEG = 30.0  # of a picture's axis: what is steeper shows the network nothing that it knows
LOWEST_EYE_M = 0.3  # a stage's lens may lie on the floor, or below it where the world was moved
RADIUS_PX = 2  # over which the depth's edges are drawn to the picture's
MIDDLE_CCT = 0.40  # ACEScct, a little darker than mid-grey: the network was taught pictures by day
LOWEST_SKY = 0.08  # as a slope below the horizon: nobody knows how a card's picture was framed
SMOOTH = 0.010  # of sRGB code values, 0..1, from pixel to pixel of SIDE: a sky goes on where there is no more

Array = NDArray[np.float32]


class DepthGuess:
    """Owns the network. sha256: of its weights."""

    def __init__(self) -> None:
        self._network = load_plugin(RUNTIMES["onnxruntime"])().load(WEIGHTS)
        self.sha256 = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()

    def of(self, plate: Plate) -> Plate:
        """The same with a depth that was guessed: metres along the view axis, +inf for sky."""
        view = in_plate(plate.view)
        if abs(pitch_deg(view)) > STEEPEST_DEG:
            return replace(plate, depth_m=on_the_ground(view))
        return replace(plate, depth_m=self._seen(plate.color_cct, view))

    def _seen(self, color_cct: Array, view: View) -> Array:
        """All at the network's size but the last step: an answer must not wait for what it is made from."""
        height, width = color_cct.shape[:2]
        size = fitting(width, height, SIDE, MULTIPLE)
        small_cct = resized(color_cct, size)
        by_day = small_cct + np.float32(MIDDLE_CCT - np.median(small_cct))  # a night's picture looked at by day
        light = linear_from_acescct(by_day) @ REC709_FROM_ACESCG.T.astype(np.float32)
        color = srgb_encoded(np.clip(light, 0.0, 1.0)).astype(np.float32)
        floor, eye_m = ground(view, size), eye_height_m(view)
        found = corrected(self._network, color, floor * np.float32(eye_m / EYE_HEIGHT_M), eye_m)
        sky = continued(found.sky, color, above=floor < LOWEST_SKY / eye_m)
        luma = (color[..., 0] + color[..., 1] + color[..., 2]) / np.float32(3.0)
        log, seen_sky = (guided(each, luma, RADIUS_PX) for each in (np.log(found.inverse), sky))
        depth_m = np.exp(-resized(log, (width, height)))
        return np.where(resized(seen_sky, (width, height)) > 0.5, np.inf, depth_m).astype(np.float32)


def pitch_deg(view: View) -> float:
    """How far above the horizon its axis points."""
    axis = rays(view, np.zeros(2))
    return float(np.degrees(np.arcsin(axis[2] / np.linalg.norm(axis))))


def ground(view: View, size: tuple[int, int]) -> Array:
    """(height, width) of ``size`` (width, height), in 1/m: inverse depth of the floor, negative above the horizon."""
    slope = view.scale * rays(view, pixel_centres(size))[..., 2]
    return np.asarray(-slope / eye_height_m(view), np.float32)


def eye_height_m(view: View) -> float:
    """Above the floor of the plate's world, in the metres of its depth, which are the stage's."""
    return max(view.scale * float(view.origin_m[2]), LOWEST_EYE_M)


def continued(sky: Array, color: Array, above: NDArray[np.bool_]) -> Array:
    """(height, width): the sky with what it passes into without an edge, where that is ``above``: haze, and a low sun.

    color: (height, width, 3), sRGB-encoded.
    """
    seen = sky > 0.5
    steps = np.zeros(sky.shape, np.float32)
    for channel in np.moveaxis(color, -1, 0):
        for axis in (0, 1):
            np.maximum(steps, np.abs(ndimage.prewitt(channel, axis)) / 6.0, out=steps)
    grown = ndimage.binary_propagation(seen, mask=seen | (above & (steps < SMOOTH)))
    return np.where(grown & ~seen, 1.0, sky).astype(np.float32)


def on_the_ground(view: View) -> Array:
    """(height, width): the floor as far as FURTHEST_M, and +inf above the horizon."""
    inverse = ground(view, view.resolution)
    return np.where(inverse > 0.0, 1.0 / np.maximum(inverse, 1.0 / FURTHEST_M), np.inf).astype(np.float32)
