"""Places: loaded in a thread, put on the GPU by the main thread; a plate that fails is told once and stays black."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest

from vpengine.errors import UserError
from vpengine.plates.none import NoPlate
from vpengine.plates.places import Places


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


def refuse() -> NoPlate:
    raise UserError("picture.png: no such file")


def crash() -> NoPlate:
    raise ZeroDivisionError("a fault in a plug-in")


def wait(places: Places, name: str) -> None:
    end_s = time.monotonic() + 5.0
    while not places.ready(name) and time.monotonic() < end_s:
        places.take_in()
        time.sleep(0.005)


def test_made_off_the_main_thread_and_uploaded_on_it() -> None:
    places = Places(None, {"street": Counted})
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


@pytest.mark.parametrize("build", [refuse, crash])
def test_a_plate_that_fails_is_told_once_and_the_rest_loads(build: Any, caplog: pytest.LogCaptureFixture) -> None:
    places = Places(None, {"broken": build, "good": Counted})
    with caplog.at_level(logging.ERROR):
        places.ask("broken")
        places.ask("good")
        wait(places, "good")
    assert isinstance(places["broken"], NoPlate)
    assert isinstance(places["good"], Counted)
    assert len(caplog.records) == 1
    assert "the wall stays black there" in caplog.text
    places.close()


def test_wait_for_returns_with_the_place() -> None:
    places = Places(None, {"street": Counted})
    places.wait_for("street")
    assert places.ready("street")
    with pytest.raises(KeyError):
        places["other"]
    places.close()
