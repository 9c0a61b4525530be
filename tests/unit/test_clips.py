"""Clips by place: the picture that a place has, in order and after a jump, against FFmpeg's own order."""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.capturing import HELD, assert_held, counted_film, held_film, shown_number
from vpengine.frames.captured import CapturedFrame
from vpengine.media.clips import Clip, ImageClip, VideoClip
from vpengine.media.decoding import BrokenError, LostError
from vpengine.media.images import image_frame, numbered_images
from vpengine.media.pictures import captured

SHARED = Path(__file__).parents[3] / "shared" / "data"
BUNNY = SHARED / "video" / "bigbuckbunny_720p25.mp4"


def places(clip: Clip[CapturedFrame]) -> list[tuple[int, int]]:
    """(place, number) of every picture from here on."""
    found = []
    while (each := clip.next()) is not None:
        found.append((each[0], shown_number(each[1])))
    return found


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.mp4", "mpeg4"), ("a.ts", "mpeg2video")])
def test_every_picture_stands_at_its_place(tmp_path: Path, name: str, codec: str) -> None:
    clip = VideoClip(counted_film(tmp_path / name, 12, codec=codec))
    assert (clip.rate, clip.length, clip.size) == (25, 12, (16, 16))
    assert places(clip) == [(n, n) for n in range(12)]
    for place in (7, 0, 11, 3):
        clip.seek(place)
        assert places(clip) == [(n, n) for n in range(place, 12)]
    clip.close()


def test_a_rate_of_23_976_drifts_by_nothing(tmp_path: Path) -> None:
    clip = VideoClip(counted_film(tmp_path / "a.mkv", 200, Fraction(24000, 1001)))
    assert clip.rate == Fraction(24000, 1001)
    assert [place for place, _ in places(clip)] == list(range(200))
    clip.close()


def test_where_pictures_are_missing_the_one_before_is_shown(tmp_path: Path) -> None:
    clip = VideoClip(counted_film(tmp_path / "a.mkv", 4, numbers=lambda n: (0, 1, 5, 6)[n]))
    assert clip.length == 7
    assert places(clip) == [(0, 0), (1, 1), (5, 2), (6, 3)]
    clip.seek(3)
    assert places(clip) == [(3, 1), (5, 2), (6, 3)]
    clip.close()


@pytest.mark.skipif(not BUNNY.is_file(), reason="the shared data is not here")
def test_a_film_of_long_groups_is_entered_anywhere() -> None:
    """H.264 with B pictures: after a jump come the same pictures as FFmpeg decodes from the beginning."""
    with av.open(str(BUNNY)) as film:
        expected = [frame.to_ndarray()[:720] for frame in film.decode(video=0)]
    clip = VideoClip(BUNNY)
    assert clip.length == len(expected) == 132
    for place in (131, 0, 66, 65, 12):
        clip.seek(place)
        found = clip.next()
        assert found is not None
        assert found[0] == place
        assert np.array_equal(found[1].planes[0], expected[place])
    clip.close()


def test_what_is_no_film_is_one_sentence(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no film")
    with pytest.raises(LostError, match=r'clip "notes\.mp4": cannot be opened'):
        VideoClip(text)


def test_a_film_that_is_cut_off_is_shown_to_where_it_ends(tmp_path: Path) -> None:
    whole = counted_film(tmp_path / "a.mkv", 12)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    clip, found = VideoClip(cut), []
    with suppress(BrokenError, LostError):
        while (each := clip.next()) is not None:
            found.append((each[0], shown_number(each[1])))
    assert 4 <= len(found) < 12
    assert found == [(n, n) for n in range(len(found))]
    clip.close()


def test_samples_that_an_edit_list_hides_are_not_counted(tmp_path: Path) -> None:
    """As ``ffmpeg -ss -c copy`` trims: 40 pictures are stored, and 20 are shown."""
    film = bytearray(counted_film(tmp_path / "a.mp4", 40, codec="mpeg4").read_bytes())
    edit = film.index(b"elst") + 12
    struct.pack_into(">I", film, edit, 800)  # of 1,600 ms
    (tmp_path / "trimmed.mp4").write_bytes(film)
    clip = VideoClip(tmp_path / "trimmed.mp4")
    assert clip.length == len(places(clip)) == 20
    clip.close()


def test_a_transport_stream_that_was_cut_in_a_group_lasts_from_its_first_whole_picture(tmp_path: Path) -> None:
    """Of groups of twelve the first has lost its beginning: it cannot be decoded, and no loop waits for it."""
    whole, cut = tmp_path / "a.ts", tmp_path / "cut.ts"
    with av.open(str(whole), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"x264-params": "keyint=12:min-keyint=12:scenecut=0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(40):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((96, 64), 16 + number, np.uint8), "yuv420p")))
        film.mux(stream.encode(None))
    with av.open(str(whole)) as film, av.open(str(cut), "w") as out:
        stream = out.add_stream_from_template(film.streams.video[0])
        for packet in [each for each in film.demux(video=0) if each.size][5:]:
            packet.stream = stream
            out.mux(packet)
    clip = VideoClip(cut)
    found = [place for place, _ in places(clip)]
    assert found == list(range(28)), "from the second group on"
    assert clip.length == 28
    clip.close()


@pytest.mark.parametrize(("degrees", "rows"), HELD)
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv422p10le"])
def test_a_clip_hangs_as_its_camera_was_held(tmp_path: Path, pixels: str, degrees: int, rows: str) -> None:
    clip = VideoClip(held_film(tmp_path / "held.mkv", degrees, pixels))
    _, shown = clip.next() or pytest.fail("no picture")
    clip.close()
    assert_held(shown, rows)
    assert clip.size == shown.size
    assert clip.aspect == pytest.approx(shown.size[0] / shown.size[1])


def images(folder: Path, *numbers: int) -> Path:
    for number in numbers:
        Image.fromarray(np.full((16, 16, 3), 16 + 8 * number, np.uint8)).save(folder / f"shot_{number:04}.png")
    return folder / f"shot_{numbers[0]:04}.png"


def test_numbered_images_are_a_clip(tmp_path: Path) -> None:
    """1003 is missing: 1002 is shown a picture longer, also after a jump to there."""
    files = numbered_images(images(tmp_path, 1, 2, 4, 5), [".png"], "sequence")
    clip = ImageClip(files, Fraction(24), 1.0, lambda path: captured(image_frame(path), 0.0))
    assert (clip.rate, clip.length) == (24, 5)
    assert places(clip) == [(0, 1), (1, 2), (3, 4), (4, 5)]
    clip.seek(2)
    assert places(clip) == [(2, 2), (3, 4), (4, 5)]


def test_an_image_that_is_none_is_named_and_the_next_one_comes(tmp_path: Path) -> None:
    files = numbered_images(images(tmp_path, 1, 2, 3), [".png"], "sequence")
    files[1][1].write_text("no image")
    clip = ImageClip(files, Fraction(24), 1.0, lambda path: captured(image_frame(path), 0.0))
    assert clip.next() is not None
    with pytest.raises(BrokenError, match=r'image "shot_0002\.png"'):
        clip.next()
    assert places(clip) == [(2, 3)]
