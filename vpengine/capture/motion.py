"""How far a picture has shifted since the one before: guessed by phase correlation, then measured by its gradients.

An actor has more edges than a screen with a few markers, and moves by himself. So each part of the picture has one
vote, however much is to be seen in it: the shift is that which most of the picture's parts agree on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from vpengine.frames.captured import CapturedFrame

SIDE = 400  # pixels across that are looked at, at most
BLUR_PX = 1.2  # noise has no gradients then
WIDE_PX = 41  # what is even over so many is light, not things
LEAST_PEAK = 7.0  # deviations: of two pictures that have nothing in common, none of 30,000 places reaches 5
GUESSES, APART_PX = 5, 3  # peaks that are tried, and how far they are from each other
PART_PX = 36  # a part of the picture has a vote; markers stand no further apart
NEAR_PX, STEP_PX = 1.0, 0.25  # about a guess, and how finely that is tried
TOLERATED = 4.0  # times the noise: what is left of a part that agrees, such as for a camera that rolls
ROUNDS, STILL_PX = 12, 0.001

Array = NDArray[np.float64]


def small(frame: CapturedFrame) -> tuple[Array, int]:
    """(rows, columns) luminance, -0.5 to 0.5 and without what changes slowly; and how many pixels one of it spans."""
    luma: NDArray[Any] = frame.planes[0] if frame.format.model == "yuv" else frame.planes[0][..., 1]
    times = max(-(-frame.size[0] // SIDE), 1)
    rows, columns = luma.shape[0] // times, luma.shape[1] // times
    blocks = luma[: rows * times, : columns * times].reshape(rows, times, columns, times)
    return blocks.mean(axis=(1, 3)) / (1 << (frame.format.bits + frame.format.shift)) - 0.5, times


def shift_between(before: Array, after: Array) -> tuple[float, float] | None:
    """Right and down in pixels of ``small``; None where nothing is recognised.

    To a pixel by phase correlation (C. D. Kuglin, D. C. Hines, The phase correlation image alignment method, 1975),
    then as B. D. Lucas and T. Kanade have it (An iterative image registration technique, 1981), with votes that count
    the less the less they agree (S. Geman, D. E. McClure, Statistical methods for tomographic image reconstruction,
    1987).
    """
    one, other = (_things(part) for part in (before, after))
    guesses = _guesses(one, other)
    if not guesses:
        return None
    slopes = [np.gradient(part) for part in (one, other)]
    votes = [found for at in guesses if (found := _votes(one, other, slopes, at)) is not None]
    if not votes:
        return None
    noise = min(each.noise for each in votes)
    best = min(votes, key=lambda each: each.least(noise)[0])
    moved = best.refined(best.least(noise)[1], noise)
    again = _votes(one, other, slopes, (round(best.down + moved[0]), round(best.right + moved[1])))
    if again is None:
        return None
    # Gradients say it best where less than half a pixel is left.
    moved = again.refined(np.add(moved, (best.down - again.down, best.right - again.right)), noise)
    return float(again.right + moved[1]), float(again.down + moved[0])


def _things(picture: Array) -> Array:
    sharp: Array = ndimage.gaussian_filter(picture, BLUR_PX, truncate=3.0)
    return sharp - ndimage.uniform_filter(sharp, WIDE_PX)


def _guesses(one: Array, other: Array) -> list[tuple[int, int]]:
    """Down and right in whole pixels: no shift, and the peaks of the phase correlation; none where there is no peak."""
    window = np.outer(np.hanning(one.shape[0]), np.hanning(one.shape[1]))
    first, second = fft.rfft2(one * window), fft.rfft2(other * window)
    cross = second * np.conj(first)
    strength = np.abs(cross)
    # Weak frequencies are noise: they count by what they have, as far as the median.
    found = fft.irfft2(cross / np.maximum(strength, np.median(strength)), one.shape)
    least = LEAST_PEAK * found.std()
    size, guesses = np.array(found.shape), [(0, 0)]
    for number in range(GUESSES):
        at = np.array(np.unravel_index(int(np.argmax(found)), found.shape))
        if found[tuple(at)] < least:
            return guesses if number else []
        near = [np.arange(place - APART_PX, place + APART_PX + 1) % side for place, side in zip(at, size, strict=True)]
        found[np.ix_(*near)] = 0.0
        down, right = np.where(at > size / 2, at - size, at).tolist()
        guesses.append((down, right))
    return guesses


@dataclass(frozen=True, eq=False)
class _Votes:
    """What each part of the picture says of a shift that is a little more than (down, right).

    still: (n,) the mean square of what is left there without it; pull (n, 2) and bend (n, 2, 2): of a shift m that is
    still - 2 pull m + m bend m. noise: the mean square of what is left where nothing is to be seen.
    """

    down: int
    right: int
    still: Array
    pull: Array
    bend: Array
    noise: float

    def left(self, moved: Array) -> Array:
        """(..., n) for shifts (..., 2)."""
        square = np.einsum("...i,nij,...j->...n", moved, self.bend, moved)
        return np.maximum(self.still - 2.0 * moved @ self.pull.T + square, 0.0)

    def least(self, noise: float) -> tuple[float, Array]:
        """How much is against the best shift nearby, 0 to 1; and that shift."""
        steps = np.arange(-NEAR_PX, NEAR_PX + 0.5 * STEP_PX, STEP_PX)
        tried = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        left = self.left(tried)
        against = (left / (left + TOLERATED * noise)).mean(axis=1)
        best = int(np.argmin(against))
        return float(against[best]), tried[best]

    def refined(self, moved: Array, noise: float) -> Array:
        for _ in range(ROUNDS):
            weights = 1.0 / (self.left(moved) + TOLERATED * noise) ** 2
            bend = np.tensordot(weights, self.bend, 1) + 1e-12 * np.eye(2) * weights.sum()
            step = np.linalg.solve(bend, weights @ self.pull) - moved
            moved = moved + step
            if float(np.abs(step).max()) < STILL_PX:
                break
        return moved


def _votes(one: Array, other: Array, slopes: list[Any], at: tuple[int, int]) -> _Votes | None:
    """None where too little of the picture is in both."""
    down, right = at
    rows, columns = other.shape[0] - abs(down), other.shape[1] - abs(right)
    high, wide = rows // PART_PX, columns // PART_PX
    if high < 2 or wide < 2:
        return None
    top, left = ((side - parts * PART_PX) // 2 for side, parts in ((rows, high), (columns, wide)))
    now = (slice(max(down, 0) + top, None), slice(max(right, 0) + left, None))
    then = (slice(max(-down, 0) + top, None), slice(max(-right, 0) + left, None))

    def parts(picture: Array, where: tuple[slice, slice]) -> Array:
        cut = picture[where][: high * PART_PX, : wide * PART_PX].reshape(high, PART_PX, wide, PART_PX)
        return cut.transpose(0, 2, 1, 3).reshape(high * wide, PART_PX * PART_PX)

    off = parts(one, then) - parts(other, now)
    slope = np.stack([0.5 * (parts(a, then) + parts(b, now)) for a, b in zip(*slopes, strict=True)], axis=1)
    count = off.shape[1]
    noise = (1.4826 * float(np.median(np.abs(off)))) ** 2 + 1e-12
    return _Votes(
        down,
        right,
        np.einsum("np,np->n", off, off) / count,
        np.einsum("nip,np->ni", slope, off) / count,
        slope @ slope.transpose(0, 2, 1) / count,
        noise,
    )
