"""Requests: what is drawn for a generator, and when a frame asks for a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vpengine.compose.request import RequestCamera, Requests, RequestSettings
from vpengine.frames.frame_input import CameraState, FrameInput, ProgramState, Tick
from vpengine.frames.keyframe import Request
from vpengine.frames.look import Look, look_from
from vpengine.gpu.gpu import Gpu
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
def camera(gpu: Any) -> Iterator[RequestCamera]:
    made = RequestCamera(Gpu(gpu), SIZE)
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
    assert all(part.flags.c_contiguous for part in (images.color, images.depth_m, images.noise))
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


SETTINGS = RequestSettings(SIZE, 15.0, 0.1)


class Asking:
    """Requests with their plates; ``at`` is one frame."""

    def __init__(self, camera: RequestCamera) -> None:
        self.plates = {"street": Directions(), "hall": Directions(0.5)}
        self.requests = Requests(camera, SETTINGS)
        state = CameraState(HERE, THERE, LENS, 0.01)
        self.frame = FrameInput(
            tick=Tick(0, 0.0, Fraction(24)),
            cameras={"a": state},
            program=ProgramState("dawn", "street"),
            controls={},
            epoch=4,
        )
        self.look = look_from("weather", {"fog": 0.5})

    def at(self, time_s: float, **changes: Any) -> Request | None:
        self.frame = replace(self.frame, **changes)
        asked = (self.frame, self.plates, self.look, "a", time_s)
        assert self.requests.next(*asked) is None  # one frame draws the plate, the next brings it down
        return self.requests.next(*asked)

    def stand_at(self, pose: Pose) -> None:
        self.frame = replace(self.frame, cameras={"a": CameraState(HERE, pose, LENS, 0.01)})


@pytest.fixture
def asking(camera: RequestCamera) -> Asking:
    return Asking(camera)


def test_a_request_is_for_where_the_camera_will_be(asking: Asking) -> None:
    """Its View is that of the request pose, 15 percent wider on each side; its plate was drawn at that View."""
    request = asking.at(7.0)
    assert request is not None
    expected = camera_view(THERE, LENS, SIZE, 15.0)
    assert request.plate.view.same_as(expected)
    assert asking.plates["street"].views == [request.plate.view]
    assert (request.number, request.epoch, request.place, request.camera) == (1, 4, "street", "a")
    assert (request.look, request.submitted_s) == (asking.look, 7.0)


def test_what_says_nothing_new_is_not_asked(asking: Asking) -> None:
    assert asking.at(1.0) is not None
    assert [asking.at(1.0 + 0.25 * i) for i in range(1, 5)] == [None] * 4
    assert len(asking.plates["street"].views) == 1  # nor drawn


def test_a_busy_frame_leaves_its_request_to_the_next(camera: RequestCamera) -> None:
    """The wall's picture comes first; but where every frame is busy, one in four asks."""
    asking, spent_s = Asking(camera), [0.04]
    asking.requests = Requests(camera, replace(SETTINGS, busy_s=0.03), clock=lambda: 1.0 + spent_s[0])
    begun = []
    for _ in range(8):
        asked = (asking.frame, asking.plates, asking.look, "a", 1.0)
        answer = asking.requests.next(*asked)
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
        arguments = (asking.frame, asking.plates, asking.look, "a", time_s)
        if asking.requests.next(*arguments) is not None:
            asked.append(frame)
    assert 98 <= len(asked) <= 101
    assert set(np.diff(asked)) == {2, 3}


@pytest.mark.parametrize("change", ["pose", "look", "seed", "epoch", "place", "coming place"])
def test_anything_new_is_asked_again(asking: Asking, change: str) -> None:
    assert asking.at(1.0) is not None
    changes: dict[str, Any] = {}
    if change == "pose":
        asking.stand_at(HERE)
    elif change == "look":
        asking.look = look_from("weather", {"snow": 0.1})
    elif change == "seed":
        asking.look = look_from("weather", {"fog": 0.5}, seed=1)
    elif change == "epoch":
        changes["epoch"] = 5
    else:
        program = ProgramState("hall", "hall"), ProgramState("hall", "street", "hall", 0.5)
        changes["program"] = program[change == "coming place"]
    again = asking.at(2.0, **changes)
    assert again is not None
    assert again.number == 2
    if "place" in change:
        assert again.place == "hall"
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
    fog, asking.look = asking.look, Look("weather")
    assert asking.at(1.0) is None
    asking.look = fog
    assert asking.at(2.0) is not None
    asking.look = Look("weather")
    plain = asking.at(3.0)
    assert plain is not None
    assert plain.look.plain
    asking.stand_at(HERE)
    assert asking.at(4.0) is None


def test_a_plain_look_is_asked_again_when_its_answer_was_lost(asking: Asking) -> None:
    """Or the wall would stay in the fog for ever."""
    assert asking.at(1.0) is not None
    asking.look = Look("weather")
    assert asking.at(2.0) is not None
    asking.requests.forget()
    again = asking.at(3.0)
    assert again is not None
    assert again.look.plain
    assert asking.at(4.0) is None


def halves(asking: Asking, begin_s: float, hand_over_s: float, **changes: Any) -> Request | None:
    """One frame draws the plate, a later one, in which something may have changed, would hand it over."""
    assert asking.requests.next(asking.frame, asking.plates, asking.look, "a", begin_s) is None
    asking.frame = replace(asking.frame, **changes)
    return asking.requests.next(asking.frame, asking.plates, asking.look, "a", hand_over_s)


def test_a_half_made_request_is_good_for_the_next_frame_only(asking: Asking) -> None:
    """Live was off in between: what was drawn then is not handed over with its old time, but drawn again."""
    assert halves(asking, 1.0, 5.0) is None  # too old: this frame draws it anew
    request = asking.requests.next(asking.frame, asking.plates, asking.look, "a", 5.04)
    assert request is not None
    assert request.submitted_s == 5.0
    asking.stand_at(HERE)
    assert asking.requests.next(asking.frame, asking.plates, asking.look, "a", 6.0) is None
    asking.requests.skip()  # a frame in which nothing may be asked
    assert asking.requests.next(asking.frame, asking.plates, asking.look, "a", 6.08) is None
    request = asking.requests.next(asking.frame, asking.plates, asking.look, "a", 6.12)
    assert request is not None
    assert request.submitted_s == 6.08


def test_a_half_made_request_asks_what_is_wanted_when_it_is_handed_over(asking: Asking) -> None:
    """The plate is the same for all looks; another place's is not."""
    asking_fog, asking.look = asking.look, look_from("weather", {"fog": 0.5})
    assert asking.requests.next(asking.frame, asking.plates, asking_fog, "a", 1.0) is None
    asking.look = look_from("weather", {"snow": 1.0}, seed=3)
    asking.frame = replace(asking.frame, epoch=9)
    request = asking.requests.next(asking.frame, asking.plates, asking.look, "a", 1.04)
    assert request is not None
    assert (request.look, request.epoch) == (asking.look, 9)
    assert halves(asking, 2.0, 2.04, program=ProgramState("hall", "hall")) is None
    request = asking.requests.next(asking.frame, asking.plates, asking.look, "a", 2.08)
    assert request is not None
    assert request.place == "hall"
    assert request.plate.color.max() < 1.0
