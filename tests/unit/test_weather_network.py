"""The shipped weather network keeps its contract, and does to a small synthetic scene what its faders say."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.numpy import load_file

import vpengine.neural
from vpengine.neural.weather import FADERS
from vpengine.view.color import acescct_from_linear, linear_from_acescct, luminance
from vpengine.view.noise import detail_noise

WEIGHTS = Path(vpengine.neural.__file__).parent / "weights"
ONNX_FILE, SAFETENSORS_FILE, CARD = (WEIGHTS / f"weather.{kind}" for kind in ("onnx", "safetensors", "md"))
Planes = dict[str, NDArray[np.float32]]
HEIGHT, WIDTH, FOCAL_PX, EYE_M, WALL_M = 144, 256, 220.0, 1.6, 14.0
GROUND, WALL, SKY = np.s_[110:140, 40:216], np.s_[40:66, 40:216], np.s_[0:8, 40:216]


@cache
def session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(ONNX_FILE), options, providers=["CPUExecutionProvider"])


def look(**faders: float) -> NDArray[np.float32]:
    return np.array([[faders.get(name, 0.0) for name in FADERS]], np.float32)


@cache
def street() -> Planes:
    """Level ground and a wall 14 m away under an open sky, all of an 18 percent grey in soft light."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5 - WIDTH / 2, HEIGHT / 2 - np.arange(HEIGHT) - 0.5)
    depth = np.where(y < 0.0, np.minimum(EYE_M * FOCAL_PX / np.maximum(-y, 1e-3), WALL_M), WALL_M)
    depth = np.where(y * WALL_M / FOCAL_PX > 3.8, np.inf, depth)
    position = np.stack([x / FOCAL_PX, np.ones_like(x), y / FOCAL_PX], -1) * np.minimum(depth, 1000.0)[..., None]
    noise = detail_noise(position, np.minimum(depth, 1000.0) / FOCAL_PX)
    texture = 0.18 * (0.8 + 0.4 * noise)
    linear = np.where(np.isinf(depth)[..., None], [0.5, 0.6, 0.8], texture[..., None] * np.ones(3) * 0.8)
    return {
        "color": np.moveaxis(acescct_from_linear(linear), -1, 0)[None],
        "inverse_depth": (1.0 / depth).astype(np.float32)[None, None],
        "noise": noise.astype(np.float32)[None, None],
    }


def answer(planes: Planes, asked: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) ACEScct."""
    gain, bias = session().run(None, {**planes, "look": asked})
    return np.moveaxis((gain * planes["color"] + bias)[0], 0, -1)


def level(picture: NDArray[np.float32], where: tuple[slice, slice]) -> float:
    return float(luminance(linear_from_acescct(picture[where])).mean())


def plain() -> NDArray[np.float32]:
    return np.moveaxis(street()["color"][0], 0, -1)


def test_inputs_outputs_and_opset_are_the_contract() -> None:
    model = onnx.load(ONNX_FILE)
    assert [opset.version for opset in model.opset_import if opset.domain in ("", "ai.onnx")] == [17]
    assert [(i.name, i.shape[:2], i.type) for i in session().get_inputs()] == [
        ("color", [1, 3], "tensor(float)"),
        ("inverse_depth", [1, 1], "tensor(float)"),
        ("noise", [1, 1], "tensor(float)"),
        ("look", [1, 6], "tensor(float)"),
    ]
    assert [(o.name, o.shape[:2], o.type) for o in session().get_outputs()] == [
        ("gain", [1, 3], "tensor(float)"),
        ("bias", [1, 3], "tensor(float)"),
    ]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (40, 72), (272, 480), (360, 640)])
def test_any_multiple_of_eight_is_taken(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    planes = {
        name: rng.random((1, count, height, width), np.float32)
        for name, count in (("color", 3), ("inverse_depth", 1), ("noise", 1))
    }
    gain, bias = session().run(None, {**planes, "look": look(snow=1.0)})
    assert gain.shape == bias.shape == (1, 3, height, width)


def test_size_and_number_of_parameters() -> None:
    assert ONNX_FILE.stat().st_size <= 8 * 2**20
    assert SAFETENSORS_FILE.stat().st_size <= 8 * 2**20
    assert 300_000 <= sum(weight.size for weight in load_file(SAFETENSORS_FILE).values()) <= 2_000_000


def test_safetensors_and_onnx_hold_the_same_weights() -> None:
    stored = load_file(SAFETENSORS_FILE)
    in_onnx = {item.name: numpy_helper.to_array(item) for item in onnx.load(ONNX_FILE).graph.initializer}
    assert stored.keys() <= in_onnx.keys()
    for name, weight in stored.items():
        np.testing.assert_array_equal(in_onnx[name], weight, err_msg=name)


def test_the_model_card_is_of_these_files() -> None:
    sums = set(re.findall(r"`([0-9a-f]{64})`", CARD.read_text(encoding="utf-8")))
    assert sums == {hashlib.sha256(path.read_bytes()).hexdigest() for path in (ONNX_FILE, SAFETENSORS_FILE)}


def test_no_look_is_the_identity() -> None:
    assert np.abs(answer(street(), look()) - plain()).max() < 1.0 / 255.0


def test_snow_brightens_the_ground_more_than_the_wall() -> None:
    snowed = answer(street(), look(snow=1.0))
    ground, wall = (level(snowed, where) / level(plain(), where) for where in (GROUND, WALL))
    assert ground > 1.8
    assert ground > 1.4 * wall


def test_night_darkens_everything_and_turns_it_blue() -> None:
    dark = answer(street(), look(night=1.0))
    for where in (GROUND, WALL, SKY):
        assert level(dark, where) < 0.3 * level(plain(), where)
    red, _, blue = linear_from_acescct(dark[GROUND]).mean((0, 1))
    assert blue > 1.3 * red


def test_fog_takes_contrast_from_what_is_far_more_than_from_what_is_near() -> None:
    """Five metres of air, and fourteen. The network leaves what is far 0.75 of the contrast of what is near; the air
    that it was taught (tools/weather_shade.py), as bright as it makes this, 0.6; a veil that knows no depth 1.
    """
    fogged = answer(street(), look(fog=0.7))
    near, far = (fogged[w].std() / plain()[w].std() for w in (np.s_[130:144, 20:236], np.s_[76:84, 20:236]))
    assert far < 0.8 * near


def test_dust_is_warm_and_rain_is_not() -> None:
    tan, wet = (
        linear_from_acescct(answer(street(), look(**{name: 0.8}))[WALL]).mean((0, 1)) for name in ("dust", "rain")
    )
    assert tan[0] > 1.5 * tan[2]
    assert wet[0] < 1.05 * wet[2]


def test_fire_glows_warm_on_walls_more_than_on_the_ground() -> None:
    """Its light comes from low all round."""
    lit, day = (linear_from_acescct(picture) for picture in (answer(street(), look(fire=1.0)), plain()))

    def warmth(light: np.ndarray, where: Any) -> float:
        return float(light[where][..., 0].mean() / light[where][..., 2].mean())

    ground, wall = (warmth(lit, where) / warmth(day, where) for where in (GROUND, WALL))
    assert wall > ground > 1.2
    assert (
        lit[WALL].mean() / day[WALL].mean()
        > lit[GROUND].mean() / day[GROUND].mean()
        > lit[SKY].mean() / day[SKY].mean()
    )


@pytest.mark.parametrize("fader", FADERS)
def test_a_fader_changes_more_the_further_it_is_up(fader: str) -> None:
    changes = [np.abs(answer(street(), look(**{fader: value})) - plain()).mean() for value in (0.0, 0.3, 0.6, 1.0)]
    assert np.all(np.diff(changes) > 0.002)


@pytest.mark.parametrize("value", [0.0, 65504.0])
@pytest.mark.parametrize("inverse_depth", [0.0, 1e9, np.inf])
def test_extremes_stay_finite(value: float, inverse_depth: float) -> None:
    planes = {**street()}
    planes["color"] = acescct_from_linear(np.full_like(planes["color"], value))
    planes["inverse_depth"] = np.full_like(planes["inverse_depth"], inverse_depth)
    for asked in (look(), look(**dict.fromkeys(FADERS, 1.0))):
        assert np.isfinite(answer(planes, asked)).all()


TINTS = ((1.0, 0.96, 0.88), (1.0, 0.62, 0.3), (0.55, 0.75, 1.0), (1.0, 0.25, 0.12))
ALL_LOOKS = [{name: 1.0} for name in FADERS] + [{"snow": 1.0, "night": 1.0}, {"rain": 0.5, "night": 1.0}, {"fog": 0.5}]
LEVELS = np.geomspace(4.0, 8500.0, 10)  # times white, to 47,000 times mid-grey: all of them lights


def with_light(level: float, tint: tuple[float, float, float]) -> Planes:
    """Some of the street, a light before its wall: ``level`` times white in its brightest channel, round (48, 48)."""
    planes = {name: plane[..., 12:108, 76:172].copy() for name, plane in street().items()}
    planes["color"][0, :, 36:60, 36:60] = acescct_from_linear(level * np.array(tint))[:, None, None]
    return planes


@pytest.mark.parametrize("asked", ALL_LOOKS, ids=str)
def test_a_light_is_dimmed_but_neither_inverted_nor_turned_in_hue(asked: dict[str, float]) -> None:
    """Above 3.6 times white a brighter one is never darker, and its hue moves by 10 degrees at most."""
    for tint in TINTS:
        shown = np.array([linear_from_acescct(answer(with_light(at, tint), look(**asked)))[48, 48] for at in LEVELS])
        assert np.all(np.diff(luminance(shown)) > 0.0), "a brighter light is brighter"
        assert np.all(shown[-4:].max(axis=-1) <= 1.02 * LEVELS[-4:]), "none is brighter than it was"
        hue, chroma = hue_deg(shown)
        meant, _ = hue_deg(np.array([tint]))
        turned = np.abs((hue - meant + 180.0) % 360.0 - 180.0)
        assert np.all(turned[chroma > 0.04] < 10.0)


def hue_deg(linear: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Hue in degrees, and chroma, at whatever level: of log-chromaticities, in which a factor is nothing."""
    logs = np.log2(np.maximum(linear, 1e-6))
    a, b = logs[..., 0] - logs[..., 1], 0.5 * (logs[..., 0] + logs[..., 1]) - logs[..., 2]
    return np.degrees(np.arctan2(b, a)), np.hypot(a, b)
