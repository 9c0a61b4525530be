"""A running engine records its feeds: each frame of the feed is the file's, in order, with a take or all the time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pytest

from tests.recording import (
    command,
    move,
    numbers_of,
    recording,
    recordings,
    reports,
    run_frames,
    running,
    shown,
    with_outputs,
)
from tests.waiting import until
from vpengine.app import App, RunOptions
from vpengine.cli.ports import free_port
from vpengine.control.triggers import TakeTrigger
from vpengine.errors import ProblemsError
from vpengine.gpu.feed_reader import IN_FLIGHT, FeedReader
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.output.recording import RecordingOutput
from vpengine.output.stream import StreamOutput

LINUX = sys.platform == "linux"


def test_every_frame_of_a_feed_is_in_its_file_in_order(small_stage: Path, tmp_path: Path) -> None:
    """Headless. Lossless to the bit; the proxy and ProRes within what their codecs lose."""
    outputs = [
        recording("wall:main", "ffv1", when="always", name="lossless"),
        recording("wall:main", "h264", when="always", name="proxy"),
        recording("world:1", "prores4444", when="always", name="edit"),
    ]
    with running(with_outputs(small_stage, *outputs), tmp_path) as app:
        seen = run_frames(app, 30, ("wall:main", "world:1"))
        before = app.outputs
    folder = tmp_path / "recordings"
    assert [opened.report()[0]["dropped"] for _, opened in before if isinstance(opened, RecordingOutput)] == [0, 0, 0]
    for name, feed, mean, most in (
        ("lossless.mkv", "wall:main", 0.0, 0.0),
        ("proxy.mp4", "wall:main", 6.0, 90.0),
        ("edit.mov", "world:1", 2.0, 40.0),
    ):
        numbers, frames = numbers_of(folder / name)
        assert numbers == list(range(30)), name
        matrix = {} if name.endswith("mkv") else {"src_colorspace": "ITU709"}
        for frame, pictures in zip(frames, seen, strict=True):
            expected = pictures[feed][: frame.height, : frame.width, :3].astype(float)
            error = frame.to_ndarray(format="rgb24", **matrix).astype(float) - expected
            assert np.abs(error).mean() <= mean, name
            assert np.quantile(np.abs(error), 0.999) <= most, name  # a line a pixel wide has half of its colour
            # The way back to RGB rounds down, by 1.4 of noise; the luma in the file is right within 0.02.
            assert np.abs(error.mean(axis=(0, 1))).max() <= min(mean, 3.0), f"{name} has another color"
    assert np.abs(seen[0]["wall:main"].astype(float) - seen[29]["wall:main"]).max() > 20.0, "frames differ at all"


def test_only_while_a_take_rolls_and_into_its_folder(small_stage: Path, tmp_path: Path) -> None:
    """From the very frame that rolls until the last before the cut; and each take has its own."""
    stage = with_outputs(small_stage, recording("wall:main", "ffv1"))
    with running(stage, tmp_path) as app:
        run_frames(app, 5, ())
        seen = []
        for count in (12, 7):
            app.inbox.add(TakeTrigger("roll"))
            seen.append(run_frames(app, count, ("wall:main",)))
            app.inbox.add(TakeTrigger("cut"))
            run_frames(app, 3, ())
        until(lambda: [each["frames"] for each in reports(app)] == [12, 7])
        assert all(each["whole"] and each["dropped"] == 0 for each in reports(app))
    for number, pictures in enumerate(seen, 1):
        take = tmp_path / "takes" / f"take-{number}"
        assert (take / "frames.jsonl").is_file()
        numbers, frames = numbers_of(take / "wall-main.mkv")
        assert numbers == list(range(len(pictures)))
        for frame, picture in zip(frames, pictures, strict=True):
            np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), picture["wall:main"][..., :3])
        rolls = json.loads((take / "take.json").read_text(encoding="utf-8"))["rolls_at_tick"]
        with av.open(str(take / "wall-main.mkv")) as container:
            assert f"tick {rolls}," in container.metadata["COMMENT"]
        ticks = [json.loads(line)["timing"]["sequenceNumber"] for line in _lines(take / "wall-main.opentrackio.jsonl")]
        assert ticks == numbers
    assert not (tmp_path / "recordings").exists()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_a_take_ends_though_the_next_one_rolls_and_pictures_are_late(
    small_stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a graphics card, where something is always in flight: no picture goes into another take's file."""
    stage = with_outputs(small_stage, recording("wall:main", "ffv1"))
    with running(stage, tmp_path) as app:
        (output,) = recordings(app)
        reader = output._reader
        monkeypatch.setattr(reader, "_now", False)
        late = lambda wait=False, real=reader.collect: real(wait or len(reader.pending) > 1)  # noqa: E731
        monkeypatch.setattr(reader, "collect", late)
        app.run_frames(2)
        app.inbox.add(TakeTrigger("roll"))
        app.run_frames(6)
        app.inbox.add(TakeTrigger("cut"))
        app.inbox.add(TakeTrigger("roll"))
        app.run_frames(9)
        until(lambda: not any(session.encoding.running for session in output._ending))
        app.run_frames(1)
        assert next(each["frames"] for each in reports(app)) == 6
        assert output._session is not None
    assert [each["frames"] for each in output.report()] == [6, 10]
    assert all(each["dropped"] == 0 for each in output.report())


def test_the_world_is_recorded_as_light_with_depth(small_stage: Path, tmp_path: Path) -> None:
    """Though nothing is generated, which is when nobody else asks how far the world is."""
    stage = with_outputs(small_stage, recording("world:1", "exr", name="post"), recording("wall:main", "h264"))
    with running(stage, tmp_path) as app:
        app.run_frames(2)
        app.inbox.add(TakeTrigger("roll"))
        worlds = []
        for _ in range(4):
            app.run_frames(1)
            picture = app.loop.executor.pictures["world program 1"]
            color, depth = (
                np.empty((*picture.color.size[::-1], n), kind) for n, kind in ((4, np.float16), (1, np.float32))
            )
            picture.color.read_into(color.data.cast("B"), alignment=1)
            picture.depth.read_into(depth.data.cast("B"), alignment=1)
            worlds.append((color[::-1].copy(), depth[::-1, :, 0].copy(), picture.view))
        app.inbox.add(TakeTrigger("cut"))
        app.run_frames(2)
    folder = tmp_path / "takes" / "take-1" / "post"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"post.{number:06}.exr" for number in range(1, 5)]
    for name, (color, depth_m, view) in zip(names, worlds, strict=True):
        read = oiio.ImageInput.open(str(folder / name))
        pixels, spec = read.read_image(0, 0, 0, 5, oiio.FLOAT), read.spec()
        read.close()
        np.testing.assert_array_equal(pixels[..., :4], color.astype(np.float32))
        np.testing.assert_array_equal(pixels[..., 4], depth_m)
        assert np.isfinite(depth_m).any()
        found = {each.name: each.value for each in spec.extra_attribs}["worldToCamera"]
        np.testing.assert_allclose(np.array(found).reshape(4, 4).T, view.view_from_stage, atol=1e-5)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (
            recording("camera:1", "exr"),
            'output[1].format: found "exr", which is for the world as light; camera:1 is code',
        ),
        (
            recording("wall:main", "h264", folder="../elsewhere"),
            "output[1].folder: found '../elsewhere', which lies outside",
        ),
    ],
)
def test_a_section_that_cannot_be_is_told(small_stage: Path, output: str, says: str) -> None:
    with pytest.raises(ProblemsError) as found:
        App(RunOptions(with_outputs(small_stage, output), headless=True))
    assert says in str(found.value)


def test_pictures_that_find_no_room_are_counted_and_the_others_stay_in_time(
    small_stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encoder that stands still for a while; the frames go on meanwhile."""
    stage = with_outputs(small_stage, recording("wall:main", "ffv1", when="always", name="a"))
    goes = threading.Event()
    with running(stage, tmp_path) as app:
        (output,) = recordings(app)
        monkeypatch.setattr(output, "_place", lambda *a, real=output._place: (goes.wait(30.0), real(*a))[1])
        seen = []
        for number in range(40):
            move(app, number)
            app.run_frames(1)
            seen.append(shown(app, "wall:main"))
        (before,) = reports(app)
        assert before["dropped"] == 40 - 24, "a second's frames wait"
        goes.set()
        assert output._session is not None
        until(lambda: not output._session.encoding._items)
        seen += [each["wall:main"] for each in run_frames(app, 5, ("wall:main",))]
    (after,) = output.report()
    assert (after["frames"], after["dropped"]) == (29, 16)
    numbers, frames = numbers_of(tmp_path / "recordings" / "a.mkv")
    assert numbers == [*range(24), *range(40, 45)]
    for number, frame in zip(numbers, frames, strict=True):
        np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), seen[number][..., :3])
    lines = _lines(tmp_path / "recordings" / "a.chan")
    assert [int(line.split()[0]) for line in lines] == list(range(1, 46)), "the camera is told of in all of them"


@pytest.mark.skipif(not LINUX, reason="kill -9")
def test_a_kill_costs_the_last_second_at_most(small_stage: Path, tmp_path: Path) -> None:
    """Of what had been encoded: how far an encoder gets is the machine's."""
    outputs = [
        recording("wall:main", "h264"),
        recording("wall:main", "ffv1", name="lossless"),
        recording("world:1", "prores4444"),
    ]
    stage, takes = with_outputs(small_stage, *outputs), tmp_path / "takes"
    with subprocess.Popen(command(stage, takes, 60.0), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        encoded: list[int] = []
        while min(encoded, default=0) < 72:
            encoded = [int(each) for each in process.stdout.readline().split()]
        process.send_signal(signal.SIGKILL)
        process.wait(30.0)
    take = takes / "take-1"
    for name, frames in zip(("wall-main.mp4", "lossless.mkv", "world-1.mov"), encoded, strict=True):
        numbers, _ = numbers_of(take / name)
        with av.open(str(take / name)) as container:
            said = container.metadata.get("comment") or container.metadata["COMMENT"]
        assert "tick " in said
        assert frames - len(numbers) <= 24, f"{name} has {len(numbers)} of {frames} frames"
    assert len(_lines(take / "wall-main.chan")) >= encoded[0] - 24


@pytest.mark.alone
@pytest.mark.skipif(not LINUX, reason="limits of a process's files")
def test_a_full_disk_is_one_sentence_and_the_show_and_the_other_outputs_go_on(
    small_stage: Path, tmp_path: Path
) -> None:
    """No file may be larger than 400 kB for one take: ProRes is, the proxy and the log are not. Then there is room."""
    outputs = [recording("world:1", "prores4444"), recording("wall:main", "h264")]
    stage, takes = with_outputs(small_stage, *outputs), tmp_path / "takes"
    done = subprocess.run(
        command(stage, takes, 3.0, 400_000), capture_output=True, text=True, timeout=100.0, check=True
    )
    assert int(done.stdout.splitlines()[-1].split()[1]) > 60, "the show went on"
    said = [line for line in done.stderr.splitlines() if "world-1.mov" in line]
    assert len(said) == 1, done.stderr
    assert "File too large" in said[0]
    assert "the next take is tried again" in said[0]
    full, _ = numbers_of(takes / "take-1" / "world-1.mov")
    assert (takes / "take-1" / "world-1.mov").stat().st_size <= 400_000
    assert len(full) >= 3
    proxy, _ = numbers_of(takes / "take-1" / "wall-main.mp4")
    assert len(proxy) > len(full)
    assert proxy[-1] > 48
    again, _ = numbers_of(takes / "take-2" / "world-1.mov")
    assert len(again) > 12


@pytest.mark.skipif(not LINUX or os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_is_really_full(small_stage: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", small], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        outputs = [recording("world:1", "prores4444", folder="small"), recording("wall:main", "h264")]
        stage, takes = with_outputs(small_stage, *outputs), tmp_path / "takes"
        done = subprocess.run(command(stage, takes, 3.0), capture_output=True, text=True, timeout=100.0, check=True)
        assert "No space left on device" in done.stderr
        (video,) = small.glob("*.mov")
        assert len(numbers_of(video)[0]) >= 1
        assert len(numbers_of(takes / "take-1" / "wall-main.mp4")[0]) > 48
    finally:
        subprocess.run(["umount", small], check=True)


def test_what_comes_down_is_what_was_there_then_and_no_more_is_in_flight_than_may_be(engine: Gpu) -> None:
    """As on a graphics card, which is not done yet: pictures come when their fences pass, in order."""
    reader: FeedReader[int] = FeedReader(engine)
    reader._now = False
    targets = [Target(engine.context, (8, 4), dtype="f1") for _ in range(IN_FLIGHT + 1)]
    for number, target in enumerate(targets):
        target.framebuffer.clear(red=number / 10.0, alpha=1.0)
        assert reader.begin(number, (target.color,)) == (number < IN_FLIGHT)
    came = list(reader.collect(wait=True))
    assert [number for number, _ in came] == list(range(IN_FLIGHT))
    for number, (pixels,) in came:
        assert pixels.shape == (4, 8, 4)
        assert (pixels[..., 0] == round(25.5 * number)).all()
    assert not reader.pending
    reader.give_back(came[0][1])
    reader.begin(9, (targets[1].color,))
    ((_, (again,)),) = list(reader.collect(wait=True))
    assert again is came[0][1][0], "arrays are used again"
    reader.release()


@pytest.mark.alone
def test_a_stream_is_received_over_udp(small_stage: Path, tmp_path: Path) -> None:
    """By FFmpeg, over a real socket: H.264 in MPEG-TS, what the feed showed."""
    port = free_port()
    stage = with_outputs(small_stage, f'kind = "stream"\nfeed = "wall:main"\nurl = "udp://127.0.0.1:{port}"\n')
    received: list[av.VideoFrame] = []

    def receive() -> None:
        url = f"udp://127.0.0.1:{port}?timeout=20000000"
        with av.open(url, format="mpegts", options={"probesize": "100000"}) as container:
            for frame in container.decode(container.streams.video[0]):
                received.append(frame)
                if len(received) == 20:
                    return

    receiver = threading.Thread(target=receive)
    receiver.start()
    with App(RunOptions(stage, headless=True, remember=False)) as app:
        app.wait_until_ready()
        end_s = time.monotonic() + 30.0
        while receiver.is_alive() and time.monotonic() < end_s:
            app.run_frames(4)
        picture = shown(app, "wall:main")
        (figures,) = reports(app)
    receiver.join(5.0)
    assert len(received) == 20
    assert figures["frames"] >= 20
    assert figures["to"] == f"stream udp://127.0.0.1:{port}"
    error = np.abs(received[-1].to_ndarray(format="rgb24", src_colorspace="ITU709").astype(float) - picture[..., :3])
    assert error.mean() < 6.0
    assert picture[..., :3].std() > 10.0, "there is something to see"


def test_a_protocol_that_ffmpeg_lacks_is_one_sentence(
    small_stage: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        av.open("srt://127.0.0.1:1?mode=caller", "w", format="mpegts", options={"timeout": "1"}).close()
    except av.error.ProtocolNotFoundError:
        pass
    except Exception:  # noqa: BLE001  it is there, and nobody listens
        pytest.skip("this FFmpeg has SRT")
    stage = with_outputs(small_stage, 'kind = "stream"\nfeed = "wall:main"\nurl = "srt://127.0.0.1:9999"\n')
    with running(stage, tmp_path) as app:
        (stream,) = [opened for _, opened in app.outputs if isinstance(opened, StreamOutput)]
        app.run_frames(1)
        until(lambda: stream._encoding is None or stream._encoding.error is not None)
        app.run_frames(5)
        assert app.loop.times.frames == 6
    said = [record.getMessage() for record in caplog.records if "stream srt" in record.getMessage()]
    assert len(said) == 1
    assert "FFmpeg was built without it here" in said[0]
