"""The camera's own pictures, recorded as they came: every sample, its format, its tags, its place in time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.waiting import until
from vpengine.capture.pace import Pace
from vpengine.capture.ring import Ring, Tap
from vpengine.capture.synthetic import SyntheticSource
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.media.pictures import captured
from vpengine.output import picture_recorder
from vpengine.output.picture_recorder import PictureRecorder
from vpengine.view.timecode import Timecode, timecode_of

pytestmark = pytest.mark.alone

RATE = Fraction(24)
SIZE = (62, 34)


def picture(number: int, name: str = "yuv422p10le", tags: Tags | None = None, size: tuple[int, int] = SIZE) -> Any:
    kind = FORMATS[name]
    rng = np.random.default_rng(number)
    planes = tuple(
        rng.integers(0, 1 << kind.bits, shape).astype(kind.dtype) << kind.shift for shape in kind.shapes(size)
    )
    label = timecode_of(100 + number, RATE)
    return CapturedFrame(
        planes, kind, size, tags or Tags("bt709", "limited", "bt709"), 50.0 + number / 24, number, label
    )


def recorded(stem: Path, frames: list[CapturedFrame], most: int = 200) -> PictureRecorder:
    tap = Tap(most)
    for frame in frames:
        tap.put(frame)
    recorder = PictureRecorder(tap, stem, RATE, "camera A")
    recorder.end()
    assert recorder.joined(30.0)
    return recorder


def read(path: Path) -> tuple[list[int], list[CapturedFrame], Any]:
    """Numbers by their times, and the pictures as our own capture takes them from a file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        tags = (context.colorspace, context.color_range, context.color_trc)
        metadata = {key.lower(): value for key, value in container.metadata.items()}
        numbers, frames = [], []
        for frame in container.decode(stream):
            assert frame.pts is not None
            numbers.append(round(float(frame.pts * stream.time_base * RATE)))
            frames.append(captured(frame, 0.0))
    return numbers, frames, (tags, metadata)


def samples(frame: CapturedFrame) -> list[NDArray[Any]]:
    """Planes without their layout: luma, Cb, Cr; or red, green, blue."""
    if frame.format.model == "rgb":
        return [frame.planes[0][..., channel] for channel in range(3)]
    luma, *chroma = (plane >> frame.format.shift for plane in frame.planes)
    return [luma, *([chroma[0][..., 0], chroma[0][..., 1]] if frame.format.semi_planar else chroma)]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_sample_of_every_format_comes_back(tmp_path: Path, name: str) -> None:
    frames = [picture(number, name) for number in range(3)]
    recorder = recorded(tmp_path / "a", frames)
    assert recorder.error is None
    with av.open(str(tmp_path / "a.mkv")) as container:
        decoded = list(container.decode(video=0))
    assert len(decoded) == 3
    for ours, theirs in zip(frames, decoded, strict=True):
        wanted = samples(ours)
        if ours.format.model == "rgb":
            found = theirs.to_ndarray(format="rgb48le" if ours.format.bits == 16 else "rgb24")
            planes = [found[..., channel] for channel in range(3)]
        else:
            planes = [_plane(plane, ours.format.dtype) for plane in theirs.planes]
        for one, other in zip(wanted, planes, strict=True):
            np.testing.assert_array_equal(other, one)


def _plane(plane: Any, dtype: type[Any]) -> NDArray[Any]:
    rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
    return rows[:, : plane.width]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (Tags("bt709", "limited", "bt709"), (1, 1, 1)),
        (Tags("bt2020", "full", "smpte2084"), (9, 2, 16)),
        (Tags("bt601", "limited", None), (6, 1, 2)),
        (Tags("bt2020", "limited", "arib-std-b67"), (9, 1, 18)),
        (Tags("bt709", "full", "gamma22"), (1, 2, 4)),
        (Tags("bt709", "limited", "gamma28"), (1, 1, 5)),
    ],
)
def test_its_tags_are_kept(tmp_path: Path, tags: Tags, expected: tuple[int, int, int]) -> None:
    recorded(tmp_path / "a", [picture(0, tags=tags)])
    _, (frame,), (found, metadata) = read(tmp_path / "a.mkv")
    assert found == expected
    assert frame.tags == tags
    assert metadata["timecode"] == "00:00:04:04"
    assert "chroma sited left" in metadata["comment"]


def test_what_was_lost_leaves_its_place_and_its_number_is_told(tmp_path: Path) -> None:
    """The tap was full for a while: 5 and 6 are not there."""
    numbers = [3, 4, 7, 8]
    recorder = recorded(tmp_path / "a", [picture(number) for number in numbers])
    found, _, _ = read(tmp_path / "a.mkv")
    assert found == [0, 1, 4, 5]
    assert (recorder.frames, recorder.lost) == (4, 2)
    lines = [json.loads(line) for line in (tmp_path / "a.pictures.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["number"] for line in lines] == numbers
    assert [line["frame"] for line in lines] == [1, 2, 5, 6]
    assert [line["time_s"] for line in lines] == [50.0 + number / 24 for number in numbers]
    assert lines[0]["timecode"] == str(Timecode(0, 0, 4, 7))


def at(number: int, places: float) -> CapturedFrame:
    """Captured so many places after the first, whatever its number."""
    return cast(CapturedFrame, replace(picture(number), time_s=50.0 + places / 24))


def test_an_outage_of_the_camera_leaves_its_places_empty(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of 10 s; numbers are of pictures that came."""
    recorder = recorded(tmp_path / "a", [at(0, 0.0), at(1, 1.0), at(2, 242.0), at(3, 243.0)])
    assert read(tmp_path / "a.mkv")[0] == [0, 1, 242, 243]
    lines = [json.loads(line) for line in (tmp_path / "a.pictures.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["frame"], line["number"]) for line in lines] == [(1, 0), (2, 1), (243, 2), (244, 3)]
    (row,) = recorder.report()
    assert (row["frames"], row["dropped"], row["whole"]) == (4, 240, True)
    (said,) = [each.getMessage() for each in caplog.records]
    assert said.endswith("240 pictures are missing: 0 as disk or machine are too slow, 240 did not come in time.")


def test_an_outage_and_what_found_no_room_are_both_counted(tmp_path: Path) -> None:
    tap = Tap(3)
    for number, places in enumerate((0, 1, 12, 13, 14)):  # 3 and 4 find no room, and nothing comes after them
        tap.put(at(number, places))
    recorder = PictureRecorder(tap, tmp_path / "a", RATE)
    recorder.end()
    assert recorder.joined(30.0)
    assert (recorder.frames, recorder.lost) == (3, 12)


def test_jitter_makes_no_holes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    recorder = recorded(tmp_path / "a", [at(n, n + rng.uniform(-0.22, 0.22)) for n in range(100)])
    assert read(tmp_path / "a.mkv")[0] == list(range(100))
    assert recorder.lost == 0


@pytest.mark.parametrize("step", [2.0, 1.6, 1.3, 1.001])
def test_a_source_that_is_slower_than_it_says_stays_in_time(tmp_path: Path, step: float) -> None:
    """A webcam in dim light says 30 a second and sends 15."""
    recorder = recorded(tmp_path / "a", [at(n, n * step) for n in range(150)])
    found = read(tmp_path / "a.mkv")[0]
    assert max(abs(place - n * step) for n, place in enumerate(found)) <= 0.5 + 1e-6
    assert recorder.lost == found[-1] - 149


def test_a_source_that_is_faster_than_it_says_loses_none(tmp_path: Path) -> None:
    recorder = recorded(tmp_path / "a", [at(n, n * 0.8) for n in range(50)])
    assert read(tmp_path / "a.mkv")[0] == list(range(50))
    assert recorder.lost == 0


def test_a_source_that_comes_back_otherwise_begins_another_file(tmp_path: Path) -> None:
    frames = [picture(0), picture(1), picture(2, "nv12", size=(64, 36)), picture(3, "nv12", size=(64, 36))]
    recorder = recorded(tmp_path / "a", frames)
    assert [path.name for path in recorder.paths] == ["a.mkv", "a-2.mkv"]
    assert [len(read(path)[0]) for path in recorder.paths] == [2, 2]
    assert recorder.lost == 0
    assert recorder.report()[0]["frames"] == 4


def test_interlaced_pictures_among_others_stay_in_one_file(tmp_path: Path) -> None:
    """As PAFF and telecine have them."""
    frames = [replace(picture(number), interlaced=number % 3 == 0) for number in range(10)]
    recorder = recorded(tmp_path / "a", frames)
    assert [path.name for path in recorder.paths] == ["a.mkv"]
    lines = [json.loads(line) for line in (tmp_path / "a.pictures.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.get("interlaced", False) for line in lines] == [frame.interlaced for frame in frames]


def test_a_rate_that_changes_begins_another_file_and_one_that_is_not_known_for_a_while_does_not(tmp_path: Path) -> None:
    said: list[Fraction | None] = [None, None, Fraction(25), Fraction(25), None, None, Fraction(50), None]
    tap, asked = Tap(), iter(said)
    for number in range(len(said)):
        tap.put(picture(number))
    recorder = PictureRecorder(tap, tmp_path / "a", RATE, "camera A", lambda: next(asked))
    recorder.end()
    assert recorder.joined(30.0)
    assert recorder.error is None
    assert [(rate_of(path), len(read(path)[0])) for path in recorder.paths] == [(24, 2), (25, 4), (50, 2)]


def rate_of(path: Path) -> Fraction | None:
    with av.open(str(path)) as container:
        return container.streams.video[0].average_rate


def test_a_synthetic_cameras_pictures_go_through_a_ring_as_they_are(tmp_path: Path) -> None:
    """While it runs: every picture that the ring had while the tap was open."""
    source = SyntheticSource(SyntheticSource.Settings(resolution=(96, 64)), Pace())
    made = [source.picture(number, 10.0 + number / 24) for number in range(6)]
    ring = Ring()
    tap = ring.tap()
    recorder = PictureRecorder(tap, tmp_path / "takes" / "a", RATE)
    for number, frame in enumerate(made):
        ring.put(
            CapturedFrame(frame.planes, frame.format, frame.size, frame.tags, frame.time_s, number, frame.timecode)
        )
        until(lambda number=number: recorder.frames == number + 1)
    ring.untap(tap)
    recorder.close()
    numbers, frames, (tags, _) = read(tmp_path / "takes" / "a.mkv")
    assert numbers == list(range(6))
    assert tags == (1, 1, 1)
    for ours, theirs in zip(made, frames, strict=True):
        assert theirs.format == ours.format
        for one, other in zip(ours.planes, theirs.planes, strict=True):
            np.testing.assert_array_equal(other, one)


def test_a_disk_that_is_full_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    recorder = recorded(blocked / "a", [picture(0)])
    assert recorder.error is not None
    (said,) = [each.getMessage() for each in caplog.records]
    assert "recording camera A" in said


def test_while_one_picture_is_written_no_other_has_left_the_tap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who took all of them held as many again, of which nobody knew."""
    tap, waiting, made = Tap(), list[int](), picture_recorder.video_frame
    for number in range(4):
        tap.put(picture(number))

    def looks(frame: CapturedFrame) -> av.VideoFrame:
        waiting.append(len(tap.take()))
        return made(frame)

    monkeypatch.setattr(picture_recorder, "video_frame", looks)
    recorder = PictureRecorder(tap, tmp_path / "a", RATE)
    recorder.end()
    assert recorder.joined(30.0)
    assert waiting == [3]


def test_a_file_that_cannot_be_begun_is_not_left(tmp_path: Path) -> None:
    odd = replace(picture(0), size=(0, 0))
    assert recorded(tmp_path / "a", [odd]).error is not None
    assert list(tmp_path.iterdir()) == []


KILLED = """\
import sys, time
from fractions import Fraction
from pathlib import Path
from tests.unit.test_picture_recorder import picture
from vpengine.capture.ring import Tap
from vpengine.output.picture_recorder import PictureRecorder
tap = Tap()
recorder = PictureRecorder(tap, Path(sys.argv[1]), Fraction(24))
begin_s = time.monotonic()
for number in range(2400):
    time.sleep(max(begin_s + number / 24 - time.monotonic(), 0.0))
    tap.put(picture(number))
    print(recorder.frames, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="kill -9")
def test_a_kill_costs_the_last_second_at_most(tmp_path: Path) -> None:
    """Of what had been encoded: how far the encoder gets is the machine's."""
    script = [sys.executable, "-c", KILLED, str(tmp_path / "a")]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        encoded = 0
        while encoded < 72:
            encoded = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait(30.0)
    with av.open(str(tmp_path / "a.mkv")) as container:
        found = sum(1 for _ in container.decode(video=0))
    assert encoded - found <= 24
