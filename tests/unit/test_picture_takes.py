"""Cameras' own pictures with takes: from ROLL to CUT, whatever becomes of the camera meanwhile."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.capturing import Told, VirtualPace, grey
from tests.waiting import until
from vpengine.capture.reader import Reader
from vpengine.control.takes import TakeName
from vpengine.media.decoding import LostError
from vpengine.picture_takes import PictureTakes

pytestmark = pytest.mark.alone


def test_the_rate_is_the_one_that_the_camera_says_when_its_pictures_come(tmp_path: Path) -> None:
    """ROLL while it is opened: nobody knows it. It comes back with another in the middle of the take."""

    def frames() -> object:
        return takes.report()[0]["frames"]

    def comes_back_as_50p() -> None:
        until(lambda: frames() == 3)
        source._rate = Fraction(50)

    pace = VirtualPace()
    pictures = [grey(pace.now_s() + number / 25, (64, 36)) for number in range(6)]
    source = Told(pace, [*pictures[:3], comes_back_as_50p, LostError("unplugged"), *pictures[3:]], Fraction(25))
    reader = Reader("1", source, pace, say=lambda _: None)
    takes = PictureTakes({"1": reader}, Fraction(24), lambda _: tmp_path)
    takes.note(TakeName())
    reader.run()
    takes.end()
    takes.wait()
    (row,) = takes.report()
    assert (row["frames"], row["whole"]) == (6, True)
    assert {path.name: rate_of(path) for path in sorted(tmp_path.glob("*.mkv"))} == {
        "picture-1.mkv": 25,
        "picture-1-2.mkv": 50,
    }


def rate_of(path: Path) -> Fraction | None:
    with av.open(str(path)) as container:
        return container.streams.video[0].average_rate
