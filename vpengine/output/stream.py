"""``stream``: a feed as H.264 in an MPEG transport stream over UDP or SRT, with little delay; nothing waits for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

import av
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from vpengine.errors import UserError
from vpengine.frames.frame_input import Tick
from vpengine.gpu.feed_reader import FeedReader
from vpengine.gpu.target import Texture
from vpengine.output.codecs import Codec, stream_codec
from vpengine.output.encoding import Encoding, why
from vpengine.output.output import Surroundings
from vpengine.output.video_file import Numbered, VideoFile, encoded_frame, even
from vpengine.stage.settings import Settings, refusal, shown
from vpengine.stage.stream_url import ip_of, no_place, place_of, stream_url

log = logging.getLogger(__name__)

QUEUE_FRAMES = 3  # what is late is of no use: a full queue drops the new picture, and counts it
AGAIN_S, MOST_AGAIN_S = 2.0, 30.0  # after which it is tried again, twice as long after each vain try
END_S = 1.0
PACKET_BYTES = 1316  # seven of MPEG-TS: as many as go unfragmented over Ethernet

# What may stand after the "?": nothing that opens a file.
QUERY = {"udp": ("ttl", "localaddr"), "srt": ("mode", "latency", "streamid", "passphrase", "pbkeylen")}
NO_PROTOCOL = (
    "FFmpeg was built without it here; send MPEG-TS over udp://, or install PyAV against an FFmpeg with libsrt"
)


def _url(value: str) -> str:
    """Raises what a validator may."""
    parts = stream_url(value, QUERY)
    if not parts.hostname or not parts.port or parts.path not in ("", "/"):
        raise no_place(value, parts)
    if parts.scheme == "udp" and ip_of(parts.hostname) is None:
        raise refusal(f"found {shown(value)}, expected an IP address, such as 127.0.0.1, or a multicast group's")
    return value


Url = Annotated[str, Field(max_length=1000), AfterValidator(_url)]


class StreamSettings(Settings):
    """Where a feed is streamed to."""

    url: Url = Field(
        description="Where it goes: udp://ADDRESS:PORT (a machine, or a multicast group, with ?ttl=N beyond the first "
        "router), or srt://ADDRESS:PORT, with ?mode=listener to wait to be called."
    )
    mbit_s: float = Field(default=8.0, ge=0.5, le=200.0, description="Megabits a second.")


class StreamOutput:
    """Begins with the first picture; what ends it is said once, and it is tried again with back-off."""

    Settings = StreamSettings

    def __init__(
        self,
        settings: StreamSettings,
        feed: str,
        surroundings: Surroundings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if surroundings.gpu is None:
            raise UserError(f"output {feed}: a stream needs the engine's graphics")
        self._settings, self._feed, self._around = settings, feed, surroundings
        self._clock = clock
        self._codec = stream_codec(surroundings.rate, settings.mbit_s)
        self._reader: FeedReader[Tick] = FeedReader(surroundings.gpu)
        self._texture: Texture | None = None
        self._encoding: Encoding[Numbered] | None = None
        self._first = 0
        self._again_s, self._wait_s = 0.0, AGAIN_S
        self._told = False
        self.sent = self.dropped = 0

    @property
    def title(self) -> str:
        """Without passphrase and other options."""
        parts = urlsplit(self._settings.url)
        return f"stream {parts.scheme}://{place_of(parts)}"

    def show(self, texture: Texture) -> None:
        self._texture = texture

    def present(self, tick: Tick) -> bool:
        texture, self._texture = self._texture, None
        if texture is not None and self._open(texture, tick):
            self.dropped += not self._reader.begin(tick, (texture,))
        for of, arrays in self._reader.collect():
            self._send(of, arrays[0])
        return True

    def close(self) -> None:
        """Waits for nothing: it is closed in the middle of a show too, when it has failed."""
        self.end()
        self._reader.release()
        self._encoding = None

    def end(self) -> None:
        if self._encoding is not None:
            self._encoding.end()

    def wait(self) -> None:
        if self._encoding is not None:
            self._encoding.join(END_S)

    def report(self) -> list[dict[str, object]]:
        return [{"feed": self._feed, "to": self.title, "frames": self.sent, "dropped": self.dropped}]

    def _open(self, texture: Texture, tick: Tick) -> bool:
        """Whether there is something to send into."""
        now_s = self._clock()
        if self._encoding is not None and self._encoding.written:  # what comes now is another outage
            self._wait_s, self._told = AGAIN_S, False
        if self._encoding is not None and (error := self._encoding.error) is not None:
            self._tell(error)
            self._encoding, self._again_s = None, now_s + self._wait_s
            self._wait_s = min(2.0 * self._wait_s, MOST_AGAIN_S)
        if self._encoding is None and now_s >= self._again_s:
            self._first = tick.number
            size = even((texture.size[0], texture.size[1]))
            self._encoding = Encoding(self.title, partial(self._writer, size), QUEUE_FRAMES)
        return self._encoding is not None

    def _writer(self, size: tuple[int, int]) -> VideoFile:
        """On the encoder's thread. Raises OSError and what FFmpeg raises."""
        url = self._settings.url
        if urlsplit(url).scheme == "udp":
            url += f"{'&' if urlsplit(url).query else '?'}pkt_size={PACKET_BYTES}"
        try:
            return VideoFile(url, self._codec, size, self._around.rate)
        except av.error.ProtocolNotFoundError:
            raise OSError(NO_PROTOCOL) from None

    def _send(self, tick: Tick, array: NDArray[np.uint8]) -> None:
        if self._encoding is None or tick.number < self._first:
            return
        make = partial(_picture, array, self._codec)
        if self._encoding.offer(Numbered(tick.number - self._first, make)):
            self.sent += 1
        else:
            self.dropped += 1

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            log.error("%s of %s: %s. The show goes on, and it is tried again.", self.title, self._feed, why(error))


def _picture(rows: NDArray[np.uint8], codec: Codec) -> av.VideoFrame:
    """rows: (height, width, 4), row 0 at the bottom."""
    width, height = even((rows.shape[1], rows.shape[0]))
    return encoded_frame(rows[::-1][:height, :width], codec)
