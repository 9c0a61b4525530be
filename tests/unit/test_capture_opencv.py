"""Devices through OpenCV: what the same class of OpenCV reads from a film, and what is said where it cannot."""

from __future__ import annotations

import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.waiting import until
from vpengine.capture import device
from vpengine.capture.device import DeviceSource, opencv_opens
from vpengine.capture.opencv_device import OpenCvDevice, frame_of, index_of
from vpengine.capture.pace import Pace
from vpengine.capture.reader import Reader
from vpengine.capture.tags import tag_faults
from vpengine.frames.captured import rgb_of
from vpengine.media.decoding import BrokenError, LostError
from vpengine.stage.sections import PluginSection, resolve_settings

pytestmark = pytest.mark.alone

cv2 = pytest.importorskip("cv2")
COLORS = ((200, 40, 10), (10, 90, 220))  # R'G'B' of the left and the right half
SIZE = (32, 16)


def film(path: Path, count: int = 3, rate: float = 25.0) -> Path:
    """Without loss, as OpenCV itself writes it."""
    pixels = np.empty((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[:, : SIZE[0] // 2], pixels[:, SIZE[0] // 2 :] = COLORS[0][::-1], COLORS[1][::-1]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), rate, SIZE)
    for _ in range(count):
        writer.write(pixels)
    writer.release()
    return path


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A path that the system lists as a device; a test puts a film there."""
    path = tmp_path / "camera.avi"
    monkeypatch.setattr(device, "devices", lambda: [(str(path), "a film")])
    return path


def settings_of(**options: object) -> DeviceSource.Settings:
    return DeviceSource.Settings(device="a film", **options)  # type: ignore[arg-type]


def test_its_pictures_are_rgb_of_full_range_of_when_they_came(listed: Path) -> None:
    film(listed, rate=12.5)
    source = DeviceSource(settings_of(backend="opencv"), Pace())
    assert source.open() == Fraction(25, 2)
    before_s = time.monotonic()
    frame = source.read()
    assert frame is not None
    assert before_s <= frame.time_s <= time.monotonic()
    assert (frame.format.name, frame.size, frame.range) == ("rgb24", SIZE, "full")
    assert frame.tags.matrix is None
    assert list(tag_faults(frame)) == []
    assert not frame.planes[0].flags.writeable
    shown = 255.0 * rgb_of(frame)
    np.testing.assert_allclose(shown[8, [2, -2]], COLORS, atol=1e-3)
    source.close()
    with pytest.raises(LostError, match=r'^device "a film": is not open$'):
        source.read()


@pytest.mark.skipif(sys.platform != "linux", reason="what FFmpeg's V4L2 reader refuses")
@pytest.mark.parametrize("backend", ["auto", "pyav"])
def test_opencv_is_second_to_ffmpeg(listed: Path, backend: str) -> None:
    """A film is no V4L2 device: FFmpeg refuses it, and OpenCV reads it."""
    film(listed)
    source = DeviceSource(settings_of(backend=backend), Pace())
    if backend == "auto":
        source.open()
        assert source.read() is not None
        source.close()
    else:
        with pytest.raises(LostError, match=r'^device "a film": cannot be opened \([^;]*\)$'):
            source.open()


@pytest.mark.skipif(sys.platform != "linux", reason="what FFmpeg's V4L2 reader refuses")
def test_where_neither_opens_it_one_sentence_says_so(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed.write_bytes(b"no film")
    source = DeviceSource(settings_of(), Pace())
    with pytest.raises(LostError, match=r'^device "a film": cannot be opened \(.*\); OpenCV cannot open it$'):
        source.open()
    monkeypatch.setitem(sys.modules, "cv2", None)  # as Python has it for what cannot be imported
    with pytest.raises(LostError, match=r"; OpenCV is not installed here \(pip install 'vpengine\[calibrate\]'\)$"):
        source.open()


@pytest.mark.skipif(sys.platform != "linux", reason="as the system says it here")
def test_what_the_system_refuses_is_not_tried_again(listed: Path) -> None:
    """There is no file, which FFmpeg's error says."""
    with pytest.raises(LostError, match=r"^device \"a film\": cannot be opened \(No such file or directory\)$"):
        DeviceSource(settings_of(), Pace()).open()


def test_a_device_that_is_not_there_is_told_once_and_comes(listed: Path) -> None:
    said, pace = list[str](), Pace()
    source, tries = DeviceSource(settings_of(backend="opencv"), pace), []
    opened = source.open
    source.open = lambda: tries.append(1) or opened()  # type: ignore[func-returns-value,method-assign]
    reader = Reader("a", source, pace, say=said.append)
    reader.start()
    try:
        until(lambda: len(tries) > 2)
        assert said == ['capture a: device "a film": OpenCV cannot open it']
        assert reader.shown(time.monotonic()) is None
        film(listed)
        until(lambda: reader.health().frames > 0)
        assert said[1] == 'capture a: device "a film": is back'
    finally:
        reader.stop()


def test_a_path_that_does_not_exist() -> None:
    with pytest.raises(LostError, match=r'^device "/dev/video77": no such device'):
        DeviceSource(DeviceSource.Settings(device="/dev/video77", backend="opencv"), Pace()).open()
    with pytest.raises(LostError, match=r'^device "http://10.0.0.1/a": no such device'):
        DeviceSource(DeviceSource.Settings(device="http://10.0.0.1/a", backend="opencv"), Pace()).open()


def test_what_opencv_calls_a_device() -> None:
    there = [("@device_a", "Cam Link"), ("@device_b", "Integrated Camera")]
    assert opencv_opens("Integrated Camera", "win32", there) == 1
    assert opencv_opens(None, "win32", there) == 0
    assert opencv_opens(None, "linux", [("/dev/video2", "Integrated Camera")]) == 2
    assert opencv_opens("1", "darwin", []) == 1
    assert opencv_opens(None, "freebsd14", []) == 0
    assert index_of("2", "darwin", ["0", "2"]) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights")
def test_a_link_leads_to_the_devices_number(tmp_path: Path) -> None:
    """Under /dev/v4l/by-id."""
    (tmp_path / "usb-Cam").symlink_to("/dev/video3")
    assert index_of(str(tmp_path / "usb-Cam"), "linux", []) == 3


def test_a_pixel_format_that_opencv_does_not_have(listed: Path) -> None:
    film(listed)
    with pytest.raises(LostError, match=r"OpenCV has no pixel_format 'p010le' \(allowed: mjpeg, nv12, uyvy422, yuyv"):
        OpenCvDevice(str(listed), "a film", Pace(), pixel_format="p010le")
    OpenCvDevice(str(listed), "a film", Pace(), (64, 36), Fraction(25), "mjpeg").close()


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.uint16)])
def test_what_is_no_rgb_is_a_broken_picture(pixels: np.ndarray) -> None:
    with pytest.raises(BrokenError, match="gives no R'G'B' of 8 bits"):
        frame_of(pixels, "a", 0.0)


def test_the_stage_file_names_what_opens_it(tmp_path: Path) -> None:
    section = PluginSection(
        "capture", "device", {"backend": "cv2"}, tmp_path / "s.toml", "capture[1]", "capture[1].kind"
    )
    (problem,) = resolve_settings(section, DeviceSource.Settings)
    assert problem.key == "capture[1].backend"
    assert "found 'cv2', expected 'auto', 'pyav' or 'opencv'" in problem.message
