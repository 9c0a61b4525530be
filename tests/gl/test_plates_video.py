"""Clips on cards: which picture at which playhead, in which colours, hung where it was shot; and on a running stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.capturing import counted_film, shade
from tests.unit.test_image_tags import png
from vpengine.app import App, RunOptions
from vpengine.cli.film import read_take
from vpengine.frames.captured import FORMATS, CapturedFrame, Tags, rgb_of
from vpengine.frames.feed import Feed
from vpengine.gpu.gpu import Gpu
from vpengine.gpu.input_space import input_space
from vpengine.gpu.target import Target
from vpengine.gpu.transfer import download
from vpengine.plates.clip_card import ClipCard
from vpengine.plates.sequence import Sequence, SequenceSettings
from vpengine.plates.still import Still, StillSettings
from vpengine.plates.video import Video, VideoSettings
from vpengine.player import Player
from vpengine.view.lens import clip_from_view_symmetric
from vpengine.view.pose import Pose, view_from_stage
from vpengine.view.view import View

SIZE = (64, 36)
SHOW = """\
version = 1
show.name = "x"
[[scene]]
slug = "a"
plate = {kind = "video", file = "clip.mkv"}
"""
AHEAD = View(view_from_stage(Pose((0.0, 0.0, 1.6))), clip_from_view_symmetric(40.0, 16 / 9), SIZE)


def light_of(number: int) -> float:
    """Of a counted film's picture: scene-linear, in each of ACEScg's channels, by the numpy twins of the shader."""
    planes = tuple(
        np.full(shape, shade(number) if n == 0 else 128, np.uint8) for n, shape in enumerate([(2, 2)] + [(1, 1)] * 2)
    )
    frame = CapturedFrame(planes, FORMATS["yuv420p"], (2, 2), Tags("bt709", "limited", "bt709"), 0.0)
    return float(input_space("Camera Rec.709").acescg(rgb_of(frame))[0, 0, 0])


def at(gpu: Gpu, plate: ClipCard, playhead: Fraction) -> NDArray[Any]:
    """(height, width, 3)"""
    target = Target(gpu.context, SIZE, depth=True)
    plate.follow(playhead, wait=True)
    plate.draw(target, replace(AHEAD, playhead=playhead))
    pixels = download(target.color)[..., :3].astype(np.float32)
    target.release()
    return pixels


def up(gpu: Gpu, plate: Any) -> Any:
    while plate.upload(gpu):
        pass
    return plate


def grey_film(path: Path, count: int, rate: Fraction = Fraction(25)) -> Path:
    """A counted film without colour: its chroma is 128."""
    return counted_film(path, count, rate, grey=True)


@pytest.mark.parametrize("loop", [True, False])
def test_the_playhead_says_which_picture(engine: Gpu, tmp_path: Path, loop: bool) -> None:
    """One of 25 a second on ticks of 60, twice through; without a loop the last one stays."""
    plate = up(engine, Video(VideoSettings(file=grey_film(tmp_path / "a.mkv", 6), loop=loop)))
    for tick in range(0, 30, 2):
        place = tick * 25 // 60
        number = place % 6 if loop else min(place, 5)
        assert at(engine, plate, Fraction(tick, 60)).mean() == pytest.approx(light_of(number), rel=0.01, abs=1e-4)
        assert plate.since(Fraction(tick, 60)) == Fraction(min(place, place if loop else 5), 25)
    assert plate.trouble() is None
    plate.release()


def test_a_rate_of_its_own_plays_it_slower(engine: Gpu, tmp_path: Path) -> None:
    plate = up(engine, Video(VideoSettings(file=grey_film(tmp_path / "a.mkv", 6), rate=Fraction(5))))
    assert at(engine, plate, Fraction(7, 10)).mean() == pytest.approx(light_of(3), rel=0.01)
    plate.release()


def test_images_are_srgb_and_exr_is_linear(engine: Gpu, tmp_path: Path) -> None:
    """A sequence's colours are those of a still of the same file, to half a code value."""
    pattern = np.random.default_rng(1).integers(0, 255, (18, 32, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    for number in (7, 8):
        Image.fromarray(pattern if number == 8 else pattern[::-1]).save(tmp_path / f"s_{number}.png")
        light = (pattern if number == 8 else pattern[::-1]).astype(np.float32) / 64.0
        out, spec = oiio.ImageOutput.create("a.exr"), oiio.ImageSpec(light.shape[1], light.shape[0], 3, "half")
        assert out.open(str(tmp_path / f"s_{number}.exr"), spec)
        assert out.write_image(light)
        out.close()
    for kind in ("png", "exr"):
        still = up(engine, Still(StillSettings(file=tmp_path / f"s_8.{kind}")))
        clip = up(engine, Sequence(SequenceSettings(first=tmp_path / f"s_7.{kind}", rate=Fraction(24))))
        target = Target(engine.context, SIZE, depth=True)
        still.draw(target, AHEAD)
        expected = download(target.color)[..., :3].astype(np.float32)
        found = at(engine, clip, Fraction(1, 24))
        assert np.abs(found - at(engine, clip, Fraction(0))).mean() > 0.05
        assert np.abs(found - expected).max() <= 0.004 * max(expected.max(), 1.0), kind
        assert expected.max() > (1.5 if kind == "exr" else 0.5)
        for made in (still, clip, target):
            made.release()


def code_values(light: NDArray[Any]) -> NDArray[Any]:
    """sRGB's of 8 bits (IEC 61966-2-1)."""
    light = np.clip(light, 0.0, None)
    return 255.0 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1.0 / 2.4) - 0.055)


IMAGES = ("grey.png", "grey.tif", "grey.jpg", "deep.tif", "deep.png", "rgb.tif", "alpha.png")
GAMMAS = {"gamma.png": 45455, "darker.png": 35714}  # of gAMA: 1/2.2, as sRGB is spelled, and 1/2.8


@pytest.mark.parametrize(
    "name", ["grey.png", "grey.tif", "grey.jpg", "deep.tif", "deep.png", "rgb.tif", "alpha.png", *GAMMAS]
)
def test_a_sequence_s_colours_are_those_of_a_still(engine: Gpu, tmp_path: Path, name: str) -> None:
    """A wave from black to white, to a code value: in grey of 8 and 16 bits, by a PNG's gamma, and under alpha."""
    wave = np.clip(127.5 + 160.0 * np.sin(np.linspace(0.0, 8.0 * np.pi, 512)), 0.0, 255.0)
    ramp = np.tile(wave.astype(np.uint8), (288, 1))
    path = tmp_path / f"a_1{Path(name).suffix}"
    if name in GAMMAS:
        png(path, np.stack([ramp] * 3, -1), (b"gAMA", GAMMAS[name].to_bytes(4, "big")))
    elif name == "alpha.png":  # clear and half clear below, with colours that nobody is to see
        alpha = np.full_like(ramp, 255)
        alpha[100:200], alpha[200:] = 128, 0
        Image.fromarray(np.stack([ramp, ramp, ramp, alpha], -1)).save(path)
    elif name == "rgb.tif":
        Image.fromarray(np.stack([ramp] * 3, -1)).save(path)
    else:
        Image.fromarray(ramp.astype(np.uint16) * 257 if "deep" in name else ramp).save(path)
    still = up(engine, Still(StillSettings(file=path)))
    clip = up(engine, Sequence(SequenceSettings(first=path, rate=Fraction(24))))
    target = Target(engine.context, SIZE, depth=True)
    still.draw(target, AHEAD)
    expected = download(target.color)[..., :3].astype(np.float32)
    assert expected.min() < 0.002
    assert expected.max() > 0.9
    off = code_values(at(engine, clip, Fraction(0))) - code_values(expected)
    assert np.abs(off).max() <= 1.2
    for made in (still, clip, target):
        made.release()


@pytest.mark.parametrize("distance_m", [6.0, 300.0])
@pytest.mark.parametrize("horizon", [0.5, 0.3])
def test_with_the_lens_that_took_it_it_is_seen_as_it_was_taken(
    engine: Gpu, tmp_path: Path, distance_m: float, horizon: float
) -> None:
    """From 1.2 m high through the same lens, level: the horizon's row lies on the view's axis, and the picture's edges
    on the view's, however far its card is.
    """
    rows = np.zeros((90, 160, 3), np.uint8)
    rows[: round(90 * horizon)] = 255
    rows[:, :4], rows[:, -4:] = (255, 0, 0), (255, 0, 0)
    Image.fromarray(rows).save(tmp_path / "a.png")
    lens = {"horizontal_fov_deg": 40.0, "eye_height_m": 1.2, "horizon": horizon}
    settings = StillSettings.model_validate(
        {"file": tmp_path / "a.png", "distance_m": distance_m, "lens": lens, "beyond": "color"}
    )
    plate = up(engine, Still(settings))
    target = Target(engine.context, (160, 90), depth=True)
    clip = clip_from_view_symmetric(40.0, 16 / 9)
    plate.draw(target, View(view_from_stage(Pose((0.0, 0.0, 1.2))), clip, target.size))
    seen = download(target.color)[..., :3].astype(np.float32)
    assert seen[44, 80].min() > 0.5
    assert seen[46, 80].max() < 0.1
    inside = 47 if horizon == 0.5 else 60
    assert seen[inside, 1, 0] > 3.0 * seen[inside, 1, 2]
    assert seen[inside, 158, 0] > 3.0 * seen[inside, 158, 2]
    assert abs(seen[inside, 6]).max() < 0.1
    plate.release()
    target.release()


def test_a_lens_and_a_width_are_one_too_many(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    lens = {"horizontal_fov_deg": 40.0, "eye_height_m": 1.2, "horizon": 0.5}
    with pytest.raises(ValueError, match="found beside lens"):
        StillSettings.model_validate({"file": tmp_path / "a.png", "width_m": 3.0, "lens": lens})


def test_a_clip_on_the_walls_keeps_its_cadence_and_is_drawn_again_from_its_take(
    small_stage: Path, tmp_path: Path, make_show: Callable[[App], Any]
) -> None:
    """Twelve pictures a second on ticks of 24, from the first frame: each for two, inside the frustum and around it.
    Drawn again from the take they are the same, bit for bit.
    """
    grey_film(small_stage.parent / "clip.mkv", 8, Fraction(12))
    show = small_stage.parent / "clip.toml"
    show.write_text(SHOW)
    text = small_stage.read_text(encoding="utf-8").replace("port = 9000", "port = 0").replace("= 9001", "= 0")
    small_stage.write_text(text, encoding="utf-8")
    folder, seen = tmp_path / "take", []
    options = RunOptions(small_stage, show=show, headless=True, unpaced=True, log_folder=folder, remember=False)
    with App(options) as app:
        running = make_show(app)
        wall = next(str(feed) for feed in app.loop.feeds if feed.kind == "wall")
        for _ in range(24):
            running.frames(1)
            seen.append(running.pixels(wall).copy())
    for tick in range(1, 24):
        same = np.array_equal(seen[tick], seen[tick - 1])
        assert same == (tick % 2 == 1), tick
        assert tick < 16 or np.array_equal(seen[tick], seen[tick - 16])
    corner, middle = (np.array([each[place].mean() for each in seen]) for place in (np.s_[:4, :4], np.s_[30:34, 60:64]))
    assert np.ptp(corner) > 20.0
    assert np.ptp(middle) > 20.0
    with Player(folder, read_take(folder)) as player:
        for frame, expected in zip(player.frames(), seen, strict=True):
            drawn = player.draw(frame, [Feed("wall", wall.removeprefix("wall:"))])[wall]
            assert np.array_equal(download(drawn.color)[::-1, :, :3], expected)


def test_a_film_that_goes_away_before_it_is_loaded_has_a_placeholder(
    small_stage: Path, make_show: Callable[[App], Any]
) -> None:
    film = grey_film(small_stage.parent / "clip.mkv", 8)
    show = small_stage.parent / "clip.toml"
    show.write_text(SHOW)
    app = App(RunOptions(small_stage, show=show, headless=True, unpaced=True, remember=False))
    film.write_bytes(b"gone")
    with app:
        make_show(app).frames(3)
        assert 'clip "clip.mkv": cannot be opened' in next(iter(app.loop.locations.faults.values()))
