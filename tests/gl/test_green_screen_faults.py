"""Faults of a running green-screen stage: each is one sentence, the show goes on, and what can come back does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.capturing import counted_film, sending, sent_number
from tests.recording import command, numbers_of
from tests.stage_text import SYNTHETIC, green_stage
from vpengine import capture
from vpengine.capture.pace import Pace
from vpengine.capture.synthetic import SyntheticSource
from vpengine.cli.ports import free_port
from vpengine.compose.key import Keyer
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.tracking.protocol import LensUpdate
from vpengine.view.distortion import Distortion

pytestmark = pytest.mark.alone

SIZE = (320, 180)
SHOW = 'version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "pattern"\n'
Change = Callable[[CapturedFrame], CapturedFrame | None]


class Changed(SyntheticSource):
    """The synthetic camera, with whatever ``change`` makes of its pictures; None for none."""

    change: Change = staticmethod(lambda frame: frame)

    def read(self) -> CapturedFrame | None:
        frame = super().read()
        return None if frame is None else self.change(frame)


@pytest.fixture(autouse=True)
def changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(capture.KINDS, "synthetic", f"{__name__}:Changed")


@pytest.fixture
def make(run_text: Callable[..., Any]) -> Callable[..., Any]:
    return lambda source=SYNTHETIC: run_text(stage_of(source))


def stage_of(source: str = SYNTHETIC) -> str:
    return green_stage("composite:1", "key:1", source=source, hold_s=0.6)


def write(folder: Path, source: str = SYNTHETIC) -> Path:
    """A stage that names its show, for engines in processes of their own."""
    stage = folder / "stage.toml"
    stage.write_text(stage_of(source).replace("rate = 24\n", 'rate = 24\nshow = "show.toml"\n'), encoding="utf-8")
    (folder / "show.toml").write_text(SHOW, encoding="utf-8")
    return stage


def pictured(show: Any) -> bool:
    return "1" in show.newest.captured


def alone(show: Any) -> bool:
    """Whether the composite is the world and nothing else."""
    made = {key: light(show, key) for key in ("matched 1", "world program 1")}
    if not np.array_equal(*made.values()) or show.pixels("composite:1").max() == 0:
        return False
    return "composite 1" not in show.app.loop.executor.pictures or np.array_equal(
        light(show, "composite 1"), made["matched 1"]
    )


def light(show: Any, key: str) -> NDArray[np.float32]:
    texture = show.app.loop.executor.pictures[key].color
    width, height = texture.size
    out = np.empty((height, width, 4), np.float16)
    texture.read_into(out.data.cast("B"), alignment=1)
    return out[::-1, :, :3].astype(np.float32)


def matte(show: Any) -> NDArray[np.float64]:
    return np.asarray(show.pixels("key:1")[::-1, :, 0] / 255.0)


def alpha(show: Any) -> NDArray[np.float32]:
    """As it is in the picture of the newest frame."""
    source = SyntheticSource(SyntheticSource.Settings(resolution=SIZE, noise=0.1), Pace())
    return source.truth(sent_number(show.newest.captured["1"], source)).alpha


def change(show: Any, made: Change) -> None:
    show.app.captures.readers["1"]._source.change = made


def named_within_a_second(show: Any) -> bool:
    """Of the silence, by the engine's own clock."""
    health = show.app.captures.health()["a"]
    assert health.faults or health.age_s < 1.0
    return True


def told(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if words in record.getMessage()]


def test_a_stream_that_stops_is_named_held_left_out_and_comes_back(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    show = make(f'kind = "stream"\nurl = "udp://127.0.0.1:{port}"')
    name = f"capture a: stream udp://127.0.0.1:{port}: "
    silent = ("capture a: no picture yet", f"{name}cannot be opened")  # in its first seconds, and then
    show.until(lambda: any(words in show.app.loop.trouble() for words in silent))
    with sending(port, SIZE):
        show.until(lambda: pictured(show) and show.app.loop.trouble() == "")
    show.frames(3)
    assert pictured(show), "the last good picture is held"
    show.until(lambda: named_within_a_second(show) and "capture a: " in show.app.loop.trouble())
    show.until(lambda: not pictured(show))
    show.frames(1)
    assert alone(show)
    assert not show.pixels("key:1").any()
    with sending(port, SIZE):
        show.until(lambda: pictured(show))
        show.until(lambda: show.app.loop.trouble() == "")
    said, stopped = told(caplog, name), f"{name}reading stopped (nothing came in time)"
    assert said[said.index(stopped) :][:2] == [stopped, f"{name}is back"]


def test_a_film_that_ends_is_named_held_and_the_world_is_alone(
    make: Callable[..., Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counted_film(tmp_path / "a.mkv", 40)
    show = make('kind = "file"\nfile = "a.mkv"\nloop = false')
    show.until(lambda: 'capture a: file "a.mkv": has ended' in show.app.loop.trouble())
    show.until(lambda: not pictured(show))
    show.frames(1)
    assert alone(show)
    assert told(caplog, "capture a: ") == ['capture a: file "a.mkv": has ended']


def as_nv12(frame: CapturedFrame) -> CapturedFrame:
    luma, *chroma = ((plane >> 2).astype(np.uint8) for plane in frame.planes)
    return replace(frame, planes=(luma, np.stack([plane[::2] for plane in chroma], axis=-1)), format=FORMATS["nv12"])


def twice(frame: CapturedFrame) -> CapturedFrame:
    planes = tuple(plane.repeat(2, axis=0).repeat(2, axis=1) for plane in frame.planes)
    return replace(frame, planes=planes, size=(2 * frame.size[0], 2 * frame.size[1]))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (twice, "its picture changed from 320 x 180 yuv422p10le to 640 x 360 yuv422p10le"),
        (as_nv12, "its picture changed from 320 x 180 yuv422p10le to 320 x 180 nv12"),
        (lambda frame: as_nv12(twice(frame)), "its picture changed from 320 x 180 yuv422p10le to 640 x 360 nv12"),
    ],
    ids=["size", "format", "both"],
)
def test_another_size_or_format_is_told_once_and_the_composite_goes_on(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture, made: Change, words: str
) -> None:
    show = make()
    show.until(lambda: pictured(show))
    change(show, made)
    show.until(lambda: words in show.app.loop.trouble())
    show.until(lambda: show.newest.captured["1"].number > 12)
    assert np.abs(matte(show) - alpha(show)).mean() < 0.03
    assert not alone(show)
    assert len(told(caplog, words)) == 1
    assert show.app.loop.executor.failures == {}


def test_a_picture_that_is_too_large_is_told_once_and_the_world_is_alone(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    show = make()
    show.until(lambda: pictured(show))
    planes = tuple(np.full((2, columns), 512, np.uint16) for columns in (40_000, 20_000, 20_000))
    change(show, lambda frame: replace(frame, planes=planes, size=(40_000, 2)))
    words = "its picture is 40000 x 2; this graphics driver takes up to"
    show.until(lambda: words in show.app.loop.trouble())
    show.until(lambda: alone(show))
    show.seconds(2.0)
    assert len(told(caplog, words)) == 1
    change(show, lambda frame: frame)
    show.until(lambda: pictured(show) and not alone(show))
    assert matte(show).max() > 0.9


@pytest.mark.parametrize("tags", [Tags("bt2020", "full", "smpte2084"), Tags(None, None, "nobody's")])
def test_other_tags_in_mid_run_are_followed(make: Callable[..., Any], tags: Tags) -> None:
    show = make()
    show.until(lambda: pictured(show))
    change(show, lambda frame: replace(frame, tags=tags))
    show.until(lambda: pictured(show) and show.newest.captured["1"].tags == tags)
    show.frames(5)
    assert show.app.loop.executor.failures == {}
    assert np.isfinite(light(show, "composite 1")).all()


def test_a_lens_that_cannot_be_is_refused_in_one_sentence(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    show = make()
    show.until(lambda: pictured(show))
    show.frames(1)
    before = light(show, "matched 1")
    for k1 in (5.0, -3.0, 1e9):
        broken = Distortion((k1, 0.0, 0.0, 0.0, 0.0, 0.0))
        show.app.cameras._updates.put("1", LensUpdate("1", distortion=broken))
        show.frames(3)
        np.testing.assert_array_equal(light(show, "matched 1"), before)
    assert len(told(caplog, "camera 1: the distortion that its tracker sends is left out: ")) == 1
    believed = Distortion((-2e-4, 0.0, 0.0, 0.0, 0.0, 0.0))
    show.app.cameras._updates.put(
        "1", LensUpdate("1", distortion=believed, time_s=0.0)
    )  # before the picture was captured
    show.frames(2)
    assert np.abs(light(show, "matched 1") - before).max() > 0.0
    assert show.app.loop.executor.failures == {}


def test_a_keyer_that_fails_leaves_the_world_alone_and_comes_back(
    make: Callable[..., Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = make()
    show.until(lambda: pictured(show))
    show.frames(1)
    assert not alone(show)
    with monkeypatch.context() as patch:

        def fails(*args: object, **options: object) -> None:
            raise RuntimeError("the program does not link")

        patch.setattr(Keyer, "draw", fails)
        show.seconds(4.0)
        assert pictured(show)
        assert alone(show)
    words = "key 1 failed (RuntimeError: the program does not link); the world is shown alone. It is tried again."
    assert told(caplog, "failed") == [words]
    show.until(lambda: not alone(show))
    show.frames(1)
    assert np.abs(matte(show) - alpha(show)).mean() < 0.04


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process's files")
def test_a_full_disk_ends_the_raw_picture_and_the_next_take_has_it_again(tmp_path: Path) -> None:
    """No file may be larger than 1.5 MB for one take. Then there is room."""
    stage, takes = write(tmp_path), tmp_path / "takes"
    done = subprocess.run(
        command(stage, takes, 3.0, 1_500_000), capture_output=True, text=True, timeout=300.0, check=True
    )
    assert int(done.stdout.splitlines()[-1].split()[1]) > 60, "the show went on"
    lines = [line for line in done.stderr.splitlines() if "picture:1" in line]
    (said,) = [line for line in lines if "did not come in time" not in line]  # as where this machine is slow
    assert "File too large" in said
    assert "the next take is tried again" in said
    film = takes / "take-1" / "picture-1.mkv"
    assert film.stat().st_size <= 1_500_000
    full, _ = numbers_of(film)
    assert len(full) >= 3
    assert full == sorted(set(full))  # the camera leaves out pictures where this machine is too slow for it
    assert len(numbers_of(takes / "take-2" / "picture-1.mkv")[0]) > 8
