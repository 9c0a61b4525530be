"""Locations: the plates of a show by name, loaded in a thread of their own, put on the GPU between frames."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from fractions import Fraction

from vpengine.errors import UserError
from vpengine.gpu.gpu import Gpu
from vpengine.plates.none import NoPlate
from vpengine.plates.placeholder import Placeholder
from vpengine.plates.plate import Plate

log = logging.getLogger(__name__)

Build = Callable[[], Plate]

CLOSE_S = 2.0  # the loader may be in the middle of a large file: it is not waited for longer
FIRST_PLATE_S = 120.0
_PLACEHOLDER = "%s; a placeholder is shown there."
_NOTHING_LEFT = "plate %s: nor can its placeholder be shown; the wall stays black there."


class Locations:
    """Owns the plates and the loader thread.

    A plate that cannot be loaded is reported once and a placeholder with its name and the reason is shown for it;
    ``faults`` keeps the reasons by name.
    """

    def __init__(self, gpu: Gpu, builds: Mapping[str, Build]) -> None:
        self._gpu = gpu
        self._builds = dict(builds)
        self.faults: dict[str, str] = {}
        self._plates: dict[str, Plate] = {}
        self._going_up: tuple[str, Plate] | None = None
        self._asked: set[str] = set()
        self._stop = threading.Event()
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # One at a time: what is loaded and not yet on the GPU takes the machine's memory.
        self._loaded: queue.Queue[tuple[str, Plate]] = queue.Queue(maxsize=1)
        self._thread = threading.Thread(target=self._load_all, name="plate-loader", daemon=True)
        self._thread.start()

    def add(self, builds: Mapping[str, Build]) -> None:
        """More locations, none of them loaded yet; one that is there stays as it is."""
        self._builds = {**builds, **self._builds}

    def drop(self, name: str) -> None:
        """Give a location back, wherever it has come to; its name is used up. Main thread."""
        self._builds = {other: build for other, build in self._builds.items() if other != name}
        self.faults.pop(name, None)
        if self._going_up is not None and self._going_up[0] == name:
            self._going_up[1].release()
            self._going_up = None
        plate = self._plates.pop(name, None)
        if plate is not None:
            plate.release()

    @property
    def names(self) -> frozenset[str]:
        """Of all that there are, loaded or not."""
        return frozenset(self._builds)

    @property
    def used_names(self) -> frozenset[str]:
        """Also of those that were dropped: what comes late for one of these must find no other by its name."""
        return self.names | self._asked

    def ask(self, name: str) -> None:
        """Have a location loaded; at once when it already is."""
        if name not in self._asked:
            self._asked.add(name)
            self._wanted.put(name)

    def ready(self, name: str) -> bool:
        return name in self._plates

    def __getitem__(self, name: str) -> Plate:
        """A location that is ready. Raises KeyError."""
        return self._plates[name]

    def follow(self, playheads: Mapping[str, Fraction], wait: bool = False) -> None:
        """Where the clips of moving plates stand in the coming frame. wait: until their pictures are there."""
        for name, playhead in playheads.items():
            follow = getattr(self._plates.get(name), "follow", None)
            if follow is not None:
                follow(playhead, wait)

    def troubles(self) -> list[str]:
        """A sentence for each plate that cannot keep up."""
        asked = [getattr(plate, "trouble", None) for plate in self._plates.values()]
        return [sentence for ask in asked if ask is not None and (sentence := ask()) is not None]

    def upload_next(self) -> str | None:
        """Put a frame's share of a loaded plate on the GPU; its name when all of it is there. Main thread."""
        if self._going_up is None:
            try:
                self._going_up = self._loaded.get_nowait()
            except queue.Empty:
                return None
            if self._going_up[0] not in self._builds:  # dropped while it was loaded
                self._going_up[1].release()
                self._going_up = None
                return None
        return self._carry_on(*self._going_up)

    def wait_for(self, name: str) -> None:
        """Load a location now; for the first scene, before the first frame. Raises UserError when it takes too long."""
        self.ask(name)
        end_s = time.monotonic() + FIRST_PLATE_S
        while name not in self._plates:
            if time.monotonic() > end_s:
                raise UserError(f"plate {name}: not loaded after {FIRST_PLATE_S:.0f} s")
            if self.upload_next() is None and self._going_up is None:
                time.sleep(0.002)

    def give_up(self, name: str, error: Exception) -> None:
        """Instead of a plate that is ready but cannot be drawn, ``error`` says why, its placeholder."""
        log.error("plate %s: " + _PLACEHOLDER, name, _because("it could not be drawn", error))
        log.debug("plate %s", name, exc_info=error)
        self._plates[name] = self._replaced(name, self._plates[name], "it could not be drawn; see the log")

    def _carry_on(self, name: str, plate: Plate) -> str | None:
        try:
            if plate.upload(self._gpu):
                return None
        except UserError as error:
            log.error("plate %s: " + _PLACEHOLDER, name, error)
            plate = self._replaced(name, plate, str(error))
        except Exception as error:
            log.error("plate %s: " + _PLACEHOLDER, name, _because("it could not be put on the GPU", error))
            log.debug("plate %s", name, exc_info=True)
            plate = self._replaced(name, plate, "it could not be put on the GPU; see the log")
        self._going_up = None
        self._plates[name] = plate
        return name

    def _replaced(self, name: str, plate: Plate, sentence: str) -> Plate:
        """The placeholder, on the GPU."""
        plate.release()
        placeholder = NoPlate() if isinstance(plate, Placeholder) else self._placeholder(name, sentence)
        try:
            while placeholder.upload(self._gpu):
                pass
        except Exception:
            log.exception(_NOTHING_LEFT, name)
            placeholder.release()
            return NoPlate()
        return placeholder

    def _placeholder(self, name: str, sentence: str) -> Plate:
        self.faults.setdefault(name, sentence)
        try:
            return Placeholder(name, sentence)
        except Exception:
            log.exception(_NOTHING_LEFT, name)
            return NoPlate()

    def _load_all(self) -> None:
        while (name := self._wanted.get()) is not None and not self._stop.is_set():
            build = self._builds.get(name)
            if build is None:  # dropped before its turn
                continue
            plate = self._load(name, build)
            while not self._stop.is_set():
                try:
                    self._loaded.put((name, plate), timeout=0.1)
                except queue.Full:
                    continue
                break

    def _load(self, name: str, build: Build) -> Plate:
        try:
            return build()
        except UserError as error:
            log.error("plate %s: " + _PLACEHOLDER, name, error)
            sentence = str(error)
        except MemoryError:
            sentence = "takes more memory than is free"
            log.error("plate %s: " + _PLACEHOLDER, name, sentence)
        except Exception as error:
            sentence = "could not be made; see the log"
            log.error("plate %s: " + _PLACEHOLDER, name, _because("it could not be made", error))
            log.debug("plate %s", name, exc_info=True)
        return self._placeholder(name, sentence)

    def stop(self) -> None:
        """End the loader; within ``CLOSE_S`` whatever it is at. It ends with the process where it does not stop."""
        self._stop.set()
        self._wanted.put(None)
        self._thread.join(timeout=CLOSE_S)

    def close(self) -> None:
        """Give the plates back, on the main thread."""
        if not self._stop.is_set():
            self.stop()
        if self._going_up is not None:
            self._going_up[1].release()
        for plate in self._plates.values():
            plate.release()


def _because(what: str, error: Exception) -> str:
    return f"{what} ({type(error).__name__}: {' '.join(str(error).split())[:300]})"
