"""``stream``: a picture from the network: SRT, RTSP, or MPEG-TS over UDP, through FFmpeg."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import av
from pydantic import AfterValidator, Field

from vpengine.capture.live import Live, LiveSource
from vpengine.capture.pace import Pace
from vpengine.media.decoding import LostError
from vpengine.stage.settings import Settings as Section
from vpengine.stage.settings import refusal, shown
from vpengine.stage.stream_url import ip_of, no_place, place_of, stream_url

SCHEMES = {"srt": "mpegts", "rtsp": None, "udp": "mpegts"}  # what is in them; None: the protocol says it itself
# A stream may name further addresses; none but these kinds are opened, and no file.
PROTOCOLS = {
    "srt": "srt,udp",
    "rtsp": "rtsp,rtp,udp,tcp,tls,rtsps",
    "udp": "udp",
}
# What may stand after the "?": nothing that opens a file or sends.
QUERY = {
    "srt": ("mode", "latency", "streamid", "passphrase", "pbkeylen"),
    "rtsp": (),
    "udp": ("fifo_size", "buffer_size", "sources", "ttl"),
}
EVERYWHERE = ("0.0.0.0", "::")
NO_PROTOCOL = "FFmpeg was built without it here; send MPEG-TS over UDP, or install PyAV against an FFmpeg with libsrt"


def _url(value: str) -> str:
    """As it was read here: FFmpeg reads capitals and blanks otherwise. Raises what a validator may."""
    parts = stream_url(value, QUERY)
    if not parts.hostname or parts.port == 0 or (parts.port is None and parts.scheme != "rtsp"):
        raise no_place(value, parts)
    if parts.scheme == "udp" and ip_of(parts.hostname) is None:
        raise refusal(f"found {shown(value)}, expected an IP address: one of this machine, 0.0.0.0, or a group's")
    return parts.geturl()


Url = Annotated[str, Field(max_length=1000), AfterValidator(_url)]


class StreamSource(LiveSource):
    """Opened again whenever nothing came for a while."""

    class Settings(Section):
        """A camera or an encoder on the network: SRT, RTSP, or MPEG-TS over UDP."""

        url: Url = Field(
            description="Where it comes from. udp://127.0.0.1:5000 receives there (0.0.0.0: on every address; a "
            "multicast group is joined); srt://ADDRESS:PORT calls, with ?mode=listener it waits to be called; "
            "rtsp://ADDRESS/PATH asks a camera."
        )
        transport: Literal["tcp", "udp"] = Field(
            default="tcp", description="Of RTSP: tcp loses nothing, udp is a little earlier."
        )

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self.settings = settings
        self._pace = pace

    @staticmethod
    def receives(settings: StreamSource.Settings) -> tuple[str, int, bool] | None:
        """What ``vpengine check`` holds against the other sections' ports."""
        parts = urlsplit(settings.url)
        found = ip_of(parts.hostname)
        if parts.scheme != "udp" or found is None or parts.port is None:
            return None
        return ("0.0.0.0" if found.is_multicast else str(found)), parts.port, found.is_multicast

    @property
    def title(self) -> str:
        """Without user, password and options."""
        parts = urlsplit(self.settings.url)
        return f"stream {parts.scheme}://{place_of(parts)}{parts.path}"

    def open(self) -> Fraction | None:
        self.close()
        url, format, options = opening(self.settings)
        try:
            self._live = Live(url, self.title, self._pace, format, options, network=True)
        except LostError as error:
            if isinstance(error.__cause__, av.error.ProtocolNotFoundError):
                raise LostError(f"{self.title}: {NO_PROTOCOL}") from error
            raise
        return self._live.rate


def opening(settings: StreamSource.Settings) -> tuple[str, str | None, dict[str, str]]:
    """FFmpeg's URL, format and options."""
    parts = urlsplit(settings.url)
    options: dict[str, Any] = {"protocol_whitelist": PROTOCOLS[parts.scheme], "probesize": "500000"}
    if parts.scheme == "udp":
        options |= {"overrun_nonfatal": "1", "fifo_size": "50000"}  # packets of 188 bytes: 9 MB
        found = ip_of(parts.hostname)
        if found is not None and not found.is_multicast and str(found) not in EVERYWHERE:
            options["localaddr"] = str(found)  # without it FFmpeg would receive on every address
    if parts.scheme == "rtsp":
        options["rtsp_transport"] = settings.transport
    return settings.url, SCHEMES[parts.scheme], options
