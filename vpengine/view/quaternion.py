"""Quaternions (x, y, z, w), Hamilton, unit: the few operations a pose needs each frame, on plain floats.

scipy's Rotation does the same, ten times as slowly for single rotations; tests hold the two against each other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Quaternion = tuple[float, float, float, float]
Vector = tuple[float, float, float]


def product(after: Quaternion, before: Quaternion) -> Quaternion:
    """The rotation ``before``, then ``after``; its sign chosen so that w is not negative."""
    ax, ay, az, aw = after
    bx, by, bz, bw = before
    x = aw * bx + ax * bw + ay * bz - az * by
    y = aw * by - ax * bz + ay * bw + az * bx
    z = aw * bz + ax * by - ay * bx + az * bw
    w = aw * bw - ax * bx - ay * by - az * bz
    length = math.copysign(math.sqrt(x * x + y * y + z * z + w * w), w)
    return x / length, y / length, z / length, w / length


def inverse(rotation: Quaternion) -> Quaternion:
    x, y, z, w = rotation
    return -x, -y, -z, w


def from_rotation_vector(vector: Vector) -> Quaternion:
    """exp: an axis times an angle in radians."""
    x, y, z = vector
    angle = math.sqrt(x * x + y * y + z * z)
    scale = math.sin(0.5 * angle) / angle if angle > 1e-9 else 0.5
    return x * scale, y * scale, z * scale, math.cos(0.5 * angle)


def rotation_vector(rotation: Quaternion) -> Vector:
    """log: the axis times the angle, 0 to pi radians."""
    x, y, z, w = rotation if rotation[3] >= 0.0 else (-rotation[0], -rotation[1], -rotation[2], -rotation[3])
    sine = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 * math.atan2(sine, w) / sine if sine > 1e-9 else 2.0
    return x * scale, y * scale, z * scale


def rotation_vectors(rotations: Array, reference: Quaternion) -> Array:
    """(n, 3): the logarithms of the rotations that lead from ``reference`` to each of (n, 4) ``rotations``."""
    x, y, z, w = reference
    # The product with the reference's inverse is linear in each rotation.
    turned = rotations @ np.array([[w, z, -y, x], [-z, w, x, y], [y, -x, w, z], [-x, -y, -z, w]])
    turned *= np.where(turned[:, 3:] < 0.0, -1.0, 1.0)
    sine = np.sqrt(np.einsum("ij,ij->i", turned[:, :3], turned[:, :3]))
    scale = np.where(sine > 1e-9, 2.0 * np.arctan2(sine, turned[:, 3]) / np.maximum(sine, 1e-9), 2.0)
    return turned[:, :3] * scale[:, None]
