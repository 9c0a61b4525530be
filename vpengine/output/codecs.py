"""Codecs: in which form pictures are encoded, and into what file, so that a crash costs the last second at most.

An MP4 or MOV is written in fragments, a Matroska file in clusters, each of them half a second and flushed: what is
before the crash is an ordinary file. Numbers of color tags are those of ITU-T H.273.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from av.video.reformatter import ColorRange

BT709 = 1  # primaries and matrix
RGB = 0  # no matrix
SRGB_TRANSFER = 13  # IEC 61966-2-1: what the view transform and the walls encode for

PART_S = 0.5  # of a fragment, a cluster, a group of pictures: what a crash costs, together with what is being encoded
QP_TO_LAMBDA = 118  # FFmpeg's unit of quality
_FLUSHED = {"flush_packets": "1"}
_FRAGMENTED = "+empty_moov+default_base_moof"
_FRAGMENTS = {"movflags": _FRAGMENTED, "frag_duration": str(round(1e6 * PART_S)), **_FLUSHED}
_CLUSTERS = {"cluster_time_limit": str(round(1e3 * PART_S)), **_FLUSHED}


@dataclass(frozen=True)
class Codec:
    """encoder, pix_fmt, container: FFmpeg's names. options: the encoder's. muxing: the container's. even: both sides
    must be, since several pixels share a color.
    """

    encoder: str
    pix_fmt: str
    container: str
    suffix: str
    options: Mapping[str, str] = field(default_factory=dict)
    muxing: Mapping[str, str] = field(default_factory=dict)
    matrix: int = BT709
    primaries: int | None = BT709
    transfer: int | None = SRGB_TRANSFER
    range: ColorRange = ColorRange.MPEG
    even: bool = False


def film_codec(crf: int) -> Codec:
    """H.264 for looking at, its index at the front: made when nothing can crash any more."""
    options = {"preset": "veryfast", "crf": str(crf)}
    return Codec("libx264", "yuv420p", "mp4", ".mp4", options, {"movflags": "+faststart"}, even=True)


def proxy_codec(rate: Fraction) -> Codec:
    """H.264 while the show runs. No B-frames: the encoder holds few pictures back, and times begin at 0."""
    options = {"preset": "superfast", "crf": "18", "g": _group(rate), "bf": "0", "rc-lookahead": "4"}
    muxing = {"movflags": f"{_FRAGMENTED}+frag_keyframe", **_FLUSHED}  # a fragment a group, so that players can seek
    return Codec("libx264", "yuv420p", "mp4", ".mp4", options, muxing, even=True)


def prores_codec(alpha: bool) -> Codec:
    """ProRes 4444, with or without alpha. Of one quality: a search for the rate takes five times as long."""
    pix_fmt = "yuva444p10le" if alpha else "yuv444p10le"
    options = {
        "profile": "4444",
        "vendor": "apl0",
        "global_quality": str(2 * QP_TO_LAMBDA),
        **({"alpha_bits": "16"} if alpha else {}),
    }
    return Codec("prores_ks", pix_fmt, "mov", ".mov", options, _FRAGMENTS)


def lossless_codec(alpha: bool) -> Codec:
    """FFV1 of red, green and blue: every pixel as it was."""
    return Codec(
        "ffv1",
        "bgra" if alpha else "bgr0",
        "matroska",
        ".mkv",
        ffv1_options(),
        _CLUSTERS,
        matrix=RGB,
        range=ColorRange.JPEG,
    )


def captured_codec(
    pix_fmt: str, matrix: int, transfer: int | None, range_: ColorRange, primaries: int | None = None
) -> Codec:
    """FFV1 of a camera's own picture, with the tags that it came with."""
    return Codec("ffv1", pix_fmt, "matroska", ".mkv", ffv1_options(), _CLUSTERS, matrix, primaries, transfer, range_)


def intra_codec() -> Codec:
    """DNxHR HQX, of 10 bits and 4:2:2: each picture whole by itself, and decoded in a tenth of FFV1's time."""
    options = {"profile": "dnxhr_hqx"}
    return Codec("dnxhd", "yuv422p10le", "mov", ".mov", options, _FRAGMENTS, transfer=BT709)


def stream_codec(rate: Fraction, mbit_s: float) -> Codec:
    """H.264 in an MPEG transport stream, of a constant rate and without delay in the encoder."""
    bits = str(round(1e6 * mbit_s))
    buffer = str(round(1e6 * mbit_s / float(rate) * 4))
    options = {"preset": "veryfast", "tune": "zerolatency", "g": _group(rate), "b": bits}
    options |= {"maxrate": bits, "bufsize": buffer, "x264-params": "repeat-headers=1"}
    muxing = {"pat_period": "0.2", **_FLUSHED}
    return Codec("libx264", "yuv420p", "mpegts", "", options, muxing, even=True)


def ffv1_options() -> dict[str, str]:
    """Version 3: several slices, so that several cores work on a picture, each with a checksum."""
    return {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"}


def _group(rate: Fraction) -> str:
    return str(max(round(float(rate) * PART_S), 1))
