"""Places: the plates of a show by name, loaded in a thread of their own, put on the GPU between frames."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from vpengine.errors import UserError
from vpengine.plates.none import NoPlate
from vpengine.plates.plate import Plate

log = logging.getLogger(__name__)

Build = Callable[[], Plate]


class Places:
    """Owns the plates and the loader thread. A plate that cannot be loaded is reported once and stays black."""

    def __init__(self, context: Any, builds: Mapping[str, Build]) -> None:
        self._context = context
        self._builds = dict(builds)
        self._plates: dict[str, Plate] = {}
        self._asked: set[str] = set()
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._loaded: queue.SimpleQueue[tuple[str, Plate]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._load_all, name="plate-loader", daemon=True)
        self._thread.start()

    def ask(self, name: str) -> None:
        """Have a place loaded; at once when it already is."""
        if name not in self._asked:
            self._asked.add(name)
            self._wanted.put(name)

    def ready(self, name: str) -> bool:
        return name in self._plates

    def __getitem__(self, name: str) -> Plate:
        """A place that is ready. Raises KeyError."""
        return self._plates[name]

    def take_in(self) -> str | None:
        """Put one newly loaded plate on the GPU; its name, or None when there was none. Main thread."""
        try:
            name, plate = self._loaded.get_nowait()
        except queue.Empty:
            return None
        plate.upload(self._context)
        self._plates[name] = plate
        return name

    def wait_for(self, name: str) -> None:
        """Load a place now; for the first scene, before the first frame."""
        self.ask(name)
        while name not in self._plates:
            loaded, plate = self._loaded.get(timeout=120.0)
            plate.upload(self._context)
            self._plates[loaded] = plate

    def _load_all(self) -> None:
        while (name := self._wanted.get()) is not None:
            self._loaded.put((name, self._load(name)))

    def _load(self, name: str) -> Plate:
        try:
            return self._builds[name]()
        except UserError as error:
            log.error("plate %s: %s; the wall stays black there.", name, error)
        except Exception:
            log.exception("plate %s could not be made; the wall stays black there.", name)
        return NoPlate()

    def close(self) -> None:
        self._wanted.put(None)
        self._thread.join(timeout=10.0)
        for plate in self._plates.values():
            plate.release()
