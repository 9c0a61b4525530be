"""The keyers that ours is measured against, on (height, width, 3) encoded R'G'B' 0..1: OBS's formula, and FFmpeg's."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import av.filter
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

Array = NDArray[np.float32]

# Cb and Cr of R'G'B', BT.709 in limited range: the rows that OBS's chroma_key_filter_v2.effect has.
CHROMA = np.array([[-0.100644, -0.338572, 0.439216], [0.439216, -0.398942, -0.040274]], np.float32)
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
TAPS = ((-0.5, -1.0), (0.5, 1.0), (1.0, -0.5), (-1.0, 0.5))  # (down, across), each between pixels
OBS_SPILL = 0.1  # its default, 100 thousandths


def obs_key(picture: Array, screen: Array, similarity: float, smoothness: float) -> tuple[Array, Array]:
    """Alpha, and the picture with its spill greyed, by what obs-filters' chroma_key_filter_v2.effect does (OBS Studio,
    commit 09381d29): the distance to the screen's chroma, smoothed over a pixel, less ``similarity``, over
    ``smoothness``, to the power of 1.5.
    """
    distance = np.linalg.norm((picture - screen) @ CHROMA.T, axis=-1)
    smooth = (distance + 2.0 * sum(_shifted(distance, *tap) for tap in TAPS)) / 9.0
    beyond = smooth - similarity
    alpha = np.clip(beyond / smoothness, 0.0, 1.0) ** 1.5
    kept = np.clip(beyond / OBS_SPILL, 0.0, 1.0)[..., None] ** 1.5
    grey = (picture @ LUMA)[..., None]
    return alpha.astype(np.float32), (grey + kept * (picture - grey)).astype(np.float32)


def ffmpeg_alpha(picture: Array, screen: Array, similarity: float, blend: float) -> tuple[Array, Array]:
    """Alpha by FFmpeg's own ``chromakey``, in 8 bits and 4:4:4; it leaves the picture as it is."""
    height, width = picture.shape[:2]
    red, green, blue = (round(255.0 * float(np.clip(part, 0.0, 1.0))) for part in screen)
    graph = av.filter.Graph()
    chain = [
        graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=Fraction(1, 25)),
        graph.add("format", "yuva444p"),
        graph.add("chromakey", f"color=0x{red:02X}{green:02X}{blue:02X}:similarity={similarity}:blend={blend}"),
        graph.add("alphaextract"),
        graph.add("buffersink"),
    ]
    for one, following in pairwise(chain):
        one.link_to(following)
    graph.configure()
    frame = av.VideoFrame.from_ndarray((np.clip(picture, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8), format="rgb24")
    frame.pts = 0
    graph.push(frame)
    pulled = graph.pull()
    assert isinstance(pulled, av.VideoFrame)
    return pulled.to_ndarray(format="gray").astype(np.float32) / np.float32(255.0), picture


def _shifted(field: Array, down: float, across: float) -> Array:
    rows, columns = np.indices(field.shape, np.float32)
    shifted: Array = map_coordinates(field, (rows + down, columns + across), order=1, mode="nearest")
    return shifted
