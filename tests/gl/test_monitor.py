"""An operator's monitor: what its tools draw on light that is known, and that with none of them it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vpengine.compose.jobs import MonitorSide, ShowMonitor
from vpengine.compose.monitor import BANDS, DEFAULTS, Monitor, luminance_shown_at
from vpengine.control import monitor
from vpengine.frames.frame_input import NO_DIP
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.target import Texture
from vpengine.gpu.transfer import upload
from vpengine.gpu.view_lut import ViewLut
from vpengine.view.glyphs import dots

Image = NDArray[Any]

WIDTH, HEIGHT = SIZE = (320, 180)
GREY = 0.18


class Shown:
    """Draws one monitor over light from arrays (height, width, 3), row 0 at the top."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu, self.lut, self.monitor = gpu, ViewLut(gpu), Monitor(gpu)
        self.target = gpu.target(SIZE, dtype="f1")

    def texture(self, light: Image) -> Texture:
        return upload(self.gpu.context, np.dstack([light, np.ones(light.shape[:2])]).astype(np.float16))

    def __call__(
        self,
        left: Image,
        right: Image | None = None,
        *,
        matte: Image | None = None,
        mattes: tuple[int, int] = (0, 0),
        seen: float = 1.0,
        line: str = "",
        number: int = 0,
        **controls: float,
    ) -> Image:
        """(height, width, 3) uint8, row 0 at the top."""
        values = {**DEFAULTS, **{f"/vp/monitor/{name}": value for name, value in controls.items()}}
        sides = (MonitorSide("left", mattes[0]), MonitorSide("right", mattes[1]))
        job = ShowMonitor(
            name="monitor", camera="1", size=SIZE, seen=seen, dip=NO_DIP, sides=sides, matte=None, line=line,
            number=number, controls=values,
        )  # fmt: skip
        lights = self.texture(left), self.texture(left if right is None else right)
        keyed = None
        if matte is not None:
            color = self.texture(np.repeat(matte[..., None], 3, axis=2))
            keyed = type("Keyed", (), {"matte": type("Target", (), {"color": color})})
        self.gpu.begin_frame()
        self.monitor.draw(self.target, job, lights, keyed, self.lut.texture)
        return self.read()

    def developed(self, light: Image, seen: float = 1.0) -> Image:
        self.lut.develop(self.target, self.texture(light), shown=seen)
        return self.read()

    def read(self) -> Image:
        out = np.empty((HEIGHT, WIDTH, 4), np.uint8)
        self.target.color.read_into(out.data.cast("B"), alignment=1)
        return out[::-1, :, :3].copy()


@pytest.fixture
def shown(engine: Gpu) -> Iterator[Shown]:
    made = Shown(engine)
    yield made
    made.monitor.release()
    made.lut.release()
    made.target.release()


def plain(light: float) -> Image:
    return np.full((HEIGHT, WIDTH, 3), light)


def scene() -> Image:
    """Something everywhere: colours from black to beyond white."""
    rng = np.random.default_rng(7)
    return np.exp2(rng.uniform(-9.0, 6.0, (HEIGHT, WIDTH, 3)))


def ramp(low: float, high: float) -> tuple[Image, NDArray[np.float64]]:
    """Grey by columns, in stops about 18 percent, as half floats hold it; and those stops."""
    stops = np.linspace(low, high, WIDTH)
    light = (GREY * np.exp2(stops)).astype(np.float16).astype(np.float64)
    return np.tile(light[None, :, None], (HEIGHT, 1, 3)), np.log2(light / GREY)


def code(color: tuple[float, ...]) -> NDArray[np.int64]:
    return np.round(np.array(color) * 255.0).astype(np.int64)


@pytest.mark.parametrize("seen", [1.0, 1.0 / 1.3])
def test_with_no_tool_it_is_the_developed_picture_bit_for_bit(shown: Shown, seen: float) -> None:
    light = scene()
    np.testing.assert_array_equal(shown(light, seen=seen), shown.developed(light, seen))


@pytest.mark.parametrize(
    "controls",
    [{"split/with": 2}, {"zebra": 100.0}, {"peaking/on": 1.0, "peaking/threshold": 0.5}, {"freeze": 1.0, "onion": 0.5}],
)
def test_a_tool_that_finds_nothing_changes_nothing(shown: Shown, controls: dict[str, float]) -> None:
    """Whichever program draws it."""
    light = plain(0.3)
    expected = shown.developed(light)
    made = shown(light, **controls)
    made[:, WIDTH // 2 - 1 : WIDTH // 2 + 1] = expected[:, WIDTH // 2 - 1 : WIDTH // 2 + 1]  # the split's own line
    np.testing.assert_array_equal(made, expected)


# Which stop is which colour, in words: what a chart of camera makers says of the anchors, and the order of the rest.
ANCHORS = {-7.0: 0, -5.0: 1, -4.0: 2, -3.0: 3, -2.0: 4, -1.0: 5, 0.0: 6, 1.0: 7, 2.0: 8, 3.0: 9, 4.0: 10, 5.0: 11}


@pytest.mark.parametrize(("stop", "number"), [*ANCHORS.items(), (6.0, 12), (7.0, 13)])
def test_each_stop_has_its_colour(shown: Shown, stop: float, number: int) -> None:
    made = shown(plain(GREY * 2.0**stop), **{"false_color/on": 1.0})
    assert np.abs(made[20, 20] - code(BANDS[number])).max() <= 1


def test_the_anchors_are_as_camera_makers_have_them() -> None:
    """Purple is crushed, green is grey, pink is skin a stop above it, yellow is nearly clipped, red is."""
    purple, green, pink, yellow, red = (BANDS[at] for at in (0, 6, 7, 12, 13))
    assert purple[2] > purple[0] > purple[1]
    assert green[1] > 2.0 * max(green[0], green[2])
    assert pink[0] > pink[2] > pink[1]
    assert min(yellow[:2]) > 4.0 * yellow[2]
    assert red[0] > 8.0 * max(red[1:])


def test_bands_of_a_ramp_meet_half_a_stop_from_their_middles(shown: Shown) -> None:
    light, stops = ramp(-7.4, 5.4)
    row = shown(light, **{"false_color/on": 1.0})[2]
    numbers = np.clip(np.floor(stops + 0.5).astype(int) + 6, 0, 11)
    sure = np.abs(stops + 0.5 - np.round(stops + 0.5)) > 0.01
    expected = np.array([code(band) for band in BANDS])[numbers]
    assert np.abs(row[sure] - expected[sure]).max() <= 1
    assert sure.mean() > 0.9


def test_clipped_is_where_the_operator_says(shown: Shown) -> None:
    light, stops = ramp(0.0, 4.0)
    row = shown(light, **{"false_color/on": 1.0, "false_color/clip": 2.5})[2]
    is_red = np.abs(row - code(BANDS[13])).max(axis=1) <= 1
    is_yellow = np.abs(row - code(BANDS[12])).max(axis=1) <= 1
    np.testing.assert_array_equal(is_red, stops >= 2.5)
    np.testing.assert_array_equal(is_yellow, (stops >= 1.5) & (stops < 2.5))


def test_exposure_is_judged_on_luminance_and_on_light(shown: Shown) -> None:
    """Pure green has 0.674 of a grey's luminance (ACEScg); the view would make something else of it."""
    light = np.zeros((HEIGHT, WIDTH, 3))
    light[..., 1] = GREY / 0.6740817658
    assert np.abs(shown(light, **{"false_color/on": 1.0})[20, 20] - code(BANDS[6])).max() <= 1


def test_the_scale_stands_at_the_right_edge_in_the_same_colours(shown: Shown) -> None:
    made = shown(plain(GREY), **{"false_color/on": 1.0})
    column = made[:, WIDTH - 12].astype(int)  # half way across the scale
    found = [int(np.abs(column - code(band)).max(axis=1).argmin()) for band in BANDS]
    for band, row in zip(BANDS, found, strict=True):
        assert np.abs(column[row] - code(band)).max() <= 1
    others = [row for number, row in enumerate(found) if number != 6]  # that colour is all round
    assert others == sorted(others, reverse=True)  # brighter is higher


def test_zebra_is_on_what_is_above_its_threshold_and_on_nothing_else(shown: Shown) -> None:
    light, stops = ramp(-4.0, 5.0)
    made, plainly = shown(light, zebra=70.0), shown(light)
    changed = (made != plainly).any(axis=(0, 2))
    bright = GREY * np.exp2(stops) >= luminance_shown_at(70.0)
    np.testing.assert_array_equal(changed, bright)
    striped = (made != plainly).any(axis=2)[:, bright]
    assert 0.3 < striped.mean() < 0.5  # the picture is seen between the stripes
    np.testing.assert_allclose(plainly[0, np.flatnonzero(bright)[0]] / 255.0, 0.7, atol=0.02)


def test_zebra_moves(shown: Shown) -> None:
    first, later = (shown(plain(4.0), zebra=70.0, number=number) for number in (0, 5))
    assert (first != later).any()
    assert abs(float(first.mean()) - float(later.mean())) < 2.0


def test_frame_lines_are_at_the_right_pixels_and_it_is_darker_beyond(shown: Shown) -> None:
    """2.0 in 320 x 180 is 160 high: 10 lines above and below."""
    made, plainly = shown(plain(0.3), **{"frame/aspect": 2.0, "frame/dark": 0.5}), shown(plain(0.3))
    assert (made[:10] < 0.55 * plainly[:10]).all()
    assert (made[170:] < 0.55 * plainly[170:]).all()
    assert (made[[10, 169]] > 200).all()
    assert (made[11:169, [0, -1]] > 200).all()
    np.testing.assert_array_equal(made[11:169, 1:-1], plainly[11:169, 1:-1])


def test_narrow_frames_have_their_lines_left_and_right(shown: Shown) -> None:
    """4:3 in 320 x 180 is 240 wide."""
    made = shown(plain(0.3), **{"frame/aspect": 4.0 / 3.0, "frame/dark": 1.0})
    assert not made[:, :40].any()
    assert not made[:, 280:].any()
    assert (made[:, [40, 279]] > 200).all()


def lines_of(made: Image, plainly: Image) -> tuple[list[int], list[int]]:
    """The columns and rows that are brighter, off the middle's cross."""
    brighter = (made.astype(int) - plainly).min(axis=2) > 10
    return np.flatnonzero(brighter[HEIGHT // 4]).tolist(), np.flatnonzero(brighter[:, WIDTH // 4]).tolist()


def test_safe_areas_are_93_and_90_percent(shown: Shown) -> None:
    """SMPTE ST 2046-1: of 320 are 298 and 288, of 180 are 168 (167.4) and 162."""
    made, plainly = shown(plain(0.3), safe_areas=1.0), shown(plain(0.3))
    columns, rows = lines_of(made, plainly)
    assert columns == [11, 16, 303, 308]
    assert rows == [6, 9, 170, 173]
    assert made[HEIGHT // 4, 11, 0] > made[HEIGHT // 4, 16, 0]  # action is the clearer one


def test_safe_areas_are_those_of_the_frame(shown: Shown) -> None:
    made, plainly = (shown(plain(0.3), **{"frame/aspect": 1.0, "frame/dark": 0.0, **more}) for more in
                     ({"safe_areas": 1.0}, {}))  # fmt: skip
    columns, _ = lines_of(made, plainly)
    assert columns == [WIDTH // 2 - 84, WIDTH // 2 - 81, WIDTH // 2 + 80, WIDTH // 2 + 83]


def test_the_cross_is_in_the_middle(shown: Shown) -> None:
    changed = (shown(plain(0.3), cross=1.0) != shown(plain(0.3))).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max()) == (83, 96)
    assert (columns.min(), columns.max()) == (153, 166)
    assert changed[89:91].sum() == 2 * 14  # two lines thick
    np.testing.assert_array_equal(changed, changed[::-1, ::-1])


def test_the_split_has_one_left_and_the_other_right(shown: Shown) -> None:
    made = shown(plain(0.1), plain(1.0), **{"split/with": 2, "split/at": 0.25})
    np.testing.assert_array_equal(made[:, :79], shown(plain(0.1))[:, :79])
    np.testing.assert_array_equal(made[:, 81:], shown(plain(1.0))[:, 81:])


def half_matte() -> Image:
    matte = np.zeros((HEIGHT, WIDTH))
    matte[:, WIDTH // 2 :] = 1.0
    return matte


def test_the_matte_is_shown_as_grey(shown: Shown) -> None:
    made = shown(plain(0.3), matte=half_matte(), mattes=(1, 1), **{"false_color/on": 1.0})
    assert not made[:, : WIDTH // 2].any()
    assert (made[:, WIDTH // 2 : WIDTH - 40] == 255).all()  # a matte has no exposure; the scale is at the edge


def test_the_matte_is_shown_over_the_picture_in_red(shown: Shown) -> None:
    made, plainly = shown(plain(0.3), matte=half_matte(), mattes=(2, 2)), shown(plain(0.3))
    np.testing.assert_array_equal(made[:, : WIDTH // 2 - 1], plainly[:, : WIDTH // 2 - 1])
    red = made[10, -10].astype(int)
    assert red[0] > plainly[10, -10, 0]
    assert max(red[1:]) < 0.7 * red[0]


def test_what_is_frozen_stays_until_it_is_frozen_anew(shown: Shown) -> None:
    first, second, third = scene(), plain(0.05), plain(2.0)
    frozen = {"freeze": 1.0, "split/with": monitor.FROZEN, "split/at": 0.0}
    kept = shown.developed(first)
    shown(first, freeze=1.0)
    np.testing.assert_allclose(shown(second, **frozen)[:, 1:].astype(int), kept[:, 1:], atol=1)
    np.testing.assert_allclose(shown(third, **frozen)[:, 1:].astype(int), kept[:, 1:], atol=1)
    np.testing.assert_array_equal(shown(third, **{**frozen, "freeze": 0.0}), shown(third))  # it is gone
    shown(second, freeze=1.0)
    np.testing.assert_array_equal(shown(third, **frozen)[:, 1:], shown(second)[:, 1:])


def test_all_of_it_is_frozen_however_far_it_is_enlarged_and_with_no_tool_over_it(shown: Shown) -> None:
    light = scene()
    kept = shown.developed(light)
    shown(light, **{"freeze": 1.0, "zoom/times": 4.0, "cross": 1.0, "false_color/on": 1.0})
    made = shown(plain(1.0), **{"freeze": 1.0, "split/with": monitor.FROZEN, "split/at": 0.0})
    np.testing.assert_allclose(made[:, 1:].astype(int), kept[:, 1:], atol=1)


def test_the_onion_mixes_light(shown: Shown) -> None:
    shown(plain(0.1), freeze=1.0)
    np.testing.assert_allclose(
        shown(plain(0.5), freeze=1.0, onion=0.25).astype(int), shown(plain(0.4)).astype(int), atol=1
    )


def test_the_difference_is_black_where_nothing_moved(shown: Shown) -> None:
    moved = plain(0.2)
    moved[:, :100] = 0.9
    shown(plain(0.2), freeze=1.0)
    made = shown(moved, freeze=1.0, difference=1.0)
    assert not made[:, 100:].any()
    expected = shown(plain(0.9)).astype(int) - shown(plain(0.2)).astype(int)
    np.testing.assert_allclose(made[:, :99].astype(int), expected[:, :99], atol=1)


def test_it_is_enlarged_about_the_place(shown: Shown) -> None:
    """At 2, a quarter of the picture; what is at the place stays there."""
    light = plain(0.02)
    light[45:90, 80:160] = 1.0  # that is about it, from its left upper corner on
    bright = shown(light, **{"zoom/times": 2.0, "zoom/x": 0.25, "zoom/y": 0.25})[..., 1] > 100
    rows, columns = np.nonzero(bright[: HEIGHT - 20])  # the line of text is below
    assert abs(int(columns.min()) - 80) <= 1
    assert abs(int(columns.max()) - 239) <= 1
    assert abs(int(rows.min()) - 45) <= 1
    assert abs(int(rows.max()) - 134) <= 1


def test_peaking_finds_a_sharp_edge_and_not_a_soft_one(shown: Shown) -> None:
    """Both are two stops high, one of them over 40 pixels."""
    columns = np.arange(WIDTH)
    stops = np.where(columns < 80, 0.0, 2.0) - 2.0 * np.clip((columns - 200) / 40.0, 0.0, 1.0)
    light = np.tile((0.1 * np.exp2(stops))[None, :, None], (HEIGHT, 1, 3))
    made, plainly = shown(light, **{"peaking/on": 1.0, "peaking/color": 1}), shown(light)
    changed = np.flatnonzero((made != plainly).any(axis=(0, 2)))
    assert changed.tolist() == [79, 80]
    green = list(monitor.PEAKING_COLORS.values())[1]
    assert np.abs(made[50, 79] - code(green)).max() <= 1


def test_peakings_threshold_is_contrast(shown: Shown) -> None:
    light = plain(0.5)
    light[:, 100:] = 1.0  # a stop: 0.057 of ACEScct
    lit = [(shown(light, **{"peaking/on": 1.0, "peaking/threshold": at}) != shown(light)).any() for at in (0.05, 0.065)]
    assert lit == [True, False]


def test_peaking_is_not_about_what_is_in_the_dark(shown: Shown) -> None:
    """A stop at six below grey is the camera's noise."""
    light = plain(GREY / 64.0)
    light[:, 100:] *= 2.0
    np.testing.assert_array_equal(shown(light, **{"peaking/on": 1.0}), shown(light))


def test_the_line_can_be_read(shown: Shown) -> None:
    """Dot for dot, where a dot is a pixel; REC in red."""
    made = shown(plain(0.3), line="CAM 1  T2.8  10:20:30;12  REC").astype(int)
    at = dots("CAM 1  T2.8  10:20:30;12  ")
    inked = made[HEIGHT - 4 - 7 : HEIGHT - 4, 8 : 8 + at.shape[1], 1] > 160
    np.testing.assert_array_equal(inked, at)
    rec = made[HEIGHT - 11 : HEIGHT - 4, 8 + 6 * 26 : 8 + 6 * 29 - 1]
    np.testing.assert_array_equal((rec[..., 0] > 200) & (rec[..., 1] < 80), dots("REC"))
    np.testing.assert_array_equal(made[: HEIGHT - 20], shown(plain(0.3))[: HEIGHT - 20])
