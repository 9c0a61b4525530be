"""Requests: what is drawn for a generator, and when a frame asks for a picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vpengine.compose.governor import RUNGS
from vpengine.compose.request import KEY, Requests, RequestSettings
from vpengine.compose.request_camera import RequestCamera
from vpengine.frames.feed import Eye
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.images import Room
from vpengine.frames.keyframe import Request
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.gpu.executor import Executor
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.guard import Guard
from vpengine.gpu.job import WALL, Job, in_order
from vpengine.gpu.pool import TargetPool
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import write
from vpengine.view.camera import camera_view
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.view import View, pixel_centres, rays

SIZE = (64, 36)
LENS = Lens((24.89, 14.0), 24.0)
HERE = from_opentrackio((0.4, -1.0, 1.6), 12.0, 3.0, 1.0)
THERE = from_opentrackio((0.5, -1.0, 1.6), 15.0, 3.0, 1.0)


class Directions:
    """A plate that shows where each pixel looks: colour is the stage direction, half as long again is its depth."""

    def __init__(self, level: float = 1.0) -> None:
        self.level = level
        self.views: list[View] = []

    def draw(self, target: Target, view: View) -> None:
        self.views.append(view)
        ray = rays(view, pixel_centres(target.size))
        write(target.color, (self.level * (1.0 + 0.5 * ray)).astype(np.float16))
        assert target.depth is not None
        depth_m = np.where(ray[..., 2] > 0.3, np.inf, 2.0 + ray[..., 0])
        write(target.depth, depth_m.astype(np.float32)[..., None])


@pytest.fixture
def engine(gpu: Any) -> Gpu:
    return Gpu(gpu)


@pytest.fixture
def camera(engine: Gpu) -> Iterator[RequestCamera]:
    made = RequestCamera(engine)
    yield made
    made.release()


def test_it_brings_down_what_the_view_sees(camera: RequestCamera) -> None:
    """Row 0 at the top, ACEScg half floats, depth in metres with the sky at infinity, and its provenance."""
    view = camera_view(HERE, LENS, SIZE, 15.0)
    images = camera.take(Directions(), "street", view, 0)
    ray = rays(view, pixel_centres(SIZE))
    assert (images.color.dtype, images.depth_m.dtype, images.noise.dtype) == (np.float16, np.float32, np.float16)
    assert images.color.shape == (36, 64, 3)
    assert images.depth_m.shape == images.noise.shape == (36, 64)
    assert all(pixels.bottom_up and pixels.stored.flags.c_contiguous for pixels in (images.color_noise, images.depth))
    np.testing.assert_allclose(images.color, 1.0 + 0.5 * ray, atol=1e-3)
    sky = ray[..., 2] > 0.3
    assert sky[0].any()
    assert not sky[-1].any()
    assert np.isposinf(images.depth_m[sky]).all()
    np.testing.assert_allclose(images.depth_m[~sky], 2.0 + ray[~sky][:, 0], rtol=1e-6)
    assert 0.0 <= images.noise.min() < 0.3 < 0.7 < images.noise.max() <= 1.0
    assert images.view is view
    assert images.provenance.source == "plate:street"


def test_two_pictures_do_not_share_memory(camera: RequestCamera) -> None:
    """A request waits in a mailbox while the next is drawn."""
    view = camera_view(HERE, LENS, SIZE, 15.0)
    first = camera.take(Directions(), "street", view, 0)
    kept = first.color.copy()
    camera.take(Directions(2.0), "street", view, 0)
    np.testing.assert_array_equal(first.color, kept)


def test_it_goes_straight_to_where_it_is_wanted(camera: RequestCamera) -> None:
    """The same pixels, in memory of whoever asks for them."""
    view, (width, height) = camera_view(HERE, LENS, SIZE, 15.0), SIZE
    expected = camera.take(Directions(), "street", view, 0)
    memory = np.zeros((height, width, 4), np.float16), np.zeros((height, width, 1), np.float32)
    room = Room(*(Pixels(each, bottom_up=True, lives="shared memory") for each in memory))
    camera.draw(Directions(), view, 0)
    images = camera.bring_down("street", view, room)
    assert np.shares_memory(images.color_noise.stored, memory[0])
    assert np.shares_memory(images.depth.stored, memory[1])
    for name in ("color", "depth_m", "noise"):
        np.testing.assert_array_equal(getattr(images, name), getattr(expected, name))


SETTINGS = RequestSettings(SIZE, 15.0, 0.1)
FOG, PLAIN = Look("weather", (("fog", 0.5),)), Look("weather", plain=True)


class Asking:
    """Requests with their plates; ``at`` is one frame."""

    def __init__(self, camera: RequestCamera, gpu: Gpu, settings: RequestSettings = SETTINGS, **options: Any) -> None:
        self.gpu = gpu
        self.plates = {"street": Directions(), "hall": Directions(0.5)}
        self.requests = Requests(camera, self.plates, settings, **options)
        self.executor = Executor(gpu, TargetPool(gpu), Guard(), self.requests.drawers)
        state = CameraState(HERE, THERE, LENS, 0.01)
        self.frame = FrameInput(
            tick=Tick(0, 0.0, Fraction(24)),
            cameras={"a": state},
            buses={"program": BusState("dawn", "street")},
            controls={},
            epoch=4,
        )
        self.look = FOG
        self.standby_look = Look("weather", (("snow", 0.5),))

    def at(self, time_s: float, **changes: Any) -> Request | None:
        self.frame = replace(self.frame, **changes)
        assert self.once(time_s) is None  # one frame draws the plate, the next brings it down
        return self.once(time_s)

    def once(self, time_s: float, look: Look | None = None) -> Request | None:
        """One frame."""
        self.executor.run(self.requests.plan(self.looking(look), time_s))
        assert not self.executor.failures
        self.gpu.finish()  # as every frame ends
        return self.requests.finished(self.executor.pictures)

    def looking(self, look: Look | None = None) -> FrameInput:
        """The frame, with what each bus asks for."""
        looks = {"program": look or self.look, "preview": self.standby_look}
        return replace(self.frame, buses={b: replace(state, look=looks[b]) for b, state in self.frame.buses.items()})

    def stand_at(self, pose: Pose) -> None:
        self.frame = replace(self.frame, cameras={"a": CameraState(HERE, pose, LENS, 0.01)})


@pytest.fixture
def asking(camera: RequestCamera, engine: Gpu) -> Asking:
    return Asking(camera, engine)


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
    asking.frame = replace(asking.frame, rung=2)
    requests = []
    for number, rung in enumerate((0, 2, 0)):
        requests.append(asking.at(1.0 + number, rung=rung))
    full, smaller, again = (request.plate for request in requests if request is not None)
    width, height = (round(RUNGS[2].request_size * side) for side in SIZE)
    assert smaller.color.shape == (height, width, 3)
    assert full.color.shape == again.color.shape == (SIZE[1], SIZE[0], 3)
    np.testing.assert_allclose(smaller.view.clip_from_view[0, 0], full.view.clip_from_view[0, 0])
    np.testing.assert_allclose(smaller.color.mean((0, 1)), full.color.mean((0, 1)), atol=0.02)
    np.testing.assert_array_equal(again.color, full.color)


def test_what_says_nothing_new_is_not_asked(asking: Asking) -> None:
    assert asking.at(1.0) is not None
    assert [asking.at(1.0 + 0.25 * i) for i in range(1, 5)] == [None] * 4
    assert len(asking.plates["street"].views) == 1  # nor drawn


def test_a_busy_frame_leaves_its_request_to_the_next(camera: RequestCamera, engine: Gpu) -> None:
    """The wall's picture comes first; but where every frame is busy, one in four asks."""
    spent_s = [0.04]
    asking = Asking(camera, engine, replace(SETTINGS, busy_s=0.03), clock=lambda: 1.0 + spent_s[0])
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


def test_a_request_that_fails_is_asked_again(camera: RequestCamera, engine: Gpu, monkeypatch: Any) -> None:
    """Whichever half it was; the pictures that there are stay meanwhile."""
    asking, down = Asking(camera, engine), camera.bring_down

    def failing(*_: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(camera, "bring_down", failing)
    asking.executor.run(asking.requests.plan(asking.looking(), 1.0))
    engine.finish()
    asking.executor.run(asking.requests.plan(asking.looking(), 1.04))
    assert asking.requests.finished(asking.executor.pictures) is None
    assert dict(asking.executor.failures) == {"request, brought down": 1}
    monkeypatch.setattr(camera, "bring_down", down)
    answers = []
    for step in range(6):  # after its back-off
        asking.executor.run(asking.requests.plan(asking.looking(), 2.0 + 0.11 * step))
        answers.append(asking.requests.finished(asking.executor.pictures))
        engine.finish()
        time.sleep(0.05)
    assert any(answers)
