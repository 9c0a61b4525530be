"""VideoFile: pictures with the numbers of their frames, to a file or a stream of one codec, its colors tagged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from vpengine.output.codecs import BT709, Codec


@dataclass(frozen=True, eq=False)
class Numbered:
    """A picture at its place in time. number: of the frame, from 0; one that is left out leaves its place empty.

    frame: makes the picture that is encoded, on the encoder's thread.
    """

    number: int
    frame: Callable[[], av.VideoFrame]


class VideoFile:
    """An ``encoding.Writer``. Opened in the constructor, which raises OSError and what FFmpeg raises."""

    def __init__(
        self,
        url: str | Path,
        codec: Codec,
        size: tuple[int, int],
        rate: Fraction,
        metadata: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """size: width and height. options: of the protocol, where ``url`` is no file."""
        self.container: Any = av.open(
            str(url), "w", format=codec.container, options={**codec.muxing, **(options or {})}
        )
        self._path = url if isinstance(url, Path) else None
        self._frame_s = 1 / rate  # the stream takes another time base when its header is written
        self._packets = 0
        try:
            self.container.metadata.update(metadata or {})
            self._stream = _stream(self.container, codec, size, rate)
            self.container.start_encoding()
        except Exception:  # it goes on up, and the file is given back
            self.container.close()
            raise

    @property
    def progress(self) -> object:
        """The file's time as well: at the end of a film its index is moved to the front, one call however long."""
        try:
            return self._packets, self._path.stat().st_mtime_ns if self._path is not None else 0
        except OSError:
            return self._packets, 0

    def write(self, item: Numbered) -> None:
        frame = item.frame()
        frame.pts, frame.time_base = item.number, self._frame_s
        for packet in self._stream.encode(frame):
            self._mux(packet)

    def finish(self) -> None:
        for packet in self._stream.codec_context.encode_lazy(None):  # one at a time: a slow machine is not a stuck one
            packet.stream = self._stream
            self._mux(packet)

    def close(self) -> None:
        self.container.close()

    def _mux(self, packet: av.Packet) -> None:
        self.container.mux(packet)
        self._packets += 1


def _stream(container: Any, codec: Codec, size: tuple[int, int], rate: Fraction) -> av.VideoStream:
    stream: av.VideoStream = container.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
    stream.width, stream.height = size
    stream.pix_fmt = codec.pix_fmt
    context = stream.codec_context
    context.thread_type = "AUTO"
    context.colorspace = codec.matrix
    context.color_range = codec.range
    if codec.primaries is not None:
        context.color_primaries = codec.primaries
    if codec.transfer is not None:
        context.color_trc = codec.transfer
    return stream


def encoded_frame(image: NDArray[np.uint8], codec: Codec) -> av.VideoFrame:
    """image: (height, width, 3) or 4 channels, code values, row 0 at the top; as ``codec`` has them."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgba" if image.shape[2] == 4 else "rgb24")
    if codec.matrix != BT709:
        return frame.reformat(format=codec.pix_fmt)
    # Without a stated matrix the conversion would be BT.601's, and every color a little off.
    return frame.reformat(
        format=codec.pix_fmt, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange(codec.range)
    )


def even(size: tuple[int, int]) -> tuple[int, int]:
    """Where several pixels share a color, a column or row too many is left out."""
    return size[0] - size[0] % 2, size[1] - size[1] % 2
