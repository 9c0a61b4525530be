"""Places: loaded in a thread, put on the GPU by the main thread."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from vpengine.plates.none import NoPlate
from vpengine.plates.places import Places

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


def wait(places: Places, name: str) -> None:
    end_s = time.monotonic() + 5.0
    while not places.ready(name) and time.monotonic() < end_s:
        places.take_in()
        time.sleep(0.005)


def test_made_off_the_main_thread_and_uploaded_on_it() -> None:
    places = Places(NO_GPU, {"street": Counted})
    places.ask("street")
    places.ask("street")
    wait(places, "street")
    plate = places["street"]
    assert isinstance(plate, Counted)
    assert plate.made_in is not threading.current_thread()
    assert plate.uploaded_in is threading.current_thread()
    assert places.take_in() is None
    places.close()
    assert plate.released


def test_wait_for_returns_with_the_place() -> None:
    places = Places(NO_GPU, {"street": Counted})
    places.wait_for("street")
    assert places.ready("street")
    with pytest.raises(KeyError):
        places["other"]
    places.close()
