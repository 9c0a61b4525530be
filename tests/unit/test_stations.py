"""Stations: which face is made next, without OpenGL."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from vpengine.compose.stations import APART_M, UNDER_WAY, Stations, WantedFace
from vpengine.frames.frame_input import BusState, CameraState, FrameInput, Tick
from vpengine.frames.keyframe import SurroundFace
from vpengine.frames.look import Look
from vpengine.view.lens import Lens
from vpengine.view.light import DAY
from vpengine.view.pose import Pose, from_opentrackio
from vpengine.view.surround import FACES, surround_directions

HOME_M = (0.0, 0.0, 1.5)
HERE = Pose((0.0, 0.0, 1.6))
LENS = Lens((24.89, 14.0), 24.0)
SNOW, MORE_SNOW = (Look("weather", (("snow", value),)) for value in (0.5, 1.0))
PLAIN = Look("weather", (("snow", 0.0),), plain=True)


def frame(
    pose: Pose = HERE, look: Look = SNOW, location: str = "street", epoch: int = 0, time_s: float = 0.0
) -> FrameInput:
    camera = CameraState(pose, pose, LENS, 0.0)
    bus = BusState("day", location, look=look)
    return FrameInput(Tick(0, time_s, Fraction(24)), {"1": camera}, {"program": bus}, {}, epoch)


def made(stations: Stations, at: FrameInput, most: int = 100) -> list[WantedFace]:
    """Faces until none is wanted any more."""
    found: list[WantedFace] = []
    while len(found) < most and (wanted := stations.wanted(at)) is not None:
        found.append(wanted)
        stations.note(wanted.face, at.epoch, at.program.look)
    return found


def test_all_are_made_once_those_first_that_the_camera_looks_towards() -> None:
    pan_deg = -80.0  # to the right
    faces = made(Stations(HOME_M, 64, 4), frame(from_opentrackio((0.0, 0.0, 1.6), pan_deg, -10.0, 0.0)))
    assert len(faces) == FACES
    assert {wanted.face.station for wanted in faces} == {0}
    forward = np.array([np.sin(np.radians(80.0)), np.cos(np.radians(80.0)), np.tan(np.radians(-10.0))])
    towards = [float(surround_directions()[wanted.face.face] @ forward) for wanted in faces]
    assert towards == sorted(towards, reverse=True)
    for wanted in faces:
        np.testing.assert_allclose(wanted.view.origin_m, HOME_M, atol=1e-9)
        looks_along = wanted.view.stage_from_view[:3, :3] @ [0.0, 0.0, -1.0]
        np.testing.assert_allclose(looks_along, surround_directions()[wanted.face.face], atol=1e-9)


@pytest.mark.parametrize(
    "changed", [{"look": MORE_SNOW}, {"epoch": 1}, {"location": "hall"}], ids=["look", "epoch", "location"]
)
def test_another_look_epoch_or_location_is_made_anew(changed: dict[str, object]) -> None:
    stations = Stations(HOME_M, 64, 4)
    assert len(made(stations, frame())) == FACES
    assert stations.wanted(frame(**changed)) is not None  # type: ignore[arg-type]
    assert len(made(stations, frame(**changed))) == FACES  # type: ignore[arg-type]


def test_a_location_that_comes_back_is_remembered() -> None:
    stations = Stations(HOME_M, 64, 4)
    made(stations, frame())
    made(stations, frame(location="hall"))
    assert stations.wanted(frame()) is None


def test_the_plate_itself_needs_no_surround() -> None:
    assert Stations(HOME_M, 64, 4).wanted(frame(look=PLAIN)) is None


def test_a_camera_that_travels_gets_stations_on_its_way() -> None:
    """Never farther than APART_M from one; the outer's own stays, and those that were left go."""
    stations = Stations(HOME_M, 64, 3)
    rooms: dict[int, tuple[float, ...]] = {}
    for step in range(60):
        x_m = 0.2 * step
        at = frame(Pose((x_m, 0.0, 1.6)), time_s=0.5 * step)
        for wanted in made(stations, at):
            rooms[wanted.face.station] = tuple(wanted.view.origin_m)
        assert min(np.linalg.norm(np.subtract(eye, (x_m, 0.0, 1.6))) for eye in rooms.values()) <= APART_M + 1e-6
        assert any(np.allclose(eye, HOME_M) for eye in rooms.values())
    assert len(rooms) == 3


def test_what_is_lost_is_asked_again_and_nothing_else() -> None:
    stations = Stations(HOME_M, 64, 4)
    faces = made(stations, frame())
    stations.forget()
    again = made(stations, frame())
    assert {each.face for each in again} == {each.face for each in faces[-UNDER_WAY:]}


def test_what_was_asked_twice_is_under_way_since_the_second_time() -> None:
    stations = Stations(HOME_M, 64, 4)
    *_, first, second, third = (each.face for each in made(stations, frame()))
    other = SurroundFace(0, next(index for index in range(FACES) if index not in (first.face, second.face, third.face)))
    for face in (first, other):
        stations.note(face, 0, SNOW)
    stations.forget()
    assert {each.face for each in made(stations, frame())} == {third, first, other}


def test_a_refresh_makes_all_anew() -> None:
    stations = Stations(HOME_M, 64, 4)
    made(stations, frame())
    stations.refresh()
    assert len(made(stations, frame())) == FACES


def test_two_cameras_have_their_stations() -> None:
    near, far = Pose((0.0, 0.0, 1.6)), Pose((4.0, 0.0, 1.6))
    both = replace(frame(), cameras={n: CameraState(pose, pose, LENS, 0.0) for n, pose in (("1", near), ("2", far))})
    assert {wanted.face.station for wanted in made(Stations(HOME_M, 64, 4), both)} == {0, 1}


def test_with_one_room_home_stays() -> None:
    """A camera far away does not take the outer's own from it, again and again."""
    stations = Stations(HOME_M, 64, 1)
    faces = made(stations, frame(Pose((9.0, 0.0, 1.6))))
    assert len(faces) == FACES
    np.testing.assert_allclose(faces[0].view.origin_m, HOME_M)


AWAY_M = (4.0, 0.0, 1.5)


def restored(stations: Stations, at: FrameInput, eye_m: tuple[float, ...] = HOME_M, faces: int = FACES) -> int | None:
    made = dict.fromkeys(range(faces), (at.epoch, at.program.look, DAY))
    return stations.restore(at.program.target, np.array(eye_m), made, at.tick.display_time_s)


def test_what_another_run_made_is_not_made_again() -> None:
    """Until the look or the epoch is another one, or a refresh makes all anew."""
    stations = Stations(HOME_M, 64, 4)
    near_home_m = tuple(np.add(HOME_M, 1e-9))  # as a View's matrix has it
    assert restored(stations, frame(), near_home_m) == 0
    assert stations.wanted(frame()) is None
    stations.forget()
    assert stations.wanted(frame()) is None
    assert len(made(stations, frame(look=MORE_SNOW))) == FACES
    restored(stations, frame())
    assert made(stations, frame()) == []
    assert len(made(stations, frame(epoch=1))) == FACES
    restored(stations, frame())
    stations.refresh()
    assert len(made(stations, frame())) == FACES


def test_what_of_it_is_lacking_is_made() -> None:
    stations = Stations(HOME_M, 64, 4)
    restored(stations, frame(), faces=4)
    assert {wanted.face.face for wanted in made(stations, frame())} == set(range(4, FACES))


def test_while_its_look_comes_on_nothing_is_made_in_its_place() -> None:
    """A dissolve takes the look there over many frames; what rests elsewhere is another picture, and made."""
    stations = Stations(HOME_M, 64, 4)
    made(stations, frame(look=MORE_SNOW))
    restored(stations, frame(look=SNOW))
    for snow in (1.0, 0.9, 0.7, 0.5):
        assert stations.wanted(frame(look=Look("weather", (("snow", snow),)))) is None
    assert made(stations, frame(look=SNOW)) == []
    restored(stations, frame(look=SNOW))
    assert stations.wanted(frame(look=MORE_SNOW)) is None
    assert len(made(stations, frame(look=MORE_SNOW))) == FACES


def test_it_takes_the_place_of_what_is_under_way() -> None:
    """A failure of the generator does not have it asked again."""
    stations = Stations(HOME_M, 64, 4)
    made(stations, frame(look=MORE_SNOW))
    restored(stations, frame())
    stations.forget()
    assert stations.wanted(frame()) is None


def test_its_stations_have_rooms_of_the_book() -> None:
    """Each its own, the same when it comes again; where a frame uses all of them, none."""
    stations = Stations(HOME_M, 64, 2)
    assert restored(stations, frame()) == 0
    assert restored(stations, frame(), AWAY_M) == 1
    assert restored(stations, frame(), (9.0, 0.0, 1.5)) is None
    later = frame(time_s=1.0)
    assert (restored(stations, later, AWAY_M), restored(stations, later)) == (1, 0)
    there = Pose((4.0, 0.0, 1.6))
    assert made(stations, frame(there, time_s=2.0)) == []


def test_where_the_plate_moves_the_oldest_face_is_made_anew_when_it_is_old() -> None:
    stations = Stations(HOME_M, 64, 4)
    for wanted in made(stations, frame(time_s=10.0)):
        stations.note(wanted.face, 0, SNOW, 10.0 + 0.1 * wanted.face.face)
    assert stations.wanted(frame(time_s=11.9), moves=True) is None
    again = stations.wanted(frame(time_s=12.05), moves=True)
    assert again is not None
    assert again.face.face == 0
    assert again.view.time_s == 12.05
    assert stations.wanted(frame(time_s=20.0)) is None


def test_while_a_look_moves_every_face_has_its_turn() -> None:
    """Not only those that the camera looks towards; and when it has come to rest, all are made with it."""
    stations, made_at = Stations(HOME_M, 64, 4), dict.fromkeys(range(FACES), 0.0)
    made(stations, frame())
    for step in range(1, 60):
        time_s, look = 20.0 + 0.3 * step, Look("weather", (("snow", 0.01 * step),))
        wanted = stations.wanted(frame(look=look, time_s=time_s))
        assert wanted is not None
        stations.note(wanted.face, 0, look, time_s)
        made_at[wanted.face.face] = time_s
        if step > 2 * FACES:
            assert time_s - min(made_at.values()) < 0.3 * (FACES + 1)
    assert len(made(stations, frame(look=look, time_s=40.0))) == FACES - 1


def test_where_a_turn_takes_long_every_face_has_its_own_too() -> None:
    """A slow generator, or two stations: after a while those seldom made are the ones that are farthest off."""
    stations, away = Stations(HOME_M, 64, 4), Pose((4.0, 0.0, 1.6))
    asked = {wanted.face: 0 for wanted in made(stations, frame(away))}
    for step in range(1, 100):
        time_s, look = 20.0 + 1.5 * step, Look("weather", (("snow", 0.01 * step),))
        wanted = stations.wanted(frame(away, look, time_s=time_s))
        assert wanted is not None
        stations.note(wanted.face, 0, look, time_s)
        asked[wanted.face] = step
    assert len(asked) == 2 * FACES
    assert 99 - min(asked.values()) < 3 * FACES


def test_in_a_dissolve_the_location_that_goes_keeps_its_room() -> None:
    stations = Stations(HOME_M, 64, 2)
    made(stations, frame(time_s=1.0))
    made(stations, frame(Pose((9.0, 0.0, 1.6)), time_s=2.0))  # the second room is the street's too
    going = frame(time_s=3.0)
    state = BusState("night", "street", "hall", 0.3, look=SNOW)
    rooms = {wanted.face.station for wanted in made(stations, replace(going, buses={"program": state}))}
    assert rooms == {1}
    assert stations.wanted(frame(time_s=4.0)) is None  # and back: it has all of it


def beside(standby: BusState, time_s: float = 0.0, epoch: int = 0) -> FrameInput:
    at = frame(time_s=time_s, epoch=epoch)
    return replace(at, buses={**at.buses, "preview": standby})


def made_ahead(stations: Stations, at: FrameInput) -> list[WantedFace]:
    found: list[WantedFace] = []
    while len(found) < 100 and (wanted := stations.wanted_standby(at)) is not None:
        found.append(wanted)
        stations.note(wanted.face, at.epoch, at.buses["preview"].look)
    return found


def test_what_stands_by_elsewhere_is_made_round_home_and_takes_nobodys_room() -> None:
    """Whatever the epoch is; on the walls it has all of it."""
    stations, hall = Stations(HOME_M, 64, 3), BusState("hall", "hall", look=MORE_SNOW)
    camera = Pose((5.0, 0.0, 1.6))
    made(stations, frame(camera))
    assert len(made_ahead(stations, beside(hall))) == FACES
    assert stations.wanted_standby(beside(hall, epoch=1)) is None
    assert stations.wanted(frame(location="hall", look=MORE_SNOW, time_s=1.0)) is None
    assert stations.wanted(frame(camera, time_s=2.0)) is None
    full = Stations(HOME_M, 64, 2)
    made(full, frame(camera))
    assert made_ahead(full, beside(hall, 5.0)) == [], "both rooms are the program's"


@pytest.mark.parametrize(
    "standby",
    [
        BusState("snow", "street", look=MORE_SNOW),
        BusState("hall", "hall", look=PLAIN),
        BusState("hall", "hall", look=MORE_SNOW, baked=True),
        BusState("hall", "hall", look=MORE_SNOW, may_go=False),
    ],
    ids=["on the walls", "plain", "baked", "not approved"],
)
def test_what_stands_by_and_is_not_made_ahead(standby: BusState) -> None:
    assert made_ahead(Stations(HOME_M, 64, 3), beside(standby)) == []
