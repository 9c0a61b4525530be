"""Bench: what a keyframe costs the main thread from its plate's last draw to its textures, and what each job costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from statistics import median
from typing import Any

from vpengine.cli.bench_frame import demo_stage
from vpengine.compose.neural import NeuralLayer
from vpengine.compose.request_camera import RequestCamera
from vpengine.control.looks import look_address
from vpengine.frames.keyframe import Keyframe, Request
from vpengine.gpu.context import create_headless
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Target
from vpengine.neural import GENERATORS, RUNTIMES
from vpengine.neural.declared import looks_of
from vpengine.neural.host import Collected
from vpengine.neural.process_host import ProcessHost
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose
from vpengine.view.view import View

SIZES = ((480, 270), (960, 540), (1920, 1080))
KEYFRAMES, WARM = 12, 6  # measured; and before that, until every place and every piece of memory has been used once
PATIENCE_S = 60.0
JOB_FRAMES = 120
LENS = Lens((24.89, 14.0), 24.0)


class _Empty:
    """A plate of nothing: what is drawn is not what is measured."""

    def draw(self, target: Target, view: View) -> None:
        del view
        target.clear()


def measure_keyframe(sizes: Sequence[tuple[int, int]] = SIZES, keyframes: int = KEYFRAMES) -> list[dict[str, Any]]:
    """Milliseconds of the main thread for one keyframe, medians: their sum, and the most in one frame.

    Brought down and handed to a generator's process, collected, and written into textures; what the process and the
    drawing of the plate take is not in it. frames: that share in it.
    """
    gpu = Gpu(create_headless())
    found = []
    for size in sizes:
        with _way(gpu, size) as way:
            costs = [way.once() for _ in range(WARM + keyframes)][WARM:]
        found.append(
            {
                "size": f"{size[0]}x{size[1]}",
                "main_thread_ms": round(median(map(sum, costs)), 2),
                "most_in_a_frame_ms": round(median(map(max, costs)), 2),
                "frames": len(costs[-1]),
            }
        )
    return found


@contextmanager
def _way(gpu: Gpu, size: tuple[int, int]) -> Iterator[_Way]:
    camera, layer = RequestCamera(gpu), NeuralLayer(gpu, size)
    try:
        with closing(ProcessHost("drill", GENERATORS["drill"], RUNTIMES["none"], [size])) as host:
            _wait_for(host)
            yield _Way(gpu, size, camera, host, layer)
    finally:
        camera.release()
        layer.release()


def _wait_for(host: ProcessHost) -> None:
    """Raises TimeoutError."""
    end_s = time.monotonic() + PATIENCE_S
    while not host.health.ready:
        host.collect(time.monotonic())
        if time.monotonic() > end_s:
            raise TimeoutError(f"the generator was not ready after {PATIENCE_S:g} s")
        time.sleep(0.01)


class _Way:
    """A keyframe's way from the card to the generator and back, with the calls of the loop and in its order."""

    def __init__(
        self, gpu: Gpu, size: tuple[int, int], camera: RequestCamera, host: ProcessHost, layer: NeuralLayer
    ) -> None:
        self._gpu = gpu
        self._view = camera_view(Pose((0.0, 0.0, 1.6)), LENS, size)
        self._camera = camera
        self._host = host
        self._layer = layer
        self._number = 0

    def once(self) -> list[float]:
        """One keyframe; milliseconds of each frame that has something to do for it."""
        keyframe: Keyframe | None = None
        while keyframe is None:  # a machine with no time for the generator loses one
            _wait_for(self._host)
            self._number += 1
            self._camera.draw(_Empty(), self._view, 0)
            self._gpu.finish()
            costs = [_ms(self._ask)]
            collected, collect_ms = self._collected()
            keyframe = next(iter(collected.keyframes), None)
        costs.append(collect_ms + _ms(lambda: self._layer.add(keyframe, self._number)))
        while self._layer.newest is not keyframe:
            self._gpu.finish()
            costs.append(_ms(lambda: self._layer.advance(self._number + len(costs) / 24.0)))
        return costs

    def _collected(self) -> tuple[Collected, float]:
        """What has become of the request, and the milliseconds of the call that said so."""
        while True:
            time.sleep(0.002)
            begin_s = time.perf_counter()
            collected = self._host.collect(time.monotonic())
            if collected.keyframes or collected.lost:
                return collected, 1e3 * (time.perf_counter() - begin_s)

    def _ask(self) -> None:
        now_s = time.monotonic()
        room = self._host.free(now_s)
        plate = self._camera.bring_down("", self._view, room)
        look = looks_of("drill").of({"night": 0.05})
        self._host.submit(Request(self._number, 0, "", plate, look, now_s), now_s)


def _ms(work: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - begin_s)


def measure_jobs(frames: int = JOB_FRAMES) -> dict[str, Any]:
    """Each job of the demo stage's frames with a generator at work: medians of the main thread's milliseconds, and of
    the graphics card's where it has a clock.
    """
    with demo_stage(lambda stage: stage) as app:
        executor = app.loop.executor
        executor.measure = True
        executor.timings.clear()  # of what was drawn before it was measured
        for number in range(frames):
            app.desk.controls.set(look_address("night"), 0.02 + 0.02 * (number % 2))  # or nothing new would be asked
            app.run_frames(1)
        return dict(executor.timings.summary())
