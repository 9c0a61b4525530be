"""Requests for faces of the surround: between those of cameras, in their own resolution, and each until it is there."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from tests.requesting import PLAIN, SETTINGS, SIZE, Asking
from vpengine.compose.request import RequestSettings
from vpengine.compose.request_camera import RequestCamera
from vpengine.compose.stations import Stations
from vpengine.gpu.gpu import Gpu
from vpengine.view.pose import Pose
from vpengine.view.surround import FACES


def asking_around(gpu: Any, settings: RequestSettings = SETTINGS) -> Asking:
    engine = Gpu(gpu)
    return Asking(RequestCamera(engine), engine, settings, stations=Stations((0.0, 0.0, 1.5), 24, 2))


@pytest.fixture
def surrounded(gpu: Any) -> Asking:
    return asking_around(gpu)


def test_faces_of_the_surround_are_asked_between_two_of_a_camera_that_moves(surrounded: Asking) -> None:
    """Two at a time until all are there; then the camera has all turns."""
    faces = []
    for step in range(20):
        surrounded.stand_at(Pose((0.01 * step, 0.0, 1.6)))
        request = surrounded.at(1.0 + 0.25 * step)
        assert request is not None
        faces.append(request.face)
    assert [face is None for face in faces] == [*[True, False, False] * 3, True, False, *[True] * 9]
    assert {face.face for face in faces if face is not None} == set(range(FACES))


def test_after_a_face_the_next_is_asked_as_much_sooner_as_it_is_smaller(gpu: Any) -> None:
    asking = asking_around(gpu, replace(SETTINGS, shortest_s=1.0))
    asked_s = []
    for step in range(400):
        asking.stand_at(Pose((0.001 * step, 0.0, 1.6)))
        if (request := asking.once(10.0 + 0.02 * step)) is not None:
            asked_s.append((10.0 + 0.02 * step, request.face is None))
    gaps = [(after - before, camera_s) for (before, camera_s), (after, _) in itertools.pairwise(asked_s)]
    part = 24 * 24 / (SIZE[0] * SIZE[1])
    assert [gap_s for gap_s, camera_s in gaps if camera_s] == pytest.approx([1.0] * sum(c for _, c in gaps), abs=0.05)
    assert [gap_s for gap_s, camera_s in gaps if not camera_s] == pytest.approx([part] * FACES, abs=0.05)


def test_with_a_camera_that_rests_the_surround_is_made_and_then_the_generator_rests(surrounded: Asking) -> None:
    """Each face is of the location, for nobody's eye, and of its own resolution; a refresh makes all anew."""
    requests = [surrounded.at(1.0 + 0.25 * step) for step in range(10)]
    made = [request for request in requests if request is not None]
    assert [request.face is None for request in made] == [True] + [False] * FACES
    assert requests[FACES + 1 :] == [None, None]
    assert {(request.location, request.camera, request.plate.color.shape) for request in made[1:]} == {
        ("street", "", (24, 24, 3))
    }
    surrounded.requests.refresh()
    again = [surrounded.at(4.0 + 0.25 * step) for step in range(10)]
    assert len([request for request in again if request is not None]) == FACES + 1


def test_a_generator_that_leaves_the_plate_alone_is_asked_for_no_surround(surrounded: Asking) -> None:
    surrounded.look = PLAIN
    assert [surrounded.once(1.0 + 0.25 * step) for step in range(6)] == [None] * 6


def test_a_face_that_is_not_brought_down_is_asked_again_and_no_other(surrounded: Asking) -> None:
    """As an eye's request is; what has been answered stays answered."""
    made = [surrounded.at(1.0 + 0.25 * step) for step in range(4)]
    assert [request is not None and request.face is not None for request in made] == [False, True, True, True]
    assert surrounded.once(2.0) is None  # drawn
    surrounded.requests.skip()  # the generator is busy now
    again = [surrounded.at(3.0 + 0.25 * step) for step in range(6)]
    faces = [request.face for request in again if request is not None]
    assert len(faces) == FACES - 3
    assert not {request.face for request in made if request is not None} & set(faces)
