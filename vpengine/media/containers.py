"""Films as files: which containers are opened, and where in a film each picture stands."""

from __future__ import annotations

from fractions import Fraction

import av

# What a film is. A play list, which FFmpeg reads too, would open other files and addresses.
CONTAINERS = "mov,mp4,matroska,webm,mxf,avi,mpegts,mpeg,mpegvideo,nut,ivf,h264,hevc,dv,flv,gif,yuv4mpegpipe,obu,av1"
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
USUAL_RATE = Fraction(25)  # of a film that does not say
HOLE_S = 5  # in timestamps; what is longer is no hole, but another count
NEAR = Fraction(1, 10)  # of a picture's time: Matroska rounds to milliseconds


class Places:
    """Where a film's pictures stand, in pictures from 0: whole numbers, but where the film's own rate varies.

    Asked for each picture once, as they are decoded.
    """

    def __init__(self, rate: Fraction, first: Fraction | None = None) -> None:
        """rate: pictures a second. first: the timestamp of place 0, in pictures; None where it is the next one's."""
        self._rate = rate
        self._first = first
        self.next = Fraction(0)  # after the last one
        self.found = 0

    @property
    def first(self) -> Fraction | None:
        return self._first

    def of(self, frame: av.VideoFrame) -> Fraction:
        place = self.next
        self.found += 1
        if frame.pts is not None and frame.time_base:
            at = frame.pts * Fraction(frame.time_base) * self._rate
            entered = self.found == 1 and self._first is not None  # it may be anywhere
            self._first = at if self._first is None else self._first
            if not entered and not -1 <= at - self._first - place <= HOLE_S * self._rate:
                self._first = at - place  # timestamps begin again: films that were joined
            place = _snapped(at - self._first)
        self.next = place + 1
        return place


def _snapped(place: Fraction) -> Fraction:
    """A whole number of pictures where it is one but for the rounding of timestamps."""
    whole = Fraction(round(place))
    return whole if abs(place - whole) <= NEAR else place
