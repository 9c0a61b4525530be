"""Image sequences: which numbered images lie beside the first, and one of them decoded as video is."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import av
from av.video.reformatter import ColorTrc

from vpengine.media.decoding import BrokenError, Decoder, LostError

NUMBERED = re.compile(r"(.*?)([0-9]+)(\.[A-Za-z0-9]+)")
# Display-referred, as a camera's picture is: EXR and HDR hold scene-linear light, and plates read them.
READERS = {
    ".png": "png_pipe",
    ".jpg": "jpeg_pipe",
    ".jpeg": "jpeg_pipe",
    ".tif": "tiff_pipe",
    ".tiff": "tiff_pipe",
    ".dpx": "dpx_pipe",
    ".bmp": "bmp_pipe",
}


def numbered_images(first: Path, suffixes: Collection[str], title: str) -> list[tuple[int, Path]]:
    """``first`` and those of its folder that are named like it and numbered higher, in order.

    title: how sentences call them. Raises LostError where ``first`` is no such image, or its folder cannot be read.
    """
    named = NUMBERED.fullmatch(first.name)
    if named is None or first.suffix.lower() not in suffixes:
        kinds = ", ".join(suffixes)
        raise LostError(f"{title}: is no numbered image, such as shot_0001.png (allowed: {kinds})")
    head, number, suffix = named.groups()
    try:
        beside = [(NUMBERED.fullmatch(path.name), path) for path in first.parent.iterdir()]
    except OSError as error:
        raise LostError(f"{title}: its folder cannot be read ({error.strerror})") from error
    numbered = [(int(found[2]), path) for found, path in beside if found and (found[1], found[3]) == (head, suffix)]
    files = sorted(pair for pair in numbered if pair[0] >= int(number))
    if not files:
        raise LostError(f"{title}: there is no such image any more")
    return files


def image_frame(path: Path) -> av.VideoFrame:
    """Raises BrokenError for a file that is gone, or is no such image."""
    what = f'image "{path.name}"'
    options = {"protocol_whitelist": "file"}
    try:
        decoder = Decoder(str(path.absolute()), what, format=READERS[path.suffix.lower()], options=options)
    except LostError as error:
        raise BrokenError(str(error)) from error
    try:
        frame = decoder.next()
    except LostError as error:
        raise BrokenError(str(error)) from error
    finally:
        decoder.close()
    if frame is None:
        raise BrokenError(f"{what}: holds no picture")
    if READERS[path.suffix.lower()] == "tiff_pipe":
        frame.color_trc = ColorTrc.UNSPECIFIED  # FFmpeg says gamma 2.2 of grey ones, and the file says nothing
    return frame
