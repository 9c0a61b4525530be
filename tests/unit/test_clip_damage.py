"""Films and image sequences with damage anywhere: pictures, or our own sentences, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.capturing import counted_film
from tests.damage import CASES, LIMIT_S, damaged
from vpengine.errors import UserError
from vpengine.media.ahead import Ahead
from vpengine.media.clips import ImageClip, VideoClip
from vpengine.media.decoding import BrokenError
from vpengine.media.images import image_frame
from vpengine.media.pictures import captured

FILMS = {"a.mkv": "ffv1", "a.mp4": "mpeg4", "a.ts": "mpeg2video", "b.mkv": "mpeg4"}


def read_all(path: Path) -> int:
    """How many pictures come, in order and after a jump. Raises UserError."""
    clip, count = VideoClip(path), 0
    try:
        for place in (0, clip.length // 2):
            clip.seek(min(place, 1000))
            for _ in range(20):
                with suppress(BrokenError):
                    if clip.next() is None:
                        break
                    count += 1
    finally:
        clip.close()
    return count


@pytest.mark.timeout(LIMIT_S)
def test_films_end_in_pictures_or_in_one_sentence(tmp_path: Path) -> None:
    shown, sentences = 0, []
    for name, codec in FILMS.items():
        content = counted_film(tmp_path / name, 6, codec=codec, size=lambda _: (32, 32)).read_bytes()
        for number in range(CASES):
            path = tmp_path / f"damaged{Path(name).suffix}"
            path.write_bytes(damaged(content, number))
            try:
                shown += read_all(path) > 0
            except UserError as error:
                sentences.append(str(error))
    assert all("damaged" in sentence and "\n" not in sentence for sentence in sentences)
    assert shown > CASES // 4
    assert len(sentences) > CASES // 4


@pytest.mark.timeout(LIMIT_S)
def test_images_end_in_pictures_or_in_one_sentence(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (24, 32, 3)).astype(np.uint8)
    shown, sentences = 0, []
    for suffix in (".png", ".jpg", ".tif", ".bmp"):
        Image.fromarray(pixels).save(tmp_path / f"a{suffix}")
        content = (tmp_path / f"a{suffix}").read_bytes()
        for number in range(CASES):
            path = tmp_path / f"damaged{suffix}"
            path.write_bytes(damaged(content, number))
            clip = ImageClip([(1, path)], Fraction(24), 1.0, lambda path: captured(image_frame(path), 0.0))
            try:
                shown += clip.next() is not None
            except BrokenError as error:
                sentences.append(str(error))
    assert all("damaged" in sentence and "\n" not in sentence for sentence in sentences)
    assert shown > CASES // 4
    assert len(sentences) > CASES // 4


def test_a_clip_that_is_damaged_in_the_middle_is_played_to_its_end(tmp_path: Path) -> None:
    """Of 60 pictures two in the middle are overwritten: the others are shown at their places, and the loop goes on."""
    path = counted_film(tmp_path / "a.mkv", 60, codec="ffv1", size=lambda _: (64, 64))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(data)
    ahead = Ahead(VideoClip(path), "a.mkv", lambda frame: frame.nbytes)
    places = [each[0] for place in range(120) if ahead.wait_for(place, 5.0) and (each := ahead.shown(place))]
    ahead.close()
    late = [place - shown for place, shown in enumerate(places)]
    assert len(places) == 120
    assert sum(behind > 0 for behind in late) <= 40
    assert late[59] == 0
    assert late[119] == 0
