"""Colour tags held against the picture: what is missing, what is not usual, and what cannot be true."""

from __future__ import annotations

from collections.abc import Iterator

from vpengine.frames.captured import HD_LINES, MATRICES, CapturedFrame
from vpengine.frames.transfers import unknown_transfer
from vpengine.view.yuv import scales

SD_LINES = (480, 486, 576)  # of television; other small pictures come from computers, which have BT.709
SAMPLED = 16  # every so many pixels across and down
BLACKER_SHARE = 0.02  # of the picture, blacker than black by BLACKER of the way from nothing to it
BLACKER = 0.5


def tag_faults(frame: CapturedFrame) -> Iterator[str]:
    """What to say of a frame's tags, each with what to do about it."""
    if frame.interlaced:
        yield "interlaced: its lines are of two moments and are shown together; set the camera to progressive or PsF"
    if unknown := unknown_transfer(frame.tags.transfer):
        yield unknown
    if frame.format.model == "rgb":
        if frame.tags.range == "limited":
            yield "says limited range of R'G'B'; full is usual: write range = \"full\" where blacks are grey"
        return
    yield from _matrix_faults(frame)
    yield from _range_faults(frame)


def _matrix_faults(frame: CapturedFrame) -> Iterator[str]:
    matrix, lines = frame.tags.matrix, frame.size[1]
    if matrix is None:
        yield f"no matrix tag: taken for {MATRICES[frame.matrix]}, as is usual at {lines} lines"
    elif matrix == "bt601" and lines >= HD_LINES:
        yield f'says BT.601 at {lines} lines; BT.709 is usual: write matrix = "bt709" where colours are off'
    elif matrix == "bt709" and lines in SD_LINES:
        yield f'says BT.709 at {lines} lines; BT.601 is usual: write matrix = "bt601" where colours are off'
    elif matrix == "bt2020" and frame.format.bits < 10:
        yield f"says BT.2020 in {frame.format.bits} bits; 10 are usual: it may be BT.709"


def _range_faults(frame: CapturedFrame) -> Iterator[str]:
    if frame.tags.range is None:
        yield "no range tag: taken for limited"
    if frame.range == "limited":
        share = _blacker_than_black(frame)
        if share > BLACKER_SHARE:
            shown = f"{100 * share:.0f} percent of its picture is blacker than black"
            yield f'taken for limited range, but {shown}: write range = "full" where blacks are crushed'


def _blacker_than_black(frame: CapturedFrame) -> float:
    black = scales(frame.format.bits, "limited")[0]
    luma = frame.planes[0][::SAMPLED, ::SAMPLED] >> frame.format.shift
    return float((luma < BLACKER * black).mean())
