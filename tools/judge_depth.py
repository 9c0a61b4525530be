"""Judges a depth network on real pictures with measured depth, beside the guessed plane; and sheets to look at.

    python tools/judge_depth.py [NETWORK.onnx] [--sheet FILE.png]

The error is Eigen et al. 2014's scale-invariant one of log depth, D = mean d^2 - mean(d)^2, and its root.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vpengine.neural.depth import WEIGHTS, Estimate, Lens, estimate, ground_plane
from vpengine.neural.depth_edges import at_size

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
BACKDROP_M = 80.0  # of the guess, as tools/weather_photos.py has it
Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Measured:
    """picture: (height, width, 3) sRGB-encoded 0..1; depth_m: (height, width), NaN where it was not measured."""

    name: str
    picture: Array
    depth_m: Array
    focal: float


def measured() -> list[Measured]:
    """The pictures with depth of the shared data that are there."""
    found = []
    for number in range(1, 6):
        folder = DATA / "rgbd" / "icl_nuim_5"
        if (folder / f"color_{number}.png").exists():
            depth = np.asarray(Image.open(folder / f"depth_{number}.png")).astype(np.float32) / 5000.0
            depth[depth <= 0.0] = np.nan
            found.append(Measured(f"icl_nuim_{number}", read(folder / f"color_{number}.png"), depth, 481.2 / 640.0))
    pair = DATA / "rgbd" / "motorcycle"
    if pair.exists():
        disparity = np.load(pair / "disparity_left.npz")["arr_0"].astype(np.float32)
        depth = 0.193001 * 994.978 / (np.where(np.isfinite(disparity), disparity, np.nan) + 31.086)
        found.append(Measured("motorcycle", read(pair / "left.png"), depth, 994.978 / 741.0))
    return found


def read(path: Path) -> Array:
    return (np.asarray(Image.open(path).convert("RGB")) / 255.0).astype(np.float32)


def guess(size: tuple[int, int], lens: Lens) -> Array:
    """(height, width) metres: the plane up to the horizon, and a backdrop."""
    return 1.0 / np.maximum(ground_plane(size, size[1] / size[0], lens), 1.0 / BACKDROP_M)


def invariant(found_m: Array, truth_m: Array) -> float:
    """D over the pixels that were measured."""
    known = np.isfinite(truth_m)
    d = np.log(np.minimum(found_m[known], 1e3)) - np.log(truth_m[known])
    return float(np.mean(d**2) - np.mean(d) ** 2)


def shaded(depth_m: Array) -> NDArray[np.uint8]:
    """Near bright, far dark, each picture by its own range, sky black: (height, width, 3)."""
    near, far = np.log(np.nanquantile(np.where(np.isfinite(depth_m), depth_m, np.nan), [0.01, 0.99]))
    share = (np.log(np.where(np.isfinite(depth_m), depth_m, 1.0)) - near) / max(far - near, 0.3)
    level = np.where(np.isfinite(depth_m), np.clip(1.0 - 0.9 * share, 0.06, 1.0), 0.0)
    return np.repeat((255.0 * level)[..., None], 3, -1).astype(np.uint8)


def judge(network: Path) -> dict[str, tuple[float, ...]]:
    """By picture: D of a flat card, of the guess with the usual lens, of the guess with the true one, and of the
    network, which is told the usual one.
    """
    out = {}
    for one in measured():
        size = one.picture.shape[1], one.picture.shape[0]
        found = at_size(estimate(network, one.picture, Lens(), 1.6), one.picture)
        plain, lens = guess(size, Lens()), guess(size, Lens(focal=one.focal))
        card = np.ones_like(found)
        out[one.name] = tuple(invariant(each, one.depth_m) for each in (card, plain, lens, found))
    return out


def sheet(network: Path, width: int = 360) -> Image.Image:
    """Every plate and every measured picture: itself, the guess, the network's depth and sky, the truth."""
    rows = []
    plates = [(path.stem, read_small(path), None) for path in sorted((DATA / "plates").glob("*.*g"))]
    for _, picture, truth in [*plates, *((m.name, m.picture, m.depth_m) for m in measured())]:
        size = picture.shape[1], picture.shape[0]
        answer: Estimate = estimate(network, picture, Lens(), 1.6)
        raw = np.where(answer.sky > 0.5, np.inf, 1.0 / answer.inverse)
        tiles = [(picture * 255.0).astype(np.uint8), shaded(guess(size, Lens())), shaded(raw)]
        tiles += [shaded(at_size(answer, picture)), shaded(truth) if truth is not None else np.zeros_like(tiles[0])]
        height = round(width * size[1] / size[0])
        rows.append(np.concatenate([np.asarray(Image.fromarray(tile).resize((width, height))) for tile in tiles], 1))
    return Image.fromarray(np.concatenate(rows))


def read_small(path: Path, longer_side: int = 1024) -> Array:
    image = Image.open(path).convert("RGB")
    image.thumbnail((longer_side, longer_side))
    return (np.asarray(image) / 255.0).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", type=Path, default=WEIGHTS)
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    errors = judge(given.network)
    print(f"{'':14} {'card':>8} {'plane':>8} {'its lens':>8} {'network':>8}")
    for name, row in errors.items():
        print(f"{name:14} " + " ".join(f"{value:8.4f}" for value in row))
    for what, each in (("mean D", np.asarray), ("mean root of D", np.sqrt)):
        means = np.mean([each(row) for row in errors.values()], axis=0)
        print(
            f"{what:14} "
            + " ".join(f"{value:8.4f}" for value in means)
            + f"  {means[3] / means[1] - 1.0:+.0%} of the plane"
        )
    if given.sheet:
        sheet(given.network).save(given.sheet)


if __name__ == "__main__":
    main()
