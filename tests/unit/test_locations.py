"""Locations: loaded in a thread, put on the GPU by the main thread."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from vpengine.plates.locations import Locations
from vpengine.plates.none import NoPlate

NO_GPU: Any = None  # these plates put nothing on it


class Counted(NoPlate):
    def __init__(self) -> None:
        super().__init__()
        self.made_in = threading.current_thread()
        self.uploaded_in: threading.Thread | None = None
        self.released = False

    def upload(self, context: Any) -> None:
        self.uploaded_in = threading.current_thread()

    def release(self) -> None:
        self.released = True


def wait(locations: Locations, name: str) -> None:
    end_s = time.monotonic() + 5.0
    while not locations.ready(name) and time.monotonic() < end_s:
        locations.upload_next()
        time.sleep(0.005)


def test_made_off_the_main_thread_and_uploaded_on_it() -> None:
    locations = Locations(NO_GPU, {"street": Counted})
    locations.ask("street")
    locations.ask("street")
    wait(locations, "street")
    plate = locations["street"]
    assert isinstance(plate, Counted)
    assert plate.made_in is not threading.current_thread()
    assert plate.uploaded_in is threading.current_thread()
    assert locations.upload_next() is None
    locations.close()
    assert plate.released


def test_wait_for_returns_with_the_location() -> None:
    locations = Locations(NO_GPU, {"street": Counted})
    locations.wait_for("street")
    assert locations.ready("street")
    with pytest.raises(KeyError):
        locations["other"]
    locations.close()
