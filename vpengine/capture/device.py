"""``device``: a webcam or a UVC, V4L2, AVFoundation or DirectShow capture card, through FFmpeg, or else OpenCV."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import av.device
from pydantic import Field

from vpengine.capture.live import Live, LiveSource, Opened
from vpengine.capture.opencv_device import OpenCvDevice, index_of
from vpengine.capture.pace import Pace
from vpengine.errors import did_you_mean
from vpengine.media.decoding import PYTHON_ERRORS, LostError
from vpengine.stage.settings import Rate, Resolution
from vpengine.stage.settings import Settings as Section

# FFmpeg's input by system, and what it calls the format that a device sends.
SYSTEMS = {
    "linux": ("v4l2", "input_format"),
    "darwin": ("avfoundation", "pixel_format"),
    "win32": ("dshow", "pixel_format"),
}
_log = logging.getLogger(__name__)
ENUMERATED = {"v4l2": "video4linux2"}
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class DeviceSource(LiveSource):
    """Its pictures stay in the format that it sends them in."""

    class Settings(Section):
        """A webcam or a capture card of this machine. `vpengine doctor` lists them."""

        device: Name | None = Field(
            default=None,
            description="Its path (/dev/video0), number, or name as `vpengine doctor` lists it; the first by default.",
        )
        resolution: Resolution | None = Field(
            default=None, description="Width and height in pixels to ask for; the device's own by default."
        )
        rate: Rate | None = Field(
            default=None, description='Pictures a second to ask for: a whole number, or text such as "30000/1001".'
        )
        pixel_format: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,20}$")] | None = Field(
            default=None, description="What to ask for, in FFmpeg's words: yuyv422, nv12, mjpeg."
        )
        backend: Literal["auto", "pyav", "opencv"] = Field(
            default="auto",
            description="What opens it: pyav is FFmpeg, with all bits and the device's own times; opencv gives "
            "R'G'B' of 8 bits; auto takes OpenCV where FFmpeg cannot open the device.",
        )

    def __init__(self, settings: Settings, pace: Pace) -> None:
        self.settings = settings
        self._pace = pace
        self._first = First()

    @staticmethod
    def claim(settings: DeviceSource.Settings) -> str:
        return f'the device "{settings.device}"' if settings.device else "the first device"

    @property
    def title(self) -> str:
        name = self.settings.device or self._first.called
        return f'device "{name}"' if name else "the first device"

    def open(self) -> Fraction | None:
        self.close()
        openers = {"auto": self._either, "pyav": self._pyav, "opencv": self._opencv}
        there = devices()
        if self.settings.device is None:
            self._asked = self.settings.model_copy(update={"device": self._first.again(there)})
        else:
            self._asked = self.settings
        self._live = opened = openers[self.settings.backend](there)
        if self.settings.device is None:
            self._first.took(there)
        return self.settings.rate or opened.rate

    def _pyav(self, there: Sequence[tuple[str, str]]) -> Opened:
        format, url, options = opening(self._asked, sys.platform, there)
        try:
            return Live(url, self.title, self._pace, format, options, network=False)
        except LostError as error:
            raise LostError(f"{error}{cure(error.__cause__)}") from error.__cause__

    def _opencv(self, there: Sequence[tuple[str, str]]) -> Opened:
        asked = self._asked
        opens = opencv_opens(asked.device, sys.platform, there)
        return OpenCvDevice(opens, self.title, self._pace, asked.resolution, asked.rate, asked.pixel_format)

    def _either(self, there: Sequence[tuple[str, str]]) -> Opened:
        """Where the system itself refuses, OpenCV is not tried: it would be refused too, and say less of it."""
        try:
            return self._pyav(there)
        except LostError as error:
            if error.__cause__ is None or is_refusal(error.__cause__):
                raise
            try:
                return self._opencv(there)
            except LostError as other:
                raise LostError(f"{error}; {str(other).removeprefix(f'{self.title}: ')}") from other


class First:
    """Which device was the first when it was opened first: no other is taken in its place when it is unplugged."""

    def __init__(self) -> None:
        self._there: list[tuple[str, str]] = []  # as they were listed when it was opened first

    @property
    def called(self) -> str | None:
        """None where none was opened yet."""
        return self._there[0][1] if self._there else None

    def took(self, there: Sequence[tuple[str, str]]) -> None:
        """The first of ``there`` is open."""
        if there and not self._there:
            self._there = list(there)
            _log.warning('the first device is "%s"; in this run no other is opened in its place', there[0][1])

    def again(self, there: Sequence[tuple[str, str]]) -> str | None:
        """What opens it; None where any may be the first. Plugged in again it may have another path: by its name, but
        never one more of the same name that was there before. Raises LostError where it is not there.
        """
        if not self._there:
            return None
        first, called = self._there[0], self.called
        if first in there:
            return first[0]
        alike = [opens for opens, name in there if name == called]
        if not alike or len(alike) < len([1 for _, name in self._there if name == called]):
            raise LostError(f'device "{called}": it was opened first, and is not there any more')
        return next((opens for opens in alike if (opens, called) not in self._there), alike[0])


def devices() -> list[tuple[str, str]]:
    """(what opens it, what people call it) of every device with a picture; [] where the system tells of none."""
    format = SYSTEMS.get(sys.platform, ("", ""))[0]
    try:
        found = av.device.enumerate_input_devices(ENUMERATED.get(format, format))
    except PYTHON_ERRORS:
        return []
    return [(one.name, one.description) for one in found if not one.media_types or "video" in one.media_types]


def opening(
    settings: DeviceSource.Settings, platform: str, there: Sequence[tuple[str, str]]
) -> tuple[str, str, dict[str, str]]:
    """FFmpeg's format, URL and options. there: as ``devices`` lists them. Raises LostError where it is none of them."""
    if platform not in SYSTEMS:
        raise LostError(f"a capture device: FFmpeg opens none on {platform}")
    format, wanted = SYSTEMS[platform]
    name = _found(settings.device, format, there)
    options = {}
    if settings.resolution:
        options["video_size"] = "{}x{}".format(*settings.resolution)
    if settings.rate:
        options["framerate"] = f"{settings.rate.numerator}/{settings.rate.denominator}"
    if settings.pixel_format:
        options[wanted] = settings.pixel_format
    return format, f"video={name}" if format == "dshow" else name, options


def _found(device: str | None, format: str, there: Sequence[tuple[str, str]]) -> str:
    """What FFmpeg opens: of a path, a number, a name, or nothing said."""
    if device is None:
        if not there:
            raise LostError("a capture device: this machine has none, or none that may be opened")
        return there[0][0]
    if format == "v4l2" and device.startswith("/dev/"):
        if not Path(device).exists():
            raise LostError(f'device "{device}": no such device{_listed(device, there)}')
        return device
    named = [opens for opens, called in there if device in (opens, called)]
    if named:
        return named[0]
    if device.isdecimal() and format != "dshow":
        return f"/dev/video{int(device)}" if format == "v4l2" else device
    raise LostError(f'device "{device}": no such device{_listed(device, there)}')


def opencv_opens(device: str | None, platform: str, there: Sequence[tuple[str, str]]) -> int | str:
    """An index or path for OpenCV. there: as ``devices`` lists them. Raises LostError where it is none of them."""
    if device is not None and device.isdecimal():
        return int(device)
    if device is None and not there:
        return 0  # the system may not tell what it has
    format = SYSTEMS.get(platform, ("", ""))[0]
    return index_of(_found(device, format, there), platform, [opens for opens, _ in there])


def _listed(device: str, there: Sequence[tuple[str, str]]) -> str:
    return did_you_mean(device, [called for _, called in there]) if there else "; this machine has none"


def is_refusal(error: BaseException) -> bool:
    """Whether the system has no such device, or does not let it be opened."""
    return isinstance(error, FileNotFoundError) or bool(cure(error))


def cure(error: BaseException | None) -> str:
    """What to do about the system's refusal."""
    if isinstance(error, PermissionError):
        return "; your user may not open it: on Linux add it to the group video"
    if isinstance(error, OSError) and error.errno == 16:  # EBUSY
        return "; another program has it: close that"
    return ""
