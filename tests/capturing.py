"""For tests of capture: clocks that only waits move, films of counted pictures, sources that do as they are told, and
an encoder on the network.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import SyntheticSource
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags, rgb_of
from vpengine.view.timecode import number_of

TAGGED = Tags("bt709", "limited", "bt709")
STEP = 8  # of brightness, from one counted picture to the next


class VirtualPace(Pace):
    """Time goes on by what is waited for, and by nothing else."""

    def __init__(self) -> None:
        self.time_s = 1000.0
        super().__init__(lambda: self.time_s)

    def wait_until(self, time_s: float) -> bool:
        self.time_s = max(self.time_s, time_s)
        return True


class Told:
    """A source that gives, raises or does what it is told, one thing after the other; then it stops its reader."""

    title = "told"

    def __init__(self, pace: Pace, does: Iterable[object], rate: Fraction | None = Fraction(25)) -> None:
        self._pace, self._does, self._rate = pace, iter(does), rate
        self.opened = self.closed = 0

    def open(self) -> Fraction | None:
        self.opened += 1
        return self._rate

    def read(self) -> CapturedFrame | None:
        for done in self._does:
            if isinstance(done, Exception):
                raise done
            if callable(done):
                done()
                return None
            assert done is None or isinstance(done, CapturedFrame)
            return done
        self._pace.stop()
        return None

    def close(self) -> None:
        self.closed += 1


def grey(time_s: float, size: tuple[int, int] = (16, 16), tags: Tags = TAGGED) -> CapturedFrame:
    """A grey picture of 8 bits, 4:2:0."""
    kind = FORMATS["yuv420p"]
    return CapturedFrame(tuple(np.full(shape, 128, np.uint8) for shape in kind.shapes(size)), kind, size, tags, time_s)


def counted_film(
    path: Path,
    count: int,
    rate: Fraction = Fraction(25),
    *,
    codec: str = "ffv1",
    size: Callable[[int], tuple[int, int]] = lambda _: (16, 16),
    numbers: Callable[[int], int] = lambda n: n,
    metadata: dict[str, str] | None = None,
    grey: bool = False,
    transfer: int = 2,
) -> Path:
    """A film whose picture n is of the brightness STEP * n + 16, at the place ``numbers(n)``. grey: without colour.
    transfer: by Rec. ITU-T H.273; 2 says nothing.
    """
    with av.open(str(path), "w") as film:
        film.metadata.update(metadata or {})
        stream = film.add_stream(codec, rate=rate)
        stream.width, stream.height = size(0)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        stream.codec_context.color_trc = transfer
        for number in range(count):
            width, height = size(number)
            planes = np.full((height * 3 // 2, width), shade(number), np.uint8)
            planes[height:] = 128 if grey else shade(number)
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.colorspace, frame.color_range, frame.color_trc = 1, 1, transfer
            frame.pts, frame.time_base = numbers(number), 1 / rate
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return path


def shade(number: int) -> int:
    return 16 + STEP * (number % 26)


def shown_number(frame: CapturedFrame) -> int:
    """Which of a counted film's pictures it is."""
    return round((float(frame.planes[0].mean()) - 16) / STEP)


FIELDS = {"a": (220, 40, 40), "b": (40, 200, 40), "c": (40, 40, 220), "d": (200, 200, 200)}
HELD = [(0, "ab cd"), (90, "bd ac"), (180, "dc ba"), (-90, "ca db")]  # degrees counter-clockwise, the fields' rows then


def fields() -> NDArray[np.uint8]:
    """Four fields of four colours, a b over c d, 32 x 16 pixels."""
    rows = np.array([[FIELDS[name] for name in row] for row in ("ab", "cd")], np.uint8)
    return rows.repeat(8, 0).repeat(16, 1)


def held_film(path: Path, degrees: int, pixels: str = "yuv420p") -> Path:
    """Three pictures of the fields, in a film whose file turns them."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, pixels
        stream.set_display_rotation(degrees)
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(fields(), "rgb24")
            film.mux(stream.encode(picture.reformat(format=pixels)))
        film.mux(stream.encode(None))
    return path


def assert_held(shown: CapturedFrame, rows: str) -> None:
    """Its fields lie in these rows."""
    across, down = shown.size
    assert (across, down) == ((32, 16) if rows[:2] in ("ab", "dc") else (16, 32))
    rgb = 255.0 * rgb_of(shown)
    for row, names in enumerate(rows.split()):
        for column, name in enumerate(names):
            middle = rgb[down // 4 + row * down // 2, across // 4 + column * across // 2]
            np.testing.assert_allclose(middle, FIELDS[name], atol=12, err_msg=f"{name} in row {row}, column {column}")


@contextmanager
def sending(port: int, size: tuple[int, int] = (64, 48)) -> Iterator[None]:
    """An encoder on the network: MPEG-TS over UDP, 25 pictures a second, until the end of the block."""
    end = threading.Event()

    def send() -> None:
        with av.open(f"udp://127.0.0.1:{port}?pkt_size=1316", "w", format="mpegts") as out:
            stream = out.add_stream("mpeg2video", rate=25, options={"g": "5", "bf": "0"})
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
            begun_s = time.monotonic()
            for number in range(1000):
                if end.wait(max(begun_s + number / 25 - time.monotonic(), 0.0)):
                    return
                shape = (size[1] * 3 // 2, size[0])
                frame = av.VideoFrame.from_ndarray(np.full(shape, shade(number), np.uint8), "yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 25)
                out.mux(stream.encode(frame))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(5.0)


def sent_number(captured: CapturedFrame, source: SyntheticSource) -> int:
    """Of the camera's own: one that is too slow leaves pictures out, and its timecode says which."""
    assert captured.timecode is not None
    return number_of(captured.timecode, source.settings.rate)


def end_camera(show: Any) -> None:
    """Nothing comes any more, until no frame has a picture of camera 1; one that was being drawn is waited for."""
    ended = threading.Event()
    show.app.captures.readers["1"]._source.read = ended.set
    show.until(ended.is_set)
    show.until(lambda: not show.newest.captured)
