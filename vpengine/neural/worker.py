"""The worker, in a process or a thread: takes requests, runs the generator, checks and grades what it made."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from multiprocessing.connection import Connection

import numpy as np

from vpengine.errors import UserError
from vpengine.frames.images import Room
from vpengine.neural.auto import AutoRuntime, level_view
from vpengine.neural.depth_guess import DepthGuess
from vpengine.neural.generator import Current, Generated, Generator, Plate, RefusedLookError, part_way
from vpengine.neural.grade import fit_grade
from vpengine.neural.library_errors import first_line, is_full_memory, says_full_memory
from vpengine.neural.messages import Answer, Ask, Failed, Loaded, Ready, Refused, WorkerSetup
from vpengine.neural.slots import AnySlot, Slot, SlotLayout, Slots, pixels_of, room_of
from vpengine.plugins import load_plugin
from vpengine.view.color import acescct_from_linear
from vpengine.view.view import View

_HALF_MAX = 65504.0
_CARD_ERRORS = {"AcceleratorError", "CUDAError", "CudaError"}  # torch's, cuda.core's
_CARD_WORDS = ("CUDA error", "Cuda Runtime (", "Cuda Driver (")


def run_worker(setup: WorkerSetup, pipe: Connection) -> None:
    """The process's main function; ends when the engine closes its end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to handle
    threading.Thread(target=_end_with_engine, name="engine-watch", daemon=True).start()
    if not setup.card:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before any library looks
    declared: type[Generator] = load_plugin(setup.generator)
    layout = SlotLayout(max(setup.resolutions, key=prod), declared.starts_from_current)
    slots = [Slot(layout, name) for name in setup.slots]
    try:
        work(setup, slots, pipe.recv, pipe.send)
    finally:
        for slot in slots:
            slot.close()


def work(setup: WorkerSetup, slots: Slots, hear: Callable[[], Ask], say: Callable[[object], None]) -> None:
    """Load the generator, warm it, and answer what is asked, until it fails or ``hear`` raises EOFError.

    The same in a process and in a thread; ``say`` is given what messages.py lists, and waits for nobody.
    """
    try:
        generator = _open(setup)
        guess = DepthGuess() if generator.guesses_depth else None
        say(Loaded())
        say(Ready(generator.model_sha256, generator.runtime, _warm(generator, guess, setup.resolutions)))
        while True:
            ask = hear()
            say(_answer_or_refusal(generator, guess, ask, slots[ask.slot]))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the engine has gone
    except UserError as error:
        say(Failed(str(error), hopeless=True, full_memory=is_full_memory(error)))
    except Exception as error:  # noqa: BLE001 - a generator may raise anything; the engine reports it and restarts
        say(_failed(error))


def _failed(error: Exception) -> Failed:
    lost = lost_card(error)
    if is_full_memory(error) or (lost and says_full_memory(str(error))):  # CUDA goes on after that
        return Failed("there is not enough memory for its picture", hopeless=True, full_memory=True)
    if lost:
        return Failed(f"the graphics card does not answer it any more ({first_line(error)})", lost=True)
    return Failed(f"{type(error).__name__}: {error}")


def lost_card(error: Exception) -> bool:
    """Whether CUDA itself failed: after that no call of this process's comes through to the card.

    torch says so by a type of its own since 2.8, before by its words, and TensorRT has nothing but words.
    """
    kinds, words = {kind.__name__ for kind in type(error).__mro__}, str(error)
    return bool(kinds & _CARD_ERRORS) or (isinstance(error, RuntimeError) and any(it in words for it in _CARD_WORDS))


def _end_with_engine() -> None:
    """A generator that hangs does not see the pipe close."""
    engine = multiprocessing.parent_process()
    if engine is not None:
        engine.join()
        os._exit(1)


def _open(setup: WorkerSetup) -> Generator:
    declared, runtime = load_plugin(setup.generator), load_plugin(setup.runtime)()
    build: Callable[..., Generator] = declared if setup.settings is None else partial(declared, settings=setup.settings)
    if isinstance(runtime, AutoRuntime):
        reference, *others = declared.runtimes
        ready = [name for name in others if declared.ready_for(name, setup.settings)]
        return runtime.choose(build, (reference, *ready), setup.resolutions)
    return build(runtime)


def _warm(generator: Generator, guess: DepthGuess | None, resolutions: Sequence[tuple[int, int]]) -> float:
    """The first call of a network is slow, in each resolution: make it before the engine counts on this process.

    With every fader up and with every fader down, for that may be other networks, or other shapes for them.
    Seconds of a second one in the first resolution.
    """
    look, down = part_way(generator, 0.05), part_way(generator, 0.0)
    for resolution in reversed(resolutions):
        gray = _gray(resolution)
        if guess is not None:
            guess.of(gray)
        generator.generate(gray, down)
        generator.generate(gray, look)
    started_s = time.perf_counter()
    generator.generate(gray, look)
    return time.perf_counter() - started_s


def _gray(resolution: tuple[int, int]) -> Plate:
    width, height = resolution
    color_cct = np.full((height, width, 3), 0.41, np.float32)
    depth_m, noise = np.full((height, width), 10.0, np.float32), np.full((height, width), 0.5, np.float32)
    return Plate(color_cct, depth_m, noise, level_view(resolution))


def _answer_or_refusal(generator: Generator, guess: DepthGuess | None, ask: Ask, slot: AnySlot) -> Answer | Refused:
    try:
        return _answer(generator, guess, ask, slot)
    except RefusedLookError as error:
        return Refused(ask.slot, ask.number, str(error))


def _answer(generator: Generator, guess: DepthGuess | None, ask: Ask, slot: AnySlot) -> Answer:
    started_s = time.perf_counter()
    resolution = ask.view.resolution
    plate = _plate(room_of(slot, resolution), ask.view, ask.continues)
    guessing = guess if ask.flat else None
    generated = generator.generate(guessing.of(plate) if guessing is not None else plate, ask.look)
    _check(generated, plate.color_cct.shape)
    for name, plane in (("gain", generated.gain), ("bias", generated.bias)):
        pixels_of(slot, name, resolution).rgb[:] = plane
    changed_cct = generated.gain * plate.color_cct + generated.bias
    grade = fit_grade(plate.color_cct, changed_cct, plate.depth_m, ask.view)
    slot["grade"][:], slot["evidence"][:] = grade.table, grade.evidence
    work_s = time.perf_counter() - started_s
    told = (*generated.told, ("depth network", guessing.sha256)) if guessing is not None else generated.told
    return Answer(ask.slot, ask.number, work_s, resolution, _sha256(plate.current), told)


def _sha256(current: Current | None) -> str:
    if current is None:
        return ""
    return hashlib.sha256(current.color_cct.tobytes() + current.known.tobytes()).hexdigest()


def _plate(room: Room, view: View, continues: float) -> Plate:
    """What the slot has been given, as generators take it: turned over, each array in one piece."""
    color_noise = room.color_noise.top_down
    color_cct = acescct_from_linear(np.ascontiguousarray(color_noise[..., :3]))
    depth_m = np.ascontiguousarray(room.depth.top_down[..., 0])
    noise = np.ascontiguousarray(color_noise[..., 3], np.float32)
    return Plate(color_cct, depth_m, noise, view, _current(room, continues))


def _current(room: Room, continues: float) -> Current | None:
    if room.current is None or continues <= 0.0:
        return None
    shown = room.current.top_down
    color_cct = acescct_from_linear(np.ascontiguousarray(shown[..., :3]))
    return Current(color_cct, np.ascontiguousarray(shown[..., 3], np.float32) * continues)


def _check(generated: Generated, shape: tuple[int, ...]) -> None:
    """Nothing broken may reach the wall. Raises ValueError in a plain sentence."""
    for name, plane in (("gain", generated.gain), ("bias", generated.bias)):
        if plane.shape != shape:
            raise ValueError(f"the generator returned {name} of shape {plane.shape}, expected {shape}")
        if not np.abs(plane).max() < _HALF_MAX:  # a NaN compares false too
            raise ValueError(f"the generator returned {name} with NaN, infinite or absurd values")
