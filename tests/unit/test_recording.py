"""Recordings as files: real encoders, real files. Every picture at its place in time, tagged, and nothing waits."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from tests.waiting import never_waiting, until
from vpengine.control.takes import TakeName
from vpengine.frames.feed import Feed
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.output import exr_file, recording_files
from vpengine.output.encoding import Encoding
from vpengine.output.exr_file import ACESCG, World, write_exr
from vpengine.output.recording import RecordingOutput, RecordingSettings
from vpengine.output.recording_files import Format, RecordingFiles, Shooting, Shot, reserved_stem
from vpengine.output.stream import StreamSettings
from vpengine.takes.camera_track import Slate
from vpengine.takes.take_files import TakeFiles
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.timecode import Timecode

pytestmark = pytest.mark.alone

SIZE, RATE = (64, 48), Fraction(24000, 1001)
STATE = CameraState(Pose((1.0, 2.0, 1.5)), Pose(), Lens((24.89, 14.0), 24.0), 0.0)
LENS = Lens((24.89, 14.0), 24.0)
EMPTY = (3, 4, 9)  # numbers of frames that were left out
COUNT = 12


def image(number: int, alpha: int = 255) -> NDArray[np.uint8]:
    """Row 0 at the bottom: red above, blue below, and a grey that says its number."""
    width, height = SIZE
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[height // 2 :, :, 0], rgba[: height // 2, :, 2] = 200, 200
    rgba[:, width // 2 :, :3] = 20 * number + 10
    rgba[..., 3] = alpha
    return rgba


def tick(number: int) -> Tick:
    return Tick(1000 + number, number / float(RATE), RATE)


def record(folder: Path, format: Format, alpha: bool = False, tracks: tuple[str, ...] = ("chan",)) -> RecordingFiles:
    """COUNT frames but those that are EMPTY."""
    shooting = Shooting(folder / "wall-main", format, alpha, "wall:main", Slate("1", RATE), tracks)
    made: list[RecordingFiles] = []

    def make() -> RecordingFiles:
        made.append(RecordingFiles(lambda: shooting, lambda _: None))
        return made[0]

    encoding: Encoding[Shot] = Encoding("test", make, COUNT)
    for number in range(COUNT):
        arrays = None if number in EMPTY else (image(number, 255 if not alpha else 128),)
        assert encoding.offer(Shot(number, tick(number), STATE, arrays))
    encoding.close()
    assert encoding.error is None
    return made[0]


def decoded(path: Path) -> tuple[list[int], list[av.VideoFrame], Any]:
    """Numbers of frames, from their times; the frames; the codec's context before any was decoded."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        tags = (context.color_primaries, context.colorspace, context.color_trc, context.color_range)
        frames = list(container.decode(stream))
        assert stream.time_base is not None
        times_s = [float(frame.pts * stream.time_base) for frame in frames if frame.pts is not None]
    return [round(time_s * float(RATE)) for time_s in times_s], frames, (*tags, context.name)


FORMATS = [
    ("h264", False, ".mp4", "h264", (1, 1, 13, 1), 10.0),
    ("prores4444", False, ".mov", "prores", (1, 1, 13, 1), 4.0),
    ("prores4444", True, ".mov", "prores", (1, 1, 13, 1), 4.0),
    ("ffv1", False, ".mkv", "ffv1", (1, 0, 13, 2), 0.0),
    ("ffv1", True, ".mkv", "ffv1", (1, 0, 13, 2), 0.0),
]


@pytest.mark.parametrize(("format", "alpha", "suffix", "codec", "tags", "error"), FORMATS)
def test_frames_keep_their_places_their_colours_and_their_tags(
    tmp_path: Path, format: Format, alpha: bool, suffix: str, codec: str, tags: tuple[int, ...], error: float
) -> None:
    files = record(tmp_path, format, alpha)
    assert files.path == tmp_path / f"wall-main{suffix}"
    numbers, frames, found = decoded(files.path)
    assert numbers == [number for number in range(COUNT) if number not in EMPTY]
    assert files.frames == len(numbers)
    assert found == (*tags, codec)
    for number, frame in zip(numbers, frames, strict=True):
        matrix = {} if codec == "ffv1" else {"src_colorspace": "ITU709"}
        pixels = frame.to_ndarray(format="rgba", **matrix).astype(float)
        expected = image(number, 128 if alpha else 255)[::-1].astype(float)
        inside = np.s_[4:-4, 4:-4]
        difference = np.abs(pixels - expected)[inside]
        border = np.zeros(difference.shape[:2], bool)
        border[:, 26:30] = border[18:22] = True  # chroma is shared, and the edges are sharp
        assert difference[..., :3][~border].max() <= error
        assert not alpha or np.abs(pixels - expected)[..., 3].max() <= 1.0


def test_a_part_of_a_second_is_all_that_is_held_back(tmp_path: Path) -> None:
    """A second reader sees the frames of more than a second ago, while the file is being written."""
    for format in ("h264", "prores4444", "ffv1"):
        folder = tmp_path / format
        shooting = Shooting(folder / "a", format, False, "wall:main", Slate("1", RATE), ())  # type: ignore[arg-type]
        files = RecordingFiles(lambda shooting=shooting: shooting, lambda _: None)
        for number in range(72):
            files.write(Shot(number, tick(number), STATE, (image(number % 12),)))
        numbers, _, _ = decoded(files.path)
        assert 72 - len(numbers) <= 36, format
        assert numbers == list(range(len(numbers)))
        files.close()


def test_nothing_waits_and_what_finds_no_room_is_refused_in_place() -> None:
    """The new ones are refused, so that what was taken stays in order; who offers never waits."""
    goes, written = threading.Event(), list[int]()

    class Slow:
        progress = 0

        def write(self, item: int) -> None:
            assert goes.wait(10.0)
            written.append(item)

        def finish(self) -> None:
            written.append(-1)

        def close(self) -> None:
            written.append(-2)

    encoding: Encoding[int] = Encoding("slow", Slow, 4)
    assert encoding.offer(0)
    until(lambda: not encoding._items)
    with never_waiting():
        taken = [number for number in range(1, 11) if encoding.offer(number)]
        encoding.end()
        assert not encoding.offer(99)
    assert taken == [1, 2, 3, 4]
    goes.set()
    assert encoding.join(10.0)
    assert written == [0, 1, 2, 3, 4, -1, -2]
    assert encoding.error is None


def test_what_cannot_be_made_or_written_is_an_error_and_the_file_is_given_back() -> None:
    closed: list[int] = []

    class Full:
        progress = 0

        def write(self, item: int) -> None:
            raise OSError(28, "No space left on device")

        def finish(self) -> None:
            raise AssertionError("it has failed already")

        def close(self) -> None:
            closed.append(1)

    encoding: Encoding[int] = Encoding("full", Full, 4)
    encoding.offer(1)
    assert encoding.join(10.0)
    assert isinstance(encoding.error, OSError)
    assert closed
    assert not encoding.offer(2)


def test_the_track_has_every_frame_also_those_without_a_picture(tmp_path: Path) -> None:
    record(tmp_path, "ffv1", tracks=("opentrackio", "chan"))
    lines = (tmp_path / "wall-main.chan").read_text(encoding="utf-8").splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(1, COUNT + 1))
    assert len((tmp_path / "wall-main.opentrackio.jsonl").read_text(encoding="utf-8").splitlines()) == COUNT


def test_frames_that_found_no_room_are_told_of_by_the_next(tmp_path: Path) -> None:
    shooting = Shooting(tmp_path / "a", "ffv1", False, "wall:main", Slate("1", RATE), ("chan",))
    files = RecordingFiles(lambda: shooting, lambda _: None)
    missed = tuple(Shot(number, tick(number), STATE, None) for number in (1, 2))
    files.write(Shot(0, tick(0), STATE, (image(0),)))
    files.write(Shot(3, tick(3), STATE, (image(3),), missed=missed))
    files.finish()
    files.close()
    lines = (tmp_path / "a.chan").read_text(encoding="utf-8").splitlines()
    assert [int(line.split()[0]) for line in lines] == [1, 2, 3, 4]
    assert decoded(files.path)[0] == [0, 3]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    first, second = record(tmp_path, "h264"), record(tmp_path, "h264")
    assert (first.path.name, second.path.name) == ("wall-main.mp4", "wall-main-2.mp4")
    assert (tmp_path / "wall-main-2.chan").is_file()
    assert reserved_stem(tmp_path / "other", ".mp4") == tmp_path / "other"


AT_ONCE: list[tuple[Format, tuple[str, ...]]] = [
    ("h264", ("chan",)),
    ("prores4444", ("chan",)),
    ("ffv1", ()),
    ("exr", ()),
]


def test_recordings_of_one_feed_that_begin_at_once_have_a_name_each(tmp_path: Path) -> None:
    """Also without a track; and one that ends without a picture leaves nothing but its track."""
    for each in range(20):
        folder, start = tmp_path / str(each), threading.Barrier(len(AT_ONCE))

        def begin(
            format: Format, tracks: tuple[str, ...], folder: Path = folder, start: threading.Barrier = start
        ) -> RecordingFiles:
            shooting = Shooting(folder / "world-1", format, False, "world:1", Slate("1", RATE), tracks)
            start.wait(10.0)
            return RecordingFiles(lambda: shooting, lambda _: None)

        with ThreadPoolExecutor(len(AT_ONCE)) as pool:
            made = list(pool.map(lambda one: begin(*one), AT_ONCE))
        names = {f"world-1{number}" for number in ("", "-2", "-3", "-4")}
        assert {files.path.name for files in made} == names
        for files in made:
            files.close()
        assert {path.suffix for path in folder.iterdir()} == {".chan"}
        assert len(list(folder.iterdir())) == 2


def test_a_recording_whose_track_cannot_be_opened_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(recording_files, "CameraTrack", full)
    shooting = Shooting(tmp_path / "a", "h264", False, "wall:main", Slate("1", RATE), ("chan",))
    with pytest.raises(OSError, match="full"):
        RecordingFiles(lambda: shooting, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_an_exr_is_the_world_as_light_with_its_depth_and_where_it_was_seen_from(tmp_path: Path) -> None:
    """Read by OpenImageIO; the matrices are OpenEXR's, which act on rows."""
    rng = np.random.default_rng(1)
    rgba = (rng.random((54, 96, 4)) * 100.0).astype(np.float16)
    depth_m = (rng.random((54, 96)) * 1e3).astype(np.float32)
    depth_m[0, 0] = np.inf
    view = camera_view(Pose((1.0, -2.0, 1.5)), Lens((24.0, 13.5), 24.0), (96, 54), 10.0)
    world = World(rgba, depth_m, view, 1.0 / 1.2, RATE, Timecode(1, 2, 3, 4), 77)
    path = tmp_path / "a.000001.exr"
    write_exr(path, world)
    assert [each.name for each in tmp_path.iterdir()] == [path.name], "nothing half is left"
    read = oiio.ImageInput.open(str(path))
    assert read is not None
    spec = read.spec()
    pixels = read.read_image(0, 0, 0, 5, oiio.FLOAT)
    read.close()
    assert list(spec.channelnames) == ["R", "G", "B", "A", "Z"]
    assert [str(each) for each in spec.channelformats] == ["half"] * 4 + ["float"]
    np.testing.assert_array_equal(pixels[..., :4], rgba.astype(np.float32))
    np.testing.assert_array_equal(pixels[..., 4], depth_m)
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (8, 4, 80, 46)
    attributes = {each.name: each.value for each in spec.extra_attribs}
    assert attributes["framesPerSecond"] == (24000, 1001)
    assert attributes["chromaticities"] == pytest.approx(ACESCG)
    assert attributes["tick"] == 77
    assert attributes["smpte:TimeCode"][0] == 0x01020304
    point = np.array([0.3, 5.0, 2.0, 1.0])
    seen = point @ np.array(attributes["worldToCamera"]).reshape(4, 4)
    np.testing.assert_allclose(seen[:3], [-0.7, 0.5, -7.0], atol=1e-6)  # right, up, and before the camera
    ndc = point @ np.array(attributes["worldToNDC"]).reshape(4, 4)
    expected = [0.5 + 24.0 * -0.7 / 7.0 / (24.0 * 1.2), 0.5 + 24.0 * 0.5 / 7.0 / (13.5 * 1.2)]
    np.testing.assert_allclose(ndc[:2] / ndc[3], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"format": "mp4"}, "h264"),
        ({"name": "../{feed}"}, "without a folder"),
        ({"name": "{scene}"}, "allowed are {feed}, {take}, {date}, {time}"),
        ({"name": ".hidden"}, "without a folder"),
        ({"alpha": True}, "h264 has no alpha"),
        ({"tracks": ("fbx",)}, "opentrackio"),
    ],
)
def test_a_mistake_in_a_section_is_told(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match="(?s)" + says.replace("{", r"\{").replace("}", r"\}")):
        RecordingSettings(**keys)


def test_only_the_world_has_light_and_depth() -> None:
    settings = RecordingSettings(format="exr")
    assert RecordingOutput.misfit(settings, Feed("world", "1")) is None
    found = RecordingOutput.misfit(settings, Feed("camera", "1"))
    assert found is not None
    assert "camera:1" in found[1]
    assert RecordingOutput.misfit(RecordingSettings(), Feed("stage")) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:80", "udp:// or srt://"),
        ("udp://127.0.0.1", "an address and a port"),
        ("udp://wall.local:5000", "IP address"),
        ("udp://127.0.0.1:5000/etc/passwd", "an address and a port"),
        ("udp://127.0.0.1:5000?key=/etc/passwd", "unknown option 'key'"),
    ],
)
def test_a_stream_goes_to_an_address_and_nowhere_else(url: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        StreamSettings(url=url)
    StreamSettings(url="udp://239.1.2.3:5000?ttl=2")
    StreamSettings(url="srt://encoder.local:9000?mode=caller")


def frame(number: int) -> FrameInput:
    return FrameInput(tick(number), {"1": STATE}, {"program": BusState("day", "hall")}, {}, 0)


def test_a_takes_folder_is_known_to_who_waits_for_it(tmp_path: Path) -> None:
    """In the frame in which it rolls nobody has made it yet."""
    takes, name = TakeFiles(tmp_path / "takes", lambda _: None), TakeName("12", "a", 3)
    found: list[Path | None] = []
    waiting = threading.Thread(target=lambda: found.append(takes.folder_of(name)))
    waiting.start()
    time.sleep(0.05)
    assert not found
    takes.note(frame(1), name)
    waiting.join(5.0)
    (folder,) = found
    assert folder is not None
    assert folder.parent == tmp_path / "takes"
    assert folder.is_dir()
    again = replace(name)
    takes.note(frame(2), None)
    takes.note(frame(3), again)
    assert takes.folder_of(again) == folder.with_name(f"{folder.name}-2"), "another object is another take"
    takes.close()
    assert takes.folder_of(TakeName("never"), limit_s=0.01) is None


def test_a_takes_folder_that_cannot_be_made_keeps_nobody_waiting(tmp_path: Path) -> None:
    blocked = tmp_path / "takes"
    blocked.write_text("a file, no folder", encoding="utf-8")
    takes, name = TakeFiles(blocked, lambda _: None), TakeName()
    takes.note(frame(1), name)
    begun_s = time.monotonic()
    assert takes.folder_of(name) is None
    assert time.monotonic() - begun_s < 5.0
    takes.close()


@pytest.mark.parametrize(
    ("rate", "frames", "packed"),
    [(25, 24, 0x00000024), (60, 58, 0x00000029), (60, 59, 0x00008029), (50, 1, 0x00008000)],
)
def test_many_frames_a_second_count_in_pairs(tmp_path: Path, rate: int, frames: int, packed: int) -> None:
    """SMPTE 12M has room for 39: the second of a pair is told by the field's bit, 15 in OpenEXR's TimeCode."""
    view, label = camera_view(Pose(), LENS, (8, 4)), Timecode(0, 0, 0, frames)
    pixels = np.ones((4, 8, 4), np.float16), np.ones((4, 8), np.float32)
    write_exr(tmp_path / "a.exr", World(*pixels, view, 1.0, Fraction(rate), label, 1))
    read = oiio.ImageInput.open(str(tmp_path / "a.exr"))
    assert read is not None
    attributes = {each.name: each.value for each in read.spec().extra_attribs}
    read.close()
    assert attributes["smpte:TimeCode"][0] == packed


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device on this system")
def test_half_an_exr_is_never_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills in the middle of one: those before it are whole, and of it nothing is there."""
    view = camera_view(Pose(), LENS, (8, 4))
    world = World(np.ones((4, 8, 4), np.float16), np.ones((4, 8), np.float32), view, 1.0, RATE, Timecode(0, 0, 0, 0), 1)
    write_exr(tmp_path / "a.000001.exr", world)
    real = exr_file._write
    monkeypatch.setattr(exr_file, "_write", lambda file, data: real(os.open("/dev/full", os.O_WRONLY), data))
    with pytest.raises(OSError, match="No space left"):
        write_exr(tmp_path / "a.000002.exr", world)
    assert [each.name for each in tmp_path.iterdir()] == ["a.000001.exr"]
