"""The delay between tracker and picture: found to a quarter of a frame, said how surely, refused where it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from vpengine.capture.motion import shift_between, small
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags
from vpengine.tracking.moves import MOVES, Move
from vpengine.view.camera import camera_view
from vpengine.view.delay import Delay, Shift, Track, found_delay
from vpengine.view.lens import Lens
from vpengine.view.pose import Pose

RATE, SIZE = 24.0, (640, 360)
LENS = Lens((24.89, 14.0), 32.0)
FOCAL_PX = 32.0 / 24.89 * SIZE[0]
MARKERS_M = np.array([(x, 4.0, z) for x in (-1.2, -0.4, 0.3, 1.1) for z in (0.7, 1.5, 2.3)])


def shifts(move: Move, delay_s: float, seconds: float, noise_px: float = 0.1, seed: int = 1) -> list[Shift]:
    """What markers 4 m off shift in the picture, drawn by the engine's own projection."""
    rng, found = np.random.default_rng(seed), []
    times = np.arange(0.0, seconds, 1.0 / RATE) + 1.5
    before = None
    for time_s in times:
        view = camera_view(move(time_s - delay_s) or Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)), LENS, SIZE)
        clip = np.c_[MARKERS_M, np.ones(len(MARKERS_M))] @ view.clip_from_stage.T
        at = clip[:, :2] / clip[:, 3:] * (SIZE[0] / 2, -SIZE[1] / 2)
        if before is not None:
            right, down = np.median(at - before, axis=0) + rng.normal(0.0, noise_px, 2)
            found.append(Shift(float(time_s - 1.0 / RATE), float(time_s), float(right), float(down)))
        before = at
    return found


def track(move: Move, seconds: float) -> Track:
    times = np.arange(0.0, seconds + 2.0, 1.0 / 120.0)
    return Track(times, [move(time_s) or Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)) for time_s in times])


@pytest.mark.parametrize("frames", [0.0, 0.4, 1.0, 2.5, 4.0, 7.3, 12.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_delay_is_found_to_a_quarter_frame(frames: float, seed: int) -> None:
    move = MOVES["handheld"](seed)
    found = found_delay(shifts(move, frames / RATE, 8.0, seed=seed), track(move, 8.0), FOCAL_PX)
    assert found.fault == ""
    assert abs(found.delay_s - frames / RATE) < 0.25 / RATE
    assert found.within_s < 0.25 / RATE
    assert abs(found.delay_s - frames / RATE) < 2.0 * found.within_s


def test_a_focal_length_that_is_off_changes_no_delay() -> None:
    move = MOVES["handheld"](4)
    found = found_delay(shifts(move, 0.1, 8.0), track(move, 8.0), 1.4 * FOCAL_PX)
    assert abs(found.delay_s - 0.1) < 0.25 / RATE


def test_noise_makes_it_less_sure() -> None:
    move = MOVES["handheld"](5)
    quiet, loud = (found_delay(shifts(move, 0.1, 8.0, noise), track(move, 8.0), FOCAL_PX) for noise in (0.05, 0.8))
    assert loud.within_s > 4.0 * quiet.within_s


def refused(name: str, seconds: float = 8.0, other: str | None = None) -> Delay:
    move = MOVES[name](1)
    return found_delay(shifts(move, 0.1, seconds), track(MOVES[other or name](9), seconds), FOCAL_PX)


def test_what_cannot_be_found_says_why() -> None:
    assert "hardly moves" in refused("still").fault
    assert "does not follow the tracker's" in refused("handheld", other="handheld").fault
    assert "pictures that could be measured; 24 are needed" in refused("handheld", 0.5).fault


def test_a_move_that_repeats_itself_is_not_trusted() -> None:
    def shaken(time_s: float) -> Pose:
        turn = 0.02 * np.sin(2.0 * np.pi * 3.0 * time_s)
        return Pose((0.0, 0.0, 1.6), (0.0, 0.0, float(np.sin(turn / 2)), float(np.cos(turn / 2))))

    assert "repeats itself" in found_delay(shifts(shaken, 0.1, 8.0), track(shaken, 8.0), FOCAL_PX).fault


def picture(right: float, down: float, seed: int = 2) -> CapturedFrame:
    rng = np.random.default_rng(seed)
    texture: NDArray[np.float64] = ndimage.gaussian_filter(rng.uniform(0.0, 255.0, (400, 700)), 2.0)
    texture = 40.0 + 8.0 * (texture - texture.mean()) / texture.std()
    moved = ndimage.shift(texture, (down, right), order=3)[20:380, 20:660] + rng.normal(0.0, 1.0, (360, 640))
    planes = (np.clip(moved, 0, 255).astype(np.uint8), *(np.full((180, 320), 128, np.uint8),) * 2)
    return CapturedFrame(planes, FORMATS["yuv420p"], SIZE, Tags(), 0.0)


@pytest.mark.parametrize("moved", [(0.0, 0.0), (3.0, -2.0), (0.7, 0.4), (-11.3, 6.6)])
def test_a_picture_s_shift_is_measured(moved: tuple[float, float]) -> None:
    (before, times), (after, _) = small(picture(0.0, 0.0)), small(picture(*moved))
    found = shift_between(before, after)
    assert found is not None
    assert np.array(found) * times == pytest.approx(moved, abs=0.35)


def test_nothing_is_recognised_in_another_picture() -> None:
    rng = np.random.default_rng(5)
    assert shift_between(rng.normal(0.0, 0.1, (120, 213)), rng.normal(0.0, 0.1, (120, 213))) is None


@pytest.mark.parametrize("kind", ["yuv420p", "nv12", "rgb24"])
def test_an_actor_who_fills_most_of_the_picture_is_painted_out(kind: str) -> None:
    """Two markers on what is left of a green screen; he moves the other way, and has far more to see."""
    rng = np.random.default_rng(6)
    cloth = ndimage.gaussian_filter(rng.normal(0.0, 1.0, (180, 320)), 2.0)
    rows, columns = np.mgrid[:180, :320] + 0.5

    def taken(right: float) -> CapturedFrame:
        screen = 110.0 - 0.1 * rows
        for x, y in ((30.0, 50.0), (55.0, 120.0)):
            screen -= 30.0 * np.exp(-(((columns - x - right) ** 2 + (rows - y) ** 2) / 12.0))
        moved = 90.0 + 25.0 * ndimage.shift(cloth / cloth.std(), (0.5, -3.0 * right), mode="wrap")
        actor = columns > 95.0 - 3.0 * right
        luma = np.where(actor, moved, screen) + rng.normal(0.0, 0.8, screen.shape)
        if kind == "rgb24":
            tint = np.where(actor[..., None], (1.3, 0.9, 0.6), (0.4, 1.4, 0.5))
            planes = (np.clip(luma[..., None] * tint, 0.0, 255.0).astype(np.uint8),)
        else:
            pairs = [np.where(actor[::2, ::2], *of).astype(np.uint8) for of in ((110, 85), (150, 80))]
            chroma = (np.stack(pairs, axis=-1),) if kind == "nv12" else tuple(pairs)
            planes = (np.clip(luma, 0.0, 255.0).astype(np.uint8), *chroma)
        return CapturedFrame(planes, FORMATS[kind], (320, 180), Tags("bt709", "limited"), 0.0)

    found = shift_between(small(taken(0.0))[0], small(taken(1.3))[0])
    assert found is not None
    assert np.array(found) == pytest.approx((1.3, 0.0), abs=0.12)
