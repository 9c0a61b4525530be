"""NDI: pictures of a real sender in a process of its own, where cyndilib is; without it one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from vpengine.capture.ndi import NdiSource, planes_of
from vpengine.capture.pace import Pace
from vpengine.media.decoding import LostError

HAS_NDI = find_spec("cyndilib") is not None
pytestmark = pytest.mark.alone
SENDER = """
import sys, time, numpy as np
from fractions import Fraction
from cyndilib.sender import Sender
from cyndilib.video_frame import VideoSendFrame
from cyndilib.wrapper.ndi_structs import FourCC
sender, frame = Sender("vpengine test"), VideoSendFrame()
frame.set_resolution(64, 36); frame.set_frame_rate(Fraction(25)); frame.set_fourcc(FourCC.UYVY)
sender.set_video_frame(frame)
with sender:
    for number in range(1000):
        picture = np.full((36, 64, 2), 100, np.uint8)
        picture[..., 1] = 16 + 8 * (number % 26)
        sender.write_video(picture.ravel())
        time.sleep(0.04)
"""


@pytest.fixture
def sender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On this machine alone: NDI looks for others by multicast unless it is told where they are."""
    if not HAS_NDI:
        pytest.skip('cyndilib is not here; pip install "vpengine[ndi]"')
    config = {"ndi": {"networks": {"ips": "127.0.0.1,"}, "adapters": {"allowed": ["127.0.0.1"]}}}
    (tmp_path / "ndi-config.v1.json").write_text(json.dumps(config))
    monkeypatch.setenv("NDI_CONFIG_DIR", str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", SENDER])
    yield
    process.kill()
    process.wait()


def test_a_sender_s_pictures_come_as_they_are(sender: None) -> None:
    del sender
    source, found = NdiSource(NdiSource.Settings(), Pace()), []
    source.open()
    while len(found) < 5:
        frame = source.read()
        found += [frame] if frame is not None else []
    source.close()
    for frame in found:
        assert (frame.size, frame.format.name, frame.matrix, frame.range) == ((64, 36), "yuv422p", "bt601", "limited")
        assert len(np.unique(frame.planes[0])) == 1
        assert (int(frame.planes[0][0, 0]) - 16) % 8 == 0
        assert np.all(frame.planes[1] == 100)
    assert len({int(frame.planes[0][0, 0]) for frame in found}) >= 4
    times = [frame.time_s for frame in found]
    assert times == sorted(times)


def test_a_name_that_nobody_has_is_told_with_those_that_are_there(
    sender: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del sender
    monkeypatch.setattr("vpengine.capture.ndi.FINDING_S", 3.0)
    with pytest.raises(LostError, match="no such sender on the network"):
        NdiSource(NdiSource.Settings(source="NOBODY (x)"), Pace()).open()


class Finder:
    """Senders that make themselves known one by one: their names after each quarter of a second."""

    def __init__(self, *known: list[str]) -> None:
        self.known, self.now_s = list(known), 0.0

    def wait_for_sources(self, wait_s: float) -> None:
        self.now_s += wait_s
        self.known[1:] and self.known.pop(0)

    def get_source_names(self) -> list[str]:
        return self.known[0]


def found(source: NdiSource, monkeypatch: pytest.MonkeyPatch, *known: list[str]) -> tuple[str, float]:
    """And the seconds that it took."""
    finder = Finder([], *known)
    monkeypatch.setattr("vpengine.capture.ndi.time", SimpleNamespace(monotonic=lambda: finder.now_s))
    source._finder = finder
    return source._found(), finder.now_s


def test_the_first_is_that_of_all_that_make_themselves_known_and_stays_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = NdiSource(NdiSource.Settings(), Pace())
    assert found(source, monkeypatch, ["B"], ["B"], ["A", "B"]) == ("A", pytest.approx(1.75))
    (line,) = caplog.messages
    assert line.startswith('the first NDI sender is "A" (there are also B)')
    assert source.title == 'NDI "A"'
    with pytest.raises(LostError, match=r'^NDI "A": no such sender on the network'):
        found(source, monkeypatch, ["B"])
    assert found(source, monkeypatch, ["B"], ["A", "B"]) == ("A", pytest.approx(0.5))


def test_one_that_is_named_is_taken_as_soon_as_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    source = NdiSource(NdiSource.Settings(source="B"), Pace())
    assert found(source, monkeypatch, ["A"], ["A", "B"]) == ("B", pytest.approx(0.5))


@pytest.mark.skipif(HAS_NDI, reason="cyndilib is here")
def test_without_the_library_the_cure_is_told() -> None:
    with pytest.raises(LostError, match=r'pip install "vpengine\[ndi\]"'):
        NdiSource(NdiSource.Settings(), Pace()).open()


def test_planes_are_those_of_uyvy_without_padding_or_alpha() -> None:
    """Two rows of three pixels, rows padded to 12 bytes, and alpha behind them."""
    rows = [[10, 1, 20, 2, 11, 3, 21, 99, 0, 0, 0, 0], [12, 4, 22, 5, 13, 6, 23, 99, 0, 0, 0, 0]]
    content = np.array([*rows[0], *rows[1], 255, 255, 255, 255, 255, 255], np.uint8)
    luma, cb, cr = planes_of(content, 12, (3, 2))
    assert luma.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert cb.tolist() == [[10, 11], [12, 13]]
    assert cr.tolist() == [[20, 21], [22, 23]]
