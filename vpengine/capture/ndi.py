"""``ndi``: pictures from the network by NDI, as OBS, vMix and many cameras send them; ``pip install 'vpengine[ndi]'``.

The library, cyndilib, brings NDI's own runtime. It is imported when such a source is opened, and not before.
"""

from __future__ import annotations

import logging
import time
from fractions import Fraction
from importlib import import_module
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vpengine.capture.arrival import Arrivals
from vpengine.capture.pace import Pace
from vpengine.errors import did_you_mean
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags, usual_matrix
from vpengine.media.decoding import BrokenError, LostError
from vpengine.stage.settings import Settings as Section

_log = logging.getLogger(__name__)
FINDING_S = 5.0  # until a sender has made itself known
SETTLES_S = 1.0  # for so long no other makes itself known before one is the first: they come one by one
SILENT_S = 0.8  # then it is looked for again
WAIT_MS = 250  # of one call, so that a reader can be stopped
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class NdiSource:
    """NDI gives 4:2:2 of 8 bits, and says nothing of its colours: BT.709, or BT.601 below 720 lines, limited."""

    class Settings(Section):
        """A sender on the network (NDI; `pip install 'vpengine[ndi]'`)."""

        source: Name | None = Field(
            default=None, description="Its name as NDI shows it, such as STUDIO (Camera 1); the first by default."
        )

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self.settings = settings
        self._pace = pace
        self._finder: Any = None
        self._receiver: Any = None
        self._name = settings.source  # where none is wanted, that of the first from when it was found: never another

    @property
    def title(self) -> str:
        return f'NDI "{self._name}"' if self._name else "NDI"

    def open(self) -> Fraction | None:
        """The rate is said with each picture, and not before."""
        self.close()
        library = self._library()
        self._finder = library["finder"].Finder()
        self._finder.open()
        found = self._found()
        receiver, video = library["receiver"], library["video_frame"]
        self._frame = video.VideoRecvFrame(max_buffers=4)
        self._receiver = receiver.Receiver(
            color_format=library["ndi_recv"].RecvColorFormat.fastest,
            bandwidth=library["ndi_recv"].RecvBandwidth.highest,
        )
        self._receiver.set_video_frame(self._frame)
        self._receiver.set_source(self._finder.get_source(found))
        self._video = receiver.ReceiveFrameType.recv_video
        self._uyvy = {library["ndi_structs"].FourCC.UYVY, library["ndi_structs"].FourCC.UYVA}
        self._arrivals, self._last_s = Arrivals(), self._pace.now_s()
        return None

    def _library(self) -> dict[str, Any]:
        names = ("finder", "receiver", "video_frame", "wrapper.ndi_recv", "wrapper.ndi_structs")
        try:
            return {name.rpartition(".")[2]: import_module(f"cyndilib.{name}") for name in names}
        except ImportError as error:
            raise LostError(f'{self.title}: needs cyndilib; pip install "vpengine[ndi]" ({error})') from error

    def _found(self) -> str:
        """The name of the sender that is wanted, as soon as it is known. Raises LostError."""
        wanted, names, since_s = self._name, list[str](), time.monotonic()
        end_s = since_s + FINDING_S
        while time.monotonic() < end_s and not self._pace.stopped:
            self._finder.wait_for_sources(WAIT_MS / 1e3)
            before, names = names, sorted(self._finder.get_source_names())
            since_s = time.monotonic() if names != before else since_s
            if wanted in names:
                return wanted
            if wanted is None and names and time.monotonic() - since_s >= SETTLES_S:
                break
        if wanted is None and names:
            return self._first(names)
        there = f" (there are {', '.join(names)})" if names else ""
        raise LostError(f"{self.title}: no such sender on the network{did_you_mean(wanted or '', names) or there}")

    def _first(self, names: list[str]) -> str:
        self._name = names[0]
        others = f" (there are also {', '.join(names[1:])})" if names[1:] else ""
        _log.warning('the first NDI sender is "%s"%s; in this run no other is taken in its place', names[0], others)
        return names[0]

    def read(self) -> CapturedFrame | None:
        if self._receiver is None:
            raise LostError(f"{self.title}: is not open")
        came = self._receiver.receive(self._video, WAIT_MS)
        now_s = self._pace.now_s()
        if came != self._video:
            if now_s - self._last_s > SILENT_S:
                raise LostError(f"{self.title}: nothing comes any more")
            return None
        self._last_s = now_s
        width, height = self._frame.get_resolution()
        if self._frame.get_fourcc() not in self._uyvy:
            raise BrokenError(f"{self.title}: sends a kind of picture that is not known here")
        stride = self._frame.get_line_stride()
        content = np.empty(self._frame.get_buffer_size(), np.uint8)
        self._frame.fill_p_data(content)
        sent_s = float(self._frame.get_timestamp_posix())
        planes = planes_of(content, stride, (width, height))
        tags = Tags(usual_matrix(height), "limited")
        time_s = self._arrivals.time_s(sent_s or None, now_s)
        return CapturedFrame(planes, FORMATS["yuv422p"], (width, height), tags, time_s)

    def close(self) -> None:
        if self._receiver is not None:
            self._receiver.disconnect()
        if self._finder is not None:
            self._finder.close()
        self._receiver = self._finder = None


def planes_of(
    content: NDArray[np.uint8], stride: int, size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Y, Cb, Cr of UYVY: content begins with rows of ``stride`` bytes; what follows them (alpha) is left out."""
    width, height = size
    pairs = -(-width // 2)
    rows = content[: stride * height].reshape(height, stride)[:, : 4 * pairs].reshape(height, pairs, 4)
    luma = np.ascontiguousarray(rows[..., 1::2].reshape(height, 2 * pairs)[:, :width])
    planes = (luma, np.ascontiguousarray(rows[..., 0]), np.ascontiguousarray(rows[..., 2]))
    for plane in planes:
        plane.flags.writeable = False
    return planes
