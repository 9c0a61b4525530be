"""When a generator is asked, and for what: the newest that says something new, one camera after the other."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.requesting import FOG, HERE, LENS, PLAIN, SETTINGS, SIZE, THERE, Asking
from vpengine.compose.governor import RUNGS
from vpengine.compose.request import KEY
from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.feed import Eye
from vpengine.frames.frame_input import BusState, CameraState
from vpengine.frames.keyframe import Request
from vpengine.frames.look import Look
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.job import WALL, Job, in_order
from vpengine.view.camera import camera_view
from vpengine.view.pose import from_opentrackio


@pytest.fixture
def asking(request_camera: RequestCamera, engine: Gpu) -> Asking:
    return Asking(request_camera, engine)


def test_a_request_is_for_where_the_camera_will_be(asking: Asking) -> None:
    """Its View is that of the request pose, 15 percent wider on each side; its plate was drawn at that View."""
    request = asking.at(7.0)
    assert request is not None
    expected = camera_view(THERE, LENS, SIZE, 15.0)
    assert request.plate.view.same_as(expected)
    assert asking.plates["street"].views == [request.plate.view]
    assert (request.number, request.epoch, request.location, request.camera) == (1, 4, "street", "a")
    assert (request.look, request.submitted_s) == (asking.look, 7.0)


def test_a_lower_rung_asks_for_a_smaller_picture_of_the_same_view(asking: Asking) -> None:
    """It is drawn and brought down in that size, between two of the full one."""
    asking.frame = replace(asking.frame, rung=3)
    requests = []
    for number, rung in enumerate((0, 3, 0)):
        requests.append(asking.at(1.0 + number, rung=rung))
    full, smaller, again = (request.plate for request in requests if request is not None)
    width, height = (round(RUNGS[3].request_size * side) for side in SIZE)
    assert smaller.color.shape == (height, width, 3)
    assert full.color.shape == again.color.shape == (SIZE[1], SIZE[0], 3)
    np.testing.assert_allclose(smaller.view.clip_from_view[0, 0], full.view.clip_from_view[0, 0])
    np.testing.assert_allclose(smaller.color.mean((0, 1)), full.color.mean((0, 1)), atol=0.02)
    np.testing.assert_array_equal(again.color, full.color)


def test_what_says_nothing_new_is_not_asked(asking: Asking) -> None:
    assert asking.at(1.0) is not None
    assert [asking.at(1.0 + 0.25 * i) for i in range(1, 5)] == [None] * 4
    assert len(asking.plates["street"].views) == 1  # nor drawn


def test_a_busy_frame_leaves_its_request_to_the_next(request_camera: RequestCamera, engine: Gpu) -> None:
    """The wall's picture comes first; but where every frame is busy, one in four asks."""
    spent_s = [0.04]
    asking = Asking(request_camera, engine, replace(SETTINGS, busy_s=0.03), clock=lambda: 1.0 + spent_s[0])
    begun = []
    for _ in range(8):
        answer = asking.once(1.0)
        begun.append(len(asking.plates["street"].views))
        asking.requests.forget() if answer else None
    assert begun == [0, 0, 0, 1, 1, 1, 1, 1]
    spent_s[0] = 0.02
    assert asking.at(1.0) is not None  # and a frame that has time asks at once


def test_requests_keep_their_rate_on_average(asking: Asking) -> None:
    """Ten a second asked of frames at 24 a second: not eight, which every third frame would give."""
    asked = []
    for frame in range(240):
        time_s = frame / 24.0
        asking.stand_at(from_opentrackio((0.01 * frame, 0.0, 1.5), 0.0, 0.0, 0.0))
        if asking.once(time_s) is not None:
            asked.append(frame)
    assert 98 <= len(asked) <= 101
    assert set(np.diff(asked)) == {2, 3}


@pytest.mark.parametrize("change", ["pose", "look", "seed", "epoch", "location", "coming location"])
def test_anything_new_is_asked_again(asking: Asking, change: str) -> None:
    assert asking.at(1.0) is not None
    changes: dict[str, Any] = {}
    if change == "pose":
        asking.stand_at(HERE)
    elif change == "look":
        asking.look = Look("weather", (("snow", 0.1),))
    elif change == "seed":
        asking.look = replace(FOG, seed=1)
    elif change == "epoch":
        changes["epoch"] = 5
    else:
        program = BusState("hall", "hall"), BusState("hall", "street", "hall", 0.5)
        changes["buses"] = {"program": program[change == "coming location"]}
    again = asking.at(2.0, **changes)
    assert again is not None
    assert again.number == 2
    if "location" in change:
        assert again.location == "hall"
        assert again.plate.color.max() < 1.0  # the other plate's light
    assert asking.at(3.0) is None


def test_two_requests_keep_their_distance(asking: Asking) -> None:
    assert asking.at(1.0) is not None
    asking.stand_at(HERE)
    assert asking.at(1.09) is None
    assert asking.at(1.11) is not None


def test_a_lost_answer_is_asked_again(asking: Asking) -> None:
    assert asking.at(1.0) is not None
    assert asking.at(2.0) is None
    asking.requests.forget()
    again = asking.at(3.0)
    assert again is not None
    assert again.number == 2  # a number is never given twice


def test_a_plain_look_is_asked_once_and_only_to_end_another(asking: Asking) -> None:
    """The plate is its own answer: nothing is drawn, generated or uploaded for it."""
    fog, asking.look = asking.look, PLAIN
    assert asking.at(1.0) is None
    asking.look = fog
    assert asking.at(2.0) is not None
    asking.look = PLAIN
    plain = asking.at(3.0)
    assert plain is not None
    assert plain.look.plain
    asking.stand_at(HERE)
    assert asking.at(4.0) is None


def test_a_plain_look_is_asked_again_when_its_answer_was_lost(asking: Asking) -> None:
    """Or the wall would stay in the fog for ever."""
    assert asking.at(1.0) is not None
    asking.look = PLAIN
    assert asking.at(2.0) is not None
    asking.requests.forget()
    again = asking.at(3.0)
    assert again is not None
    assert again.look.plain
    assert asking.at(4.0) is None


def halves(asking: Asking, begin_s: float, hand_over_s: float, **changes: Any) -> Request | None:
    """One frame draws the plate, a later one, in which something may have changed, would hand it over."""
    assert asking.once(begin_s) is None
    asking.frame = replace(asking.frame, **changes)
    return asking.once(hand_over_s)


def test_a_half_made_request_is_good_for_the_next_frame_only(asking: Asking) -> None:
    """Live was off in between: what was drawn then is not handed over with its old time, but drawn again."""
    assert halves(asking, 1.0, 5.0) is None  # too old: this frame draws it anew
    request = asking.once(5.04)
    assert request is not None
    assert request.submitted_s == 5.0
    asking.stand_at(HERE)
    assert asking.once(6.0) is None
    asking.requests.skip()  # a frame in which nothing may be asked
    assert asking.once(6.08) is None
    request = asking.once(6.12)
    assert request is not None
    assert request.submitted_s == 6.08


def test_a_half_made_request_asks_what_is_wanted_when_it_is_handed_over(asking: Asking) -> None:
    """The plate is the same for all looks; another location's is not."""
    asking_fog, asking.look = asking.look, FOG
    assert asking.once(1.0, asking_fog) is None
    asking.look = Look("weather", (("snow", 1.0),), seed=3)
    asking.frame = replace(asking.frame, epoch=9)
    request = asking.once(1.04)
    assert request is not None
    assert (request.look, request.epoch) == (asking.look, 9)
    assert halves(asking, 2.0, 2.04, buses={"program": BusState("hall", "hall")}) is None
    request = asking.once(2.08)
    assert request is not None
    assert request.location == "hall"
    assert request.plate.color.max() < 1.0


def test_nobody_waits_for_a_plate_that_is_not_drawn_yet(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken by the first frame that finds it done, before anything else of that frame is drawn."""
    camera = asking.requests._camera
    monkeypatch.setattr(camera, "ready", lambda: False)
    assert [asking.once(1.0 + step / 24.0) for step in range(4)] == [None] * 4
    assert len(asking.plates["street"].views) == 1
    monkeypatch.undo()
    (job,) = asking.requests.plan(asking.looking(), 1.2)
    wall = Job(name="wall", priority=WALL)
    assert in_order([wall, job]) == [job, wall]
    asking.executor.run([job])
    request = asking.requests.finished(asking.executor.pictures)
    assert request is not None
    assert request.submitted_s == 1.0
    assert KEY not in asking.executor.pictures  # whose memory it is uses it again
    asking.stand_at(HERE)
    monkeypatch.setattr(camera, "ready", lambda: False)
    assert [asking.once(2.0), asking.once(5.0)] == [None, None]  # too old by then: drawn anew
    assert len(asking.plates["street"].views) == 3


def test_two_cameras_take_turns(asking: Asking) -> None:
    """And each is asked for where it looks itself; one that stands still leaves its turns to the other."""
    asked = []
    for step in range(12):
        positions = {"a": (0.01 * step, 0.0, 1.5), "b": (0.0, 0.01 * min(step, 6), 1.5)}
        cameras = {
            name: CameraState(HERE, from_opentrackio(position_m, 0.0, 0.0, 0.0), LENS, 0.01)
            for name, position_m in positions.items()
        }
        request = asking.at(1.0 + step, cameras=cameras)
        assert request is not None
        assert request.plate.view.same_as(camera_view(cameras[request.camera].request_pose, LENS, SIZE, 15.0))
        asked.append(request.camera)
    assert set(asked[:2]) == set(asked[2:4]) == set(asked[4:6]) == {"a", "b"}
    assert asked[8:] == ["a"] * 4


def test_what_stands_by_is_asked_when_the_program_rests(asking: Asking) -> None:
    """With its own scene's look and location; and where the program never rests, once a second."""
    assert asking.at(1.0) is not None
    buses = {"program": BusState("dawn", "street"), "preview": BusState("hall", "hall")}
    standby = asking.at(2.0, buses=buses)
    assert standby is not None
    assert (standby.bus, standby.location, standby.look) == ("preview", "hall", asking.standby_look)
    asked = []
    for step in range(40):  # ten seconds
        asking.stand_at(from_opentrackio((0.01 * step, 0.0, 1.5), 0.0, 0.0, 0.0))
        request = asking.at(3.0 + 0.25 * step)
        assert request is not None
        asked.append(request.bus)
    assert 8 <= asked.count("preview") <= 11


def test_an_eye_that_nobody_sees_is_not_asked_for(asking: Asking) -> None:
    seen = [Eye("program", "a")]
    assert asking.requests.plan(asking.looking(), 1.0, None, ()) == []
    assert len(asking.requests.plan(asking.looking(), 1.0, None, seen)) == 1


def test_nothing_stands_by_any_more_when_its_half_is_handed_over(asking: Asking) -> None:
    assert asking.at(1.0) is not None
    asking.frame = replace(asking.frame, buses={**asking.frame.buses, "preview": BusState("hall", "hall")})
    assert asking.once(2.0) is None
    asking.frame = replace(asking.frame, buses={"program": asking.frame.buses["program"]})
    assert asking.once(2.04) is None


def test_a_request_that_fails_is_asked_again(request_camera: RequestCamera, engine: Gpu, monkeypatch: Any) -> None:
    """Whichever half it was; the pictures that there are stay meanwhile."""
    asking, down = Asking(request_camera, engine), request_camera.bring_down

    def failing(*_: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(request_camera, "bring_down", failing)
    asking.executor.run(asking.requests.plan(asking.looking(), 1.0))
    engine.finish()
    asking.executor.run(asking.requests.plan(asking.looking(), 1.04))
    assert asking.requests.finished(asking.executor.pictures) is None
    assert dict(asking.executor.failures) == {"request, brought down": 1}
    monkeypatch.setattr(request_camera, "bring_down", down)
    answers = []
    for step in range(6):  # after its back-off
        asking.executor.run(asking.requests.plan(asking.looking(), 2.0 + 0.11 * step))
        answers.append(asking.requests.finished(asking.executor.pictures))
        engine.finish()
        time.sleep(0.05)
    assert any(answers)
