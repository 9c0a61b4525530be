"""The surround on the GPU: what no keyframe shows is shown as the faces round a station saw it, checked by depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.pillar_room import SIZE, SNOW, Layer, pixels, plate_picture, room
from tests.surround_sources import sources
from vpengine.compose.surround import FADE_S, Surrounds
from vpengine.frames.grade_table import neutral_grade
from vpengine.frames.images import ImageSet
from vpengine.frames.keyframe import Keyframe, Request, SurroundFace, Timings
from vpengine.frames.look import Look
from vpengine.frames.pixels import Pixels
from vpengine.frames.provenance import Provenance
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.transfer import download
from vpengine.view.color import acescct_from_linear
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.reproject import gather_surround
from vpengine.view.surround import FACES, surround_view

PX = 128
EYE_M = (0.2, -0.1, 1.5)
PLAIN = Look("test", plain=True)


def look_of(color_cct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A change that depends on the place alone: gain and bias."""
    return 0.5 + 0.5 * color_cct, np.full_like(color_cct, 0.3)


def face(
    number: int, look: Look = SNOW, station: int = 0, eye_m: tuple[float, float, float] = EYE_M, epoch: int = 0
) -> Keyframe:
    """Of the room; another look than SNOW darkens all of it."""
    view = surround_view(np.array(eye_m), number, PX)
    color, depth_m = room(view)
    gain, bias = look_of(acescct_from_linear(color))
    if look != SNOW:
        gain, bias = np.full_like(gain, 0.4), np.zeros_like(bias)
    noise = np.zeros(depth_m.shape, np.float16)
    plate = ImageSet.of(color.astype(np.float16), depth_m.astype(np.float32), noise, view, Provenance("plate:room"))
    request = Request(number, epoch, "room", plate, look, 0.0, face=SurroundFace(station, number))
    made = (Pixels(plane.astype(np.float16)) for plane in (gain, bias))
    return Keyframe(request, *made, neutral_grade(), Provenance("test"), Timings(0.0, 0.0, 0.0))


@pytest.fixture
def surrounds(engine: Gpu):
    made = Surrounds(engine, PX, 3)
    yield made
    made.release()


def settled(surrounds: Surrounds, look: Look = SNOW, since_s: float = 0.0) -> None:
    surrounds.enter("room", look)
    for step in range(20):
        surrounds.advance(since_s + step * 0.1)


def errors(engine: Gpu, surrounds: Surrounds, pose: Pose) -> np.ndarray:
    """Of what a layer without keyframes shows, against the look on the true view, in ACEScct.

    Within 8 m, and in the sky: farther off a texel of such a face is metres of floor.
    """
    layer = Layer(engine, (96, 54), SIZE, surrounds=surrounds, location="room")
    plate = plate_picture(engine, pose)
    shown, cct = acescct_from_linear(pixels(layer.show(plate, 10.0, 1.0))), acescct_from_linear(pixels(plate))
    gain, bias = look_of(cct)
    depth_m = download(plate.depth)[..., 0]
    return np.abs(shown - (gain * cct + bias)).max(axis=-1)[(depth_m < 8.0) | np.isinf(depth_m)]


@pytest.mark.parametrize("pan_deg", range(-180, 180, 45))
@pytest.mark.parametrize("tilt_deg", [-50.0, 0.0, 60.0])
def test_all_round_it_is_where_it_was_seen(engine: Gpu, surrounds: Surrounds, pan_deg: float, tilt_deg: float) -> None:
    """Known answer, from somewhere else than the station, whichever way the camera looks."""
    for number in range(FACES):
        surrounds.add(face(number), 0.0)
    settled(surrounds)
    assert surrounds.coverage("room") == 1.0
    error = errors(engine, surrounds, from_opentrackio((0.5, 0.3, 1.7), pan_deg, tilt_deg, 3.0))
    assert np.median(error) < 0.004
    assert np.percentile(error, 90) < 0.03


def test_what_its_station_does_not_see_is_left_to_the_grade(engine: Gpu, surrounds: Surrounds) -> None:
    """Behind the pillar: the plate, as there is no grade here. With a second station that sees it, that."""
    for number in range(FACES):
        surrounds.add(face(number), 0.0)
    settled(surrounds)
    aside = from_opentrackio((3.0, 2.0, 1.6), 30.0, 0.0, 0.0)
    before = errors(engine, surrounds, aside)
    for number in range(FACES):
        surrounds.add(face(number, station=1, eye_m=(3.0, 2.0, 1.5)), 3.0)
    settled(surrounds, since_s=3.0)
    after = errors(engine, surrounds, aside)
    assert np.mean(before > 0.1) > 0.02
    assert np.mean(after > 0.1) < 0.2 * np.mean(before > 0.1)


@pytest.mark.parametrize("pan_deg", [-50.0, 20.0, 100.0])
@pytest.mark.parametrize("flat", [False, True], ids=["what it shows", "where it is known"])
def test_gpu_equals_numpy_twin(engine: Gpu, surrounds: Surrounds, flat: bool, pan_deg: float) -> None:
    """Two stations, one without two of its faces, a face of each half believed.

    Flat: all faces show one colour, so that only what is known makes a difference.
    """
    half = Look("test", (("snow", 0.7),))  # believed for half where SNOW is wanted
    faces = [face(number, half if number == 3 else SNOW) for number in (0, 1, 3, 5)]
    faces += [face(number, half if number == 0 else SNOW, 1, (2.0, 1.5, 1.3)) for number in range(FACES)]
    if flat:
        plane = np.zeros((PX, PX, 3), np.float16)
        faces = [replace(each, gain=Pixels(plane), bias=Pixels(plane + np.float16(0.9))) for each in faces]
    for each in faces:
        surrounds.add(each, 0.0)
    settled(surrounds)
    layer = Layer(engine, (96, 54), SIZE, surrounds=surrounds, location="room")
    plate = plate_picture(engine, from_opentrackio((0.5, 0.3, 1.7), pan_deg, -15.0, 3.0))
    shown, cct = acescct_from_linear(pixels(layer.show(plate, 10.0, 1.0))), acescct_from_linear(pixels(plate))
    gathered = gather_surround(plate.view, download(plate.depth)[..., 0], sources(surrounds, faces, plate.view))
    known = gathered.known[..., None]
    difference = np.abs(shown - known * (gathered.gain * cct + gathered.bias) - (1.0 - known) * cct)
    assert gathered.known.max() > 0.9 > 0.6 > gathered.known.min()
    # A texel whose depth lies on the test's bound may fall to either side in single precision.
    assert (difference.max(axis=-1) > 0.004).mean() < 0.004
    assert np.median(difference) < 5e-4


def test_it_fades_in_and_another_look_takes_its_trust(engine: Gpu, surrounds: Surrounds) -> None:
    stamps = [surrounds.stamp("room")]
    for number in range(FACES):
        surrounds.add(face(number), 0.0)
    surrounds.advance(0.0)
    assert not surrounds.shows("room")
    surrounds.advance(0.5 * FADE_S)
    assert surrounds.coverage("room") == pytest.approx(0.5)
    settled(surrounds, since_s=1.0)
    stamps.append(surrounds.stamp("room"))
    settled(surrounds, since_s=4.0)
    assert surrounds.stamp("room") == stamps[-1]  # at rest
    settled(surrounds, Look("test", (("snow", 0.9),)), since_s=8.0)
    assert not surrounds.shows("room")
    settled(surrounds, since_s=12.0)
    assert surrounds.coverage("room") == 1.0  # it was only not believed
    settled(surrounds, replace(SNOW, seed=1), since_s=16.0)
    assert not surrounds.shows("room")
    assert surrounds.stamp("room") > stamps[-1] > stamps[0]


def test_a_face_that_comes_anew_is_faded_to(engine: Gpu, surrounds: Surrounds) -> None:
    """No step is larger than its share of the time."""
    ahead = from_opentrackio((0.2, 0.0, 1.5), 0.0, 0.0, 0.0)
    layer = Layer(engine, (96, 54), SIZE, surrounds=surrounds, location="room")
    plate = plate_picture(engine, ahead)
    for number in range(FACES):
        surrounds.add(face(number), 0.0)
    settled(surrounds)
    darker = Look("test", (("snow", 0.55),))
    surrounds.add(face(0, darker), 3.0)
    means = []
    for step in range(15):
        surrounds.advance(3.0 + step * FADE_S / 10.0)
        means.append(float(acescct_from_linear(pixels(layer.show(plate, 10.0, 1.0))).mean()))
    steps = -np.diff(means)
    assert (steps > -1e-4).all()
    assert steps.max() < 0.2 * (means[0] - means[-1])
    assert means[-1] == means[-3] < means[0] - 0.02


def test_a_station_of_another_place_takes_the_room_of_one(engine: Gpu, surrounds: Surrounds) -> None:
    surrounds.add(face(0), 0.0)
    settled(surrounds)
    moved = face(1, eye_m=(4.0, 0.0, 1.5))
    surrounds.add(replace(moved, request=replace(moved.request, location="hall")), 1.0)
    assert not surrounds.shows("room")
    surrounds.advance(5.0)
    assert surrounds.shows("hall")


def test_two_pictures_of_a_face_in_one_frame_leave_no_textures_behind(
    engine: Gpu, surrounds: Surrounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, texture = [], engine.texture
    monkeypatch.setattr(engine, "texture", lambda *asked: (made.append(asked), texture(*asked))[1])
    for number in range(FACES):
        for _ in range(2):
            surrounds.add(face(number), 0.1 * number)
        surrounds.advance(0.1 * number)
    assert len(made) == 2 * 2  # gain and bias of two; each is used again


def test_a_station_in_anothers_place_never_has_its_stamp(surrounds: Surrounds) -> None:
    """The outer walls would go on showing the one that is gone."""
    seen = []
    for x_m in (0.0, 1.0, 2.0):
        surrounds.add(face(0, eye_m=(x_m, 0.0, 1.5)), 0.0)
        settled(surrounds)
        seen.append(surrounds.stamp("room"))
    assert len(set(seen)) == 3


def test_a_station_at_rest_costs_nothing_until_something_is_otherwise(
    surrounds: Surrounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame asks how far looks agree only while that may change something; an old one that comes back is believed."""
    asked: list[Look] = []
    agreement = Look.agreement
    monkeypatch.setattr(Look, "agreement", lambda self, other: asked.append(self) or agreement(self, other))
    for number in range(FACES):
        surrounds.add(face(number), 0.0)
    settled(surrounds)
    asked.clear()
    settled(surrounds, since_s=3.0)
    assert asked == []
    settled(surrounds, Look("test", (("snow", 0.9),)), since_s=6.0)
    assert asked
    assert not surrounds.shows("room")
    settled(surrounds, since_s=9.0)
    assert surrounds.coverage("room") == 1.0
