"""Recording in tests: a small stage that records, and a run of it in a process of its own, to be killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from tests.waiting import until
from vpengine.app import App, RunOptions
from vpengine.control import declared
from vpengine.output.recording import RecordingOutput

RATE = Fraction(24)


def with_outputs(stage: Path, *outputs: str) -> Path:
    """The small stage with [[output]] sections besides its own; nobody is listened to."""
    text = stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    sections = "".join(f"[[output]]\n{output}\n" for output in outputs)
    stage.write_text(text.replace("[[tracking]]", f"{sections}[[tracking]]"), encoding="utf-8")
    return stage


def numbers_of(path: Path, rate: Fraction = RATE) -> tuple[list[int], list[av.VideoFrame]]:
    """A video's frames, and their numbers by their times. What is broken at its end is passed over, as players do."""
    numbers, frames = [], []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        try:
            for frame in container.decode(stream):
                assert frame.pts is not None
                assert stream.time_base is not None
                numbers.append(round(float(frame.pts * stream.time_base * rate)))
                frames.append(frame)
        except (av.error.InvalidDataError, av.error.EOFError):
            pass
    return numbers, frames


SCRIPT = """\
import logging, resource, signal, sys
from pathlib import Path
from vpengine.app import App, RunOptions
from vpengine.control.triggers import TakeTrigger
logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
stage, takes, seconds, most_bytes = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
with App(RunOptions(stage, headless=True, takes=takes, remember=False)) as app:
    app.wait_until_ready()
    app.run_frames(1)
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    app.inbox.add(TakeTrigger("roll"))
    for _ in range(round(2 * seconds)):  # by frames, of which a slow machine draws as many
        app.run_frames(12)
        print(*(each["frames"] for each in app.report()["recordings"]), flush=True)
    if most_bytes:
        app.inbox.add(TakeTrigger("cut"))
        app.run_frames(12)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        app.inbox.add(TakeTrigger("roll"))
        app.run_frames(24)
    print("frames", app.loop.times.frames, flush=True)
"""


def command(stage: Path, takes: Path, seconds: float, most_bytes: int = 0) -> list[Any]:
    """A run of a stage, 24 frames for each of its seconds, that rolls from its first frame.

    most_bytes: of a file, for a while, and then in a take without. It prints how many frames of each recording have
    been encoded, every 12 frames, and at last how many were drawn.
    """
    return [sys.executable, "-c", SCRIPT, stage, takes, str(seconds), str(most_bytes)]


def recording(feed: str, format: str, **keys: object) -> str:
    more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items())
    return f'kind = "recording"\nfeed = "{feed}"\nformat = "{format}"\n{more}'


@contextmanager
def running(stage: Path, folder: Path) -> Iterator[App]:
    """Unpaced, so that no tick is left out; headless."""
    options = RunOptions(stage, headless=True, unpaced=True, takes=folder / "takes", remember=False)
    with App(options) as app:
        app.wait_until_ready()
        yield app


def shown(app: App, feed: str) -> NDArray[Any]:
    """The feed as it is now, row 0 at the top."""
    texture = app.loop.executor.pictures[feed].color
    out = np.empty((texture.size[1], texture.size[0], 4), np.uint8)
    texture.read_into(out.data.cast("B"), alignment=1)
    return out[::-1]


def move(app: App, number: int) -> None:
    """Something that makes every frame another one."""
    for address in (declared.INNER_EXPOSURE, declared.OUTER_EXPOSURE):
        app.desk.controls.set(address, -0.05 * number)


def run_frames(app: App, count: int, feeds: tuple[str, ...]) -> list[dict[str, NDArray[Any]]]:
    """What each frame showed; the encoders keep pace, since none is to be left out here."""
    seen = []
    for number in range(count):
        move(app, number)
        app.run_frames(1)
        seen.append({feed: shown(app, feed) for feed in feeds})
        for opened in recordings(app):
            if opened._session is not None:
                until(lambda encoding=opened._session.encoding: len(encoding._items) < 2)
    return seen


def recordings(app: App) -> list[RecordingOutput]:
    return [opened for _, opened in app.outputs if isinstance(opened, RecordingOutput)]


def reports(app: App) -> list[dict[str, Any]]:
    return app.recorded()
