"""The delay of a film from the hand, of a green screen with markers and an actor who walks before it, told over UDP."""

from __future__ import annotations

import math
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.green_film import LENS, RATE, write_film
from vpengine.capture.reader import Reader
from vpengine.capture.readers import reader_of
from vpengine.cli.calibrate_delay import KeptPoses, Measured, Motion, found_in, look, rate_of, told
from vpengine.cli.ports import free_port
from vpengine.files import read_files
from vpengine.mailbox import Newest
from vpengine.tracking.moves import MOVES
from vpengine.tracking.osc import encode_pose
from vpengine.tracking.protocol import LensUpdate
from vpengine.tracking.receiver import Receiver
from vpengine.tracking.sources import sources_of

pytestmark = pytest.mark.alone

SECONDS = 5.5
MOVE = MOVES["handheld"](3)
FRAMES_LATE = (0.0, 1.0, 3.5, 6.0, 12.0)  # of the film after each camera's tracker
CAMERAS = tuple(str(number) for number in range(1, len(FRAMES_LATE) + 1))
TRACKER_HZ = 100.0


def write_stage(folder: Path, ports: list[int]) -> Path:
    text = 'version = 1\n[stage]\nname = "Green"\nrate = 24\nshow = "show.toml"\n'
    for name, port in zip(CAMERAS, ports, strict=True):
        text += f'[[camera]]\nid = "{name}"\nsensor_mm = [24.0, 13.5]\npinhole_focal_length_mm = 24.0\n'
        text += f'[[tracking]]\nkind = "osc"\ncamera = "{name}"\nport = {port}\n'
    text += '[[capture]]\nid = "a"\nkind = "file"\ncamera = "1"\nfile = "film.mkv"\nloop = false\n'
    text += '[[output]]\nkind = "headless"\nfeed = "composite:1"\n[control]\nosc_port = 0\n'
    (folder / "show.toml").write_text('version = 1\nshow.name = "x"\n[[scene]]\nslug = "a"\nplate.kind = "pattern"\n')
    stage = folder / "stage.toml"
    stage.write_text(text, encoding="utf-8")
    return stage


@contextmanager
def trackers(ports: list[int], reader: Reader) -> Iterator[None]:
    """One for each camera, by the film's own time: the film shows at any moment where it said FRAMES_LATE before."""
    ended = threading.Event()

    def send() -> None:
        while (first := reader.ring.newest()) is None:
            if ended.wait(0.01):
                return
        begun_s = first.time_s - float(first.number / RATE)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            while not ended.wait(1.0 / TRACKER_HZ):
                for name, port, frames in zip(CAMERAS, ports, FRAMES_LATE, strict=True):
                    pose = MOVE(time.monotonic() - begun_s + float(frames / RATE))
                    assert pose is not None
                    door.sendto(encode_pose(name, pose), ("127.0.0.1", port))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.mark.slow
def test_the_delay_is_found_though_an_actor_walks(tmp_path: Path) -> None:
    """Within a quarter of a picture's time, and within what it says itself, for five trackers of one film."""
    write_film(tmp_path / "film.mkv", MOVE, SECONDS)
    ports = [free_port() for _ in CAMERAS]
    files = read_files(write_stage(tmp_path, ports), None, False)
    (section,) = files.stage.captures
    poses, motion = {name: KeptPoses() for name in CAMERAS}, Motion()
    lenses: Newest[str, LensUpdate] = Newest()
    receiver = Receiver(sources_of(files.stage.tracking, files.of), poses, lenses)
    reader = reader_of(section, files.of(section.source), say=lambda _: None)
    receiver.start()
    reader.start()
    try:
        with trackers(ports, reader):
            look(reader, motion, SECONDS + 0.3)
    finally:
        reader.stop()
        receiver.stop()
    assert motion.frames > 0.95 * SECONDS * RATE, "this machine could not measure them as they came"
    for name, frames in zip(CAMERAS, FRAMES_LATE, strict=True):
        found = found_in(motion, poses[name], LENS.pinhole_focal_length_mm, LENS.sensor_mm[0])
        off = found.delay_s * float(RATE) - frames
        print(
            f"{frames:4} frames: off by {off:+.3f}, sure to {found.within_s * float(RATE):.3f}, {found.explained:.2f}"
        )
        assert found.fault == ""
        assert abs(off) < 0.25
        assert abs(off) < max(2.0 * found.within_s * float(RATE), 0.1)
        assert found.within_s * float(RATE) < 0.25
        assert found.explained > 0.85
    measured = Measured(found, motion.frames, rate_of(motion))
    said, write = told(section, found, measured.rate, 0.0)
    assert re.search(r"its picture is \d+\.\d ms later than its tracker \(1[12]\.\d\d pictures at 24 a", said), said
    late_ms = re.search(r"write latency_ms = (\d+\.\d) into the", write)
    assert late_ms
    assert math.isclose(float(late_ms[1]), 500.0, abs_tol=0.25 / 24 * 1e3)
