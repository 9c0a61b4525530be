"""Devices and network streams: addresses, sentences, and MPEG-TS over UDP for real."""

from __future__ import annotations

import socket
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.capturing import sending
from tests.waiting import until
from vpengine.capture import device
from vpengine.capture.device import DeviceSource, cure
from vpengine.capture.health import CaptureHealth
from vpengine.capture.pace import Pace
from vpengine.capture.reader import Reader
from vpengine.capture.stream import StreamSource, opening
from vpengine.cli.ports import free_port
from vpengine.media.decoding import LostError
from vpengine.stage.sections import PluginSection, resolve_settings

pytestmark = pytest.mark.alone

THERE = [("/dev/video0", "USB Video: Cam Link 4K"), ("/dev/video2", "Integrated Camera")]


def asked(platform: str = "linux", **options: Any) -> tuple[str, str, dict[str, str]]:
    return device.opening(DeviceSource.Settings(**options), platform, THERE)


@pytest.mark.parametrize(
    ("platform", "named", "opened"),
    [
        ("linux", None, ("v4l2", "/dev/video0")),
        ("linux", "Integrated Camera", ("v4l2", "/dev/video2")),
        ("linux", "3", ("v4l2", "/dev/video3")),
        ("darwin", "1", ("avfoundation", "1")),
        ("win32", "Integrated Camera", ("dshow", "video=/dev/video2")),
    ],
)
def test_a_device_by_path_number_name_or_nothing(platform: str, named: str | None, opened: tuple[str, str]) -> None:
    assert asked(platform, device=named)[:2] == opened


def test_what_a_device_is_asked_for() -> None:
    options = {"resolution": (1920, 1080), "rate": Fraction(30000, 1001), "pixel_format": "yuyv422"}
    assert asked(**options)[2] == {"video_size": "1920x1080", "framerate": "30000/1001", "input_format": "yuyv422"}
    assert asked("darwin", pixel_format="nv12")[2] == {"pixel_format": "nv12"}


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(LostError, match=r'^device "/dev/video77": no such device \(allowed: Integrated Camera, USB'):
        asked(device="/dev/video77")
    with pytest.raises(LostError, match="did you mean 'Integrated Camera'"):
        asked(device="Integrated camera")
    with pytest.raises(LostError, match="this machine has none"):
        device.opening(DeviceSource.Settings(device="x"), "linux", [])
    with pytest.raises(LostError, match="FFmpeg opens none on aix"):
        asked("aix")


@pytest.mark.skipif(bool(device.devices()), reason="this machine has a camera")
def test_a_machine_without_a_device_says_so() -> None:
    with pytest.raises(LostError, match="this machine has none"):
        DeviceSource(DeviceSource.Settings(), Pace()).open()


class Opened:
    """Stands for what FFmpeg opens, and knows of what."""

    rate = None
    urls: ClassVar[list[str]] = []

    def __init__(self, url: str, *_: object, **__: object) -> None:
        self.urls.append(url)

    def close(self) -> None:
        pass


CARD, WEBCAM = ("/dev/video0", "HDMI card"), ("/dev/video2", "Integrated Camera")


@pytest.mark.parametrize(
    ("then", "now", "opened"),
    [
        ([CARD, WEBCAM], [WEBCAM], None),
        ([CARD, WEBCAM], [], None),
        ([CARD, WEBCAM], [WEBCAM, CARD], "/dev/video0"),
        ([CARD, WEBCAM], [WEBCAM, ("/dev/video4", "HDMI card")], "/dev/video4"),
        ([CARD, WEBCAM], [("/dev/video0", "Integrated Camera")], None),
        ([CARD, ("/dev/video1", "HDMI card")], [("/dev/video1", "HDMI card")], None),
        (
            [CARD, ("/dev/video1", "HDMI card")],
            [("/dev/video1", "HDMI card"), ("/dev/video3", "HDMI card")],
            "/dev/video3",
        ),
    ],
)
def test_the_first_device_stays_the_first(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    then: list[tuple[str, str]],
    now: list[tuple[str, str]],
    opened: str | None,
) -> None:
    monkeypatch.setattr(device.sys, "platform", "linux")
    monkeypatch.setattr(device, "Live", Opened)
    monkeypatch.setattr(device.Path, "exists", lambda _: True)
    there = then
    monkeypatch.setattr(device, "devices", lambda: there)
    Opened.urls.clear()
    source = DeviceSource(DeviceSource.Settings(), Pace())
    source.open()
    there = now
    if opened is None:
        with pytest.raises(LostError, match=r'^device "HDMI card": it was opened first, and is not there any more'):
            source.open()
    else:
        source.open()
    there = then
    source.open()
    assert Opened.urls == ["/dev/video0", *([opened] if opened else []), "/dev/video0"]
    assert caplog.messages == ['the first device is "HDMI card"; in this run no other is opened in its place']


def test_what_is_no_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's own refusal, through its V4L2 reader where it has one."""
    path = tmp_path / "video0"
    path.write_bytes(b"")
    monkeypatch.setattr(device, "devices", lambda: [(str(path), "a file")])
    with pytest.raises(LostError, match=r'^device "a file": cannot be opened \('):
        DeviceSource(DeviceSource.Settings(device="a file"), Pace()).open()


def test_cures_of_a_device() -> None:
    assert "group video" in cure(PermissionError(13, "Permission denied"))
    assert "another program" in cure(OSError(16, "Device or resource busy"))
    assert cure(None) == ""


def settings_of(tmp_path: Path, url: str) -> Any:
    section = PluginSection("capture", "stream", {"url": url}, tmp_path / "s.toml", "capture[1]", "capture[1].kind")
    return resolve_settings(section, StreamSource.Settings)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:80/a.ts", "allowed srt://, rtsp:// or udp://"),
        ("/etc/passwd", "allowed srt://"),
        ("udp://127.0.0.1", "expected an address and a port"),
        ("udp://:5000", "expected an address and a port"),
        ("udp://127.0.0.1:0", "expected an address and a port"),
        ("udp://camera:5000", "expected an IP address"),
        ("udp://127.0.0.1:99999", "which is no address"),
        ("srt://127.0.0.1:9000?dump=/tmp/x", "unknown option 'dump' (allowed: mode, "),
        ("udp://127.0.0.1:5000?localaddr=0.0.0.0", "unknown option 'localaddr'"),
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, url: str, words: str) -> None:
    (problem,) = settings_of(tmp_path, url)
    assert problem.key == "capture[1].url"
    assert words in problem.message


@pytest.mark.parametrize(
    "url",
    [
        "udp://0.0.0.0:5000",
        "udp://239.1.2.3:5000",
        "udp://[::1]:5000",
        "srt://10.0.0.5:9000?mode=listener&latency=120",
        "rtsp://user:secret@10.0.0.9/stream1",
    ],
)
def test_addresses_that_are_taken_and_what_is_said_of_them(tmp_path: Path, url: str) -> None:
    settings = settings_of(tmp_path, url)
    assert isinstance(settings, StreamSource.Settings)
    said = StreamSource(settings, Pace()).title
    assert "secret" not in said
    assert "?" not in said


@pytest.mark.parametrize("url", [" udp://127.0.0.1:5000", "UDP://127.0.0.1:5000", "udp://127.0.0.1:50\t00"])
def test_what_is_opened_is_what_was_looked_at(tmp_path: Path, url: str) -> None:
    """FFmpeg's own reading of an address is another: it knows no UDP in capitals, and takes blanks for a part of it."""
    settings = settings_of(tmp_path, url)
    assert isinstance(settings, StreamSource.Settings)
    assert opening(settings)[0] == "udp://127.0.0.1:5000"


def test_udp_receives_where_it_is_told_and_nowhere_else() -> None:
    def bound(url: str) -> str | None:
        return opening(StreamSource.Settings(url=url))[2].get("localaddr")

    assert bound("udp://127.0.0.1:5000") == "127.0.0.1"
    assert bound("udp://0.0.0.0:5000") is None
    assert bound("udp://239.1.2.3:5000") is None
    for url in ("udp://127.0.0.1:5000", "srt://10.0.0.5:9000", "rtsp://10.0.0.9/a"):
        assert "file" not in opening(StreamSource.Settings(url=url))[2]["protocol_whitelist"].split(",")


def test_a_camera_that_does_not_answer() -> None:
    """Nobody listens on port 1: refused at once, in one sentence."""
    source = StreamSource(StreamSource.Settings(url="rtsp://127.0.0.1:1/a"), Pace())
    with pytest.raises(LostError, match=r"^stream rtsp://127.0.0.1:1/a: cannot be opened \(Connection refused\)$"):
        source.open()


def test_srt_says_whether_this_ffmpeg_has_it() -> None:
    source = StreamSource(StreamSource.Settings(url="srt://127.0.0.1:1"), Pace())
    with pytest.raises(LostError, match=r"^stream srt://127.0.0.1:1: (FFmpeg was built without it here|cannot be)"):
        source.open()


def bound_to(port: int) -> set[str]:
    """The addresses that Linux says receive on ``port``."""
    table = Path("/proc/net/udp")
    rows = [line.split()[1].split(":") for line in table.read_text().splitlines()[1:]] if table.is_file() else []
    return {socket.inet_ntoa(bytes.fromhex(address)[::-1]) for address, at in rows if int(at, 16) == port}


def good_within_a_second(health: CaptureHealth) -> bool:
    """Whether it is good: not with a picture that is older, by the reader's own clock."""
    assert health.age_s is not None
    assert health.age_s < 1.0 or not health.good
    return health.good


def test_mpeg_ts_over_udp_stops_is_named_and_comes_back_in_another_size() -> None:
    port, said = free_port(), list[str]()
    pace = Pace()
    reader = Reader(
        "a", StreamSource(StreamSource.Settings(url=f"udp://127.0.0.1:{port}"), pace), pace, say=said.append
    )
    reader.start()
    try:
        with sending(port):
            until(lambda: reader.health().frames > 12)
            assert reader.health().picture == "64 x 48 yuv420p BT.709 limited"
            assert bound_to(port) in ({"127.0.0.1"}, set())  # nothing is known of other systems
        until(lambda: not good_within_a_second(reader.health()))
        before = reader.health().frames
        with sending(port, (96, 64)):
            until(lambda: reader.health().frames > before + 5)
            health = reader.health()
        assert health.state == "running"
        assert health.picture.startswith("96 x 64")
        assert any("its picture changed from 64 x 48" in sentence for sentence in said)
        assert health.opened >= 2
    finally:
        reader.stop()
