"""Outputs that need no display, the settings of those that do, films and their words."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from vpengine.errors import UserError
from vpengine.frames.frame_input import Tick
from vpengine.gpu.context import create_headless
from vpengine.gpu.target import Target
from vpengine.output import KINDS, encoding
from vpengine.output.film import Film
from vpengine.output.headless import HeadlessOutput, HeadlessSettings
from vpengine.output.output import Surroundings
from vpengine.output.overlay import contact_sheet, inset, label
from vpengine.output.window import WindowOutput, WindowSettings

pytestmark = pytest.mark.alone

SIZE = (192, 108)
RATE = Fraction(24000, 1001)


def _bars() -> NDArray[np.uint8]:
    """Six flat bars: saturated ones are where a wrong matrix shows."""
    colors = [(200, 30, 30), (30, 180, 40), (40, 50, 200), (230, 230, 230), (128, 128, 128), (20, 20, 20)]
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    for index, color in enumerate(colors):
        image[:, index * 32 : (index + 1) * 32] = color
    return image


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_loads_and_has_strict_settings(kind: str) -> None:
    module, name = KINDS[kind].split(":")
    output = getattr(importlib.import_module(module), name)
    needed = {"stream": {"url": "udp://127.0.0.1:5000"}}.get(kind, {})
    assert output.Settings(**needed)
    with pytest.raises(ValidationError, match="colour"):
        output.Settings(**needed, colour="red")


def test_headless_counts() -> None:
    output = HeadlessOutput(HeadlessSettings(), "wall:main")
    context = create_headless()
    texture = Target(context, (4, 4), dtype="f1").color
    for number in range(3):
        output.show(texture)
        assert output.present(Tick(number, number / 24, Fraction(24)))
    assert (output.shown, output.presented) == (3, 3)


def test_a_window_without_a_display_names_the_cure() -> None:
    with pytest.raises(UserError, match="--headless"):
        WindowOutput(WindowSettings(), "wall:main", Surroundings())


def test_fullscreen_refuses_a_size() -> None:
    with pytest.raises(ValidationError, match="fullscreen"):
        WindowSettings(fullscreen=True, size=(640, 480))


def test_a_film_has_every_frame_its_exact_rate_and_true_colours(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with Film(path, SIZE, RATE) as film:
        for number in range(24):
            image = _bars()
            image[:8, : 8 * number] = 255  # a moving edge, so that frames differ
            film.write(image)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        codec = stream.codec_context
        assert (stream.average_rate, codec.name, codec.pix_fmt) == (RATE, "h264", "yuv420p")
        assert (codec.color_primaries, codec.colorspace, codec.color_trc) == (1, 1, 13)
    assert len(frames) == 24
    assert (frames[0].width, frames[0].height) == SIZE
    decoded = frames[12].to_ndarray(format="rgb24", src_colorspace="ITU709").astype(float)
    for index in range(6):
        inside = np.s_[20:100, index * 32 + 6 : index * 32 + 26]
        np.testing.assert_allclose(decoded[inside].mean(axis=(0, 1)), _bars()[inside].mean(axis=(0, 1)), atol=2.5)
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat"), "faststart"


def test_a_film_that_is_stopped_before_its_first_frame_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with pytest.raises(KeyboardInterrupt), Film(path, (64, 48), Fraction(24)):
        raise KeyboardInterrupt
    assert not path.exists()


def test_a_film_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        Film(tmp_path / "no such folder" / "film.mp4", SIZE, RATE)


def test_a_film_refuses_a_frame_of_another_size_and_ends_its_thread(tmp_path: Path) -> None:
    film = Film(tmp_path / "film.mp4", SIZE, RATE)
    with pytest.raises(ValueError, match="expected uint8"):
        film.write(np.zeros((10, 10, 3), np.uint8))
    film.write(_bars())
    film.close()
    film.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("film")]


class Fails:
    """A container of which one method fails, now or (for ever blocked) never."""

    def __init__(self, real: Any, name: str, failure: Callable[[], None]) -> None:
        self._real, self._name, self._failure = real, name, failure

    def __getattr__(self, name: str) -> Any:
        if name == self._name:
            return lambda *_: self._failure()
        return getattr(self._real, name)


def _no_space() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("method", ["mux", "close"])
@pytest.mark.parametrize("frames", [1, 60])
def test_a_full_disk_is_one_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, frames: int
) -> None:
    """While packets are written, and at the trailer, when nobody sends frames any more."""
    film = Film(tmp_path / "film.mp4", SIZE, RATE)
    film._video.container = Fails(film._video.container, method, _no_space)  # type: ignore[assignment]
    monkeypatch.setattr(encoding, "STUCK_S", 1000.0)  # nothing waits for an answer
    errors = []
    for number in range(frames + 2):
        try:
            film.write(_bars()) if number < frames else film.close()
        except UserError as error:
            errors.append(str(error))
    assert len(errors) == 1
    assert "film.mp4: encoding stopped (No space left on device)" in errors[0]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("film")]


@pytest.mark.parametrize("method", ["mux", "close"])
@pytest.mark.parametrize("frames", [1, 60])
def test_a_disk_that_does_not_answer_is_one_error_within_three_seconds(
    tmp_path: Path, method: str, frames: int
) -> None:
    answers = threading.Event()
    film = Film(tmp_path / "film.mp4", SIZE, RATE)
    film._video.container = Fails(film._video.container, method, lambda: bool(answers.wait(30.0)))  # type: ignore[assignment,return-value]
    errors, longest_s = [], 0.0
    for number in range(frames + 2):
        begun_s = time.monotonic()
        try:
            film.write(_bars()) if number < frames else film.close()
        except UserError as error:
            errors.append(str(error))
        longest_s = max(longest_s, time.monotonic() - begun_s)
    answers.set()
    film._encoding._thread.join(5.0)
    assert longest_s < 3.3
    assert len(errors) == 1
    assert "does not answer" in errors[0]


def test_an_error_in_flight_is_not_hidden_by_the_films_own(tmp_path: Path) -> None:
    film = Film(tmp_path / "film.mp4", SIZE, RATE)
    film._video.container = Fails(film._video.container, "close", _no_space)  # type: ignore[assignment]
    film.write(_bars())
    film.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)  # raises nothing of its own
    assert not film._encoding._thread.is_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="no such devices on this system")
@pytest.mark.parametrize("kind", ["folder", "fifo", "/dev/full"])
def test_a_film_goes_into_a_file(tmp_path: Path, kind: str) -> None:
    path = Path(kind) if kind.startswith("/") else tmp_path / "film.mp4"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(UserError, match="cannot be written"):
        Film(path, SIZE, RATE)


def test_a_label_is_legible_in_its_corner_and_leaves_the_rest() -> None:
    image = np.full((270, 480, 3), 140, np.uint8)
    labelled = label(image, "simulated camera", "top right")
    changed = np.argwhere((labelled != image).any(axis=-1))
    assert changed[:, 0].max() < 40
    assert changed[:, 1].min() > 240
    assert labelled.max() > 215, "light ink"
    assert labelled[changed[:, 0], changed[:, 1]].min() < 75, "on a dark plate"
    assert (image == 140).all(), "the given picture stays"


def test_an_inset_shows_the_small_picture_in_its_corner() -> None:
    out = inset(np.zeros((270, 480, 3), np.uint8), np.full((90, 160, 3), (10, 200, 30), np.uint8), 0.25)
    np.testing.assert_array_equal(out[220, 420], (10, 200, 30))
    assert not out[:150].any()


def test_a_contact_sheet_places_pictures_in_rows() -> None:
    images = [np.full((60, 80, 3), shade, np.uint8) for shade in (50, 100, 150, 200)]
    sheet = contact_sheet(images, ["plate", "neural", "", "camera"], columns=2)
    width = sheet.shape[1] // 2
    for index, shade in enumerate((50, 100, 150, 200)):
        row, column = divmod(index, 2)
        y = 30 + row * (sheet.shape[0] - 10) // 2
        np.testing.assert_array_equal(sheet[y + 10, 50 + column * width], shade)
