"""Capture devices through OpenCV, for those that FFmpeg cannot open.

OpenCV makes R'G'B' of 8 bits of all that comes, by BT.601 whatever the device sends: FFmpeg is better where it works.
The library is imported when a device is opened with it, and not before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpengine.capture.pace import Pace
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.media.decoding import BrokenError, LostError

INSTALL = "pip install 'vpengine[calibrate]'"
READ_TIMEOUT_MS = 800  # of one read, where the driver lets it be set
FOURCCS = {"mjpeg": "MJPG", "nv12": "NV12", "uyvy422": "UYVY", "yuyv422": "YUYV"}


class OpenCvDevice:
    """One opened ``cv2.VideoCapture``. Raises LostError where there is no OpenCV, or it cannot open the device."""

    def __init__(
        self,
        opens: int | str,
        what: str,
        pace: Pace,
        resolution: tuple[int, int] | None = None,
        rate: Fraction | None = None,
        pixel_format: str | None = None,
    ) -> None:
        """opens: a device's index, or its path. what: how sentences call it. The others are asked for, if said."""
        self._what, self._pace = what, pace
        cv2 = _library(what)
        wanted = _properties(cv2, what, resolution, rate, pixel_format)
        self._device = cv2.VideoCapture(opens)
        if not self._device.isOpened():
            raise LostError(f"{what}: OpenCV cannot open it")
        for key, value in wanted:
            self._device.set(key, value)
        self.rate = _rate(self._device.get(cv2.CAP_PROP_FPS))

    def read(self) -> CapturedFrame:
        """Waits for the next; its time is when it came. Raises LostError and BrokenError."""
        came, pixels = self._device.read()
        if not came:
            raise LostError(f"{self._what}: nothing comes any more")
        return frame_of(pixels, self._what, self._pace.now_s())

    def close(self) -> None:
        self._device.release()


def frame_of(pixels: NDArray[Any], what: str, time_s: float) -> CapturedFrame:
    """pixels: (rows, columns, 3) uint8, B'G'R' of full range. Raises BrokenError where they are something else."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise BrokenError(f"{what}: OpenCV gives no R'G'B' of 8 bits for its picture")
    plane = np.ascontiguousarray(pixels[..., ::-1])
    plane.flags.writeable = False
    size = (pixels.shape[1], pixels.shape[0])
    return CapturedFrame((plane,), FORMATS["rgb24"], size, Tags(range="full"), time_s)


def index_of(opens: str, platform: str, there: Sequence[str]) -> int | str:
    """What OpenCV calls a device: its index, or its path where it has none.

    opens: what opens it in FFmpeg, which on Windows is no index; there: that of every device, in the system's order.
    """
    if platform == "win32" and opens in there:
        return there.index(opens)
    numbered = re.fullmatch(r"(?:/dev/video)?([0-9]{1,4})", os.path.realpath(opens) if os.sep in opens else opens)
    return int(numbered[1]) if numbered else opens


def _library(what: str) -> Any:
    try:
        cv2 = import_module("cv2")
    except ImportError:
        raise LostError(f"{what}: OpenCV is not installed here ({INSTALL})") from None
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what fails is told by us, once
    return cv2


def _properties(
    cv2: Any, what: str, resolution: tuple[int, int] | None, rate: Fraction | None, pixel_format: str | None
) -> list[tuple[int, float]]:
    """In the order in which drivers want them: the format decides which sizes there are, and these which rates."""
    found: list[tuple[int, float]] = [(cv2.CAP_PROP_BUFFERSIZE, 1), (cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS)]
    if pixel_format is not None:
        if pixel_format not in FOURCCS:
            raise LostError(f"{what}: OpenCV has no pixel_format {pixel_format!r} (allowed: {', '.join(FOURCCS)})")
        found.append((cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*FOURCCS[pixel_format])))
    if resolution is not None:
        found += [(cv2.CAP_PROP_FRAME_WIDTH, resolution[0]), (cv2.CAP_PROP_FRAME_HEIGHT, resolution[1])]
    if rate is not None:
        found.append((cv2.CAP_PROP_FPS, float(rate)))
    return found


def _rate(said: float) -> Fraction | None:
    """Such as 30000/1001 for 29.97003; None for a number that is no rate."""
    return Fraction(said).limit_denominator(1001) if 0.0 < said <= 1000.0 else None
