"""Films and image sequences, played as if they were live."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.capturing import HELD, VirtualPace, assert_held, counted_film, fields, held_film, shown_number
from vpengine.capture.file import FileSource
from vpengine.capture.reader import Reader
from vpengine.capture.ring import Ring
from vpengine.capture.sequence import SequenceSource
from vpengine.capture.source import EndedError, Source
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.media.decoding import BrokenError, LostError
from vpengine.view.timecode import Timecode

SHARED = Path(__file__).parents[3] / "shared" / "data"
FILMS = {
    "greenscreen/talking_head_yellowgreen.mp4": ((320, 192), Fraction(60000, 1001), 1465),
    "video/bigbuckbunny_720p25.mp4": ((1280, 720), Fraction(25), 132),
}
RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(60)]


def film(path: Path, pace: VirtualPace, **options: object) -> FileSource:
    return FileSource(FileSource.Settings(file=path, **options), pace)  # type: ignore[arg-type]


def pictures(source: Source, count: int) -> list[CapturedFrame]:
    found: list[CapturedFrame] = []
    while len(found) < count:
        frame = source.read()
        if frame is not None:
            found.append(frame)
    return found


@pytest.mark.parametrize("rate", RATES)
def test_every_picture_at_its_time_over_loops(tmp_path: Path, rate: Fraction) -> None:
    pace = VirtualPace()
    source = film(counted_film(tmp_path / "a.nut", 20, rate), pace)
    assert source.open() == rate
    found = pictures(source, 110)
    assert [shown_number(frame) for frame in found] == [n % 20 for n in range(110)]
    start_s = found[0].time_s
    exact = [start_s + float(n / rate) for n in range(110)]
    np.testing.assert_allclose([frame.time_s for frame in found], exact, rtol=0.0, atol=1e-9)
    source.close()


@pytest.mark.parametrize(("degrees", "rows"), HELD)
def test_a_film_hangs_as_its_camera_was_held(tmp_path: Path, degrees: int, rows: str) -> None:
    source = film(held_film(tmp_path / "a.mkv", degrees), VirtualPace())
    source.open()
    for frame in pictures(source, 4):  # the last of the next loop
        assert_held(frame, rows)
    source.close()


def test_a_photograph_in_a_sequence_hangs_as_its_camera_was_held(tmp_path: Path) -> None:
    told = Image.Exif()
    told[0x112] = 8  # to be turned counter-clockwise
    Image.fromarray(fields()).save(tmp_path / "shot_1.jpg", exif=told, quality=95)
    source = SequenceSource(SequenceSource.Settings(first=tmp_path / "shot_1.jpg", rate=Fraction(25)), VirtualPace())
    source.open()
    assert_held(*pictures(source, 1), "bd ac")
    source.close()


@pytest.mark.slow
def test_ten_minutes_of_loops_at_the_engines_ticks(tmp_path: Path) -> None:
    """23.976 on 24, a film of one second: each tick sees picture floor(t * rate), over all seams."""
    rate, ticks, ring = Fraction(24000, 1001), 24 * 600, Ring()
    source = film(counted_film(tmp_path / "a.nut", 24, rate), VirtualPace())
    source.open()
    first = pictures(source, 1)[0]
    ring.put(first)
    put, seen = 1, []
    for tick in range(ticks):
        now_s = first.time_s + tick / 24
        while put * 1001 / 24000 <= tick / 24 + 0.05:
            ring.put(pictures(source, 1)[0])
            put += 1
        found = ring.at(now_s)
        seen.append(shown_number(found) if found else None)
    assert seen == [int(Fraction(tick, 24) * rate) % 24 for tick in range(ticks)]


@pytest.mark.parametrize("name", ["yuv422p10le", "yuv420p10le", "yuv444p12le"])
def test_every_bit_of_ten_and_twelve_stays(tmp_path: Path, name: str) -> None:
    """Through a lossless film, its tags with it."""
    kind = FORMATS[name]
    noise = np.random.default_rng(2)
    sent = [noise.integers(0, 1 << kind.bits, shape).astype(np.uint16) for shape in kind.shapes((32, 18))]
    made = av.VideoFrame(32, 18, name)
    for plane, samples in zip(made.planes, sent, strict=True):
        padded = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        padded[:, : samples.shape[1]] = samples
        plane.update(padded.tobytes())
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 18, name
        context = stream.codec_context
        context.colorspace, context.color_range, context.color_trc, context.color_primaries = 9, 1, 16, 9
        made.colorspace, made.color_range, made.pts = 9, 1, 0
        out.mux(stream.encode(made))
        out.mux(stream.encode(None))
    source = film(tmp_path / "a.mkv", VirtualPace())
    source.open()
    (frame,) = pictures(source, 1)
    assert (frame.format.name, frame.tags) == (name, Tags("bt2020", "limited", "smpte2084"))
    for plane, samples in zip(frame.planes, sent, strict=True):
        np.testing.assert_array_equal(plane, samples)


def test_milliseconds_in_a_container_do_not_shake_the_cadence(tmp_path: Path) -> None:
    """Matroska stores times in whole milliseconds: 42, 83, 125."""
    rate = Fraction(24000, 1001)
    source = film(counted_film(tmp_path / "a.mkv", 24, rate), VirtualPace())
    assert source.open() == pytest.approx(rate, rel=1e-4)
    times = [frame.time_s for frame in pictures(source, 24)]
    assert np.ptp(np.diff(times)) < 1e-9


def test_any_other_rate(tmp_path: Path) -> None:
    source = film(counted_film(tmp_path / "a.nut", 10), VirtualPace(), rate=Fraction(60000, 1001))
    assert source.open() == Fraction(60000, 1001)
    times = [frame.time_s for frame in pictures(source, 30)]
    np.testing.assert_allclose(np.diff(times), 1001 / 60000, atol=1e-9)


def test_a_hole_in_a_film_is_a_hole_in_time(tmp_path: Path) -> None:
    source = film(counted_film(tmp_path / "a.nut", 10, numbers=lambda n: n + 5 * (n >= 4)), VirtualPace())
    source.open()
    steps = np.diff([frame.time_s for frame in pictures(source, 10)]) * 25
    assert np.rint(steps).astype(int).tolist() == [1, 1, 1, 6, 1, 1, 1, 1, 1]


def test_without_a_loop_it_ends(tmp_path: Path) -> None:
    source = film(counted_film(tmp_path / "a.nut", 3), VirtualPace(), loop=False)
    source.open()
    pictures(source, 3)
    with pytest.raises(EndedError, match=r'file "a.nut": has ended'):
        source.read()


def test_its_timecode_begins_where_the_film_says(tmp_path: Path) -> None:
    path = counted_film(tmp_path / "a.mov", 3, codec="mpeg4", metadata={"timecode": "10:00:00:23"})
    source = film(path, VirtualPace())
    source.open()
    labels = [frame.timecode for frame in pictures(source, 4)]
    assert labels == [Timecode(10, 0, 0, 23), Timecode(10, 0, 0, 24), Timecode(10, 0, 1, 0), Timecode(10, 0, 0, 23)]


def test_a_change_of_size_midway(tmp_path: Path) -> None:
    """Two films in one MPEG-TS, as where a switcher changes its input."""
    pieces = [
        counted_film(tmp_path / f"{n}.ts", 12, codec="mpeg2video", size=lambda _, n=n: ((64, 48), (96, 64))[n])
        for n in range(2)
    ]
    joined = tmp_path / "a.ts"
    joined.write_bytes(b"".join(piece.read_bytes() for piece in pieces))
    pace = VirtualPace()
    said = list[str]()
    source = film(joined, pace, loop=False)
    reader = Reader("a", source, pace, say=said.append)
    reader.run()
    assert any("its picture changed from 64 x 48 yuv420p to 96 x 64 yuv420p" in sentence for sentence in said)
    assert reader.health().frames >= 20  # where they are joined packets are missing, by their count
    assert reader.health().rate == pytest.approx(25.0, rel=0.06)


@pytest.mark.parametrize("kept", [0.4, 0.8])
@pytest.mark.parametrize(("name", "codec"), [("a.ts", "mpeg2video"), ("a.mkv", "rawvideo"), ("a.avi", "rawvideo")])
def test_a_truncated_film_plays_as_far_as_it_goes(tmp_path: Path, name: str, codec: str, kept: float) -> None:
    path = counted_film(tmp_path / name, 40, codec=codec, size=lambda _: (64, 48))
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    found, said = played(film(path, VirtualPace(), loop=False))
    assert 30 * kept <= found < 40
    assert all(one_sentence(sentence) for sentence in said)


def played(source: FileSource, most: int = 60) -> tuple[int, list[str]]:
    """How many pictures came until its end, and all that was said."""
    found, said = 0, list[str]()
    try:
        source.open()
        for _ in range(most):
            try:
                found += source.read() is not None
            except BrokenError as error:
                said.append(str(error))
    except (LostError, EndedError) as error:
        said.append(str(error))
    finally:
        source.close()
    return found, said


def one_sentence(said: str) -> bool:
    return said.startswith('file "') and "\n" not in said and len(said) < 300


@pytest.mark.parametrize("damage", ["bytes", "packets"])
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
def test_no_picture_that_rests_on_a_broken_one_is_shown(tmp_path: Path, codec: str, damage: str) -> None:
    """Noise that moves, a whole picture every ten: what is shown is as it was, and what is not is counted."""
    path = noise_film(tmp_path / "a.ts", codec)
    with av.open(str(path)) as opened:
        whole = [frame.to_ndarray().astype(int) for frame in opened.decode(video=0)]
    data, half = bytearray(path.read_bytes()), path.stat().st_size // 376
    for packet in range(half, half + 3):
        data[packet * 188 + 60 : packet * 188 + 120] = bytes(60)
    if damage == "packets":
        del data[half * 188 : (half + 3) * 188]
    path.write_bytes(data)
    pace = VirtualPace()
    reader = Reader("a", film(path, pace, loop=False), pace, say=lambda _: None)
    tap = reader.ring.tap(100)
    reader.run()
    frames, health = tap.take(), reader.health()
    assert 1 <= health.broken <= 11
    assert 49 <= len(frames) < 60
    for frame in frames:
        place = round((frame.time_s - frames[0].time_s) * 25)
        assert np.abs(frame.planes[0] - whole[place][:48]).mean() < 2.0, place


def noise_film(path: Path, codec: str) -> Path:
    noise = np.random.default_rng(1).integers(0, 255, (72, 96)).astype(np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 48, "yuv420p"
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, number, axis=1), "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_film_that_is_lost_and_comes_back(tmp_path: Path) -> None:
    path = counted_film(tmp_path / "a.nut", 3)
    kept = path.read_bytes()
    pace = VirtualPace()
    said = list[str]()
    source = film(path, pace)
    reader = Reader("a", source, pace, say=said.append)

    def waited(time_s: float, wait=pace.wait_until) -> bool:  # type: ignore[no-untyped-def]
        passed = pace.time_s - 1000.0
        if passed > 6.0:
            pace.stop()
        elif passed > 3.0:
            path.write_bytes(kept)
        elif passed > 1.0:
            path.unlink(missing_ok=True)
        return bool(wait(time_s))

    pace.wait_until = waited  # type: ignore[method-assign]
    reader.run()
    assert re.fullmatch(r'capture a: file "a.nut": cannot be opened \(No such file or directory\)', said[0])
    assert said[1:] == ['capture a: file "a.nut": is back']
    assert reader.health().state == "running"


def damaged(path: Path, edits: list[tuple[float, bytes]]) -> bytes:
    data = bytearray(path.read_bytes())
    for place, inserted in edits:
        at = int(place * len(data))
        data[at : at + len(inserted)] = inserted
    return bytes(data)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("whole")
    return {
        name: counted_film(folder / f"a.{name}", 8, codec=codec, size=lambda _: (32, 32))
        for name, codec in {"mkv": "mpeg2video", "mov": "mpeg4", "ts": "mpeg2video", "nut": "ffv1"}.items()
    }


@given(
    name=st.sampled_from(["mkv", "mov", "ts", "nut"]),
    edits=st.lists(st.tuples(st.floats(0.0, 1.0), st.binary(min_size=1, max_size=64)), min_size=1, max_size=6),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_broken_containers_give_one_sentence(
    whole: dict[str, Path], tmp_path: Path, name: str, edits: list[tuple[float, bytes]]
) -> None:
    path = tmp_path / f"broken.{name}"
    path.write_bytes(damaged(whole[name], edits))
    _, said = played(film(path, VirtualPace(), loop=False))
    assert all(one_sentence(sentence) for sentence in said)


@pytest.mark.parametrize("data", [b"", b"\0" * 5000, b"version = 1\n" * 50, b"RIFF\xff\xff\xff\xffAVI LIST"])
def test_what_is_no_film(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(data)
    with pytest.raises(LostError, match=r'^file "a.mp4": (cannot be opened \(|has no picture|holds no picture)'):
        pictures_of(path)


def pictures_of(path: Path) -> None:
    source = film(path, VirtualPace())
    source.open()
    source.read()


def test_a_play_list_opens_nothing_else(tmp_path: Path) -> None:
    """FFmpeg would read files and addresses that are named inside."""
    secret = counted_film(tmp_path / "other.nut", 3)
    for name, text in {
        "a.ffconcat": f"ffconcat version 1.0\nfile {secret.name}\n",
        "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n",
    }.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(LostError, match="cannot be opened"):
            pictures_of(tmp_path / name)


@pytest.mark.parametrize("name", FILMS)
def test_real_films(name: str) -> None:
    if not (SHARED / name).is_file():
        pytest.skip("needs the films in ../shared/data")
    size, rate, count = FILMS[name]
    pace = VirtualPace()
    source = film(SHARED / name, pace, loop=False)
    assert source.open() == rate
    found = pictures(source, min(count, 60))
    assert {frame.size for frame in found} == {size}
    np.testing.assert_allclose(np.diff([frame.time_s for frame in found]), float(1 / rate), atol=1e-9)
    source.close()


# --- sequences ------------------------------------------------------------------------------------------------------


def images(folder: Path, numbers: list[int], kind: str = "png") -> Path:
    for number in numbers:
        Image.new("RGB", (16, 8), (number, 0, 0)).save(folder / f"shot_{number:04}.{kind}")
    return folder / f"shot_{numbers[0]:04}.{kind}"


def sequence(first: Path, pace: VirtualPace, **options: object) -> SequenceSource:
    return SequenceSource(SequenceSource.Settings(first=first, **options), pace)  # type: ignore[arg-type]


def test_numbered_images_in_their_order(tmp_path: Path) -> None:
    images(tmp_path, [98, 99, 100, 102], "tif")
    Image.new("RGB", (16, 8)).save(tmp_path / "other_0099.tif")
    source = sequence(tmp_path / "shot_0099.tif", VirtualPace(), rate=Fraction(25))
    assert source.open() == 25
    found = pictures(source, 5)
    assert [int(frame.planes[0][0, 0, 0]) for frame in found] == [99, 100, 102, 99, 100]
    steps = np.rint(np.diff([frame.time_s for frame in found]) * 25).astype(int)
    assert steps.tolist() == [1, 2, 1, 1]  # 101 is missing
    assert found[0].timecode == Timecode(0, 0, 3, 24)


def test_a_broken_image_is_passed_over(tmp_path: Path) -> None:
    first = images(tmp_path, [1, 2, 3])
    (tmp_path / "shot_0002.png").write_bytes(b"no picture")
    source = sequence(first, VirtualPace(), loop=False)
    source.open()
    assert source.read() is not None
    with pytest.raises(BrokenError, match=r'^image "shot_0002.png": '):
        source.read()
    assert source.read() is not None
    with pytest.raises(EndedError):
        source.read()


@pytest.mark.parametrize("name", ["still.png", "shot_0001.exr", "shot_0001.txt"])
def test_what_is_no_sequence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(LostError, match=r"is no numbered image, such as shot_0001.png \(allowed: .png, "):
        sequence(tmp_path / name, VirtualPace()).open()
