"""Fur and hair of all kinds before a screen, for the matte network to learn from: drawn from a seed, its alpha exact.

A blob with some thousands of strands, in focus or out of it; the synthetic camera's figure has hard edges and a few
strands, and a network that has seen only these takes soft edges for hard ones.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float32]

FINE = 4  # drawn so many times as large
LEVELS = 255.0 / 0.9  # of an 8-bit picture: light up to 0.9


def furry(size: tuple[int, int], rng: np.random.Generator, fits: Callable[[Array], bool]) -> tuple[Array, Array]:
    """(height, width) alpha and (height, width, 3) premultiplied light. fits: whether a colour may be in it."""
    wide, high = size[0] * FINE, size[1] * FINE
    light, cover = Image.new("RGB", (wide, high)), Image.new("L", (wide, high))
    pens = ImageDraw.Draw(light), ImageDraw.Draw(cover)
    palette = [_color(rng, fits) for _ in range(3)]
    middle = np.array([wide * rng.uniform(0.35, 0.7), high * rng.uniform(0.4, 0.7)])
    radius = high * rng.uniform(0.15, 0.32)
    waves, phases = rng.uniform(0.0, 0.12, 5), rng.uniform(0.0, 6.3, 5)

    def reach(angle: Array) -> Array:
        return radius * (
            1.0 + sum(w * np.sin((k + 1) * angle + p) for k, (w, p) in enumerate(zip(waves, phases, strict=True)))
        )

    around = np.linspace(0.0, 2.0 * np.pi, 200, endpoint=False)
    outline = [tuple(point) for point in middle + (reach(around) * _turned(around)).T]
    pens[0].polygon(outline, fill=_code(palette[0]))
    pens[1].polygon(outline, fill=255)
    length = high * np.exp(rng.uniform(np.log(0.01), np.log(0.16)))
    lean, thick = rng.uniform(-1.0, 1.0), rng.uniform(1.0, 5.0)
    for angle in rng.uniform(0.0, 2.0 * np.pi, int(rng.choice([60, 400, 1500, 4000]))):
        root = middle + reach(angle) * rng.uniform(0.7, 1.0) * _turned(angle)
        bend = angle + lean * rng.uniform(0.0, 1.0) + rng.normal(0.0, 0.25)
        tip = root + length * rng.uniform(0.3, 1.3) * _turned(angle)
        end = tip + 0.5 * length * rng.uniform(0.0, 1.0) * _turned(bend)
        color = palette[rng.integers(3)] * np.exp(rng.normal(0.0, 0.3))
        width = max(round(thick * rng.uniform(0.3, 1.2)), 1)
        for pen, fill in zip(pens, (_code(color), 255), strict=True):
            pen.line([tuple(root), tuple(tip), tuple(end)], fill=fill, width=width)
    return _softened(_small(np.asarray(light, np.float32) / LEVELS), _small(np.asarray(cover, np.float32) / 255.0), rng)


def _softened(light: Array, alpha: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Out of focus, or not: light that is premultiplied stays right."""
    sigma = float(rng.choice([0.0, 0.0, 0.5, 1.0, 2.0, 4.0]))
    if sigma > 0.0:
        light, alpha = gaussian_filter(light, (sigma, sigma, 0.0)), gaussian_filter(alpha, sigma)
    return alpha.astype(np.float32), light.astype(np.float32)


def _turned(angle: Array) -> Array:
    return np.array([np.cos(angle), np.sin(angle)])


def _small(fine: Array) -> Array:
    high, wide = fine.shape[0] // FINE, fine.shape[1] // FINE
    return fine.reshape(high, FINE, wide, FINE, *fine.shape[2:]).mean(axis=(1, 3))


def _color(rng: np.random.Generator, fits: Callable[[Array], bool]) -> Array:
    """A grey, a brown, or any colour at all."""
    while True:
        hue = rng.uniform(0.02, 0.12) if rng.uniform() < 0.5 else rng.uniform()
        saturation = rng.uniform(0.0, 0.15) if rng.uniform() < 0.4 else rng.uniform(0.1, 0.8)
        color = np.array(colorsys.hsv_to_rgb(hue, saturation, np.exp(rng.uniform(np.log(0.01), np.log(0.7)))))
        if fits(color.astype(np.float32)):
            return color.astype(np.float32)


def _code(color: Array) -> tuple[int, int, int]:
    red, green, blue = (int(min(max(part * LEVELS, 0.0), 255.0) + 0.5) for part in color)
    return red, green, blue
