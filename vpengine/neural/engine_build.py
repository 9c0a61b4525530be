"""Engines on order: found in the cache, or built in a side process and kept.

A build takes up to a minute and gigabytes, holds Python's lock for long, and a builder that fails may take its process
with it: so it has one of its own, and whoever orders never imports TensorRT for that.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from vpengine.errors import UserError
from vpengine.neural.engine_cache import Engine, EngineCache
from vpengine.neural.engine_recipe import Recipe
from vpengine.stops import kept_from_children

BUILDER = "vpengine.neural.engine_builder"
ENGINE = "built.engine"  # as the builder names it
_POLL_S = 0.1


@dataclass(frozen=True)
class Progress:
    """Where a build is. part: of this phase, 0 to 1, or None where that is not known. memory_mb: the process's most."""

    phase: str
    part: float | None
    elapsed_s: float
    memory_mb: float


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """For who need not know."""
    del progress


def ready_engine(
    recipe: Recipe, cache: EngineCache, report: Report = silent, cancelled: threading.Event | None = None
) -> Engine:
    """The engine of ``recipe``, whole and as it was built. Raises UserError where none is kept and none can be built,
    or when ``cancelled`` is set meanwhile.
    """
    spec = recipe.spec()
    found = cache.find(spec)
    if found is not None:
        return found
    with cache.being_built(spec):
        return cache.find(spec) or _built(recipe, cache, report, cancelled or threading.Event())


def _built(recipe: Recipe, cache: EngineCache, report: Report, cancelled: threading.Event) -> Engine:
    spec, last = recipe.spec(), Progress("start", None, 0.0, 0.0)

    def remember(progress: Progress) -> None:
        nonlocal last
        last = progress
        report(progress)

    with tempfile.TemporaryDirectory(prefix="vpengine-build-") as folder:
        noted = _Build(recipe, Path(folder)).run(remember, cancelled)
        if recipe.spec() != spec:
            raise UserError(f"{recipe.onnx}: it changed while it was built; build it again")
        took = {"seconds": round(last.elapsed_s, 3), "memory_mb": round(last.memory_mb, 1)}
        manifest = {**noted, "network": recipe.onnx.name, "build": took}
        return cache.put(spec, (Path(folder) / ENGINE).read_bytes(), manifest)


class _Build:
    """A builder's process, from its start to its end."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self._recipe, self._folder = recipe, folder
        self._began_s, self._memory_mb = time.monotonic(), 0.0
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()  # few, and None at the end
        self._errors = (folder / "stderr").open("w+b")

    def run(self, report: Report, cancelled: threading.Event) -> dict[str, Any]:
        """What the builder noted. Raises UserError with its sentence, or where it ended without one."""
        process = self._started()
        reader = threading.Thread(target=self._read, args=(process,), name="build-reader")
        reader.start()
        try:
            return self._followed(process, report, cancelled)
        finally:
            process.kill()  # done, cancelled or interrupted
            process.wait()
            reader.join()
            for file in (process.stdin, process.stdout, self._errors):
                with suppress(OSError):  # it may have gone before it read all
                    file.close()  # type: ignore[union-attr]

    def _started(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-P", "-m", BUILDER]
        pipe = subprocess.PIPE
        with kept_from_children():
            process = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=self._errors, text=True, env=environment, encoding="utf-8"
            )
        assert process.stdin is not None
        with suppress(OSError):  # one that is gone already says so below
            process.stdin.write(f"{self._recipe.to_json()}\n{json.dumps(str(self._folder))}\n")
            process.stdin.flush()  # and stays open: the builder ends with its asker
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with suppress(ValueError):  # libraries print too
                message = json.loads(line)
                if isinstance(message, dict):
                    self._messages.put(message)
        self._messages.put(None)

    def _followed(self, process: subprocess.Popen[str], report: Report, cancelled: threading.Event) -> dict[str, Any]:
        phase, part = "start", None
        while True:
            if cancelled.is_set():
                raise UserError(f"{self._recipe.onnx}: its build was cancelled; nothing was kept")
            self._weigh(process.pid)
            try:
                message = self._messages.get(timeout=_POLL_S)
            except queue.Empty:
                message = {"phase": phase, "part": part}
            if message is None:
                raise UserError(self._why_it_ended(process.wait()))
            if "error" in message:
                raise UserError(message["error"])
            phase, part = message.get("phase", "done"), message.get("part")
            report(Progress(phase, part, time.monotonic() - self._began_s, self._memory_mb))
            if "done" in message:
                done: dict[str, Any] = message["done"]
                return done

    def _weigh(self, pid: int) -> None:
        with suppress(psutil.Error):
            self._memory_mb = max(self._memory_mb, psutil.Process(pid).memory_info().rss / 1e6)

    def _why_it_ended(self, code: int) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        last = f" ({lines[-1][:200]})" if lines else ""
        had = f"when it had {self._memory_mb:.0f} MB"
        cure = "if memory was short, close other programs or build for fewer targets"
        return f"{self._recipe.onnx}: the build ended with code {code}{last} {had}; {cure}"
